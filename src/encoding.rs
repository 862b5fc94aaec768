//! Decodes text: UTF-8 and UTF-16, with or without a byte order mark.

use thiserror::Error;

/// Why bytes are not a text that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotText {
    /// UTF-32, which is hardly used.
    #[error("in UTF-32; write it in UTF-8")]
    Utf32,
    /// UTF-16 that is cut or damaged.
    #[error("damaged UTF-16; write it in UTF-8")]
    DamagedUtf16,
    /// NUL bytes in what should be text.
    #[error("not text: it holds NUL bytes")]
    Nul,
    /// Latin-1 or another encoding, or no text at all.
    #[error("not in UTF-8 (Latin-1, or no text at all)")]
    NotUtf8,
}

/// Reads text as editors and shells write it: PowerShell's `>` writes UTF-16, Windows tools put a mark in front of UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<String, NotText> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(NotText::Utf32),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark every other byte of an ASCII text is NUL.
        [0, _, ..] if bytes.chunks(2).all(|pair| pair[0] == 0) => utf16(bytes, u16::from_be_bytes),
        [_, 0, ..] if bytes.chunks(2).all(|pair| pair.get(1) == Some(&0)) => utf16(bytes, u16::from_le_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            let text = std::str::from_utf8(bytes).map_err(|_| NotText::NotUtf8)?;
            reject_nul(text.to_owned())
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return Err(NotText::DamagedUtf16) };
    let text = String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
    reject_nul(text.map_err(|_| NotText::DamagedUtf16)?)
}

fn reject_nul(text: String) -> Result<String, NotText> {
    if text.contains('\0') { Err(NotText::Nul) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_with_and_without_a_mark_in_utf8_and_utf16() {
        let text_of = |bytes: &[u8]| text(bytes).unwrap();
        assert_eq!(text_of(b""), "");
        assert_eq!(text_of("Größe".as_bytes()), "Größe");
        assert_eq!(text_of("\u{feff}Größe".as_bytes()), "Größe");
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            assert_eq!(text_of(&utf16("\u{feff}Größe 🚀\r\n", bytes)), "Größe 🚀\r\n");
            assert_eq!(text_of(&utf16("https://a.example\r\n", bytes)), "https://a.example\r\n", "no mark");
        }
    }

    #[test]
    fn what_cannot_be_read_has_a_name() {
        for (bytes, wanted) in [
            (b"\xff\xfe\0\0h\0\0\0".as_slice(), NotText::Utf32),
            (b"\0\0\xfe\xff\0\0\0h", NotText::Utf32),
            (b"h\0\0\0t\0\0\0", NotText::Nul),
            (b"\xff\xfeh\0t", NotText::DamagedUtf16),
            (b"\xff\xfe\0\xd8h\0", NotText::DamagedUtf16),
            (b"ab\0cd", NotText::Nul),
            (b"\0", NotText::Nul),
            (b"Gr\xf6\xdfe", NotText::NotUtf8),
            (b"\x1f\x8b\x08\0\0\0\0\0", NotText::NotUtf8),
        ] {
            assert_eq!(text(bytes), Err(wanted), "{bytes:?}");
        }
    }
}
