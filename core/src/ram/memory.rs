//! Where a RAM disk lies: in arrays of its own, or in memory it was lent.

use core::marker::PhantomData;

use super::blocks::BLOCK_LEN;
use super::node::Node;

/// The memory of a RAM disk.
pub trait Memory {
    /// What is known of each entry.
    type Nodes: AsRef<[Node]> + AsMut<[Node]>;
    /// Names and file bytes.
    type Bytes: AsRef<[Block]> + AsMut<[Block]>;
    /// How blocks follow each other.
    type Links: AsRef<[u32]> + AsMut<[u32]>;
}

/// Room for one name, or for bytes of a file.
pub type Block = [u8; BLOCK_LEN];

/// Arrays that belong to the disk.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Arrays<const FILES: usize, const BLOCKS: usize>;

/// Slices that were lent to the disk.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lent<'m>(PhantomData<&'m mut [Block]>);

impl<const FILES: usize, const BLOCKS: usize> Memory for Arrays<FILES, BLOCKS> {
    type Nodes = [Node; FILES];
    type Bytes = [Block; BLOCKS];
    type Links = [u32; BLOCKS];
}

impl<'m> Memory for Lent<'m> {
    type Nodes = &'m mut [Node];
    type Bytes = &'m mut [Block];
    type Links = &'m mut [u32];
}
