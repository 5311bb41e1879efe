//! What a file system is to hold: a model in memory, and comparing it with what is there.

use std::collections::BTreeMap;

use coracle::{Kind, Storage};
use coracle_storage::chip::Error;

use super::random::Random;
use super::world::{get, names, path, put};

/// Bytes of each file, `None` for folders, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<String, Option<Vec<u8>>>);

/// Few names, so that they meet: some are the beginnings of others, one is as long as can be.
const NAMES: [&str; 8] = ["a", "ab", "abc", "a#c", "b", " ", "ä", LONG];
const LONG: &str = concat!(
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "0123456789012345678901234567890123456789012345678901234567890123456789012",
);

/// One thing that a client does.
#[derive(Clone, Debug)]
pub enum Act {
    Put(String, Vec<u8>),
    Remove(String),
    MakeFolder(String),
    Rename(String, String),
}

impl Act {
    pub fn random(random: &mut Random, largest: u64) -> Self {
        match random.below(10) {
            0..5 => {
                let most = largest.min(1 << random.below(18));
                let size = random.below(most + 1) as usize;
                Self::Put(some_path(random), random.bytes(size))
            }
            5 => Self::Remove(some_path(random)),
            6 | 7 => Self::MakeFolder(some_path(random)),
            _ => Self::Rename(some_path(random), some_path(random)),
        }
    }

    pub fn run(&self, session: &mut impl Storage<Error = Error>) -> Result<(), Error> {
        match self {
            Self::Put(name, data) => put(session, name, data),
            Self::Remove(name) => session.remove(path(name)),
            Self::MakeFolder(name) => session.make_folder(path(name)),
            Self::Rename(from, to) => session.rename(path(from), path(to)),
        }
    }
}

/// A name, or one in a folder that may be there.
fn some_path(random: &mut Random) -> String {
    let name = NAMES[random.below(NAMES.len() as u64) as usize];
    // In a folder that has such a name as well, it would be too long for a path.
    let folders = if name == LONG { 0 } else { 2 };
    match random.below(folders + 1) {
        2 => format!("{}/{name}", NAMES[random.below(3) as usize]),
        1 => format!("{}/b/{name}", NAMES[random.below(3) as usize]),
        _ => name.to_owned(),
    }
}

impl Tree {
    /// What is to be there after this; only where the medium did it.
    pub fn do_it(&mut self, act: &Act) {
        match act {
            Act::Put(name, data) => drop(self.0.insert(name.clone(), Some(data.clone()))),
            Act::Remove(name) => drop(self.0.remove(name)),
            Act::MakeFolder(name) => drop(self.0.insert(name.clone(), None)),
            Act::Rename(from, to) if from != to => {
                let inside = format!("{from}/");
                let moved: Vec<_> = self
                    .0
                    .keys()
                    .filter(|name| *name == from || name.starts_with(&inside))
                    .cloned()
                    .collect();
                for name in moved {
                    let node = self.0.remove(&name).unwrap();
                    self.0.insert(format!("{to}{}", &name[from.len()..]), node);
                }
            }
            Act::Rename(..) => {}
        }
    }

    /// Whether it can be done, by the rules of names.
    pub fn allows(&self, act: &Act) -> bool {
        let parent_is_folder = |name: &str| match name.rsplit_once('/') {
            Some((parent, _)) => self.0.get(parent) == Some(&None),
            None => true,
        };
        let is_folder = |name: &str| self.0.get(name) == Some(&None);
        match act {
            Act::Put(name, _) => parent_is_folder(name) && !is_folder(name),
            Act::Remove(name) => {
                let inside = format!("{name}/");
                self.0.contains_key(name) && !self.0.keys().any(|other| other.starts_with(&inside))
            }
            Act::MakeFolder(name) => parent_is_folder(name) && !self.0.contains_key(name),
            Act::Rename(from, to) => {
                let into_itself = is_folder(from) && to.starts_with(&format!("{from}/"));
                let target = self.0.get(to);
                let fits = target.is_none() || from == to || (!is_folder(from) && !is_folder(to));
                self.0.contains_key(from) && parent_is_folder(to) && !into_itself && fits
            }
        }
    }

    /// Everything that a session shows.
    pub fn of(session: &mut impl Storage<Error = Error>) -> Self {
        let mut tree = Self::default();
        tree.read(session, "");
        tree
    }

    fn read(&mut self, session: &mut impl Storage<Error = Error>, folder: &str) {
        for name in names(session, folder).unwrap() {
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let kind = session.stat(path(&name)).unwrap().kind;
            let data = (kind == Kind::File).then(|| get(session, &name).unwrap());
            assert!(self.0.insert(name.clone(), data).is_none(), "{name} twice");
            if kind == Kind::Folder {
                self.read(session, &name);
            }
        }
    }

    /// Assert that both are the same, without printing all the bytes.
    pub fn assert_is(&self, other: &Self, when: &str) {
        let names = |tree: &Self| tree.0.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(other), "names {when}");
        for (name, data) in &self.0 {
            let is = data == &other.0[name];
            let sizes = (data.as_ref().map(Vec::len), other.0[name].as_ref().map(Vec::len));
            assert!(is, "{name} {when}: other bytes, or sizes {sizes:?}");
        }
    }
}
