//! GitHub Actions: outputs, the job summary, annotations, and the run's records on the commit.

mod api;
mod bodies;
pub mod command;
mod desk;
mod event;
mod files;
pub mod post;
mod records;

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use self::api::Api;
use self::bodies::Standing;
use self::event::Run;
use self::records::{Open, Records, Subject};
use crate::ci::out::Out;
use crate::deploy::report::{Cause, Event, Report};
use crate::deploy::state::{Outcome, Phase};
use crate::env::Env;
use crate::error::{Problems, Signal, exit_code};
use crate::http::Http;
use crate::render::{Filed, Kind, Missed, Place, markdown, outputs, words};
use crate::secret::Token;

/// The name under which what is open is carried to the post step.
const STATE: &str = "deploy_hook_records";

/// What becomes of a wanted comment in a run of a push, a schedule or the like.
const NO_PULL_REQUEST: &str = "There is no comment, as this run belongs to no pull request.";

/// The runner, as a container action or a step sees it.
#[derive(Debug)]
pub struct GitHub {
    out: Out,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    run: Option<Run>,
    records: Option<Records>,
    /// The records wanted; a comment only where there is a pull request.
    kinds: Vec<Kind>,
    /// Why there can be no records at all.
    without: &'static str,
    /// Whether a comment was wanted where there is no pull request.
    astray: bool,
    /// Whether the kinds were named one by one: then one that cannot be written is a warning, not a line.
    named: bool,
    deployment: Option<String>,
    stop: Option<Stop>,
}

/// What a user wants reported, and as what.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// Whether they were named one by one.
    pub named: bool,
    /// Context of the status, name of the check.
    pub name: &'a str,
    /// The commit, where the user chose one.
    pub sha: Option<&'a str>,
    /// The token.
    pub token: Option<&'a Token>,
    /// Where the runner's signals are heard.
    pub stop: Option<Stop>,
}

/// Hears the first signal.
pub type Stop = watch::Receiver<Option<Signal>>;

/// What a reader is told beside the run's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aside {
    /// Something to act on.
    Warning(String),
    /// Something to know.
    Line(String),
}

impl GitHub {
    /// The runner, where this process runs under one.
    #[must_use]
    pub fn detect(env: &Env, out: &Out, http: &Http, wanted: &Wanted<'_>, place: &Place) -> Option<Self> {
        if !is_here(env) {
            return None;
        }
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let run = Run::detect(env, wanted.sha, http.redactor());
        let pull = run.as_ref().is_some_and(|run| run.pull.is_some());
        let kinds = wanted.kinds.iter().copied();
        let mut github = Self {
            out: out.clone(),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY").filter(|_| wanted.kinds.contains(&Kind::Summary)),
            records: None,
            kinds: kinds.filter(|kind| *kind != Kind::Summary && (*kind != Kind::Comment || pull)).collect(),
            without: "",
            astray: wanted.kinds.contains(&Kind::Comment) && !pull,
            named: wanted.named,
            deployment: None,
            stop: wanted.stop.clone(),
            run,
        };
        match github.open(wanted, http, place, path("GITHUB_STATE")) {
            Ok(records) => github.records = records,
            Err(why) => github.without = why,
        }
        Some(github)
    }

    /// What began this run, for the summary.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.cause.as_str())
    }

    /// Takes note of an event; what could not be written comes back, one sentence each.
    pub async fn tell(&mut self, event: &Event, place: &Place) -> Vec<Aside> {
        match event {
            Event::Triggered { snapshot, .. } => {
                self.deployment = Some(snapshot.id.to_string());
                self.note(snapshot.phase, &words::going(Some(snapshot.id.as_str()), &snapshot.word));
                self.output(&outputs::early(snapshot, place)).map(Aside::Warning).into_iter().collect()
            }
            Event::State { stage } => {
                self.note(stage.phase, &words::going(self.deployment.as_deref(), &stage.word));
                Vec::new()
            }
            Event::UnknownState { word } => {
                self.warning(&words::unknown_state(word));
                Vec::new()
            }
            Event::Ended { report } => self.ended(report, place).await,
            _ => Vec::new(),
        }
    }

    /// A warning annotation.
    pub fn warning(&self, message: &str) {
        self.out.command(&command::annotation("warning", message));
    }

    fn open(
        &self,
        wanted: &Wanted<'_>,
        http: &Http,
        place: &Place,
        state: Option<PathBuf>,
    ) -> Result<Option<Records>, &'static str> {
        if self.kinds.is_empty() {
            return Ok(None);
        }
        let run = self.run.as_ref().filter(|run| !run.sha.is_empty());
        let run = run.ok_or("the environment names no repository and commit")?;
        let token = wanted.token.ok_or("there is no github-token")?;
        let api = Api::new(http, &run.api, &run.repository, token);
        let api = api.map_err(|_| "GITHUB_API_URL is not the https base of an API")?;
        let subject = Subject {
            name: wanted.name.to_owned(),
            sha: run.sha.clone(),
            page: run.page.clone(),
            environment: place.environment.clone().unwrap_or_else(|| "production".to_owned()),
            site: place.environment_url.clone(),
            pull: run.pull,
        };
        let save = move |open: &Open| {
            if let Some(state) = &state {
                save(state, open);
            }
        };
        Ok(Some(Records::open(api, subject, self.kinds.clone(), save)))
    }

    /// Notes how things stand; the end is noted with the verdict.
    fn note(&self, phase: Phase, text: &str) {
        if let Some(records) = self.records.as_ref().filter(|_| !matches!(phase, Phase::Ended(_))) {
            records.note(Standing::going(phase, self.out.redact(text)));
        }
    }

    async fn ended(&mut self, report: &Report, place: &Place) -> Vec<Aside> {
        let mut asides = Vec::from_iter(self.output(&outputs::all(report, place)).map(Aside::Warning));
        let mut filed = self.close(report, place).await;
        let untrusted = self.run.as_ref().is_some_and(|run| run.untrusted);
        filed.iter_mut().filter_map(|filed| filed.trouble.as_mut()).for_each(|missed| {
            missed.read_only = untrusted;
        });
        for missed in filed.iter().filter_map(words::missed) {
            asides.push(if self.named { Aside::Warning(missed) } else { Aside::Line(missed) });
        }
        if self.astray && report.outcome != Outcome::Skipped {
            asides.push(Aside::Line(NO_PULL_REQUEST.to_owned()));
        }
        if let Some(path) = &self.summary {
            let page = markdown::summary(report, place, &filed);
            asides.extend(files::append(path, &self.out.redact(&page)).err().map(Aside::Warning));
        }
        let words = words::verdict(report, place);
        let text = [words.happened, words.meaning, words.next].join(" ");
        if exit_code(report.outcome, place.pass_canceled, None) != 0 {
            self.out.command(&command::annotation("error", &text));
        } else if report.outcome == Outcome::Triggered && matches!(report.cause, Some(Cause::Unreadable(_))) {
            self.warning(&text);
        }
        asides
    }

    /// Closes the records. A run in which nothing was to be triggered leaves none.
    async fn close(&mut self, report: &Report, place: &Place) -> Vec<Filed> {
        let records = self.records.take();
        let rehearsed = report.triggers == 0 && report.cause == Some(Cause::NotAsked);
        if rehearsed || report.outcome == Outcome::Skipped {
            return Vec::new();
        }
        let Some(records) = records else {
            let missed = Missed { why: self.without.to_owned(), forbidden: false, read_only: false };
            let unfiled = |kind: &Kind| Filed { kind: *kind, trouble: Some(missed.clone()) };
            // `auto` without a token is somebody's own machine or container: there a record was never expected
            return self.kinds.iter().filter(|_| self.named).map(unfiled).collect();
        };
        let passed = exit_code(report.outcome, place.pass_canceled, None) == 0;
        let text = self.out.redact(&words::verdict(report, place).happened);
        let page = self.out.redact(&markdown::summary(report, place, &[]));
        let hurried = report.outcome == Outcome::Interrupted;
        records.close(Standing::over(report.outcome, passed, text, page), hurried, self.stop.take()).await
    }

    fn output(&self, pairs: &[(&str, String)]) -> Option<String> {
        let path = self.output.as_ref()?;
        let safe: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.out.redact(value))).collect();
        files::append(path, &files::outputs(&safe)?).err()
    }
}

/// Tells of bad input where a reader looks: an annotation, the outputs, the summary.
pub fn complain(problems: &Problems, env: &Env, out: &Out) {
    out.command(&command::annotation("error", &format!("{problems}\n{}", words::NOTHING_SENT)));
    let listed: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    let page = Some(markdown::bad_input(&listed));
    let outputs = files::outputs(&[("succeeded", "false".to_owned())]);
    for (name, text) in [("GITHUB_OUTPUT", outputs), ("GITHUB_STEP_SUMMARY", page)] {
        if let (Some(path), Some(text)) = (env.get(name), text)
            && let Err(trouble) = files::append(Path::new(path), &out.redact(&text))
        {
            out.talk(&trouble);
        }
    }
}

/// Carries what is open to the post step; where that fails, the run closes it itself or nobody does.
fn save(path: &Path, open: &Open) {
    let pairs = [(STATE, records::to_state(open))];
    let _ = files::outputs(&pairs).map(|text| files::append(path, &text));
}

/// Whether this process runs under GitHub's runner, or one that follows its contract.
#[must_use]
pub fn is_here(env: &Env) -> bool {
    env.says_yes("GITHUB_ACTIONS")
}

/// Whether it was started as an Action: inputs are there.
#[must_use]
pub fn is_action(env: &Env) -> bool {
    is_here(env) && env.names().any(|name| name.starts_with("INPUT_"))
}
