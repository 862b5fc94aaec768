//! Searches a text in a body as it arrives, in whatever pieces, compressed or not.

use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};

/// How many bytes of a body are searched, decompressed or not.
const MOST: usize = 10 * 1024 * 1024;

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchResult {
    /// The text is there.
    Yes,
    /// More may follow.
    NotYet,
    /// The body has ended without it.
    No,
    /// The body is longer than is searched.
    TooLarge,
    /// It is compressed in a way that cannot be read.
    Unreadable,
}

/// A search in one body.
pub(super) struct Search {
    layer: Layer,
    /// The body's first bytes, until they tell how it is compressed.
    first: Option<Vec<u8>>,
    /// Whether its header names a compression that is not known here.
    is_unknown: bool,
    received: usize,
}

/// What the body goes through.
enum Layer {
    Plain(Window),
    Gzip(Box<MultiGzDecoder<Window>>),
    Zlib(Box<ZlibDecoder<Window>>),
}

impl Search {
    /// A search for this text; `coding` is the body's `Content-Encoding`, in small letters.
    pub(super) fn new(text: &str, coding: &str) -> Self {
        let mut codings = coding.split(',').map(str::trim).filter(|coding| !coding.is_empty());
        let is_unknown = codings.any(|coding| !matches!(coding, "identity" | "gzip" | "x-gzip"));
        Self { layer: Layer::Plain(Window::new(text)), first: Some(Vec::new()), is_unknown, received: 0 }
    }

    /// Takes the next piece of the body.
    pub(super) fn feed(&mut self, piece: &[u8]) -> SearchResult {
        self.received += piece.len();
        match &mut self.first {
            None => self.write(piece),
            Some(first) => {
                first.extend_from_slice(piece);
                if first.len() < 2 { SearchResult::NotYet } else { self.begin() }
            }
        }
    }

    /// The body has ended.
    pub(super) fn end(&mut self) -> SearchResult {
        match self.begin() {
            SearchResult::NotYet if self.is_unknown && matches!(self.layer, Layer::Plain(_)) => {
                SearchResult::Unreadable
            }
            SearchResult::NotYet => SearchResult::No,
            found => found,
        }
    }

    /// Decides by the first bytes how the body is compressed, whatever its header says: some servers compress without
    /// saying so, and some proxies decompress and leave the header. Then searches those bytes, once.
    fn begin(&mut self) -> SearchResult {
        let first = self.first.take().unwrap_or_default();
        let layer = std::mem::replace(&mut self.layer, Layer::Plain(Window::default()));
        self.layer = match (layer, first.as_slice()) {
            (Layer::Plain(window), [0x1f, 0x8b, ..]) => Layer::Gzip(Box::new(MultiGzDecoder::new(window))),
            (Layer::Plain(window), [0x78, 0x01 | 0x9c | 0xda, ..]) => {
                Layer::Zlib(Box::new(ZlibDecoder::new(window)))
            }
            (layer, _) => layer,
        };
        self.write(&first)
    }

    fn write(&mut self, piece: &[u8]) -> SearchResult {
        let written = match &mut self.layer {
            Layer::Plain(window) => window.write_all(piece),
            // What is decompressed so far is handed on at once.
            Layer::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Layer::Zlib(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
        };
        let window = match &self.layer {
            Layer::Plain(window) => window,
            Layer::Gzip(decoder) => decoder.get_ref(),
            Layer::Zlib(decoder) => decoder.get_ref(),
        };
        match written {
            _ if window.found => SearchResult::Yes,
            _ if window.searched > MOST || self.received > MOST => SearchResult::TooLarge,
            Err(_) => SearchResult::Unreadable,
            Ok(()) => SearchResult::NotYet,
        }
    }
}

/// The end of what was searched, as long as the text may have begun in it.
#[derive(Default)]
struct Window {
    /// The text in each encoding that a page may have.
    texts: Vec<Vec<u8>>,
    end: Vec<u8>,
    searched: usize,
    found: bool,
}

impl Window {
    fn new(text: &str) -> Self {
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        let mut texts = vec![text.as_bytes().to_vec(), units(u16::to_le_bytes), units(u16::to_be_bytes)];
        let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        texts.extend(latin1.filter(|_| !text.is_ascii()));
        Self { texts, ..Self::default() }
    }
}

impl Write for Window {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.searched = self.searched.saturating_add(piece.len());
        if self.searched > MOST {
            return Err(io::Error::other("the body is too long"));
        }
        self.end.extend_from_slice(piece);
        let end = &self.end;
        self.found |= self.texts.iter().any(|text| end.windows(text.len()).any(|part| part == text));
        let longest = self.texts.iter().map(Vec::len).max().unwrap_or_default();
        let kept = self.end.len().min(longest.saturating_sub(1));
        self.end.drain(..self.end.len() - kept);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const PAGE: &str = "<html><head><meta name=\"version\" content=\"4.2.0-beta\"></head>Größe 🚀</html>";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// What is found in this body, in pieces of this size.
    fn search(text: &str, coding: &str, body: &[u8], size: usize) -> SearchResult {
        let mut search = Search::new(text, coding);
        for piece in body.chunks(size) {
            match search.feed(piece) {
                SearchResult::NotYet => {}
                found => return found,
            }
        }
        search.end()
    }

    #[test]
    fn a_text_is_found_in_whatever_pieces_and_coding_it_comes() {
        let twice = [gzip(&PAGE.as_bytes()[..50]), gzip(&PAGE.as_bytes()[50..])].concat();
        let utf16: Vec<u8> = PAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bodies: [(&str, Vec<u8>); 8] = [
            ("", PAGE.into()),
            ("identity", PAGE.into()),
            ("gzip", gzip(PAGE.as_bytes())),
            ("gzip", PAGE.into()),
            ("", gzip(PAGE.as_bytes())),
            ("x-gzip", twice),
            ("deflate", zlib(PAGE.as_bytes())),
            ("", utf16),
        ];
        for (coding, body) in &bodies {
            for size in [1, 2, 3, 7, body.len()] {
                for text in ["content=\"4.2.0-beta\"", "Größe 🚀", "<", "</html>"] {
                    assert_eq!(search(text, coding, body, size), SearchResult::Yes, "{text} {coding} {size}");
                }
                for text in ["4.2.0-beta2", "content=\"4.2.0\"", "größe", "\u{1f}"] {
                    assert_eq!(search(text, coding, body, size), SearchResult::No, "{text} {coding} {size}");
                }
            }
        }
        let latin1: Vec<u8> = "Größe".chars().map(|c| c as u8).collect();
        assert_eq!(search("Größe", "", &latin1, 2), SearchResult::Yes);
        assert_eq!(search("aab", "", b"aaab", 1), SearchResult::Yes, "an earlier beginning does not hide it");
        assert_eq!(
            [search("x", "", b"x", 1), search("x", "", b"", 1)],
            [SearchResult::Yes, SearchResult::No]
        );
    }

    #[test]
    fn a_text_is_found_as_soon_as_it_is_there() {
        let mut search = Search::new("version", "gzip");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(PAGE.as_bytes()).unwrap();
        encoder.flush().unwrap();
        assert_eq!(search.feed(&encoder.get_ref()[..]), SearchResult::Yes, "the body has not ended");
    }

    #[test]
    fn what_cannot_be_read_is_never_a_match() {
        assert_eq!(search("version", "br", PAGE.as_bytes(), 9), SearchResult::Yes, "the label is wrong");
        assert_eq!(search("version", "br", b"\x0b\x02\x80abc", 9), SearchResult::Unreadable);
        let mut damaged = gzip(PAGE.as_bytes());
        damaged[12] ^= 0xff;
        assert_eq!(search("no such text", "gzip", &damaged, 9), SearchResult::Unreadable);
        let cut = gzip(PAGE.as_bytes());
        assert_eq!(search("no such text", "gzip", &cut[..20], 9), SearchResult::No);
    }

    #[test]
    fn a_body_without_end_is_not_read_to_it() {
        let piece = vec![b'x'; 64 * 1024];
        let endless = |coding, mut piece: Box<dyn FnMut() -> Vec<u8>>| {
            let mut search = Search::new("needle", coding);
            (0..1000).map(|_| search.feed(&piece())).find(|found| *found != SearchResult::NotYet)
        };
        let plain = piece.clone();
        assert_eq!(endless("", Box::new(move || plain.clone())), Some(SearchResult::TooLarge));
        let bomb = gzip(&vec![b'x'; 4 * MOST]);
        assert_eq!(endless("gzip", Box::new(move || bomb.clone())), Some(SearchResult::TooLarge));
    }
}
