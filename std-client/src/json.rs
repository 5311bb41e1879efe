//! What happens as JSON, one object a line: `docs/json.md` is its contract.

use core::cell::RefCell;
use std::borrow::Cow;
use std::io::{self, BufWriter, Stdout, Write};

use coracle::{Kind, Metadata};
use serde::{Serialize, Serializer};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Current;
use crate::told::{About, Event, File, Left, Summary, durability_word};

/// The ear of a program: standard output.
#[derive(Debug)]
pub(crate) struct Json {
    output: RefCell<BufWriter<Stdout>>,
    /// Why a line could not be written, though somebody may read it.
    unwritten: RefCell<Option<Failure>>,
}

/// A line.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Start {
        #[serde(flatten)]
        file: Names<'a>,
        offset: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
    Progress {
        direction: &'static str,
        #[serde(flatten)]
        name: Name<'a>,
        done: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
    Done {
        #[serde(flatten)]
        file: Names<'a>,
        bytes: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        crc32: Option<Crc>,
        #[serde(skip_serializing_if = "Option::is_none")]
        durability: Option<&'static str>,
        seconds: f64,
    },
    Refused {
        #[serde(flatten)]
        about: Subject<'a>,
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        message: String,
    },
    Retry {
        wait: f64,
        reason: String,
    },
    Note {
        message: String,
    },
    Entry(Entry<'a>),
    Result {
        command: &'static str,
        #[serde(flatten)]
        name: Option<Name<'a>>,
        #[serde(flatten)]
        result: Found<'a>,
    },
    Job(Job<'a>),
    End {
        exit: u8,
        files: u64,
        failed: u64,
        bytes: u64,
        seconds: f64,
    },
}

/// What a failure is about.
#[derive(Serialize)]
#[serde(untagged)]
enum Subject<'a> {
    All {},
    Name(Name<'a>),
    File(Names<'a>),
}

/// What a command that moves no file found or did.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Found<'a> {
    /// `rm`, `mkdir`, `forget`; `jobs` of a shell.
    Plain {},
    /// `cd` and `pwd` of a shell.
    There {
        folder: String,
    },
    /// `lcd`, `lpwd` and `lls` of a shell.
    Here {
        local: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        entries: Option<u64>,
    },
    Renamed {
        to: String,
    },
    Listed {
        entries: u64,
        skipped: u64,
    },
    Metadata(Facts),
    Sum {
        length: u64,
        crc32: Crc,
    },
    Space {
        free: u64,
        total: u64,
    },
    Stats {
        counters: Counters<'a>,
    },
}

/// A job of a shell.
#[derive(Serialize)]
pub(crate) struct Job<'a> {
    pub(crate) job: u32,
    pub(crate) state: &'static str,
    pub(crate) line: &'a str,
    pub(crate) done: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
}

#[derive(Serialize)]
pub(crate) struct Entry<'a> {
    #[serde(flatten)]
    pub(crate) name: Name<'a>,
    /// The classic dialect tells nothing but names.
    #[serde(flatten)]
    pub(crate) facts: Option<Facts>,
}

/// Kind, size in bytes, time in seconds since 1970.
#[derive(Serialize)]
pub(crate) struct Facts {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
}

/// A file on both sides.
#[derive(Serialize)]
struct Names<'a> {
    direction: &'static str,
    #[serde(flatten)]
    name: Name<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<String>,
}

/// A name: as text, and, where it is none, its bytes as well.
#[derive(Serialize)]
pub(crate) struct Name<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_bytes: Option<String>,
}

/// A checksum as eight digits.
pub(crate) struct Crc(pub(crate) u32);

/// The counters of a server, `name=value name=value …`.
pub(crate) struct Counters<'a>(pub(crate) &'a [u8]);

impl Default for Json {
    fn default() -> Self {
        let output = RefCell::new(BufWriter::new(io::stdout()));
        Self { output, unwritten: RefCell::new(None) }
    }
}

impl Json {
    /// Tell what happened.
    pub(crate) fn tell(&self, event: Event<'_>) {
        let line = match event {
            // The end says it once it is certain; details are for persons.
            Event::Plan { .. } | Event::Detail(_) => return,
            Event::Start(start) => {
                Line::Start { file: Names::of(start.file), offset: start.offset, size: start.size }
            }
            Event::Done(done) => Line::Done {
                file: Names::of(done.file),
                bytes: done.size,
                crc32: done.crc.map(Crc),
                durability: done.durability.map(durability_word),
                seconds: done.time.as_secs_f64(),
            },
            Event::Failed { about, failure } => refused(about, failure),
            Event::Left(files) => Line::Note { message: Left(files).to_string() },
            Event::Retry { wait, failure } => {
                Line::Retry { wait: wait.as_secs_f64(), reason: failure.to_string() }
            }
            Event::Note(text) => Line::Note { message: text.to_string() },
        };
        self.told(&line);
    }

    /// How far a file is.
    pub(crate) fn progress(&self, current: &Current) {
        self.told(&Line::Progress {
            direction: current.direction.word(),
            name: Name::of(&current.name),
            done: current.done,
            size: current.size,
        });
    }

    /// An entry of a listing.
    ///
    /// # Errors
    ///
    /// Whatever writing says: a listing may be long, and nobody may read it.
    pub(crate) fn entry(&self, name: &[u8], metadata: Option<Metadata>) -> io::Result<()> {
        let entry = Entry { name: Name::of(name), facts: metadata.map(Facts::of) };
        self.write(&Line::Entry(entry))
    }

    /// A job of a shell.
    ///
    /// # Errors
    ///
    /// Whatever writing says.
    pub(crate) fn job(&self, job: Job<'_>) -> io::Result<()> {
        self.write(&Line::Job(job))
    }

    /// What a command found or did.
    ///
    /// # Errors
    ///
    /// Whatever writing says.
    pub(crate) fn result(
        &self,
        command: &'static str,
        name: Option<&[u8]>,
        result: Found<'_>,
    ) -> io::Result<()> {
        self.write(&Line::Result { command, name: name.map(Name::of), result })?;
        self.output.borrow_mut().flush()
    }

    /// The last line.
    pub(crate) fn end(&self, exit: Exit, summary: &Summary, failed: u64) {
        self.told(&Line::End {
            exit: exit as u8,
            files: summary.good,
            failed,
            bytes: summary.bytes,
            seconds: summary.time.as_secs_f64(),
        });
    }

    /// Why something told was not written, once.
    pub(crate) fn take_unwritten(&self) -> Option<Failure> {
        self.unwritten.take()
    }

    fn told(&self, line: &Line<'_>) {
        let written = self.write(line).and_then(|()| self.output.borrow_mut().flush());
        // The files are moved all the same; where nobody listens any more that is all.
        let failure = written.err().and_then(|error| Failure::unwritten(&error));
        if let Some(failure) = failure {
            self.unwritten.borrow_mut().get_or_insert(failure);
        }
    }

    fn write(&self, line: &Line<'_>) -> io::Result<()> {
        let mut output = self.output.borrow_mut();
        serde_json::to_writer(&mut *output, line)?;
        output.write_all(b"\n")
    }
}

fn refused<'a>(about: About<'a>, failure: &Failure) -> Line<'a> {
    let about = match about {
        About::All => Subject::All {},
        About::Name(name) => Subject::Name(Name::of(name)),
        About::File(file) => Subject::File(Names::of(file)),
    };
    let (code, message) = match failure {
        Failure::Refused { code, message } => (code.map(coracle::Code::word), message.clone()),
        other => (None, other.to_string()),
    };
    Line::Refused { about, kind: failure.kind(), code, message }
}

impl<'a> Names<'a> {
    fn of(file: File<'a>) -> Self {
        let local = file.local.map(|path| path.to_string_lossy().into_owned());
        Self { direction: file.direction.word(), name: Name::of(file.name), local }
    }
}

impl<'a> Name<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let name = String::from_utf8_lossy(bytes);
        let is_text = matches!(name, Cow::Borrowed(_));
        let name_bytes = (!is_text).then(|| bytes.iter().map(|b| format!("{b:02x}")).collect());
        Self { name, name_bytes }
    }
}

impl Facts {
    pub(crate) fn of(metadata: Metadata) -> Self {
        match metadata.kind {
            Kind::File => {
                let (size, modified) = (Some(metadata.size), metadata.modified);
                Self { kind: "file", size, modified }
            }
            Kind::Folder => Self { kind: "folder", size: None, modified: metadata.modified },
        }
    }
}

impl Serialize for Crc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:08x}", self.0))
    }
}

impl Serialize for Counters<'_> {
    /// Numbers as numbers, what else there may be as text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = String::from_utf8_lossy(self.0);
        let fields = text.split(' ').filter_map(|field| field.split_once('='));
        serializer.collect_map(fields.map(|(name, value)| match value.parse::<u64>() {
            Ok(number) => (name, serde_json::Value::from(number)),
            Err(_) => (name, serde_json::Value::from(value)),
        }))
    }
}
