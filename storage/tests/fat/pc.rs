//! What another implementation says of our cards, and we of its: dosfstools and mtools.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::rc::Rc;

use coracle::{Code, Storage};
use tempfile::TempDir;

use crate::card::Card;
use crate::tools::{KINDS, Session, bytes, code, formatted, get, names, partial, path, put, serve};

/// Whether the tools are there: both come together or not at all.
///
/// # Panics
///
/// If they are missing although `CORACLE_REQUIRE` (names with commas between) says `fat`.
pub fn are_there() -> bool {
    let is_there = |tool: &str| {
        let probe = ["-c", "PATH=$PATH:/usr/sbin:/sbin command -v \"$0\" > /dev/null", tool];
        Command::new("sh").args(probe).status().unwrap().success()
    };
    let Some(missing) = ["fsck.fat", "mkfs.fat", "mcopy"].into_iter().find(|it| !is_there(it))
    else {
        return true;
    };
    let required = std::env::var("CORACLE_REQUIRE").unwrap_or_default();
    let is_required = required.split(',').any(|name| name == "fat");
    assert!(!is_required, "{missing} is missing, and CORACLE_REQUIRE asks for fat");
    eprintln!(
        "SKIPPED: {missing} is missing: install dosfstools and mtools \
         (CORACLE_REQUIRE=fat makes that a failure)"
    );
    false
}

/// A card as a file of the host.
pub struct Image {
    _folder: TempDir,
    file: PathBuf,
}

impl Image {
    pub fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("card");
        let mut image = std::fs::File::create(&file).unwrap();
        image.write_all(bytes).unwrap();
        Self { _folder: folder, file }
    }

    /// One made by `mkfs.fat` with these options.
    pub fn formatted(blocks: usize, options: &[&str]) -> Self {
        let image = Self::new(&vec![0; blocks * 512]);
        let output = run(Command::new("mkfs.fat").args(options).arg(&image.file));
        assert!(output.status.success(), "{output:?}");
        image
    }

    pub fn card(&self) -> Card {
        Card::new(Rc::new(std::fs::read(&self.file).unwrap()))
    }

    /// What `fsck.fat` has to say against it.
    pub fn complaints(&self) -> Option<String> {
        let output = run(Command::new("fsck.fat").args(["-n", "-v"]).arg(&self.file));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Of long names it complains without a word in its exit code.
        let is_clean = output.status.success() && !said.contains("long file name");
        (!is_clean).then(|| said + &String::from_utf8_lossy(&output.stderr))
    }

    /// The bytes of a file, as mtools read them.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let output = run(self.mtool("mtype").arg(format!("::{name}")));
        assert!(output.status.success(), "{name}: {output:?}");
        output.stdout
    }

    /// The names in a folder, as mtools have them.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let output = run(self.mtool("mdir").args(["-b", "-a"]).arg(format!("::{folder}")));
        assert!(output.status.success(), "{folder}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut names: Vec<_> = text.lines().map(|line| line.replace("::/", "")).collect();
        names.sort_unstable();
        names
    }

    /// A tool of mtools for this card.
    pub fn mtool(&self, tool: &str) -> Command {
        let mut command = Command::new(tool);
        command.arg("-i").arg(&self.file).env("LC_ALL", "C.UTF-8").env("MTOOLS_SKIP_CHECK", "1");
        command
    }
}

fn run(command: &mut Command) -> Output {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).output().unwrap()
}

/// Fail if `fsck.fat` finds something.
#[track_caller]
pub fn check(card: &Card) {
    if let Some(complaints) = Image::new(&card.bytes()).complaints() {
        panic!("fsck.fat: {complaints}");
    }
}

#[test]
fn a_pc_reads_what_was_uploaded() {
    if !are_there() {
        return;
    }
    for kind in KINDS {
        let card = Card::new(formatted(kind));
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        session.make_folder(path(b"logs")).unwrap();
        let files: &[(&str, usize)] = &[
            ("a", 0),
            ("README.TXT", 1),
            ("twelve chars", 511),
            ("thirteen char", 512),
            ("fourteen chars", 513),
            ("Grüße aus Köln.txt", 3000),
            ("日本語.html", 100_000),
            ("logs/a long name in a folder.log", 5000),
        ];
        for (seed, &(name, len)) in files.iter().enumerate() {
            put(&mut session, name.as_bytes(), b"replaced later").unwrap();
            put(&mut session, name.as_bytes(), &bytes(len, seed as u8)).unwrap();
        }
        let long = "n".repeat(255);
        put(&mut session, long.as_bytes(), &bytes(10, 9)).unwrap();
        let staged = session.stage(path(b"kept"), None).unwrap();
        session.keep(staged);
        drop(session);
        check(&card);
        let image = Image::new(&card.bytes());
        for (seed, &(name, len)) in files.iter().enumerate() {
            assert_eq!(image.read(name), bytes(len, seed as u8), "{kind:?} {name}");
        }
        assert_eq!(image.read(&long), bytes(10, 9));
    }
}

#[test]
fn what_a_pc_wrote_is_served() {
    if !are_there() {
        return;
    }
    for (blocks, options) in [
        (2880, &["-F", "12"][..]),
        (32_768, &["-F", "16", "-s", "1"]),
        (80_000, &["-F", "32", "-s", "1"]),
        (140_000, &["-F", "32", "-s", "2", "-f", "1"]),
    ] {
        let image = Image::formatted(blocks, options);
        let folder = tempfile::tempdir().unwrap();
        let files = ["SHORT.TXT", "lower.txt", "Mixed Case Name.text", "Ärger & Öl.html"];
        let mut expected = Vec::new();
        for (seed, name) in files.into_iter().enumerate() {
            let data = bytes(1 + 7000 * seed, seed as u8);
            let file = folder.path().join(name);
            std::fs::write(&file, &data).unwrap();
            let output = run(image.mtool("mcopy").args(["-m"]).arg(&file).arg("::"));
            assert!(output.status.success(), "{output:?}");
            expected.push((name, data));
        }
        let output = run(image.mtool("mmd").arg("::A folder"));
        assert!(output.status.success(), "{output:?}");
        let output = run(image.mtool("mcopy").arg(folder.path().join(files[3])).arg("::A folder"));
        assert!(output.status.success(), "{output:?}");

        let card = image.card();
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        let mut all: Vec<String> = files.map(str::to_owned).to_vec();
        all.push("A folder".to_owned());
        all.sort_unstable();
        assert_eq!(names(&mut session, b"/").unwrap(), all);
        assert_eq!(names(&mut session, b"a FOLDER").unwrap(), [files[3]]);
        for (name, data) in &expected {
            assert_eq!(get(&mut session, name.as_bytes()).as_deref(), Ok(&data[..]), "{name}");
            let other_case = name.to_uppercase();
            assert_eq!(get(&mut session, other_case.as_bytes()).as_deref(), Ok(&data[..]));
        }
        // By the name that old programs see.
        assert_eq!(get(&mut session, b"MIXEDC~1.TEX").as_deref(), Ok(&expected[2].1[..]));
        for (name, _) in &expected {
            session.remove(path(name.as_bytes())).unwrap();
        }
        assert_eq!(code(session.remove(path(b"A folder"))), Err(Code::NotEmpty));
        let (from, to) = (path(b"A folder"), path(b"B"));
        session.rename(from, to).unwrap();
        drop(session);
        check(&card);
        let image = Image::new(&card.bytes());
        assert_eq!(image.read(&format!("B/{}", files[3])), expected[3].1);
        assert_eq!(image.names(""), ["B/", "CORACLE.JNL"]);
    }
}

#[test]
fn folders_move_with_what_is_in_them() {
    if !are_there() {
        return;
    }
    for kind in KINDS {
        let card = Card::new(formatted(kind));
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        for folder in [&b"a"[..], b"a/b", b"a/b/c", b"d"] {
            session.make_folder(path(folder)).unwrap();
        }
        put(&mut session, b"a/b/c/file", b"bytes").unwrap();
        let staged = session.stage(path(b"a/b/partial"), None).unwrap();
        let mut staged = staged;
        session.write_at(&mut staged, 0, b"part").unwrap();
        session.rename(path(b"a/b"), path(b"d/renamed folder")).unwrap();
        session.write_at(&mut staged, 4, b"ial").unwrap();
        session.keep(staged);
        assert_eq!(
            code(session.rename(path(b"d"), path(b"D/Renamed Folder/x"))),
            Err(Code::BadArgument),
            "in other case"
        );
        session.rename(path(b"d/renamed folder/c"), path(b"c")).unwrap();
        session.rename(path(b"c"), path(b"C")).unwrap();
        assert_eq!(names(&mut session, b"/").unwrap(), ["C", "a", "d"]);
        assert_eq!(get(&mut session, b"c/file").unwrap(), b"bytes");
        assert_eq!(partial(&mut session, b"d/renamed folder/partial").unwrap(), b"partial");
        drop(session);
        check(&card);
    }
}
