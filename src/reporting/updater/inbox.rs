//! The updater's inbox: the latest state, and how much time is left to write it.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::answer::LIMIT;
use super::report_state::ReportState;

/// How long the closing may take: a code host that is down delays a run by this.
const CLOSING: Duration = Duration::from_secs(10);

/// A request at the end may take at least so long, if there is so much time, before it is tried anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same where the runner is about to kill this process: it does 10 seconds after its first signal, and by the
/// fifth all must be closed.
const HURRIED: Duration = Duration::from_secs(4);

/// Two writes are kept apart only while each report that is left has this much time after the pause.
const UNHURRIED: Duration = Duration::from_millis(2500);

/// The pause before the end is tried again, which doubles from one to the next.
pub(super) const AGAIN: Duration = Duration::from_millis(500);

/// No request gets less than this: a shorter one fails at any code host that is merely slow.
const SHORTEST: Duration = Duration::from_secs(1);

/// What was noted of a run.
pub(super) struct Update {
    pub(super) state: ReportState,
    pub(super) hurried: bool,
}

/// The latest state, and the time that is left.
pub(super) struct Inbox {
    updates: UnboundedReceiver<Update>,
    /// The latest state, as far as it is known here.
    pub(super) latest: Option<ReportState>,
    pub(super) hurried: bool,
    /// When all reports must be written; known once the run is over.
    end: Option<Instant>,
    /// Whether nothing more can come.
    closed: bool,
}

impl Inbox {
    pub(super) fn new(updates: UnboundedReceiver<Update>) -> Self {
        Self { updates, latest: None, hurried: false, end: None, closed: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.latest.as_ref().is_some_and(ReportState::is_final)
    }

    /// Whether there is time left at that moment.
    pub(super) fn has_until(&self, moment: Instant) -> bool {
        self.end.is_none_or(|end| moment < end)
    }

    /// Whether there is time at that moment for a try that is worth it.
    pub(super) fn has_try_at(&self, moment: Instant) -> bool {
        self.has_until(moment + SHORTEST)
    }

    /// Whether a pause until that moment leaves `left` reports enough time.
    pub(super) fn has_pause(&self, until: Instant, left: usize) -> bool {
        self.has_until(until + UNHURRIED * u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Takes what has come.
    pub(super) fn take_all(&mut self) {
        while let Ok(note) = self.updates.try_recv() {
            self.take(note);
        }
    }

    /// Waits for an update, at most until `due`; false where none will come.
    pub(super) async fn read(&mut self, due: Option<Instant>) -> bool {
        let came = match due {
            Some(due) => timeout_at(due, self.updates.recv()).await,
            None => Ok(self.updates.recv().await),
        };
        match came {
            Ok(Some(note)) => self.take(note),
            Ok(None) => self.closed = true,
            Err(_) => {}
        }
        !self.closed
    }

    /// Lets time pass until that moment, or until there is a hurry.
    pub(super) async fn pause(&mut self, until: Instant) {
        while until > Instant::now() && !self.hurried {
            self.next(until).await;
        }
    }

    /// Waits for `work` and receives updates meanwhile; `None` where its time was up, which the end of the run may shorten:
    /// then the `left` pieces of work share what there is.
    pub(super) async fn listen<F: Future>(&mut self, work: F, left: usize) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut until = Instant::now() + self.share(left);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = self.next(until) => until = until.min(Instant::now() + self.share(left)),
            }
            if until <= Instant::now() {
                return None;
            }
        }
    }

    /// Takes the next update, or waits until that moment.
    pub(super) async fn next(&mut self, until: Instant) {
        if self.closed {
            #[expect(clippy::disallowed_methods, reason = "GitHub asks for a second between two writes")]
            tokio::time::sleep_until(until).await;
        } else {
            self.read(Some(until)).await;
        }
    }

    /// How long a request may take: at the end its share of the time that is left, and of a last report's share as much
    /// as leaves time to try once more; never less than [`SHORTEST`].
    fn share(&self, left: usize) -> Duration {
        let Some(end) = self.end else { return LIMIT };
        let left = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        let share = end.saturating_duration_since(Instant::now()) / left;
        let first = (share * 3 / 5).max(PATIENCE);
        let share = if left == 1 && share >= first + AGAIN + SHORTEST { first } else { share };
        share.max(SHORTEST)
    }

    fn take(&mut self, note: Update) {
        self.hurried |= note.hurried;
        if note.state.is_final() {
            let limit = if note.hurried { HURRIED } else { CLOSING };
            self.end = Some(Instant::now() + limit);
        }
        self.latest = Some(note.state);
    }
}
