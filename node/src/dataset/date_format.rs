//! How dates are written in a CSV column.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{Datelike, NaiveDate};

/// A format that gives every day a text of its own, checked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat(String);

impl DateFormat {
    /// A format in the notation of `strftime`, such as `%d/%m/%Y`; `None` if it isn't one, or leaves
    /// open which day a text means, as years of two digits do.
    #[must_use]
    pub fn new(format: &str) -> Option<Self> {
        if StrftimeItems::new(format).any(|item| item == Item::Error) {
            return None;
        }
        let format = Self(format.to_owned());
        // Day and month that can't be taken for each other, in the two centuries of living people.
        let samples = [(1931, 5, 17), (2018, 12, 4), (1904, 2, 29)];
        let tells = |(year, month, day)| {
            let date = NaiveDate::from_ymd_opt(year, month, day)?;
            let mut text = String::new();
            // With a time of day, so that a format may have one: it is left out when read.
            write!(text, "{}", date.and_hms_opt(0, 0, 0)?.format(&format.0)).ok()?;
            (format.date(&text)? == date).then_some(())
        };
        samples.into_iter().all(|sample| tells(sample).is_some()).then_some(format)
    }

    /// Days since 1970-01-01, in the years 0001 to 9999; `None` if the text isn't a date so written.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<i32> {
        let date = self.date(text)?;
        (1 <= date.year() && date.year() <= 9999).then_some(())?;
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        i32::try_from(date.signed_duration_since(epoch).num_days()).ok()
    }

    fn date(&self, text: &str) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(text, &self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_formats_that_tell_days_apart() {
        for (format, text) in [
            ("%d/%m/%Y", "31/01/2018"),
            ("%Y%m%d", "20180131"),
            ("%d %b %Y", "31 Jan 2018"),
            ("%Y-%m-%d %H:%M:%S", "2018-01-31 23:59:00"),
        ] {
            assert_eq!(DateFormat::new(format).unwrap().parse(text), Some(17_562), "{format}");
        }
        for format in ["", "%Y", "%m/%Y", "%d/%m/%y", "%d/%d/%Y", "%Q", "%", "day"] {
            assert_eq!(DateFormat::new(format), None, "{format}");
        }
    }

    #[test]
    fn reads_no_impossible_day() {
        let format = DateFormat::new("%d/%m/%Y").unwrap();
        for text in ["30/02/2018", "2018-01-31", "", "1/1/0000", "01/13/2018", "01/01/2018 x"] {
            assert_eq!(format.parse(text), None, "{text}");
        }
    }
}
