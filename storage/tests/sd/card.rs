//! A card in memory that speaks the SPI mode byte by byte, written from the specification and not
//! from the driver: it checks what it is told, and fails where it is told to.

use std::collections::VecDeque;
use std::ops::Range;

use coracle_storage::block::Block;

use crate::answer::{Csd, crc7, crc16};

/// What a card is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Before version 2, which knows neither the command of that nor high capacity.
    First,
    /// Version 2, standard capacity.
    Standard,
    High,
    /// The model of QEMU: high capacity, and says that it is not started when asked for voltages.
    Qemu,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// So many blocks are read, or arrive, with a wrong checksum.
    pub wrong_reads: u32,
    pub wrong_writes: u32,
    /// This block cannot be read, or written.
    pub unreadable: Option<u32>,
    pub unwritable: Option<u32>,
    /// Every block is protected, which shows in the status only.
    pub protected: bool,
    /// It is protected by its register of properties.
    pub protected_by_register: bool,
    /// It never starts; it is busy for ever after a write; it never has data.
    pub never_starts: bool,
    pub busy_for_ever: bool,
    pub no_data: bool,
    /// It is pulled after so many more bytes.
    pub pulled_after: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Commands,
    /// Waits for a token of this block; of many, or of one.
    Token(u32),
    /// Takes the bytes of this block.
    Data(u32),
    /// Sends blocks until it is told to stop.
    Sending(u32),
}

/// The card, its slot, and the board's clock.
pub struct Model {
    pub make: Make,
    pub blocks: Vec<Block>,
    pub faults: Faults,
    /// Numbers of commands, in order; 64 is the token that ends a write.
    pub commands: Vec<u8>,
    pub inserted: bool,
    /// Nanoseconds.
    pub now: u64,
    /// How long a block takes to be stored.
    pub store: u64,
    pub hertz: u32,
    pub selected: bool,
    /// Clocks with the select high, since it was put in.
    woken: u32,
    started: Option<bool>,
    /// Questions until it is started.
    starting: u32,
    checks: bool,
    application: bool,
    mode: Mode,
    input: Vec<u8>,
    output: VecDeque<u8>,
    busy: Range<u64>,
    status: u8,
}

const IDLE: u8 = 1;
const ILLEGAL: u8 = 4;
const WRONG_CHECKSUM: u8 = 8;
const WRONG_ADDRESS: u8 = 0x40;
pub const STOP: u8 = 64;

impl Model {
    pub fn new(make: Make, count: usize) -> Self {
        Self {
            make,
            blocks: vec![[0; 512]; count],
            faults: Faults::default(),
            commands: Vec::new(),
            inserted: true,
            now: 0,
            store: 2_000_000,
            hertz: 0,
            selected: false,
            woken: 0,
            started: None,
            starting: 3,
            checks: false,
            application: false,
            mode: Mode::Commands,
            input: Vec::new(),
            output: VecDeque::new(),
            busy: 0..0,
            status: 0,
        }
    }

    /// Put another card in, or the same one again: it has no idea of what was.
    pub fn insert(&mut self, make: Make, blocks: Vec<Block>) {
        let (now, hertz, selected) = (self.now, self.hertz, self.selected);
        *self = Self { now, hertz, selected, blocks, ..Self::new(make, 0) };
    }

    /// A byte each way.
    pub fn exchange(&mut self, sent: u8) -> u8 {
        self.now += 8_000_000_000 / u64::from(self.hertz);
        if let Some(left) = &mut self.faults.pulled_after {
            *left = left.saturating_sub(1);
            self.inserted &= *left > 0;
        }
        if !self.selected {
            assert_eq!(sent, 0xff, "others listen while the card is not selected");
            self.woken += 8;
            return 0xff;
        }
        if !self.inserted {
            return 0xff;
        }
        if self.started == Some(false) {
            assert!(self.hertz <= 400_000, "a card that starts is clocked slowly");
        }
        if self.busy.contains(&self.now) {
            // Who starts it anew does not know what it was in the middle of.
            assert!(sent == 0xff || self.hertz <= 400_000, "it is busy");
            return 0;
        }
        let answer = self.output.pop_front();
        self.take(sent);
        if answer.is_none() && self.output.is_empty() && self.input.is_empty() {
            self.go_on_sending();
        }
        answer.unwrap_or(0xff)
    }

    fn take(&mut self, sent: u8) {
        match self.mode {
            Mode::Token(block) if self.input.is_empty() => match sent {
                0xfc => self.mode = Mode::Data(block),
                0xfd => {
                    self.commands.push(STOP);
                    self.mode = Mode::Commands;
                    self.output.push_back(0xff);
                    self.store_for_a_while();
                }
                command if command & 0xc0 == 0x40 => self.input.push(command),
                _ => {}
            },
            Mode::Data(block) => {
                self.input.push(sent);
                if self.input.len() == 514 {
                    self.receive(block);
                }
            }
            _ if !self.input.is_empty() || sent & 0xc0 == 0x40 => {
                self.input.push(sent);
                if self.input.len() == 6 {
                    self.obey();
                }
            }
            // A token that nobody waits for.
            _ => {
                let is_expected = [0xff, 0xfd].contains(&sent) || self.started.is_none();
                assert!(is_expected, "{sent:#x} is no command");
            }
        }
    }

    fn receive(&mut self, number: u32) {
        let input = std::mem::take(&mut self.input);
        let (data, sum) = input.split_at(512);
        let is_wrong = count_down(&mut self.faults.wrong_writes);
        let is_unwritable = self.faults.unwritable == Some(number);
        self.mode = Mode::Token(number + 1);
        self.output.push_back(match self.blocks.get_mut(number as usize) {
            _ if is_wrong || self.checks && sum != crc16(data) => 0xeb,
            Some(block) if !is_unwritable && !self.faults.protected => {
                block.copy_from_slice(data);
                0xe5
            }
            _ => {
                self.status = if self.faults.protected { 0x20 } else { 0x04 };
                0xed
            }
        });
        self.store_for_a_while();
    }

    fn store_for_a_while(&mut self) {
        // From the byte behind the response on.
        let begin = self.now + 12_000_000_000 / u64::from(self.hertz);
        let end = if self.faults.busy_for_ever { u64::MAX } else { begin + self.store };
        self.busy = begin..end;
    }

    /// The next block of many, after some bytes of nothing.
    fn go_on_sending(&mut self) {
        if let Mode::Sending(block) = self.mode {
            self.mode = Mode::Sending(block + 1);
            self.send_block(block);
        }
    }

    fn send_block(&mut self, number: u32) {
        if self.faults.no_data {
            return;
        }
        self.output.extend([0xff; 3]);
        match self.blocks.get(number as usize).copied() {
            Some(block) if self.faults.unreadable != Some(number) => self.send(&block),
            _ => self.output.push_back(0x04),
        }
    }

    fn send(&mut self, data: &[u8]) {
        let [mut high, low] = crc16(data);
        if data.len() == 512 && count_down(&mut self.faults.wrong_reads) {
            high ^= 1;
        }
        self.output.push_back(0xfe);
        self.output.extend(data);
        self.output.extend([high, low]);
    }

    fn obey(&mut self) {
        let input = std::mem::take(&mut self.input);
        let (number, argument) = (input[0] & 0x3f, &input[1..5]);
        let argument = u32::from_be_bytes(argument.try_into().unwrap());
        let is_right = crc7(&input[..5]) << 1 | 1 == input[5];
        self.commands.push(number);
        assert!(matches!(self.mode, Mode::Commands | Mode::Sending(_)) || number == 0);
        let application = std::mem::take(&mut self.application);
        // Until its first command it does not even speak this language.
        if self.started.is_none() && (number != 0 || !is_right || self.woken < 74) {
            return;
        }
        if number == 12 {
            self.output.clear();
            self.output.push_back(0x55);
        }
        self.output.push_back(0xff);
        if self.checks && !is_right {
            return self.respond(WRONG_CHECKSUM);
        }
        match (number, application) {
            (0, _) => {
                (self.started, self.starting, self.mode) = (Some(false), 3, Mode::Commands);
                self.respond(0);
            }
            (8, _) if self.make == Make::First => self.respond(ILLEGAL),
            (8, _) => {
                self.respond(0);
                self.output.extend([0, 0, argument.to_be_bytes()[2], argument as u8]);
            }
            (55, _) => {
                self.application = true;
                self.respond(0);
            }
            (41, true) => self.start(argument),
            (59, _) => {
                self.checks = argument & 1 == 1;
                self.respond(0);
            }
            (58, _) => self.tell_voltages(),
            (13, _) => {
                self.respond(0);
                let status = std::mem::take(&mut self.status);
                self.output.push_back(status);
            }
            _ if self.started != Some(true) => self.respond(ILLEGAL),
            (9, _) => {
                self.respond(0);
                let protected = self.faults.protected_by_register;
                let csd = Csd { blocks: self.blocks.len(), high: self.is_high(), protected };
                self.output.push_back(0xff);
                self.send(&csd.bytes());
            }
            (16, _) => self.respond(if argument == 512 { 0 } else { WRONG_ADDRESS }),
            (12, _) => {
                self.mode = Mode::Commands;
                self.respond(0);
            }
            (17 | 18 | 25, _) => self.transfer(number, argument),
            _ => self.respond(ILLEGAL),
        }
    }

    fn is_high(&self) -> bool {
        matches!(self.make, Make::High | Make::Qemu)
    }

    fn respond(&mut self, bits: u8) {
        let idle = if self.started == Some(true) { 0 } else { IDLE };
        self.output.push_back(bits | idle);
    }

    fn start(&mut self, argument: u32) {
        let host_is_high = argument & 1 << 30 != 0;
        if !self.faults.never_starts && (host_is_high || !self.is_high()) {
            self.starting -= 1;
            if self.starting == 0 {
                self.started = Some(true);
            }
        }
        self.respond(0);
    }

    fn tell_voltages(&mut self) {
        self.respond(0);
        if self.make == Make::Qemu {
            *self.output.back_mut().unwrap() = IDLE;
        }
        self.output.extend([if self.is_high() { 0xc0 } else { 0x80 }, 0xff, 0x80, 0]);
    }

    fn transfer(&mut self, number: u8, argument: u32) {
        let block = if self.is_high() { argument } else { argument / 512 };
        if block as usize >= self.blocks.len() || !self.is_high() && !argument.is_multiple_of(512) {
            return self.respond(WRONG_ADDRESS);
        }
        self.respond(0);
        match number {
            17 => self.send_block(block),
            18 => self.mode = Mode::Sending(block),
            _ => self.mode = Mode::Token(block),
        }
    }
}

fn count_down(count: &mut u32) -> bool {
    let is_due = *count > 0;
    *count = count.saturating_sub(1);
    is_due
}
