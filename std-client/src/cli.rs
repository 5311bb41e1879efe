//! The options of `coracle`; their help is the manual.

use core::ops::RangeInclusive;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueHint};
use coracle_desktop::manual::Manual;
use coracle_desktop::tour;

use crate::connection::Host;
use crate::folder::Folder;
use crate::tour::{ESSENTIALS, TOUR};

/// How long one can be told to wait, in seconds.
pub(crate) const SECONDS: RangeInclusive<i64> = 1..=86_400;

/// The heading of what is asked for without a host.
const INSTEAD: &str = "Instead of a command";

/// Move files to and from a coracle server.
///
/// A file appears under its name only when it is whole and its checksum is right, on either
/// side. What is interrupted can be continued with --continue, which proves that the part that
/// is there already is the beginning of the same file.
#[derive(Clone, Debug, Parser)]
#[command(name = "coracle", version, max_term_width = 100, arg_required_else_help = true,
          after_help = tour::essentials(ESSENTIALS), after_long_help = tour::told(TOUR))]
pub struct Cli {
    /// Options, before or behind the command.
    #[command(flatten)]
    pub options: Options,

    /// What can be asked for instead.
    #[command(flatten, next_help_heading = INSTEAD)]
    pub manual: Manual,

    /// Print the names of the configuration file and their addresses.
    #[arg(long, conflicts_with = "host", help_heading = INSTEAD)]
    list_hosts: bool,

    /// The server: its name or address, or a name of the configuration file; the port is 2222
    /// if none is given. IPv6: `[::1]:2222`.
    #[arg(value_name = "HOST[:PORT]", value_hint = ValueHint::Hostname)]
    pub host: Host,

    /// Go on behind a failing line when the commands come from a pipe or a file.
    #[arg(long)]
    pub keep_going: bool,

    /// What to do; without a command, a shell asks for commands.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Print nothing but results and errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Print what happens: connections, receipts, retries.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Continue an interrupted download or upload.
    #[arg(short = 'c', long = "continue", global = true)]
    pub resume: bool,

    /// Download nothing over a file that exists.
    #[arg(long, global = true)]
    pub no_clobber: bool,

    /// Download and upload whole folders.
    #[arg(short, long, global = true)]
    pub recursive: bool,

    /// Print what happens and what is found as JSON, one object a line, on standard output.
    #[arg(long, global = true, conflicts_with_all = ["quiet", "verbose"])]
    pub json: bool,

    /// How often a transfer is tried again, with resume, after the connection dropped or the
    /// server was busy. Counted anew once bytes have moved.
    #[arg(long, global = true, value_name = "N", default_value_t = 5)]
    pub retries: u32,

    /// Use the control connection for transfers as well.
    #[arg(long, global = true)]
    pub one_connection: bool,

    /// Use the transfer port, whatever the configuration file says.
    #[arg(long, global = true, overrides_with = "one_connection")]
    pub no_one_connection: bool,

    /// The folder on the server that names are relative to; the served one if none is given.
    #[arg(long, global = true, value_name = "FOLDER", value_hint = ValueHint::Other,
          value_parser = OsStringValueParser::new().try_map(|name| Folder::below_root(&name)))]
    pub(crate) folder: Option<Folder>,

    /// Read this configuration file instead of ~/.config/coracle/config.toml.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Give up after so many seconds without progress.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(SECONDS))]
    pub timeout: u32,

    /// Give up connecting to an address after so many seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(SECONDS))]
    pub connect_timeout: u32,

    /// Speak the classic dialect: ls, download and upload of whole files, one after the other,
    /// without checksums, receipts and retries.
    #[arg(long, global = true)]
    pub classic: bool,

    /// Speak the native dialect, whatever the configuration file says.
    #[arg(long, global = true, overrides_with = "classic")]
    pub no_classic: bool,

    /// Port of classic transfers.
    #[arg(long, global = true, value_name = "PORT", default_value_t = 3333,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub classic_port: u16,

    /// Connect from this local port (control connection).
    #[arg(long, global = true, value_name = "PORT",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub local_port: Option<u16>,
}

/// One command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List a folder by name: kind, size, time (UTC), name.
    Ls {
        /// The folder; the served one if none is given.
        path: Option<OsString>,
    },
    /// Show kind, size and time of one entry.
    Stat {
        /// The entry.
        path: OsString,
    },
    /// Print CRC-32 and length of a file, as the server reads it back.
    Sum {
        /// The file.
        path: OsString,
        /// First byte.
        #[arg(value_parser = number())]
        offset: Option<u64>,
        /// Bytes, at most to the end of the file.
        #[arg(value_parser = number())]
        length: Option<u64>,
    },
    /// Show free and total bytes.
    Df,
    /// Print the counters of the server.
    Stats,
    /// Remove files or empty folders.
    Rm {
        /// What to remove.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<OsString>,
    },
    /// Rename; an existing file is replaced.
    Mv {
        /// The old path.
        from: OsString,
        /// The new path.
        to: OsString,
    },
    /// Make folders.
    Mkdir {
        /// The folders.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<OsString>,
    },
    /// Show what is stored of an interrupted upload: CRC-32 and length.
    Partial {
        /// The file.
        path: OsString,
    },
    /// Discard what is stored of interrupted uploads.
    Forget {
        /// The files.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<OsString>,
    },
    /// Download files; with exactly two arguments and no -o, the second is the local name.
    #[command(visible_alias = "get", after_help = DOWNLOAD_HELP)]
    Download {
        /// Files on the server. The local name is the last part of the name given here.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<OsString>,
        /// Local file or folder; `-` is standard output.
        #[arg(short, long, value_name = "LOCAL|-")]
        output: Option<PathBuf>,
    },
    /// Upload files; the last argument may be the name on the server.
    #[command(visible_alias = "put", after_help = UPLOAD_HELP)]
    Upload {
        /// Local files, `-` is standard input; then the name on the server. It is a folder
        /// if it ends with / or if there are several files.
        #[arg(required = true, value_name = "LOCAL… [NAME]")]
        names: Vec<OsString>,
    },
}

fn number() -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(..=coracle::limits::NUMBER_MAX)
}

const DOWNLOAD_HELP: &str = "\
Forms:
  download NAME              to ./NAME (its last part)
  download NAME LOCAL        to LOCAL, or into it if it is a folder
  download NAME -o LOCAL     the same
  download NAME… -o FOLDER   several files into a folder
  download A B C             three or more files, to the current folder
  download NAME -o -         to standard output (unproven until the exit code is 0)
  download 'logs/*.txt'      what matches: `*`, `?`, `[…]` within a part of the path; a name that
                             is there literally wins; a leading dot is matched by a dot only
  download -r FOLDER         a whole tree, to ./FOLDER; files may be named with it
  download -r FOLDER LOCAL   into LOCAL if it is a folder or ends with /, else it becomes LOCAL

Trees: links are never followed out of the target: a link in it that is in the way is refused
(looked at when a folder is made and when a file is planned). Folders that cannot be listed are
told, the rest is fetched. -c -r fetches only what is missing: a file of which all bytes are
here, by checksum, is left as it is; a LOCAL that has no FOLDER in it yet is taken to be what the
first run made.

The bytes gather in a hidden file beside the target (.NAME.….coracle-part), which replaces the
target when length and checksum hold. After an interruption it stays; -c continues it.";

const UPLOAD_HELP: &str = "\
Forms:
  upload LOCAL               to /LOCAL (its last part)
  upload LOCAL NAME          to NAME, or into it if NAME ends with /
  upload LOCAL LOCAL… NAME   several files into the folder NAME
  upload LOCAL LOCAL… /      several files into the served folder
  upload - NAME              standard input
  upload '*.png'             what matches here, as for download (quoted or not)
  upload -r FOLDER           a whole tree, to /FOLDER; files may be named with it
  upload -r FOLDER NAME      into NAME if it is a folder or ends with /, else it becomes NAME

Trees: links and special files are left out and told; empty folders and hidden files are sent.
Folders are made first, NAME/ too. -c -r sends only what is missing: a file that is there whole,
by checksum, is left as it is; a NAME that has no FOLDER in it yet is taken to be what the first
run made.

The file appears under its name when it is whole; the receipt of the server, checked against
what was sent, then says that it is stored. After an interruption -c continues it.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_on_either_side() {
        let cli = Cli::try_parse_from(["coracle", "-c", "h:1", "get", "a", "-o", "-", "-q"]);
        let Cli { options, command, .. } = cli.unwrap();
        assert!(options.resume && options.quiet);
        assert!(matches!(command, Some(Command::Download { output: Some(_), .. })));
    }
}
