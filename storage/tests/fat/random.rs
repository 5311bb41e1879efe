//! Random commands of several sessions, against a model in memory.

use coracle::{Code, Storage};
use coracle_storage::chip::{ChipFile, ChipStaged};
use fatfs::FatType;

use crate::card::{Card, Loss, next_random};
use crate::check::check;
use crate::model::Model;
use crate::tools::{
    KINDS, Session, Volume, bytes, code, everything, partial, path, put, receipt, serve, small,
    write,
};

const NAMES: [&str; 9] = [
    "a",
    "b.txt",
    "A long name, of two slots.text",
    "twelve chars",
    "thirteen char",
    "Größe",
    "folder",
    "Another folder",
    "x",
];

/// Two sessions, and what they have open.
struct Player<'a> {
    random: u64,
    model: Model,
    session: Session<'a>,
    other: Session<'a>,
    file: Option<ChipFile<Volume>>,
    staged: Option<ChipStaged>,
}

impl Player<'_> {
    fn below(&mut self, end: usize) -> usize {
        (next_random(&mut self.random) % end as u64) as usize
    }

    fn path(&mut self) -> String {
        let depth = [1, 1, 1, 2, 2, 3][self.below(6)];
        let names: Vec<_> = (0..depth)
            .map(|at| {
                // Folders are likelier above.
                if at + 1 < depth { NAMES[6 + self.below(2)] } else { NAMES[self.below(9)] }
            })
            .collect();
        names.join("/")
    }

    fn data(&mut self) -> Vec<u8> {
        let len = [0, 1, 511, 512, 513, 1024, 4000, 10_000, 30_000][self.below(9)];
        let seed = self.below(256) as u8;
        bytes(len, seed)
    }

    /// One command; what came of it, and what should have.
    fn step(&mut self) -> (String, Result<(), Code>, Result<(), Code>) {
        let at = self.path();
        let it = at.clone();
        let place = path(it.as_bytes());
        match self.below(12) {
            0..3 => {
                let data = self.data();
                let told = put(&mut self.session, at.as_bytes(), &data);
                (format!("put {at}"), told, self.model.put(&at, data))
            }
            3 => {
                let at = if self.below(2) == 0 { "folder".to_owned() } else { at };
                let place = path(at.as_bytes());
                let told = code(self.session.make_folder(place));
                (format!("mkdir {at}"), told, self.model.make_folder(&at))
            }
            4 => {
                let told = code(self.session.remove(place));
                (format!("remove {at}"), told, self.model.remove(&at))
            }
            5..7 => {
                let to = self.path();
                let told = code(self.session.rename(place, path(to.as_bytes())));
                (format!("rename {at} {to}"), told, self.model.rename(&at, &to))
            }
            7 => {
                let told = code(self.session.forget(place));
                (format!("forget {at}"), told, self.model.forget(&at))
            }
            8 => self.keep(&at),
            9 => self.resume(&at),
            10 => self.read(&at),
            _ => self.write(&at),
        }
    }

    /// An upload that stops.
    fn keep(&mut self, at: &str) -> (String, Result<(), Code>, Result<(), Code>) {
        let (data, due) = (self.data(), self.model.check_writable(at));
        let told = code(self.session.stage(path(at.as_bytes()), None)).and_then(|mut staged| {
            let result = write(&mut self.session, &mut staged, 0, &data);
            self.session.keep(staged);
            result
        });
        if due.is_ok() {
            self.model.keep(at, data);
        }
        (format!("keep {at}"), told, due)
    }

    /// One that goes on.
    fn resume(&mut self, at: &str) -> (String, Result<(), Code>, Result<(), Code>) {
        let due = self.model.check_writable(at).and_then(|()| {
            self.model.partials.contains_key(at).then_some(()).ok_or(Code::NotFound)
        });
        let opened = code(self.session.resume(path(at.as_bytes()), None));
        let (name, told) = (format!("resume {at}"), opened.as_ref().map(|_| ()).map_err(|it| *it));
        let (Ok((mut staged, stored)), Ok(())) = (opened, due) else { return (name, told, due) };
        let mut data = self.model.partials[at].clone();
        assert_eq!(stored, data.len() as u64, "{name}");
        let kept = self.below(data.len() + 1);
        let more = self.data();
        let written = code(self.session.truncate(&mut staged, kept as u64))
            .and_then(|()| write(&mut self.session, &mut staged, kept, &more));
        if written.is_err() {
            self.session.keep(staged);
            return (name, written, Ok(()));
        }
        data.truncate(kept);
        data.extend_from_slice(&more);
        self.session.finish(staged, receipt(&data), None);
        self.session.commit();
        let told = code(self.session.committed().unwrap().1).map(|_| ());
        (name, told, self.model.commit(at, data))
    }

    /// Open a file and keep it open, or read what is open and close it.
    fn read(&mut self, at: &str) -> (String, Result<(), Code>, Result<(), Code>) {
        if let (Some(mut file), Some((open, data))) = (self.file.take(), self.model.open.take()) {
            let mut found = vec![0; data.len() + 1];
            let mut len = 0;
            let told = loop {
                match code(self.other.read_at(&mut file, len as u64, &mut found[len..])) {
                    Ok(0) => break Ok(()),
                    Ok(read) => len += read,
                    Err(error) => break Err(error),
                }
            };
            self.other.close(file);
            if told.is_err() {
                return (format!("close {open}"), told, Ok(()));
            }
            assert!(found[..len] == data, "what was open as {open}: {len} of {}", data.len());
            return (format!("close {open}"), Ok(()), Ok(()));
        }
        let due = self.model.check_parents(at).and_then(|()| match self.model.tree.get(at) {
            None => Err(Code::NotFound),
            Some(None) => Err(Code::IsDirectory),
            Some(Some(data)) => Ok(data.clone()),
        });
        let told = code(self.other.open(path(at.as_bytes())));
        let result = told.as_ref().map(|_| ()).map_err(|code| *code);
        if let (Ok((file, _)), Ok(data)) = (told, &due) {
            self.file = Some(file);
            self.model.open = Some((at.to_owned(), data.clone()));
        }
        (format!("open {at}"), result, due.map(|_| ()))
    }

    /// Begin an upload and leave it, or go on with it, or end it.
    fn write(&mut self, at: &str) -> (String, Result<(), Code>, Result<(), Code>) {
        let more = self.data();
        let Some((mut staged, (target, mut data))) =
            self.staged.take().zip(self.model.staged.take())
        else {
            let due = self.model.check_writable(at);
            let told = code(self.other.stage(path(at.as_bytes()), None));
            let result = told.as_ref().map(|_| ()).map_err(|code| *code);
            if let (Ok(staged), Ok(())) = (told, due) {
                self.staged = Some(staged);
                self.model.staged = Some((at.to_owned(), Vec::new()));
            }
            return (format!("stage {at}"), result, due);
        };
        let result = write(&mut self.other, &mut staged, data.len(), &more);
        data.extend_from_slice(&more);
        match self.below(4) {
            0 => {
                self.other.discard(staged);
                (format!("discard {target}"), result, Ok(()))
            }
            1 => {
                self.other.keep(staged);
                self.model.keep(&target, data);
                (format!("keep {target}"), result, Ok(()))
            }
            2 => {
                self.other.finish(staged, receipt(&data), None);
                self.other.commit();
                let told = code(self.other.committed().unwrap().1).map(|_| ());
                (format!("commit {target}"), told, self.model.commit(&target, data))
            }
            _ => {
                self.staged = Some(staged);
                let name = format!("write {target}");
                self.model.staged = Some((target, data));
                (name, result, Ok(()))
            }
        }
    }
}

fn play(kind: FatType, seed: u64, steps: usize) {
    let card = Card::new(small(kind));
    let chip = serve(&card);
    let mut player = Player {
        random: seed,
        model: Model::default(),
        session: Session::new(&chip),
        other: Session::new(&chip),
        file: None,
        staged: None,
    };
    let mut log = Vec::new();
    for _ in 0..steps {
        let (name, told, due) = player.step();
        log.push(format!("{name}: {told:?}"));
        assert_eq!(told, due, "{kind:?}, seed {seed}: {log:#?}");
    }
    let found = everything(&mut player.session).unwrap();
    assert!(found == player.model.tree, "{kind:?}, seed {seed}: {log:#?}");
    for at in NAMES {
        let due = match player.model.partials.get(at) {
            _ if player.model.staged.as_ref().is_some_and(|(it, _)| it == at) => Err(Code::Busy),
            stored => stored.cloned().ok_or(Code::NotFound),
        };
        let found = partial(&mut player.session, at.as_bytes());
        let lens = [&found, &due].map(|it| it.as_ref().map(Vec::len));
        assert!(found == due, "{kind:?}, seed {seed}, {at}: {lens:?}: {log:#?}");
    }
    if let Some(staged) = player.staged.take() {
        player.other.keep(staged);
    }
    check(&card.bytes()).unwrap_or_else(|why| panic!("{kind:?}, seed {seed}: {why}: {log:#?}"));
    // A mount that believes nothing finds the same free space.
    let free = player.session.space().unwrap().free;
    let again = serve(&card.after_cut(Loss::None));
    assert_eq!(Session::new(&again).space().unwrap().free, free, "{kind:?}, seed {seed}");
}

#[test]
fn random_commands_do_what_they_should() {
    for kind in KINDS {
        for seed in 0..60 {
            play(kind, seed, 150);
        }
    }
}

/// The same, with power cuts at random moments.
#[test]
fn random_cuts_leave_old_or_new() {
    for kind in KINDS {
        let mut random = kind as u64;
        let mut card = Card::new(small(kind));
        let mut model = Model::default();
        for round in 0..150 {
            let chip = serve(&card);
            let mut player = Player {
                random: next_random(&mut random),
                model: model.clone(),
                session: Session::new(&chip),
                other: Session::new(&chip),
                file: None,
                staged: None,
            };
            card.cut_after((next_random(&mut random) % 120) as usize);
            let (mut log, mut before) = (Vec::new(), model.tree.clone());
            for _ in 0..30 {
                before.clone_from(&player.model.tree);
                let (name, told, due) = player.step();
                log.push(format!("{name}: {told:?}"));
                if told != due {
                    assert!(told.is_err(), "{kind:?}, round {round}: {log:#?}");
                    break;
                }
            }
            let after = player.model.tree.clone();
            drop(player);
            card = card.after_cut(Loss::Some(next_random(&mut random)));
            let chip = serve(&card);
            let found = everything(&mut Session::new(&chip)).unwrap();
            assert!(found == before || found == after, "{kind:?}, round {round}: {log:#?}");
            check(&card.bytes()).unwrap_or_else(|why| panic!("{kind:?}, {round}: {why}: {log:#?}"));
            model = Model { tree: found, ..Model::default() };
            let mut session = Session::new(&chip);
            for at in paths() {
                if let Ok(stored) = partial(&mut session, at.as_bytes()) {
                    model.partials.insert(at, stored);
                }
            }
            card = card.after_cut(Loss::None);
        }
    }
}

/// Every path that a player can think of.
fn paths() -> Vec<String> {
    let folders = &NAMES[6..8];
    let mut paths: Vec<_> = NAMES.map(str::to_owned).to_vec();
    for above in folders {
        paths.extend(NAMES.map(|name| format!("{above}/{name}")));
        for inner in folders {
            paths.extend(NAMES.map(|name| format!("{above}/{inner}/{name}")));
        }
    }
    paths
}
