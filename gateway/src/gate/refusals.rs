//! How the gate words its refusals: one sentence that stands alone, input in backticks, limits
//! named.

use insitu_disclosure::{Refusal, RefusalCode};

/// The most characters of the statement that a message repeats.
const INPUT_CHARS_MAX: usize = 40;

/// A construct that isn't offered (`Q104`). `what` is a noun phrase, such as "`TABLESAMPLE`".
pub(super) fn not_offered(what: &str, fix: &str) -> Refusal {
    Refusal::new(RefusalCode::Q104, format!("{what} isn't offered."), fix)
}

/// Text that can't be read (`Q102`) at a place the analyst can find.
pub(super) fn unreadable(line: u64, column: u64, why: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Q102,
        format!("the statement can't be read at line {line}, column {column}: {why}."),
        "Correct the text at that place.",
    )
}

/// Input as it appears in a message: shortened, in backticks, without backticks of its own.
pub(super) fn quote(input: &str) -> String {
    let mut shown: String =
        input.chars().take(INPUT_CHARS_MAX).map(|c| if c == '`' { '\'' } else { c }).collect();
    if input.chars().nth(INPUT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// A count as it appears in a message: `262,144`.
pub(super) fn count(number: u64) -> String {
    if number == u64::MAX {
        return "countless".to_owned();
    }
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_in_threes() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(262_144), "262,144");
        assert_eq!(count(u64::MAX), "countless");
    }

    #[test]
    fn input_is_shortened_and_keeps_to_one_pair_of_backticks() {
        assert_eq!(quote("a`b"), "`a'b`");
        assert_eq!(quote(&"x".repeat(50)), format!("`{}…`", "x".repeat(40)));
    }
}
