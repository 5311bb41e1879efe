//! A check of a volume, written apart from the code that is tested: what `fsck.fat` looks for,
//! quick enough to be done thousands of times.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// A volume, to be checked.
struct Checked<'b> {
    bytes: &'b [u8],
    /// Bits of an entry of the FAT.
    width: u32,
    table: usize,
    table_len: usize,
    copies: usize,
    data: usize,
    cluster_len: usize,
    clusters: RangeInclusive<u32>,
    seen: BTreeSet<u32>,
}

/// Check everything of a volume without a partition table.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let (reserved, copies, slots) = (u16_at(14), usize::from(bytes[16]), u16_at(17));
    let is_wide = u16_at(22) == 0;
    let table_len = if is_wide { number(bytes, 36, 4) } else { u16_at(22) } * 512;
    let table = reserved * 512;
    let root = table + copies * table_len;
    let data = root + slots * 32;
    let total = if u16_at(19) == 0 { number(bytes, 32, 4) } else { u16_at(19) } * 512;
    let cluster_len = usize::from(bytes[13]) * 512;
    let count = (total - data) / cluster_len;
    let width = if is_wide {
        32
    } else if count < 4085 {
        12
    } else {
        16
    };
    let clusters = 2..=(count as u32 + 1);
    let mut volume = Checked {
        bytes,
        width,
        table,
        table_len,
        copies,
        data,
        cluster_len,
        clusters,
        seen: BTreeSet::new(),
    };
    if bytes[if is_wide { 0x41 } else { 0x25 }] & 1 != 0 {
        return Err("it says that it is in use".into());
    }
    if is_wide {
        let first = number(bytes, 44, 4) as u32;
        let chain = volume.chain(first, "root")?;
        volume.folder(&volume.read(&chain), "", 0, 0)?;
    } else {
        volume.folder(&bytes[root..data], "", 0, 0)?;
    }
    volume.check_table()?;
    let free = volume.free();
    if is_wide && number(bytes, u16_at(48) * 512 + 488, 4) != free {
        return Err(format!("{free} clusters are free, not as FSInfo says"));
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize, len: usize) -> usize {
    bytes[at..at + len].iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

impl Checked<'_> {
    fn link(&self, cluster: u32) -> u32 {
        let at = cluster as usize;
        match self.width {
            32 => number(self.bytes, self.table + at * 4, 4) as u32 & 0x0fff_ffff,
            16 => number(self.bytes, self.table + at * 2, 2) as u32,
            _ => (number(self.bytes, self.table + at * 3 / 2, 2) as u32 >> (at % 2 * 4)) & 0xfff,
        }
    }

    fn chain(&mut self, first: u32, name: &str) -> Result<Vec<u32>, String> {
        let (mut chain, mut cluster) = (Vec::new(), first);
        loop {
            if !self.clusters.contains(&cluster) {
                return Err(format!("{name}: leads to cluster {cluster}"));
            }
            if !self.seen.insert(cluster) {
                return Err(format!("{name}: cluster {cluster} is somebody else's too"));
            }
            chain.push(cluster);
            cluster = self.link(cluster);
            if cluster >= 0x0fff_fff8 >> (28 - self.width.min(28)) {
                return Ok(chain);
            }
        }
    }

    fn read(&self, chain: &[u32]) -> Vec<u8> {
        let start = |cluster: u32| self.data + (cluster as usize - 2) * self.cluster_len;
        let clusters = chain.iter().map(|&it| &self.bytes[start(it)..][..self.cluster_len]);
        clusters.flatten().copied().collect()
    }

    fn folder(&mut self, slots: &[u8], name: &str, own: u32, above: u32) -> Result<(), String> {
        // Parts of a long name that are still to come, and their checksum.
        let mut due: Option<(u8, u8)> = None;
        let mut shorts = BTreeSet::new();
        let slots: Vec<&[u8]> = slots.chunks(32).take_while(|slot| slot[0] != 0).collect();
        for (at, slot) in slots.iter().enumerate() {
            if slot[0] == 0xe5 || slot[11] & 0x3f == 0x0f {
                due = match (slot[0], due) {
                    (0xe5, None) => None,
                    (0xe5, Some(_)) => return Err(format!("{name}: half a long name at {at}")),
                    (first @ 0x41.., None) => Some((first - 0x41, slot[13])),
                    (next, Some((due, sum))) if next == due && due > 0 && sum == slot[13] => {
                        Some((due - 1, sum))
                    }
                    _ => return Err(format!("{name}: a part of a long name at {at}")),
                };
                continue;
            }
            let sum =
                slot[..11].iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
            if due.take().is_some_and(|due| due != (0, sum)) {
                return Err(format!("{name}: a long name without its entry at {at}"));
            }
            if !shorts.insert(&slot[..11]) {
                return Err(format!("{name}: two entries of one short name at {at}"));
            }
            self.entry(
                slot,
                &format!("{name}/{}", String::from_utf8_lossy(&slot[..11])),
                at,
                own,
                above,
            )?;
        }
        if due.is_some() { Err(format!("{name}: ends within a long name")) } else { Ok(()) }
    }

    fn entry(
        &mut self,
        slot: &[u8],
        name: &str,
        at: usize,
        own: u32,
        above: u32,
    ) -> Result<(), String> {
        let cluster = (number(slot, 20, 2) << 16 | number(slot, 26, 2)) as u32;
        let size = number(slot, 28, 4);
        let is_root = own == 0;
        match slot[11] {
            attributes if attributes & 8 != 0 => Ok(()),
            _ if !is_root && at < 2 => {
                let due =
                    if at == 0 { (own, &b".          "[..]) } else { (above, &b"..         "[..]) };
                let is_right = (cluster, &slot[..11]) == due;
                if is_right { Ok(()) } else { Err(format!("{name}: leads to {cluster}")) }
            }
            attributes if attributes & 0x10 != 0 => {
                let chain = self.chain(cluster, name)?;
                let slots = self.read(&chain);
                self.folder(&slots, name, cluster, own)
            }
            // Hidden and system: a staged file, for there are no other such here.
            0x26 if size == 0 => Err(format!("{name}: a leftover without a byte")),
            _ if cluster == 0 => {
                if size == 0 {
                    Ok(())
                } else {
                    Err(format!("{name}: {size} bytes nowhere"))
                }
            }
            _ => {
                let count = self.chain(cluster, name)?.len();
                let is_right = count == size.div_ceil(self.cluster_len);
                if is_right {
                    Ok(())
                } else {
                    Err(format!("{name}: {count} clusters, {size} bytes"))
                }
            }
        }
    }

    fn check_table(&self) -> Result<(), String> {
        let table = |copy| &self.bytes[self.table + copy * self.table_len..][..self.table_len];
        if (1..self.copies).any(|copy| table(copy) != table(0)) {
            return Err("the copies of the FAT differ".into());
        }
        let mut used = self.clusters.clone().filter(|cluster| self.link(*cluster) != 0);
        match used.find(|cluster| !self.seen.contains(cluster)) {
            Some(lost) => Err(format!("cluster {lost} is nobody's")),
            None => Ok(()),
        }
    }

    fn free(&self) -> usize {
        self.clusters.clone().filter(|cluster| self.link(*cluster) == 0).count()
    }
}
