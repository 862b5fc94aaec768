//! What the help says beside the options: descriptions, examples, exit codes; and its colours.

use std::fmt::Write as _;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};

/// The help of a command.
#[derive(Debug)]
pub struct CommandHelp {
    /// The command's name; empty for the program itself.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// More of it, for the long help.
    pub more: &'static str,
    /// What each example is for, and its line.
    pub examples: &'static [(&'static str, &'static str)],
    /// The exit codes with what they mean.
    pub exit_codes: &'static [ExitCode],
}

const INPUTS: &str = "Every option that takes a value can also be set as a variable: --poll-interval is \
    DEPLOY_HOOK_POLL_INTERVAL. The option takes precedence.";

/// An exit code with what it means.
pub type ExitCode = (&'static str, &'static str);

const FAILED: ExitCode = ("1", "failed: the platform says that this deployment failed");
const BAD_INPUT: ExitCode = ("2", "bad input: nothing was sent");
const TIMED_OUT: ExitCode = ("6", "timed-out: still going at the deadline");
const LOST: ExitCode = ("7", "lost: its state can no longer be read");
const CANCELED: ExitCode = ("8", "canceled, superseded: 0 with --on-canceled pass");
const UNVERIFIED: ExitCode = ("9", "unverified: deployed, but the page does not answer as expected");
const INTERRUPTED: ExitCode = ("130", "interrupted by SIGINT; 143 by SIGTERM");

const DEPLOY_CODES: &[ExitCode] = &[
    ("0", "succeeded; triggered (not followed); skipped"),
    FAILED,
    BAD_INPUT,
    ("3", "refused: the platform refused the trigger, nothing was triggered"),
    ("4", "unreachable: the request never left, so it may be sent again"),
    ("5", "uncertain: no usable answer, a deployment may be running"),
    TIMED_OUT,
    LOST,
    CANCELED,
    UNVERIFIED,
    INTERRUPTED,
];

const FOLLOW_CODES: &[ExitCode] =
    &[("0", "succeeded"), FAILED, BAD_INPUT, TIMED_OUT, LOST, CANCELED, UNVERIFIED, INTERRUPTED];

/// The program itself, then every command.
pub const COMMANDS: [CommandHelp; 8] = [
    CommandHelp {
        name: "",
        about: "Triggers a deploy hook once, follows the deployment until it finishes, and exits with its result.",
        more: "The hook URL is a password. Give it as DEPLOY_HOOK_URL or by --hook-url-file, never on the command line.",
        examples: &[
            ("Try it, without an account", "deploy-hook deploy --sandbox"),
            ("Deploy, with the hook URL in a file", "deploy-hook deploy --hook-url-file hook-url"),
            ("Find out why a trigger would fail", "deploy-hook doctor --hook-url-file hook-url"),
        ],
        exit_codes: DEPLOY_CODES,
    },
    CommandHelp {
        name: "deploy",
        about: "Trigger the hook once, follow the deployment until it finishes, and report the result",
        more: INPUTS,
        examples: &[
            ("Try it, without an account", "deploy-hook deploy --sandbox"),
            ("With the hook URL in a file", "deploy-hook deploy --hook-url-file hook-url"),
            (
                "With the hook URL from a password manager",
                "pass show hook-url | deploy-hook deploy --hook-url-file -",
            ),
            ("Follow through the platform's API", "deploy-hook deploy --api-token-file token --timeout 30m"),
            ("Only trigger", "deploy-hook deploy --wait never"),
            ("From cron: silent unless it fails", "deploy-hook deploy --quiet --hook-url-file hook-url"),
        ],
        exit_codes: DEPLOY_CODES,
    },
    CommandHelp {
        name: "status",
        about: "Print the current state of a deployment; triggers nothing",
        more: INPUTS,
        examples: &[
            ("The newest deployment", "deploy-hook status --hook-url-file hook-url"),
            ("One of them, for a script", "deploy-hook status dp-abc123 --format json"),
        ],
        exit_codes: &[
            ("0", "the state was read, whatever it is"),
            BAD_INPUT,
            ("7", "the state could not be read"),
        ],
    },
    CommandHelp {
        name: "follow",
        about: "Follow an existing deployment; triggers nothing",
        more: INPUTS,
        examples: &[("A deployment that timed out", "deploy-hook follow dp-abc123 --timeout 1h")],
        exit_codes: FOLLOW_CODES,
    },
    CommandHelp {
        name: "doctor",
        about: "Check everything a trigger needs; triggers nothing",
        more: INPUTS,
        examples: &[
            ("The hook, the network, the tokens", "deploy-hook doctor --hook-url-file hook-url"),
            ("Whether deployments can be followed", "deploy-hook doctor --api-token-file token"),
        ],
        exit_codes: &[
            ("0", "nothing was found that would make a trigger fail"),
            ("2", "bad input, or a token that the platform refuses"),
            ("3", "the hook would be refused"),
            ("4", "the platform cannot be reached"),
        ],
    },
    CommandHelp {
        name: "sandbox",
        about: "Run an embedded platform on loopback, to try deploy-hook without an account",
        more: "It prints a hook URL, an API token and the address of a page to watch it, and runs until Ctrl-C.",
        examples: &[
            ("A platform that answers like Render", "deploy-hook sandbox --platform render"),
            ("What can go wrong", "deploy-hook sandbox --scenario list"),
        ],
        exit_codes: &[("0", "ended by a signal"), ("2", "bad input, or the port is in use")],
    },
    CommandHelp {
        name: "platforms",
        about: "Print the platforms: how each is known, what it needs, how it is followed",
        more: "",
        examples: &[("For a script", "deploy-hook platforms --format json")],
        exit_codes: &[("0", "printed")],
    },
    CommandHelp {
        name: "completions",
        about: "Print shell completions",
        more: "",
        examples: &[
            ("Bash, a file that ~/.bashrc sources", "deploy-hook completions bash >~/.deploy-hook.bash"),
            ("Zsh, in a folder of $fpath", "deploy-hook completions zsh >~/.zfunc/_deploy-hook"),
            ("Fish", "deploy-hook completions fish >~/.config/fish/completions/deploy-hook.fish"),
        ],
        exit_codes: &[("0", "printed"), ("2", "no such shell")],
    },
];

/// The colours of the help.
pub(super) const STYLES: Styles =
    Styles::styled().header(HEADER).usage(HEADER).literal(LITERAL).placeholder(AnsiColor::Cyan.on_default());

const HEADER: Style = AnsiColor::Green.on_default().bold();
const LITERAL: Style = AnsiColor::Cyan.on_default().bold();

impl CommandHelp {
    /// Examples and exit codes, as the end of the long help.
    pub(super) fn end(&self) -> String {
        let mut text = format!("{HEADER}Examples:{HEADER:#}\n");
        for (what, line) in self.examples {
            let _ = writeln!(text, "  {what}:\n    {LITERAL}{line}{LITERAL:#}");
        }
        let _ = write!(text, "\n{HEADER}Exit codes:{HEADER:#}");
        for (code, meaning) in self.exit_codes {
            let _ = write!(text, "\n  {LITERAL}{code:<3}{LITERAL:#}  {meaning}");
        }
        text
    }
}
