//! Media with a littlefs, and sessions on them.

use std::cell::RefCell;
use std::rc::Rc;

use coracle::{Code, Path, Receipt, Refusal, Storage};
use coracle_storage::chip::{Chip, ChipSession, Error, Volume};
use coracle_storage::littlefs::{Card, Flash, LittleFs, Nor};

use super::card::{self, Loss};
use super::nor::SimNor;

/// A medium whose power can be cut. Clones are the same medium.
pub trait Device: Clone {
    type Flash: Flash;

    /// A small one, on which nothing was ever written.
    fn small() -> Self;

    fn flash(&self) -> Self::Flash;

    /// Let the power go in this operation, counted from now, and leave what the seed says.
    fn cut_after(&self, operations: u64, seed: u64);

    fn restart(&self);

    fn operations(&self) -> u64;

    fn image(&self) -> Vec<u8>;

    fn set_image(&self, image: &[u8]);

    /// What is on it may be nonsense from now on.
    fn damage(&self) {}
}

/// A card in its slot, and what it loses when the power fails.
#[derive(Clone)]
pub struct CardDevice(Rc<RefCell<(card::Card, Loss)>>);

/// Blocks of the small card: one MiB.
const CARD_BLOCKS: usize = 2048;

impl CardDevice {
    /// A card with these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new((card::Card::new(Rc::new(bytes)), Loss::None))))
    }

    pub fn card(&self) -> card::Card {
        self.0.borrow().0.clone()
    }
}

impl Device for CardDevice {
    type Flash = Card<card::Card>;

    fn small() -> Self {
        Self::new(vec![0xA5; CARD_BLOCKS * 512])
    }

    fn flash(&self) -> Card<card::Card> {
        Card::new(self.card())
    }

    fn cut_after(&self, operations: u64, seed: u64) {
        self.0.borrow_mut().1 = match seed % 4 {
            0 => Loss::None,
            1 => Loss::All,
            _ => Loss::Some(seed),
        };
        self.card().cut_after(operations as usize);
    }

    fn restart(&self) {
        let (card, loss) = &mut *self.0.borrow_mut();
        *card = card.after_cut(*loss);
    }

    fn operations(&self) -> u64 {
        self.card().steps() as u64
    }

    fn image(&self) -> Vec<u8> {
        self.card().bytes()
    }

    fn set_image(&self, image: &[u8]) {
        self.0.borrow_mut().0 = card::Card::new(Rc::new(image.to_vec()));
    }
}

impl<const WRITE: usize, const ERASE: usize> Device for SimNor<WRITE, ERASE> {
    type Flash = Nor<Self>;

    fn small() -> Self {
        Self::new((1 << 20).max(32 * ERASE))
    }

    fn flash(&self) -> Nor<Self> {
        Nor::new(self.clone())
    }

    fn cut_after(&self, operations: u64, seed: u64) {
        Self::cut_after(self, operations, seed);
    }

    fn restart(&self) {
        Self::restart(self);
    }

    fn operations(&self) -> u64 {
        Self::operations(self)
    }

    fn image(&self) -> Vec<u8> {
        Self::image(self)
    }

    fn set_image(&self, image: &[u8]) {
        Self::set_image(self, image);
    }

    fn damage(&self) {
        Self::damage(self);
    }
}

pub type Fs<D> = LittleFs<<D as Device>::Flash, 10>;
pub type Served<D> = RefCell<Chip<Fs<D>, 8>>;
pub type Session<'a, D> = ChipSession<'a, Fs<D>, 8>;

/// What is on the medium, served.
pub fn served<D: Device>(device: &D) -> Served<D> {
    RefCell::new(Chip::new(LittleFs::new(device.flash())))
}

/// A new medium with a new file system.
pub fn formatted<D: Device>() -> D {
    let device = D::small();
    LittleFs::<_, 1>::new(device.flash()).format().unwrap();
    device
}

/// A path; the empty one is the root.
pub fn path(name: &str) -> Path<'_> {
    if name.is_empty() { Path::ROOT } else { Path::new(name.as_bytes()).unwrap() }
}

/// A whole upload.
pub fn put(
    session: &mut impl Storage<Error = Error>,
    name: &str,
    data: &[u8],
) -> Result<(), Error> {
    let mut staged = session.stage(path(name), None)?;
    if let Err(error) = write(session, &mut staged, 0, data) {
        session.discard(staged);
        return Err(error);
    }
    session.finish(staged, Receipt::default(), Some(1_700_000_000));
    session.commit();
    session.committed().unwrap().1.map(|_| ())
}

/// Write bytes at an offset, 1024 at a time as the server does.
pub fn write<S: Storage<Error = Error>>(
    session: &mut S,
    staged: &mut S::Staged,
    mut offset: u64,
    data: &[u8],
) -> Result<(), Error> {
    for mut chunk in data.chunks(1024) {
        while !chunk.is_empty() {
            let written = session.write_at(staged, offset, chunk)?;
            offset += written as u64;
            chunk = &chunk[written..];
        }
    }
    Ok(())
}

pub fn get(session: &mut impl Storage<Error = Error>, name: &str) -> Result<Vec<u8>, Error> {
    let (mut file, found) = session.open(path(name))?;
    let all = read_all(session, &mut file)?;
    session.close(file);
    assert_eq!(found.size, all.len() as u64, "the size of {name}");
    Ok(all)
}

pub fn partial(session: &mut impl Storage<Error = Error>, name: &str) -> Result<Vec<u8>, Error> {
    let (mut file, _) = session.open_partial(path(name))?;
    let all = read_all(session, &mut file)?;
    session.close(file);
    Ok(all)
}

fn read_all<S: Storage<Error = Error>>(
    session: &mut S,
    file: &mut S::File,
) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        match session.read_at(file, all.len() as u64, &mut buffer)? {
            0 => return Ok(all),
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Names in a folder, in their order on the medium.
pub fn names(session: &mut impl Storage<Error = Error>, name: &str) -> Result<Vec<String>, Error> {
    let mut folder = session.open_folder(path(name))?;
    let mut all = Vec::new();
    let mut memory = [0; 255];
    while let Some((_, len)) = session.next_entry(&mut folder, &mut memory)? {
        all.push(String::from_utf8(memory[..len].to_vec()).unwrap());
    }
    session.close_folder(folder);
    Ok(all)
}

pub fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| Refusal::from(error).code)
}

/// Bytes of a littlefs block, as the superblock says.
pub fn block_len(image: &[u8]) -> usize {
    u32::from_le_bytes(image[24..28].try_into().unwrap()) as usize
}

/// Blocks that the file system says it uses, and those that a new mount finds.
pub fn check_space<D: Device>(device: &D, served: &Served<D>) {
    let said = Session::<D>::new(served).space().unwrap();
    let mut fresh = LittleFs::<_, 1>::new(device.flash());
    fresh.ready().unwrap();
    assert_eq!(fresh.space().unwrap(), said, "space as counted and as found");
}
