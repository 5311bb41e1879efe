//! The client's driver over [`embedded_io_async`].

use embedded_io_async::{Read, Write};

use super::handler::{answer, ask};
use super::{Action, Error, Handler, Machine};

/// Run the session until every request of the handler is answered, the server has closed it, or
/// the machine waits for something that is not on this link: [`Machine::poll`] says which.
///
/// While it transmits it does not receive: the server's window keeps the replies so few that
/// they fit into the buffers of the link meanwhile.
///
/// Dropping the future loses nothing that the link's own `read` and `write` do not lose: a
/// later call goes on.
///
/// # Errors
///
/// [`Error`] by its cause; the session is over then, close the link.
pub async fn run<L: Read + Write>(
    client: &mut impl Machine,
    link: &mut L,
    handler: &mut impl Handler,
) -> Result<(), Error<L::Error>> {
    loop {
        ask(client, handler);
        if answer(client, handler)? {
            continue;
        }
        match client.poll() {
            Action::Exchange { transmit, .. } => {
                let count = link.write(transmit).await.map_err(Error::Link)?;
                if count == 0 {
                    return Err(Error::WriteZero);
                }
                client.transmitted(count)?;
            }
            Action::Receive(buffer) => {
                link.flush().await.map_err(Error::Link)?;
                let count = link.read(buffer).await.map_err(Error::Link)?;
                client.received(count)?;
            }
            _ => return link.flush().await.map_err(Error::Link),
        }
    }
}
