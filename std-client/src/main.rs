//! `coracle`: moves files to and from coracle servers.

use std::process::ExitCode;

fn main() -> ExitCode {
    coracle_client::main()
}
