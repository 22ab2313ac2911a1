//! A quick count of tokens, before the tokenizer makes them.
//!
//! The tokenizer takes a string and a place for every word; for 64 KiB of them that is 7 MiB and,
//! in a debug build, more time than a refusal may take. This count needs neither. It is never too
//! high for the tokens that the gate accepts, so a statement it refuses has too many for certain.

use std::iter::Peekable;
use std::str::Bytes;

/// At least how many tokens the text has, comments and blanks not counted.
pub(super) fn at_least(text: &str) -> usize {
    let mut bytes = text.bytes().peekable();
    let mut count = 0_usize;
    let mut before = Piece::Blank;
    while let Some(byte) = bytes.next() {
        let piece = Piece::of(byte);
        match piece {
            Piece::Blank => {}
            Piece::Quote => {
                count += 1;
                skip_quoted(&mut bytes, byte);
            }
            Piece::Alone => count += 1,
            Piece::Word | Piece::Symbol => {
                if comment(byte, &mut bytes) {
                    before = Piece::Blank;
                    continue;
                }
                // A run of letters is one word; a run of symbols may be one operator.
                count += usize::from(before != piece);
            }
        }
        before = piece;
    }
    count
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Blank,
    Word,
    Symbol,
    /// A token whatever stands beside it.
    Alone,
    Quote,
}

impl Piece {
    const fn of(byte: u8) -> Self {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => Self::Blank,
            b'(' | b')' | b',' | b';' => Self::Alone,
            b'\'' | b'"' | b'`' => Self::Quote,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | b'.' | 0x80..=0xff => {
                Self::Word
            }
            _ => Self::Symbol,
        }
    }
}

/// Skips to the end of a quotation, past doubled quotes.
fn skip_quoted(bytes: &mut Peekable<Bytes<'_>>, quote: u8) {
    while let Some(byte) = bytes.next() {
        if byte == quote && bytes.next_if_eq(&quote).is_none() {
            return;
        }
    }
}

/// Skips a comment, if one begins with this byte.
fn comment(byte: u8, bytes: &mut Peekable<Bytes<'_>>) -> bool {
    if byte == b'-' && bytes.next_if_eq(&b'-').is_some() {
        while bytes.next_if(|byte| *byte != b'\n').is_some() {}
        return true;
    }
    if byte != b'/' || bytes.next_if_eq(&b'*').is_none() {
        return false;
    }
    let mut open = 1_usize;
    while open > 0 {
        match bytes.next() {
            Some(b'/') if bytes.next_if_eq(&b'*').is_some() => open += 1,
            Some(b'*') if bytes.next_if_eq(&b'/').is_some() => open -= 1,
            Some(_) => {}
            None => break,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::super::tokens::tokenize;
    use super::at_least;

    #[test]
    fn the_count_is_never_above_the_tokenizers() {
        for text in [
            "SELECT a FROM t WHERE a <= 1.5 AND b || 'it''s' = \"x\" -- c\n /* d /* e */ */ + -2;",
            "SELECT count(*)/2, a--b\nFROM t",
            "a.b.c(1)",
            "'' || ''''",
            "x/*y*/z",
            "-- only",
            "",
        ] {
            let tokens = tokenize(text, &Limits::STANDARD).map(|tokens| tokens.len());
            assert!(tokens.is_ok_and(|tokens| at_least(text) <= tokens), "{text}");
        }
    }
}
