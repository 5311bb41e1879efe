//! The device that the program makes, and what it says where it may not.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_tests::network::{Family, Namespace, TAP, Wire, or_skip};
use coracle_tests::payload;
use coracle_tests::process::{Server, program};
use tempfile::TempDir;

use crate::site::{ANYONE, MTU, Site};
use crate::support::{Ran, Running, until};

/// Who may nothing.
const NOBODY: &str = "65534";

/// A host that has no device yet.
fn bare_host() -> Option<Wire> {
    // Without TAP the rest would fail: it is tried once.
    or_skip(|| Wire::new(MTU))?;
    or_skip(|| Ok(Wire { host: Namespace::new()? }))
}

fn is_there(host: &Namespace, device: &str) -> bool {
    host.ip(&format!("link show dev {device}")).is_ok()
}

/// Run the client on this host.
fn run(host: &Namespace, family: Family, arguments: &[&str]) -> Ran {
    let mut command = host.command(&program("coracle").unwrap());
    command.arg(family.server().to_string()).args(arguments).env("CORACLE_CONFIG", "/dev/null");
    Running::of(command.stdin(Stdio::null())).finish()
}

#[test]
fn it_makes_its_device_and_takes_it_away() {
    let Some(wire) = bare_host() else { return };
    for options in [&[][..], &["--offload"]] {
        let mut command = wire.server().unwrap();
        command.args(["--quiet", "--setup", "--ram", "1M"]).args(options);
        let mut server = Server::start(command).unwrap();
        // At once: nothing has to settle first.
        for family in [Family::V4, Family::V6] {
            run(&wire.host, family, &["--connect-timeout", "5", "mkdir", "d"]).succeeded();
            run(&wire.host, family, &["rm", "d"]).succeeded();
        }
        server.terminate().unwrap();
        assert_eq!(server.wait().unwrap().code(), Some(0));
        assert!(!is_there(&wire.host, TAP));
    }
}

#[test]
fn its_device_goes_with_it_when_it_is_killed() {
    let Some(wire) = bare_host() else { return };
    let mut command = wire.server().unwrap();
    command.args(["--quiet", "--setup", "--ram", "1M"]);
    let mut server = Server::start(command).unwrap();
    assert!(is_there(&wire.host, TAP));
    server.kill().unwrap();
    until("it is gone", || !is_there(&wire.host, TAP));
}

#[test]
fn the_host_has_the_address_it_is_given() {
    let Some(wire) = bare_host() else { return };
    let mut command = wire.server().unwrap();
    command.args(["--quiet", "--setup", "--host-addr", "192.168.69.77/24", "--ram", "1M"]);
    let _server = Server::start(command).unwrap();
    let mut shown = wire.host.command(Path::new("ip"));
    let shown = shown.args(["address", "show", "dev", TAP]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("inet 192.168.69.77/24 "), "{shown}");
    run(&wire.host, Family::V4, &["ls"]).succeeded();
}

#[test]
fn a_device_that_was_there_stays() {
    let Some(mut site) = Site::start(&[]) else { return };
    site.server.terminate().unwrap();
    assert_eq!(site.server.wait().unwrap().code(), Some(0));
    assert!(is_there(&site.wire.host, TAP));
}

/// The program where somebody without rights may run it, as that one, with a device node that is
/// open to all, as most systems have it.
struct Unprivileged {
    _keep: TempDir,
    program: String,
}

impl Unprivileged {
    fn new() -> io::Result<Self> {
        let keep = tempfile::tempdir()?;
        fs::set_permissions(keep.path(), PermissionsExt::from_mode(0o755))?;
        let copy = keep.path().join("coracle-tap");
        fs::copy(program("coracle-tap")?, &copy)?;
        let program = copy.to_str().expect("a name of text").to_owned();
        Ok(Self { _keep: keep, program })
    }

    fn command(&self, host: &Namespace, options: &[&str]) -> Command {
        let script = "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 \
                      && exec setpriv --reuid $0 --regid $0 --clear-groups \"$@\"";
        let mut command = host.command(Path::new("unshare"));
        command.args(["--mount", "sh", "-c", script, NOBODY, &self.program, "--tap", TAP]);
        for family in [Family::V4, Family::V6] {
            command.args(["--addr", &family.server_network()]);
        }
        command.args(options).args(["--ram", "1M"]);
        command
    }
}

/// The commands in a message: they begin with `ip`, perhaps behind a word for root.
fn commands_in(message: &str) -> Vec<String> {
    let plain = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("sudo ").unwrap_or(line);
        line.starts_with("ip ").then(|| line.to_owned())
    };
    message.lines().filter_map(plain).collect()
}

fn type_in(host: &Namespace, line: &str) {
    let typed = host.command(Path::new("sh")).args(["-c", line]).output().unwrap();
    assert!(typed.status.success(), "{line}: {}", String::from_utf8_lossy(&typed.stderr));
}

#[test]
fn without_rights_it_says_what_to_type_and_that_works() {
    let Some(wire) = bare_host() else { return };
    let Some(nobody) = or_skip(Unprivileged::new) else { return };
    let refused = Running::of(&mut nobody.command(&wire.host, &["--setup"])).finish();
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    let (undo, todo): (Vec<_>, Vec<_>) = commands_in(&refused.stderr)
        .into_iter()
        .partition(|line| line.contains(" del") || line.contains(" delete"));
    assert!(todo.len() >= 4 && !undo.is_empty(), "{}", refused.stderr);
    for line in &todo {
        type_in(&wire.host, line);
    }
    assert!(is_there(&wire.host, TAP));
    // Now it serves, without any rights.
    let mut command = nobody.command(&wire.host, &["--quiet"]);
    let mut server = Server::start({
        command.stderr(Stdio::inherit());
        command
    })
    .unwrap();
    for family in [Family::V4, Family::V6] {
        run(&wire.host, family, &["--connect-timeout", "5", "ls"]).succeeded();
    }
    server.terminate().unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
    for line in &undo {
        type_in(&wire.host, line);
    }
    assert!(!is_there(&wire.host, TAP));
}

#[test]
fn a_device_that_cannot_be_had_is_told() {
    let Some(wire) = or_skip(|| Wire::new(MTU)) else { return };
    // Somebody else has it already.
    let mut first = wire.server().unwrap();
    first.args(["--quiet", "--ram", "1M"]);
    let _first = Server::start(first).unwrap();
    let mut second = wire.server().unwrap();
    let told = Running::of(second.args(["--ram", "1M"])).finish();
    assert!(told.code.is_some_and(|code| code != 0) && told.stderr.contains(TAP), "{told:?}");
    // And the one that has it goes on.
    run(&wire.host, Family::V4, &["ls"]).succeeded();
}

#[test]
fn a_device_that_is_taken_away_ends_it() {
    let Some(mut site) = Site::start(&[]) else { return };
    payload::write_file(&site.here("x"), 1, 1000).unwrap();
    site.run(&["upload", "x"]).succeeded();
    // A cable that is pulled and put back loses nothing.
    site.wire.host.ip(&format!("link set {TAP} down")).unwrap();
    site.wire.host.ip(&format!("link set {TAP} up")).unwrap();
    assert!(site.raw(2).ask("hello 1").starts_with("ok "));
    site.wire.host.ip(&format!("link delete {TAP}")).unwrap();
    let status = site.server.wait().unwrap();
    assert!(status.code().is_some_and(|code| code != 0), "{status:?}");
}

#[test]
fn other_machines_are_not_served_unless_it_is_asked_for() {
    let Some(wire) = or_skip(|| Wire::new(MTU)) else { return };
    let router = ["--gateway", "192.168.69.2", "--ram", "1M"];
    let told = Running::of(wire.server().unwrap().args(router)).finish();
    assert!(told.code.is_some_and(|code| code != 0) && told.stderr.contains(ANYONE), "{told:?}");
    let mut command = wire.server().unwrap();
    command.args(["--quiet", ANYONE]).args(router);
    let _server = Server::start(command).unwrap();
    run(&wire.host, Family::V4, &["ls"]).succeeded();
}
