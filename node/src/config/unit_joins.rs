//! `unit_joins`: datasets of this node that rows may be joined to by their unit.
//!
//! Each of two data owners has to allow it, so a name stands on both sides; that is checked over the whole document.

use std::collections::BTreeSet;

use insitu_disclosure::dataset::{Dataset, DatasetName};
use insitu_disclosure::tabulation::unit_join::unit_column;
use toml::Spanned;

use super::document::{DatasetTable, List};
use super::problems::Problems;

const FIX: &str = "write names of datasets of this node, as in `[\"health.prescriptions\"]`";

/// The names that are listed; none unless they are.
pub(super) fn unit_joins(
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) -> Option<BTreeSet<DatasetName>> {
    let Some(list) = &table.unit_joins else { return Some(BTreeSet::new()) };
    let List(written) = list.get_ref();
    let mut names = BTreeSet::new();
    let mut wrong = false;
    for text in written {
        match DatasetName::parse(text.get_ref()) {
            Some(name) => {
                names.insert(name);
            }
            None => {
                wrong = true;
                let problem = format!("`{}` isn't the name of a dataset", text.get_ref());
                problems.report(&text.span(), problem, FIX);
            }
        }
    }
    (!wrong).then_some(names)
}

/// That every dataset named is one of these, names the other one too, and has the same kind of ids.
pub(super) fn mutual(
    tables: &[Spanned<DatasetTable>],
    datasets: &[Option<&Dataset>],
    problems: &mut Problems<'_>,
) {
    // What else is wrong with a dataset was told, and it may be the one that is meant.
    let all: Option<Vec<&Dataset>> = datasets.iter().copied().collect();
    let Some(all) = all else { return };
    for (table, dataset) in tables.iter().zip(&all) {
        let Some(list) = &table.get_ref().unit_joins else { continue };
        for text in &list.get_ref().0 {
            let Some(name) = DatasetName::parse(text.get_ref()) else { continue };
            let other = all.iter().find(|other| other.name == name);
            if let Some((problem, fix)) = wrong(dataset, &name, other.copied()) {
                problems.report(&text.span(), problem, fix);
            }
        }
    }
}

fn wrong(
    dataset: &Dataset,
    name: &DatasetName,
    other: Option<&Dataset>,
) -> Option<(String, String)> {
    let Some(other) = other else {
        return Some((format!("`{name}` isn't a dataset of this node"), FIX.to_owned()));
    };
    if !other.may_be_joined_with(&dataset.name) {
        let problem = format!("`{name}` doesn't name `{}` in its `unit_joins`", dataset.name);
        let fix = "both data owners have to allow a join: add the name there, or leave it out here";
        return Some((problem, fix.to_owned()));
    }
    let (Some(unit), Some(others)) = (unit_column(dataset), unit_column(other)) else {
        let problem =
            format!("`{}` and `{name}` don't both have a column for their unit", dataset.name);
        return Some((problem, "leave `unit_joins` out where each row is a unit".to_owned()));
    };
    (unit.scalar_type != others.scalar_type).then(|| {
        let problem = format!(
            "the unit `{}` is {}, and `{}` of `{name}` is {}",
            unit.name, unit.scalar_type, others.name, others.scalar_type
        );
        (problem, "declare ids of one type".to_owned())
    })
}
