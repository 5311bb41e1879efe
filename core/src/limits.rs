//! Every limit of the protocol and of this implementation: value, unit, reason.

/// Bytes of file data in one step of a peer with the fixed buffer. The ancestor of the
/// protocol moved files 1024 bytes at a time; small enough for a chip, two SD card blocks.
pub const CHUNK_LEN: usize = 1024;

/// Bytes of a frame header: one of kind, three of length.
pub const HEADER_LEN: usize = 4;

/// Bytes of the payload of an END frame: a `u64` length and a CRC-32.
pub const END_LEN: usize = 12;

/// Bytes of the smallest chunk buffer: one header and one chunk, and behind them the header of the
/// next, so that of an upload both come with one read.
pub const CHUNK_BUFFER_LEN: usize = HEADER_LEN + CHUNK_LEN + HEADER_LEN;

/// Most file bytes in one DATA frame. A length is three bytes wide; 1 MiB keeps the time until
/// a sender can interrupt a frame bounded on slow links.
pub const DATA_MAX: usize = 1 << 20;

/// Most bytes in a FAIL payload: a code and one sentence.
pub const FAIL_MAX: usize = 255;

/// Most bytes of a line, its LF included.
pub const LINE_MAX: usize = 1024;

/// Every peer takes lines of this many bytes, LF included: the longest path of ASCII text with
/// any verb and its options fits.
pub const LINE_MIN: usize = 640;

/// Most bytes of a decoded path component: what every common file system allows.
pub const COMPONENT_MAX: usize = 255;

/// Most bytes of a decoded path.
pub const PATH_MAX: usize = 512;

/// Largest number on a line: sizes are signed 64-bit in every file system interface.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// Most bytes of a command line that a client sends in the classic dialect. Its server reads a
/// command with one read of 128 bytes; what fills that whole may be cut.
pub const CLASSIC_LINE_MAX: usize = 127;

/// Milliseconds without another byte after which a classic command without line end is taken as
/// it is: longer than the gap between two segments of one line, too short to be noticed.
pub const CLASSIC_LINE_QUIET_MILLIS: u64 = 250;

/// Milliseconds of quiet after which a classic reply is whole: its server writes it at once,
/// ends it with nothing, and keeps the connection open.
pub const CLASSIC_QUIET_MILLIS: u32 = 200;

/// Milliseconds of silence after a classic `ls` that mean an empty folder, of which its server
/// says nothing at all: longer than any round trip and than the 250 ms for which a server may
/// wait for more of an unterminated line, bearable where a folder is empty.
pub const CLASSIC_SILENCE_MILLIS: u32 = 2000;

/// Bytes of command lines that may be unanswered where `hello` names no other number. Short
/// replies to so few lines fit into any TCP buffer, so a client that writes uploads before it
/// reads cannot deadlock.
pub const PIPELINE_DEFAULT: usize = 512;

/// File bytes checksummed between two `+ busy` lines. A slow card reads 1 MiB in a few seconds,
/// so that a peer hears of us more often than every 10 s without a clock in the core.
pub const BUSY_INTERVAL: u64 = 1 << 20;

/// Uploads announced larger than this end a commit group: receipts of earlier small files must
/// not wait for a long transfer.
pub const GROUP_FILE_MAX: u64 = 1 << 20;

/// Seconds for which signs of life without file bytes count as progress (`busy=`).
pub const BUSY_SECONDS: u16 = 60;

/// Milliseconds of a step after which the peer is told that we live, and again and again: half
/// of what the protocol allows, so that a sign may be late.
pub const SIGN_INTERVAL_MILLIS: u64 = 5_000;

/// Milliseconds without progress after which another session may take over a staged file:
/// longer than a retransmission, short enough for a person who reconnects.
pub const OWNERSHIP_MILLIS: u64 = 5_000;
