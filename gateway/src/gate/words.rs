//! Which words are grammar and which are names.
//!
//! The parsers know a thousand keywords, most of them one database's own (`PIVOT`, `STRUCT`,
//! `ASOF`, `POSITION`). A keyword does three kinds of harm: it opens a construct that nobody
//! checked; it makes the parser try twice, which doubles with each nesting (`position(position(…`
//! takes 2ⁿ steps in sqlparser 0.63, `case-case-…` and `a.not-b.not-…` in the 0.62 inside
//! DataFusion); and the two parsers may know different ones. So the list is closed: the words below
//! are grammar; any other word is a name, and is handed on in quotes, where no parser sees a
//! keyword in it.

use insitu_disclosure::Refusal;
use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::functions;
use super::refusals::{not_offered, quote};

/// The statement's tokens with every word settled.
pub(super) fn settle(tokens: &[TokenWithSpan]) -> Result<Vec<TokenWithSpan>, Refusal> {
    let mut settled = Vec::with_capacity(tokens.len());
    let mut before: Option<&Token> = None;
    for (position, token) in tokens.iter().enumerate() {
        let after = tokens.get(position + 1).map(|next| &next.token);
        let word = match &token.token {
            Token::Word(word) => Token::Word(settle_word(word, before, after)?),
            other => other.clone(),
        };
        settled.push(TokenWithSpan { token: word, span: token.span });
        before = Some(&token.token);
    }
    Ok(settled)
}

fn settle_word(
    word: &Word,
    before: Option<&Token>,
    after: Option<&Token>,
) -> Result<Word, Refusal> {
    if word.quote_style.is_some() {
        return quoted(word);
    }
    if word.value.starts_with(['@', '#']) {
        // The engine reads `@name` as a variable of its own.
        return Err(not_offered(
            &format!("the variable {}", quote(&word.value)),
            "Write parameters as `?` or `$1`.",
        ));
    }
    if word.keyword == Keyword::NoKeyword {
        return Ok(word.clone());
    }
    let part_of_name = before == Some(&Token::Period) || after == Some(&Token::Period);
    if !part_of_name && is_grammar(word.keyword, after) {
        return Ok(word.clone());
    }
    let lower = word.value.to_ascii_lowercase();
    if !part_of_name && after == Some(&Token::LParen) && functions::is_offered(&lower) {
        return Ok(Word { value: lower, quote_style: None, keyword: Keyword::NoKeyword });
    }
    let alias = matches!(before, Some(Token::Word(as_word)) if as_word.keyword == Keyword::AS);
    if is_call_without_brackets(word.keyword) && !part_of_name && !alias {
        return Err(functions::refuse(&lower));
    }
    if before.is_some_and(ends_operand) && has_effect_after_operand(word.keyword) {
        // As a name it would become an alias, and what it means elsewhere would be lost in silence:
        // `a ASOF JOIN b` would run as a plain join of `a`, under the name `asof`.
        return Err(not_offered(
            &format!("{} at this place", quote(&word.value)),
            "If it is meant as a name, write `AS` before it.",
        ));
    }
    Ok(Word { value: lower, quote_style: Some('"'), keyword: Keyword::NoKeyword })
}

/// Functions that standard SQL calls without brackets; as a name they would be a column nobody has.
const fn is_call_without_brackets(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::CURRENT_CATALOG
            | Keyword::CURRENT_DATE
            | Keyword::CURRENT_ROLE
            | Keyword::CURRENT_SCHEMA
            | Keyword::CURRENT_TIME
            | Keyword::CURRENT_TIMESTAMP
            | Keyword::CURRENT_USER
            | Keyword::LOCALTIME
            | Keyword::LOCALTIMESTAMP
            | Keyword::SESSION_USER
            | Keyword::SYSTEM_USER
    )
}

/// A quoted name, in double quotes whatever the quotes were.
fn quoted(word: &Word) -> Result<Word, Refusal> {
    if word.value.is_empty() || word.value.contains(['"', '`']) {
        return Err(not_offered(
            &format!("the name {}", quote(&word.value)),
            "Use names that are neither empty nor hold quotation marks.",
        ));
    }
    Ok(Word { value: word.value.clone(), quote_style: Some('"'), keyword: Keyword::NoKeyword })
}

/// Whether an expression or a table can end with this token.
fn ends_operand(token: &Token) -> bool {
    match token {
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::RParen => true,
        Token::Word(word) => !expects_operand(word.keyword),
        _ => false,
    }
}

/// Whether a name stands after this word, so that whatever comes next is one.
const fn expects_operand(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::WITH
            | Keyword::SELECT
            | Keyword::DISTINCT
            | Keyword::ALL
            | Keyword::AS
            | Keyword::FROM
            | Keyword::JOIN
            | Keyword::ON
            | Keyword::USING
            | Keyword::WHERE
            | Keyword::BY
            | Keyword::HAVING
            | Keyword::QUALIFY
            | Keyword::LIMIT
            | Keyword::OFFSET
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::OVER
            | Keyword::WINDOW
            | Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::FOR
            | Keyword::BOTH
            | Keyword::LEADING
            | Keyword::TRAILING
    )
}

/// Whether the parsers give the word a meaning after an expression or a table.
fn has_effect_after_operand(keyword: Keyword) -> bool {
    RESERVED_FOR_TABLE_ALIAS.contains(&keyword)
        || RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
        || matches!(
            keyword,
            Keyword::AT
                | Keyword::COLLATE
                | Keyword::SIMILAR
                | Keyword::REGEXP
                | Keyword::RLIKE
                | Keyword::GLOB
                | Keyword::MATCH
                | Keyword::MEMBER
                | Keyword::OPERATOR
                | Keyword::DIV
                | Keyword::XOR
                | Keyword::OVERLAPS
                | Keyword::NOTNULL
                | Keyword::STRAIGHT_JOIN
                | Keyword::FINAL
                | Keyword::INTO
        )
}

/// Whether the word is grammar where it stands.
///
/// The words before a bracket, and `INTERVAL`, are the ones that the parsers try as a special form
/// first and as a name second; they are grammar only where the special form can begin.
fn is_grammar(keyword: Keyword, after: Option<&Token>) -> bool {
    match keyword {
        Keyword::CAST
        | Keyword::TRY_CAST
        | Keyword::EXTRACT
        | Keyword::CEIL
        | Keyword::FLOOR
        | Keyword::SUBSTRING
        | Keyword::SUBSTR
        | Keyword::TRIM
        | Keyword::EXISTS
        | Keyword::ROLLUP
        | Keyword::CUBE => after == Some(&Token::LParen),
        Keyword::INTERVAL => {
            matches!(after, Some(Token::SingleQuotedString(_) | Token::Number(..)))
        }
        Keyword::GROUPING => {
            matches!(after, Some(Token::Word(next)) if next.keyword == Keyword::SETS)
        }
        other => is_clause(other) || is_operator(other) || is_type_or_unit(other),
    }
}

const fn is_clause(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::WITH
            | Keyword::SELECT
            | Keyword::DISTINCT
            | Keyword::ALL
            | Keyword::AS
            | Keyword::FROM
            | Keyword::JOIN
            | Keyword::INNER
            | Keyword::LEFT
            | Keyword::RIGHT
            | Keyword::FULL
            | Keyword::OUTER
            | Keyword::SEMI
            | Keyword::ANTI
            | Keyword::CROSS
            | Keyword::NATURAL
            | Keyword::ON
            | Keyword::USING
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::BY
            | Keyword::SETS
            | Keyword::HAVING
            | Keyword::QUALIFY
            | Keyword::ORDER
            | Keyword::ASC
            | Keyword::DESC
            | Keyword::NULLS
            | Keyword::FIRST
            | Keyword::LAST
            | Keyword::LIMIT
            | Keyword::OFFSET
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::VALUES
            | Keyword::FILTER
            | Keyword::WITHIN
            | Keyword::OVER
            | Keyword::WINDOW
            | Keyword::PARTITION
            | Keyword::ROW
            | Keyword::ROWS
            | Keyword::RANGE
            | Keyword::GROUPS
            | Keyword::UNBOUNDED
            | Keyword::PRECEDING
            | Keyword::FOLLOWING
            | Keyword::CURRENT
            | Keyword::IGNORE
            | Keyword::RESPECT
    )
}

const fn is_operator(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::ESCAPE
            | Keyword::NULL
            | Keyword::TRUE
            | Keyword::FALSE
            | Keyword::UNKNOWN
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::END
            | Keyword::FOR
            | Keyword::BOTH
            | Keyword::LEADING
            | Keyword::TRAILING
    )
}

const fn is_type_or_unit(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::BOOLEAN
            | Keyword::BOOL
            | Keyword::TINYINT
            | Keyword::SMALLINT
            | Keyword::INT
            | Keyword::INTEGER
            | Keyword::BIGINT
            | Keyword::REAL
            | Keyword::FLOAT
            | Keyword::DOUBLE
            | Keyword::PRECISION
            | Keyword::DECIMAL
            | Keyword::NUMERIC
            | Keyword::CHAR
            | Keyword::VARCHAR
            | Keyword::TEXT
            | Keyword::STRING
            | Keyword::DATE
            | Keyword::TIME
            | Keyword::TIMESTAMP
            | Keyword::YEAR
            | Keyword::YEARS
            | Keyword::QUARTER
            | Keyword::MONTH
            | Keyword::MONTHS
            | Keyword::WEEK
            | Keyword::WEEKS
            | Keyword::DAY
            | Keyword::DAYS
            | Keyword::HOUR
            | Keyword::HOURS
            | Keyword::MINUTE
            | Keyword::MINUTES
            | Keyword::SECOND
            | Keyword::SECONDS
            | Keyword::DOW
            | Keyword::DOY
            | Keyword::ISODOW
            | Keyword::ISOYEAR
            | Keyword::EPOCH
    )
}
