//! The words that options take. Completions and help offer them; `config` says what is wrong with any other, wherever it
//! comes from, and without showing what may be a secret.

use std::ffi::OsStr;

use clap::builder::{EnumValueParser, PossibleValue, StringValueParser, TypedValueParser, ValueParser};
use clap::{Arg, Command, Error, ValueEnum};

use crate::text::ReportKind;
use crate::{platforms, sandbox};

/// A parser that takes any text and knows these words. They are only asked for where they are shown.
#[derive(Clone)]
pub(super) struct Words(pub(super) fn() -> Vec<PossibleValue>);

impl TypedValueParser for Words {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0().into_iter()))
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

pub(crate) const HISTORY: &Choices = &[("auto", "learn from them"), ("off", "do not use or keep them")];

pub(crate) const ON_CANCELED: &Choices = &[("fail", "exit code 8"), ("pass", "exit code 0")];

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

/// The parser of a type whose every other word clap refuses.
pub(super) fn parser<T: ValueEnum + Clone + Send + Sync + 'static>() -> ValueParser {
    EnumValueParser::<T>::new().into()
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One event a line, for programs
    Json,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Human, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(word(match self {
            Self::Human => ("human", "for people"),
            Self::Json => ("json", "for programs: one event per line on standard output"),
        }))
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// In a terminal or a CI log, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ValueEnum for Color {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Always, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(word(match self {
            Self::Auto => ("auto", "in a terminal or a CI log, unless NO_COLOR is set"),
            Self::Always => ("always", ""),
            Self::Never => ("never", ""),
        }))
    }
}

/// The generations of fortrabbit's hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationArg {
    /// The state is read from the hook itself
    Draft,
    /// The state is read from the public API, with a token
    Live,
}

impl ValueEnum for GenerationArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Draft, Self::Live]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(word(match self {
            Self::Draft => ("draft", "the state is read from the hook itself"),
            Self::Live => ("live", "the state is read from the public API, with a token"),
        }))
    }
}
