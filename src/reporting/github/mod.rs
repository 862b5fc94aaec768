//! GitHub Actions: outputs, the job summary, annotations, and the run's reports on the commit.

mod api;
mod bodies;
pub(crate) mod command;
mod event;
mod files;
mod history;
pub(crate) mod post;
mod post_state;
mod reports;

use std::sync::{Arc, OnceLock};

use self::api::GitHubApi;
use self::bodies::GitHubTarget;
use self::event::WorkflowRun;
use self::files::CommandFiles;
use self::history::EarlierDeployments;
use self::post_state::StateFile;
use self::reports::{GitHubReports, ReadFirst};
use super::updater::requests::ApiRequest;
use super::updater::{Notice, ReportOptions, ReportTracker, TokenCheck};
use crate::core::history::History;
use crate::core::report::{Cause, Event, Report};
use crate::core::state::Outcome;
use crate::env::Env;
use crate::error::{Problems, exit_code};
use crate::http::Http;
use crate::reporting::output::Output;
use crate::text::{Fix, ReportKind, RunContext, markdown, messages, outputs};

/// The runner, as a container action or a step sees it; GitHub's or one that follows its contract.
pub(crate) struct GitHub {
    /// What began this run, for the summary.
    pub(crate) cause: String,
    out: Output,
    files: CommandFiles,
    tracker: ReportTracker,
    state: StateFile,
    /// How long earlier deployments of the environment took, where deployments are reported and it is asked for.
    earlier: Option<EarlierDeployments>,
    learns: bool,
}

impl GitHub {
    /// The runner, where this process runs under one.
    pub(crate) fn detect(
        env: &Env,
        out: &Output,
        http: &Http,
        options: &ReportOptions<'_>,
        context: &RunContext,
    ) -> Option<Self> {
        if !env.in_github() {
            return None;
        }
        let run = WorkflowRun::detect(env, options.sha, http.redactor());
        let mut tracker = ReportTracker::new(out, run.code_host, options, run.untrusted);
        let state = StateFile::new(env);
        let kinds = tracker.supported(&options.kinds, run.pull.is_some());
        let mut earlier = None;
        match github_reports(&run, options, http, context, &state) {
            _ if kinds.is_empty() => {}
            Ok(reports) => {
                if let (true, Some(token)) = (kinds.contains(&ReportKind::Deployment), options.github_token) {
                    earlier = EarlierDeployments::new(http, &run, token, &reports.target.environment);
                }
                tracker.start(reports, kinds);
            }
            Err(why) => tracker.cannot_write(&kinds, why, Fix::None, false),
        }
        let files = CommandFiles::new(env, out, options.kinds.contains(&ReportKind::Summary));
        Some(Self { cause: run.cause, out: out.clone(), files, tracker, state, earlier, learns: false })
    }

    /// Where it will be found how long earlier deployments of the environment took. It is asked for once the platform has
    /// accepted the trigger, so that it delays nothing.
    pub(crate) fn learn(&mut self) -> Arc<OnceLock<History>> {
        self.learns = true;
        self.earlier.as_ref().map(|earlier| Arc::clone(&earlier.found)).unwrap_or_default()
    }

    /// Reports an event. Returns what could not be written, one sentence each.
    pub(crate) async fn report(&mut self, event: &Event, context: &RunContext) -> Vec<Notice> {
        self.tracker.update(event);
        match event {
            Event::Triggered { snapshot, .. } => {
                self.earlier.take().into_iter().filter(|_| self.learns).for_each(EarlierDeployments::ask);
                let error = self.files.set_outputs(&outputs::early(snapshot.as_ref(), context));
                error.map(Notice::Warning).into_iter().collect()
            }
            Event::UnknownState { word } => {
                self.warning(&messages::unknown_state(word));
                Vec::new()
            }
            Event::Finished { report } => self.ended(report, context).await,
            _ => Vec::new(),
        }
    }

    pub(crate) fn warning(&self, message: &str) {
        self.out.command(&command::annotation("warning", message));
    }

    async fn ended(&mut self, report: &Report, context: &RunContext) -> Vec<Notice> {
        let outputs = self.files.set_outputs(&outputs::all(report, context));
        let results = self.tracker.close(report, context, |end| self.state.save_end(end)).await;
        let summary = self.files.add_summary(&markdown::summary(report, context, &results));
        if let Some(level) = annotation_level(report, context) {
            self.out.command(&command::annotation(level, &messages::annotation(report, context)));
        }
        let mut notices = Vec::from_iter(outputs.map(Notice::Warning));
        notices.extend(self.tracker.notices(&results, report));
        notices.extend(self.state.error().into_iter().chain(summary).map(Notice::Warning));
        notices
    }
}

/// The level of the annotation at the end of a run, which says what the log would say; none where there is nothing to do.
pub(crate) fn annotation_level(report: &Report, context: &RunContext) -> Option<&'static str> {
    let unread = report.outcome == Outcome::Triggered && matches!(report.cause, Some(Cause::Unreadable(_)));
    if exit_code(report.outcome, context.pass_canceled, None) != 0 {
        Some("error")
    } else {
        unread.then_some("warning")
    }
}

/// What the token is, as far as reading shows: GitHub does not show the permissions of a workflow's token.
pub(crate) async fn examine(env: &Env, http: &Http, options: &ReportOptions<'_>) -> Option<TokenCheck> {
    let run = WorkflowRun::detect(env, options.sha, http.redactor());
    let kinds: Vec<ReportKind> = options.written_at(run.code_host).collect();
    if !env.in_github() || run.repository.is_empty() || kinds.is_empty() {
        return None;
    }
    let check = |good, found, fix| Some(TokenCheck { token: "github-token", good, found, fix });
    let Some(token) = options.github_token else {
        let fix = "In a `run:` step, set DEPLOY_HOOK_GITHUB_TOKEN; without it no reports are written.";
        return check(false, "none was given".to_owned(), fix.to_owned());
    };
    let read = match GitHubApi::new(http, &run, token) {
        Ok(api) => api.call(&ApiRequest::get("")).await,
        Err(error) => Err(error),
    };
    let Err(error) = read else {
        let fix = messages::maybe_missing_permissions(&kinds, run.code_host);
        return check(true, format!("reads {}", run.repository), fix);
    };
    let fix = match error.fix() {
        Fix::None | Fix::Permission => "Check the token and GITHUB_API_URL.",
        fix => messages::fix_advice(fix, run.code_host),
    };
    check(false, error.message(run.code_host), fix.to_owned())
}

/// What the reports are about and where they are written, or why they cannot be.
fn github_reports(
    run: &WorkflowRun,
    options: &ReportOptions<'_>,
    http: &Http,
    context: &RunContext,
    state: &StateFile,
) -> Result<GitHubReports, &'static str> {
    if run.sha.is_empty() {
        return Err("the environment names no repository and commit");
    }
    let token = options.github_token.ok_or("there is no github-token")?;
    let api = GitHubApi::new(http, run, token);
    let api = api.map_err(|_| "GITHUB_API_URL is not the https base of an API")?;
    let target = GitHubTarget {
        name: options.name.to_owned(),
        sha: run.sha.clone(),
        run_url: run.run_url.clone(),
        environment: context.environment.clone().unwrap_or_else(|| "production".to_owned()),
        site: context.environment_url.clone(),
        pull: run.pull,
        mark: format!("deploy-hook-{:016x}", fastrand::u64(..)),
    };
    Ok(GitHubReports { api, target, read_first: ReadFirst::No, state: state.clone() })
}

/// Reports bad input: an annotation, the outputs, the summary.
pub(crate) fn report_bad_input(problems: &Problems, platform: &str, env: &Env, out: &Output) {
    let listed = problems.listed();
    let errors = write_files(env, out, &outputs::bad_input(&listed, platform), &markdown::bad_input(&listed));
    out.command(&command::annotation("error", &format!("{problems}\n{}", messages::NOTHING_SENT)));
    for error in &errors {
        out.log_line(error);
    }
}

/// Reports a run that was interrupted while its inputs were read. Returns what could not be written.
#[must_use]
pub(crate) fn report_interrupted(
    report: &Report,
    context: &RunContext,
    env: &Env,
    out: &Output,
) -> Vec<String> {
    let (outputs, page) = (outputs::all(report, context), markdown::summary(report, context, &[]));
    let errors = write_files(env, out, &outputs, &page);
    out.command(&command::annotation("error", &messages::annotation(report, context)));
    errors
}

/// Leaves outputs and a summary where nothing else of a run is known. Returns what could not be written.
fn write_files(env: &Env, out: &Output, pairs: &[(&str, String)], page: &str) -> Vec<String> {
    let files = CommandFiles::new(env, out, true);
    files.set_outputs(pairs).into_iter().chain(files.add_summary(page)).collect()
}

/// Whether it was started as an Action: inputs are there.
pub(crate) fn is_action(env: &Env) -> bool {
    env.in_github() && env.names().any(|name| name.starts_with("INPUT_"))
}
