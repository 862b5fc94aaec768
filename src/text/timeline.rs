//! A run's stages as a Mermaid Gantt chart, in syntax that old Mermaid versions accept. Labels use a safe alphabet.

use std::fmt::Write as _;
use std::time::Duration;

use super::format::{cut, duration, mark, phase_mark};
use crate::core::report::{Report, StateSpan, TriggerState};
use crate::core::state::{Phase, Verdict};

/// The maximum number of stages; if there are more, the chart shows the last ones.
const MAX_STAGES: usize = 30;

/// The maximum length of a state in a label, in characters.
const MAX_LABEL: usize = 40;

/// The minimum length of a bar is this fraction of the chart, so that short stages are visible.
const MIN_BAR: u32 = 100;

/// The longest run that the axis can show: the days of its one month.
const MAX_SPAN: Duration = Duration::from_hours(24 * 27);

/// The chart's source, without a code fence; `None` if there are fewer than two stages. Verifying the page is one.
///
/// Mermaid prints the axis in the reader's time zone, where the Unix epoch is not at midnight. Dates are parsed in that
/// zone as well, so the chart starts at midnight of a fixed date without a clock change.
#[must_use]
pub fn chart(report: &Report) -> Option<String> {
    if report.stages.len() + usize::from(report.site.is_some()) < 2 {
        return None;
    }
    let whole = span(report);
    let mut chart = format!("gantt\n    dateFormat YYYY-MM-DD HH:mm:ss.SSS\n    axisFormat {}", axis(whole));
    let mut section = None;
    let mut add = |this: Section, label: &str, tags: &str, from: Duration, to: Duration| {
        if section.is_none_or(|section| section < this) {
            section = Some(this);
            let _ = write!(chart, "\n    section {}", this.name());
        }
        let _ = write!(chart, "\n    {label} :{tags}{}, {}", date(from), date(to));
    };
    if report.sent == TriggerState::Yes {
        add(Section::Waiting, "• triggered", "milestone, ", Duration::ZERO, Duration::ZERO);
    }
    let shortest = (whole / MIN_BAR).max(Duration::from_millis(1));
    let left_out = report.stages.len().saturating_sub(MAX_STAGES);
    for (n, stage) in report.stages.iter().enumerate().skip(left_out) {
        let next = report.stages.get(n + 1);
        let (from, end) = (stage.at, report.seen_until(n));
        let label = format!("{} {}", phase_mark(stage.phase), word(&stage.word));
        if matches!(stage.phase, Phase::Ended(_)) {
            add(Section::End, &after(&label, from), tags(stage, next), from, from);
        } else {
            let label = format!("{label} {}", duration(end.saturating_sub(from)));
            add(
                Section::of(stage.phase),
                &label,
                tags(stage, next),
                from,
                end.max(from.saturating_add(shortest)),
            );
        }
    }
    let is_over = report.stages.last().is_some_and(|last| matches!(last.phase, Phase::Ended(_)));
    let end = format!("{} {}", mark(report.outcome), report.outcome.as_str().replace('-', " "));
    let end = after(&end, report.duration);
    if let Some(site) = &report.site {
        let (from, to) = (site.began, report.duration);
        let (tag, end) = match site.took() {
            Some(_) => ("milestone, ", after("✓ verified", to)),
            None => ("crit, milestone, ", end),
        };
        let label = format!("{} verifying {}", phase_mark(Phase::Running), duration(to.saturating_sub(from)));
        add(Section::Page, &label, "", from, to.max(from.saturating_add(shortest)));
        add(Section::Page, &end, tag, to, to);
    } else if !is_over {
        add(Section::End, &end, "crit, milestone, ", report.duration, report.duration);
    }
    Some(chart)
}

/// The section of a stage. The chart never returns to an earlier section, because Mermaid needs each in one piece.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Waiting,
    Running,
    End,
    Page,
}

impl Section {
    fn of(phase: Phase) -> Self {
        match phase {
            Phase::Waiting => Self::Waiting,
            Phase::Running | Phase::Unknown => Self::Running,
            Phase::Ended(_) => Self::End,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::End => "End",
            Self::Page => "Page",
        }
    }
}

/// The Mermaid tags of a stage: red for the stage that failed and for an unsuccessful end. The styles `done` and
/// `active` are unreadable in the dark theme of Mermaid 10.
fn tags(stage: &StateSpan, next: Option<&StateSpan>) -> &'static str {
    match (stage.phase, next.map(|next| next.phase)) {
        (Phase::Ended(Verdict::Succeeded), _) => "milestone, ",
        (Phase::Ended(_), _) => "crit, milestone, ",
        (_, Some(Phase::Ended(Verdict::Failed))) => "crit, ",
        _ => "",
    }
}

/// The label of an end, with its time; Mermaid draws very short labels on top of the diamond.
fn after(label: &str, at: Duration) -> String {
    format!("{label} after {}", duration(at))
}

/// From the trigger to the last event.
fn span(report: &Report) -> Duration {
    let last = report.stages.iter().map(|stage| stage.at).max().unwrap_or_default();
    last.max(report.duration).min(MAX_SPAN)
}

/// The axis format, similar to [`duration`].
fn axis(whole: Duration) -> &'static str {
    match whole.as_secs() {
        0..10 => "%-S.%Ls",
        10..60 => "%-Ss",
        60..3600 => "%-Mm %Ss",
        3600..86_400 => "%-Hh %Mm",
        _ => "day %-d, %-Hh",
    }
}

fn date(at: Duration) -> String {
    let at = at.min(MAX_SPAN);
    let (s, millis) = (at.as_secs(), at.subsec_millis());
    let (d, h, m, s) = (s / 86_400 + 1, s / 3600 % 24, s / 60 % 60, s % 60);
    format!("2001-02-{d:02} {h:02}:{m:02}:{s:02}.{millis:03}")
}

/// A platform's state without characters that are special in Mermaid.
fn word(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '…');
    cut(word, MAX_LABEL).chars().map(|c| if safe(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::core::report::Task;
    use crate::core::state::Outcome;

    const RUNNING: Phase = Phase::Running;

    fn report(outcome: Outcome, millis: u64, stages: &[(&str, Phase, u64)]) -> Report {
        let stage = |(word, phase, at): &(&str, Phase, u64)| StateSpan {
            word: (*word).to_owned(),
            phase: *phase,
            at: Duration::from_millis(*at),
        };
        Report {
            task: Task::Deploy,
            outcome,
            sent: TriggerState::Yes,
            cause: None,
            started: SystemTime::UNIX_EPOCH,
            duration: Duration::from_millis(millis),
            usual_duration: None,
            snapshot: None,
            last_read: Some(Duration::from_millis(millis)),
            stages: stages.iter().map(stage).collect(),
            site: None,
            triggers: 1,
            polls: 3,
            log: Vec::new(),
        }
    }

    #[test]
    fn one_stage_makes_no_chart() {
        assert_eq!(chart(&report(Outcome::TimedOut, 9, &[("building", RUNNING, 1)])), None);
        assert_eq!(chart(&report(Outcome::Refused, 0, &[])), None);
    }

    #[test]
    fn a_stage_too_short_to_see_is_drawn_all_the_same() {
        let stages = [("a", RUNNING, 0), ("b", RUNNING, 0), ("c", RUNNING, 50_000)];
        let of_minutes = chart(&report(Outcome::Lost, 100_000, &stages)).unwrap();
        assert!(of_minutes.contains("◐ a 0s :2001-02-01 00:00:00.000, 2001-02-01 00:00:01.000\n"));
        let of_nothing = chart(&report(Outcome::Lost, 0, &[("a", RUNNING, 0), ("b", RUNNING, 0)])).unwrap();
        assert!(of_nothing.contains("◐ b 0s :2001-02-01 00:00:00.000, 2001-02-01 00:00:00.001\n"));
    }

    #[test]
    fn the_axis_suits_milliseconds_and_hours() {
        let of = |secs| axis(Duration::from_secs(secs));
        assert_eq!([of(0), of(59), of(60), of(7200)], ["%-S.%Ls", "%-Ss", "%-Mm %Ss", "%-Hh %Mm"]);
        assert_eq!(date(Duration::from_millis(90_061_007)), "2001-02-02 01:01:01.007");
        assert_eq!(date(Duration::MAX), "2001-02-28 00:00:00.000");
        let stages = [("a", RUNNING, 0), ("b", RUNNING, u64::MAX)];
        assert!(chart(&report(Outcome::Lost, u64::MAX, &stages)).is_some());
    }

    #[test]
    fn a_word_cannot_say_anything_to_mermaid() {
        let hostile = [
            "x\nclick a href \"javascript:alert(1)\"",
            "%%{init: {'theme':'dark'}}%%",
            "a:crit, 2020-01-01, 1d;b",
            "```\n</pre><script>",
            "section x#quot;",
        ];
        for word in hostile {
            let stages = [(word, RUNNING, 0), ("b", RUNNING, 5)];
            let chart = chart(&report(Outcome::Lost, 9, &stages)).unwrap();
            let lines: Vec<&str> = chart.lines().collect();
            assert_eq!(lines.len(), 10, "{chart}");
            let (label, _) = lines[6].split_once(" :").unwrap();
            assert!(label.starts_with("    ◐ "), "{label}");
            let strange = |c: char| !c.is_ascii_alphanumeric() && !" _-.◐".contains(c);
            assert_eq!(label.chars().filter(|c| strange(*c)).count(), 0, "{label}");
        }
        assert_eq!(word(&"x".repeat(1 << 20)).chars().count(), MAX_LABEL);
    }

    #[test]
    fn a_platform_that_cannot_make_up_its_mind_fills_no_page() {
        let stages: Vec<_> =
            (0..5000).map(|n| (if n % 2 == 0 { "a" } else { "b" }, Phase::Waiting, n)).collect();
        let chart = chart(&report(Outcome::Lost, 5000, &stages)).unwrap();
        assert!(chart.len() < 5000, "{}", chart.len());
        assert!(chart.contains("2001-02-01 00:00:04.999"));
    }
}
