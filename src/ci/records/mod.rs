//! The run's records at a forge (commit status, check run, deployment, comment): opened, kept up, and always closed.
//!
//! What they are about and which words they get is each forge's own business (`github/`, `gitlab/`); when they are
//! written is the clerk's, and that what could not be written is told once and changes nothing is this file's.

pub(super) mod clerk;
mod desk;
pub(super) mod pen;
pub(super) mod refusal;
pub(super) mod standing;
pub(super) mod text;

use std::fmt;

use tokio::sync::watch;

use self::clerk::Records;
use self::standing::Standing;
use super::out::Out;
use crate::deploy::report::{Cause, Event, Report};
use crate::deploy::state::{Outcome, Phase};
use crate::error::{Signal, exit_code};
use crate::render::{Filed, Forge, Kind, Missed, Place, markdown, words};
use crate::secret::Token;

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper({:?})", self.forge)
    }
}

/// What a token of the CI's was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The token's name among the inputs, or the runner's for it.
    pub token: &'static str,
    /// Whether the forge knows it and lets it do what can be known without writing.
    pub good: bool,
    /// What was found, in words.
    pub found: String,
    /// What to do, or what cannot be known.
    pub remedy: String,
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
    /// The forge's token.
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

/// Who is told how a run ended as soon as that is known, before any record says so.
type Ended = Box<dyn Fn(&Standing) + Send>;

/// Who keeps the records of one run.
pub(super) struct Keeper {
    out: Out,
    forge: Forge,
    records: Option<(Records, Ended)>,
    /// Kinds that were wanted and cannot be, with the reason; what nobody expected here is not among them.
    without: Vec<(Kind, Missed)>,
    /// What is worth a line: a kind that this forge or this run does not have.
    absent: Vec<String>,
    /// Whether the kinds were named one by one: then one that cannot be written is a warning, not a line.
    named: bool,
    /// Whether this run's token may only read, whatever the job asks for.
    read_only: bool,
    deployment: Option<String>,
    stop: Option<Stop>,
}

impl Keeper {
    pub(super) fn new(out: &Out, forge: Forge, wanted: &Wanted<'_>, read_only: bool) -> Self {
        Self {
            out: out.clone(),
            forge,
            records: None,
            without: Vec::new(),
            absent: Vec::new(),
            named: wanted.named,
            read_only,
            deployment: None,
            stop: wanted.stop.clone(),
        }
    }

    /// Puts a clerk to work. `ended` is called with the end once it is known.
    pub(super) fn employ(&mut self, records: Records, ended: impl Fn(&Standing) + Send + 'static) {
        self.records = Some((records, Box::new(ended)));
    }

    /// Remembers that these kinds cannot be written, and why. Under `auto` nobody expects a record where there is no token
    /// for one (`expected`).
    pub(super) fn lack(&mut self, kinds: &[Kind], missed: &Missed, expected: bool) {
        if self.named || expected {
            self.without.extend(kinds.iter().map(|kind| (*kind, missed.clone())));
        }
    }

    /// Remembers something that this forge or this run does not have.
    pub(super) fn note_absence(&mut self, sentence: &str) {
        self.absent.push(sentence.to_owned());
    }

    /// Notes how things stand; the end is noted by [`Keeper::close`].
    pub(super) fn note(&mut self, event: &Event) {
        let (phase, word) = match event {
            Event::Triggered { snapshot: Some(snapshot), .. } => {
                self.deployment = Some(snapshot.id.to_string());
                (snapshot.phase, &snapshot.word)
            }
            Event::State { stage } => (stage.phase, &stage.word),
            _ => return,
        };
        if let Some((records, _)) = self.records.as_ref().filter(|_| !matches!(phase, Phase::Ended(_))) {
            let text = words::going(self.deployment.as_deref(), word);
            records.note(Standing::going(phase, self.out.redact(&text)));
        }
    }

    /// Closes the records, and says what became of each. A run in which nothing was to be triggered leaves none.
    pub(super) async fn close(&mut self, report: &Report, place: &Place) -> Vec<Filed> {
        let records = self.records.take();
        let rehearsed = report.triggers == 0 && report.cause == Some(Cause::NotAsked);
        if rehearsed || report.outcome == Outcome::Skipped {
            return Vec::new();
        }
        let forge = self.forge;
        let without = self.without.drain(..);
        let mut filed: Vec<Filed> =
            without.map(|(kind, missed)| Filed { kind, forge, trouble: Some(missed) }).collect();
        if let Some((records, ended)) = records {
            let passed = exit_code(report.outcome, place.pass_canceled, None) == 0;
            let text = self.out.redact(&words::verdict(report, place).happened);
            let page = self.out.redact(&markdown::summary(report, place, &[]));
            let hurried = report.outcome == Outcome::Interrupted;
            let standing = Standing::over(report.outcome, passed, text, page);
            ended(&standing);
            filed.extend(records.close(standing, hurried, self.stop.take()).await);
        }
        filed.iter_mut().filter_map(|filed| filed.trouble.as_mut()).for_each(|missed| {
            missed.read_only = self.read_only;
        });
        filed
    }

    /// What a reader is told of records that are not there.
    pub(super) fn asides(&self, filed: &[Filed], report: &Report) -> Vec<Aside> {
        let aside = |missed| if self.named { Aside::Warning(missed) } else { Aside::Line(missed) };
        let missed = filed.iter().filter_map(words::missed).map(aside);
        let absent = self.absent.iter().filter(|_| report.outcome != Outcome::Skipped);
        missed.chain(absent.cloned().map(Aside::Line)).collect()
    }
}
