//! Command lines that are not understood: what people type instead of a command or an option.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, options};
use crate::error::Problem;
use crate::platforms;
use crate::secrets::could_be_secret;
use crate::text::problems::{self, UsageFault};

/// The problem with these arguments, where it is one that people make; clap's own words do for the others.
pub(super) fn problem(error: &clap::Error, args: &[OsString]) -> Option<Problem> {
    let known = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
    let args: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let key = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let value = key.into_iter().find_map(|key| error.get(key)).filter(|_| known.contains(&error.kind()))?;
    let ContextValue::String(argument) = value else { return None };
    let (value, advice) = problems::usage(fault(argument, &args)?);
    Some(Problem { value, ..Problem::new("command line", advice) })
}

fn fault<'a>(argument: &'a str, args: &'a [String]) -> Option<UsageFault<'a>> {
    let command = Cli::command();
    let option = argument.split('=').next().unwrap_or_default();
    if let Some(name) = option.strip_prefix("--") {
        let known = name.to_ascii_lowercase().replace('_', "-");
        let other = problems::other_name(&known);
        let instead = problems::other_option(&known).map(str::to_owned);
        if let Some(instead) = instead.or_else(|| options::form(other?)) {
            let value = value_of(option, args);
            return Some(match other {
                Some("hook-url") if value.contains('/') => UsageFault::Url,
                Some("api-token") if could_be_secret(value) => UsageFault::Token,
                _ => UsageFault::Option(option, instead),
            });
        }
        let has_option =
            |command: &clap::Command| command.get_arguments().any(|arg| arg.get_long() == Some(name));
        let is_first = args.first().is_some_and(|first| first.starts_with(option));
        let of_deploy = command.find_subcommand("deploy").is_some_and(has_option);
        return (is_first && of_deploy).then_some(UsageFault::BeforeCommand(option));
    }
    let before = args.iter().position(|arg| arg == argument).and_then(|at| args.get(at.checked_sub(1)?));
    let lower = argument.to_ascii_lowercase();
    if argument.starts_with('-') {
        None
    } else if argument.contains("://") || platforms::is_at_known_host(argument) {
        Some(UsageFault::Url)
    } else if let ("true" | "false" | "yes" | "no", Some(option)) =
        (lower.as_str(), before.filter(|before| *before == "--dry-run"))
    {
        Some(UsageFault::NeedsEquals(option, argument))
    } else if let Some(instead) = problems::other_command(&lower) {
        Some(UsageFault::Command(argument, instead))
    } else if platforms::by_name(&lower).is_some() {
        Some(UsageFault::Platform(argument))
    } else if is_environment(&lower) {
        Some(UsageFault::Environment(argument))
    } else if (could_be_secret(argument) || platforms::with_token(argument).is_some())
        && !argument.contains('/')
    {
        Some(UsageFault::Token)
    } else {
        None
    }
}

/// The value of an option, behind `=` or as the next argument; empty where there is none.
fn value_of<'a>(option: &str, args: &'a [String]) -> &'a str {
    let Some(at) = args.iter().position(|arg| arg.split('=').next() == Some(option)) else { return "" };
    let behind = args.get(at).and_then(|arg| arg.split_once('=')).map(|(_, value)| value);
    behind.or_else(|| args.get(at + 1).map(String::as_str)).unwrap_or_default()
}

/// Whether this is a customary name of an environment.
fn is_environment(word: &str) -> bool {
    const NAMES: [&str; 10] =
        ["production", "prod", "staging", "stage", "preview", "development", "dev", "live", "main", "master"];
    NAMES.contains(&word)
}
