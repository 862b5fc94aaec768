//! GitHub's workflow commands: writes ours, and makes untrusted text harmless.
//!
//! Source: the runner's `ActionCommand.cs`. It takes `::command::` at the start of a line, after any white space,
//! and `##[command]` anywhere in one; a lone carriage return begins a line too.

/// A command that tells the runner to mask a secret.
pub(crate) fn mask(secret: &str) -> String {
    format!("::add-mask::{}", data(secret))
}

/// An annotation: `level` is `error`, `warning` or `notice`. The runner cuts messages at 4,096 characters.
pub(crate) fn annotation(level: &str, message: &str) -> String {
    let message: String = message.trim().chars().take(4000).collect();
    format!("::{level} title=Deploy hook::{}", data(&message.replace("##[", "# #[")))
}

/// Begins a group of lines that the log shows folded.
pub(crate) fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

pub(crate) const END_GROUP: &str = "::endgroup::";

/// Text that the runner prints and does not execute. Line breaks are kept, each line is made harmless.
pub(crate) fn defuse(text: &str) -> String {
    let harmless = |line: &str| {
        let line = line.replace("##[", "# #[");
        if line.trim_start().starts_with("::") { format!("·{line}") } else { line }
    };
    text.replace("\r\n", "\n").split(['\n', '\r']).map(harmless).collect::<Vec<_>>().join("\n")
}

/// The escapes of a command's data.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_printed_and_never_executed() {
        assert_eq!(defuse("::set-output name=a::b"), "·::set-output name=a::b");
        assert_eq!(defuse(" \t::add-mask::x"), "· \t::add-mask::x");
        assert_eq!(defuse("fine ##[error]no"), "fine # #[error]no");
        assert_eq!(defuse("a\r::stop-commands::x\nb"), "a\n·::stop-commands::x\nb");
        assert_eq!(defuse("std::env::var"), "std::env::var");
    }

    #[test]
    fn our_own_commands_hold_whatever_they_are_given_on_one_line() {
        assert_eq!(annotation("error", "50%\r\n::x::"), "::error title=Deploy hook::50%25%0D%0A::x::");
        assert_eq!(mask("a%2Fb"), "::add-mask::a%252Fb");
        assert_eq!(annotation("error", &"x".repeat(9000)).len(), "::error title=Deploy hook::".len() + 4000);
    }
}
