//! Downloads on their way: hidden files beside their targets, which become visible whole.

use core::time::Duration;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coracle::Crc32;

const SUFFIX: &str = ".coracle-part";

/// Random letters between the name and the suffix.
const RANDOM_LEN: usize = 6;

/// Names that are tried until one is free.
const TRIES_MAX: u32 = 100;

/// Bytes of the name that the staged name repeats: with all that is added the name still has
/// at most the 255 bytes a file system allows.
const NAME_LEN: usize = 200;

/// A file that is being downloaded. It stays when it is dropped, so that it can be continued;
/// it is locked meanwhile, so that nobody else continues it.
#[derive(Debug)]
pub(crate) struct Staged {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl Staged {
    /// A new one, with the permissions of the file that will be replaced, or ordinary ones.
    pub(crate) fn create(target: &Path, replaced: Option<&Permissions>) -> io::Result<Self> {
        let mut tries = 1..=TRIES_MAX;
        let (file, path) = loop {
            let path = folder(target).join(staged_name(target));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && tries.next().is_some() => {}
                opened => break (opened?, path),
            }
        };
        let staged = Self { file, path, target: target.to_owned() };
        staged.file.try_lock()?;
        if let Some(permissions) = replaced {
            staged.file.set_permissions(permissions.clone())?;
        }
        Ok(staged)
    }

    /// Take up the newest leftover that nobody is working on.
    pub(crate) fn leftover(target: &Path, leftovers: &[PathBuf]) -> io::Result<Option<Self>> {
        let mut newest: Option<(SystemTime, Self)> = None;
        for path in leftovers {
            let Ok(file) = File::options().read(true).write(true).open(path) else { continue };
            if file.try_lock().is_err() {
                continue;
            }
            let modified = file.metadata()?.modified()?;
            if newest.as_ref().is_none_or(|(other, _)| modified > *other) {
                let staged = Self { file, path: path.clone(), target: target.to_owned() };
                newest = Some((modified, staged));
            }
        }
        Ok(newest.map(|(_, staged)| staged))
    }

    /// Begin with a copy of `original`, of which `length` bytes have the checksum `crc`.
    pub(crate) fn copy_of(
        original: &File,
        length: u64,
        crc: u32,
        target: &Path,
        replaced: Option<&Permissions>,
    ) -> io::Result<Self> {
        let mut staged = Self::create(target, replaced)?;
        io::copy(&mut original.take(length), &mut staged.file)?;
        if staged.crc(length)? != crc {
            remove(&staged.path);
            return Err(io::Error::other("it changed meanwhile"));
        }
        Ok(staged)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    /// The checksum of the first `length` bytes.
    pub(crate) fn crc(&self, length: u64) -> io::Result<u32> {
        crc_of(&self.file, length)
    }

    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    /// Begin anew.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Cut off what lies behind `length`: a leftover may be longer than the file is now.
    pub(crate) fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    /// Stop: nothing stays.
    pub(crate) fn discard(self) {
        remove(&self.path);
    }

    /// Stop: what came stays and replaces older leftovers, unless nothing came.
    pub(crate) fn keep(self, leftovers: &[PathBuf]) {
        match self.len() {
            Ok(0) => remove(&self.path),
            _ => remove_others(leftovers, &self.path),
        }
    }
}

/// A download that is whole and right.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) staged: Staged,
    /// In seconds since 1970.
    pub(crate) modified: Option<u64>,
    /// Never replace a file.
    pub(crate) no_clobber: bool,
}

/// Make files visible: bytes to the disk, then the names, then the folders. One may fail
/// without the others.
pub(crate) fn publish(files: &[Whole], leftovers: &Leftovers) -> Vec<io::Result<()>> {
    let flushed = flush(files);
    let mut folders: Vec<&Path> = Vec::new();
    let mut results = Vec::with_capacity(files.len());
    for (whole, flushed) in files.iter().zip(flushed) {
        let result = flushed.and_then(|()| show(whole));
        if result.is_ok() {
            let folder = folder(&whole.staged.target);
            if !folders.contains(&folder) {
                folders.push(folder);
            }
            remove_others(leftovers.of(&whole.staged.target), &whole.staged.path);
        }
        results.push(result);
    }
    for folder in folders {
        // The names are there; where a folder cannot be flushed nothing better can be done.
        File::open(folder).and_then(|folder| folder.sync_all()).ok();
    }
    results
}

/// Flushing a file system once is cheaper than many files one by one.
const GROUP_MIN: usize = 16;

fn flush(files: &[Whole]) -> Vec<io::Result<()>> {
    for Whole { staged, modified, .. } in files {
        let since = modified.map(Duration::from_secs);
        if let Some(time) = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)) {
            // A time that the file system cannot hold is no reason to lose the file.
            staged.file.set_modified(time).ok();
        }
    }
    if files.len() >= GROUP_MIN && flush_systems(files) {
        return files.iter().map(|_| Ok(())).collect();
    }
    files.iter().map(|whole| whole.staged.file.sync_all()).collect()
}

#[cfg(target_os = "linux")]
fn flush_systems(files: &[Whole]) -> bool {
    use std::collections::HashSet;
    use std::os::unix::fs::MetadataExt;

    let (mut folders, mut systems) = (HashSet::new(), HashMap::new());
    for Whole { staged, .. } in files {
        // What was made in one folder lies on one system.
        if !folders.insert(folder(&staged.path)) {
            continue;
        }
        let Ok(metadata) = staged.file.metadata() else { return false };
        systems.entry(metadata.dev()).or_insert(&staged.file);
    }
    systems.values().all(|file| rustix::fs::syncfs(file).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn flush_systems(_files: &[Whole]) -> bool {
    false
}

fn show(whole: &Whole) -> io::Result<()> {
    let Staged { path, target, .. } = &whole.staged;
    if whole.no_clobber {
        // Unlike a rename, a link fails where there is a file meanwhile.
        fs::hard_link(path, target)?;
        return fs::remove_file(path);
    }
    fs::rename(path, target)
}

/// The leftovers of earlier downloads, by target. Each folder is read once.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    folders: HashMap<PathBuf, HashMap<OsString, Vec<PathBuf>>>,
}

impl Leftovers {
    /// Look for those of `target`.
    pub(crate) fn look_for(&mut self, target: &Path) -> io::Result<()> {
        let folder = folder(target);
        if self.folders.contains_key(folder) {
            return Ok(());
        }
        let mut stems: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(stem) = stem_of(&entry.file_name()) {
                stems.entry(stem).or_default().push(entry.path());
            }
        }
        self.folders.insert(folder.to_owned(), stems);
        Ok(())
    }

    /// Those of `target`.
    pub(crate) fn of(&self, target: &Path) -> &[PathBuf] {
        let stems = self.folders.get(folder(target));
        // Most often there are none.
        let stems = stems.filter(|stems| !stems.is_empty());
        stems.and_then(|stems| stems.get(&stem(target))).map_or(&[], Vec::as_slice)
    }
}

/// The checksum of the first `length` bytes of a file.
pub(crate) fn crc_of(file: &File, length: u64) -> io::Result<u32> {
    let mut crc = Crc32::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut offset = 0;
    while offset < length {
        let wanted = usize::try_from(length - offset).unwrap_or(usize::MAX).min(buffer.len());
        match file.read_at(&mut buffer[..wanted], offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                crc.update(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
    Ok(crc.value())
}

/// Remove leftovers that nobody is working on.
fn remove_others(leftovers: &[PathBuf], but: &Path) {
    for path in leftovers.iter().filter(|path| *path != but) {
        let is_free = File::open(path).is_ok_and(|file| file.try_lock().is_ok());
        if is_free {
            remove(path);
        }
    }
}

fn remove(path: &Path) {
    // What cannot be removed stays hidden; it is only litter.
    fs::remove_file(path).ok();
}

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// How the staged names of a target begin.
fn stem(target: &Path) -> OsString {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let mut stem = b".".to_vec();
    if name.len() <= NAME_LEN {
        stem.extend(name);
    } else {
        // Cut names are told apart by their checksum.
        let mut crc = Crc32::new();
        crc.update(name);
        let text = String::from_utf8_lossy(&name[..NAME_LEN]);
        stem.extend(text.trim_end_matches('\u{fffd}').bytes());
        stem.extend(format!("~{:08x}", crc.value()).bytes());
    }
    OsString::from_vec(stem)
}

/// A name that is hardly ever taken. Whoever guesses it gains nothing: it is made anew, or not.
fn staged_name(target: &Path) -> OsString {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut name = stem(target);
    name.push(".");
    // Its keys are random in each process, and others each time.
    let mut number = RandomState::new().build_hasher().finish();
    for _ in 0..RANDOM_LEN {
        let letter = LETTERS[(number % 62) as usize];
        name.push(char::from(letter).encode_utf8(&mut [0; 4]));
        number /= 62;
    }
    name.push(SUFFIX);
    name
}

/// The stem of a staged name, `None` for any other.
fn stem_of(name: &OsStr) -> Option<OsString> {
    let rest = name.as_bytes().strip_suffix(SUFFIX.as_bytes())?;
    let (rest, random) = rest.split_at_checked(rest.len().checked_sub(RANDOM_LEN)?)?;
    let stem = rest.strip_suffix(b".")?;
    let is_ours = stem.len() > 1 && stem.starts_with(b".");
    let is_random = random.iter().all(u8::is_ascii_alphanumeric);
    (is_ours && is_random).then(|| OsStr::from_bytes(stem).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staged_names_belong_to_one_target() {
        let stem_of = |name: &str| stem_of(OsStr::new(name));
        assert_eq!(stem_of(".a.Ab3dEf.coracle-part"), Some(stem(Path::new("x/a"))));
        assert_eq!(stem_of(".a.b.Ab3dEf.coracle-part"), Some(stem(Path::new("a.b"))));
        for other in
            ["a.Ab3dEf.coracle-part", ".a.Ab3dE.coracle-part", ".a.Ab3dEf", ".coracle-part"]
        {
            assert_eq!(stem_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_the_system_says_is_told_without_the_staged_name() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Staged::create(&folder.path().join("missing/a"), None).unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::NotFound);
        assert!(!failure.to_string().contains("coracle-part"), "{failure}");
    }

    #[test]
    fn long_names_can_be_staged() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x".repeat(255), "é".repeat(127)] {
            let staged = Staged::create(&folder.path().join(&name), None).unwrap();
            assert_eq!(stem_of(staged.path.file_name().unwrap()), Some(stem(Path::new(&name))));
        }
        let other = format!("{}y", "x".repeat(254));
        assert_ne!(stem(Path::new(&other)), stem(Path::new(&"x".repeat(255))));
    }
}
