//! A link that may do anything that a link may do.

use coracle::poll;
use embedded_io::{ErrorType, Read, ReadReady, Write};

use super::{any, filled, taken};

/// A byte stream for every driver.
#[derive(Debug)]
pub struct Link;

impl poll::Stream for Link {
    type Error = embedded_io::ErrorKind;

    #[inline(never)]
    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Self::Error> {
        any(Ok(Some(filled(buffer))))
    }

    #[inline(never)]
    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Self::Error> {
        any(Ok(Some(taken(bytes))))
    }
}

impl ErrorType for Link {
    type Error = embedded_io::ErrorKind;
}

impl Read for Link {
    #[inline(never)]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        any(Ok(filled(buffer)))
    }
}

impl Write for Link {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        any(Ok(taken(bytes)))
    }

    #[inline(never)]
    fn flush(&mut self) -> Result<(), Self::Error> {
        any(Ok(()))
    }
}

impl ReadReady for Link {
    #[inline(never)]
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        any(Ok(true))
    }
}

impl embedded_io_async::Read for Link {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        any(Ok(filled(buffer)))
    }
}

impl embedded_io_async::Write for Link {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        any(Ok(taken(bytes)))
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        any(Ok(()))
    }
}
