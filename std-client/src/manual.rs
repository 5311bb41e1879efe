//! Completions for shells, the man page and the list of hosts: what is asked for instead of a
//! command.

use std::io::{self, Write};

use clap::{ArgMatches, Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::config::Config;
use crate::failure::Failure;
use crate::tour::{Chapter, TOUR};

/// What can be asked for instead of a command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Instead of a command")]
pub struct Manual {
    /// Print the script that teaches a shell to complete words.
    #[arg(long, value_name = "SHELL", exclusive = true,
          value_parser = ["bash", "zsh", "fish"])]
    completions: Option<String>,

    /// Print the man page.
    #[arg(long, exclusive = true)]
    man: bool,

    /// Print the names of the configuration file and their addresses.
    #[arg(long, conflicts_with = "host")]
    list_hosts: bool,
}

/// Do what is asked for instead of a command, if anything is.
pub(crate) fn answer(matches: &ArgMatches) -> Option<Result<(), Failure>> {
    let shell = matches.get_one::<String>("completions");
    let text = if let Some(shell) = shell.and_then(|shell| shell.parse().ok()) {
        Ok(completions(shell))
    } else if matches.get_flag("man") {
        man_page().map_err(|error| unwritable(&error))
    } else if matches.get_flag("list_hosts") {
        let file = matches.get_one::<std::path::PathBuf>("config");
        Config::read(file.map(AsRef::as_ref)).map(|config| hosts(&config))
    } else {
        return None;
    };
    Some(text.and_then(|text| print(text.as_bytes())))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| unwritable(&error)),
    }
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::Local(format!("cannot write to standard output: {error}"))
}

/// A name and its address on each line, with a tab between, as completions want it.
fn hosts(config: &Config) -> String {
    config.hosts().map(|(name, address)| format!("{name}\t{address}\n")).collect()
}

/// The generators know no host before the command: what they leave out is added.
fn completions(shell: Shell) -> String {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "coracle", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        Shell::Bash => script.into_owned() + &BASH.replace("VALUED", &valued(&command)),
        Shell::Fish => script.into_owned() + FISH,
        Shell::Zsh => script.replace(":_hosts", ":_coracle_hosts").replacen(
            "\n_coracle() {",
            &format!("\n{ZSH}\n_coracle() {{"),
            1,
        ),
        _ => script.into_owned(),
    }
}

/// The options that take a value, as a pattern of bash.
fn valued(command: &Command) -> String {
    let takes_value = |arg: &&clap::Arg| arg.get_action().takes_values() && !arg.is_positional();
    let options = command.get_arguments().filter(takes_value);
    let spelled = options.flat_map(|arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        short.into_iter().chain(arg.get_long().map(|long| format!("--{long}")))
    });
    spelled.collect::<Vec<_>>().join("|")
}

const BASH: &str = r#"
# The host comes first; options are offered when a dash is typed; only the commands that take
# files of this side get their names.
_coracle_words() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i host= command=
    case $prev in VALUED) _coracle "$@"; return ;; esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            VALUED) ((i++)) ;;
            -* | : | =) ;;
            *) if [[ -z $host ]]; then host=${COMP_WORDS[i]}
               elif [[ ${COMP_WORDS[i-1]} != : ]]; then command=${command:-${COMP_WORDS[i]}}; fi ;;
        esac
    done
    if [[ -z $host && $cur != -* ]]; then
        COMPREPLY=($(compgen -W "$(coracle --list-hosts 2>/dev/null | cut -f1)" -- "$cur"))
        compopt -o bashdefault +o default 2>/dev/null
        return
    fi
    _coracle "$@"
    [[ $cur == -* ]] && return
    local kept=() word
    for word in "${COMPREPLY[@]}"; do [[ $word == -* ]] || kept+=("$word"); done
    COMPREPLY=("${kept[@]}")
    case $command in
        upload | put) ;;
        *) compopt +o bashdefault +o default 2>/dev/null ;;
    esac
}
complete -F _coracle_words -o bashdefault -o default coracle
"#;

const ZSH: &str = r#"
_coracle_hosts() {
    local -a names
    names=(${(f)"$(coracle --list-hosts 2>/dev/null | cut -f1)"})
    compadd -a names
    _hosts
}
"#;

const FISH: &str = r#"
# The host comes first: the command is the word behind it. These definitions replace those above.
function __fish_coracle_words
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_coracle_global_optspecs) -- $cmd 2>/dev/null
    or return
    string join \n -- $argv
end

function __fish_coracle_needs_host
    test (count (__fish_coracle_words)) -eq 0
end

function __fish_coracle_needs_command
    set -l words (__fish_coracle_words)
    if set -q words[2]
        echo $words[2]
        return 1
    end
    set -q words[1]
end

complete -c coracle -f
complete -c coracle -n __fish_coracle_needs_host -a "(coracle --list-hosts 2>/dev/null)"
complete -c coracle -n "__fish_coracle_using_subcommand upload put" -F
"#;

/// One page with all commands: what one looks for is found where one searches.
fn man_page() -> io::Result<String> {
    let mut command = Cli::command();
    command = command.override_usage(
        "coracle [OPTIONS] HOST[:PORT] COMMAND [ARGUMENTS]\n\
         coracle --list-hosts\ncoracle --completions SHELL\ncoracle --man",
    );
    let man = Man::new(command.clone()).title("CORACLE").manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    let mut whole = Cli::command();
    whole.build();
    for command in command.get_subcommands() {
        let usage = whole.find_subcommand_mut(command.get_name()).map(Command::render_usage);
        describe(command.clone(), &usage.unwrap_or_default().to_string(), &mut page)?;
    }
    for Chapter { title, text } in TOUR {
        let mut roff = Roff::new();
        roff.control("SH", [&*title.to_uppercase()]);
        verbatim(&mut roff, text.trim_start_matches('\n'));
        page.extend_from_slice(roff.to_roff().as_bytes());
    }
    Ok(String::from_utf8_lossy(&page).chars().map(spelled).collect())
}

/// A letter as every formatter understands it, whatever encoding it expects.
fn spelled(letter: char) -> String {
    match letter.is_ascii() {
        true => letter.to_string(),
        false => format!("\\[u{:04X}]", u32::from(letter)),
    }
}

/// A section about one command.
fn describe(command: Command, usage: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SS", [&*command.get_name_and_visible_aliases().join(", ")]);
    roff.text([bold(usage.trim_start_matches("Usage: "))]);
    roff.control("PP", []);
    page.extend_from_slice(roff.to_roff().as_bytes());
    let after = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command.disable_help_flag(true));
    page.extend(headless(|out| man.render_description_section(out))?);
    page.extend(headless(|out| man.render_options_section(out))?);
    if let Some(after) = after {
        let mut roff = Roff::new();
        roff.control("PP", []);
        verbatim(&mut roff, &after);
        page.extend_from_slice(roff.to_roff().as_bytes());
    }
    Ok(())
}

/// A section without its heading.
fn headless(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut section = Vec::new();
    render(&mut section)?;
    let lines = section.split_inclusive(|&byte| byte == b'\n');
    Ok(lines.filter(|line| !line.starts_with(b".SH")).flatten().copied().collect())
}

/// Text whose lines stay as they are.
fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
