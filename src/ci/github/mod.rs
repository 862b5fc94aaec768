//! GitHub Actions: outputs, the job summary, annotations, and the run's records on the commit.

mod api;
mod bodies;
pub mod command;
mod event;
mod files;
pub mod post;
mod registry;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::api::{Api, Verb};
use self::event::Run;
use self::registry::{Open, Register, Subject};
use super::records::clerk::Records;
use super::records::{Aside, Keeper, Permit, Wanted};
use crate::ci::out::Out;
use crate::deploy::report::{Cause, Event, Report};
use crate::deploy::state::Outcome;
use crate::env::Env;
use crate::error::{Problems, exit_code};
use crate::http::Http;
use crate::render::{Forge, Kind, Missed, Place, Remedy, markdown, outputs, words};

/// The name under which what is open is carried to the post step.
const STATE: &str = "deploy_hook_records";

/// The name under which the end is.
const END: &str = "deploy_hook_end";

/// The runner, as a container action or a step sees it; GitHub's or one that follows its contract.
#[derive(Debug)]
pub struct GitHub {
    out: Out,
    output: Option<PathBuf>,
    summary: Option<PathBuf>,
    run: Option<Run>,
    keeper: Keeper,
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
        let forge = forge(env);
        let pull = run.as_ref().is_some_and(|run| run.pull.is_some());
        let untrusted = run.as_ref().is_some_and(|run| run.untrusted);
        let mut keeper = Keeper::new(out, forge, wanted, untrusted);
        let records = wanted.kinds.iter().copied().filter(|kind| *kind != Kind::Summary);
        let (has, has_not): (Vec<Kind>, Vec<Kind>) = records.partition(|kind| forge.has(*kind));
        for kind in has_not {
            keeper.note_absence(&words::absent(kind, forge));
        }
        let (kinds, astray): (Vec<Kind>, Vec<Kind>) =
            has.into_iter().partition(|kind| *kind != Kind::Comment || pull);
        if !astray.is_empty() {
            keeper.note_absence(words::nowhere_to_comment(forge));
        }
        match register(run.as_ref(), forge, wanted, http, place) {
            _ if kinds.is_empty() => {}
            Ok(register) => {
                let state = path("GITHUB_STATE");
                let records = open(register, kinds, state.clone());
                keeper.employ(records, move |end| save(state.as_deref(), END, registry::to_end(end)));
            }
            Err(why) => {
                keeper.lack(
                    &kinds,
                    &Missed { why: why.to_owned(), remedy: Remedy::None, read_only: false },
                    false,
                );
            }
        }
        Some(Self {
            out: out.clone(),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY").filter(|_| wanted.kinds.contains(&Kind::Summary)),
            run,
            keeper,
        })
    }

    /// What began this run, for the summary.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.cause.as_str())
    }

    /// Takes note of an event; what could not be written comes back, one sentence each.
    pub async fn tell(&mut self, event: &Event, place: &Place) -> Vec<Aside> {
        self.keeper.note(event);
        match event {
            Event::Triggered { snapshot, .. } => self
                .output(&outputs::early(snapshot.as_ref(), place))
                .map(Aside::Warning)
                .into_iter()
                .collect(),
            Event::UnknownState { word } => {
                self.warning(&words::unknown_state(word));
                Vec::new()
            }
            Event::Finished { report } => self.ended(report, place).await,
            _ => Vec::new(),
        }
    }

    /// A warning annotation.
    pub fn warning(&self, message: &str) {
        self.out.command(&command::annotation("warning", message));
    }

    async fn ended(&mut self, report: &Report, place: &Place) -> Vec<Aside> {
        let mut asides = Vec::from_iter(self.output(&outputs::all(report, place)).map(Aside::Warning));
        let filed = self.keeper.close(report, place).await;
        asides.extend(self.keeper.asides(&filed, report));
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

    fn output(&self, pairs: &[(&str, String)]) -> Option<String> {
        let path = self.output.as_ref()?;
        let safe: Vec<(&str, String)> =
            pairs.iter().map(|(name, value)| (*name, self.out.redact(value))).collect();
        files::append(path, &files::outputs(&safe)?).err()
    }
}

/// What the token is, as far as reading tells: GitHub names nobody the permissions of a workflow's token.
pub async fn examine(env: &Env, http: &Http, wanted: &Wanted<'_>) -> Option<Permit> {
    const TOKEN: &str = "github-token";
    let forge = forge(env);
    let kinds: Vec<Kind> =
        wanted.kinds.iter().copied().filter(|kind| *kind != Kind::Summary && forge.has(*kind)).collect();
    let run = Run::detect(env, wanted.sha, http.redactor()).filter(|_| is_here(env) && !kinds.is_empty())?;
    let permit = |good, found, remedy| Some(Permit { token: TOKEN, good, found, remedy });
    let Some(token) = wanted.token else {
        let remedy = "A step that is no Action has to be given it, as DEPLOY_HOOK_GITHUB_TOKEN; without it there is no record.";
        return permit(false, "none was given".to_owned(), remedy.to_owned());
    };
    let read = match Api::new(http, forge, &run.api, &run.repository, token) {
        Ok(api) => api.call(Verb::Get, "", &Value::Null).await,
        Err(trouble) => Err(trouble),
    };
    match read {
        Ok(_) => permit(true, format!("reads {}", run.repository), words::may_need(&kinds, forge)),
        Err(trouble) => {
            let remedy = match trouble.remedy() {
                Remedy::None | Remedy::Permission => "Check the token and GITHUB_API_URL.",
                remedy => words::advice(remedy, forge),
            };
            permit(false, trouble.said(forge), remedy.to_owned())
        }
    }
}

/// What the records are about and where they are written, or why they cannot be.
fn register(
    run: Option<&Run>,
    forge: Forge,
    wanted: &Wanted<'_>,
    http: &Http,
    place: &Place,
) -> Result<Register, &'static str> {
    let run = run.filter(|run| !run.sha.is_empty());
    let run = run.ok_or("the environment names no repository and commit")?;
    let token = wanted.token.ok_or("there is no github-token")?;
    let api = Api::new(http, forge, &run.api, &run.repository, token);
    let api = api.map_err(|_| "GITHUB_API_URL is not the https base of an API")?;
    let subject = Subject {
        name: wanted.name.to_owned(),
        sha: run.sha.clone(),
        page: run.page.clone(),
        environment: place.environment.clone().unwrap_or_else(|| "production".to_owned()),
        site: place.environment_url.clone(),
        pull: run.pull,
        mark: format!("deploy-hook-{:016x}", fastrand::u64(..)),
    };
    Ok(Register { api, subject })
}

/// Puts a clerk to work. What is open is carried to the post step; where that fails, the run closes it itself or
/// nobody does.
fn open(register: Register, kinds: Vec<Kind>, state: Option<PathBuf>) -> Records {
    let subject = register.subject.clone();
    Records::open(register, kinds, move |records| {
        let open = registry::to_state(&Open { subject: subject.clone(), records });
        save(state.as_deref(), STATE, Some(open));
    })
}

/// Saves a value for the post step.
fn save(state: Option<&Path>, name: &str, value: Option<String>) {
    if let (Some(state), Some(value)) = (state, value) {
        let _ = files::outputs(&[(name, value)]).map(|text| files::append(state, &text));
    }
}

/// Tells of bad input where a reader looks: an annotation, the outputs, the summary.
pub fn complain(problems: &Problems, env: &Env, out: &Out) {
    let listed: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    let troubles = leave(env, &[("succeeded", "false".to_owned())], &markdown::bad_input(&listed), out);
    out.command(&command::annotation("error", &format!("{problems}\n{}", words::NOTHING_SENT)));
    for trouble in &troubles {
        out.talk(trouble);
    }
}

/// Tells of a run that was called off before it was known what it is to do; what could not be written comes back.
#[must_use]
pub fn call_off(report: &Report, place: &Place, env: &Env, out: &Out) -> Vec<String> {
    let troubles = leave(env, &outputs::all(report, place), &markdown::summary(report, place, &[]), out);
    let words = words::verdict(report, place);
    out.command(&command::annotation("error", &[words.happened, words.meaning, words.next].join(" ")));
    troubles
}

/// Leaves outputs and a summary where nothing else of a run is known.
fn leave(env: &Env, pairs: &[(&str, String)], page: &str, out: &Out) -> Vec<String> {
    let texts = [("GITHUB_OUTPUT", files::outputs(pairs)), ("GITHUB_STEP_SUMMARY", Some(page.to_owned()))];
    let write = |(name, text): (&str, Option<String>)| {
        files::append(Path::new(env.get(name)?), &out.redact(&text?)).err()
    };
    texts.into_iter().filter_map(write).collect()
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

/// Whose runner it is: others that follow GitHub's contract say so.
fn forge(env: &Env) -> Forge {
    if env.says_yes("FORGEJO_ACTIONS") {
        Forge::Forgejo
    } else if env.says_yes("GITEA_ACTIONS") {
        Forge::Gitea
    } else {
        Forge::GitHub
    }
}
