//! The command line: names and help texts, nothing computed.
//!
//! Inputs are plain text here. `config/` validates all of them at once, wherever they come from. The hook URL has no
//! option, because every process on the machine can read a command line.

pub mod completions;
pub mod help;
pub mod options;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::builder::EnumValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command as Tree, Error};
use clap_complete::Shell;

use self::help::{COMMANDS, CommandHelp};
use self::options::{CliOption, Purpose};
use crate::text::problems;

/// The program's name.
const NAME: &str = "deploy-hook";

/// What the arguments ask for.
#[derive(Debug, Default)]
pub struct Cli {
    /// The command; in a GitHub Action the default is `deploy`.
    pub command: Option<Command>,
    /// The deployment's id; without one `status` is about the newest deployment.
    pub id: Option<String>,
    /// The options with a text.
    pub inputs: Inputs,
    /// Print nothing if all is well.
    pub quiet: bool,
    /// Deploy to the embedded platform.
    pub sandbox: bool,
    /// The port that the embedded platform listens on; 0 picks a free one.
    pub port: u16,
    /// Its speed relative to a real platform.
    pub speed: Option<f64>,
}

/// The commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Trigger the hook once, follow the deployment until it finishes, and report the result
    Deploy,
    /// Print the current state of a deployment; triggers nothing
    Status,
    /// Follow an existing deployment; triggers nothing
    Follow,
    /// Check everything a trigger needs; triggers nothing
    Doctor,
    /// Run an embedded platform on loopback, to try deploy-hook without an account
    Sandbox,
    /// Print the platforms: how each is known, what it needs, how it is followed
    Platforms,
    /// Print shell completions
    Completions(Shell),
}

/// The options with a text: most are inputs, each of which is also `DEPLOY_HOOK_X_Y` in the environment and an input of
/// the Action.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    values: BTreeMap<&'static str, String>,
    /// Secrets that were given where every process can read them. Their values are not kept.
    refused: Vec<&'static str>,
}

impl Inputs {
    /// The value of an option, by its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The same inputs with this one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.values.extend(value.map(|value| (name, value)));
        self
    }

    /// Whether a secret was given on the command line, where it is refused.
    pub fn is_refused(&self, name: &str) -> bool {
        self.refused.contains(&name)
    }
}

impl Cli {
    /// Parses the arguments, the program's name first. Only the command at hand is built, with the options that it is
    /// given: the whole tree would be half of what a trigger over plain http computes.
    pub fn try_parse_from<T: Into<OsString> + Clone>(
        args: impl IntoIterator<Item = T>,
    ) -> Result<Self, Error> {
        let mut args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        if args.get(1).is_some_and(|word| word == "help") {
            args.retain(|arg| arg != "--help" && arg != "-h"); // clap would take them for commands
        }
        let named = args.get(1).and_then(|word| COMMANDS.iter().skip(1).find(|help| *word == *help.name));
        let parsed = match named {
            Some(help) => {
                let options = options::of_command(help.name).filter(|option| option.may_be_in(&args));
                let options = options.map(|option| option.arg(Purpose::Parsing));
                let command = Tree::new(help.name).args(options).args(positional(help.name));
                let command = command.disable_help_flag(true);
                root(Purpose::Parsing).subcommand(command)
            }
            None => tree(Purpose::Reading),
        };
        let matches = parsed.try_get_matches_from(&args);
        // Help and messages need the texts.
        let matches = matches.or_else(|_| tree(Purpose::Reading).try_get_matches_from(&args));
        let own = |error| named.and_then(|help| not_its_own(help.name, &error)).unwrap_or(error);
        Ok(matches.map_err(own)?.subcommand().map_or_else(Self::default, |(name, of)| Self::of(name, of)))
    }

    /// The command line that was parsed.
    fn of(command: &str, matches: &ArgMatches) -> Self {
        let is_given = |option: &&CliOption| matches.try_contains_id(option.name).unwrap_or(false);
        let given = options::of_command(command).filter(is_given);
        let (refused, kept): (Vec<_>, Vec<_>) = given.partition(|option| option.is_refused());
        let text = |option: &CliOption| Some((option.name, value(matches, option.name)?));
        let inputs = Inputs {
            values: kept.into_iter().filter_map(text).collect(),
            refused: refused.iter().map(|option| option.name).collect(),
        };
        Self {
            command: match command {
                "deploy" => Some(Command::Deploy),
                "status" => Some(Command::Status),
                "follow" => Some(Command::Follow),
                "doctor" => Some(Command::Doctor),
                "sandbox" => Some(Command::Sandbox),
                "platforms" => Some(Command::Platforms),
                _ => value(matches, "SHELL").map(Command::Completions),
            },
            id: value(matches, "ID"),
            inputs,
            quiet: value(matches, "quiet").unwrap_or_default(),
            sandbox: value(matches, "sandbox").unwrap_or_default(),
            port: value(matches, "port").unwrap_or_default(),
            speed: value(matches, "speed"),
        }
    }

    /// Whether events are printed for programs.
    pub fn is_json(&self) -> bool {
        self.inputs.get("format") == Some("json")
    }

    /// The whole tree of commands, with their texts.
    pub fn command() -> Tree {
        tree(Purpose::Reading)
    }
}

/// The version, with the commit and the date where the build knew them.
pub fn version() -> String {
    let of_build = [option_env!("BUILD_COMMIT"), option_env!("BUILD_DATE")];
    let of_build: Vec<&str> = of_build.into_iter().flatten().collect();
    let of_build = if of_build.is_empty() { String::new() } else { format!(" ({})", of_build.join(" ")) };
    format!("{NAME} {}{of_build}", env!("CARGO_PKG_VERSION"))
}

fn tree(purpose: Purpose) -> Tree {
    root(purpose).subcommands(COMMANDS.iter().skip(1).map(|help| subcommand(help, purpose)))
}

fn root(purpose: Purpose) -> Tree {
    let tree = Tree::new(NAME).version(env!("CARGO_PKG_VERSION"));
    let [help, ..] = &COMMANDS;
    if purpose == Purpose::Parsing {
        // Help is for the whole tree.
        tree.disable_help_flag(true).disable_version_flag(true).disable_help_subcommand(true)
    } else {
        described(tree, help).styles(help::STYLES).max_term_width(80)
    }
}

fn subcommand(help: &CommandHelp, purpose: Purpose) -> Tree {
    let options = options::of_command(help.name).filter(|option| option.is_for(purpose));
    let options = options.map(|option| option.arg(purpose));
    described(Tree::new(help.name).args(options).args(positional(help.name)), help)
}

fn described(tree: Tree, help: &CommandHelp) -> Tree {
    let CommandHelp { about, more, .. } = help;
    let tree = if more.is_empty() { tree } else { tree.long_about(format!("{about}\n\n{more}")) };
    tree.about(*about)
        .after_long_help(help.end())
        .after_help("--help shows more, with examples and exit codes.")
}

/// What a command takes besides options.
fn positional(command: &str) -> Option<Arg> {
    match command {
        "status" => Some(Arg::new("ID").help("The deployment's id [default: the newest deployment]")),
        "follow" => Some(Arg::new("ID").required(true).help("The deployment's id, e.g. dp-abc123")),
        "completions" => Some(
            Arg::new("SHELL").required(true).value_parser(EnumValueParser::<Shell>::new()).help("The shell"),
        ),
        _ => None,
    }
}

/// The value of an argument; `None` too where this command has no such argument, or it is of another type.
fn value<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one(name).ok().flatten().cloned()
}

/// The message for an option that this command does not use, or that comes after `--`, where it is no option.
fn not_its_own(command: &str, error: &Error) -> Option<Error> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = given.split('=').next()?;
    let option =
        options::OPTIONS.iter().filter(|option| !option.is_refused()).find(|option| option.is_called(name));
    let option = option.filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
    let message = if option.commands.contains(&command) {
        problems::after_double_dash(option.name)
    } else {
        problems::of_other_commands(option.name, command, option.commands)
    };
    let mut tree = tree(Purpose::Reading);
    tree.build();
    Some(tree.find_subcommand_mut(command)?.error(ErrorKind::UnknownArgument, message))
}
