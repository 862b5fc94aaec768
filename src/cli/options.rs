//! The options: one row for each, with the commands that use it. A new option is a new row.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ValueHint, value_parser};

use super::values::{self, Choices, Words};

/// What a command's tree is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To parse the arguments: without texts.
    Parsing,
    /// To be read: help, error messages, man pages.
    Reading,
    /// To be completed by a shell.
    Completing,
}

/// One option.
#[derive(Debug)]
pub struct CliOption {
    /// The name, without the hyphens before it.
    pub name: &'static str,
    short: Option<char>,
    /// The heading in the help.
    pub heading: &'static str,
    /// The commands that use it.
    pub commands: &'static [&'static str],
    /// What the value is called in the help.
    value_name: &'static str,
    kind: OptionKind,
    /// One line of help.
    help: &'static str,
    /// What `--help` shows besides.
    more: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum OptionKind {
    /// Any text, and what a shell completes it with.
    Text(ValueHint),
    /// Any text; these words are known. `config` says which are wrong.
    Words(Words),
    /// A switch that may have a value: `--x` or `--x=false`.
    Switch,
    /// Accepted only to be refused with advice. It is in no help, and its value is never kept.
    Refused,
    /// A flag of the command line alone.
    Flag,
    /// One of these words; clap refuses any other.
    OneOf(&'static Choices),
    /// A number that clap checks.
    Number(fn() -> ValueParser),
}

const TEXT: OptionKind = OptionKind::Text(ValueHint::Other);
const FILE: OptionKind = OptionKind::Text(ValueHint::FilePath);
const URL: OptionKind = OptionKind::Text(ValueHint::Url);
const PLATFORMS: OptionKind = OptionKind::Words(Words::Listed(|| values::words(&values::platform_names())));

const fn words(words: &'static Choices) -> OptionKind {
    OptionKind::Words(Words::Fixed(words))
}

const DEPLOY: &[&str] = &["deploy"];
const RUNS: &[&str] = &["deploy", "follow"];
const RUNS_AND_DOCTOR: &[&str] = &["deploy", "follow", "doctor"];
const DEPLOY_AND_DOCTOR: &[&str] = &["deploy", "doctor"];
const STATUS_FOLLOW_DOCTOR: &[&str] = &["status", "follow", "doctor"];
const READERS: &[&str] = &["deploy", "status", "follow", "doctor"];
const READERS_AND_PLATFORMS: &[&str] = &["deploy", "status", "follow", "doctor", "platforms"];
const SANDBOX_ONLY: &[&str] = &["sandbox"];
const SANDBOXES: &[&str] = &["deploy", "sandbox"];

const HOOK: &str = "Hook";
const PLATFORM: &str = "Platform";
const FOLLOWING: &str = "Following";
const VERIFYING: &str = "Verifying";
const REPORTS: &str = "Reports";
const OUTPUT: &str = "Output";
const SANDBOX: &str = "Sandbox";

impl CliOption {
    const fn new(
        heading: &'static str,
        commands: &'static [&'static str],
        name: &'static str,
        value_name: &'static str,
        kind: OptionKind,
    ) -> Self {
        Self { name, short: None, heading, commands, value_name, kind, help: "", more: "" }
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    const fn more(mut self, more: &'static str) -> Self {
        self.more = more;
        self
    }

    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    /// Whether this is how it is given: `--name`, or its letter.
    pub(super) fn is_called(&self, given: &str) -> bool {
        given.strip_prefix("--") == Some(self.name)
            || self.short.is_some_and(|short| given == format!("-{short}"))
    }

    /// Whether these arguments may have it: an option with a letter may be among others behind one hyphen.
    pub(super) fn may_be_in(&self, args: &[OsString]) -> bool {
        let names = |arg: &OsString| {
            let rest = arg.as_encoded_bytes().strip_prefix(b"--")?.strip_prefix(self.name.as_bytes())?;
            matches!(rest.first(), None | Some(b'=')).then_some(())
        };
        self.short.is_some() || args.iter().any(|arg| names(arg).is_some())
    }

    /// Whether its presence is reported and its value never read.
    pub const fn is_refused(&self) -> bool {
        matches!(self.kind, OptionKind::Refused)
    }

    /// Whether a tree for this purpose has it: shells are not offered an option that is always refused.
    pub(super) const fn is_for(&self, purpose: Purpose) -> bool {
        !(self.is_refused() && matches!(purpose, Purpose::Completing))
    }

    /// The option as an argument of clap.
    pub(super) fn arg(&self, purpose: Purpose) -> Arg {
        let arg = Arg::new(self.name).long(self.name);
        let arg = if let Some(short) = self.short { arg.short(short) } else { arg };
        let arg = match self.kind {
            OptionKind::Text(hint) => arg.value_hint(hint),
            OptionKind::Words(words) => arg.value_parser(words).value_hint(ValueHint::Other),
            OptionKind::Switch if purpose == Purpose::Completing => arg.action(ArgAction::SetTrue),
            OptionKind::Switch => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(Words::Fixed(&[("true", ""), ("false", "")])),
            OptionKind::Refused => arg.num_args(0..=1).hide(true),
            OptionKind::Flag => arg.action(ArgAction::SetTrue),
            OptionKind::OneOf(words) => arg.value_parser(values::words(words)).value_hint(ValueHint::Other),
            OptionKind::Number(parser) => arg.value_parser(parser()).value_hint(ValueHint::Other),
        };
        let arg = match self.name {
            "verbose" => arg.conflicts_with("quiet"),
            // More names than a line of help holds.
            "platform" | "scenario" => arg.hide_possible_values(true),
            _ => arg,
        };
        if purpose == Purpose::Parsing {
            return arg;
        }
        let Self { help, more, .. } = self;
        let arg = if more.is_empty() { arg } else { arg.long_help(format!("{help}.\n{more}")) };
        let arg = if matches!(self.kind, OptionKind::Flag) { arg } else { arg.value_name(self.value_name) };
        arg.help(*help).help_heading(self.heading)
    }
}

/// Every option.
pub const OPTIONS: &[CliOption] = &[
    CliOption::new(HOOK, READERS, "hook-url-file", "PATH", FILE)
        .help("File with the hook URL; - is standard input")
        .more(
            "Else the URL is read from DEPLOY_HOOK_URL, or from the file that \
            DEPLOY_HOOK_URL_FILE names.",
        ),
    CliOption::new(HOOK, READERS, "hook-url", "URL", OptionKind::Refused),
    CliOption::new(HOOK, DEPLOY, "if-missing", "ACTION", words(values::IF_MISSING))
        .help("What to do if the hook URL is empty [default: fail]")
        .more("Pull requests from forks and Dependabot get no secrets: `skip` lets those pass."),
    CliOption::new(HOOK, DEPLOY_AND_DOCTOR, "headers-file", "PATH", FILE)
        .help("File with headers for the trigger; - is standard input")
        .more(
            "One `Name: value` per line. They go to the hook and nowhere else. Also \
            DEPLOY_HOOK_HEADERS.",
        ),
    CliOption::new(HOOK, DEPLOY_AND_DOCTOR, "headers", "HEADERS", OptionKind::Refused),
    CliOption::new(HOOK, DEPLOY, "body", "TEXT", TEXT).help("Text to send with the trigger"),
    CliOption::new(HOOK, DEPLOY, "dry-run", "BOOL", OptionKind::Switch)
        .help("Check everything, but do not trigger"),
    CliOption::new(PLATFORM, DEPLOY, "platform", "NAME", PLATFORMS)
        .help("Platform of the hook [default: auto]")
        .more(
            "`auto` detects it from the URL; `deploy-hook platforms` prints the names. With --sandbox \
            it is the platform to imitate.",
        ),
    CliOption::new(PLATFORM, STATUS_FOLLOW_DOCTOR, "platform", "NAME", PLATFORMS)
        .help("Platform of the hook [default: auto]")
        .more("`auto` detects it from the URL; `deploy-hook platforms` prints the names."),
    CliOption::new(PLATFORM, READERS, "api-token", "TOKEN", TEXT).help("API token of the platform").more(
        "For deployments that the hook itself does not show. `deploy-hook platforms` prints \
            the platform's own variables, such as RENDER_API_KEY, which keep the token off the \
            command line.",
    ),
    CliOption::new(PLATFORM, READERS, "api-token-file", "PATH", FILE)
        .help("File with the API token; - is standard input"),
    CliOption::new(PLATFORM, READERS, "account", "ID", TEXT)
        .help("Team, account or organisation at the platform, if its API needs one"),
    CliOption::new(PLATFORM, READERS, "project", "ID", TEXT)
        .help("Site, project or application, if the API needs one and the URL does not name it"),
    CliOption::new(PLATFORM, READERS, "api-url", "URL", URL)
        .help("Base URL of the platform's API [default: the platform's own]"),
    CliOption::new(PLATFORM, READERS, "ca-file", "PATH", FILE)
        .help("File with an additional certificate authority [SSL_CERT_FILE]")
        .more("A self-signed server certificate works too."),
    CliOption::new(FOLLOWING, DEPLOY_AND_DOCTOR, "wait", "WHEN", words(values::WAIT))
        .help("Follow the deployment to its end [default: auto]"),
    CliOption::new(FOLLOWING, RUNS, "timeout", "DURATION", TEXT)
        .help("How long to follow the deployment, 1s to 24h [default: 15m]"),
    CliOption::new(FOLLOWING, RUNS, "poll-interval", "DURATION", words(values::INTERVAL))
        .help("Pause between polls: auto (adaptive) or 1s to 10m [default: auto]"),
    CliOption::new(FOLLOWING, RUNS, "expected-duration", "DURATION", words(values::DURATION))
        .help("How long a deployment usually takes: auto or 1s to 24h [default: auto]")
        .more("There are more polls when the end is near. `auto` learns from earlier deployments."),
    CliOption::new(FOLLOWING, RUNS, "history", "WHEN", words(values::HISTORY))
        .help("Whether polls learn from earlier deployments [default: auto]")
        .more("Outside CI `auto` keeps their durations in a state file."),
    CliOption::new(FOLLOWING, RUNS, "on-canceled", "RESULT", words(values::ON_CANCELED))
        .help("What a canceled or superseded deployment means [default: fail]"),
    CliOption::new(VERIFYING, RUNS_AND_DOCTOR, "verify-url", "URL", URL)
        .help("Page that must answer after the deployment")
        .more("A URL, or a path on environment-url such as /version."),
    CliOption::new(VERIFYING, RUNS_AND_DOCTOR, "verify-text", "TEXT", TEXT)
        .help("Text that the page must contain, such as a version or a commit"),
    CliOption::new(VERIFYING, RUNS_AND_DOCTOR, "verify-timeout", "DURATION", TEXT)
        .help("How long the page may take to answer as expected [default: 2m]")
        .more("1s to 24h, within the timeout."),
    CliOption::new(VERIFYING, RUNS_AND_DOCTOR, "verify-headers-file", "PATH", FILE)
        .help("File with headers for the page; - is standard input")
        .more("One `Name: value` per line. Also DEPLOY_HOOK_VERIFY_HEADERS."),
    CliOption::new(VERIFYING, RUNS_AND_DOCTOR, "verify-headers", "HEADERS", OptionKind::Refused),
    CliOption::new(REPORTS, RUNS, "environment", "NAME", TEXT)
        .help("Name of the environment in the reports, e.g. production"),
    CliOption::new(REPORTS, RUNS_AND_DOCTOR, "environment-url", "URL", URL).help("URL of the deployed site"),
    CliOption::new(
        REPORTS,
        RUNS_AND_DOCTOR,
        "report",
        "KINDS",
        OptionKind::Words(Words::Listed(values::report)),
    )
    .help("Reports to write, separated by commas [default: auto]")
    .more("`auto` is summary,status."),
    CliOption::new(REPORTS, RUNS, "name", "NAME", TEXT)
        .help("Name of the commit status and the check run [default: Deploy / <environment>]"),
    CliOption::new(REPORTS, RUNS_AND_DOCTOR, "sha", "SHA", TEXT)
        .help("Commit to report on [default: the commit of the CI event]"),
    CliOption::new(REPORTS, RUNS_AND_DOCTOR, "github-token", "TOKEN", TEXT)
        .help("GitHub token for the reports"),
    CliOption::new(REPORTS, RUNS_AND_DOCTOR, "gitlab-token", "TOKEN", TEXT)
        .help("GitLab token for the reports [GITLAB_TOKEN]"),
    CliOption::new(OUTPUT, READERS_AND_PLATFORMS, "format", "FORMAT", OptionKind::OneOf(values::FORMAT))
        .help("Output format [default: human]"),
    CliOption::new(OUTPUT, READERS, "color", "WHEN", OptionKind::OneOf(values::COLOR))
        .help("When to use colour [default: auto]"),
    CliOption::new(OUTPUT, RUNS_AND_DOCTOR, "quiet", "", OptionKind::Flag)
        .help("Print nothing if all is well")
        .short('q')
        .more(
            "If the exit code is not 0, everything is printed at the end. Files, outputs and \
            reports are written in any case.",
        ),
    CliOption::new(OUTPUT, RUNS, "verbose", "BOOL", OptionKind::Switch)
        .help("Also print every poll and pause")
        .short('v')
        .more(
            "Also switched on by DEPLOY_HOOK_VERBOSE=true, and by GitHub's debug logging \
            (RUNNER_DEBUG=1).",
        ),
    CliOption::new(OUTPUT, RUNS, "output-dir", "DIR", OptionKind::Text(ValueHint::DirPath))
        .help("Directory for the report files"),
    CliOption::new(SANDBOX, DEPLOY, "sandbox", "", OptionKind::Flag)
        .help("Deploy to the embedded platform; needs no account and no hook URL"),
    CliOption::new(SANDBOX, SANDBOX_ONLY, "port", "PORT", OptionKind::Number(|| value_parser!(u16).into()))
        .help("The port to listen on; 0 picks a free port [default: 0]"),
    CliOption::new(
        SANDBOX,
        SANDBOX_ONLY,
        "platform",
        "NAME",
        OptionKind::Words(Words::Listed(values::sandbox_platforms)),
    )
    .help("Platform to imitate [default: fortrabbit]"),
    CliOption::new(
        SANDBOX,
        SANDBOXES,
        "scenario",
        "NAME",
        OptionKind::Words(Words::Listed(values::scenarios)),
    )
    .help("How deployments behave [default: success]")
    .more("`deploy-hook sandbox --scenario list` prints all scenarios."),
    CliOption::new(SANDBOX, SANDBOXES, "speed", "FACTOR", OptionKind::Number(|| value_parser!(f64).into()))
        .help("Speed relative to a real platform, 0.1 to 10000")
        .more("The default is 20 for deploy, and 1 for sandbox."),
    CliOption::new(SANDBOX, SANDBOXES, "generation", "GENERATION", OptionKind::OneOf(values::GENERATION))
        .help("Generation of fortrabbit's hook"),
];

/// How an option is written: `--timeout DURATION`.
pub(crate) fn form(name: &str) -> Option<String> {
    let CliOption { name, value_name, kind, .. } = OPTIONS.iter().find(|option| option.name == name)?;
    let is_switch = matches!(kind, OptionKind::Switch | OptionKind::Flag);
    Some(if is_switch { format!("--{name}") } else { format!("--{name} {value_name}") })
}

/// The options that a command uses.
pub(super) fn of_command(command: &str) -> impl Iterator<Item = &'static CliOption> {
    OPTIONS.iter().filter(move |option| option.commands.contains(&command))
}
