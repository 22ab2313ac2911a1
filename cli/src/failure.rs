//! Why a command ended without its result, and the exit code that says so.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use arrow_schema::ArrowError;
use insitu_disclosure::{RefusalCode, Refusals};
use insitu_gateway::query::QueryId;

use crate::client::ClientError;

/// How this command logs in; the gateway's own words are for every client.
const LOGIN_HINT: &str =
    "  here: name the file of your token with --token-file, or set the variable INSITU_TOKEN";

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The gateway refused the question.
    #[error("{refusals}")]
    Refused {
        /// Why.
        refusals: Refusals,
        /// The query's id, if it ran.
        query: Option<QueryId>,
    },
    /// The command can't be meant as it was written.
    #[error("{problem}")]
    Usage {
        /// What is wrong with it.
        problem: String,
    },
    /// The gateway couldn't be asked, or its answer couldn't be understood.
    #[error("{0}")]
    Client(ClientError),
    /// A file can't be read.
    #[error("{}: can't be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The answer can't be written out.
    #[error("can't write the answer: {0}")]
    Unwritable(#[from] io::Error),
    /// The answer's values can't be shown in this format.
    #[error("can't show the answer in this format: {0}")]
    Unshowable(#[from] ArrowError),
    /// A configuration is wrong; each line says where, what and how to put it right.
    #[error("{0}")]
    Configuration(String),
    /// A service couldn't start, or ended.
    #[error("{0}")]
    Service(String),
    /// Everything was said on the way.
    #[error("{0}")]
    Reported(&'static str),
}

impl Failure {
    /// 1 refused or failed, 2 wrong usage.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage { .. } => ExitCode::from(2),
            Self::Refused { .. }
            | Self::Client(_)
            | Self::Unreadable { .. }
            | Self::Unwritable(_)
            | Self::Unshowable(_)
            | Self::Configuration(_)
            | Self::Service(_)
            | Self::Reported(_) => ExitCode::FAILURE,
        }
    }

    /// Whether the reader of our output has gone, as `head` does: nothing is left to be said.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Unwritable(error) | Self::Unshowable(ArrowError::IoError(_, error)) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            // The CSV writer keeps the words of the system's error only.
            Self::Unshowable(error) => error.to_string().contains("Broken pipe"),
            Self::Refused { .. }
            | Self::Usage { .. }
            | Self::Client(_)
            | Self::Unreadable { .. }
            | Self::Configuration(_)
            | Self::Service(_)
            | Self::Reported(_) => false,
        }
    }

    /// What is printed, in lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Refused { refusals, query } => {
                let mut lines = refusal_lines(refusals);
                let has = |code| refusals.iter().any(|refusal| refusal.code() == code);
                if let Some(query) = query.filter(|_| has(RefusalCode::X901)) {
                    lines.push(format!("  query id: {query}"));
                }
                if has(RefusalCode::A301) {
                    lines.push(LOGIN_HINT.to_owned());
                }
                lines
            }
            Self::Configuration(errors) => errors.lines().map(str::to_owned).collect(),
            Self::Usage { .. }
            | Self::Client(_)
            | Self::Unreadable { .. }
            | Self::Unwritable(_)
            | Self::Unshowable(_)
            | Self::Service(_)
            | Self::Reported(_) => vec![format!("error: {self}")],
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { refusals, query } => Self::Refused { refusals, query },
            other => Self::Client(other),
        }
    }
}

/// Each reason with its fix and where to read on; each line stands alone.
pub(crate) fn refusal_lines(refusals: &Refusals) -> Vec<String> {
    let mut lines = Vec::new();
    for refusal in refusals.iter() {
        let code = refusal.code().as_str();
        lines.push(format!("{code}: {}", refusal.message()));
        if !refusal.fix().is_empty() {
            lines.push(format!("  fix: {}", refusal.fix()));
        }
        lines.push(format!("  see: insitu explain --code {code}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::Refusal;

    use super::*;

    #[test]
    fn a_refusal_is_shown_with_each_reason_its_fix_and_its_page() {
        let refusals = Refusals::collect([
            Refusal::new(RefusalCode::D201, "rows of `a.b` stay.", "Count them."),
            Refusal::new(RefusalCode::D202, "`id` is a unit.", ""),
        ]);
        let lines = refusal_lines(&refusals.unwrap());
        assert_eq!(
            lines,
            [
                "D201: rows of `a.b` stay.",
                "  fix: Count them.",
                "  see: insitu explain --code D201",
                "D202: `id` is a unit.",
                "  see: insitu explain --code D202",
            ]
        );
    }

    #[test]
    fn who_is_not_logged_in_is_told_how_to_here() {
        let refusal = Refusal::new(RefusalCode::A301, "not logged in.", "Send a token.");
        let lines = Failure::Refused { refusals: refusal.into(), query: None }.lines();
        assert!(lines.last().unwrap().contains("--token-file"), "{lines:?}");
    }

    #[test]
    fn what_is_to_be_reported_comes_with_the_query_id() {
        let lines = |code| {
            let refusals = Refusal::new(code, "it went wrong.", "Report the query id.").into();
            Failure::Refused { refusals, query: Some(QueryId([0xA5; 16])) }.lines()
        };
        let id = format!("  query id: {}", "a5".repeat(16));
        assert_eq!(lines(RefusalCode::X901).last(), Some(&id));
        assert!(!lines(RefusalCode::L504).contains(&id));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let gone = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::Unwritable(gone).is_closed_pipe());
        assert!(!Failure::Unwritable(io::Error::from(io::ErrorKind::NotFound)).is_closed_pipe());
    }
}
