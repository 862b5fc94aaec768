//! A token of an API.

use std::fmt;

use super::sanitize::{STARS, unwrap_pasted};

/// A token of an API.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Reads a pasted token. White space around it and one pair of quotes are taken off. `None` where what is left
    /// is empty or cannot be sent in a header.
    pub fn parse(pasted: &str) -> Option<Self> {
        let text = unwrap_pasted(pasted);
        let sendable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        (sendable && !text.contains(STARS)).then(|| Self(text.to_owned()))
    }

    /// The token itself, for the one place that sends requests.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_has_no_shape_that_could_be_printed() {
        let token = Token::parse(" \"frbit-at-0123456789abcdef\" ").unwrap();
        assert_eq!(token.expose(), "frbit-at-0123456789abcdef");
        assert_eq!(format!("{token:?}"), "Token(***)");
        for wrong in ["two words", "  ", "***", "frbit-at-ü"] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }
}
