//! The state of a run as reports show it, whatever the code host; and why a write failed.

use std::time::Duration;

use serde_json::Value;

use crate::core::state::{Outcome, Phase};
use crate::text::format::duration;
use crate::text::markdown::escape;
use crate::text::{CodeHost, Fix};

/// The state of a run, as reports show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportState {
    pub(crate) stage: ReportStage,
    /// One line.
    pub(crate) text: String,
    /// The whole report in Markdown.
    pub(crate) markdown: String,
    /// The address of the deployed site, where the platform named it.
    pub(crate) site: Option<String>,
}

/// How far the run is, as the reports have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportStage {
    /// Accepted, not begun.
    Waiting,
    Running,
    Over {
        outcome: Outcome,
        /// Whether the step passes, which settings may decide.
        passed: bool,
    },
}

impl ReportState {
    /// Not over.
    pub(crate) fn in_progress(phase: Phase, text: String) -> Self {
        let stage = if phase == Phase::Waiting { ReportStage::Waiting } else { ReportStage::Running };
        let markdown = escape(&text);
        Self { stage, text, markdown, site: None }
    }

    pub(crate) fn finished(outcome: Outcome, passed: bool, text: String, markdown: String) -> Self {
        Self { stage: ReportStage::Over { outcome, passed }, text, markdown, site: None }
    }

    /// Whether nothing more will come.
    pub(crate) fn is_final(&self) -> bool {
        self.end().is_some()
    }

    /// How it ended, and whether the step passes.
    pub(crate) fn end(&self) -> Option<(Outcome, bool)> {
        match self.stage {
            ReportStage::Over { outcome, passed } => Some((outcome, passed)),
            ReportStage::Waiting | ReportStage::Running => None,
        }
    }
}

/// The result of a request.
pub(crate) type ApiResult<T = Value> = Result<T, WriteError>;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// The code host refused.
    Refused {
        status: u16,
        /// Its message, cleaned.
        message: String,
        /// What would help.
        fix: Fix,
    },
    /// It asks for fewer requests: none for so long.
    Limited(Duration),
    /// It did not answer in this time.
    Late(Duration),
    /// Its answer is larger than is read.
    TooLarge,
    /// It cannot be reached, or its answer cannot be used; a whole sentence without its full stop.
    Unreachable(String),
}

impl WriteError {
    /// What would help.
    pub(crate) fn fix(&self) -> Fix {
        match self {
            Self::Refused { fix, .. } => *fix,
            _ => Fix::None,
        }
    }

    /// Whether the same request may succeed in a moment. 409 is GitLab's word for another writer.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..),
            Self::Limited(_) | Self::Late(_) | Self::TooLarge | Self::Unreachable(_) => true,
        }
    }

    /// Whether progress of this report is not worth another try: not the text is refused, but the token.
    pub(crate) fn stops_progress(&self) -> bool {
        match self {
            Self::Refused { status: 300..400, .. } => true,
            Self::Refused { fix, .. } => !matches!(fix, Fix::None | Fix::Unlock),
            _ => false,
        }
    }

    /// Whether the request may have been carried out anyway.
    pub(crate) fn may_be_done(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status == 408 || *status >= 500,
            Self::Limited(_) => false,
            Self::Late(_) | Self::TooLarge | Self::Unreachable(_) => true,
        }
    }

    /// Whether the thing does not exist. Only the code host's own answer counts, not a proxy's page.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 410, message, .. } if !message.is_empty())
    }

    pub(crate) fn message(&self, code_host: CodeHost) -> String {
        let code_host = code_host.name();
        match self {
            Self::Refused { status, message, .. } if message.is_empty() => {
                format!("{code_host} answered {status}")
            }
            Self::Refused { status, message, .. } => format!("{code_host} answered {status}: {message}"),
            Self::Limited(pause) => {
                format!("{code_host}'s rate limit allows no further request for {}", duration(*pause))
            }
            Self::Late(limit) => format!("{code_host} did not answer within {}", duration(*limit)),
            Self::TooLarge => format!("{code_host}'s answer is larger than 1 MiB"),
            Self::Unreachable(message) => message.clone(),
        }
    }
}
