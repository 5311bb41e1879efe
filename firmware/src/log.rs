//! The log: over semihosting, so it needs QEMU or a debugger.

use defmt_semihosting as _;

use crate::clock;

defmt::timestamp!("{=u64:ms}", clock::now());
