//! The log for people: a live line in a terminal; elsewhere a line when something changes, and a heartbeat.

use std::ops::Range;
use std::slice;
use std::time::{Duration, Instant, SystemTime};

use anstyle::{AnsiColor, Style};

use super::github::{annotation_level, command};
use super::gitlab::section;
use super::live_line::LiveText;
use super::output::Output;
use super::writer;
use crate::core::report::{Event, Report};
use crate::core::site::SiteReport;
use crate::core::state::{Outcome, Phase, Verdict};
use crate::text::format::{clock, count, duration, mark, phase_mark};
use crate::text::{RunContext, log, messages};

/// Lines of a failed deployment's log that are shown.
const LOG_LINES: usize = 25;

/// How the log is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TerminalOptions {
    /// Each poll as well.
    pub verbose: bool,
    pub color: bool,
    /// With a live line at the end.
    pub live: bool,
    /// What the log can fold.
    pub grouping: LogGrouping,
}

/// How a log groups what is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogGrouping {
    Never,
    /// By GitHub's commands.
    GitHub,
    /// By GitLab's sections.
    GitLab,
}

/// Prints a run's events as a log for people, in a terminal with a live line.
pub(crate) struct Terminal {
    out: Output,
    options: TerminalOptions,
    /// What the live line says: the state, and since when.
    state: (String, Duration),
    /// Whether it says of the latest poll that it failed.
    unread: bool,
    /// How long a deployment usually takes, where it is known.
    usual_duration: Option<Duration>,
    /// The section of GitLab's log that is open.
    section: Option<String>,
}

impl Terminal {
    pub(crate) fn new(out: Output, options: TerminalOptions) -> Self {
        Self {
            out,
            options,
            state: ("triggering".to_owned(), Duration::ZERO),
            unread: false,
            usual_duration: None,
            section: None,
        }
    }

    pub(crate) fn report(&mut self, elapsed: Duration, event: &Event, context: &RunContext) {
        let is_shown = match event {
            Event::Finished { report } => return self.ended(report, context),
            // GitHub's runner prints its annotation.
            Event::UnknownState { .. } if self.options.grouping == LogGrouping::GitHub => return,
            Event::UnknownState { word } => return self.warning(&messages::unknown_state(word)),
            Event::PollFailed { errors: 1, .. } | Event::Polled { .. } => self.options.verbose,
            // A live line shows that it goes on; a heartbeat above it would only push the screen up.
            Event::Heartbeat { .. } => !self.options.live,
            _ => true,
        };
        if is_shown {
            self.event(elapsed, event, &messages::event(event, context).unwrap_or_default());
        }
        if let Event::Started { usual_duration, .. } = event {
            self.usual_duration = *usual_duration;
            if let Some(speed) = context.sandbox {
                self.line(&self.paint(dim(), &messages::sandbox_intro(speed)));
            }
        }
        self.update_live_line(elapsed, event, context);
    }

    /// The line of an event: the time, a mark, and the text.
    fn event(&mut self, elapsed: Duration, event: &Event, text: &str) {
        let plain = text.to_owned();
        let (mark, text) = match event {
            Event::Started { .. } => {
                return self.begin_section("follow", &self.paint(bold(), text), false);
            }
            Event::State { stage } => {
                (self.phase_mark(stage.phase), self.paint(phase_style(stage.phase), text))
            }
            Event::Verifying { report, .. } => (self.phase_mark(page_phase(report)), plain),
            Event::Heartbeat { .. } | Event::Polled { .. } => (" ".to_owned(), self.paint(dim(), text)),
            Event::PollFailed { .. } | Event::Retrying { .. } | Event::Searching { .. } => {
                (self.paint(color(AnsiColor::Yellow), "!"), plain)
            }
            _ => (" ".to_owned(), plain),
        };
        let time = self.paint(dim(), &format!("{:>7}", clock(elapsed)));
        self.line(&format!("{time} {mark} {text}"));
    }

    pub(crate) fn warning(&self, message: &str) {
        self.line(&format!("{} {message}", self.paint(color(AnsiColor::Yellow), "warning:")));
    }

    fn ended(&mut self, report: &Report, context: &RunContext) {
        if self.options.live {
            writer::live(None);
        }
        self.end_section();
        self.log(&report.log);
        // GitHub's runner prints an annotation as a line of the log, and it says the same.
        let annotated =
            self.options.grouping == LogGrouping::GitHub && annotation_level(report, context).is_some();
        if !annotated {
            self.verdict(report, context);
        }
        let page = report.snapshot.as_ref().and_then(|seen| seen.dashboard_url.as_deref());
        let polls = (report.polls > 0).then(|| count(report.polls, "poll"));
        let usual = report.usual_duration.map(|usual| format!("usually {}", duration(usual)));
        let details = [polls.as_deref(), usual.as_deref(), page, context.environment_url.as_deref()];
        let details: Vec<&str> = details.into_iter().flatten().collect();
        if !details.is_empty() {
            self.line(&format!("  {}", self.paint(dim(), &details.join(" · "))));
        }
        if context.sandbox.is_some() && self.options.live {
            self.line(&self.paint(dim(), messages::SANDBOX_OUTRO));
        }
    }

    fn verdict(&self, report: &Report, context: &RunContext) {
        let words = messages::verdict(report, context);
        let style = outcome_style(report.outcome).bold();
        let head = format!("{} {}", mark(report.outcome), words.happened);
        self.line(&format!("{} {}", self.paint(style, &head), words.meaning));
        if !words.next.is_empty() {
            self.line(&format!("  {} {}", self.paint(bold(), "Next:"), words.next));
        }
    }

    /// What failed and the end of the log, and where the CI's log can fold, the folded log. GitHub's annotation quotes the cause.
    fn log(&mut self, lines: &[String]) {
        let grouping = self.options.grouping;
        let is_folded = grouping != LogGrouping::Never && lines.len() > log::SHORT;
        if !(lines.is_empty() || is_folded && grouping == LogGrouping::GitHub) {
            let shown = log::excerpt(lines, LOG_LINES);
            let count = shown.iter().map(ExactSizeIterator::len).sum();
            self.line(&self.paint(bold(), &messages::log_excerpt_title(count, lines.len())));
            self.log_lines(lines, &shown);
        }
        if is_folded {
            let from = lines.len().saturating_sub(log::END);
            let title = messages::log_title(lines.len() - from, lines.len());
            if grouping == LogGrouping::GitHub {
                self.out.command(&command::group(&title));
            } else {
                self.begin_section("log", &self.paint(bold(), &title), true);
            }
            self.log_lines(lines, slice::from_ref(&(from..lines.len())));
            if grouping == LogGrouping::GitHub {
                self.out.command(command::END_GROUP);
            }
            self.end_section();
        }
    }

    /// Lines of a log, with a sign for what failed and for what is left out.
    fn log_lines(&self, lines: &[String], shown: &[Range<usize>]) {
        let cause = log::cause(lines).unwrap_or_default();
        let mut next = shown.first().map_or(0, |first| first.start);
        for range in shown {
            if range.start > next {
                self.line(&self.paint(dim(), &format!("  ⋮ {}", count(range.start - next, "line"))));
            }
            for (n, line) in range.clone().zip(lines.get(range.clone()).unwrap_or_default()) {
                let bar = if cause.contains(&n) {
                    self.paint(color(AnsiColor::Red), "┃")
                } else {
                    self.paint(dim(), "│")
                };
                self.line(&format!("  {bar} {line}"));
            }
            next = range.end;
        }
    }

    /// Prints a heading, which begins a section where the log has such.
    fn begin_section(&mut self, what: &str, heading: &str, collapsed: bool) {
        if self.options.grouping != LogGrouping::GitLab {
            return self.line(heading);
        }
        let now = SystemTime::now();
        let name = section::name(what, now);
        self.line(&section::start(&name, heading, collapsed, now));
        self.section = Some(name);
    }

    fn end_section(&mut self) {
        if let Some(name) = self.section.take() {
            self.line(&section::end(&name, SystemTime::now()));
        }
    }

    /// Puts the present state into the live line.
    fn update_live_line(&mut self, elapsed: Duration, event: &Event, context: &RunContext) {
        let mut failed = None;
        match event {
            _ if !self.options.live => return,
            Event::State { stage } => self.state = (stage.word.clone(), stage.at),
            Event::PollFailed { errors, budget, .. } => {
                failed = Some(format!("the state could not be read, {errors} of {budget},"));
            }
            Event::Searching { .. } => self.state = ("looking for the deployment".to_owned(), elapsed),
            Event::Verifying { report, .. } => self.state = ("verifying".to_owned(), report.began),
            Event::Retrying { .. } => self.state = ("waiting to try again".to_owned(), elapsed),
            Event::Triggered { .. } => self.state = ("triggered".to_owned(), elapsed),
            // The pause after a failed poll is no news; after a good one the state is known again.
            Event::Polled { .. } if self.unread => {
                self.unread = false;
                return;
            }
            Event::Started { .. } | Event::Polled { .. } => {}
            _ => return,
        }
        self.unread = failed.is_some();
        let (state, since) = &self.state;
        let now = Instant::now();
        self.out.show_live(LiveText {
            state: failed.unwrap_or_else(|| state.clone()),
            since: now.checked_sub(elapsed.saturating_sub(*since)).unwrap_or(now),
            usual_duration: self.usual_duration,
            deadline: now + context.timeout.saturating_sub(elapsed),
            color: self.options.color,
        });
    }

    pub(crate) fn line(&self, line: &str) {
        self.out.log_line(line);
    }

    fn phase_mark(&self, phase: Phase) -> String {
        self.paint(phase_style(phase), phase_mark(phase))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn bold() -> Style {
    Style::new().bold()
}

fn dim() -> Style {
    Style::new().dimmed()
}

fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// Whether the last answer of the page was the right one, as a phase.
fn page_phase(report: &SiteReport) -> Phase {
    match report.answer.as_ref().map(|answer| &answer.fault) {
        None => Phase::Running,
        Some(None) => Phase::Ended(Verdict::Succeeded),
        Some(Some(_)) => Phase::Waiting,
    }
}

fn phase_style(phase: Phase) -> Style {
    match phase {
        Phase::Waiting => dim(),
        Phase::Running => color(AnsiColor::Cyan),
        Phase::Unknown => color(AnsiColor::Yellow),
        Phase::Ended(Verdict::Succeeded) => color(AnsiColor::Green),
        Phase::Ended(_) => color(AnsiColor::Red),
    }
}

fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Succeeded => color(AnsiColor::Green),
        Outcome::Triggered | Outcome::Skipped => color(AnsiColor::Cyan),
        Outcome::Canceled | Outcome::Superseded | Outcome::TimedOut | Outcome::Interrupted => {
            color(AnsiColor::Yellow)
        }
        Outcome::Failed
        | Outcome::Unverified
        | Outcome::Lost
        | Outcome::Refused
        | Outcome::Unreachable
        | Outcome::Uncertain => color(AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests;
