//! A run, connected to the platform and to its reporters.

use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use url::Url;

use super::checks;
use super::site::Site;
use crate::cli::Cli;
use crate::config::{self, Settings};
use crate::core::report::{Cause, Event, Report, Task};
use crate::core::schedule::Timing;
use crate::core::state::{DeploymentId, Outcome, ReadDenied};
use crate::core::traits::Reporter as _;
use crate::core::{self, Plan, Verify, Wait};
use crate::env::Env;
use crate::error::{Problem, Problems, Signal, exit_code};
use crate::http::Http;
use crate::platforms::Client;
use crate::reporting::durations::Durations;
use crate::reporting::files::Files;
use crate::reporting::github::GitHub;
use crate::reporting::gitlab::{self, GitLab};
use crate::reporting::output::Output;
use crate::reporting::terminal::{LogGrouping, Terminal, TerminalOptions};
use crate::reporting::updater::ReportOptions;
use crate::reporting::{OutputFormat, Reporters};
use crate::secrets::{HookUrl, Redactor};
use crate::signals::Signals;
use crate::text::{ReportKind, RunContext, messages, problems};

/// A run, connected to the platform and to its reporters.
pub(super) struct Run {
    pub(super) settings: Settings,
    pub(super) http: Http,
    pub(super) platform: Client,
    pub(super) site: Option<Site>,
    pub(super) reporters: Reporters,
    pub(super) out: Output,
    pub(super) is_json: bool,
    /// How long the hook's deployments took, where that is kept.
    durations: Option<Durations>,
    /// How long the whole run may take, where the CI job says so.
    limit: Option<Duration>,
}

impl Run {
    /// Connects a run. Masks the secrets first, then does everything that can fail before something is sent. `speed` is
    /// the embedded platform's.
    pub(super) fn open(
        mut settings: Settings,
        cli: &Cli,
        env: &Env,
        speed: Option<f64>,
        signals: Option<&Signals>,
    ) -> Result<Self, Problems> {
        let redactor = settings.redactor();
        let out = Output::new(redactor.clone(), env.in_github());
        out.mask();
        let http = http_client(&settings, env, &redactor)?;
        let site = Site::new(&settings, &http)?;
        let platform = Client::new(settings.access.clone(), http.clone());
        let platform = if let Some(speed) = speed { platform.at_speed(speed) } else { platform };
        let limit = gitlab::time_left(env, SystemTime::now());
        let cut_short = limit.filter(|left| *left < settings.timeout);
        settings.timeout = cut_short.unwrap_or(settings.timeout);
        let context = RunContext {
            platform: settings.platform_name(),
            building: settings.access.platform.facts().building,
            post_deploy: settings.access.platform.facts().post_deploy,
            environment: settings.environment.clone().or_else(|| speed.map(|_| "sandbox".to_owned())),
            environment_url: settings.environment_url.clone(),
            hook: settings.access.hook.as_ref().map(HookUrl::label).unwrap_or_default(),
            cause: None,
            timeout: settings.timeout,
            cut_short: cut_short.is_some(),
            pass_canceled: settings.pass_canceled,
            sandbox: speed,
            page: settings.page.as_ref().map(|page| page.address.shown()),
        };
        let mut reporters = reporters(&settings, cli, env, (&out, &http), context, signals);
        if let (false, Some(hook)) = (platform.is_known(), &settings.access.hook) {
            reporters.warn(&messages::unknown_host(hook.host()));
        }
        if let (Some(files), Some(_)) = (&reporters.files, signals) {
            files.clear();
        }
        let follows = signals.is_some() && settings.wait != Wait::Never && !settings.dry_run;
        if let (Some(left), true) = (cut_short, follows) {
            reporters.info(&messages::cut_short(left));
        }
        // What the embedded platform does says nothing of a real one.
        let hook = settings.access.hook.as_ref().filter(|_| speed.is_none());
        let durations = hook.and_then(|hook| Durations::of(hook, env));
        let is_json = cli.is_json();
        Ok(Self { settings, http, platform, site, reporters, out, is_json, durations, limit })
    }

    /// Warns of misspelt variables. Called once no bad input is possible any more: that is reported with the same warnings.
    pub(super) fn warn_of_unknown_variables(&mut self, env: &Env) {
        for warning in config::unknown_variables(env) {
            self.reporters.warn(&warning);
        }
    }

    pub(super) async fn run(
        &mut self,
        task: Task,
        timing: Timing,
        signals: &Signals,
    ) -> Result<u8, Problems> {
        let Settings { wait, timeout, interval, .. } = self.settings;
        let (started, seed) = (SystemTime::now(), fastrand::u64(..));
        let learns = self.settings.learns && task == Task::Deploy;
        let kept = self.durations.as_ref().filter(|_| learns);
        let history = kept.map(Durations::read).unwrap_or_default();
        let late_history =
            self.reporters.github.as_mut().filter(|_| learns).map(GitHub::learn).unwrap_or_default();
        let verify = self.settings.page.as_ref().map(|page| Verify { timeout: page.timeout });
        let plan = Plan {
            wait,
            timeout,
            limit: self.limit,
            verify,
            interval,
            expected: self.settings.expected,
            history,
            late_history,
            learns,
            timing,
            started,
            seed,
        };
        let (platform, site) = (&mut self.platform, self.site.as_mut());
        let report = core::run(task, platform, site, &mut self.reporters, plan, signals.wait()).await;
        let report = report.map_err(|refused| denied(&refused, &self.settings))?;
        if let (Some(kept), Some(took)) = (kept, report.deployment_took()) {
            kept.add(took);
        }
        Ok(exit_code(report.outcome, self.settings.pass_canceled, signals.first()))
    }

    /// Bad input where it is known before the trigger that something is missing for it, or for the verdict.
    pub(super) fn must_deploy(&self) -> Result<(), Problems> {
        let problem = checks::platform_problem(&self.platform, self.settings.wait);
        problem.map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Bad input where the deployment, or without an id the newest one, cannot be read at all.
    pub(super) fn must_read(&self, id: Option<&DeploymentId>) -> Result<(), Problems> {
        if self.platform.reader().can_read(id) {
            return Ok(());
        }
        let (input, wrong, fix) = messages::cannot_read(&self.platform.reader().access().missing());
        Err(Problem::new(input, (wrong, fix)).into())
    }

    /// Ends a run in which nothing was to be triggered.
    pub(super) async fn end_untriggered(
        &mut self,
        outcome: Outcome,
        cause: Option<Cause>,
        signal: Option<Signal>,
    ) -> u8 {
        let report = Report { outcome, cause, ..Report::new(Task::Deploy, SystemTime::now()) };
        self.reporters.report(Duration::ZERO, &Event::Finished { report: Box::new(report) }).await;
        exit_code(outcome, false, signal)
    }
}

fn http_client(settings: &Settings, env: &Env, redactor: &Redactor) -> Result<Http, Problems> {
    let is_https = |url: &Url| url.scheme() == "https";
    let api = settings.access.api.as_ref().filter(|_| settings.access.token.is_some());
    let hook = settings.access.hook.as_ref().map(HookUrl::expose);
    let page = settings.page.as_ref().and_then(|page| page.address.on(settings.environment_url.as_deref()));
    let tls = api.is_some_and(is_https)
        || hook.is_some_and(is_https)
        || page.as_ref().is_some_and(is_https)
        || env.ci_api().is_some_and(|url| url.starts_with("https:"));
    // A page over http may redirect to one over https.
    let may_need_tls = !tls && settings.page.is_some();
    let client = |tls| Http::new(&settings.network, tls, redactor.clone());
    let client = if may_need_tls { client(true).or_else(|_| client(false)) } else { client(tls) };
    client.map_err(|error| Problem::new("ca-file", (error.to_string(), problems::NO_AUTHORITIES)).into())
}

/// Everything that reports this run: the log, the CI platform and files.
fn reporters(
    settings: &Settings,
    cli: &Cli,
    env: &Env,
    (out, http): (&Output, &Http),
    mut context: RunContext,
    signals: Option<&Signals>,
) -> Reporters {
    // A deployment on the embedded platform is no deployment of a commit.
    let on_commit = |kind: &ReportKind| context.sandbox.is_none() || *kind == ReportKind::Summary;
    let kinds = settings.report.kinds().into_iter().filter(on_commit).collect();
    let options = options(settings, kinds, signals);
    let github = GitHub::detect(env, out, http, &options, &context);
    let gitlab = GitLab::detect(env, out, (http, &settings.network), &options, &context);
    let cause = github.as_ref().map(|github| &github.cause).or(gitlab.as_ref().map(|gitlab| &gitlab.cause));
    context.cause = cause.filter(|cause| !cause.is_empty()).cloned();
    let summary = settings.report.wants(ReportKind::Summary);
    let files = settings.output_dir.clone().map(|dir| Files::new(dir, settings.redactor(), summary));
    Reporters {
        output: output(cli, settings.verbose, env, out),
        github,
        gitlab,
        files,
        context,
        warned: Vec::new(),
    }
}

/// What the platform refused before anything was triggered.
fn denied(denied: &ReadDenied, settings: &Settings) -> Problems {
    let named = [("account", &settings.access.account), ("project", &settings.access.project)];
    let named: Vec<&str> = named.iter().filter(|(_, id)| id.is_some()).map(|(name, _)| *name).collect();
    let problem = if denied.status == 404 {
        Problem::new(named.join(" or "), messages::not_found(&denied.message))
    } else {
        let needed = settings.access.platform.facts().trigger_needs_token;
        Problem::new("api-token", messages::token_denied(denied.status, &denied.message, needed))
    };
    problem.into()
}

/// What to write at a code host.
pub(super) fn options<'a>(
    settings: &'a Settings,
    kinds: Vec<ReportKind>,
    signals: Option<&Signals>,
) -> ReportOptions<'a> {
    ReportOptions {
        kinds,
        named: settings.report.named,
        name: &settings.name,
        sha: settings.sha.as_deref(),
        github_token: settings.github_token.as_ref(),
        gitlab_token: settings.gitlab_token.as_ref(),
        job_token: settings.job_token.as_ref(),
        stop: signals.map(Signals::watch),
    }
}

/// The log of this run: by the options, the terminal, and what the CI system can show.
fn output(cli: &Cli, verbose: bool, env: &Env, out: &Output) -> OutputFormat {
    if cli.is_json() {
        return OutputFormat::Json { out: out.clone(), verbose };
    }
    let github = env.in_github();
    let terminal = std::io::stderr().is_terminal() && !github && env.get("TERM") != Some("dumb");
    let color = match cli.inputs.get("color") {
        Some("always") => true,
        Some("never") => false,
        _ => env.get("NO_COLOR").is_none() && (terminal || github || env.in_gitlab()),
    };
    let grouping = match (github, env.in_gitlab()) {
        (true, _) => LogGrouping::GitHub,
        (_, true) => LogGrouping::GitLab,
        _ => LogGrouping::Never,
    };
    let live = terminal && !cli.quiet && !env.is_true("CI");
    OutputFormat::Human(Box::new(Terminal::new(
        out.clone(),
        TerminalOptions { verbose, color, live, grouping },
    )))
}
