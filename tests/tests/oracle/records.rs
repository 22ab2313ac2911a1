//! A test file as others wrote it: statements that set it up, and questions with what is expected of them.

use std::path::Path;

use sqllogictest::{
    Condition, Control, DefaultColumnType, QueryExpect, Record, SortMode, StatementExpect,
};

/// What the file asks to be done, in its order.
#[derive(Debug)]
pub(super) enum Step {
    /// Makes, fills or drops tables, or sets an option.
    SetUp(String),
    /// Asks.
    Question(Question),
    /// Asks for something that isn't a table's rows, such as a plan.
    Other { line: u32, what: &'static str },
}

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Where it stands.
    pub(super) line: u32,
    pub(super) sql: String,
    pub(super) expected: Expected,
}

/// What the file says of the answer.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// These lines, one for each row or, sorted by value, for each value.
    Rows { sorted: Sorted, lines: Vec<String> },
    /// An error.
    Error,
}

/// How the file wants rows compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorted {
    /// As they come.
    Not,
    /// By row.
    Rows,
    /// By value.
    Values,
}

/// How the runner of the suite calls itself in conditions.
const LABELS: [&str; 2] = ["DataFusion", "datafusion"];

/// Reads a file.
pub(super) fn read(file: &Path) -> Vec<Step> {
    let records = sqllogictest::parse_file::<DefaultColumnType>(file).unwrap();
    let mut sorted = Sorted::Not;
    let mut steps = Vec::new();
    for record in records {
        match record {
            Record::Statement { loc, conditions, sql, expected, .. } if holds(&conditions) => {
                steps.push(match (expected, kind(&sql)) {
                    (StatementExpect::Error(_), Kind::Select) => Step::Question(Question {
                        line: loc.line(),
                        sql,
                        expected: Expected::Error,
                    }),
                    (StatementExpect::Error(_), _) => {
                        Step::Other { line: loc.line(), what: "statement" }
                    }
                    (_, Kind::Other(_)) => Step::SetUp(sql),
                    // Whatever it gives isn't compared with anything.
                    (_, Kind::Select) => Step::Other { line: loc.line(), what: "statement" },
                });
            }
            Record::Query { loc, conditions, sql, expected, .. } if holds(&conditions) => {
                let expected = match expected {
                    QueryExpect::Results { results, sort_mode, .. } => Expected::Rows {
                        sorted: sort_mode.map_or(sorted, in_our_words),
                        lines: results,
                    },
                    QueryExpect::Error(_) => Expected::Error,
                };
                steps.push(match (kind(&sql), &expected) {
                    (Kind::Select, _) => {
                        Step::Question(Question { line: loc.line(), sql, expected })
                    }
                    (Kind::Other("statement"), Expected::Rows { .. }) => Step::SetUp(sql),
                    (Kind::Other(what), _) => Step::Other { line: loc.line(), what },
                });
            }
            Record::Control(Control::SortMode(mode)) => sorted = in_our_words(mode),
            Record::Halt { .. } => break,
            // Comments, includes that were followed already, and what only the runner knows.
            _ => {}
        }
    }
    steps
}

fn holds(conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| match condition {
        Condition::OnlyIf { label } => LABELS.contains(&label.as_str()),
        Condition::SkipIf { label } => !LABELS.contains(&label.as_str()),
    })
}

const fn in_our_words(mode: SortMode) -> Sorted {
    match mode {
        SortMode::NoSort => Sorted::Not,
        SortMode::RowSort => Sorted::Rows,
        SortMode::ValueSort => Sorted::Values,
    }
}

enum Kind {
    Select,
    Other(&'static str),
}

/// What kind of statement it is, by its first word.
fn kind(sql: &str) -> Kind {
    let mut text = sql.trim_start();
    while text.starts_with("--") {
        text = text.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    let word: String =
        text.chars().take_while(|c| c.is_ascii_alphabetic()).collect::<String>().to_uppercase();
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "" => Kind::Select,
        "EXPLAIN" => Kind::Other("plan"),
        "SHOW" | "DESCRIBE" | "DESC" => Kind::Other("catalogue"),
        _ => Kind::Other("statement"),
    }
}
