//! The command line: names and help texts, nothing computed.
//!
//! Inputs are plain text here. `config/` validates all of them at once, wherever they come from. The hook URL has no
//! option, because every process on the machine can read a command line.

#![expect(clippy::doc_markdown, reason = "these are help texts, printed as written")]
#![expect(rustdoc::broken_intra_doc_links, reason = "these are help texts")]
#![expect(rustdoc::invalid_html_tags, reason = "these are help texts")]

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Triggers a deploy hook once, follows the deployment until it finishes, and exits with its result.
///
/// The hook URL is a password. Give it as DEPLOY_HOOK_URL or by --hook-url-file, never on the command line.
#[derive(Debug, Parser)]
#[command(name = "deploy-hook", version, max_term_width = 100)]
pub struct Cli {
    /// The command; in a GitHub Action the default is `deploy`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trigger the hook once, follow the deployment until it finishes, and report the result
    Deploy(DeployArgs),
    /// Print the current state of a deployment; triggers nothing
    Status(StatusArgs),
    /// Follow an existing deployment; triggers nothing
    Follow(FollowArgs),
    /// Check everything a trigger needs; triggers nothing
    Doctor(Inputs),
    /// Run an embedded platform on loopback, to try deploy-hook without an account
    Sandbox(SandboxArgs),
    /// Print the platforms: how each is known, what it needs, how it is followed
    Platforms(PlatformsArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Arguments of `deploy`.
#[derive(Args, Debug, Default)]
pub struct DeployArgs {
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Deploy to the embedded platform; needs no account and no hook URL
    #[arg(long, help_heading = "Sandbox")]
    pub sandbox: bool,
    /// The sandbox's behaviour.
    #[command(flatten)]
    pub options: SandboxOptions,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The deployment's id; default: the newest deployment
    pub id: Option<String>,
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `follow`.
#[derive(Args, Debug)]
pub struct FollowArgs {
    /// The deployment's id, e.g. dp-abc123
    pub id: String,
    /// The inputs.
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `platforms`.
#[derive(Args, Debug)]
pub struct PlatformsArgs {
    /// Output format: human, or json (one object on standard output)
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// Arguments of `sandbox`.
#[derive(Args, Debug)]
pub struct SandboxArgs {
    /// The port to listen on; 0 picks a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Platform to imitate: a name from `deploy-hook platforms` [default: fortrabbit]
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// The sandbox's behaviour.
    #[command(flatten)]
    pub options: SandboxOptions,
}

/// Options of the embedded platform.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Sandbox")]
pub struct SandboxOptions {
    /// How deployments behave; `deploy-hook sandbox --scenario list` prints all scenarios
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Speed relative to a real platform [default: 20 for deploy, 1 for sandbox]
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<f64>,
    /// Generation of the hook contract
    #[arg(long, value_name = "GENERATION")]
    pub generation: Option<GenerationArg>,
}

/// The generations of fortrabbit's hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GenerationArg {
    /// The state is read from the hook itself
    Draft,
    /// The state is read from the public API, with a token
    Live,
}

/// The inputs: each is also DEPLOY_HOOK_X_Y in the environment and an input of the Action.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Inputs")]
pub struct Inputs {
    /// File with the hook URL; - is standard input [DEPLOY_HOOK_URL, DEPLOY_HOOK_URL_FILE]
    #[arg(long, value_name = "PATH")]
    pub hook_url_file: Option<String>,
    /// Accepted only to reject it with advice, without printing the URL.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "NEVER")]
    pub hook_url: Option<Option<String>>,
    /// What to do if the hook URL is empty: fail or skip [default: fail]
    #[arg(long, value_name = "WHAT")]
    pub if_missing: Option<String>,
    /// API token of the platform, to follow deployments that the hook itself does not show; `deploy-hook platforms` prints its usual variables
    #[arg(long, value_name = "TOKEN")]
    pub api_token: Option<String>,
    /// File with the API token; - is standard input [DEPLOY_HOOK_API_TOKEN_FILE]
    #[arg(long, value_name = "PATH")]
    pub api_token_file: Option<String>,
    /// Follow the deployment: auto (if its state can be read), always (else fail) or never [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub wait: Option<String>,
    /// How long to follow the deployment, 1s to 24h [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Pause between polls: auto (adaptive) or 1s to 10m [default: auto]
    #[arg(long, value_name = "DURATION")]
    pub poll_interval: Option<String>,
    /// How long a deployment usually takes, to poll when it is about to end: auto (from earlier deployments) or 1s to 24h [default: auto]
    #[arg(long, value_name = "DURATION")]
    pub expected_duration: Option<String>,
    /// Whether earlier deployments are used for the polls, and kept in a state file outside CI: auto or off [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub history: Option<String>,
    /// Whether canceled and superseded deployments fail or pass [default: fail]
    #[arg(long, value_name = "WHAT")]
    pub on_canceled: Option<String>,
    /// Name of the environment in the reports, e.g. production
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// URL of the deployed site
    #[arg(long, value_name = "URL")]
    pub environment_url: Option<String>,
    /// Reports to write: a list of summary, status, check, deployment, comment; or auto or none [default: auto]
    #[arg(long, value_name = "KINDS")]
    pub report: Option<String>,
    /// Name of the commit status and the check run [default: Deploy / <environment>]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Commit to report on [default: the commit of the CI event]
    #[arg(long, value_name = "SHA")]
    pub sha: Option<String>,
    /// GitHub token for the reports
    #[arg(long, value_name = "TOKEN")]
    pub github_token: Option<String>,
    /// GitLab token for the reports [GITLAB_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub gitlab_token: Option<String>,
    /// Base URL of the platform's API [default: the platform's own]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// File with an additional certificate authority or a self-signed server certificate [SSL_CERT_FILE]
    #[arg(long, value_name = "PATH")]
    pub ca_file: Option<String>,
    /// Platform of the hook, or with --sandbox the one to imitate: auto (by the URL) or a name from `deploy-hook platforms` [default: auto]
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// Team, account or organisation at the platform, if its API needs one
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Site, project or application at the platform, if its API needs one and the URL does not name it
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,
    /// File with headers for the trigger, one `Name: value` per line; - is standard input [DEPLOY_HOOK_HEADERS, DEPLOY_HOOK_HEADERS_FILE]
    #[arg(long, value_name = "PATH")]
    pub headers_file: Option<String>,
    /// Accepted only to reject it with advice, without printing the headers.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "NEVER")]
    pub headers: Option<Option<String>>,
    /// Text to send with the trigger
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
    /// Page that must answer after the deployment: a URL, or a path on environment-url such as /version
    #[arg(long, value_name = "URL")]
    pub verify_url: Option<String>,
    /// Text that the page must contain, such as a version or a commit
    #[arg(long, value_name = "TEXT")]
    pub verify_text: Option<String>,
    /// How long the page may take to answer as asked, within the timeout, 1s to 24h [default: 2m]
    #[arg(long, value_name = "DURATION")]
    pub verify_timeout: Option<String>,
    /// File with headers for the page, one `Name: value` per line; - is standard input [DEPLOY_HOOK_VERIFY_HEADERS, DEPLOY_HOOK_VERIFY_HEADERS_FILE]
    #[arg(long, value_name = "PATH")]
    pub verify_headers_file: Option<String>,
    /// Accepted only to reject it with advice, without printing the headers.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "NEVER")]
    pub verify_headers: Option<Option<String>>,
    /// Check everything, but do not trigger
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub dry_run: Option<String>,
    /// The output options.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl Inputs {
    /// The value of an option, by the input's name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = match name {
            "hook-url-file" => &self.hook_url_file,
            "if-missing" => &self.if_missing,
            "api-token" => &self.api_token,
            "api-token-file" => &self.api_token_file,
            "wait" => &self.wait,
            "timeout" => &self.timeout,
            "poll-interval" => &self.poll_interval,
            "expected-duration" => &self.expected_duration,
            "history" => &self.history,
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
            "platform" => &self.platform,
            "account" => &self.account,
            "project" => &self.project,
            "headers-file" => &self.headers_file,
            "body" => &self.body,
            "verify-url" => &self.verify_url,
            "verify-text" => &self.verify_text,
            "verify-timeout" => &self.verify_timeout,
            "verify-headers-file" => &self.verify_headers_file,
            "output-dir" => &self.output.output_dir,
            _ => &None,
        };
        value.as_deref()
    }
}

/// Options of the output.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format: human, or json (one event per line on standard output)
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// When to use colour; auto depends on the terminal and NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Print only the result, warnings and errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Also print every poll and pause
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Directory for the report files
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

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
