//! The events of a run and the report at its end. Facts, no markup, no sentences.

use std::time::{Duration, SystemTime};

use super::site::SiteReport;
use super::state::{CannotFollow, DeploymentId, Outcome, Phase, ReadDenied, Snapshot, Verdict};
use super::trigger::{NotSent, Refusal, Unclear};

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run begins.
    Started {
        /// What it does.
        task: Task,
        /// How long a deployment usually takes, where it is known.
        usual_duration: Option<Duration>,
    },
    /// The trigger provably did nothing and is sent again after the pause.
    Retrying {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How long until the next.
        pause: Duration,
        /// Why.
        cause: Cause,
    },
    /// The answer named no deployment: it is looked for.
    Searching {
        /// What was wrong with the answer; `None` where the platform accepted the trigger.
        unclear: Option<Unclear>,
    },
    /// The platform accepted the trigger.
    Triggered {
        /// Our deployment as the platform described it; none where it named none.
        snapshot: Option<Snapshot>,
        /// Whether it was found among those that are there, as the answer named none.
        adopted: bool,
    },
    /// The state has changed.
    State {
        /// The new stage.
        stage: StateSpan,
    },
    /// A poll failed; another follows.
    PollFailed {
        /// What was wrong, cleaned.
        message: String,
        /// Failed polls in a row.
        errors: u32,
        /// How many may fail.
        budget: u32,
    },
    /// The platform uses a state word that this version does not know.
    UnknownState {
        /// The word, cleaned.
        word: String,
    },
    /// The page is verified: at the beginning, when its answer is another one, and when nothing has changed for a while.
    Verifying {
        /// How far it is.
        report: SiteReport,
        /// The address of the deployed site, where the platform named it.
        site: Option<String>,
    },
    /// Nothing has changed for a while.
    Heartbeat {
        /// The present state's word.
        word: String,
        /// For how long it has been seen.
        in_state: Duration,
        /// Until the deadline.
        left: Duration,
        /// How long a deployment usually takes, where it is known.
        usual_duration: Option<Duration>,
    },
    /// A poll was made (for `-v`).
    Polled {
        /// How many so far.
        polls: u32,
        /// Until the next action.
        pause: Duration,
    },
    /// The run is over.
    Finished {
        /// Everything known about it.
        report: Box<Report>,
    },
}

impl Event {
    /// The address of the deployed site, where this event says it.
    pub fn site(&self) -> Option<&str> {
        let snapshot = match self {
            Self::Verifying { site, .. } => return site.as_deref(),
            Self::Triggered { snapshot, .. } => snapshot.as_ref(),
            Self::Finished { report } => report.snapshot.as_ref(),
            _ => None,
        };
        snapshot?.site.as_deref()
    }
}

/// What a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Trigger the hook, then follow.
    Deploy,
    /// Follow a deployment that already exists.
    Follow(DeploymentId),
}

/// A state the deployment was seen in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSpan {
    /// The platform's word.
    pub word: String,
    /// What it means.
    pub phase: Phase,
    /// When it was first seen, since the trigger.
    pub at: Duration,
}

/// Whether something was triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerState {
    /// Provably nothing.
    No,
    /// A deployment.
    Yes,
    /// Not known.
    Maybe,
}

/// Why a run ended as it did, where the outcome alone does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The platform refused the trigger.
    Refused(Refusal),
    /// The request never left.
    NotSent(NotSent),
    /// No usable answer to the trigger.
    Unclear(Unclear),
    /// Followed no further because it cannot be read.
    Unreadable(CannotFollow),
    /// Not followed by choice (`wait: never`).
    WaitNever,
    /// A dry run, in which so many checks could not be made.
    DryRun {
        /// How many.
        unchecked: usize,
    },
    /// The platform does not let us read it.
    Denied(ReadDenied),
    /// Polls failed until the budget was used up, or until the deadline.
    PollsFailed {
        /// What was wrong with the last one, cleaned.
        message: String,
        /// How many polls failed in a row.
        errors: u32,
    },
    /// It was never found.
    NotThere,
    /// More than one deployment may be ours.
    Several,
    /// The platform asked for a pause that lasts beyond the deadline.
    AskedToWait,
    /// The platform shows a newer deployment in its place.
    Newer(DeploymentId),
}

/// Everything about a run, at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it set out to do.
    pub task: Task,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether something was triggered.
    pub sent: TriggerState,
    /// Why, where the outcome alone does not say.
    pub cause: Option<Cause>,
    /// When it began, by this machine's clock.
    pub started: SystemTime,
    /// From the trigger to the end.
    pub duration: Duration,
    /// How long a deployment usually takes, from the trigger to the end; none where it is not known.
    pub usual_duration: Option<Duration>,
    /// The last state of our deployment that was read.
    pub snapshot: Option<Snapshot>,
    /// When that was, since the trigger.
    pub last_read: Option<Duration>,
    /// The states seen, in order.
    pub stages: Vec<StateSpan>,
    /// What became of verifying the page; none where none was requested.
    pub site: Option<SiteReport>,
    /// Triggers sent.
    pub triggers: u32,
    /// Polls made.
    pub polls: u32,
    /// The failed deployment's log, cleaned; the last 2,000 lines of a longer one.
    pub log: Vec<String>,
}

impl Report {
    /// The report of a run that has just begun: interrupted, unless it comes to another end.
    pub fn new(task: Task, started: SystemTime) -> Self {
        Self {
            task,
            outcome: Outcome::Interrupted,
            sent: TriggerState::No,
            cause: None,
            started,
            duration: Duration::ZERO,
            usual_duration: None,
            snapshot: None,
            last_read: None,
            stages: Vec::new(),
            site: None,
            triggers: 0,
            polls: 0,
            log: Vec::new(),
        }
    }

    /// The deployment's id, where it is known.
    pub fn deployment_id(&self) -> Option<&DeploymentId> {
        match (&self.snapshot, &self.task) {
            (Some(snapshot), _) => Some(&snapshot.id),
            (None, Task::Follow(id)) => Some(id),
            (None, Task::Deploy) => None,
        }
    }

    /// How long the deployment took to an end of its own, without what came after it.
    pub fn deployment_took(&self) -> Option<Duration> {
        let is_end =
            |stage: &&StateSpan| matches!(stage.phase, Phase::Ended(Verdict::Succeeded | Verdict::Failed));
        let ends = self.stages.iter().find(is_end)?;
        matches!(self.outcome, Outcome::Succeeded | Outcome::Unverified | Outcome::Failed).then_some(ends.at)
    }

    /// When the nth stage was last seen, since the trigger: at the next one, or at the last poll that read it.
    pub fn seen_until(&self, n: usize) -> Duration {
        let from = self.stages.get(n).map_or(Duration::ZERO, |stage| stage.at);
        let next = self.stages.get(n + 1).map(|next| next.at);
        next.or(self.last_read).unwrap_or(from).max(from)
    }
}
