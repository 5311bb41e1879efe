//! The shell in a terminal, against servers that are scripts.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use coracle_tests::terminal::{CTRL_C, CTRL_D, Terminal, UP};
use rustix::process::Signal;
use support::{
    Fake, Peer, Script, crc, download, pattern, receipt, script, staged, tempdir, until,
};
use tempfile::TempDir;

const PROMPT: &str = "Enter your command: ";

/// A shell, its local folder, and the home of its history.
struct Shell {
    terminal: Terminal,
    fake: Fake,
    here: TempDir,
    home: TempDir,
}

impl Shell {
    fn start(scripts: Vec<Script>) -> Self {
        Self::start_with(scripts, &[], &[])
    }

    /// With local files and options.
    fn start_with(scripts: Vec<Script>, files: &[&str], options: &[&str]) -> Self {
        let (fake, here, home) = (Fake::beside(scripts), tempdir().unwrap(), tempdir().unwrap());
        for file in files {
            fs::write(here.path().join(file), file).unwrap();
        }
        let mut terminal = terminal(fake.address, here.path(), home.path(), options);
        terminal.expect(PROMPT);
        Self { terminal, fake, here, home }
    }

    /// Type a line; returns what is printed up to the next prompt.
    #[track_caller]
    fn line(&mut self, line: &str) -> String {
        self.terminal.send(&format!("{line}\n"));
        let shown = self.terminal.expect(PROMPT);
        let (_echo, printed) = shown.split_once('\n').unwrap();
        printed.to_owned()
    }

    /// Leave; every script has run to its end.
    #[track_caller]
    fn exit(mut self) -> (TempDir, TempDir) {
        self.terminal.send("exit\n");
        self.terminal.expect("Client connection Closed!\n");
        assert_eq!(self.terminal.wait(), (0, String::new()));
        self.fake.finish();
        (self.here, self.home)
    }
}

fn terminal(host: SocketAddr, here: &Path, home: &Path, options: &[&str]) -> Terminal {
    let host = host.to_string();
    let arguments = [&[&*host], options].concat();
    let state = home.join("state").into_os_string();
    let config = ("CORACLE_CONFIG", OsStr::new("/dev/null"));
    let variables = [("XDG_STATE_HOME", &*state), ("HOME", home.as_os_str()), config];
    Terminal::start(Path::new(env!("CARGO_BIN_EXE_coracle")), here, &arguments, &variables)
}

/// The session of a shell that is used as `run` says, and left.
fn control(run: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    script(move |peer| {
        peer.greet();
        run(peer);
        peer.exit();
        peer.gone();
    })
}

fn idle() -> Script {
    control(|_| {})
}

#[test]
fn a_person_who_knew_the_ancestor_is_at_home() {
    let mut shell = Shell::start(vec![control(|peer| {
        peer.expect("ls /");
        peer.say("- f 5 0 a.txt\n- d - - docs\nok 2\n");
        peer.expect("rm /a.txt");
        peer.say("err denied no\n");
    })]);
    let listing =
        "f            5 1970-01-01T00:00:00Z a.txt\nd            - -                    docs/\n";
    assert_eq!(shell.line("ls"), listing);
    assert_eq!(shell.line(""), "");
    assert_eq!(shell.line("  # nothing"), "");
    let unknown = shell.line("list");
    let commands: Vec<_> = unknown.lines().collect();
    assert_eq!(commands[0], "Please use one of the following command:");
    for name in ["ls", "stat", "download, get", "upload, put", "lcd", "jobs", "exit, quit"] {
        let line = format!("  {name} ");
        assert!(commands.iter().any(|command| command.starts_with(&line)), "{unknown}");
    }
    assert_eq!(shell.line("rm a.txt"), "coracle: a.txt: no (denied)\n");
    assert!(shell.line("help rm").contains("Remove files or empty folders"));
    assert!(shell.line("download").contains("required"));
    shell.exit();
}

#[test]
fn ctrl_c_drops_a_line_and_ctrl_d_leaves() {
    let mut shell = Shell::start(vec![idle()]);
    shell.terminal.send("rm everything");
    shell.terminal.expect("everything");
    shell.terminal.send(CTRL_C);
    shell.terminal.expect(PROMPT);
    shell.terminal.send(CTRL_D);
    shell.terminal.expect("Client connection Closed!\n");
    assert_eq!(shell.terminal.wait().0, 0);
    shell.fake.finish();
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempdir().unwrap();
    let (code, text) = terminal(address, folder.path(), folder.path(), &[]).wait();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("cannot connect") && !text.contains(PROMPT), "{text}");
}

#[test]
fn there_is_a_folder_here_and_one_there() {
    let mut shell = Shell::start_with(
        vec![control(|peer| {
            peer.expect("stat /docs");
            peer.say("ok d - -\n");
            peer.expect("ls /docs");
            peer.say("ok 0\n");
            peer.expect("stat /docs/a");
            peer.say("ok f 1 -\n");
            peer.expect("rm /b%20c");
            peer.say("ok\n");
            peer.expect("stat /docs");
            peer.say("ok d - -\n");
        })],
        &["x y"],
        &[],
    );
    assert_eq!(shell.line("cd docs"), "");
    assert_eq!(shell.line("pwd"), "/docs\n");
    assert_eq!(shell.line("ls"), "");
    assert!(shell.line("cd a").contains("/docs/a is no folder"));
    assert!(shell.line("cd ../..").contains("leads out of the served folder"));
    assert_eq!(shell.line("cd .."), "");
    assert_eq!(shell.line("rm 'b c'"), "");
    assert_eq!(shell.line("cd -"), "");
    assert_eq!(shell.line("pwd"), "/docs\n");
    assert!(shell.line("lls").ends_with(" x y\n"));
    fs::create_dir(shell.here.path().join("in side")).unwrap();
    assert_eq!(shell.line("lcd in\\ side"), "");
    assert!(shell.line("lpwd").ends_with("/in side\n"));
    assert_eq!(shell.line("lls"), "");
    assert!(shell.line("lcd nowhere").contains("cannot go to nowhere"));
    shell.exit();
}

#[test]
fn ctrl_c_stops_a_transfer_which_is_continued() {
    let bytes = pattern(5000);
    let (first, rest) = (support::data(&bytes[..2000]), bytes.clone());
    let transfers = vec![
        idle(),
        script(move |peer| {
            peer.greet();
            peer.expect("download /big");
            peer.say("ok 5000 5000 -\n");
            peer.say(first);
            peer.gone();
        }),
        script(move |peer| {
            peer.greet();
            peer.expect(&format!("download /big 2000 crc={:08x}", crc(&rest[..2000])));
            peer.say("ok 3000 5000 -\n");
            peer.say([support::data(&rest[2000..]), support::end(&rest[2000..])].concat());
            peer.exit();
        }),
    ];
    let mut shell = Shell::start(transfers);
    shell.terminal.send("download big\n");
    let here = shell.here.path().to_owned();
    until(|| staged(&here).first().is_some_and(|file| fs::metadata(file).unwrap().len() == 2000));
    shell.terminal.send(CTRL_C);
    let told = shell.terminal.expect(PROMPT);
    let how = "coracle: `download -c big` goes on from here\n";
    assert!(told.contains("interrupted") && told.contains(how), "{told}");
    let told = shell.line("download -c big");
    assert!(told.contains("Download is finished!"), "{told}");
    let (here, _home) = shell.exit();
    assert_eq!(fs::read(here.path().join("big")).unwrap(), bytes);
}

#[test]
fn lines_that_are_typed_ahead_are_commands_too() {
    let gone = script(|peer| {
        peer.greet();
        peer.expect("stat /docs");
        peer.say("ok d - -\n");
        peer.exit();
    });
    let mut shell = Shell::start(vec![gone]);
    shell.terminal.send("pwd\ncd docs\npwd\nlp");
    for printed in ["pwd\n/\n", "cd docs\n", "pwd\n/docs\n", "lp"] {
        shell.terminal.expect(printed);
    }
    let here = shell.line("wd");
    assert!(here.contains(&*shell.here.path().to_string_lossy()), "{here}");
    shell.exit();
}

#[test]
fn bytes_that_are_no_text_are_no_end() {
    let mut shell = Shell::start(vec![idle()]);
    shell.terminal.send_bytes(b"rm \xff");
    shell.terminal.expect("the line is not UTF-8");
    shell.terminal.expect(PROMPT);
    assert_eq!(shell.line("pwd"), "/\n");
    shell.exit();
}

#[test]
fn what_was_typed_is_kept_between_runs() {
    let shell = Shell::start(vec![idle()]);
    let mut shell = shell;
    assert_eq!(shell.line("pwd"), "/\n");
    assert_eq!(shell.line("cd"), "");
    let (here, home) = shell.exit();
    let file = home.path().join("state/coracle/history");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let fake = Fake::beside(vec![idle()]);
    let mut again = terminal(fake.address, here.path(), home.path(), &[]);
    again.expect(PROMPT);
    for expected in ["exit", "cd", "pwd"] {
        again.send(UP);
        again.expect(&format!("{PROMPT}{expected}"));
    }
    again.send("\n");
    again.expect("\n/\n");
    again.expect(PROMPT);
    again.send("history\n");
    again.expect("    1  pwd\n    2  cd\n    3  exit\n    4  pwd\n    5  history\n");
    again.expect(PROMPT);
    again.send("quit\n");
    assert_eq!(again.wait().0, 0);
    fake.finish();
}

#[test]
fn a_history_that_cannot_be_kept_is_no_failure() {
    let fake = Fake::beside(vec![idle()]);
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("state"), "a file").unwrap();
    let mut shell = terminal(fake.address, folder.path(), folder.path(), &["-v"]);
    assert!(shell.expect(PROMPT).contains("the history is not kept"));
    shell.send("pwd\n");
    assert!(!shell.expect(PROMPT).contains("history"));
    shell.send("exit\n");
    assert_eq!(shell.wait().0, 0);
    fake.finish();
}

/// The session of one lookup.
fn lookup(folder: &'static str, reply: &'static str) -> Script {
    control(move |peer| {
        peer.expect(&format!("ls {folder}"));
        peer.say(reply);
    })
}

#[test]
fn commands_options_and_names_are_completed() {
    let listing = "- f 1 - re%20port%20one\n- f 1 - re%20port%1b\n- d - - over\nok 3\n";
    let scripts = vec![
        idle(),
        lookup("/", listing),
        lookup("/over", "- f 1 - it's\nok 1\n"),
        lookup("/", listing),
    ];
    let mut shell = Shell::start_with(scripts, &["local one", "local two"], &[]);
    let terminal = &mut shell.terminal;
    let mut typed = |keys: &str, expected: &str| {
        terminal.send(keys);
        terminal.expect(&format!("{PROMPT}{expected}"));
        terminal.send(CTRL_C);
        terminal.expect(PROMPT);
    };
    typed("dow\t", "download ");
    typed("download --cont\t", "download --continue ");
    typed("help lc\t", "help lcd ");
    typed("put loc\tt\t", "put local\\ two ");
    typed("lls 'local o\t", "lls local\\ one ");
    typed("get re\t", "get re\\ port\\ one ");
    typed("get over/\t", "get over/it\\'s ");
    typed("cd o\t", "cd over/");
    terminal.send("put local\t");
    terminal.expect("local one");
    terminal.expect("local two");
    terminal.expect(&format!("{PROMPT}put local\\ "));
    terminal.send(CTRL_C);
    terminal.expect(PROMPT);
    shell.exit();
}

#[test]
fn a_server_that_says_nothing_does_not_hold_the_prompt() {
    let silent = script(|peer| {
        peer.greet();
        peer.expect("ls /");
        peer.gone();
    });
    let mut shell = Shell::start(vec![idle(), silent]);
    let begun = Instant::now();
    shell.terminal.send("get x\ty");
    // What is typed meanwhile is seen when the lookup has been given up.
    shell.terminal.expect("get xy");
    assert!(begun.elapsed() < Duration::from_secs(8), "{begun:?}");
    shell.terminal.send(CTRL_C);
    shell.terminal.expect(PROMPT);
    assert_eq!(shell.line("pwd"), "/\n");
    shell.exit();
}

#[test]
fn a_session_that_the_server_closed_is_opened_again_in_the_same_folder() {
    let closing = script(|peer| {
        peer.greet();
        peer.expect("stat /docs");
        peer.say("ok d - -\nerr timeout 300 s without a command\n");
        // The end of the stream may come much later.
        peer.gone();
    });
    let again = control(|peer| {
        peer.expect("ls /docs");
        peer.say("- f 1 - a\nok 1\n");
    });
    let mut shell = Shell::start(vec![closing, again]);
    assert_eq!(shell.line("cd docs"), "");
    assert_eq!(shell.line("ls"), "f            1 -                    a\n");
    shell.exit();
}

#[test]
fn what_only_reads_is_asked_again_and_what_changes_is_not() {
    let dies = |command: &'static str| {
        script(move |peer| {
            peer.greet();
            peer.expect(command);
        })
    };
    let lists = control(|peer| {
        peer.expect("stat /a");
        peer.say("ok f 1 -\n");
    });
    let half = script(|peer| {
        peer.greet();
        peer.expect("ls /");
        peer.say("- f 1 - a\n");
    });
    let mut shell = Shell::start(vec![dies("ls /"), dies("ls /"), dies("rm /a"), half, lists]);
    let told = shell.line("ls");
    assert_eq!(told.matches("coracle: ").count(), 1, "{told}");
    let told = shell.line("rm a");
    assert!(told.contains("a: it is not known whether this was done"), "{told}");
    let told = shell.line("ls");
    assert!(told.contains(" a\n") && told.contains("coracle: "), "{told}");
    assert!(shell.line("stat a").ends_with(" a\n"));
    shell.exit();
}

#[test]
fn jobs_run_beside_the_commands() {
    let bytes = pattern(5000);
    let (go, wait_for_go) = std::sync::mpsc::channel::<()>();
    let sent = bytes.clone();
    let scripts = vec![
        control(|peer| {
            peer.expect("ls /");
            peer.say("ok 0\n");
        }),
        script(move |peer| {
            peer.greet();
            peer.expect("download /big");
            peer.say("ok 5000 5000 -\n");
            peer.say(support::data(&sent[..2048]));
            wait_for_go.recv().unwrap();
            peer.say([support::data(&sent[2048..]), support::end(&sent)].concat());
            peer.exit();
        }),
        script(|peer| {
            peer.greet();
            peer.expect("download /other");
            peer.say("ok 10 10 -\n");
            peer.say(support::data(b"12345"));
            peer.gone();
        }),
    ];
    let mut shell = Shell::start(scripts);
    let here = shell.here.path().to_owned();
    assert_eq!(shell.line("download big &"), "[1] running: download big\n");
    let is_there = |len: u64| {
        let here = here.clone();
        move || staged(&here).iter().any(|file| fs::metadata(file).unwrap().len() == len)
    };
    until(is_there(2048));
    assert_eq!(shell.line("ls"), "");
    assert_eq!(shell.line("jobs"), "[1] running  download big  2.0 KiB / 4.9 KiB\n");
    // The job stays where it was started.
    fs::create_dir(here.join("elsewhere")).unwrap();
    assert_eq!(shell.line("lcd elsewhere"), "");
    assert_eq!(shell.line("get other ../other&"), "[2] running: get other ../other\n");
    until(is_there(5));
    let told = shell.line("stop 2");
    assert!(told.contains("[2] stopped: get other ../other\n"), "{told}");
    assert!(shell.line("wait 2").contains("there is no job 2"));
    shell.terminal.send("wait\n");
    shell.terminal.expect("\n");
    shell.terminal.send(CTRL_C);
    shell.terminal.expect(PROMPT);
    go.send(()).unwrap();
    let told = shell.line("wait 1");
    assert!(told.ends_with("[1] done: download big\n"), "{told}");
    assert_eq!(shell.line("jobs"), "");
    shell.exit();
    assert!(!here.join("big").exists());
}

#[test]
fn ctrl_c_is_heard_however_soon_after_enter() {
    let stuck = script(|peer: &mut Peer| {
        peer.greet();
        peer.expect("download /a");
        peer.gone();
    });
    let mut shell = Shell::start(vec![idle(), stuck]);
    shell.line("download a &");
    for _ in 0..20 {
        shell.terminal.send("wait\n");
        // Printed when the editor has given the terminal back, and before anything waits.
        shell.terminal.expect("wait\n");
        shell.terminal.send(CTRL_C);
        shell.terminal.expect(PROMPT);
    }
    shell.line("stop");
    shell.exit();
}

#[test]
fn what_a_job_says_does_not_tear_the_line_that_is_typed() {
    let (go, wait_for_go) = std::sync::mpsc::channel::<()>();
    let refuses = script(move |peer| {
        peer.greet();
        peer.expect("download /a");
        wait_for_go.recv().unwrap();
        peer.say("err denied not for you\n");
        peer.exit();
    });
    let mut shell = Shell::start(vec![idle(), refuses]);
    shell.line("download a &");
    shell.terminal.send("pwd # half");
    shell.terminal.expect("pwd # half");
    go.send(()).unwrap();
    shell.terminal.expect("[1] coracle: a: not for you (denied)\n");
    shell.terminal.expect(&format!("{PROMPT}pwd # half"));
    let told = shell.line(" a line");
    assert!(told.contains("/\n"), "{told}");
    let told = told + &shell.line("wait");
    assert_eq!(told.matches("[1] failed: download a\n").count(), 1, "{told}");
    shell.exit();
}

#[test]
fn leaving_stops_jobs_when_it_is_said_twice() {
    let stuck = |first: &'static str| {
        script(move |peer: &mut Peer| {
            peer.greet();
            peer.expect(first);
            peer.say("ok 10 10 -\n");
            peer.say(support::data(b"12345"));
            peer.gone();
        })
    };
    let mut shell = Shell::start(vec![idle(), stuck("download /a")]);
    shell.line("download a &");
    let here = shell.here.path().to_owned();
    until(|| staged(&here).iter().any(|file| fs::metadata(file).unwrap().len() == 5));
    assert!(shell.line("exit").contains("1 job is still running"));
    assert_eq!(shell.line("pwd"), "/\n");
    assert!(shell.line("exit").contains("1 job is still running"));
    shell.terminal.send("exit\n");
    shell.terminal.expect("[1] stopped: download a\n");
    shell.terminal.expect("Client connection Closed!\n");
    assert_eq!(shell.terminal.wait().0, 0);
    shell.fake.finish();
    assert_eq!(staged(&here).len(), 1);
}

#[test]
fn a_signal_at_the_prompt_ends_everything_in_order() {
    let (reached, is_reached) = std::sync::mpsc::channel();
    let scripts = vec![
        script(|peer| {
            peer.greet();
            peer.gone();
        }),
        script(move |peer| {
            peer.greet();
            assert!(peer.line().starts_with("upload /x 1 "));
            peer.frames();
            reached.send(()).unwrap();
            peer.gone();
        }),
    ];
    let mut shell = Shell::start_with(scripts, &["x"], &[]);
    shell.line("upload x &");
    is_reached.recv().unwrap();
    shell.terminal.signal(Signal::TERM);
    assert_eq!(shell.terminal.wait().0, 130);
    shell.fake.finish();
}

#[test]
fn a_classic_server_has_a_shell_too() {
    let lists = || {
        script(|peer: &mut Peer| {
            peer.command("ls");
            peer.say("a.txt\nb.txt");
        })
    };
    let (fake, folder) = (Fake::start(vec![lists(), lists()]), tempdir().unwrap());
    let mut shell = terminal(fake.address, folder.path(), folder.path(), &["--classic"]);
    shell.expect(PROMPT);
    for _ in 0..2 {
        shell.send("ls\n");
        shell.expect("ls\na.txt\nb.txt\n");
        shell.expect(PROMPT);
    }
    shell.send("df\n");
    shell.expect("the classic dialect has only ls, download and upload");
    shell.expect(PROMPT);
    // Nothing is looked up.
    shell.send("get a\t\tb\x03");
    shell.expect(PROMPT);
    shell.send("exit\n");
    shell.expect("Client connection Closed!");
    assert_eq!(shell.wait().0, 0);
    fake.finish();
}

#[test]
fn a_server_with_one_session_is_enough() {
    let greet = |peer: &mut Peer| {
        assert!(peer.line().starts_with("hello 1"));
        peer.say(support::GREETING.replace(" busy", " sessions=1 busy"));
    };
    let fetched = move || {
        script(move |peer: &mut Peer| {
            greet(peer);
            peer.expect("download /a");
            peer.say(download(b"12345"));
            peer.exit();
            peer.gone();
        })
    };
    let used = move || {
        script(move |peer: &mut Peer| {
            greet(peer);
            peer.exit();
            peer.gone();
        })
    };
    let listed = script(move |peer| {
        greet(peer);
        peer.expect("ls /");
        peer.say("ok 0\n");
        peer.exit();
        peer.gone();
    });
    // One after the other: a second session beside the first would wait in vain.
    let fake = Fake::start(vec![used(), fetched(), listed, fetched()]);
    let folder = tempdir().unwrap();
    let mut shell = terminal(fake.address, folder.path(), folder.path(), &[]);
    for line in ["get a", "ls", "get a &", "wait"] {
        shell.expect(PROMPT);
        shell.send(&format!("{line}\n"));
    }
    shell.expect("[1] done: get a\n");
    shell.expect(PROMPT);
    shell.send("exit\n");
    assert_eq!(shell.wait().0, 0);
    fake.finish();
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"12345");
}

#[test]
fn transfers_say_what_the_ancestor_said() {
    let scripts = vec![
        idle(),
        script(|peer| {
            peer.greet();
            peer.expect("download /a.txt");
            peer.say(download(b"12345"));
            peer.exit();
        }),
        script(|peer| {
            peer.greet();
            assert!(peer.line().starts_with("upload /c.txt 5 "));
            let (bytes, _) = peer.frames();
            peer.say(receipt(&bytes));
            peer.exit();
        }),
    ];
    let mut shell = Shell::start_with(scripts, &["c.txt"], &[]);
    let told = shell.line("download a.txt");
    for text in ["Start downloading..", "file size: 5", "Download is finished!"] {
        assert!(told.contains(text), "{told}");
    }
    let told = shell.line("put c.txt");
    for text in ["Sent: 5 / 5", "File upload done..."] {
        assert!(told.contains(text), "{told}");
    }
    let (here, _home) = shell.exit();
    assert_eq!(fs::read(here.path().join(OsStr::new("a.txt"))).unwrap(), b"12345");
}
