//! A script as a link for each of the drivers that take one, and a clock that stands still.

use std::convert::Infallible;
use std::future::Future;

use coracle::asynch::Clock;
use embedded_io::{ErrorType, ReadReady};

use super::Script;

/// A [`Script`] as a blocking and as an asynchronous link.
pub struct Link(pub Script);

impl ErrorType for Link {
    type Error = Infallible;
}

impl embedded_io::Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.next(buffer))
    }
}

impl embedded_io::Write for Link {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0.take(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl embedded_io_async::Read for Link {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.next(buffer))
    }
}

impl embedded_io_async::Write for Link {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0.take(bytes))
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ReadReady for Link {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}

/// Time stands still.
pub struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> u64 {
        0
    }

    fn until(&self, _time: u64) -> impl Future<Output = ()> {
        std::future::pending()
    }
}
