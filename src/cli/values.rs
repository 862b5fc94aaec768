//! The words that options take. Completions and help offer them; `config` says what is wrong with any other, wherever it
//! comes from, and without showing what may be a secret.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::text::ReportKind;
use crate::{platforms, sandbox};

/// A parser that takes any text and knows these words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    Fixed(&'static Choices),
    /// Only listed where they are shown.
    Listed(fn() -> Vec<PossibleValue>),
}

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = match self {
            Self::Fixed(choices) => words(choices),
            Self::Listed(words) => words(),
        };
        Some(Box::new(words.into_iter()))
    }
}

fn word((name, help): (&'static str, &'static str)) -> PossibleValue {
    let word = PossibleValue::new(name);
    if help.is_empty() { word } else { word.help(help) }
}

/// The words of an input, the default first, each with its help.
pub(crate) type Choices = [(&'static str, &'static str)];

pub(crate) const IF_MISSING: &Choices =
    &[("fail", "end with exit code 2"), ("skip", "end with exit code 0, as skipped")];

pub(crate) const WAIT: &Choices = &[
    ("auto", "if its state can be read"),
    ("always", "and fail, before the trigger, if its state cannot be read"),
    ("never", "only trigger"),
];

pub(super) const INTERVAL: &Choices = &[("auto", "adaptive")];

pub(super) const DURATION: &Choices = &[("auto", "learned from earlier deployments")];

pub(crate) const HISTORY: &Choices = &[("auto", "learn from them"), ("off", "do not use or keep them")];

pub(crate) const ON_CANCELED: &Choices = &[("fail", "exit code 8"), ("pass", "exit code 0")];

pub(super) const FORMAT: &Choices =
    &[("human", "for people"), ("json", "for programs: one event per line on standard output")];

pub(super) const COLOR: &Choices =
    &[("auto", "in a terminal or a CI log, unless NO_COLOR is set"), ("always", ""), ("never", "")];

pub(super) const GENERATION: &Choices = &[
    ("draft", "the state is read from the hook itself"),
    ("live", "the state is read from the public API, with a token"),
];

pub(crate) fn platform_names() -> Vec<(&'static str, &'static str)> {
    let names = platforms::all().iter().map(|platform| platform.name());
    std::iter::once("auto").chain(names).map(|name| (name, "")).collect()
}

/// What `report` takes, in a list.
pub(crate) fn report_words() -> impl Iterator<Item = &'static str> {
    ["auto", "none"].into_iter().chain(ReportKind::ALL.map(ReportKind::as_str))
}

pub(super) fn words(choices: &Choices) -> Vec<PossibleValue> {
    choices.iter().copied().map(word).collect()
}

fn plain(names: impl IntoIterator<Item = &'static str>) -> Vec<PossibleValue> {
    names.into_iter().map(PossibleValue::new).collect()
}

pub(super) fn report() -> Vec<PossibleValue> {
    plain(report_words())
}

pub(super) fn sandbox_platforms() -> Vec<PossibleValue> {
    plain(sandbox::platforms())
}

/// Those of every platform, each once, and the word that prints them.
pub(super) fn scenarios() -> Vec<PossibleValue> {
    let of = |platform| sandbox::scenarios(Some(platform)).unwrap_or_default();
    let mut all: Vec<_> = sandbox::platforms().into_iter().flat_map(of).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|(name, _)| seen.insert(*name));
    all.into_iter().map(word).collect()
}
