//! Limits the requests of the updater: the pauses between two and the time for each. Receives updates meanwhile.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use super::answer::LIMIT;
use super::report_state::{ApiResult, ReportState, WriteError};
use crate::text::CodeHost;

/// How long the closing may take: a code host that is down delays a run by this.
const CLOSING: Duration = Duration::from_secs(10);

/// The same where the runner is about to kill this process: it does 10 seconds after its first signal, and by the
/// fifth all must be closed.
const INTERRUPTED: Duration = Duration::from_secs(4);

/// The first try of a request at the end gets at least so long, if there is so much time.
const FIRST_TRY: Duration = Duration::from_secs(2);

/// Two writes are kept apart only while each report that is left has this much time after the pause.
const TIME_FOR_EACH: Duration = Duration::from_millis(2500);

/// The pause before the end is tried again, which doubles from one to the next.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// No request gets less than this: a shorter one fails at any code host that is merely slow.
const SHORTEST: Duration = Duration::from_secs(1);

/// What was noted of a run.
pub(super) struct Update {
    pub(super) state: ReportState,
    pub(super) interrupted: bool,
}

/// Keeps the pauses between requests, and receives updates meanwhile.
pub(crate) struct RateLimiter {
    updates: UnboundedReceiver<Update>,
    /// The latest state, as far as it is known here.
    pub(super) latest: Option<ReportState>,
    interrupted: bool,
    /// When all reports must be written; known once the run is over.
    end: Option<Instant>,
    /// Whether nothing more can come.
    closed: bool,
    /// The pause between two writes: GitHub asks for a second, GitLab for none.
    spacing: Duration,
    /// When the last writing request was answered.
    written: Option<Instant>,
    /// Until when the code host wants no request.
    pub(super) blocked: Option<Instant>,
    /// How many reports share the time that is left.
    pub(super) left: u32,
}

impl RateLimiter {
    pub(super) fn new(updates: UnboundedReceiver<Update>, code_host: CodeHost) -> Self {
        Self {
            updates,
            latest: None,
            interrupted: false,
            end: None,
            closed: false,
            spacing: if code_host == CodeHost::GitLab { Duration::ZERO } else { Duration::from_secs(1) },
            written: None,
            blocked: None,
            left: 1,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.latest.as_ref().is_some_and(ReportState::is_final)
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some_and(|blocked| blocked > Instant::now())
    }

    pub(crate) async fn write(&mut self, request: impl Future<Output = ApiResult>) -> ApiResult {
        let result = self.ask(request).await;
        self.written = Some(Instant::now());
        result
    }

    /// Sends one request and receives updates meanwhile: a request must not use up the time for the final write. Where the
    /// run ends meanwhile, the reports that are left share the time that there is.
    pub(crate) async fn ask(&mut self, request: impl Future<Output = ApiResult>) -> ApiResult {
        let began = Instant::now();
        let mut request = pin!(request);
        let mut until = began + self.share();
        loop {
            tokio::select! {
                biased;
                answer = &mut request => return answer,
                () = self.next(until) => until = until.min(Instant::now() + self.share()),
            }
            if until <= Instant::now() {
                return Err(WriteError::Late(began.elapsed()));
            }
        }
    }

    /// Keeps the pause since the last write, and at the end the time that the code host asked for or that lies before the
    /// next try, if there is enough.
    pub(super) async fn pause_before_write(&mut self, retry_at: Option<Instant>) -> ApiResult<()> {
        while let Ok(update) = self.updates.try_recv() {
            self.take(update);
        }
        while let Some(blocked) = self.blocked.filter(|_| self.is_over() && self.is_blocked()) {
            if !self.has_until(blocked) {
                return Err(WriteError::Limited(blocked.saturating_duration_since(Instant::now())));
            }
            self.next(blocked).await;
        }
        let spaced = self.written.map(|written| written + self.spacing);
        // A write that is skipped is worse than two without a pause between them.
        if let Some(spaced) = spaced.filter(|spaced| self.has_until(*spaced + TIME_FOR_EACH * self.left)) {
            while spaced > Instant::now() && !self.interrupted {
                self.next(spaced).await;
            }
        }
        let Some(retry_at) = retry_at else { return self.need_until(Instant::now()) };
        // A try that is repeated must be worth it.
        while retry_at > Instant::now() && self.has_until(retry_at + SHORTEST) {
            self.next(retry_at).await;
        }
        self.need_until(retry_at.max(Instant::now()) + SHORTEST)
    }

    /// Waits for an update, at most until `due`; false where none will come.
    pub(super) async fn read(&mut self, due: Option<Instant>) -> bool {
        let came = match due {
            Some(due) => timeout_at(due, self.updates.recv()).await,
            None => Ok(self.updates.recv().await),
        };
        match came {
            Ok(Some(update)) => self.take(update),
            Ok(None) => self.closed = true,
            Err(_) => {}
        }
        !self.closed
    }

    /// Takes the next update, or waits until that moment.
    async fn next(&mut self, until: Instant) {
        if self.closed {
            #[expect(clippy::disallowed_methods, reason = "GitHub asks for a second between two writes")]
            tokio::time::sleep_until(until).await;
        } else {
            self.read(Some(until)).await;
        }
    }

    fn take(&mut self, update: Update) {
        self.interrupted |= update.interrupted;
        if update.state.is_final() {
            self.end = Some(Instant::now() + if update.interrupted { INTERRUPTED } else { CLOSING });
        }
        self.latest = Some(update.state);
    }

    /// Whether there is time left at that moment.
    fn has_until(&self, moment: Instant) -> bool {
        self.end.is_none_or(|end| moment < end)
    }

    fn need_until(&self, moment: Instant) -> ApiResult<()> {
        let none = || WriteError::Unreachable("there was no time left for it".to_owned());
        self.has_until(moment).then_some(()).ok_or_else(none)
    }

    /// How long a request may take: at the end its share of the time that is left, and of a last report's share as much
    /// as leaves time to try once more; never less than [`SHORTEST`].
    fn share(&self) -> Duration {
        let Some(end) = self.end else { return LIMIT };
        let share = end.saturating_duration_since(Instant::now()) / self.left.max(1);
        let first = (share * 3 / 5).max(FIRST_TRY);
        let share = if self.left <= 1 && share >= first + RETRY_PAUSE + SHORTEST { first } else { share };
        share.max(SHORTEST)
    }
}
