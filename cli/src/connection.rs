//! Which gateway is asked, and as whom: the options that `query` and `explain` share.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// The gateway that is asked unless another is named: `insitu demo`'s, too.
pub(crate) const DEFAULT_GATEWAY: &str = "grpc://127.0.0.1:50051";
/// Where the token comes from if no file is named.
const TOKEN_VARIABLE: &str = "INSITU_TOKEN";

/// Which gateway is asked, and as whom.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The gateway to ask.
    #[arg(
        long,
        value_name = "URL",
        env = "INSITU_GATEWAY",
        default_value = DEFAULT_GATEWAY
    )]
    pub(crate) gateway: String,
    /// File that holds the analyst's token; without it the variable INSITU_TOKEN is used.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The project the question is asked for.
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// What the answer is for.
    #[arg(long)]
    pub(crate) purpose: Option<String>,
}

/// What a client shows to prove who it is.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// A token from its text; white space round it doesn't count.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_header_text = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        is_header_text.then(|| Self(text.to_owned()))
    }

    /// The token itself, to be sent only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

impl Connection {
    /// The analyst's token; `None` if none is given, which the gateway will refuse in its own words.
    pub(crate) fn token(&self) -> Result<Option<Token>, Failure> {
        let (text, origin) = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|source| Failure::Unreadable { file: file.clone(), source })?;
                (text, file.display().to_string())
            }
            None => match std::env::var(TOKEN_VARIABLE) {
                Ok(text) => (text, TOKEN_VARIABLE.to_owned()),
                Err(_) => return Ok(None),
            },
        };
        match Token::new(&text) {
            Some(token) => Ok(Some(token)),
            None => Err(Failure::Usage {
                problem: format!(
                    "{origin} doesn't hold a token: letters, digits and signs on one line"
                ),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_printed_word_and_never_shown() {
        assert_eq!(Token::new(" demo\n").map(|t| t.expose().to_owned()).as_deref(), Some("demo"));
        for text in ["", " \n", "two words", "zwei\nZeilen", "schlüssel"] {
            assert!(Token::new(text).is_none(), "{text:?}");
        }
        assert!(!format!("{:?}", Token::new("demo")).contains("demo"));
    }
}
