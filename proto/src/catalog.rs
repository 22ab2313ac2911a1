//! What a node announces.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use insitu_disclosure::dataset::{DOMAIN_VALUES_MAX, is_identifier};
use insitu_disclosure::hierarchy::{self, HIERARCHIES_MAX, Hierarchy};
use insitu_disclosure::impossible::{COMBINATIONS_MAX, Impossible};
use insitu_disclosure::noise::PerturbationTable;
use insitu_disclosure::{
    AnswerTimes, Bounds, Breakpoints, Column, Dataset, Domain, Label, Literal, ProtectedUnit,
    Protection, ReleaseMode, ScalarType, UnitTotals,
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::{Malformed, profile, scalar, tabulation, v1};

/// The most columns of a dataset.
const COLUMNS_MAX: usize = 2_000;

/// A Dataset as others may know it, as a message: without its hidden columns.
#[must_use]
pub fn encode(dataset: &Dataset) -> v1::Dataset {
    use v1::dataset::Protection as P;
    let visible = dataset.visible();
    let protection = match &visible.protection {
        Protection::Open => P::Open(v1::Unit {}),
        // The column of record keys is the node's own business.
        Protection::Protected {
            unit,
            profile,
            release,
            units_at_one_node,
            record_key: _,
            perturbation,
            conditions_max,
            answer_times,
            rows_about,
            reference_joins,
            unit_joins,
        } => P::Protected(v1::Protected {
            unit: match unit {
                ProtectedUnit::Row => None,
                ProtectedUnit::Column { name, unique_per_row } => {
                    Some(v1::UnitColumn { name: name.clone(), unique_per_row: *unique_per_row })
                }
            },
            profile: Some(profile::encode(*profile)),
            perturbation: perturbation.as_ref().map(|table| table.digest()),
            release: match release {
                ReleaseMode::AtNode => v1::Release::AtNode,
                ReleaseMode::AtGateway => v1::Release::AtGateway,
            }
            .into(),
            units_at_one_node: *units_at_one_node,
            conditions_max: *conditions_max,
            answer_times_ms: answer_times.ms().to_vec(),
            rows_about: *rows_about,
            no_reference_joins: !reference_joins,
            unit_joins: unit_joins.iter().map(ToString::to_string).collect(),
        }),
    };
    v1::Dataset {
        name: visible.name.to_string(),
        description: visible.description.clone(),
        columns: visible.columns.iter().filter_map(encode_column).collect(),
        protection: Some(protection),
        snapshot: visible.snapshot,
        impossible: visible.impossible.iter().map(encode_impossible).collect(),
        hierarchies: visible.hierarchies.iter().map(encode_hierarchy).collect(),
    }
}

fn encode_impossible(impossible: &Impossible) -> v1::Impossible {
    let codes = impossible.codes().iter().map(|(column, codes)| v1::Codes {
        column: column.clone(),
        codes: Some(v1::Literals { literals: codes.iter().map(scalar::encode_literal).collect() }),
    });
    v1::Impossible { codes: codes.collect() }
}

/// By the coarser column's codes, in the order of each one's first code.
fn encode_hierarchy(hierarchy: &Hierarchy) -> v1::Hierarchy {
    let mut groups: Vec<(&Literal, Vec<v1::Literal>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (code, within) in hierarchy.codes() {
        let place = *places.entry(within.to_string()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((within, Vec::new()));
        }
        if let Some((_, codes)) = groups.get_mut(place) {
            codes.push(scalar::encode_literal(code));
        }
    }
    let group = |(within, codes)| v1::CodeGroup {
        within: Some(scalar::encode_literal(within)),
        codes: Some(v1::Literals { literals: codes }),
    };
    v1::Hierarchy {
        column: hierarchy.column().to_owned(),
        within: hierarchy.within().to_owned(),
        groups: groups.into_iter().map(group).collect(),
    }
}

fn decode_hierarchy(message: &v1::Hierarchy) -> Result<Hierarchy, Malformed> {
    let malformed = || Malformed::Field("hierarchies");
    let listed = message.groups.iter().filter_map(|group| group.codes.as_ref());
    let listed = listed.map(|codes| codes.literals.len()).fold(0, usize::saturating_add);
    if DOMAIN_VALUES_MAX < listed {
        return Err(malformed());
    }
    let mut codes = Vec::with_capacity(listed);
    for group in &message.groups {
        let within = scalar::decode_literal(group.within.as_ref().ok_or_else(malformed)?)?;
        for code in &group.codes.as_ref().ok_or_else(malformed)?.literals {
            codes.push((scalar::decode_literal(code)?, within.clone()));
        }
    }
    // Names become those of a look-up's columns.
    if !is_identifier(&message.column) || !is_identifier(&message.within) {
        return Err(malformed());
    }
    Hierarchy::new(&message.column, &message.within, codes).map_err(|_| malformed())
}

fn decode_impossible(
    message: &v1::Impossible,
    columns: &[Column],
) -> Result<Impossible, Malformed> {
    let malformed = || Malformed::Field("impossible");
    let of_column = |codes: &v1::Codes| {
        let is_named = |c: &&Column| c.name == codes.column && c.label == Label::Dimension;
        let column = columns.iter().find(is_named).ok_or_else(malformed)?;
        let literals = codes.codes.as_ref().ok_or_else(malformed)?;
        Ok((codes.column.clone(), decode_values(literals, column.scalar_type)?))
    };
    let codes = message.codes.iter().map(of_column).collect::<Result<Vec<_>, Malformed>>()?;
    Impossible::new(codes).ok_or_else(malformed)
}

/// The tables of perturbations that datasets name, each once, as text.
#[must_use]
pub fn perturbation_tables<'a>(datasets: impl IntoIterator<Item = &'a Dataset>) -> Vec<String> {
    let mut tables = BTreeMap::new();
    for dataset in datasets {
        if let Protection::Protected { perturbation: Some(table), .. } = &dataset.protection {
            tables.insert(table.digest(), Arc::clone(table));
        }
    }
    tables.into_values().map(|table| table.to_csv()).collect()
}

/// The first 8 bytes of the SHA-256 of the descriptor: the terms a question was asked under.
#[must_use]
pub fn fingerprint(dataset: &Dataset) -> u64 {
    let digest = Sha256::digest(encode(dataset).encode_to_vec());
    digest.iter().take(8).fold(0, |acc, byte| (acc << 8) | u64::from(*byte))
}

/// A Dataset from a message.
///
/// # Errors
/// Anything missing, unknown or not possible; a table of perturbations that isn't among `tables`.
pub fn decode(
    message: &v1::Dataset,
    tables: &BTreeMap<u64, Arc<PerturbationTable>>,
) -> Result<Dataset, Malformed> {
    if message.columns.len() > COLUMNS_MAX {
        return Err(Malformed::Field("columns"));
    }
    let columns: Vec<Column> =
        message.columns.iter().map(decode_column).collect::<Result<_, _>>()?;
    let mut names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Malformed::Field("columns"));
    }
    let protection = match message.protection.as_ref().ok_or(Malformed::Field("protection"))? {
        v1::dataset::Protection::Open(_) => Protection::Open,
        v1::dataset::Protection::Protected(p) => decode_protected(p, &columns, tables)?,
    };
    if COMBINATIONS_MAX < message.impossible.len()
        || (protection == Protection::Open && !message.impossible.is_empty())
    {
        return Err(Malformed::Field("impossible"));
    }
    let impossible = message.impossible.iter().map(|i| decode_impossible(i, &columns));
    let impossible = impossible.collect::<Result<_, _>>()?;
    if HIERARCHIES_MAX < message.hierarchies.len()
        || (protection == Protection::Open && !message.hierarchies.is_empty())
    {
        return Err(Malformed::Field("hierarchies"));
    }
    let hierarchies = message.hierarchies.iter().map(decode_hierarchy);
    let hierarchies = hierarchy::declared(hierarchies.collect::<Result<_, _>>()?, &columns);
    Ok(Dataset {
        name: tabulation::dataset_name(&message.name)?,
        description: message.description.clone(),
        columns,
        impossible,
        hierarchies: hierarchies.map_err(|_| Malformed::Field("hierarchies"))?,
        protection,
        snapshot: message.snapshot,
    })
}

fn decode_protected(
    p: &v1::Protected,
    columns: &[Column],
    tables: &BTreeMap<u64, Arc<PerturbationTable>>,
) -> Result<Protection, Malformed> {
    let profile = profile::decode(p.profile.as_ref().ok_or(Malformed::Field("profile"))?)?;
    let perturbation = match p.perturbation {
        None => None,
        Some(digest) => {
            let table = tables.get(&digest).ok_or(Malformed::Field("perturbation"))?;
            Some(Arc::clone(table))
        }
    };
    let release = match v1::Release::try_from(p.release).map_err(|_| Malformed::Unknown)? {
        v1::Release::Unspecified => return Err(Malformed::Field("release")),
        v1::Release::AtNode => ReleaseMode::AtNode,
        v1::Release::AtGateway => ReleaseMode::AtGateway,
    };
    let unit = match &p.unit {
        None => ProtectedUnit::Row,
        Some(unit) => {
            let is_unit = |c: &Column| c.name == unit.name && c.label == Label::Unit;
            if !columns.iter().any(is_unit) {
                return Err(Malformed::Field("unit"));
            }
            ProtectedUnit::Column { name: unit.name.clone(), unique_per_row: unit.unique_per_row }
        }
    };
    Ok(Protection::Protected {
        unit,
        profile,
        release,
        units_at_one_node: p.units_at_one_node,
        record_key: None,
        perturbation,
        conditions_max: p.conditions_max,
        answer_times: match p.answer_times_ms.as_slice() {
            [] => AnswerTimes::at_once(),
            ms => AnswerTimes::new(ms.to_vec()).ok_or(Malformed::Field("answer_times_ms"))?,
        },
        rows_about: p.rows_about,
        reference_joins: !p.no_reference_joins,
        unit_joins: p
            .unit_joins
            .iter()
            .map(|name| tabulation::dataset_name(name))
            .collect::<Result<_, _>>()?,
    })
}

/// `None` for a hidden column, which isn't announced.
fn encode_column(column: &Column) -> Option<v1::Column> {
    let label = match column.label {
        Label::Unit => v1::Label::Unit,
        Label::Dimension => v1::Label::Dimension,
        Label::Filter => v1::Label::Filter,
        Label::Measure => v1::Label::Measure,
        Label::Hidden => return None,
    };
    let literals =
        |l: &[Literal]| v1::Literals { literals: l.iter().map(scalar::encode_literal).collect() };
    let domain = column.domain.as_ref().map(|domain| match domain {
        Domain::Codes(codes) => v1::domain::Domain::Codes(literals(codes)),
        Domain::Range(first, last) => {
            v1::domain::Domain::Range(v1::Range { first: *first, last: *last })
        }
    });
    let breakpoints = |breakpoints: &Breakpoints| v1::Breakpoints {
        breakpoints: Some(match breakpoints {
            Breakpoints::Months => v1::breakpoints::Breakpoints::Months(v1::Unit {}),
            Breakpoints::Years => v1::breakpoints::Breakpoints::Years(v1::Unit {}),
            Breakpoints::Listed(values) => v1::breakpoints::Breakpoints::Listed(literals(values)),
        }),
    };
    let places = column.scalar_type.decimal_places();
    let bounds = |b: Bounds| v1::Bounds {
        low: Some(scalar::encode_decimal(b.low, places)),
        high: Some(scalar::encode_decimal(b.high, places)),
    };
    Some(v1::Column {
        name: column.name.clone(),
        r#type: Some(scalar::encode_type(column.scalar_type)),
        label: label.into(),
        domain: domain.map(|domain| v1::Domain { domain: Some(domain) }),
        breakpoints: column.breakpoints.as_ref().map(breakpoints),
        bounds: column.bounds.map(bounds),
        measured_in: column.measured_in.clone(),
        description: column.description.clone(),
        unit_totals: column.unit_totals.as_ref().map(|totals| v1::UnitTotals {
            bounds: Some(bounds(totals.bounds)),
            breakpoints: totals.breakpoints.as_ref().map(breakpoints),
        }),
    })
}

fn decode_column(message: &v1::Column) -> Result<Column, Malformed> {
    if !is_identifier(&message.name) {
        return Err(Malformed::Field("column name"));
    }
    let scalar_type =
        scalar::decode_type(message.r#type.as_ref().ok_or(Malformed::Field("type"))?)?;
    let label = match v1::Label::try_from(message.label).map_err(|_| Malformed::Unknown)? {
        v1::Label::Unspecified => return Err(Malformed::Field("label")),
        v1::Label::Unit => Label::Unit,
        v1::Label::Dimension => Label::Dimension,
        v1::Label::Filter => Label::Filter,
        v1::Label::Measure => Label::Measure,
    };
    Ok(Column {
        name: message.name.clone(),
        scalar_type,
        label,
        domain: message.domain.as_ref().map(|d| decode_domain(d, scalar_type)).transpose()?,
        breakpoints: message
            .breakpoints
            .as_ref()
            .map(|b| decode_breakpoints(b, scalar_type))
            .transpose()?,
        bounds: message.bounds.as_ref().map(|b| decode_bounds(b, scalar_type)).transpose()?,
        unit_totals: message
            .unit_totals
            .as_ref()
            .map(|t| decode_unit_totals(t, label, scalar_type))
            .transpose()?,
        measured_in: message.measured_in.clone(),
        description: message.description.clone(),
    })
}

fn decode_unit_totals(
    message: &v1::UnitTotals,
    label: Label,
    scalar_type: ScalarType,
) -> Result<UnitTotals, Malformed> {
    if label != Label::Measure {
        return Err(Malformed::Field("unit totals"));
    }
    let bounds = message.bounds.as_ref().ok_or(Malformed::Field("unit totals"))?;
    let breakpoints = message.breakpoints.as_ref();
    Ok(UnitTotals {
        bounds: decode_bounds(bounds, scalar_type)?,
        breakpoints: breakpoints.map(|b| decode_breakpoints(b, scalar_type)).transpose()?,
    })
}

fn decode_values(
    message: &v1::Literals,
    scalar_type: ScalarType,
) -> Result<Vec<Literal>, Malformed> {
    if message.literals.len() > DOMAIN_VALUES_MAX {
        return Err(Malformed::Field("values"));
    }
    let decode = |l| {
        let literal = scalar::decode_literal(l)?;
        (!literal.is_null() && literal.scalar_type() == scalar_type)
            .then_some(literal)
            .ok_or(Malformed::Field("values"))
    };
    message.literals.iter().map(decode).collect()
}

fn decode_domain(message: &v1::Domain, scalar_type: ScalarType) -> Result<Domain, Malformed> {
    match message.domain.as_ref().ok_or(Malformed::Field("domain"))? {
        v1::domain::Domain::Codes(codes) => decode_values(codes, scalar_type).map(Domain::Codes),
        v1::domain::Domain::Range(range) => {
            let size = i128::from(range.last) - i128::from(range.first) + 1;
            let possible = scalar_type == ScalarType::Int64
                && 1 <= size
                && usize::try_from(size).is_ok_and(|s| s <= DOMAIN_VALUES_MAX);
            possible
                .then_some(Domain::Range(range.first, range.last))
                .ok_or(Malformed::Field("domain"))
        }
    }
}

fn decode_breakpoints(
    message: &v1::Breakpoints,
    scalar_type: ScalarType,
) -> Result<Breakpoints, Malformed> {
    use v1::breakpoints::Breakpoints as B;
    match message.breakpoints.as_ref().ok_or(Malformed::Field("breakpoints"))? {
        B::Months(_) if scalar_type == ScalarType::Date => Ok(Breakpoints::Months),
        B::Years(_) if scalar_type == ScalarType::Date => Ok(Breakpoints::Years),
        B::Months(_) | B::Years(_) => Err(Malformed::Field("breakpoints")),
        B::Listed(values) => decode_values(values, scalar_type).map(Breakpoints::Listed),
    }
}

fn decode_bounds(message: &v1::Bounds, scalar_type: ScalarType) -> Result<Bounds, Malformed> {
    let end = |d: &Option<v1::Decimal>| {
        let d = d.as_ref().ok_or(Malformed::Field("bounds"))?;
        let (value, places) = scalar::decode_decimal(d)?;
        (places == scalar_type.decimal_places()).then_some(value).ok_or(Malformed::Field("bounds"))
    };
    let (low, high) = (end(&message.low)?, end(&message.high)?);
    if low <= high { Ok(Bounds { low, high }) } else { Err(Malformed::Field("bounds")) }
}

/// What a node announces, from a message.
///
/// # Errors
/// A dataset that isn't possible, or announced twice.
pub fn decode_all(message: &v1::NodeCatalog) -> Result<Vec<Dataset>, Malformed> {
    let mut tables = BTreeMap::new();
    for text in &message.perturbation_tables {
        let table = PerturbationTable::from_csv(text);
        let table = Arc::new(table.map_err(|_| Malformed::Field("perturbation_tables"))?);
        tables.insert(table.digest(), table);
    }
    let datasets: Vec<Dataset> =
        message.datasets.iter().map(|d| decode(d, &tables)).collect::<Result<_, _>>()?;
    let mut names: Vec<_> = datasets.iter().map(|d| &d.name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Malformed::Field("datasets"));
    }
    Ok(datasets)
}
