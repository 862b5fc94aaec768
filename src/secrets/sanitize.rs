//! Takes control characters, escape sequences and invisible characters out of untrusted text.

/// What a secret is shown as.
pub(super) const STARS: &str = "***";

/// The text without control characters, escape sequences, and the invisible characters that hide or reorder text.
/// A tab becomes a space; so does a line break.
pub fn strip(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_until_final(&mut rest),
            '\t' | '\n' | '\r' => plain.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

/// ECMA-48: after ESC comes `[` and a final byte, or a string up to BEL or ST, or one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        Some('[') => skip_until_final(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

fn skip_until_final(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Characters without a shape of their own, or with power over their neighbours' order.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Takes off what a copy and paste adds: white space around, and one pair of quotes.
pub fn unwrap_pasted(pasted: &str) -> &str {
    let text = pasted.trim().trim_start_matches('\u{feff}');
    let inner = ['"', '\'', '`']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)));
    inner.unwrap_or(text).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_hides_or_reorders_is_left() {
        assert_eq!(strip("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}plain\u{9b}1m!"), "red plain!");
        assert_eq!(strip("a\rb\nc\td\u{0}\u{202e}e\u{200b}"), "a b c de");
    }
}
