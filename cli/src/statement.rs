//! Where the SQL of a question comes from: an argument, a file, or standard input.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// The most bytes that are read; the gateway's own limit is far below.
const BYTES_MAX: u64 = 1024 * 1024;

/// The SQL of a question.
#[derive(Debug, Args)]
pub(crate) struct Statement {
    /// Read the SQL from a file.
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "sql")]
    file: Option<PathBuf>,
    /// The SQL; without it and without -f it is read from standard input.
    #[arg(value_name = "SQL", allow_hyphen_values = true)]
    sql: Option<String>,
}

impl Statement {
    /// The text, without the space round it.
    pub(crate) fn read(&self) -> Result<String, Failure> {
        let text = match (&self.sql, &self.file) {
            (Some(sql), _) => sql.clone(),
            (None, Some(file)) => std::fs::File::open(file)
                .and_then(limited)
                .map_err(|source| Failure::Unreadable { file: file.clone(), source })?,
            (None, None) => standard_input()?,
        };
        // Editors on some systems begin a file with a mark of its encoding.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(Failure::Usage {
                problem: "the statement is empty: write a SELECT".to_owned(),
            });
        }
        Ok(text.to_owned())
    }
}

fn standard_input() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("reading SQL from the terminal: end it with Ctrl-D");
    }
    limited(stdin.lock())
        .map_err(|source| Failure::Unreadable { file: PathBuf::from("standard input"), source })
}

fn limited(source: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let length = source.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(length).is_ok_and(|length| BYTES_MAX < length) {
        return Err(std::io::Error::other(format!(
            "longer than {BYTES_MAX} bytes, so it can't be a statement"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_taken_as_it_is() {
        let sql = |sql: &str| Statement { file: None, sql: Some(sql.to_owned()) }.read();
        assert_eq!(sql("  SELECT 1\n").unwrap(), "SELECT 1");
        assert_eq!(sql("\u{feff}SELECT 1").unwrap(), "SELECT 1");
        assert!(matches!(sql("  "), Err(Failure::Usage { .. })));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let statement = Statement { file: Some("/no/such.sql".into()), sql: None };
        assert!(
            statement.read().unwrap_err().to_string().starts_with("/no/such.sql: can't be read")
        );
    }

    #[test]
    fn endless_input_ends() {
        assert!(limited(std::io::repeat(b'x')).is_err());
    }
}
