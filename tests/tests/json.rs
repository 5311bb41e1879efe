//! The stream of JSON against its document: every line is as `docs/json.md` says, and every
//! event and field that it describes comes.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coracle_tests::payload;
use coracle_tests::relay::{Direction, End};
use serde_json::Value;
use support::{Ran, Site, cut, until};

const DOCUMENT: &str = include_str!("../../docs/json.md");

/// A row of a table.
struct Field {
    kind: String,
    is_always: bool,
}

/// Events by name, with their fields, and one example each.
struct Contract {
    events: BTreeMap<String, BTreeMap<String, Field>>,
    examples: Vec<String>,
    /// Events and fields that have come.
    seen: BTreeSet<(String, String)>,
}

impl Contract {
    fn read() -> Self {
        let mut events: BTreeMap<String, BTreeMap<String, Field>> = BTreeMap::new();
        let (mut event, mut examples) = (String::new(), Vec::new());
        for line in DOCUMENT.lines() {
            if let Some(name) = line.strip_prefix("## ") {
                event = name.trim_matches('`').to_owned();
                events.entry(event.clone()).or_default();
            } else if let Some(row) = line.strip_prefix("| `") {
                let cells: Vec<_> = row.split('|').map(str::trim).collect();
                let [name, kind, present, ..] = &*cells else { panic!("{line}") };
                let field = Field { kind: (*kind).to_owned(), is_always: *present == "always" };
                let name = name.trim_end_matches('`').to_owned();
                assert!(events.get_mut(&event).unwrap().insert(name, field).is_none(), "{line}");
            } else if line.starts_with('{') {
                examples.push(line.to_owned());
            }
        }
        Self { events, examples, seen: BTreeSet::new() }
    }

    /// Check a line. Returns its event and its fields.
    #[track_caller]
    fn check(&mut self, line: &str) -> Value {
        let value: Value = serde_json::from_str(line).expect(line);
        assert!(line.starts_with("{\"event\":\""), "{line}");
        let object = value.as_object().expect(line);
        let event = object["event"].as_str().expect(line);
        let fields = self.events.get(event).expect(line);
        for (name, value) in object {
            let field = fields.get(name).unwrap_or_else(|| panic!("{name} of {line}"));
            let is_right = match &*field.kind {
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                "number" => value.is_number(),
                "object" => value.is_object(),
                other => panic!("the type {other} of {name}"),
            };
            assert!(is_right, "{name} of {line}");
            self.seen.insert((event.to_owned(), name.clone()));
        }
        for (name, field) in fields {
            assert!(!field.is_always || object.contains_key(name), "{name} is not in {line}");
        }
        value
    }

    /// All that a command has said, with `end` last and nothing on standard error.
    #[track_caller]
    fn of(&mut self, ran: &Ran) -> Vec<Value> {
        assert_eq!(ran.stderr, "");
        let values: Vec<_> = ran.text().lines().map(|line| self.check(line)).collect();
        let (end, rest) = values.split_last().unwrap();
        assert_eq!((&end["event"], end["exit"].as_i64()), (&"end".into(), ran.code.map(i64::from)));
        assert!(rest.iter().all(|value| value["event"] != "end"));
        values
    }
}

fn json(arguments: &[&str]) -> Vec<OsString> {
    arguments.iter().chain([&"--json"]).map(OsString::from).collect()
}

#[test]
fn every_event_is_as_documented_and_every_documented_one_comes() {
    let mut contract = Contract::read();
    for example in contract.examples.clone() {
        contract.check(&example);
    }
    assert_eq!(contract.examples.len(), contract.events.len(), "one example each");
    contract.seen.clear();
    let site = Site::start(&[]);
    transfers(&site, &mut contract);
    commands(&site, &mut contract);
    failures(&site, &mut contract);
    lost_connection(&site, &mut contract);
    slow_input(&site, &mut contract);
    shell(&site, &mut contract);
    jobs_of_a_shell(&site, &mut contract);
    large_file(&site, &mut contract);
    for (event, fields) in &contract.events {
        for field in fields.keys() {
            let seen = contract.seen.contains(&(event.clone(), field.clone()));
            // A name that is not UTF-8 is told alike everywhere.
            assert!(seen || field == "name_bytes", "{field} of {event} never came");
        }
    }
}

fn transfers(site: &Site, contract: &mut Contract) {
    payload::write_file(&site.here("a"), 1, 3552).unwrap();
    let told = contract.of(&site.run(&json(&["upload", "a"])).succeeded());
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((&told[1]["bytes"], &told[1]["durability"]), (&3552.into(), &"flushed".into()));
    let told = contract.of(&site.run(&json(&["download", "a", "b"])).succeeded());
    assert_eq!((&told[0]["size"], &told[0]["local"]), (&3552.into(), &"b".into()));
    let sum = contract.of(&site.run(&json(&["sum", "a"])).succeeded());
    assert_eq!(told[1]["crc32"], sum[0]["crc32"]);
    let odd = OsStr::from_bytes(b"odd\xff");
    payload::write_file(&site.there(odd), 2, 5).unwrap();
    let arguments = [OsStr::new("--json"), OsStr::new("download"), odd];
    let told = contract.of(&site.run(&arguments).succeeded());
    assert_eq!(told[1]["name"], "odd\u{fffd}");
    assert_eq!(told[1]["name_bytes"], "6f6464ff");
    // A tree with something that is left out; once more, and nothing moves.
    fs::create_dir(site.here("tree")).unwrap();
    payload::write_file(&site.here("tree/f"), 3, 7).unwrap();
    symlink("f", site.here("tree/link")).unwrap();
    let told = contract.of(&site.run(&json(&["upload", "-r", "tree"])).succeeded());
    assert!(told[0]["message"].as_str().unwrap().contains("link"), "{told:?}");
    let told = contract.of(&site.run(&json(&["upload", "-c", "-r", "tree"])).succeeded());
    assert_eq!(told[1]["offset"], told[1]["size"]);
    assert!(told[2].get("durability").is_none());
}

fn commands(site: &Site, contract: &mut Contract) {
    for arguments in [
        &["ls"][..],
        &["stat", "a"],
        &["stat", "tree"],
        &["df"],
        &["stats"],
        &["mkdir", "x", "y"],
        &["mv", "x", "z"],
        &["rm", "y", "z"],
    ] {
        let told = contract.of(&site.run(&json(arguments)).succeeded());
        let results = told.iter().filter(|value| value["event"] == "result");
        for result in results {
            assert_eq!(result["command"], arguments[0]);
        }
    }
    let told = contract.of(&site.run(&json(&["ls"])).succeeded());
    let entries = told.iter().filter(|value| value["event"] == "entry").count();
    let result = &told[told.len() - 2];
    assert_eq!(result["entries"].as_u64(), Some(entries as u64));
}

fn failures(site: &Site, contract: &mut Contract) {
    for (arguments, code, kind) in [
        (&["download", "missing"][..], 1, "refused"),
        (&["download", "*.missing"], 1, "refused"),
        (&["upload", "missing"], 5, "missing"),
        (&["rm", "missing"], 1, "refused"),
        (&["stat", "a//b"], 2, "usage"),
        (&["download", "a", "-o", "-"], 2, "usage"),
        (&["--no-clobber", "download", "a"], 5, "local"),
    ] {
        let told = contract.of(&site.run(&json(arguments)).ended_with(code));
        assert_eq!((&told[0]["event"], &told[0]["kind"]), (&"refused".into(), &kind.into()));
    }
    // What stands in the configuration file is found out when that is clear.
    fs::write(site.here("wrong.toml"), "[hosts]\nboat = 1\n").unwrap();
    for config in ["wrong.toml", "missing.toml"] {
        let told = contract.of(&site.run(&json(&["--config", config, "ls"])).ended_with(2));
        assert_eq!((told.len(), &told[0]["kind"]), (2, &"usage".into()), "{told:?}");
    }
    // What is no command line at all is not understood well enough to answer in JSON.
    let ran = site.run(&json(&["dance"])).ended_with(2);
    assert!(ran.stdout.is_empty() && !ran.stderr.is_empty());
}

fn lost_connection(site: &Site, contract: &mut Contract) {
    payload::write_file(&site.here("big"), 4, 3 << 20).unwrap();
    let relay = site.relay(vec![cut(Direction::ToServer, 2 << 20, End::Reset)]);
    let told = contract.of(&site.run_over(&relay, &json(&["upload", "big"])).succeeded());
    assert!(told.iter().any(|value| value["event"] == "retry"), "{told:?}");
    let relay = site.relay(vec![cut(Direction::ToServer, 2 << 20, End::Reset)]);
    let arguments = json(&["--retries", "0", "upload", "big", "part"]);
    let told = contract.of(&site.run_over(&relay, &arguments).ended_with(3));
    assert!(told.iter().any(|value| value["kind"] == "connection"), "{told:?}");
    contract.of(&site.run(&json(&["partial", "part"])).succeeded());
    contract.of(&site.run(&json(&["forget", "part"])).succeeded());
}

/// Standard input that is given until `progress` comes.
fn slow_input(site: &Site, contract: &mut Contract) {
    let mut command = site.client(&json(&["upload", "-", "input"]));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let has_come = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has_come);
    let reader = std::thread::spawn(move || {
        let line = |line: std::io::Result<String>| {
            let line = line.unwrap();
            flag.fetch_or(line.contains("\"progress\""), Ordering::SeqCst);
            line
        };
        output.lines().map(line).collect::<Vec<_>>()
    });
    until("progress is told", || {
        input.write_all(&[0; 4096]).unwrap();
        has_come.load(Ordering::SeqCst)
    });
    drop(input);
    assert!(child.wait().unwrap().success());
    let told: Vec<_> = reader.join().unwrap().iter().map(|line| contract.check(line)).collect();
    assert!(told.iter().any(|value| value["event"] == "progress" && value["done"] != 0));
}

/// Files of known size that become larger until one takes long enough.
/// One `end` for each line, whatever it was, and words nowhere but on standard error.
fn shell(site: &Site, contract: &mut Contract) {
    let script = b"pwd\n# nothing\n\nmkdir docs\ncd docs\npwd\ncd nowhere\nlpwd\nlls\n&\n\
        bogus\nls 'x\nhelp\njobs\nstat ../a\nexit\n";
    let script = [&[b'x'; 70_000][..], b"\n", script].concat();
    let mut command = site.client(&["--json", "--keep-going"]);
    let ran = Ran::with_input(&mut command, &script).ended_with(2);
    let told: Vec<_> = ran.text().lines().map(|line| contract.check(line)).collect();
    let ends = told.iter().filter(|value| value["event"] == "end");
    let ends: Vec<_> = ends.map(|end| end["exit"].as_u64().unwrap()).collect();
    assert_eq!(ends, [2, 0, 0, 0, 0, 1, 0, 0, 2, 2, 2, 0, 0, 0], "{told:?}");
    let folders: Vec<_> = told.iter().filter_map(|value| value["folder"].as_str()).collect();
    assert_eq!(folders, ["/", "/docs", "/docs"]);
    assert!(ran.stderr.starts_with("Please use one of the following command:"), "{}", ran.stderr);
}

fn jobs_of_a_shell(site: &Site, contract: &mut Contract) {
    payload::write_file(&site.there("stalling"), 6, 1 << 20).unwrap();
    let relay = site.relay(vec![cut(Direction::ToClient, 1 << 19, End::Stall)]);
    let mut command = site.client_at(relay.address(), &["--json", "--one-connection"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut commands = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || contract.check(&lines.next().unwrap().unwrap());
    commands.write_all(b"download stalling &\n").unwrap();
    assert_eq!(next()["event"], "end");
    // Its size is known once the server has said it.
    loop {
        commands.write_all(b"jobs\n").unwrap();
        let (job, result, end) = (next(), next(), next());
        assert_eq!((&job["state"], &job["line"]), (&"running".into(), &"download stalling".into()));
        assert_eq!((&result["command"], &end["event"]), (&"jobs".into(), &"end".into()));
        if job["size"] == 1 << 20 {
            break;
        }
    }
    commands.write_all(b"stop\n").unwrap();
    assert_eq!(next()["exit"], 0);
    drop(commands);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn large_file(site: &Site, contract: &mut Contract) {
    let file = fs::File::create(site.here("large")).unwrap();
    let mut size = 128 << 20;
    loop {
        file.set_len(size).unwrap();
        let told = contract.of(&site.run(&json(&["upload", "large"])).succeeded());
        let mut progress = told.iter().filter(|value| value["event"] == "progress");
        if let Some(progress) = progress.next() {
            assert_eq!(progress["size"], size);
            return;
        }
        size *= 2;
        assert!(size < 64 << 30, "a tenth of a second is too short for any file");
    }
}

/// The file is moved all the same; that nobody was told is a failure.
#[test]
fn a_stream_that_cannot_be_written_is_a_failure() {
    let site = Site::start(&[]);
    fs::write(site.here("a"), "bytes").unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = site.client(&["--json", "upload", "a"]);
    let output = command.stdout(full).stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let output = output.unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("coracle: cannot write the output: "), "{said}");
    assert_eq!(fs::read(site.there("a")).unwrap(), b"bytes");
}
