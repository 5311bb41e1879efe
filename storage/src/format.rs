//! What media of chips show of themselves in logs, over `core::fmt` and over defmt alike: where
//! they are, never what is in their buffers.

use core::fmt;

use crate::chip::{Chip, ChipFile, ChipFolder, ChipSession, Volume};

#[cfg(feature = "littlefs")]
use crate::littlefs::{Flash, LittleFs, Nor};
#[cfg(feature = "sd")]
use crate::sd::SdCard;
#[cfg(feature = "fat")]
use crate::{block::BlockDevice, fat::Fat};

/// `Debug` and `defmt::Format` of a type, with these parameters, as this text with what these
/// methods return.
macro_rules! shown {
    ($([$($parameters:tt)+] $type:ty: $text:literal $(, $method:ident)*;)+) => { $(
        impl<$($parameters)+> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $text, $(self.$method()),*)
            }
        }

        #[cfg(feature = "defmt")]
        impl<$($parameters)+> defmt::Format for $type {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, $text, $(self.$method()),*);
            }
        }
    )+ };
}

shown! {
    [V: Volume, const FILES: usize] Chip<V, FILES>:
        "Chip {{ writers: {}, readers: {}, .. }}", writers, readers;
    [V: Volume, const FILES: usize] ChipSession<'_, V, FILES>:
        "ChipSession {{ number: {}, .. }}", number;
    [V: Volume] ChipFile<V>: "ChipFile {{ number: {}, .. }}", number;
    [V: Volume] ChipFolder<V>: "ChipFolder {{ number: {:?}, .. }}", number;
}

#[cfg(feature = "fat")]
shown! {
    [D: BlockDevice, const CACHE: usize, const GATHER: usize] Fat<D, CACHE, GATHER>:
        "Fat {{ is_mounted: {}, .. }}", is_mounted;
}

#[cfg(feature = "littlefs")]
shown! {
    [F: Flash, const OPEN: usize] LittleFs<F, OPEN>:
        "LittleFs {{ is_mounted: {}, .. }}", is_mounted;
    [F] Nor<F>: "Nor {{ .. }}";
}

#[cfg(feature = "sd")]
shown! {
    [B, S, T] SdCard<B, S, T>: "SdCard {{ state: {:?}, .. }}", state;
}
