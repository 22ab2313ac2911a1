//! What a question came to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use insitu_disclosure::RefusalCode;
use insitu_disclosure::refusal::Family;

use super::records::{Expected, Sorted};

/// What the words of `verdicts.txt` mean.
pub(super) const LEGEND: &str = "\
# What departments answer over open data, beside what DataFusion's own test suite expects. After each word the lines of
# its records; all others are equal. This is of the sample, one record in seven. INSITU_ORACLE_UPDATE=1 writes it.
#
# equal          as the suite expects
# fails too      the suite expects an error, and there is a Refusal
# digits         as expected, but for the last digits of floating-point numbers, which depend on the order of rows
# exact          as one engine answers for exact quantiles, where the suite expects approximate ones
# order          as one engine answers over the rows in the departments' order, where the statement leaves it open
# types          as one engine answers over the declared types, which are wider than the suite's
# open           a statement that one engine, too, answers otherwise when its rows come in another order
# refused        with a code that says what to ask instead
# not applicable by what the record is, or what a descriptor can't describe
# different      anything else: a fault of ours
";

/// The verdict, the least good last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Equal,
    FailsToo,
    Digits,
    Exact,
    Order,
    Types,
    Open,
    NotApplicable(&'static str),
    Refused(&'static str),
    /// With what was told.
    Different(String),
}

impl Verdict {
    /// The verdict in the words of [`LEGEND`].
    pub(super) fn words(&self) -> String {
        match self {
            Self::Equal => "equal".to_owned(),
            Self::FailsToo => "fails too".to_owned(),
            Self::Digits => "digits".to_owned(),
            Self::Exact => "exact".to_owned(),
            Self::Order => "order".to_owned(),
            Self::Types => "types".to_owned(),
            Self::Open => "open".to_owned(),
            Self::NotApplicable(why) => format!("not applicable: {why}"),
            Self::Refused(code) => format!("refused: {code}"),
            Self::Different(_) => "different".to_owned(),
        }
    }
}

/// A file's verdicts, by line.
pub(super) type Verdicts = Vec<(u32, Verdict)>;

/// How many there are of each.
pub(super) fn counted<'a>(verdicts: impl IntoIterator<Item = &'a Verdicts>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, verdict) in verdicts.into_iter().flatten() {
        *counts.entry(verdict.words()).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let each: Vec<String> = counts.iter().map(|(words, n)| format!("{words} {n}")).collect();
    format!("{total} records, {}", each.join(", "))
}

/// The lines of `verdicts.txt` for a file.
pub(super) fn listed(file: &str, verdicts: &Verdicts) -> String {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (line, verdict) in verdicts {
        lines.entry(verdict.words()).or_default().push(line.to_string());
    }
    lines.remove("equal");
    let mut text = format!("{file}: {}\n", counted([verdicts]));
    for (words, lines) in lines {
        let _ = writeln!(text, "  {words}: {}", lines.join(" "));
    }
    text
}

/// The parts of `verdicts.txt`, by file.
pub(super) fn parts(text: &str) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    let mut file = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        if !line.starts_with(' ') {
            file = line.split(':').next().unwrap_or_default().to_owned();
        }
        let part = parts.entry(file.clone()).or_default();
        part.push_str(line);
        part.push('\n');
    }
    parts
}

/// `verdicts.txt`, of these parts.
pub(super) fn written(parts: &BTreeMap<String, String>) -> String {
    let mut total: BTreeMap<&str, usize> = BTreeMap::new();
    let counts = parts.values().filter_map(|p| p.lines().next()?.split_once(" records, "));
    for (word, n) in
        counts.flat_map(|(_, each)| each.split(", ")).filter_map(|e| e.rsplit_once(' '))
    {
        *total.entry(word).or_default() += n.parse::<usize>().unwrap();
    }
    let records: usize = total.values().sum();
    let each: Vec<String> = total.iter().map(|(word, n)| format!("{word} {n}")).collect();
    let parts_written: String = parts.values().map(String::as_str).collect();
    format!(
        "{LEGEND}\n# {} files: {records} records, {}\n\n{parts_written}",
        parts.len(),
        each.join(", ")
    )
}

/// The verdicts in `verdicts.txt`, by file and line, but for those that are equal.
pub(super) fn known(text: &str) -> BTreeMap<String, BTreeMap<u32, String>> {
    let mut files: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    let mut file = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let Some((words, numbers)) = line.rsplit_once(": ") else { continue };
        match words.strip_prefix("  ") {
            None => {
                file = line.split(':').next().unwrap_or_default().to_owned();
                files.entry(file.clone()).or_default();
            }
            Some(words) => {
                let kept = files.entry(file.clone()).or_default();
                for number in numbers.split(' ') {
                    kept.insert(number.parse().unwrap(), words.to_owned());
                }
            }
        }
    }
    files
}

/// The code of a Refusal that says what to ask instead. Faults inside, departments that are away and deadlines aren't
/// answers to a question about open data.
pub(super) fn refused(told: &str) -> Option<&'static str> {
    let code = RefusalCode::find(told.get(..4)?)?;
    match code.family() {
        Family::Statement | Family::Disclosure => Some(code.as_str()),
        Family::Limits if code != RefusalCode::L505 => Some(code.as_str()),
        Family::Limits | Family::Access | Family::Departments | Family::Internal => None,
    }
}

/// How an answer stands to what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same.
    Same,
    /// The same, but for the last digits of floating-point numbers.
    Digits,
    /// Another.
    Unlike,
}

/// The largest relative difference of two floating-point sums of the same numbers.
const RELATIVE_MAX: f64 = 1e-11;

/// An answer's rows as text, and which of their columns are floating-point numbers.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) values: Vec<Vec<String>>,
    pub(super) floats: Vec<bool>,
}

/// Compares an answer's rows with what a file expects. Rows without an order of their own are compared sorted.
pub(super) fn likeness(rows: &Rows, ordered: bool, expected: &Expected) -> Likeness {
    let Expected::Rows { sorted, lines } = expected else { return Likeness::Unlike };
    let mut wanted: Vec<String> = lines.iter().map(|l| l.trim_end().to_owned()).collect();
    let mut found: Vec<String> = match sorted {
        Sorted::Values => rows.values.iter().flatten().map(|v| v.trim_end().to_owned()).collect(),
        Sorted::Not | Sorted::Rows => rows.values.iter().map(|row| line(row)).collect(),
    };
    if *sorted != Sorted::Not || !ordered {
        wanted.sort_unstable();
        found.sort_unstable();
    }
    alike(&found, &wanted, &rows.floats)
}

/// Compares two answers. Rows without an order of their own are compared sorted.
pub(super) fn same_rows(rows: &Rows, others: &Rows, ordered: bool) -> Likeness {
    let mut found: Vec<String> = rows.values.iter().map(|row| line(row)).collect();
    let mut wanted: Vec<String> = others.values.iter().map(|row| line(row)).collect();
    if !ordered {
        found.sort_unstable();
        wanted.sort_unstable();
    }
    alike(&found, &wanted, &rows.floats)
}

fn line(row: &[String]) -> String {
    let values: Vec<&str> = row.iter().map(|v| v.trim_end()).collect();
    values.join(" ").trim_end().to_owned()
}

fn alike(found: &[String], wanted: &[String], floats: &[bool]) -> Likeness {
    if found == wanted {
        return Likeness::Same;
    }
    if found.len() != wanted.len() {
        return Likeness::Unlike;
    }
    let near = found.iter().zip(wanted).all(|(found, wanted)| {
        let (found, wanted): (Vec<_>, Vec<_>) =
            (found.split(' ').collect(), wanted.split(' ').collect());
        // With blanks within values it isn't known which number is in which column.
        found == wanted
            || (found.len() == floats.len()
                && wanted.len() == floats.len()
                && (0..floats.len())
                    .all(|i| found[i] == wanted[i] || (floats[i] && close(found[i], wanted[i]))))
    });
    if near { Likeness::Digits } else { Likeness::Unlike }
}

/// Whether two numbers hardly differ.
fn close(found: &str, wanted: &str) -> bool {
    let (Ok(f), Ok(w)) = (found.parse::<f64>(), wanted.parse::<f64>()) else { return false };
    (f - w).abs() <= (RELATIVE_MAX * f.abs().max(w.abs())).max(1e-12)
}

#[test]
fn only_the_last_digits_of_floats_may_differ() {
    let rows = |text: &str, floats: [bool; 2]| Rows {
        values: vec![text.split(' ').map(str::to_owned).collect()],
        floats: floats.to_vec(),
    };
    let like = |a, b, floats| same_rows(&rows(a, floats), &rows(b, floats), true);
    assert_eq!(like("a 1.5", "a 1.5", [false, true]), Likeness::Same);
    assert_eq!(like("a 0.300000000001", "a 0.300000000002", [false, true]), Likeness::Digits);
    assert_eq!(like("a 0.300000000001", "a 0.300000000002", [false, false]), Likeness::Unlike);
    assert_eq!(like("a 0.3001", "a 0.3002", [false, true]), Likeness::Unlike);
    assert_eq!(like("b 1.5", "a 1.5", [false, true]), Likeness::Unlike);
}

#[test]
fn a_fault_is_no_refusal() {
    assert_eq!(refused("Q104: `CROSS JOIN` isn't offered."), Some("Q104"));
    assert_eq!(refused("X901: something went wrong"), None);
    assert_eq!(refused("N402: Part 1 didn't answer."), None);
    assert_eq!(refused("connection refused"), None);
}

#[test]
fn the_list_of_verdicts_is_read_as_it_was_written() {
    let verdicts = vec![
        (3, Verdict::Equal),
        (7, Verdict::Refused("Q104")),
        (9, Verdict::NotApplicable("plan")),
        (12, Verdict::Refused("Q104")),
    ];
    let written_once = written(&BTreeMap::from([("a.slt".to_owned(), listed("a.slt", &verdicts))]));
    assert!(
        written_once
            .contains("1 files: 4 records, equal 1, not applicable: plan 1, refused: Q104 2")
    );
    assert_eq!(written(&parts(&written_once)), written_once);
    let found = known(&written_once);
    assert_eq!(found.len(), 1);
    for (line, verdict) in &verdicts {
        let words = found["a.slt"].get(line).map_or("equal", String::as_str);
        assert_eq!(words, verdict.words());
    }
}
