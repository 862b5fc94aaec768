//! Secrets in every readable encoding, and the check that a text holds none of them.
#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use deploy_hook::sandbox::Sandbox;

/// The secret part of a hook's URL: the value of `key` or `token`, or the last segment. One with its secret in a header
/// counts as a whole.
pub(super) fn secret(hook: &str) -> &str {
    let (path, query) = hook.split_once('?').unwrap_or((hook, ""));
    let value = |pair: &'static str| query.split('&').find_map(|given| given.strip_prefix(pair));
    let last = if query.contains("uuid=") { hook } else { path.rsplit('/').next().unwrap_or_default() };
    value("key=").or_else(|| value("token=")).unwrap_or(last)
}

/// Secrets in every readable encoding.
#[derive(Clone)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// A hook and the tokens that go with it.
    pub(super) fn of(hook: &str, tokens: &[&str]) -> Self {
        let secret = secret(hook);
        let mut forms: Vec<String> =
            [hook, secret].into_iter().chain(tokens.iter().copied()).flat_map(forms).collect();
        // the two ends of a secret, in case it was cut
        let ends =
            std::iter::once(&secret).chain(tokens).filter(|text| text.len() >= 36 && !text.contains("://"));
        forms.extend(ends.flat_map(|text| [&text[..12], &text[text.len() - 12..]]).map(str::to_lowercase));
        forms.retain(|form| !form.starts_with("frbit-at-"));
        forms.extend(tokens.iter().map(|token| token.to_lowercase()));
        Self(forms)
    }

    /// These texts, whatever they are.
    pub(super) fn only(texts: &[&str]) -> Self {
        Self(texts.iter().flat_map(|text| forms(text)).collect())
    }

    /// The platform's hook and token.
    pub(super) fn on(sandbox: &Sandbox) -> Self {
        Self::of(&sandbox.hook_url(), &[&sandbox.api_token()])
    }

    pub(super) fn assert_absent(&self, text: &str, place: &str) {
        let folded = text.to_lowercase();
        for form in &self.0 {
            assert!(!folded.contains(form.as_str()), "{form} in {place}:\n{text}");
        }
    }
}

fn forms(text: &str) -> Vec<String> {
    let encode = |keep: fn(u8) -> bool| {
        text.bytes().fold(String::new(), |done, byte| {
            if keep(byte) { done + &char::from(byte).to_string() } else { done + &format!("%{byte:02x}") }
        })
    };
    let hex = text.bytes().fold(String::new(), |done, byte| done + &format!("{byte:02x}"));
    let forms = [
        text.to_owned(),
        encode(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
        text.replace('/', "\\/"),
        STANDARD_NO_PAD.encode(text),
        URL_SAFE_NO_PAD.encode(text),
        hex,
    ];
    forms.map(|form| form.to_lowercase()).into()
}
