//! Command lines that are not understood: what people type instead of a command or an option.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, options};
use crate::error::Problem;
use crate::platforms;
use crate::secrets::could_be_secret;
use crate::text::problems;

/// What these problems name as the input.
const COMMAND_LINE: &str = "command line";

/// Customary names of environments.
const ENVIRONMENTS: [&str; 10] =
    ["production", "prod", "staging", "stage", "preview", "development", "dev", "live", "main", "master"];

/// The problem with these arguments, where it is one that people make; clap's own words do for the others.
pub(super) fn problem(error: &clap::Error, args: &[OsString]) -> Option<Problem> {
    let known = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
    let args: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let key = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let value = key.into_iter().find_map(|key| error.get(key)).filter(|_| known.contains(&error.kind()))?;
    let ContextValue::String(argument) = value else { return None };
    of_argument(argument, &args)
}

fn of_argument(argument: &str, args: &[String]) -> Option<Problem> {
    let secret = |advice| Some(Problem::new(COMMAND_LINE, advice));
    let shown = |value: &str, wrong: &str, line: &str| {
        Some(Problem::new(COMMAND_LINE, (wrong, problems::instead(line))).with_value(value))
    };
    let command = Cli::command();
    let option = argument.split('=').next().unwrap_or_default();
    if let Some(name) = option.strip_prefix("--") {
        let known = name.to_ascii_lowercase().replace('_', "-");
        let other = problems::other_name(&known);
        let instead = problems::other_option(&known).map(str::to_owned);
        if let Some(instead) = instead.or_else(|| options::form(other?)) {
            let value = value_of(option, args);
            return match other {
                Some("hook-url") if value.contains('/') => secret(problems::URL_ARGUMENT),
                Some("api-token") if could_be_secret(value) => secret(problems::SECRET_ARGUMENT),
                _ => shown(option, problems::NOT_AN_OPTION, &instead),
            };
        }
        let has_option =
            |command: &clap::Command| command.get_arguments().any(|arg| arg.get_long() == Some(name));
        let is_first = args.first().is_some_and(|first| first.starts_with(option));
        if is_first && command.find_subcommand("deploy").is_some_and(has_option) {
            return shown(option, problems::BEFORE_COMMAND, &format!("deploy-hook deploy {option} …"));
        }
    }
    if argument.starts_with('-') {
        return None;
    }
    let before = args.iter().position(|arg| arg == argument).and_then(|at| args.get(at.checked_sub(1)?));
    let lower = argument.to_ascii_lowercase();
    let is_bool = matches!(lower.as_str(), "true" | "false" | "yes" | "no");
    if argument.contains("://") || platforms::is_at_known_host(argument) {
        secret(problems::URL_ARGUMENT)
    } else if let Some(option) = before.filter(|before| is_bool && *before == "--dry-run") {
        shown(argument, problems::TOO_MANY, &format!("{option}={argument}"))
    } else if let Some(instead) = problems::other_command(&lower) {
        shown(argument, problems::NOT_A_COMMAND, &format!("deploy-hook {instead}"))
    } else if platforms::by_name(&lower).is_some() {
        shown(argument, problems::IS_PLATFORM, &format!("deploy-hook deploy --platform {argument}"))
    } else if ENVIRONMENTS.contains(&lower.as_str()) {
        Some(Problem::new(COMMAND_LINE, problems::environment_argument(argument)).with_value(argument))
    } else if (could_be_secret(argument) || platforms::with_token(argument).is_some())
        && !argument.contains('/')
    {
        secret(problems::SECRET_ARGUMENT)
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
