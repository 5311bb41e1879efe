//! A temporary folder as a medium, with operations that fail on demand and a clock that is told.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use cap_std::fs::Dir;
use coracle::{Code, Crc32, Durability, Path, Receipt, Refusal, Storage};
use coracle_storage::folder::files::{Files, Host};
use coracle_storage::folder::{Folder, FolderOptions, FolderSession};
use tempfile::TempDir;

pub fn path(bytes: &[u8]) -> Path<'_> {
    Path::new(bytes).unwrap()
}

pub fn receipt(bytes: &[u8]) -> Receipt {
    let mut crc = Crc32::new();
    crc.update(bytes);
    Receipt { length: bytes.len() as u64, crc: crc.value() }
}

pub fn code<T, E: Into<Refusal>>(result: Result<T, E>) -> Code {
    match result {
        Ok(_) => panic!("must be refused"),
        Err(error) => error.into().code,
    }
}

/// A whole upload.
pub fn put(session: &mut FolderSession, at: &[u8], data: &[u8]) -> Result<Durability, Code> {
    let staged = stage(session, at, data)?;
    session.finish(staged, receipt(data), None);
    session.commit();
    session.committed().unwrap().1.map_err(|error| error.refusal().code)
}

/// Stage and write; what cannot be written is kept.
pub fn stage(
    session: &mut FolderSession,
    at: &[u8],
    data: &[u8],
) -> Result<<FolderSession as Storage>::Staged, Code> {
    let refused = |error: coracle_storage::folder::FolderError| error.refusal().code;
    let mut staged = session.stage(path(at), Some(data.len() as u64)).map_err(refused)?;
    let mut written = 0;
    while written < data.len() {
        match session.write_at(&mut staged, written as u64, &data[written..]) {
            Ok(n) => written += n,
            Err(error) => {
                session.keep(staged);
                return Err(refused(error));
            }
        }
    }
    Ok(staged)
}

pub fn get(session: &mut FolderSession, at: &[u8]) -> Result<Vec<u8>, Code> {
    let (mut file, found) = session.open(path(at)).map_err(|error| error.refusal().code)?;
    let mut all = vec![0; found.size as usize + 1];
    let read = session.read_at(&mut file, 0, &mut all).unwrap();
    all.truncate(read);
    session.close(file);
    Ok(all)
}

pub fn names(session: &mut FolderSession, at: &[u8]) -> Vec<Vec<u8>> {
    let mut folder = session.open_folder(path(at)).unwrap();
    let mut names = Vec::new();
    let mut name = [0; 255];
    while let Some((_, len)) = session.next_entry(&mut folder, &mut name).unwrap() {
        names.push(name[..len].to_vec());
    }
    session.close_folder(folder);
    names.sort();
    names
}

/// A served folder inside a temporary one, so that there is something outside of it.
pub struct Served {
    pub outer: TempDir,
    pub root: PathBuf,
    pub folder: Folder,
    pub faults: Arc<Faults>,
}

impl Served {
    pub fn new() -> Self {
        Self::with_options(FolderOptions::default())
    }

    pub fn with_options(options: FolderOptions) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let faults = Arc::new(Faults::default());
        let folder = Folder::with_files(&root, options, faults.clone()).unwrap();
        Self { outer, root, folder, faults }
    }

    /// A new server on the same folder.
    pub fn reopened(self) -> Self {
        let folder =
            Folder::with_files(&self.root, FolderOptions::default(), self.faults.clone()).unwrap();
        Self { folder, ..self }
    }

    pub fn session(&self) -> FolderSession {
        self.folder.session()
    }

    /// Staged files on the disk.
    pub fn staged(&self, at: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(at)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let names = names.filter_map(|name| name.into_string().ok());
        names.filter(|name| name.starts_with(".coracle-")).collect()
    }
}

/// File operations that are counted, and fail or stop short on demand.
pub struct Faults {
    start: Instant,
    passed: AtomicU64,
    steps: AtomicUsize,
    plan: Mutex<Plan>,
    log: Mutex<Vec<&'static str>>,
}

#[derive(Clone, Copy, Default)]
pub struct Plan {
    /// This step fails, counted from 0, with this error of the host.
    pub fail: Option<(usize, i32)>,
    /// Everything after this step fails: the power is cut.
    pub cut: Option<usize>,
    /// A write takes at most so many bytes.
    pub short: Option<usize>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            start: Instant::now() + Duration::from_secs(10),
            passed: AtomicU64::new(0),
            steps: AtomicUsize::new(0),
            plan: Mutex::default(),
            log: Mutex::default(),
        }
    }
}

impl Faults {
    /// Count from 0 again, and go by this plan.
    pub fn plan(&self, plan: Plan) {
        *self.plan.lock().unwrap() = plan;
        self.steps.store(0, Ordering::SeqCst);
        self.log.lock().unwrap().clear();
    }

    pub fn pass(&self, milliseconds: u64) {
        self.passed.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// The steps since the last plan.
    pub fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }

    fn step(&self, what: &'static str) -> io::Result<()> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        self.log.lock().unwrap().push(what);
        let plan = *self.plan.lock().unwrap();
        match plan {
            Plan { fail: Some((at, errno)), .. } if at == step => {
                Err(io::Error::from_raw_os_error(errno))
            }
            Plan { cut: Some(at), .. } if step >= at => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }
}

impl Files for Faults {
    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }

    fn today(&self) -> SystemTime {
        SystemTime::now() + Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }

    fn create(&self, folder: &Dir, name: &[u8], mode: u32) -> io::Result<File> {
        self.step("create")?;
        Host.create(folder, name, mode)
    }

    fn write_at(&self, file: &File, data: &[u8], offset: u64) -> io::Result<usize> {
        self.step("write")?;
        let short = self.plan.lock().unwrap().short.unwrap_or(data.len()).min(data.len());
        Host.write_at(file, &data[..short], offset)
    }

    fn set_modified(&self, file: &File, seconds: u64) -> io::Result<()> {
        self.step("time")?;
        Host.set_modified(file, seconds)
    }

    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        self.step("mode")?;
        Host.set_mode(file, mode)
    }

    fn flush(&self, file: &File) -> io::Result<()> {
        self.step("flush")?;
        Host.flush(file)
    }

    fn flush_medium(&self, file: &File) -> io::Result<()> {
        self.step("flush medium")?;
        // Not every file system that tests run on can do it.
        Host.flush(file)
    }

    fn flush_folder(&self, folder: &Dir) -> io::Result<()> {
        self.step("flush folder")?;
        Host.flush_folder(folder)
    }

    fn rename(&self, from: &Dir, old: &[u8], to: &Dir, new: &[u8]) -> io::Result<()> {
        self.step("rename")?;
        Host.rename(from, old, to, new)
    }

    fn rename_folder(&self, from: &Dir, old: &[u8], to: &Dir, new: &[u8]) -> io::Result<()> {
        self.step("rename folder")?;
        Host.rename_folder(from, old, to, new)
    }

    fn unlink(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        self.step("unlink")?;
        Host.unlink(folder, name)
    }

    fn remove_folder(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        self.step("remove folder")?;
        Host.remove_folder(folder, name)
    }

    fn make_folder(&self, folder: &Dir, name: &[u8]) -> io::Result<()> {
        self.step("make folder")?;
        Host.make_folder(folder, name)
    }
}
