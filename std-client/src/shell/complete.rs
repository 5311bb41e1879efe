//! Completion: what the word at the cursor may become.

use std::cell::RefCell;
use std::fs;

use clap::{Arg, Command};
use glob::Pattern;
use rustyline::completion::{Completer as Complete, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use crate::remote::Remote;
use crate::shell::names::{NAMES_MAX, Name, Names, is_harmless};
use crate::shell::verb::Line;
use crate::shell::words::{Typed, escaped};
use crate::watch::Interrupt;

/// What the editor asks for completions, and tells of a line's end.
pub(crate) struct Completer {
    definition: Command,
    names: RefCell<Names>,
    interrupt: Interrupt,
}

/// What a word may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Verb,
    Option,
    /// Names here, names there, and whether only folders make sense.
    Name {
        here: bool,
        there: bool,
        only_folders: bool,
    },
    Nothing,
}

impl Completer {
    pub(crate) fn new(names: Names, interrupt: Interrupt) -> Self {
        Self { definition: Line::definition(), names: RefCell::new(names), interrupt }
    }

    /// As [`Names::begin`].
    pub(crate) fn begin(&mut self, folder: &Remote) {
        self.names.get_mut().begin(folder);
    }

    fn pairs(&self, typed: &Typed) -> Vec<Pair> {
        let name = self.verb_word(&typed.before);
        let verb = name.and_then(|name| self.definition.find_subcommand(name));
        if name.is_some() && verb.is_none() {
            return Vec::new();
        }
        let mut pairs = match wanted(verb, &typed.before, &typed.word) {
            Wanted::Verb => self.verbs(&typed.word),
            Wanted::Option => options(verb.unwrap_or(&self.definition), &typed.word),
            Wanted::Name { here, there, only_folders } => {
                let names = self.names(&typed.word, here, there, only_folders);
                let is_pattern = verb.is_some_and(|verb| takes_patterns(verb.get_name()));
                let folder = folder_of(&typed.word);
                names.iter().map(|name| name.pair(folder, is_pattern)).collect()
            }
            Wanted::Nothing => Vec::new(),
        };
        if let [only] = &mut pairs[..]
            && !only.replacement.ends_with('/')
        {
            only.replacement.push(' ');
        }
        pairs
    }

    fn verb_word<'t>(&self, before: &'t [String]) -> Option<&'t str> {
        let mut words = before.iter();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                return Some(word);
            }
            if with_value(&self.definition, word).is_some() {
                words.next();
            }
        }
        None
    }

    fn verbs(&self, stem: &str) -> Vec<Pair> {
        let commands = self.definition.get_subcommands();
        let names = commands.flat_map(Command::get_name_and_visible_aliases);
        let mut names: Vec<_> = names.filter(|name| name.starts_with(stem)).collect();
        names.sort_unstable();
        names.into_iter().map(plain).collect()
    }

    fn names(&self, word: &str, here: bool, there: bool, only_folders: bool) -> Vec<Name> {
        let folder = folder_of(word);
        let stem = &word[folder.len()..];
        let mut names = if here { local_names(folder, stem) } else { Vec::new() };
        if there {
            names.extend(self.names.borrow_mut().starting(folder, stem));
        }
        names.retain(|name| name.is_folder || !only_folders);
        names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        names.dedup_by(|a, b| a.name == b.name);
        names.truncate(NAMES_MAX);
        names
    }
}

impl Name {
    /// As it is shown, and as it is typed behind `folder`: as a pattern of this very name where
    /// patterns are taken.
    fn pair(&self, folder: &str, is_pattern: bool) -> Pair {
        let slash = if self.is_folder { "/" } else { "" };
        let display = format!("{}{slash}", self.name);
        let name = if is_pattern { Pattern::escape(&display) } else { display.clone() };
        // A name that begins with `-` must not become an option.
        let folder = if folder.is_empty() && self.name.starts_with('-') { "./" } else { folder };
        let replacement = escaped(&format!("{folder}{name}"));
        Pair { display, replacement }
    }
}

/// The part of a word that names the folder.
fn folder_of(word: &str) -> &str {
    word.split_at(word.rfind('/').map_or(0, |at| at + 1)).0
}

fn takes_patterns(verb: &str) -> bool {
    matches!(verb, "download" | "upload")
}

/// What the word behind `before` may be.
fn wanted(verb: Option<&Command>, before: &[String], word: &str) -> Wanted {
    let Some(verb) = verb else {
        return if word.starts_with('-') { Wanted::Option } else { Wanted::Verb };
    };
    if let Some(option) = before.last().and_then(|word| with_value(verb, word)) {
        let local = Wanted::Name { here: true, there: false, only_folders: false };
        return if option.get_id() == "output" { local } else { Wanted::Nothing };
    }
    if word.starts_with('-') {
        return Wanted::Option;
    }
    let (here, there, only_folders) = match (verb.get_name(), position(verb, before)) {
        ("help", 0) => return Wanted::Verb,
        ("ls" | "stat" | "sum" | "partial", 0) | ("mv", 0 | 1) | ("rm" | "forget", _) => {
            (false, true, false)
        }
        ("cd", 0) | ("mkdir", _) => (false, true, true),
        ("download", 1) | ("upload", 1..) => (true, true, false),
        ("download", _) => (false, true, false),
        ("upload", 0) | ("lls", 0) => (true, false, false),
        ("lcd", 0) => (true, false, true),
        _ => return Wanted::Nothing,
    };
    Wanted::Name { here, there, only_folders }
}

/// How many arguments stand between the verb and the cursor.
fn position(verb: &Command, before: &[String]) -> usize {
    let mut count = 0;
    let mut words = before.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            count += 1;
        } else if with_value(verb, word).is_some() {
            words.next();
        }
    }
    // The verb is among them.
    usize::saturating_sub(count, 1)
}

/// The option to which the word behind this one belongs.
fn with_value<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let letters = word.strip_prefix('-')?;
    let is_it = |arg: &&Arg| match letters.strip_prefix('-') {
        Some(long) => arg.get_long() == Some(long),
        // The last of several letters may take a value.
        None => arg.get_short().is_some_and(|short| letters.ends_with(short)),
    };
    command.get_arguments().find(is_it).filter(|arg| arg.get_action().takes_values())
}

fn options(command: &Command, stem: &str) -> Vec<Pair> {
    let named = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let longs = named.filter_map(Arg::get_long).map(|long| format!("--{long}"));
    let mut longs: Vec<_> = longs.filter(|long| long.starts_with(stem)).collect();
    longs.sort_unstable();
    longs.iter().map(|long| plain(long)).collect()
}

fn plain(text: &str) -> Pair {
    Pair { display: text.to_owned(), replacement: text.to_owned() }
}

/// The names in a local folder that begin with `stem`; hidden ones only if it says so.
fn local_names(folder: &str, stem: &str) -> Vec<Name> {
    let path = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let names = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let is_meant = name.starts_with(stem) && (!name.starts_with('.') || stem.starts_with('.'));
        let is_folder = || fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
        (is_meant && is_harmless(&name)).then(|| Name { is_folder: is_folder(), name })
    });
    names.take(NAMES_MAX).collect()
}

impl Complete for Completer {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..at).and_then(Typed::parse);
        Ok(typed.map_or_else(|| (at, Vec::new()), |typed| (typed.start, self.pairs(&typed))))
    }
}

impl Hinter for Completer {
    type Hint = String;
}

impl Highlighter for Completer {}

impl Validator for Completer {
    /// Asked at Enter, while the editor still reads Ctrl-C as a byte: from here on a signal
    /// concerns the command. Once the editor has returned it would be too late, since what came
    /// meanwhile would be lost.
    fn validate(&self, _line: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.interrupt.clear();
        Ok(ValidationResult::Valid(None))
    }
}

impl Helper for Completer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_follows_from_the_line() {
        let definition = Line::definition();
        let name = |here, there, only_folders| Wanted::Name { here, there, only_folders };
        for (line, expected) in [
            ("", Wanted::Verb),
            ("do", Wanted::Verb),
            ("-", Wanted::Option),
            ("help do", Wanted::Verb),
            ("get ", name(false, true, false)),
            ("get -c ", name(false, true, false)),
            ("get a ", name(true, true, false)),
            ("get a -o ", name(true, false, false)),
            ("get a -co ", name(true, false, false)),
            ("get -o x ", name(false, true, false)),
            ("get a b ", name(false, true, false)),
            ("get a -", Wanted::Option),
            ("get --retries ", Wanted::Nothing),
            ("get --retries 3 ", name(false, true, false)),
            ("put ", name(true, false, false)),
            ("lls ", name(true, false, false)),
            ("lcd ", name(true, false, true)),
            ("cd ", name(false, true, true)),
            ("pwd ", Wanted::Nothing),
        ] {
            let typed = Typed::parse(line).unwrap();
            let first = typed.before.iter().find(|word| !word.starts_with('-'));
            let verb = first.and_then(|word| definition.find_subcommand(word));
            assert_eq!(wanted(verb, &typed.before, &typed.word), expected, "{line}");
        }
    }

    #[test]
    fn names_are_not_taken_for_patterns_or_options() {
        let name = |name: &str| Name { name: name.to_owned(), is_folder: false };
        let typed = |text: &str, is_pattern| name(text).pair("", is_pattern).replacement;
        assert_eq!(typed("[1] a?", true), "\\[\\[\\]1\\[\\]\\]\\ a\\[\\?\\]");
        assert_eq!(typed("[1]", false), "\\[1\\]");
        assert_eq!(typed("-x", true), "./-x");
        assert_eq!(name("-x").pair("a/", true).replacement, "a/-x");
    }

    #[test]
    fn options_of_the_command_are_offered() {
        let definition = Line::definition();
        let download = definition.find_subcommand("download").unwrap();
        let offered: Vec<_> = options(download, "--cont").into_iter().map(|p| p.display).collect();
        assert_eq!(offered, ["--continue"]);
        assert!(options(download, "--output").len() == 1);
    }
}
