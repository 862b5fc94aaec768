//! How things stand with a run, in no forge's language; and why a forge did not take note of it.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::refusal;
use crate::deploy::state::{Outcome, Phase};
use crate::render::markdown::escape;
use crate::render::text::duration;
use crate::render::{Forge, Remedy};
use crate::secret::Redactor;

/// What a comment's mark holds encoded: all that could end its markup, so that no two names share a mark.
const MARKUP: &AsciiSet = &NON_ALPHANUMERIC.remove(b' ').remove(b'/').remove(b'_').remove(b'.');

/// The mark by which a comment is found again; invisible to readers.
pub(in crate::ci) fn mark(name: &str) -> String {
    format!("<!-- deploy-hook: {} -->", utf8_percent_encode(name, MARKUP))
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) struct Standing {
    /// At a glance.
    pub(in crate::ci) stand: Stand,
    /// One line.
    pub(in crate::ci) text: String,
    /// The whole story in Markdown.
    pub(in crate::ci) page: String,
}

/// How things stand, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Stand {
    /// Accepted, not begun.
    Waiting,
    /// Under way.
    Running,
    /// Over.
    Over {
        /// How.
        outcome: Outcome,
        /// Whether the step passes, which settings may decide.
        passed: bool,
    },
}

impl Standing {
    /// Not over.
    pub(in crate::ci) fn going(phase: Phase, text: String) -> Self {
        let stand = if phase == Phase::Waiting { Stand::Waiting } else { Stand::Running };
        let page = escape(&text);
        Self { stand, text, page }
    }

    /// Over.
    pub(in crate::ci) fn over(outcome: Outcome, passed: bool, text: String, page: String) -> Self {
        Self { stand: Stand::Over { outcome, passed }, text, page }
    }

    /// Whether both are the same at a glance.
    pub(in crate::ci) fn is_like(&self, other: &Self) -> bool {
        self.stand == other.stand
    }

    /// Whether nothing more will come.
    pub(in crate::ci) fn is_final(&self) -> bool {
        self.end().is_some()
    }

    /// How it ended, and whether the step passes.
    pub(in crate::ci) fn end(&self) -> Option<(Outcome, bool)> {
        match self.stand {
            Stand::Over { outcome, passed } => Some((outcome, passed)),
            Stand::Waiting | Stand::Running => None,
        }
    }
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Trouble {
    /// The forge said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words, cleaned.
        message: String,
        /// What would help.
        remedy: Remedy,
    },
    /// It asks for fewer requests: none for so long.
    Limited(Duration),
    /// It did not answer in this time.
    Late(Duration),
    /// Its answer does not end where answers do.
    TooLarge,
    /// It cannot be reached, or its answer cannot be used; a whole sentence without its full stop.
    Unreachable(String),
}

impl Trouble {
    /// What a forge's refusal says, and what would help. Its words are foreign.
    pub(in crate::ci) fn refused(forge: Forge, status: u16, answer: &Value, redactor: &Redactor) -> Self {
        let words = refusal::words(answer);
        let remedy = refusal::remedy(forge, status, &words);
        Self::Refused { status, message: redactor.clean(&words, 300), remedy }
    }

    /// It redirects to where no token goes.
    pub(in crate::ci) fn away(status: u16) -> Self {
        let message = "it redirects elsewhere".to_owned();
        Self::Refused { status, message, remedy: Remedy::None }
    }

    /// It answered, and the answer cannot be used.
    pub(in crate::ci) fn unread(forge: Forge, why: &dyn std::fmt::Display) -> Self {
        Self::Unreachable(format!("{}'s answer cannot be read: {why}", forge.name()))
    }

    /// What would help.
    pub(in crate::ci) fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { remedy, .. } => *remedy,
            _ => Remedy::None,
        }
    }

    /// Whether the same request may succeed in a moment. 409 is GitLab's word for another writer.
    pub(in crate::ci) fn passes(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..),
            Self::Limited(_) | Self::Late(_) | Self::TooLarge | Self::Unreachable(_) => true,
        }
    }

    /// Whether it is no use to tell this record of progress: it is not this text that is refused, but whoever sends it.
    pub(in crate::ci) fn mutes(&self) -> bool {
        match self {
            Self::Refused { status: 300..400, .. } => true,
            Self::Refused { remedy, .. } => !matches!(remedy, Remedy::None | Remedy::Unlock),
            _ => false,
        }
    }

    /// Whether the request may have been obeyed all the same.
    pub(in crate::ci) fn is_unclear(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::Limited(_) => false,
            Self::Late(_) | Self::TooLarge | Self::Unreachable(_) => true,
        }
    }

    /// Whether what was asked for is not there.
    pub(in crate::ci) fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 410, .. })
    }

    /// In words.
    pub(in crate::ci) fn said(&self, forge: Forge) -> String {
        let forge = forge.name();
        match self {
            Self::Refused { status, message, .. } if message.is_empty() => {
                format!("{forge} answered {status}")
            }
            Self::Refused { status, message, .. } => format!("{forge} answered {status}: {message}"),
            Self::Limited(pause) => {
                format!("{forge}'s rate limit allows no further request for {}", duration(*pause))
            }
            Self::Late(limit) => format!("{forge} did not answer within {}", duration(*limit)),
            Self::TooLarge => format!("{forge}'s answer is larger than 1 MiB"),
            Self::Unreachable(said) => said.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comments_mark_cannot_end_its_own_markup_and_is_one_names_alone() {
        let names = ["Deploy / a --> <b>", "Deploy / a-b", "Deploy / ab", "Deploy / a%2Db", "Größe", "Gre"];
        let marks = names.map(mark);
        for (n, mark) in marks.iter().enumerate() {
            assert_eq!((mark.matches("--").count(), mark.matches('>').count()), (2, 1), "{mark}");
            assert!(marks[n + 1..].iter().all(|other| !other.starts_with(mark.as_str())), "{mark}");
        }
        assert_eq!(marks[1], "<!-- deploy-hook: Deploy / a%2Db -->");
    }
}
