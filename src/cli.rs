//! The command line: names and help texts, nothing computed.
//!
//! Inputs are taken as plain text here and judged in `settings/`, all at once, whether they came as an option or
//! from the environment. The hook URL has no option: a command line is seen by every process on the machine.

#![expect(clippy::doc_markdown, reason = "these are help texts, shown as they stand")]
#![expect(rustdoc::broken_intra_doc_links, rustdoc::bare_urls, reason = "these are help texts")]
#![expect(rustdoc::invalid_html_tags, reason = "these are help texts")]

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Triggers a deploy hook once, follows that deployment to its end, and exits with the verdict.
///
/// The hook URL is a password. Give it as DEPLOY_HOOK_URL or by --hook-url-file, never on the command line.
#[derive(Debug, Parser)]
#[command(name = "deploy-hook", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; in a GitHub Action the default is `deploy`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trigger the hook once, follow the deployment to its end, report
    Deploy(DeployArgs),
    /// Read the deployment's present state; triggers nothing
    Status(StatusArgs),
    /// Follow a deployment that already exists; triggers nothing
    Follow(FollowArgs),
    /// Find out, without triggering anything, why a trigger would fail
    Doctor(Inputs),
    /// Run the embedded platform on loopback, to try everything without an account
    Sandbox(SandboxArgs),
    /// Print shell completions
    Completions {
        /// The shell to complete for
        shell: Shell,
    },
}

/// Arguments of `deploy`.
#[derive(Args, Debug, Default)]
pub struct DeployArgs {
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Deploy on the embedded platform: no account, no hook URL needed
    #[arg(long, help_heading = "Sandbox")]
    pub sandbox: bool,
    /// The sandbox's behaviour.
    #[command(flatten)]
    pub options: SandboxOptions,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The deployment; without it the newest
    pub id: Option<String>,
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `follow`.
#[derive(Args, Debug)]
pub struct FollowArgs {
    /// The deployment, e.g. dp-abc123
    pub id: String,
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `sandbox`.
#[derive(Args, Debug)]
pub struct SandboxArgs {
    /// The port to listen on; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// The sandbox's behaviour.
    #[command(flatten)]
    pub options: SandboxOptions,
}

/// What the embedded platform does.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Sandbox")]
pub struct SandboxOptions {
    /// What happens to deployments; `deploy-hook sandbox --scenario list` shows all
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// How many times as fast as a real platform (default 20 for deploy, 1 for sandbox)
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<f64>,
    /// Which platform's hook and API it imitates [default: fortrabbit]
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// Which generation of the hook
    #[arg(long, value_name = "GENERATION")]
    pub generation: Option<GenerationArg>,
}

/// The generations of fortrabbit's hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GenerationArg {
    /// The hook itself tells the deployment's state
    Draft,
    /// The state is read through the public API, with a token
    Live,
}

/// The inputs: each is also DEPLOY_HOOK_X_Y in the environment and an input of the Action.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Inputs")]
pub struct Inputs {
    /// File that holds the hook URL; - is standard input [DEPLOY_HOOK_URL, DEPLOY_HOOK_URL_FILE]
    #[arg(long, value_name = "PATH")]
    pub hook_url_file: Option<String>,
    /// Caught so that a URL given this way is answered with a remedy, and never echoed.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "NEVER")]
    pub hook_url: Option<Option<String>>,
    /// What an empty hook URL means: fail or skip [default: fail]
    #[arg(long, value_name = "WHAT")]
    pub if_missing: Option<String>,
    /// The platform's API token, to follow where the hook cannot be read [FRBIT_TOKEN, FORTRABBIT_API_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub api_token: Option<String>,
    /// File that holds the API token; - is standard input [DEPLOY_HOOK_API_TOKEN_FILE]
    #[arg(long, value_name = "PATH")]
    pub api_token_file: Option<String>,
    /// auto: follow if the state can be read; always: not being able to is a failure; never [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub wait: Option<String>,
    /// Deadline of the whole follow, 1s to 24h [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// auto is adaptive; or a fixed pause between polls, 1s to 10m [default: auto]
    #[arg(long, value_name = "DURATION")]
    pub poll_interval: Option<String>,
    /// What canceled and superseded mean for the exit code: fail or pass [default: fail]
    #[arg(long, value_name = "WHAT")]
    pub on_canceled: Option<String>,
    /// The environment's name in summaries and statuses, e.g. production
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Where the deployed site lives
    #[arg(long, value_name = "URL")]
    pub environment_url: Option<String>,
    /// List of summary, status, check, deployment, comment; auto or none [default: auto]
    #[arg(long, value_name = "KINDS")]
    pub report: Option<String>,
    /// Name of the status and the check [default: Deploy / <environment>]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Commit to report on
    #[arg(long, value_name = "SHA")]
    pub sha: Option<String>,
    /// GitHub token for the reports
    #[arg(long, value_name = "TOKEN")]
    pub github_token: Option<String>,
    /// GitLab token for the reports [GITLAB_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub gitlab_token: Option<String>,
    /// Base of the platform's API [default: https://api.fortrabbit.com]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// File of an additional certificate authority, or of the server's own certificate [SSL_CERT_FILE]
    #[arg(long, value_name = "PATH")]
    pub ca_file: Option<String>,
    /// Do everything but the trigger
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub dry_run: Option<String>,
    /// How it is told.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl Inputs {
    /// What was typed for an input, by the input's name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let typed = match name {
            "hook-url-file" => &self.hook_url_file,
            "if-missing" => &self.if_missing,
            "api-token" => &self.api_token,
            "api-token-file" => &self.api_token_file,
            "wait" => &self.wait,
            "timeout" => &self.timeout,
            "poll-interval" => &self.poll_interval,
            "on-canceled" => &self.on_canceled,
            "environment" => &self.environment,
            "environment-url" => &self.environment_url,
            "report" => &self.report,
            "name" => &self.name,
            "sha" => &self.sha,
            "github-token" => &self.github_token,
            "gitlab-token" => &self.gitlab_token,
            "api-url" => &self.api_url,
            "ca-file" => &self.ca_file,
            "dry-run" => &self.dry_run,
            "output-dir" => &self.output.output_dir,
            _ => &None,
        };
        typed.as_deref()
    }
}

/// How the run is told.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// human, or one JSON event a line on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Colour: auto looks at the terminal and NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Only the verdict and what needs a reader
    #[arg(short, long)]
    pub quiet: bool,
    /// Every look and every pause as well
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Where the report files go outside a known CI
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<String>,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One event a line, for programs
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}
