//! The Ethernet controller, as a device of smoltcp.
//!
//! A frame is copied word by word between a FIFO and memory. The FIFO has two bytes of its own
//! in front of a frame, so a frame begins at the third byte of its buffer, and the IP header
//! behind the 14 bytes of Ethernet's lies at a multiple of 4.
//!
//! A frame that has come raises an interrupt; its handler only keeps it from coming again, for a
//! line of the controller stays raised until it is acknowledged. The main loop acknowledges it
//! before it sleeps, and looks once more whether a frame came meanwhile.
//!
//! The PHY finds speed and duplex mode by itself after a reset; it is not touched. The model has
//! no PHY, no filter of addresses (which is off here anyway: smoltcp drops what is for others),
//! and a FIFO of 31 frames; the chip has 2 KiB each way.

use cortex_m::peripheral::NVIC;
use derive_mmio::Mmio;
use lm3s6965::{Interrupt, interrupt};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Ethernet's header and the payload of IP. The frame check sequence is the controller's.
const FRAME_MAX: usize = 1514;

/// In front of a frame in the FIFO: its length.
const LENGTH_LEN: usize = 2;

/// Behind it: the frame check sequence.
const FCS_LEN: usize = 4;

/// A frame with all that is around it, in whole words.
const BUFFER_LEN: usize = (LENGTH_LEN + FRAME_MAX + FCS_LEN).next_multiple_of(WORD);
const WORD: usize = size_of::<u32>();

/// The length in the transmit FIFO does not count these.
const HEADER_LEN: usize = 14;

/// The controller, at `0x4004_8000`.
#[derive(Mmio)]
#[repr(C)]
struct Registers {
    /// MACRIS when read: what has happened; MACIACK when written: that we know.
    ris: u32,
    /// MACIM: what raises an interrupt.
    #[mmio(Write)]
    im: u32,
    /// MACRCTL: the receiver.
    #[mmio(Write)]
    rctl: u32,
    /// MACTCTL: the transmitter.
    #[mmio(Write)]
    tctl: u32,
    /// MACDATA: the FIFOs; a read takes a word out.
    #[mmio(Read, Write)]
    data: u32,
    /// MACIA0 and 1: the hardware address.
    #[mmio(Write)]
    ia0: u32,
    #[mmio(Write)]
    ia1: u32,
    /// MACTHR: when to begin to send a frame that is not whole yet.
    #[mmio(Write)]
    thr: u32,
    /// MACMCTL, MACMDV, MACMTXD, MACMRXD: the PHY.
    _phy: [u32; 5],
    /// MACNP: how many frames the receive FIFO has.
    #[mmio(PureRead)]
    np: u32,
    /// MACTR: begin to send; 1 until it is sent.
    tr: u32,
}

/// Of MACRIS.
const RECEIVED: u32 = 1 << 0;
const SENT: u32 = 1 << 2;
const OVERRUN: u32 = 1 << 3;
const RECEIVE_ERROR: u32 = 1 << 4;
const ALL: u32 = 0x7f;

/// Of MACRCTL: enable, all addresses of groups, drop what has a bad FCS, empty the FIFO.
const RECEIVER: u32 = 1 << 0 | 1 << 1 | 1 << 3;
const EMPTY_FIFO: u32 = 1 << 4;

/// Of MACTCTL: enable, pad, append an FCS, full duplex.
const TRANSMITTER: u32 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4;

/// Send frames that are whole. With any other value the model sends by itself, and once more
/// when it is told to.
const THRESHOLD_OFF: u32 = 0x3f;

/// The Ethernet controller.
pub struct Ethernet {
    registers: MmioRegisters<'static>,
    received: &'static mut Buffer,
    sent: &'static mut Buffer,
}

/// Memory for one frame. A word of the FIFO is stored in it with one instruction.
#[repr(align(4))]
pub struct Buffer([u8; BUFFER_LEN]);

impl Buffer {
    /// Memory that nobody uses yet.
    pub const fn new() -> Self {
        Self([0; BUFFER_LEN])
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Ethernet {
    /// The controller, with memory for a frame each way.
    ///
    /// # Safety
    ///
    /// There is one only.
    #[expect(
        unsafe_code,
        reason = "says that the registers are there; the caller that they are its own"
    )]
    pub const unsafe fn new(received: &'static mut Buffer, sent: &'static mut Buffer) -> Self {
        // SAFETY: the controller of this chip; it is the only one, as the caller says.
        let registers = unsafe { Registers::new_mmio_at(0x4004_8000) };
        Self { registers, received, sent }
    }

    /// Send and receive from now on, with this hardware address.
    pub fn start(&mut self, [a, b, c, d, e, f]: [u8; 6]) {
        let registers = &mut self.registers;
        registers.write_rctl(EMPTY_FIFO);
        registers.write_tctl(0);
        registers.write_ris(ALL);
        registers.write_ia0(u32::from_le_bytes([a, b, c, d]));
        registers.write_ia1(u32::from_le_bytes([e, f, 0, 0]));
        registers.write_thr(THRESHOLD_OFF);
        registers.write_tctl(TRANSMITTER);
        registers.write_rctl(RECEIVER);
        registers.write_im(RECEIVED | SENT | OVERRUN | RECEIVE_ERROR);
    }

    /// Whether a frame waits in the FIFO.
    pub fn has_frame(&self) -> bool {
        self.registers.read_np() != 0
    }

    /// Let the next frame raise an interrupt; one that came meanwhile is seen by
    /// [`has_frame`](Self::has_frame) after this.
    pub fn arm(&mut self) {
        self.registers.write_ris(RECEIVED | SENT);
        NVIC::unpend(Interrupt::ETHERNET);
        // SAFETY: the handler shares nothing with anybody.
        #[expect(
            unsafe_code,
            reason = "it could break a critical section made by a mask; there is none"
        )]
        unsafe {
            NVIC::unmask(Interrupt::ETHERNET);
        }
    }

    /// What came broken, or did not fit, leaves the FIFO in disorder: begin anew. TCP repeats it.
    fn recover(&mut self) {
        if self.registers.read_ris() & (OVERRUN | RECEIVE_ERROR) != 0 {
            self.registers.write_rctl(EMPTY_FIFO);
            self.registers.write_ris(OVERRUN | RECEIVE_ERROR);
            self.registers.write_rctl(RECEIVER);
        }
    }

    /// Take a frame out of the FIFO: its length, or `None` if it is longer than any.
    fn take(&mut self) -> Option<usize> {
        let registers = &mut self.registers;
        let first = registers.read_data();
        let length = usize::from(first as u16);
        let words = length.div_ceil(WORD);
        let (room, _none) = self.received.0.as_chunks_mut::<WORD>();
        for (number, to) in room.iter_mut().take(words).enumerate() {
            let word = if number == 0 { first } else { registers.read_data() };
            *to = word.to_le_bytes();
        }
        for _ in room.len()..words {
            let _dropped = registers.read_data();
        }
        length.checked_sub(LENGTH_LEN + FCS_LEN).filter(|&length| length <= FRAME_MAX)
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        self.recover();
        if self.registers.read_tr() != 0 || !self.has_frame() {
            return None;
        }
        let length = self.take()?;
        let Self { registers, received, sent } = self;
        let frame = received.0.get(LENGTH_LEN..)?.get(..length)?;
        Some((Received(frame), Sending { registers, buffer: sent }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        let is_free = self.registers.read_tr() == 0;
        is_free.then_some(Sending { registers: &mut self.registers, buffer: self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_MAX;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that has come.
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The place of a frame that is to be sent.
pub struct Sending<'a> {
    registers: &'a mut MmioRegisters<'static>,
    buffer: &'a mut Buffer,
}

impl TxToken for Sending<'_> {
    /// The length is at most what [`Ethernet::capabilities`] says; a longer frame is not sent.
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let room = self.buffer.0.get_mut(LENGTH_LEN..).and_then(|room| room.get_mut(..length));
        let Some(frame) = room else { return f(&mut []) };
        let result = f(frame);
        let [low, high] = (length.saturating_sub(HEADER_LEN) as u16).to_le_bytes();
        let (words, _none) = self.buffer.0.as_chunks_mut::<WORD>();
        if let Some([first, second, ..]) = words.first_mut() {
            (*first, *second) = (low, high);
        }
        let count = length.saturating_add(LENGTH_LEN).div_ceil(WORD);
        for word in words.iter().take(count) {
            self.registers.write_data(u32::from_le_bytes(*word));
        }
        self.registers.write_tr(1);
        result
    }
}

/// The interrupt of the controller: seen. It comes again when it was armed again.
#[interrupt]
fn ETHERNET() {
    NVIC::mask(Interrupt::ETHERNET);
}
