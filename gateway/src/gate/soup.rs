//! Arbitrary input: the gate answers, and what it lets pass is stable.
//!
//! A small generator with a fixed seed draws bytes, and sentences from SQL's own vocabulary, biased
//! to nest. Each text goes through the gate on a 2 MiB stack; a panic or an overflow fails the
//! test.

use super::{Limits, check};

/// Xorshift: enough to shuffle words, and the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    fn word(&mut self) -> &'static str {
        WORDS.get(self.below(WORDS.len())).copied().unwrap_or("")
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "WITH",
    "AS",
    "UNION",
    "ALL",
    "EXCEPT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "NOT",
    "AND",
    "OR",
    "IN",
    "IS",
    "NULL",
    "LIKE",
    "BETWEEN",
    "EXISTS",
    "INTERVAL",
    "CAST",
    "EXTRACT",
    "OVER",
    "PARTITION BY",
    "FILTER",
    "VALUES",
    "DISTINCT",
    "LIMIT",
    "position",
    "struct",
    "array",
    "map",
    "lateral",
    "pivot",
    "date",
    "a",
    "b",
    "t",
    "a.b",
    "count(*)",
    "sum",
    "\"x\"",
    "'s'",
    "1",
    "2.5",
    "$1",
    "(",
    ")",
    "(",
    ")",
    "((",
    "))",
    ",",
    ",",
    ".",
    "+",
    "-",
    "*",
    "/",
    "=",
    "<",
    ">=",
    "||",
    "::",
    ";",
    "[",
    "]",
    "{",
    "->",
    "?",
    "--",
    "/*",
    "*/",
    "$$",
    "@",
    "'",
    "\"",
    "é",
    "\u{0}",
];

/// Beginnings that lead deeper into the grammar than words at random do.
const BEGINNINGS: &[&str] =
    &["", "SELECT ", "SELECT a FROM t WHERE ", "WITH c AS (SELECT 1) SELECT "];

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}

/// The gate answers; a text that passes passes again as it was handed on.
fn survives(text: &[u8]) {
    if let Ok(gated) = check(text, &Limits::STANDARD) {
        let again = check(gated.sql().as_bytes(), &Limits::STANDARD);
        assert_eq!(again.as_ref(), Ok(&gated), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn arbitrary_bytes_are_answered() {
    on_a_small_stack(|| {
        let mut draw = Draw(0x5eed);
        for _ in 0..2_000 {
            let length = draw.below(200);
            let bytes: Vec<u8> = (0..length).map(|_| draw.next().to_le_bytes()[0]).collect();
            survives(&bytes);
        }
    });
}

#[test]
fn token_soup_is_answered() {
    on_a_small_stack(|| {
        let mut draw = Draw(0x50d4);
        for _ in 0..4_000 {
            let beginning = BEGINNINGS.get(draw.below(BEGINNINGS.len())).copied().unwrap_or("");
            let mut text = beginning.to_owned();
            for _ in 0..draw.below(60) {
                text.push_str(draw.word());
                text.push(' ');
            }
            survives(text.as_bytes());
        }
    });
}

#[test]
fn ordinary_statements_with_a_token_changed_are_answered() {
    const STATEMENTS: &[&str] = &[
        "SELECT a , sum ( b ) AS s FROM t WHERE a IN ( 1 , 2 ) GROUP BY a HAVING s > 1 ORDER BY s",
        "WITH c AS ( SELECT a FROM t ) SELECT x . a FROM c AS x JOIN d ON x . a = d . a",
        "SELECT CASE WHEN a IS NULL THEN - 1 ELSE CAST ( b AS INT ) END FROM ( SELECT 1 ) AS v",
        "SELECT sum ( a ) OVER ( PARTITION BY b ORDER BY c ) FROM t UNION ALL SELECT 1",
    ];
    on_a_small_stack(|| {
        let mut draw = Draw(0xface);
        for _ in 0..4_000 {
            let statement = STATEMENTS.get(draw.below(STATEMENTS.len())).copied().unwrap_or("");
            let mut words: Vec<&str> = statement.split(' ').collect();
            for _ in 0..=draw.below(3) {
                let at = draw.below(words.len());
                match draw.below(3) {
                    0 => {
                        words.remove(at);
                    }
                    1 => words.insert(at, draw.word()),
                    _ => {
                        let (start, end) = (at, (at + 6).min(words.len()));
                        let copy: Vec<&str> = words.drain(start..end).collect();
                        for _ in 0..=draw.below(8) {
                            words.splice(start..start, copy.iter().copied());
                        }
                    }
                }
                if words.is_empty() {
                    break;
                }
            }
            survives(words.join(" ").as_bytes());
        }
    });
}
