//! `insitu explain`: where a question would run and which rules would apply; or what a code means.

use clap::{Args, ValueEnum};
use insitu_disclosure::RefusalCode;

use crate::client::Client;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::spinner::spin;
use crate::statement::Statement;
use crate::terminal::printable;

/// Says where each part of a statement would run and which rules would apply, without running it.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    statement: Statement,
    /// Show the page of a refusal's code instead, such as D201; no gateway is asked.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["sql", "file"])]
    code: Option<String>,
    /// How the explanation is written; as JSON a refusal is one, too.
    #[arg(long, value_enum, default_value_t = ExplanationFormat::Text, conflicts_with = "code")]
    format: ExplanationFormat,
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplanationFormat {
    /// For people.
    Text,
    /// For programs: docs/explain.md.
    Json,
}

impl Explain {
    /// Asks, or looks the code up, and prints.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let text = match &self.code {
            Some(code) => page(code)?.to_owned(),
            None => {
                let sql = self.statement.read()?;
                let mut client = spin("connecting", Client::connect(&self.connection)).await?;
                match self.format {
                    ExplanationFormat::Text => client.explain(&sql).await?,
                    ExplanationFormat::Json => {
                        client.explain(&format!("EXPLAIN (FORMAT JSON) {sql}")).await?
                    }
                }
            }
        };
        for line in text.trim_end().lines() {
            print_line(&printable(line))?;
        }
        match self.format {
            ExplanationFormat::Json if is_refused(&text) => {
                Err(Failure::Reported("the statement would be refused, as the explanation says"))
            }
            ExplanationFormat::Json | ExplanationFormat::Text => Ok(()),
        }
    }
}

/// Whether a document explains why there would be no answer.
fn is_refused(document: &str) -> bool {
    let document: Result<serde_json::Value, _> = serde_json::from_str(document);
    document.is_ok_and(|document| document.get("outcome").is_some_and(|o| o == "refused"))
}

fn print_line(line: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

/// The page of a code.
fn page(code: &str) -> Result<&'static str, Failure> {
    let code = code.trim();
    match RefusalCode::find(code) {
        Some(code) => Ok(code.page()),
        None => {
            let titles: Vec<String> =
                near(code).into_iter().map(|code| format!("  {}", title(code))).collect();
            Err(Failure::Usage {
                problem: format!(
                    "there is no code `{}`; there are\n{}",
                    printable(code),
                    titles.join("\n")
                ),
            })
        }
    }
}

/// The codes of the same family, or all of them.
fn near(text: &str) -> Vec<RefusalCode> {
    let letter = |text: &str| text.chars().next().map(|c| c.to_ascii_uppercase());
    let family: Vec<RefusalCode> =
        RefusalCode::ALL.into_iter().filter(|code| letter(code.as_str()) == letter(text)).collect();
    if family.is_empty() { RefusalCode::ALL.to_vec() } else { family }
}

/// The heading of a code's page.
fn title(code: RefusalCode) -> &'static str {
    code.page().lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_whether_the_statement_would_be_refused() {
        assert!(is_refused("{\"form\": 1, \"outcome\": \"refused\"}"));
        for other in ["{\"outcome\": \"asked\"}", "[]", "outcome: refused", ""] {
            assert!(!is_refused(other), "{other}");
        }
    }

    #[test]
    fn a_code_has_its_page_in_either_case() {
        assert!(page("D201").unwrap().starts_with("# D201: "));
        assert_eq!(page(" d201 ").unwrap(), page("D201").unwrap());
    }

    #[test]
    fn an_unknown_code_is_wrong_usage_and_shows_its_family() {
        let message = page("D299").unwrap_err().to_string();
        assert!(message.contains("`D299`") && message.contains("D201: "), "{message}");
        assert!(!message.contains("Q101"), "{message}");
        let message = page("whatever").unwrap_err().to_string();
        assert!(message.contains("Q101: ") && message.contains("X901: "), "{message}");
    }
}
