//! The live line at the end of a terminal: what the deployment is doing, and for how long.

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use crate::text::messages::Waiting;

/// How often the times in it change.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// The columns beside its text: the time, the spinner, two spaces, and one to spare.
const BESIDE: usize = 11;

/// What the live line says: the times in it are those of the moment it is drawn.
#[derive(Clone, Debug)]
pub(super) struct LiveText {
    pub(super) state: String,
    /// Since when it has been seen.
    pub(super) since: Instant,
    /// How long a deployment usually takes, where it is known.
    pub(super) usual_duration: Option<Duration>,
    /// When the run stops waiting.
    pub(super) deadline: Instant,
    pub(super) color: bool,
}

impl LiveText {
    /// The text that fits a terminal of this width.
    fn draw(&self, width: usize) -> String {
        let (in_state, left) =
            (self.since.elapsed(), self.deadline.saturating_duration_since(Instant::now()));
        let waiting = Waiting { state: &self.state, in_state, usual_duration: self.usual_duration, left };
        let (state, rest) = waiting.live(width.saturating_sub(BESIDE));
        let dim = anstyle::Style::new().dimmed();
        if self.color { format!("{state}{dim}{rest}{dim:#}") } else { state + &rest }
    }
}

/// The live line as it is drawn: time, spinner and text.
pub(super) struct LiveLine {
    bar: ProgressBar,
    text: LiveText,
}

impl LiveLine {
    pub(super) fn begin(text: LiveText) -> Self {
        let template = if text.color {
            "{elapsed:>7.dim} {spinner:.cyan} {wide_msg}"
        } else {
            "{elapsed:>7} {spinner} {wide_msg}"
        };
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.tick_strings(&["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", " "]));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let line = Self { bar, text };
        line.draw();
        line
    }

    pub(super) fn show(&mut self, text: LiveText) {
        self.text = text;
        self.draw();
    }

    /// Draws it with the times of this moment.
    pub(super) fn draw(&self) {
        self.bar.set_message(self.text.draw(usize::from(Term::stderr().size().1)));
    }

    /// Takes it away while something else is printed.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
