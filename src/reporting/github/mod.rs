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
mod target;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use self::api::GitHubApi;
use self::event::{WorkflowRun, code_host};
use self::history::EarlierDeployments;
use self::post_state::StateFile;
use self::reports::{GitHubReports, ReadFirst};
use self::target::GitHubTarget;
use super::updater::worker::UpdaterHandle;
use super::updater::{Notice, ReportOptions, ReportTracker, TokenCheck};
use crate::core::history::History;
use crate::core::report::{Cause, Event, Report};
use crate::core::state::Outcome;
use crate::env::Env;
use crate::error::{Problems, exit_code};
use crate::http::Http;
use crate::reporting::output::Output;
use crate::reporting::updater::request::ApiRequest;
use crate::text::{CodeHost, Fix, ReportKind, RunContext, markdown, messages, outputs};

/// The runner, as a container action or a step sees it; GitHub's or one that follows its contract.
pub(crate) struct GitHub {
    out: Output,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    run: Option<WorkflowRun>,
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
        if !is_here(env) {
            return None;
        }
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let run = WorkflowRun::detect(env, options.sha, http.redactor());
        let code_host = code_host(env);
        let pull = run.as_ref().is_some_and(|run| run.pull.is_some());
        let untrusted = run.as_ref().is_some_and(|run| run.untrusted);
        let mut tracker = ReportTracker::new(out, code_host, options, untrusted);
        let state = StateFile::new(path("GITHUB_STATE"));
        let kinds = tracker.supported(&options.kinds, pull);
        let mut earlier = None;
        match github_reports(run.as_ref(), code_host, options, http, context) {
            _ if kinds.is_empty() => {}
            Ok(reports) => {
                if let (true, Some(run), Some(token)) =
                    (kinds.contains(&ReportKind::Deployment), &run, options.token)
                {
                    earlier =
                        EarlierDeployments::new(http, &run.api, &run.repository, token, &reports.target);
                }
                let (target, saved, ended) = (reports.target.clone(), state.clone(), state.clone());
                let updater =
                    UpdaterHandle::open(reports, kinds, move |records| saved.save_open(&target, records));
                tracker.start(updater, move |end| ended.save_end(end));
            }
            Err(why) => tracker.cannot_write(&kinds, why, Fix::None, false),
        }
        Some(Self {
            out: out.clone(),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY").filter(|_| options.kinds.contains(&ReportKind::Summary)),
            run,
            tracker,
            state,
            earlier,
            learns: false,
        })
    }

    /// Where it will be found how long earlier deployments of the environment took. It is asked for once the platform has
    /// accepted the trigger, so that it delays nothing.
    pub(crate) fn learn(&mut self) -> Arc<OnceLock<History>> {
        self.learns = true;
        self.earlier.as_ref().map(|earlier| Arc::clone(&earlier.found)).unwrap_or_default()
    }

    /// What began this run, for the summary.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.cause.as_str())
    }

    /// Reports an event. Returns what could not be written, one sentence each.
    pub(crate) async fn report(&mut self, event: &Event, context: &RunContext) -> Vec<Notice> {
        self.tracker.note(event);
        if let (Event::Triggered { .. }, true) = (event, self.learns) {
            self.earlier.take().into_iter().for_each(EarlierDeployments::ask);
        }
        match event {
            Event::Triggered { snapshot, .. } => self
                .output(&outputs::early(snapshot.as_ref(), context))
                .map(Notice::Warning)
                .into_iter()
                .collect(),
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
        let mut notices = Vec::from_iter(self.output(&outputs::all(report, context)).map(Notice::Warning));
        let results = self.tracker.close(report, context).await;
        notices.extend(self.tracker.notices(&results, report));
        notices.extend(self.state.error().map(Notice::Warning));
        if let Some(path) = &self.summary {
            let page = markdown::summary(report, context, &results);
            notices.extend(
                files::append(path, &self.out.redact(&page), "the summary is missing")
                    .err()
                    .map(Notice::Warning),
            );
        }
        if let Some(level) = annotation_level(report, context) {
            self.out.command(&command::annotation(level, &messages::annotation(report, context)));
        }
        notices
    }

    fn output(&self, pairs: &[(&str, String)]) -> Option<String> {
        let path = self.output.as_ref()?;
        let safe: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.out.redact(value))).collect();
        files::append(path, &files::outputs(&safe)?, "the outputs are missing").err()
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
    const TOKEN: &str = "github-token";
    let code_host = code_host(env);
    let kinds: Vec<ReportKind> = options.written_at(code_host).collect();
    let run = WorkflowRun::detect(env, options.sha, http.redactor())
        .filter(|_| is_here(env) && !kinds.is_empty())?;
    let check = |good, found, fix| Some(TokenCheck { token: TOKEN, good, found, fix });
    let Some(token) = options.token else {
        let fix = "In a `run:` step, set DEPLOY_HOOK_GITHUB_TOKEN; without it no reports are written.";
        return check(false, "none was given".to_owned(), fix.to_owned());
    };
    let read = match GitHubApi::new(http, code_host, &run.api, &run.repository, token) {
        Ok(api) => api.call(&ApiRequest::get("")).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(_) => check(
            true,
            format!("reads {}", run.repository),
            messages::maybe_missing_permissions(&kinds, code_host),
        ),
        Err(error) => {
            let fix = match error.fix() {
                Fix::None | Fix::Permission => "Check the token and GITHUB_API_URL.",
                fix => messages::fix_advice(fix, code_host),
            };
            check(false, error.message(code_host), fix.to_owned())
        }
    }
}

/// What the reports are about and where they are written, or why they cannot be.
fn github_reports(
    run: Option<&WorkflowRun>,
    code_host: CodeHost,
    options: &ReportOptions<'_>,
    http: &Http,
    context: &RunContext,
) -> Result<GitHubReports, &'static str> {
    let run = run.filter(|run| !run.sha.is_empty());
    let run = run.ok_or("the environment names no repository and commit")?;
    let token = options.token.ok_or("there is no github-token")?;
    let api = GitHubApi::new(http, code_host, &run.api, &run.repository, token);
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
    Ok(GitHubReports { api, target, read_first: ReadFirst::No })
}

/// Reports bad input: an annotation, the outputs, the summary.
pub(crate) fn report_bad_input(problems: &Problems, platform: &str, env: &Env, out: &Output) {
    let listed = problems.listed();
    let outputs = outputs::bad_input(&listed, platform);
    let errors = write_outputs(env, &outputs, &markdown::bad_input(&listed), out);
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
    let errors =
        write_outputs(env, &outputs::all(report, context), &markdown::summary(report, context, &[]), out);
    out.command(&command::annotation("error", &messages::annotation(report, context)));
    errors
}

/// Leaves outputs and a summary where nothing else of a run is known.
fn write_outputs(env: &Env, pairs: &[(&str, String)], page: &str, out: &Output) -> Vec<String> {
    let texts = [("GITHUB_OUTPUT", files::outputs(pairs)), ("GITHUB_STEP_SUMMARY", Some(page.to_owned()))];
    let write = |(name, text): (&str, Option<String>)| {
        files::append(
            Path::new(env.get(name)?),
            &out.redact(&text?),
            "the outputs or the summary are missing",
        )
        .err()
    };
    texts.into_iter().filter_map(write).collect()
}

/// Whether this process runs under GitHub's runner, or one that follows its contract.
pub(crate) fn is_here(env: &Env) -> bool {
    env.is_true("GITHUB_ACTIONS")
}

/// Whether it was started as an Action: inputs are there.
pub(crate) fn is_action(env: &Env) -> bool {
    is_here(env) && env.names().any(|name| name.starts_with("INPUT_"))
}
