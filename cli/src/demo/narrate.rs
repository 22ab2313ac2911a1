//! How the demo is told, to a person who has never seen it: on 100 columns, in plain words.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use insitu_disclosure::{Dataset, ProtectedUnit, Protection};

use super::data::real::ATTRIBUTION;
use super::questions::{Outcome, Question};
use crate::connection::DEFAULT_GATEWAY;
use crate::failure::{Failure, refusal_lines};
use crate::table;
use crate::terminal::{self, Style, printable};

/// As wide as a table may be if the terminal doesn't say.
const WIDTH: usize = 100;
/// Before everything that belongs to a question.
const INDENT: &str = "   ";
/// As wide as the demo's longest name of a dataset.
const DATASET_WIDTH: usize = 20;
/// As wide as the demo's longest name of a department.
const DEPARTMENT_WIDTH: usize = 47;

/// Tells the story on standard output.
pub(super) struct Narrator {
    style: Style,
    width: usize,
}

impl Narrator {
    /// For the terminal there is.
    pub(super) fn new() -> Self {
        let width = terminal::width().unwrap_or(WIDTH).min(WIDTH);
        Self { style: Style::of(&std::io::stdout()), width }
    }

    /// What this is.
    pub(super) fn title(&self) -> Result<(), Failure> {
        say(&self.style.bold(
            "insitu demo: departments keep their data; questions travel; protected tables come back",
        ))?;
        self.paragraph(
            "",
            "Seven departments and a gateway run in this process, connected over TCP as they would be \
             anywhere. Patients, claimants and council tax accounts are invented; none of them exists. \
             Crimes and residents are real, and published.",
        )?;
        self.paragraph("", ATTRIBUTION)?;
        say("")
    }

    /// Something that takes a moment begins.
    pub(super) fn step(&self, what: &str) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        write!(stdout, "{what} ... ")?;
        Ok(stdout.flush()?)
    }

    /// It is done.
    pub(super) fn done(&self, took: Duration) -> Result<(), Failure> {
        say(&self.style.dim(seconds(took)))
    }

    /// Who is connected, with what and on what terms.
    pub(super) fn departments(
        &self,
        connected: &[(String, Vec<Arc<Dataset>>)],
    ) -> Result<(), Failure> {
        let row = |dataset: &str, department: &str, terms: &str| {
            format!("{dataset:DATASET_WIDTH$}  {department:DEPARTMENT_WIDTH$}  {terms}")
        };
        say("")?;
        say(&self.style.bold(row("dataset", "department", "a cell is shown from")))?;
        for (department, datasets) in connected {
            for dataset in datasets {
                say(&row(&dataset.name.to_string(), department, &terms(dataset)))?;
            }
        }
        say(&self.style.dim(
            "[c] stands in the place of a cell that isn't shown; its value isn't in the answer.",
        ))
    }

    /// What is asked.
    pub(super) fn question(&self, number: usize, question: &Question) -> Result<(), Failure> {
        say("")?;
        say(&self.style.bold(format!("{number}  {}", question.title)))?;
        for line in question.sql.lines() {
            say(&format!("{INDENT}{}", self.style.dim(line)))?;
        }
        say("")
    }

    /// What came of it, and what there is to see in it.
    pub(super) fn outcome(
        &self,
        question: &Question,
        outcome: &Outcome,
        took: Duration,
    ) -> Result<(), Failure> {
        let what = match outcome {
            Outcome::Answered(answer) => {
                let width = self.width.saturating_sub(INDENT.len());
                for line in table::lines(answer, Some(width), self.style)? {
                    say(&format!("{INDENT}{line}"))?;
                }
                "Answered"
            }
            Outcome::Refused(refusals) => {
                for line in refusal_lines(refusals) {
                    self.paragraph(INDENT, &printable(&line))?;
                }
                "Refused"
            }
            Outcome::Failed(message) => {
                self.paragraph(INDENT, &printable(message))?;
                "Failed"
            }
        };
        let lesson = format!("{what} in {} ms. {}", took.as_millis(), question.lesson);
        say("")?;
        self.paragraph(INDENT, &lesson)
    }

    /// It isn't what should have come.
    pub(super) fn surprise(&self, what: &str) -> Result<(), Failure> {
        say(&format!("{INDENT}{}", self.style.red(format!("UNEXPECTED: {what}"))))
    }

    /// How to go on from here.
    pub(super) fn how_to_connect(&self, url: &str) -> Result<(), Failure> {
        let gateway =
            if url == DEFAULT_GATEWAY { String::new() } else { format!("--gateway {url} ") };
        say("")?;
        say(&self.style.bold("Your turn"))?;
        say(&format!(
            "{INDENT}INSITU_TOKEN=demo insitu query {gateway}\"SELECT count(*) FROM police.crimes\""
        ))?;
        say(&format!(
            "{INDENT}or from Python, after `pip install adbc-driver-flightsql pyarrow`:"
        ))?;
        say("")?;
        for line in [
            "from adbc_driver_flightsql.dbapi import connect",
            "login = {\"adbc.flight.sql.authorization_header\": \"Bearer demo\"}",
            &format!("cursor = connect(\"{url}\", db_kwargs=login, autocommit=True).cursor()"),
            "cursor.execute(\"SELECT sex, count(DISTINCT person_id) FROM health.episodes GROUP BY sex\")",
            "print(cursor.fetch_arrow_table())",
        ] {
            say(&format!("{INDENT}{}", self.style.dim(line)))?;
        }
        say("")
    }

    /// Words on as many lines as they need, those after the first indented further where the
    /// first is.
    fn paragraph(&self, indent: &str, text: &str) -> Result<(), Failure> {
        for line in wrap(text, self.width.saturating_sub(indent.len())) {
            say(&format!("{indent}{line}"))?;
        }
        Ok(())
    }
}

/// The text in lines of at most this many characters; a longer word has a line of its own. Spaces
/// before the first word stand before every line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let words = text.trim_start();
    let margin = " ".repeat(text.len() - words.len());
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if width < length && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(if line.is_empty() { &margin } else { " " });
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// A dataset's terms, in a few words.
fn terms(dataset: &Dataset) -> String {
    let Protection::Protected { unit, profile, .. } = &dataset.protection else {
        return "1: open data".to_owned();
    };
    let unit = match unit {
        ProtectedUnit::Row => "row",
        ProtectedUnit::Column { name, .. } => name.trim_end_matches("_id"),
    };
    // The rest of the method is in the schema of every answer.
    let method = profile.describe(&format!("{unit}s"));
    method.split(';').next().unwrap_or_default().to_owned()
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_to_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("  fix: one two", 10), ["  fix: one", "  two"]);
        assert_eq!(wrap("immeasurable x", 5), ["immeasurable", "x"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
