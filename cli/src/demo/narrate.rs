//! How the demo is told, to a person who has never seen it: on 100 columns, in plain words.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use insitu_disclosure::{Dataset, ProtectedUnit, Protection};

use super::data::real::ATTRIBUTION;
use super::questions::{Outcome, Question};
use crate::failure::{Failure, refusal_lines};
use crate::table;
use crate::terminal::{self, Style, printable};

/// As wide as a table may be if the terminal doesn't say.
const WIDTH: usize = 100;
/// Before everything that belongs to a question.
const INDENT: &str = "   ";

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
        say(&self.style.bold("insitu demo: departments keep their data, questions travel, protected tables come back"))?;
        say(
            "Seven departments and a gateway run in this process, connected over TCP as they would be anywhere.",
        )?;
        say(&self.style.dim(format!("{ATTRIBUTION}")))?;
        say(&self.style.dim(
            "Patients, claimants and council tax accounts are invented; none of them exists.",
        ))?;
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
        say("")?;
        let width =
            connected.iter().map(|(department, _)| department.chars().count()).max().unwrap_or(0);
        for (department, datasets) in connected {
            for dataset in datasets {
                let name = dataset.name.to_string();
                let padded = format!("{department:width$}  {name:20}");
                say(&format!("{padded} {}", self.style.dim(terms(dataset))))?;
            }
        }
        Ok(())
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
        let lines = match outcome {
            Outcome::Answered(answer) => {
                table::lines(answer, Some(self.width.saturating_sub(INDENT.len())), self.style)?
            }
            Outcome::Refused(refusals) => {
                refusal_lines(refusals).iter().map(|line| printable(line)).collect()
            }
            Outcome::Failed(message) => vec![self.style.red(printable(message))],
        };
        for line in lines {
            say(&format!("{INDENT}{line}"))?;
        }
        let what = match outcome {
            Outcome::Answered(_) => "Answered",
            Outcome::Refused(_) => "Refused",
            Outcome::Failed(_) => "Failed",
        };
        say(&format!("{INDENT}{what} in {} ms. {}", took.as_millis(), question.lesson))
    }

    /// It isn't what should have come.
    pub(super) fn surprise(&self, what: &str) -> Result<(), Failure> {
        say(&format!("{INDENT}{}", self.style.red(format!("UNEXPECTED: {what}"))))
    }

    /// How to go on from here.
    pub(super) fn how_to_connect(&self, url: &str) -> Result<(), Failure> {
        say("")?;
        say(&self.style.bold("Your turn"))?;
        say(&format!(
            "{INDENT}INSITU_TOKEN=demo insitu query --gateway {url} \"SELECT count(*) FROM police.crimes\""
        ))?;
        say(&format!(
            "{INDENT}or from Python, after `pip install adbc-driver-flightsql pyarrow`:"
        ))?;
        say("")?;
        for line in [
            "import adbc_driver_flightsql.dbapi as flight_sql",
            "options = {\"adbc.flight.sql.authorization_header\": \"Bearer demo\"}",
            &format!(
                "with flight_sql.connect(\"{url}\", db_kwargs=options, autocommit=True) as db, db.cursor() as cursor:"
            ),
            "    cursor.execute(\"SELECT sex, count(DISTINCT person_id) FROM health.episodes GROUP BY sex\")",
            "    print(cursor.fetch_arrow_table())",
        ] {
            say(&format!("{INDENT}{}", self.style.dim(line)))?;
        }
        say("")
    }
}

/// A dataset's terms, in a few words.
fn terms(dataset: &Dataset) -> String {
    let Protection::Protected { unit, profile, .. } = &dataset.protection else {
        return "open: published, rows may travel".to_owned();
    };
    let unit = match unit {
        ProtectedUnit::Row => "rows",
        ProtectedUnit::Column { name, .. } => name.trim_end_matches("_id"),
    };
    format!(
        "protected: a cell needs {} of {unit}, rounded to {}",
        profile.threshold_units, profile.rounding_base
    )
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
