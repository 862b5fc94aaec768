//! A run's stages as a Mermaid Gantt chart, in syntax that old Mermaid versions accept. Labels use a safe alphabet.

use std::fmt::Write as _;
use std::time::Duration;

use super::format::{cut, duration, mark, phase_mark};
use crate::core::report::{Report, StateSpan, TriggerState};
use crate::core::state::{Outcome, Phase, Verdict};

/// The maximum number of stages; if there are more, the chart shows the last ones.
const MAX_STAGES: usize = 30;

/// The maximum length of a state in a label, in characters.
const MAX_LABEL: usize = 40;

/// The minimum length of a bar is this fraction of the chart, so that short stages are visible.
const MIN_BAR: u32 = 100;

/// The longest run that the axis can show: the days of its one month.
const MAX_SPAN: Duration = Duration::from_hours(24 * 27);

/// A state that lasts for this fraction of the run, and a second, is worth a bar.
const NOTICEABLE: u32 = 20;

/// Colours of the stages that led to a success or a failure: white and black are readable on both. Without a theme of
/// its own the chart keeps that of the page, light or dark, where its variables are known.
const COLORS: &str = "%%{init: {'themeVariables': {'doneTaskBkgColor': '#238636', 'doneTaskBorderColor': '#238636', \
    'critBkgColor': '#cf222e', 'critBorderColor': '#cf222e'}}}%%";

/// The chart's source, without a code fence; `None` where it would say nothing: fewer than two states of noticeable
/// length. Verifying the page is one.
///
/// Mermaid prints the axis in the reader's time zone, where the Unix epoch is not at midnight. Dates are parsed in that
/// zone as well, so the chart starts at midnight of a fixed date without a clock change.
pub(crate) fn chart(report: &Report) -> Option<String> {
    let whole = span(report);
    if noticeable(report, whole) < 2 {
        return None;
    }
    let mut chart =
        format!("{COLORS}\ngantt\n    dateFormat YYYY-MM-DD HH:mm:ss.SSS\n    axisFormat {}", axis(whole));
    let shortest = (whole / MIN_BAR).max(Duration::from_millis(1));
    let mut section = None;
    let mut add = |this: Section, label: &str, tags: &str, from: Duration, to: Duration| {
        if section.is_none_or(|section| section < this) {
            section = Some(this);
            let _ = write!(chart, "\n    section {}", SECTIONS[this as usize]);
        }
        let is_bar = !tags.contains("milestone");
        let to = if is_bar { to.max(from.saturating_add(shortest)) } else { to };
        let _ = write!(chart, "\n    {label} :{tags}{}, {}", date(from), date(to));
    };
    if report.sent == TriggerState::Yes {
        add(Section::Waiting, "• triggered", "milestone, ", Duration::ZERO, Duration::ZERO);
    }
    let left_out = report.stages.len().saturating_sub(MAX_STAGES);
    for (n, stage) in report.stages.iter().enumerate().skip(left_out) {
        let tags = tags(report, stage, report.stages.get(n + 1));
        let (section, from, end) = (Section::of(stage.phase), stage.at, report.seen_until(n));
        let label = format!("{} {}", phase_mark(stage.phase), word(&stage.word));
        if section == Section::End {
            add(section, &after(&label, from), tags, from, from);
        } else {
            add(section, &format!("{label} {}", duration(end.saturating_sub(from))), tags, from, end);
        }
    }
    let is_over = report.stages.last().is_some_and(|last| matches!(last.phase, Phase::Ended(_)));
    let end = format!("{} {}", mark(report.outcome), report.outcome.as_str().replace('-', " "));
    let end = after(&end, report.duration);
    if let Some(site) = &report.site {
        let (from, to) = (site.began, report.duration);
        let (bar, tag, end) = match site.took() {
            Some(_) => ("done, ", "done, milestone, ", after("✓ verified", to)),
            None if report.outcome == Outcome::Unverified => ("crit, ", "crit, milestone, ", end),
            None => ("", "crit, milestone, ", end),
        };
        let label = format!("{} verifying {}", phase_mark(Phase::Running), duration(to.saturating_sub(from)));
        add(Section::Page, &label, bar, from, to);
        add(Section::Page, &end, tag, to, to);
    } else if !is_over {
        add(Section::End, &end, "crit, milestone, ", report.duration, report.duration);
    }
    Some(chart)
}

/// How many states are of noticeable length.
fn noticeable(report: &Report, whole: Duration) -> usize {
    let is_long = |length: Duration| length >= (whole / NOTICEABLE).max(Duration::from_secs(1));
    let of_stage = |(n, stage): (usize, &StateSpan)| {
        !matches!(stage.phase, Phase::Ended(_)) && is_long(report.seen_until(n).saturating_sub(stage.at))
    };
    let verifying = report.site.as_ref().map(|site| report.duration.saturating_sub(site.began));
    report.stages.iter().enumerate().filter(|stage| of_stage(*stage)).count()
        + usize::from(verifying.is_some_and(is_long))
}

/// The names of the sections.
const SECTIONS: [&str; 4] = ["Waiting", "Running", "End", "Page"];

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
}

/// The Mermaid tags of a stage: `crit` is red, for the stage that failed and an end that is no success; `done` is green,
/// for the stages under way and the end of a success.
fn tags(report: &Report, stage: &StateSpan, next: Option<&StateSpan>) -> &'static str {
    match (stage.phase, next.map(|next| next.phase)) {
        (Phase::Ended(Verdict::Succeeded), _) => "done, milestone, ",
        (Phase::Ended(_), _) => "crit, milestone, ",
        (_, Some(Phase::Ended(Verdict::Failed))) => "crit, ",
        (Phase::Running, _) if report.outcome == Outcome::Succeeded => "done, ",
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
    fn a_chart_shows_at_least_two_states_of_noticeable_length() {
        let has = |millis, stages: &[(&str, Phase, u64)]| {
            chart(&report(Outcome::Succeeded, millis, stages)).is_some()
        };
        let end = Phase::Ended(Verdict::Succeeded);
        assert!(!has(9000, &[("building", RUNNING, 1)]));
        assert!(!has(0, &[]));
        assert!(!has(60_000, &[("building", RUNNING, 0), ("live", end, 60_000)]), "one state and its end");
        assert!(!has(
            60_000,
            &[("queued", Phase::Waiting, 0), ("building", RUNNING, 2000), ("live", end, 60_000)]
        ));
        assert!(!has(900, &[("queued", Phase::Waiting, 0), ("building", RUNNING, 400), ("live", end, 900)]));
        assert!(has(
            60_000,
            &[("queued", Phase::Waiting, 0), ("building", RUNNING, 4000), ("live", end, 60_000)]
        ));
    }

    #[test]
    fn a_stage_too_short_to_see_is_drawn_all_the_same() {
        let stages = [("a", RUNNING, 0), ("b", RUNNING, 0), ("c", RUNNING, 50_000)];
        let of_minutes = chart(&report(Outcome::Lost, 100_000, &stages)).unwrap();
        assert!(of_minutes.contains("◐ a 0s :2001-02-01 00:00:00.000, 2001-02-01 00:00:01.000\n"));
    }

    #[test]
    fn what_led_to_a_success_is_green_and_what_failed_is_red() {
        let of = |outcome, end| {
            let stages =
                [("queued", Phase::Waiting, 0), ("building", RUNNING, 20_000), ("post", RUNNING, 40_000)];
            let stages = [&stages[..], &[("over", Phase::Ended(end), 60_000)]].concat();
            let chart = chart(&report(outcome, 60_000, &stages)).unwrap();
            let tag = |line: &str| {
                line.split_once(" :").map(|(_, rest)| rest.split("2001").next().unwrap().to_owned())
            };
            chart.lines().filter_map(tag).collect::<Vec<_>>()
        };
        let success = of(Outcome::Succeeded, Verdict::Succeeded);
        assert_eq!(success, ["milestone, ", "", "done, ", "done, ", "done, milestone, "]);
        let failure = of(Outcome::Failed, Verdict::Failed);
        assert_eq!(failure, ["milestone, ", "", "", "crit, ", "crit, milestone, "]);
        let canceled = of(Outcome::Canceled, Verdict::Canceled);
        assert_eq!(canceled, ["milestone, ", "", "", "", "crit, milestone, "]);
    }

    #[test]
    fn the_axis_suits_milliseconds_and_hours() {
        let of = |secs| axis(Duration::from_secs(secs));
        assert_eq!([of(0), of(59), of(60), of(7200)], ["%-S.%Ls", "%-Ss", "%-Mm %Ss", "%-Hh %Mm"]);
        assert_eq!(date(Duration::from_millis(90_061_007)), "2001-02-02 01:01:01.007");
        assert_eq!(date(Duration::MAX), "2001-02-28 00:00:00.000");
        let stages = [("a", RUNNING, 0), ("b", RUNNING, u64::MAX / 2), ("c", RUNNING, u64::MAX)];
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
            let stages = [(word, RUNNING, 0), ("b", RUNNING, 5000)];
            let chart = chart(&report(Outcome::Lost, 9000, &stages)).unwrap();
            let lines: Vec<&str> = chart.lines().collect();
            assert_eq!(lines.len(), 11, "{chart}");
            let (label, _) = lines[7].split_once(" :").unwrap();
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
        let stages = [&[("a", RUNNING, 0), ("b", RUNNING, 0)], &stages[..]].concat();
        assert_eq!(chart(&report(Outcome::Lost, 5000, &stages)), None);
        let stages: Vec<_> = stages.into_iter().map(|(word, phase, at)| (word, phase, at * 1000)).collect();
        let stages = [&stages[..1000], &[("c", RUNNING, 1_000_000), ("d", RUNNING, 1_500_000)]].concat();
        let chart = chart(&report(Outcome::Lost, 2_000_000, &stages)).unwrap();
        assert!(chart.len() < 5000, "{}", chart.len());
        assert!(chart.contains("? d 8m 20s") || chart.contains("◐ d 8m 20s"), "{chart}");
    }
}
