//! The updater: writes a run's reports in the background, one request at a time, while the deployment is followed. It
//! keeps the latest state only; what was not written in time is skipped, not queued.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::rate_limiter::{RETRY_PAUSE, RateLimiter, Update};
use super::report_state::{ApiResult, ReportState, WriteError};
use super::requests::{Creation, Due, OpenReports, ReportRequests, WriteResult, write_report};
use crate::error::Signal;
use crate::text::{CodeHost, ReportError, ReportKind, ReportResult};

/// The pause between two updates of progress: a report is no log.
const PROGRESS: Duration = Duration::from_secs(20);

/// How often the final write of a report is tried.
const TRIES: u32 = 5;

/// Receives the first signal.
pub(crate) type Stop = watch::Receiver<Option<Signal>>;

/// Sends states to the updater, which writes the reports in a task of its own.
pub(crate) struct UpdaterHandle {
    sender: mpsc::UnboundedSender<Update>,
    work: JoinHandle<Vec<ReportResult>>,
}

impl UpdaterHandle {
    /// Starts an updater for these reports.
    pub(crate) fn start<R: ReportRequests>(requests: R, reports: OpenReports) -> Self {
        let (sender, updates) = mpsc::unbounded_channel();
        let limiter = RateLimiter::new(updates, requests.code_host());
        let reports = reports.into_iter().map(ReportEntry::new).collect();
        let work = Updater { requests, limiter, reports, left: Vec::new() }.work();
        Self { sender, work: tokio::spawn(work) }
    }

    pub(super) fn update(&self, state: ReportState) {
        let _ = self.sender.send(Update { state, interrupted: false });
    }

    /// Sends the final state, and waits until every report has it or the time for it is up. `interrupted`: the runner
    /// is about to kill this process, as it also is after a signal that comes meanwhile.
    pub(crate) async fn close(
        mut self,
        state: ReportState,
        interrupted: bool,
        stop: Option<Stop>,
    ) -> Vec<ReportResult> {
        let _ = self.sender.send(Update { state: state.clone(), interrupted });
        let signal = async {
            match stop {
                Some(mut stop) if !interrupted => drop(stop.wait_for(Option::is_some).await),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            results = &mut self.work => return results.unwrap_or_default(),
            () = signal => {}
        }
        let _ = self.sender.send(Update { state, interrupted: true });
        self.work.await.unwrap_or_default()
    }
}

struct Updater<R> {
    requests: R,
    limiter: RateLimiter,
    reports: Vec<ReportEntry>,
    /// What was saved last.
    left: OpenReports,
}

struct ReportEntry {
    kind: ReportKind,
    creation: Creation,
    /// Whether this round has yet to write it.
    due: bool,
    /// No more updates of progress; the final state is still tried.
    no_progress: bool,
    /// Closed, or given up.
    done: bool,
    /// How often its end was tried, and when it is to be tried next.
    tries: u32,
    retry_at: Option<Instant>,
    error: Option<WriteError>,
}

impl ReportEntry {
    fn new((kind, creation): (ReportKind, Creation)) -> Self {
        let (due, no_progress, done) = (false, false, false);
        Self { kind, creation, due, no_progress, done, tries: 0, retry_at: None, error: None }
    }

    /// Whether an update of progress failed and is worth another try.
    fn is_behind(&self) -> bool {
        !self.done && !self.no_progress && self.error.as_ref().is_some_and(WriteError::is_transient)
    }

    /// Whether the post step would have to close it: it is or may be there, or its final state is still to be written.
    fn is_left(&self, over: bool) -> bool {
        let hopeful = self.error.as_ref().is_none_or(WriteError::is_transient);
        let closed = self.done && self.error.is_none();
        !closed && (self.creation != Creation::No || (over && hopeful))
    }

    fn result(self, code_host: CodeHost) -> ReportResult {
        let error = self.error.map(|error| ReportError {
            why: error.message(code_host),
            fix: error.fix(),
            read_only: false,
        });
        ReportResult { kind: self.kind, code_host, error }
    }
}

impl<R: ReportRequests> Updater<R> {
    /// The first round opens, or, where all is over already, writes the final state at once.
    async fn work(mut self) -> Vec<ReportResult> {
        let (mut written, mut began): (Option<ReportState>, _) = (None, Instant::now());
        while !self.limiter.is_over() {
            let behind = self.reports.iter().any(ReportEntry::is_behind);
            let due = match (&self.limiter.latest, &written) {
                (None, _) => None,
                (Some(latest), Some(written)) if latest == written && !behind => None,
                (Some(latest), Some(written)) if latest.stage == written.stage => Some(began + PROGRESS),
                _ => Some(began),
            };
            let due = due.map(|due| self.limiter.blocked.map_or(due, |blocked| due.max(blocked)));
            if due.is_some_and(|due| due <= Instant::now()) {
                let has_changed = self.limiter.latest != written;
                (written, began) = (self.limiter.latest.clone(), Instant::now());
                self.write_due(has_changed).await;
                if self.limiter.is_blocked() {
                    written = None;
                }
            } else if !self.limiter.read(due).await {
                break;
            }
        }
        if self.limiter.is_over() {
            self.save();
            self.write_due(true).await;
        }
        let code_host = self.requests.code_host();
        self.reports.into_iter().map(|entry| entry.result(code_host)).collect()
    }

    /// Writes every report; without a new state, those that are behind.
    async fn write_due(&mut self, has_changed: bool) {
        for entry in &mut self.reports {
            entry.due = !entry.done && !entry.no_progress && (has_changed || entry.is_behind());
        }
        while let Some(n) = self.next() {
            self.write_report(n).await;
        }
    }

    /// The next report to write, one that is there before one that is not. At the end one that was not tried yet goes
    /// first, then the one whose turn comes first.
    fn next(&self) -> Option<usize> {
        let over = self.limiter.is_over();
        if !over && self.limiter.is_blocked() {
            return None;
        }
        let due = |entry: &ReportEntry| !entry.done && (over || entry.due);
        let due = self.reports.iter().enumerate().filter(|(_, entry)| due(entry));
        let turn = |entry: &ReportEntry| (entry.retry_at, !matches!(entry.creation, Creation::Id(_)));
        due.min_by_key(|(n, entry)| (turn(entry), *n)).map(|(n, _)| n)
    }

    /// Writes one report: creates it where it is not there yet.
    async fn write_report(&mut self, n: usize) {
        self.limiter.left = self.reports.iter().map(|entry| u32::from(!entry.done)).sum();
        let retry_at = self.reports.get(n).and_then(|entry| entry.retry_at);
        let paused = self.limiter.pause_before_write(retry_at).await;
        let over = self.limiter.is_over(); // while it is written, that may change
        self.save();
        let (in_time, result) = match paused {
            Ok(()) => (true, self.write_current_state(n).await),
            Err(error) => (false, Err(error)),
        };
        if let Err(WriteError::Limited(pause)) = &result {
            self.limiter.blocked = Some(Instant::now() + *pause);
        }
        let Some(entry) = self.reports.get_mut(n) else { return };
        entry.due = false;
        match result {
            Ok(closed) => {
                entry.done = closed;
                entry.error = None;
            }
            Err(error) => {
                if in_time && entry.creation == Creation::No && error.may_be_done() {
                    entry.creation = Creation::Maybe;
                }
                if over {
                    entry.tries += 1;
                    entry.retry_at = Some(Instant::now() + RETRY_PAUSE * (1 << (entry.tries - 1)));
                    entry.done = !in_time || !error.is_transient() || entry.tries >= TRIES;
                } else {
                    entry.no_progress |= error.stops_progress();
                }
                // An earlier error says more than that there was no time for another try.
                if in_time || entry.error.is_none() {
                    entry.error = Some(error);
                }
            }
        }
        self.save();
    }

    /// Writes one report. Returns whether that closed it.
    async fn write_current_state(&mut self, n: usize) -> ApiResult<bool> {
        loop {
            let (Some(entry), Some(state)) = (self.reports.get(n), self.limiter.latest.clone()) else {
                return Ok(true);
            };
            let report = Due { kind: entry.kind, creation: entry.creation, state: &state };
            let result = write_report(&self.requests, &mut self.limiter, report).await?;
            let (WriteResult::Done(id) | WriteResult::Begun(id)) = result;
            if let Some(entry) = self.reports.get_mut(n) {
                entry.creation = Creation::Id(id);
            }
            self.save();
            if result == WriteResult::Done(id) {
                return Ok(state.is_final());
            }
            self.limiter.pause_before_write(None).await?;
        }
    }

    /// Saves what is open, where that has changed.
    fn save(&mut self) {
        let over = self.limiter.is_over();
        let left = self.reports.iter().filter(|entry| entry.is_left(over));
        let left: OpenReports = left.map(|entry| (entry.kind, entry.creation)).collect();
        if left != self.left {
            self.left.clone_from(&left);
            self.requests.save_open(left);
        }
    }
}

#[cfg(test)]
mod tests;
