//! Escaped characters of ASCII, as URLs, HTML, JSON and JavaScript have them.

/// Whether a text may hold escaped characters.
pub(super) fn has_escapes(text: &str) -> bool {
    memchr::memchr3(b'%', b'&', b'\\', text.as_bytes()).is_some()
}

/// The character that a text begins with, where it is escaped, and the length of the escape: `%2F`, `&#47;`, `&#x2f;`,
/// `&amp;`, `\u002f`, `\x2f`, `\/`. With `%` it is any byte, else one of ASCII.
pub(super) fn escape_at_start(text: &[u8]) -> Option<(u8, usize)> {
    let (first, rest) = text.split_first()?;
    let (byte, length) = match (first, rest) {
        (b'%', _) => (number(rest.get(..2)?, 16)?, 2),
        (b'&', [b'#', ..]) => numbered(rest)?,
        (b'&', _) => {
            const NAMED: [(&[u8], u8); 5] =
                [(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];
            let (name, byte) = NAMED.into_iter().find(|(name, _)| rest.starts_with(name))?;
            (byte, name.len())
        }
        (b'\\', [b'u', ..]) => (number(rest.get(1..5)?, 16)?, 5),
        (b'\\', [b'x', ..]) => (number(rest.get(1..3)?, 16)?, 3),
        (b'\\', [byte @ (b'/' | b'\\' | b'"' | b'\''), ..]) => (*byte, 1),
        _ => return None,
    };
    (*first == b'%' || byte.is_ascii()).then_some((byte, 1 + length))
}

/// `#47;` or `#x2f;`, perhaps with zeros in front.
fn numbered(text: &[u8]) -> Option<(u8, usize)> {
    const LONGEST: usize = 10;
    let end = text.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let byte = match text.get(1..end)? {
        [b'x' | b'X', digits @ ..] => number(digits, 16),
        digits => number(digits, 10),
    }?;
    Some((byte, end + 1))
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, radix).ok()
}
