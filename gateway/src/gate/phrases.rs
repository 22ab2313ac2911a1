//! Constructs that are known by their words, and refused by name.
//!
//! Nothing depends on this list for safety: these words aren't grammar (`words.rs`), so none of the
//! constructs can be parsed. It exists so that the analyst reads "`TABLESAMPLE` isn't offered" and
//! not "line 1, column 40".

use insitu_disclosure::{Refusal, RefusalCode};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::refusals::{not_offered, quote, unreadable};

/// Refuses a statement by its first word, or by a phrase in it.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    opening(tokens)?;
    for position in 0..tokens.len() {
        let Some(word) = plain_word(tokens, position) else { continue };
        if changes_data(word) && opens_clause(tokens, position) {
            return Err(only_select(word));
        }
        for phrase in PHRASES {
            if phrase.stands_at(tokens, position) {
                return Err(not_offered(phrase.what, phrase.fix));
            }
        }
    }
    Ok(())
}

/// The first word decides what kind of statement it is.
fn opening(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let Some(first) = tokens.first() else { return Ok(()) };
    let Token::Word(word) = &first.token else {
        return if first.token == Token::LParen { Ok(()) } else { Err(no_statement(first)) };
    };
    if word.quote_style.is_some() {
        return Err(no_statement(first));
    }
    let upper = word.value.to_ascii_uppercase();
    match upper.as_str() {
        "SELECT" | "WITH" | "VALUES" => Ok(()),
        "FROM" => Err(not_offered("`FROM` without `SELECT`", "Write `SELECT … FROM …`.")),
        "TABLE" => Err(not_offered("`TABLE t`", "Write `SELECT … FROM t`.")),
        other if STATEMENTS.contains(&other) => Err(only_select(&word.value)),
        _ => Err(no_statement(first)),
    }
}

fn only_select(word: &str) -> Refusal {
    Refusal::new(
        RefusalCode::Q103,
        format!("{} isn't answered; only `SELECT` is.", quote(&word.to_ascii_uppercase())),
        "Ask with `SELECT`; `insitu explain` shows a plan, your client's browser the tables.",
    )
}

fn no_statement(token: &TokenWithSpan) -> Refusal {
    unreadable(
        token.span.start.line,
        token.span.start.column,
        &format!("no statement begins with {}", quote(&token.token.to_string())),
    )
}

/// `INSERT`, `UPDATE`, `DELETE`, `MERGE`: they can hide behind a `WITH`.
fn changes_data(word: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// Whether the word at `position` stands where a statement can begin, with a word after it.
fn opens_clause(tokens: &[TokenWithSpan], position: usize) -> bool {
    let before = position.checked_sub(1).and_then(|p| tokens.get(p)).map(|t| &t.token);
    let after = tokens.get(position + 1).map(|t| &t.token);
    matches!(before, Some(Token::LParen | Token::RParen)) && matches!(after, Some(Token::Word(_)))
}

/// The unquoted word at `position`, unless it is a part of a name such as `a.pivot`.
fn plain_word(tokens: &[TokenWithSpan], position: usize) -> Option<&str> {
    let Token::Word(word) = &tokens.get(position)?.token else { return None };
    let before = position.checked_sub(1).and_then(|p| tokens.get(p)).map(|t| &t.token);
    let after = tokens.get(position + 1).map(|t| &t.token);
    let part_of_name = before == Some(&Token::Period) || after == Some(&Token::Period);
    (word.quote_style.is_none() && !part_of_name).then_some(word.value.as_str())
}

/// A run of words that names a construct.
struct Phrase {
    /// Words in capitals; `(` is a bracket, `9` any number.
    words: &'static [&'static str],
    /// The construct, as a noun phrase.
    what: &'static str,
    /// What to write instead.
    fix: &'static str,
}

impl Phrase {
    fn stands_at(&self, tokens: &[TokenWithSpan], position: usize) -> bool {
        self.words.iter().enumerate().all(|(offset, word)| match *word {
            "(" => tokens.get(position + offset).is_some_and(|t| t.token == Token::LParen),
            "9" => {
                tokens.get(position + offset).is_some_and(|t| matches!(t.token, Token::Number(..)))
            }
            word => plain_word(tokens, position + offset)
                .is_some_and(|found| found.eq_ignore_ascii_case(word)),
        })
    }
}

const fn phrase(words: &'static [&'static str], what: &'static str, fix: &'static str) -> Phrase {
    Phrase { words, what, fix }
}

/// The phrases, those that runs of others begin with after those.
const PHRASES: &[Phrase] = &[
    phrase(&["WITH", "RECURSIVE"], "`WITH RECURSIVE`", "Write the steps out as CTEs."),
    phrase(&["WITH", "ROLLUP"], "`WITH ROLLUP`", "Write `GROUP BY ROLLUP (a, b)`."),
    phrase(&["WITH", "CUBE"], "`WITH CUBE`", "Write `GROUP BY CUBE (a, b)`."),
    phrase(&["WITH", "TOTALS"], "`WITH TOTALS`", "Write `GROUP BY ROLLUP (a, b)`."),
    phrase(&["WITH", "TIES"], "`WITH TIES`", "Use `LIMIT`, or `rank()` with `QUALIFY`."),
    phrase(
        &["TABLESAMPLE"],
        "`TABLESAMPLE`",
        "Ask for the whole table; a sample would be another answer.",
    ),
    phrase(&["LATERAL"], "`LATERAL`", "Join on a condition instead."),
    phrase(&["PIVOT", "("], "`PIVOT`", "Use `sum(x) FILTER (WHERE …)`, a column for each value."),
    phrase(&["UNPIVOT", "("], "`UNPIVOT`", "Use `UNION ALL`, a `SELECT` for each column."),
    phrase(
        &["MATCH_RECOGNIZE", "("],
        "`MATCH_RECOGNIZE`",
        "Use window functions on the released table.",
    ),
    phrase(&["CONNECT", "BY"], "`CONNECT BY`", "Write the levels out as joins."),
    phrase(&["UNNEST", "("], "`unnest`", "Join a table instead of an array."),
    phrase(&["TABLE", "("], "a table function", "Name a table."),
    phrase(&["ASOF", "JOIN"], "`ASOF JOIN`", "Join on an equality of columns."),
    phrase(&["CROSS", "APPLY"], "`CROSS APPLY`", "Join on an equality of columns."),
    phrase(&["OUTER", "APPLY"], "`OUTER APPLY`", "Join on an equality of columns."),
    phrase(&["FOR", "UPDATE"], "a lock", "Leave out `FOR UPDATE`; nothing is changed here."),
    phrase(&["FOR", "SHARE"], "a lock", "Leave out `FOR SHARE`; nothing is changed here."),
    phrase(
        &["FOR", "NO", "KEY"],
        "a lock",
        "Leave out `FOR NO KEY UPDATE`; nothing is changed here.",
    ),
    phrase(
        &["FOR", "SYSTEM_TIME"],
        "a table's past version",
        "Ask for the dataset as it is published.",
    ),
    phrase(&["INTO"], "`INTO`", "Results are returned, never stored; leave it out."),
    phrase(&["FETCH", "FIRST"], "`FETCH FIRST`", "Use `LIMIT`."),
    phrase(&["FETCH", "NEXT"], "`FETCH NEXT`", "Use `LIMIT`."),
    phrase(&["TOP", "9"], "`TOP`", "Use `LIMIT`."),
    phrase(
        &["DISTINCT", "ON"],
        "`DISTINCT ON`",
        "Use `GROUP BY`, or `row_number()` with `QUALIFY`.",
    ),
    phrase(&["ORDER", "BY", "ALL"], "`ORDER BY ALL`", "Name the columns to order by."),
    phrase(&["SORT", "BY"], "`SORT BY`", "Use `ORDER BY`."),
    phrase(&["CLUSTER", "BY"], "`CLUSTER BY`", "Use `ORDER BY`."),
    phrase(&["DISTRIBUTE", "BY"], "`DISTRIBUTE BY`", "Use `GROUP BY`."),
    phrase(&["MINUS", "SELECT"], "`MINUS`", "Use `EXCEPT`."),
    phrase(&["ANY", "("], "`ANY (…)`", "Use `IN (…)`."),
    phrase(&["SOME", "("], "`SOME (…)`", "Use `IN (…)`."),
    phrase(&["AT", "TIME", "ZONE"], "`AT TIME ZONE`", "Use the times as they are published."),
    phrase(&["SIMILAR", "TO"], "`SIMILAR TO`", "Use `LIKE`."),
    phrase(&["REGEXP"], "matching by regular expression", "Use `LIKE`."),
    phrase(&["RLIKE"], "matching by regular expression", "Use `LIKE`."),
    phrase(&["COLLATE"], "`COLLATE`", "Use `lower(a)` to ignore case."),
    phrase(&["POSITION", "("], "`position(a IN b)`", "Use `strpos(b, a)`."),
    phrase(&["OVERLAY", "("], "`overlay`", "Use `substr` and `||`."),
    phrase(&["ARRAY", "("], "an array", "Join the subquery instead."),
    phrase(
        &["INTERVAL", "("],
        "a calculated interval",
        "Write `INTERVAL '1' DAY`, or multiply one.",
    ),
];

/// First words of statements that aren't questions.
const STATEMENTS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "ASSERT",
    "ATTACH",
    "BEGIN",
    "CACHE",
    "CALL",
    "CLOSE",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DENY",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXEC",
    "EXECUTE",
    "EXPLAIN",
    "EXPORT",
    "FETCH",
    "FLUSH",
    "GRANT",
    "IF",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "KILL",
    "LIST",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MSCK",
    "NOTIFY",
    "OPEN",
    "OPTIMIZE",
    "PRAGMA",
    "PREPARE",
    "PRINT",
    "PUT",
    "RAISE",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "REMOVE",
    "RENAME",
    "REPLACE",
    "RESET",
    "RETURN",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "START",
    "THROW",
    "TRUNCATE",
    "UNCACHE",
    "UNDROP",
    "UNINSTALL",
    "UNLISTEN",
    "UNLOAD",
    "UNLOCK",
    "UPDATE",
    "UPSERT",
    "USE",
    "VACUUM",
    "WAITFOR",
    "WHILE",
];
