//! The input `report`: which reports a user wants.

use super::shown::shown;
use super::sources::Sources;
use crate::cli::values;
use crate::secrets::unwrap_pasted;
use crate::text::{ReportKind, problems};

/// Which reports a user wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    wanted: Vec<ReportKind>,
    /// Whether they were named one by one, so that one that cannot be written is worth a warning.
    pub named: bool,
}

impl Reports {
    /// Whether this kind is wanted.
    pub fn wants(&self, kind: ReportKind) -> bool {
        self.wanted.contains(&kind)
    }

    /// The kinds wanted, each once, in their own order.
    pub fn kinds(&self) -> Vec<ReportKind> {
        ReportKind::ALL.into_iter().filter(|kind| self.wants(*kind)).collect()
    }
}

/// The words of a list, in small letters: with commas, spaces or line breaks between them, as YAML's `|` and `>` blocks
/// and its lists in either form come out.
fn list(text: &str) -> Vec<String> {
    let words = unwrap_pasted(text).split(|c: char| c == ',' || c.is_whitespace());
    let words = words.map(|word| word.trim_matches(['[', ']', '"', '\'', '`']));
    words.map(str::to_ascii_lowercase).filter(|word| !matches!(word.as_str(), "" | "-")).collect()
}

pub(super) fn read(sources: &mut Sources<'_>) -> Reports {
    const AUTO: [ReportKind; 2] = [ReportKind::Summary, ReportKind::Status];
    let Some(found) = sources.find("report", &[]) else {
        return Reports { wanted: AUTO.to_vec(), named: false };
    };
    let words = list(&found.value);
    let allowed: Vec<&str> = values::report_words().collect();
    let mut reports = Reports::default();
    for word in &words {
        match (word.as_str(), ReportKind::ALL.into_iter().find(|kind| kind.as_str() == word)) {
            ("auto", _) => reports.wanted.extend(AUTO),
            ("none", _) if words.iter().all(|word| word == "none") => {}
            ("none", _) => sources.problem(&found, problems::NONE_AND_OTHERS),
            (_, Some(kind)) => {
                reports.wanted.push(kind);
                reports.named = true;
            }
            (word, None) => {
                sources.problem(&found, problems::no_report(&shown(word), word, &allowed));
            }
        }
    }
    reports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_the_same_however_its_words_are_parted() {
        for text in [
            "summary,status,check",
            " Summary , STATUS,check, ",
            "summary status check",
            "summary\nstatus\ncheck\n",
            "summary\r\nstatus\r\ncheck\r\n",
            "summary,\nstatus,\n\n  check,\n",
            "- summary\n- status\n- check\n",
            ",summary,,status\tcheck",
            "'summary, status, check'\n",
            "[summary, status, check]",
            "[ \"summary\", 'status',check ]\n",
            "['summary','status','check']",
            "- 'summary'\n- \"status\"\n- check",
            "\"summary\",\"status\",\"check\"",
        ] {
            assert_eq!(list(text), ["summary", "status", "check"], "{text:?}");
        }
    }
}
