//! The pauses between two requests, and the time each may take.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::inbox::{Inbox, Update};
use super::report_state::WriteError;
use crate::text::CodeHost;

/// Keeps the pauses between requests, and receives updates meanwhile.
pub(crate) struct RateLimiter {
    pub(super) inbox: Inbox,
    spacing: Duration,
    /// When the last writing request was answered.
    written: Option<Instant>,
    /// Until when the code host wants no request.
    pub(super) blocked: Option<Instant>,
    /// How many reports share the time that is left.
    pub(super) left: usize,
}

impl RateLimiter {
    pub(super) fn new(inbox: mpsc::UnboundedReceiver<Update>, code_host: CodeHost) -> Self {
        // GitHub asks for a second between two writes, GitLab for no pause.
        let spacing = if code_host == CodeHost::GitLab { Duration::ZERO } else { Duration::from_secs(1) };
        Self { inbox: Inbox::new(inbox), spacing, written: None, blocked: None, left: 1 }
    }

    pub(crate) async fn write(
        &mut self,
        request: impl Future<Output = Result<Value, WriteError>>,
    ) -> Result<Value, WriteError> {
        let result = self.ask(request).await;
        self.written = Some(Instant::now());
        result
    }

    /// Sends one request and receives updates meanwhile: a request must not use up the time for the final write.
    pub(crate) async fn ask(
        &mut self,
        request: impl Future<Output = Result<Value, WriteError>>,
    ) -> Result<Value, WriteError> {
        let began = Instant::now();
        let answer = self.inbox.listen(request, self.left).await;
        answer.unwrap_or_else(|| Err(WriteError::Late(began.elapsed())))
    }

    /// Keeps the pause since the last write, and at the end the time that the code host asked for or that lies before the
    /// next try, if there is enough.
    pub(super) async fn pause_before_write(&mut self, again: Option<Instant>) -> Result<(), WriteError> {
        self.inbox.take_all();
        while let Some(blocked) = self.blocked.filter(|_| self.inbox.is_over() && self.is_blocked()) {
            if !self.inbox.has_until(blocked) {
                return Err(WriteError::Limited(blocked.saturating_duration_since(Instant::now())));
            }
            self.inbox.next(blocked).await;
        }
        if let Some(written) = self.written.filter(|_| !self.inbox.hurried) {
            let spaced = written + self.spacing;
            // A write that is skipped is worse than two without a pause between them.
            if self.inbox.has_pause(spaced, self.left) {
                self.inbox.pause(spaced).await;
            }
        }
        while let Some(again) = again.filter(|again| *again > Instant::now()) {
            if !self.inbox.has_try_at(again) {
                return Err(no_time());
            }
            self.inbox.next(again).await;
        }
        let least = if again.is_some() {
            self.inbox.has_try_at(Instant::now())
        } else {
            self.inbox.has_until(Instant::now())
        };
        if !least {
            return Err(no_time());
        }
        Ok(())
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some_and(|blocked| blocked > Instant::now())
    }
}

fn no_time() -> WriteError {
    WriteError::Unreachable("there was no time left for it".to_owned())
}

pub(crate) fn id(answer: &Value) -> Result<u64, WriteError> {
    let message = "its answer has no id".to_owned();
    answer["id"].as_u64().ok_or(WriteError::Unreachable(message))
}
