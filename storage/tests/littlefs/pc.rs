//! The original, as a PC uses it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use littlefs_rust::{Config, Error, FileType, Filesystem, OpenFlags, Storage};

use super::tree::{Act, Tree};
use super::world::{Device, block_len};

/// The bytes of a medium, as a PC has them; clones are the same.
#[derive(Clone)]
pub struct Image {
    pub bytes: Rc<RefCell<Vec<u8>>>,
    block_len: u32,
    /// Writes before the power fails.
    pub left: Rc<Cell<u64>>,
}

impl Image {
    pub fn new(bytes: Vec<u8>) -> Self {
        let block_len = block_len(&bytes) as u32;
        let left = Rc::new(Cell::new(u64::MAX));
        Self { bytes: Rc::new(RefCell::new(bytes)), block_len, left }
    }

    pub fn config(&self) -> Config {
        Config::new(self.block_len, self.bytes.borrow().len() as u32 / self.block_len)
    }

    fn at(&self, block: u32, offset: u32) -> usize {
        (block * self.block_len + offset) as usize
    }
}

impl Storage for Image {
    fn read(&mut self, block: u32, offset: u32, buf: &mut [u8]) -> Result<(), Error> {
        let (at, bytes) = (self.at(block, offset), self.bytes.borrow());
        buf.copy_from_slice(bytes.get(at..at + buf.len()).ok_or(Error::Io)?);
        Ok(())
    }

    fn write(&mut self, block: u32, offset: u32, data: &[u8]) -> Result<(), Error> {
        self.left.set(self.left.get().checked_sub(1).ok_or(Error::Io)?);
        let (at, mut bytes) = (self.at(block, offset), self.bytes.borrow_mut());
        bytes.get_mut(at..at + data.len()).ok_or(Error::Io)?.copy_from_slice(data);
        Ok(())
    }

    /// A card is not erased: what is there stays.
    fn erase(&mut self, _block: u32) -> Result<(), Error> {
        Ok(())
    }
}

/// Let the original have the medium.
pub fn original_with<T>(
    device: &impl Device,
    configure: impl FnOnce(&mut Config),
    work: impl FnOnce(&Filesystem<Image>) -> T,
) -> T {
    let image = Image::new(device.image());
    let mut config = image.config();
    configure(&mut config);
    let fs = Filesystem::mount(image.clone(), config).map_err(|(error, _)| error).unwrap();
    let done = work(&fs);
    fs.unmount().unwrap();
    device.set_image(&image.bytes.borrow());
    done
}

/// Let the original have the medium, as it is configured by default.
pub fn original<T>(device: &impl Device, work: impl FnOnce(&Filesystem<Image>) -> T) -> T {
    original_with(device, |_| {}, work)
}

/// Everything that the original shows, but staged files.
pub fn read(fs: &Filesystem<Image>) -> Result<Tree, Error> {
    let mut tree = Tree::default();
    read_folder(fs, "", &mut tree)?;
    Ok(tree)
}

fn read_folder(fs: &Filesystem<Image>, folder: &str, tree: &mut Tree) -> Result<(), Error> {
    for entry in fs.list_dir(&format!("/{folder}"))? {
        if entry.name.contains("#coracle-") {
            continue;
        }
        let name = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
        match entry.file_type {
            FileType::File => {
                let data = fs.read_to_vec(&format!("/{name}"))?;
                tree.0.insert(name, Some(data));
            }
            FileType::Dir => {
                tree.0.insert(name.clone(), None);
                read_folder(fs, &name, tree)?;
            }
        }
    }
    Ok(())
}

/// Do it with the original.
pub fn run(fs: &Filesystem<Image>, act: &Act) -> Result<(), Error> {
    match act {
        Act::Put(name, data) => {
            let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNC;
            let file = fs.open(&format!("/{name}"), flags)?;
            for chunk in data.chunks(1000) {
                assert_eq!(file.write(chunk)?, chunk.len() as u32);
            }
            file.close()
        }
        Act::Remove(name) => fs.remove(&format!("/{name}")),
        Act::MakeFolder(name) => fs.mkdir(&format!("/{name}")),
        Act::Rename(from, to) => fs.rename(&format!("/{from}"), &format!("/{to}")),
    }
}
