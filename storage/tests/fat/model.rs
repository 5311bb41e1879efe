//! What a card should hold, in memory.

use std::collections::BTreeMap;

use coracle::Code;

/// Paths and what is in the files; folders have nothing.
pub type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// What the card should hold.
#[derive(Clone, Default)]
pub struct Model {
    pub tree: Tree,
    pub partials: BTreeMap<String, Vec<u8>>,
    /// The path of the file that one session has open, and its bytes.
    pub open: Option<(String, Vec<u8>)>,
    /// The path that the other one writes, and what it wrote.
    pub staged: Option<(String, Vec<u8>)>,
}

fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn moved(path: &str, from: &str, to: &str) -> Option<String> {
    let rest = path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    rest.map(|rest| format!("{to}{rest}"))
}

impl Model {
    pub fn check_parents(&self, path: &str) -> Result<(), Code> {
        for (at, _) in path.match_indices('/') {
            match self.tree.get(&path[..at]) {
                None => return Err(Code::NotFound),
                Some(Some(_)) => return Err(Code::NotDirectory),
                Some(None) => {}
            }
        }
        Ok(())
    }

    pub fn check_unread(&self, path: &str) -> Result<(), Code> {
        let is_read = self.open.as_ref().is_some_and(|(open, _)| open == path);
        if is_read { Err(Code::Busy) } else { Ok(()) }
    }

    pub fn check_writable(&self, path: &str) -> Result<(), Code> {
        self.check_parents(path)?;
        match self.tree.get(path) {
            Some(None) => Err(Code::IsDirectory),
            _ if self.staged.as_ref().is_some_and(|(staged, _)| staged == path) => Err(Code::Busy),
            _ => Ok(()),
        }
    }

    pub fn put(&mut self, path: &str, data: Vec<u8>) -> Result<(), Code> {
        self.check_writable(path)?;
        self.commit(path, data)
    }

    /// What cannot be committed is kept.
    pub fn commit(&mut self, path: &str, data: Vec<u8>) -> Result<(), Code> {
        let result = match self.tree.get(path) {
            Some(None) => Err(Code::IsDirectory),
            _ => self.check_unread(path),
        };
        if result.is_err() {
            self.keep(path, data);
            return result;
        }
        self.partials.remove(path);
        self.tree.insert(path.to_owned(), Some(data));
        Ok(())
    }

    pub fn keep(&mut self, path: &str, data: Vec<u8>) {
        if !data.is_empty() {
            self.partials.insert(path.to_owned(), data);
        }
    }

    pub fn remove(&mut self, path: &str) -> Result<(), Code> {
        self.check_parents(path)?;
        match self.tree.get(path).ok_or(Code::NotFound)? {
            Some(_) => self.check_unread(path)?,
            None if self.tree.keys().any(|it| is_in(it, path)) => return Err(Code::NotEmpty),
            None if self.staged.as_ref().is_some_and(|(it, _)| is_in(it, path)) => {
                return Err(Code::Busy);
            }
            None => self.partials.retain(|it, _| !is_in(it, path)),
        }
        self.tree.remove(path);
        Ok(())
    }

    pub fn make_folder(&mut self, path: &str) -> Result<(), Code> {
        self.check_parents(path)?;
        if self.tree.contains_key(path) {
            return Err(Code::Exists);
        }
        self.tree.insert(path.to_owned(), None);
        Ok(())
    }

    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Code> {
        self.check_parents(from)?;
        let is_folder = self.tree.get(from).ok_or(Code::NotFound)?.is_none();
        self.check_parents(to)?;
        if is_folder && is_in(to, from) {
            return Err(Code::BadArgument);
        }
        match self.tree.get(to) {
            _ if from == to => return Ok(()),
            Some(_) if is_folder => return Err(Code::Exists),
            Some(None) => return Err(Code::IsDirectory),
            Some(Some(_)) => self.check_unread(to)?,
            None => {}
        }
        let here = |path: String| moved(&path, from, to).unwrap_or(path);
        let replaced = self.tree.remove(to);
        drop(replaced);
        self.tree =
            std::mem::take(&mut self.tree).into_iter().map(|(at, it)| (here(at), it)).collect();
        if let Some((open, _)) = &mut self.open {
            *open = here(std::mem::take(open));
        }
        if is_folder {
            // Those of its own name stay where they are.
            let inside = |at: String| if at == from { at } else { here(at) };
            let partials = std::mem::take(&mut self.partials).into_iter();
            self.partials = partials.map(|(at, it)| (inside(at), it)).collect();
            if let Some((staged, _)) = &mut self.staged {
                *staged = inside(std::mem::take(staged));
            }
        }
        Ok(())
    }

    pub fn forget(&mut self, path: &str) -> Result<(), Code> {
        self.check_parents(path)?;
        if self.staged.as_ref().is_some_and(|(staged, _)| staged == path) {
            return Err(Code::Busy);
        }
        self.partials.remove(path).map(|_| ()).ok_or(Code::NotFound)
    }
}
