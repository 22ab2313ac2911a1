//! The text of a field becomes a value of a type: the same value, or none.

use std::borrow::Cow;

use insitu_disclosure::tabulation::typing::{parse_date, parse_decimal};

use crate::dataset::{DateFormat, Derivation};

/// A whole number. `5.0` is one, `5.5` isn't.
pub(super) fn whole(text: &str, separator: Option<char>) -> Option<i64> {
    let text = without_thousands(text, separator)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) => parse_decimal(&text, 0).and_then(|value| i64::try_from(value).ok()),
    }
}

/// A decimal number, as its digits with so many places.
pub(super) fn decimal(text: &str, places: u8, separator: Option<char>) -> Option<i128> {
    parse_decimal(&without_thousands(text, separator)?, places)
}

/// A floating-point number; finite.
pub(super) fn float(text: &str, separator: Option<char>) -> Option<f64> {
    let text = without_thousands(text, separator)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// True or false, in the words files have for it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["true", "t", "yes", "y", "1"]) {
        Some(true)
    } else if is_one_of(&["false", "f", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// Days since 1970-01-01.
pub(super) fn date(text: &str, format: Option<&DateFormat>) -> Option<i32> {
    match format {
        Some(format) => format.parse(text),
        None => parse_date(text),
    }
}

/// A text after its derivation; `None` if it has too few words for it.
pub(super) fn derived(text: &str, derivation: Derivation) -> Option<Cow<'_, str>> {
    match derivation {
        Derivation::Trim => Some(Cow::Borrowed(text.trim())),
        Derivation::Upper => Some(Cow::Owned(text.to_uppercase())),
        Derivation::DropLastWord => {
            let text = text.trim();
            if text.is_empty() {
                return Some(Cow::Borrowed(text));
            }
            let (kept, _) = text.rsplit_once(char::is_whitespace)?;
            Some(Cow::Borrowed(kept.trim_end()))
        }
    }
}

/// A number without what stands between its thousands. Groups must be of three digits: `12,34` is a
/// European decimal or a slip, but no number written with thousands separators.
fn without_thousands(text: &str, separator: Option<char>) -> Option<Cow<'_, str>> {
    let Some(separator) = separator.filter(|separator| text.contains(*separator)) else {
        return Some(Cow::Borrowed(text));
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(separator);
    let first = groups.next()?.trim_start_matches(['-', '+']);
    let is_first = (1..=3).contains(&first.len());
    let are_groups =
        groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
    (is_first && are_groups && !fraction.contains(separator))
        .then(|| Cow::Owned(text.replace(separator, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_exactly_or_not_at_all() {
        for (text, separator, expect) in [
            ("46", None, Some(46)),
            ("-7", None, Some(-7)),
            ("5.0", None, Some(5)),
            ("5.5", None, None),
            ("9223372036854775807", None, Some(i64::MAX)),
            ("9223372036854775808", None, None),
            ("1e3", None, None),
            ("", None, None),
            ("1,563", None, None),
            ("1,563", Some(','), Some(1_563)),
            ("-1,234,567", Some(','), Some(-1_234_567)),
            ("1563", Some(','), Some(1_563)),
            ("12,34", Some(','), None),
            ("1234,567", Some(','), None),
            (",567", Some(','), None),
            ("1,,567", Some(','), None),
            ("1 563", Some(' '), Some(1_563)),
        ] {
            assert_eq!(whole(text, separator), expect, "{text}");
        }
    }

    #[test]
    fn decimals_and_floats_are_read_exactly_or_not_at_all() {
        assert_eq!(decimal("10,357.25", 2, Some(',')), Some(1_035_725));
        assert_eq!(decimal("10,357.255", 2, Some(',')), None);
        assert_eq!(decimal("1.234,567", 3, Some(',')), None);
        assert_eq!(float("1,234.5", Some(',')), Some(1234.5));
        assert_eq!(float("NaN", None), None);
        assert_eq!(float("inf", None), None);
        assert_eq!(float("1e999", None), None);
    }

    #[test]
    fn booleans_and_dates_have_few_forms() {
        assert_eq!(
            ["Yes", "N", "1", "FALSE"].map(boolean),
            [Some(true), Some(false), Some(true), Some(false)]
        );
        assert_eq!(["", "2", "maybe"].map(boolean), [None; 3]);
        assert_eq!(date("2018-01-31", None), Some(17_562));
        assert_eq!(date("31/01/2018", None), None);
    }

    #[test]
    fn derivations_are_total_over_what_they_fit() {
        for (text, derivation, expect) in [
            ("Leeds 005C", Derivation::DropLastWord, Some("Leeds")),
            (
                "East Riding of Yorkshire 001A ",
                Derivation::DropLastWord,
                Some("East Riding of Yorkshire"),
            ),
            ("Leeds", Derivation::DropLastWord, None),
            ("  ", Derivation::DropLastWord, Some("")),
            (" a b ", Derivation::Trim, Some("a b")),
            ("ls1 4ap", Derivation::Upper, Some("LS1 4AP")),
        ] {
            assert_eq!(derived(text, derivation).as_deref(), expect, "{text:?}");
        }
    }
}
