//! From bytes to text: not too long, UTF-8, and nothing in it that a reader wouldn't see.

use insitu_disclosure::{Refusal, RefusalCode};

use super::limits::Limits;
use super::refusals::{count, unreadable};

/// The statement's text, or why it isn't one.
pub(super) fn read<'a>(sql: &'a [u8], limits: &Limits) -> Result<&'a str, Refusal> {
    if sql.len() > limits.bytes_max {
        return Err(Refusal::new(
            RefusalCode::L501,
            format!(
                "the statement has {} bytes; the limit is {}.",
                count(sql.len() as u64),
                count(limits.bytes_max as u64)
            ),
            "Shorten the statement; long lists of literals belong into a reference dataset.",
        ));
    }
    let text = std::str::from_utf8(sql).map_err(|error| {
        Refusal::new(
            RefusalCode::Q102,
            format!(
                "the statement isn't UTF-8 text: byte {} doesn't fit.",
                error.valid_up_to() + 1
            ),
            "Send the statement as UTF-8.",
        )
    })?;
    visible(text)?;
    Ok(text)
}

/// Refuses characters that are not shown, or that change the order in which text is shown: what
/// somebody reads of a statement must be what runs.
fn visible(text: &str) -> Result<(), Refusal> {
    let (mut line, mut column) = (1_u64, 1_u64);
    for c in text.chars() {
        if is_hidden(c) {
            return Err(unreadable(
                line,
                column,
                &format!("the character U+{:04X} has no place in SQL", u32::from(c)),
            ));
        }
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    Ok(())
}

/// Control characters other than line breaks and tabs, invisible characters, changes of direction.
pub(crate) const fn is_hidden(c: char) -> bool {
    (c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(
            c,
            '\u{80}'..='\u{9f}'
                | '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}
