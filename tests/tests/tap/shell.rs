//! The shell, from a pipe and on a terminal.

use std::ffi::OsStr;
use std::fs;

use coracle_tests::network::Family;
use coracle_tests::payload;
use coracle_tests::process::program;
use coracle_tests::terminal::Terminal;

use crate::site::{Site, same};
use crate::support::Ran;

const PROMPT: &str = "Enter your command: ";

#[test]
fn commands_may_come_from_a_pipe() {
    let Some(site) = Site::start(&[]) else { return };
    payload::write_file(&site.here("x"), 1, 100_000).unwrap();
    let script = b"mkdir d\ncd d\nput x &\nwait\nget x y\nls\nsum x\nstats\ndf\nexit\n";
    for family in [Family::V4, Family::V6] {
        let ran = Ran::with_input(&mut site.client_by::<&str>(family, &[]), script).succeeded();
        assert!(ran.text().contains(" x\n") && ran.text().contains(" free of "), "{ran:?}");
        assert!(same(site.here("x"), site.here("y")));
        site.run(&["rm", "d/x", "d"]).succeeded();
        fs::remove_file(site.here("y")).unwrap();
    }
    let failed = Ran::with_input(&mut site.client::<&str>(&[]), b"get nothing\nls\n");
    failed.ended_with(1);
}

/// A shell on a terminal of the host.
fn on_terminal(site: &Site, option: &str) -> Terminal {
    let home = site.local.path().as_os_str();
    let config = ("CORACLE_CONFIG", OsStr::new("/dev/null"));
    let variables = [("HOME", home), ("XDG_STATE_HOME", home), config];
    let (program, server) = (program("coracle").unwrap(), Family::V4.server().to_string());
    let arguments = [&*server, option];
    let start = || Terminal::start(&program, site.local.path(), &arguments, &variables);
    let mut terminal = site.wire.host.on(start);
    terminal.expect(PROMPT);
    terminal
}

#[test]
fn a_person_uses_it_on_a_terminal() {
    let Some(site) = Site::start(&[]) else { return };
    payload::write_file(&site.here("x"), 1, 100_000).unwrap();
    let mut terminal = on_terminal(&site, "--retries=0");
    let steps = [
        ("upload x", "File upload done..."),
        ("ls", " x\n"),
        ("download x y", "Download is finished!"),
        ("download nothing", "No such file found on the server!"),
        ("get x z &", "[1] running"),
        ("wait", "[1] done"),
    ];
    for (line, told) in steps {
        terminal.send(&format!("{line}\n"));
        terminal.expect(told);
        terminal.expect(PROMPT);
    }
    terminal.send("exit\n");
    terminal.expect("Client connection Closed!");
    assert_eq!(terminal.wait().0, 0);
    assert!(same(site.here("x"), site.here("y")) && same(site.here("x"), site.here("z")));
}

#[test]
fn a_session_that_was_closed_meanwhile_is_opened_again() {
    let Some(site) = Site::start(&["--idle-timeout", "1"]) else { return };
    fs::create_dir(site.there("docs")).unwrap();
    fs::write(site.there("docs/a"), "").unwrap();
    let mut terminal = on_terminal(&site, "--verbose");
    terminal.send("cd docs\n");
    terminal.expect(PROMPT);
    // A session that became idle later is closed later.
    let closed = site.session(2).rest();
    assert!(closed.starts_with(b"err timeout"), "{}", closed.escape_ascii());
    terminal.send("ls\n");
    terminal.expect("the server has closed the session; opening a new one");
    terminal.expect(" a\n");
}
