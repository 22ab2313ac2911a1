//! Every rule by every shape of question under every preset, as a table to read:
//! `tests/golden/policy_matrix.txt`.
//!
//! A rule, a kind of measure, a preset or a disclosure code that is added doesn't compile or pass here until it has
//! a row (AI-10). After a change that is meant, `INSITU_MATRIX_UPDATE=1` writes the table anew, to be
//! read through before it is committed.

mod patients;
mod rows;

use std::fmt::Write as _;

use insitu_disclosure::refusal::Family;
use insitu_disclosure::rules::{CELL_RULES, CellRule, QUESTION_RULES, QuestionRule};
use insitu_disclosure::{
    Association, Dispersion, MeasureKind, Preset, Probability, RefusalCode, Scalar,
};
use insitu_tests::{Analyst, Asked, Department, Federation, departments};

use self::patients::with_patients;
use self::rows::ROWS;
use crate::neighbours::data::{Among, department};

const fn of_question_rule(rule: QuestionRule) -> &'static str {
    match rule {
        QuestionRule::UnitJoins => "unit-joins",
        QuestionRule::RollUps => "roll-ups",
        QuestionRule::Functions => "functions",
        QuestionRule::Labels => "labels",
        QuestionRule::References => "references",
        QuestionRule::Input => "input",
        QuestionRule::Keys => "keys",
        QuestionRule::Measures => "measures",
        QuestionRule::Sparsity => "sparsity",
    }
}

const fn of_cell_rule(rule: CellRule) -> &'static str {
    match rule {
        CellRule::Threshold => "threshold",
        CellRule::Others => "others",
        CellRule::Dominance => "dominance",
        CellRule::DegreesOfFreedom => "dof",
        CellRule::Noise => "noise",
        CellRule::Rounding => "rounding",
    }
}

const fn of_measure(kind: &MeasureKind) -> &'static str {
    match kind {
        MeasureKind::Rows => "count of rows",
        MeasureKind::Values(_) => "count of values",
        MeasureKind::Units => "count of units",
        MeasureKind::ApproxDistinct(_) => "approx_distinct",
        MeasureKind::Sum(_) => "sum",
        MeasureKind::Mean(_) => "mean",
        MeasureKind::Histogram(_) => "histogram",
        MeasureKind::Quantile { .. } => "quantile",
        MeasureKind::Dispersion(..) => "dispersion",
        MeasureKind::Association(..) => "association",
    }
}

#[test]
fn every_rule_and_every_kind_of_measure_has_a_row() {
    let has_rule = |name: &str| ROWS.iter().any(|(rule, _, _)| *rule == name);
    for rule in QUESTION_RULES {
        assert!(has_rule(of_question_rule(rule)), "{rule:?}");
    }
    for rule in CELL_RULES {
        assert!(has_rule(of_cell_rule(rule)), "{rule:?}");
    }
    assert!(has_rule("guard") && has_rule("budget"));
    let x = || Scalar::Column("cost".to_owned());
    let kinds = [
        MeasureKind::Rows,
        MeasureKind::Values(x()),
        MeasureKind::Units,
        MeasureKind::ApproxDistinct(x()),
        MeasureKind::Sum(x()),
        MeasureKind::Mean(x()),
        MeasureKind::Histogram(x()),
        MeasureKind::Quantile { argument: x(), probability: Probability::HALF },
        MeasureKind::Dispersion(Dispersion::VarianceOfSample, x()),
        MeasureKind::Association(Association::Correlation, x(), x()),
    ];
    for kind in kinds {
        // One that is of open data only stands among what the rule on measures refuses.
        let row = ROWS.iter().find(|(rule, shape, _)| {
            matches!(*rule, "measure" | "measures") && *shape == of_measure(&kind)
        });
        assert!(row.is_some(), "{kind:?}");
    }
}

/// What came of the cells: the codes of a Refusal, or how many were shown.
fn outcome(answer: &Result<Asked, String>) -> String {
    match answer {
        Err(told) => {
            let codes = RefusalCode::ALL.into_iter().map(RefusalCode::as_str);
            let codes: Vec<&str> = codes.filter(|c| told.contains(&format!("{c}: "))).collect();
            format!("refused {}", codes.join(" "))
        }
        Ok(asked) => {
            let fields = asked.schema.fields().iter();
            let measures: Vec<usize> = fields
                .enumerate()
                .filter(|(_, f)| !f.metadata().contains_key("insitu.status_of"))
                .map(|(i, _)| i)
                .enumerate()
                .filter(|(_, column)| {
                    asked
                        .schema
                        .fields()
                        .get(column + 1)
                        .is_some_and(|next| next.metadata().contains_key("insitu.status_of"))
                })
                .map(|(shown, _)| shown)
                .collect();
            let rows = asked.cells();
            let cells: Vec<&String> =
                rows.iter().flat_map(|row| measures.iter().map(|m| &row[*m])).collect();
            let is_sign = |cell: &str| matches!(cell, "[c]" | "[x]");
            let released = cells.iter().filter(|c| !is_sign(c)).count();
            match (released, cells.len()) {
                (_, 0) => "no rows".to_owned(),
                (0, _) => "suppressed".to_owned(),
                (some, all) if some == all => "released".to_owned(),
                (some, all) => format!("{some} of {all} released"),
            }
        }
    }
}

async fn ask(analyst: &mut Analyst, statements: &[&str]) -> String {
    let mut answers = Vec::new();
    for sql in statements {
        answers.push(analyst.ask(sql).await.map_err(|told| told.0));
    }
    match answers.as_slice() {
        [only] => outcome(only),
        [Ok(first), Ok(second)] if first.cells() == second.cells() => "the same again".to_owned(),
        [Ok(_), Ok(_)] => "another value".to_owned(),
        several => several.iter().map(outcome).collect::<Vec<_>>().join(", "),
    }
}

/// Councils whose tables are final at each node, so that they don't add up.
fn councils_at_node() -> Vec<Department> {
    let mut councils = departments::councils();
    for council in &mut councils {
        council.config = council.config.replace("\"at-gateway\"", "\"at-node\"");
    }
    councils
}

/// The councils again under this preset, their cells added up; the first alone has 30 homes in band `C`.
fn shared(preset: &str) -> Vec<Department> {
    let mut councils = departments::councils();
    for (i, council) in councils.iter_mut().enumerate() {
        council.config = council
            .config
            .replace("[node]\nid = \"", "[node]\nid = \"shared-")
            .replace("councils.homes", "councils.shared")
            .replace("\"standard\"", &format!("\"{preset}\""));
        let alone = (0..30).filter(|_| i == 0).map(|n| format!("c{n},C,0\n"));
        council.files[0].1.extend(alone.collect::<String>().into_bytes());
    }
    councils
}

/// The same visits again, at a node that answers one condition.
fn rationed(preset: &str) -> Department {
    let mut again = department(Among::All, preset, "at-node");
    again.config = again
        .config
        .replace("id = \"health\"", "id = \"rationed\"")
        .replace("health.visits", "health.rationed")
        .replace("release = ", "conditions_max = 1\nrelease = ");
    again
}

/// The same visits again, of which 15 are said to exist.
fn sparse(preset: &str) -> Department {
    let mut again = department(Among::All, preset, "at-node");
    again.config = again
        .config
        .replace("id = \"health\"", "id = \"sparse\"")
        .replace("health.visits", "health.sparse")
        .replace("release = ", "rows_about = 15\nrelease = ");
    again
}

async fn matrix() -> String {
    let mut columns: Vec<Vec<String>> = Vec::new();
    for preset in Preset::ALL {
        let mut departments = councils_at_node();
        departments.extend(shared(preset.as_str()));
        let visits = department(Among::All, preset.as_str(), "at-node");
        departments.push(with_patients(visits, preset.as_str()));
        departments.push(rationed(preset.as_str()));
        departments.push(sparse(preset.as_str()));
        departments.push(departments::reference());
        let federation = Federation::start(&departments).await;
        let mut analyst = federation.analyst().await;
        let mut column = Vec::new();
        for (_, _, statements) in ROWS {
            column.push(ask(&mut analyst, statements).await);
        }
        columns.push(column);
    }
    let mut text = format!("{:10} {:32}", "rule", "question");
    for preset in Preset::ALL {
        let _ = write!(text, " {:18}", preset.as_str());
    }
    let mut text = text.trim_end().to_owned() + "\n";
    for (i, (rule, shape, _)) in ROWS.iter().enumerate() {
        let mut line = format!("{rule:10} {shape:32}");
        for column in &columns {
            let _ = write!(line, " {:18}", column[i]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_rules_and_questions_is_as_it_was_read() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/policy_matrix.txt");
    let now = matrix().await;
    if std::env::var_os("INSITU_MATRIX_UPDATE").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(now, known, "INSITU_MATRIX_UPDATE=1 writes {file}");
    for code in RefusalCode::ALL {
        if code.family() == Family::Disclosure {
            assert!(now.contains(code.as_str()), "no question is refused with {}", code.as_str());
        }
    }
}
