//! `answer_times`: when answers about a dataset may be sent.

use std::time::Duration;

use insitu_disclosure::AnswerTimes;
use toml::Spanned;

use super::document::{DatasetTable, List};
use super::problems::Problems;

const FIX: &str = "write times after the question, from the first to the last, such as `[\"1s\", \"5s\", \"30s\"]`";

/// Checks the times; without any, answers are sent at once.
pub(super) fn answer_times(
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) -> Option<AnswerTimes> {
    let Some(list) = &table.answer_times else { return Some(AnswerTimes::at_once()) };
    let List(written) = list.get_ref();
    let mut ms = Vec::with_capacity(written.len());
    let mut wrong = false;
    for time in written {
        match milliseconds(time.get_ref()) {
            Some(time) => ms.push(time),
            None => {
                wrong = true;
                let problem = format!("`{}` isn't a time", time.get_ref());
                let fix = "write a whole number of seconds or milliseconds above 0, such as `5s` or `500ms`";
                problems.report(&time.span(), problem, fix);
            }
        }
    }
    if wrong {
        return None;
    }
    let times = AnswerTimes::new(ms);
    if times.is_none() {
        let problem = format!(
            "`answer_times` aren't 1 to {} ascending times of an hour at most",
            AnswerTimes::COUNT_MAX
        );
        problems.report(&list.span(), problem, FIX);
    }
    times
}

/// A node answers nothing after its time for a query, so a later time would never come.
pub(super) fn within(
    table: &Spanned<DatasetTable>,
    times: &AnswerTimes,
    query_seconds_max: u32,
    problems: &mut Problems<'_>,
) {
    let late = times.last().is_some_and(|l| Duration::from_secs(query_seconds_max.into()) < l);
    if let (true, Some(list)) = (late, &table.get_ref().answer_times) {
        let problem = format!(
            "the last of `answer_times` is after the {query_seconds_max} seconds that a query may take"
        );
        problems.report(
            &list.span(),
            problem,
            "write an earlier one, or raise `query_seconds_max` in `[node]`",
        );
    }
}

fn milliseconds(text: &str) -> Option<u32> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.then(|| number.parse().ok()).flatten()?;
    number.checked_mul(factor).filter(|ms| *ms > 0)
}
