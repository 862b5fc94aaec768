//! Takes a run's secrets out of any text, in whatever case or encoding.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::escapes::{escape_at_start, has_escapes};
use super::forms::{escaped_forms, lower_escapes, unescaped_forms};
use super::hook_url::HookUrl;
use super::parts::SHORTEST;
use super::sanitize::{STARS, strip};
use super::token::Token;

/// Fewer than there are bytes: every run makes and drops them.
const BUCKETS: usize = 64;

/// Knows every secret of a run and takes it out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Arc<Secrets>,
}

/// The secrets of a run, and the texts to look for.
#[derive(Clone, Default)]
struct Secrets {
    /// As they were given.
    values: Vec<String>,
    /// The secrets and their forms without escaped characters.
    unescaped: Forms,
    /// The secrets and all their forms, made for the first text that holds an escaped character.
    all: OnceLock<Forms>,
}

/// Texts to look for, by [`bucket`].
#[derive(Clone, Default)]
struct Forms(Vec<Vec<String>>);

impl Forms {
    /// Adds one, and says whether it is a new one that is long enough.
    fn add(&mut self, form: String) -> bool {
        self.0.resize_with(BUCKETS, Vec::new);
        let first = form.bytes().next().filter(|_| form.len() >= SHORTEST);
        let alike = first.and_then(|first| self.0.get_mut(bucket(first)));
        let alike = alike.filter(|alike| !alike.contains(&form));
        alike.map(|alike| alike.push(form)).is_some()
    }

    /// Adds forms of a secret. Stars in stars' place would hide nothing.
    fn extend(&mut self, forms: Vec<String>) {
        let forms = forms.into_iter().filter(|form| form.bytes().any(|byte| byte != b'*'));
        forms.for_each(|form| _ = self.add(form));
    }

    /// How long the longest one is that a text begins with.
    fn at_start(&self, text: &[u8]) -> Option<usize> {
        let alike = self.0.get(bucket(*text.first()?))?.iter();
        let is_here = |form: &&String| {
            text.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form.as_bytes()))
        };
        alike.filter(is_here).map(String::len).max()
    }

    /// The same where any of its characters may be escaped: encoders differ in which ones they leave alone.
    fn escaped_at_start(&self, text: &[u8]) -> Option<usize> {
        let first = escape_at_start(text).map_or(*text.first()?, |(byte, _)| byte);
        let length = |form: &String| {
            let mut rest = text;
            for byte in form.bytes() {
                let (found, length) = match escape_at_start(rest) {
                    Some(escape) if escape.0.eq_ignore_ascii_case(&byte) => escape,
                    _ => (*rest.first()?, 1),
                };
                rest = rest.get(length..).filter(|_| found.eq_ignore_ascii_case(&byte))?;
            }
            Some(text.len() - rest.len())
        };
        self.0.get(bucket(first))?.iter().filter_map(length).max().max(self.at_start(text))
    }
}

impl Redactor {
    /// A redactor for these secrets.
    pub fn new<'a>(hook: Option<&HookUrl>, tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let tokens = tokens.into_iter().map(|token| token.expose().to_owned());
        Self::default().with(hook.map(HookUrl::texts).unwrap_or_default().into_iter().chain(tokens))
    }

    /// The same for these secrets as well.
    #[must_use]
    pub fn with(self, secrets: impl IntoIterator<Item = String>) -> Self {
        let mut known = Secrets { all: OnceLock::new(), ..Arc::unwrap_or_clone(self.secrets) };
        for secret in secrets {
            if known.unescaped.add(secret.clone()) {
                known.unescaped.extend(unescaped_forms(&secret));
                known.values.push(secret);
            }
        }
        Self { secrets: Arc::new(known) }
    }

    fn all_forms(&self) -> &Forms {
        self.secrets.all.get_or_init(|| {
            let mut all = self.secrets.unescaped.clone();
            for secret in &self.secrets.values {
                all.extend(escaped_forms(secret));
            }
            all
        })
    }

    /// The texts a runner should mask in its log, longest first: the secrets and the encoded forms of them that a
    /// runner does not derive by itself.
    pub fn masks(&self) -> Vec<String> {
        let forms = || self.all_forms().0.iter().flatten();
        let lower = forms().filter(|form| form.contains('%')).map(|form| lower_escapes(form));
        let mut masks: Vec<String> = forms().cloned().chain(lower).collect();
        masks.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        masks.dedup();
        masks
    }

    /// The text with stars for every secret in it, in any case and any usual encoding, of whichever of its characters.
    pub fn redact(&self, text: &str) -> String {
        let has_escapes = has_escapes(text);
        let at_start = |rest| {
            let Secrets { unescaped, .. } = &*self.secrets;
            if has_escapes { self.all_forms().escaped_at_start(rest) } else { unescaped.at_start(rest) }
        };
        let mut safe = String::with_capacity(text.len());
        // Everything before this is in `safe`; what is secret reaches up to `secret`.
        let (mut shown, mut secret) = (0, 0);
        for at in 0..text.len() {
            let Some(length) = text.as_bytes().get(at..).and_then(at_start) else { continue };
            if at >= secret {
                safe.push_str(text.get(shown..at).unwrap_or_default());
                safe.push_str(STARS);
            }
            secret = secret.max(at + length);
            shown = secret;
        }
        safe.push_str(text.get(shown..).unwrap_or_default());
        safe
    }

    /// One line of foreign text, fit to be shown: no control or escape sequence, nothing that reorders or hides
    /// text, no secret, at most `longest` characters.
    pub fn clean(&self, text: &str, longest: usize) -> String {
        let plain = self.redact(strip(text).trim());
        match plain.char_indices().nth(longest) {
            Some((cut, _)) => format!("{}…", plain.get(..cut).unwrap_or_default()),
            None => plain,
        }
    }

    /// The same for a line of a log, with its indentation, which says what belongs together.
    pub fn clean_line(&self, text: &str, longest: usize) -> String {
        const DEEPEST: usize = 40;
        let plain = strip(&text.replace('\t', "    "));
        let indent = plain.chars().take_while(|c| c.is_whitespace()).count().min(DEEPEST);
        match self.clean(&plain, longest) {
            line if line.is_empty() => line,
            line => format!("{:indent$}{line}", ""),
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.values.len())
    }
}

/// Where forms that begin with this byte are, in either case; some with other bytes are there as well.
fn bucket(first: u8) -> usize {
    usize::from(first.to_ascii_lowercase()) % BUCKETS
}

#[cfg(test)]
mod tests;
