//! The question.

use insitu_disclosure::{
    DatasetName, Input, Key, KeySet, Measure, MeasureKind, Probability, RollUp, Scalar, Tabulation,
    UnitCount, UnitJoin, UnitJoinKind, UnitTotal,
};

use crate::version::{
    DISTINCT_SKETCHES, GROUPING_SETS, MOMENTS, REFERENCES, ROLL_UPS, UNIT_JOINS, UNIT_TOTALS,
};
use crate::{Malformed, moment, scalar, v1};

/// The most filters one upon the other; the gateway writes one.
const INPUT_DEPTH_MAX: usize = 8;

/// A Tabulation as a message.
#[must_use]
pub fn encode(tabulation: &Tabulation) -> v1::Tabulation {
    v1::Tabulation {
        input: Some(encode_input(&tabulation.input)),
        keys: tabulation.keys.iter().map(|k| scalar::encode(&k.scalar)).collect(),
        measures: tabulation.measures.iter().map(encode_measure).collect(),
        groups_max: tabulation.groups_max,
        sets: tabulation.sets.iter().map(|set| set.mask().into()).collect(),
    }
}

/// A Tabulation from a message. What it means is checked by admission.
///
/// # Errors
/// Anything missing or unknown.
pub fn decode(message: &v1::Tabulation) -> Result<Tabulation, Malformed> {
    Ok(Tabulation {
        input: decode_input(message.input.as_ref().ok_or(Malformed::Field("input"))?, 0)?,
        keys: message
            .keys
            .iter()
            .map(|k| scalar::decode(k).map(|scalar| Key { scalar }))
            .collect::<Result<_, _>>()?,
        sets: message.sets.iter().map(|mask| decode_set(*mask)).collect::<Result<_, _>>()?,
        measures: message.measures.iter().map(decode_measure).collect::<Result<_, _>>()?,
        groups_max: message.groups_max,
    })
}

fn decode_set(mask: u32) -> Result<KeySet, Malformed> {
    u16::try_from(mask).map(KeySet::of_mask).map_err(|_| Malformed::Field("sets"))
}

/// The features a question needs: bits of [`crate::version`].
#[must_use]
pub fn features(tabulation: &Tabulation) -> u64 {
    let of_sets = if tabulation.sets.is_empty() { 0 } else { GROUPING_SETS };
    let of_input = match tabulation.input.roll_up() {
        None => 0,
        Some((roll_up, _)) if roll_up.totals.is_empty() => ROLL_UPS,
        Some(_) => ROLL_UPS | UNIT_TOTALS,
    };
    let of_joins = if tabulation.input.unit_joins().is_empty() { 0 } else { UNIT_JOINS };
    let of_measure = |measure: &Measure| match measure.kind {
        MeasureKind::Rows
        | MeasureKind::Values(_)
        | MeasureKind::Units
        | MeasureKind::Sum(_)
        | MeasureKind::Mean(_)
        // Version 2 has these.
        | MeasureKind::Histogram(_)
        | MeasureKind::Quantile { .. } => 0,
        MeasureKind::ApproxDistinct(_) => DISTINCT_SKETCHES,
        MeasureKind::Dispersion(..) | MeasureKind::Association(..) => MOMENTS,
    };
    let of_references = if tabulation.references().is_empty() { 0 } else { REFERENCES };
    let joined = tabulation.input.unit_joins().into_iter().filter_map(|j| j.predicate.as_ref());
    let scalars = tabulation.scalars().chain(joined);
    let of_scalars = scalars.map(scalar::features).fold(0, |all, one| all | one);
    let of_all = of_sets | of_input | of_joins | of_references | of_scalars;
    tabulation.measures.iter().map(of_measure).fold(of_all, |all, one| all | one)
}

fn encode_input(input: &Input) -> v1::Input {
    use v1::input::Input as I;
    let input = match input {
        Input::Scan { dataset, fingerprint } => {
            I::Scan(v1::Scan { dataset: dataset.to_string(), fingerprint: *fingerprint })
        }
        Input::Filter { input, predicate } => I::Filter(Box::new(v1::Filter {
            input: Some(Box::new(encode_input(input))),
            predicate: Some(scalar::encode(predicate)),
        })),
        Input::UnitJoin { input, join } => {
            let UnitJoin { kind, dataset, fingerprint, predicate } = join;
            I::UnitJoin(Box::new(v1::UnitJoin {
                input: Some(Box::new(encode_input(input))),
                kind: encode_join_kind(*kind).into(),
                joined: Some(v1::Scan { dataset: dataset.to_string(), fingerprint: *fingerprint }),
                predicate: predicate.as_ref().map(scalar::encode),
            }))
        }
        Input::RollUp { input, roll_up } => I::RollUp(Box::new(v1::RollUp {
            input: Some(Box::new(encode_input(input))),
            dimensions: roll_up.dimensions.clone(),
            counts: roll_up.counts.iter().map(encode_count).collect(),
            totals: roll_up.totals.iter().map(encode_total).collect(),
        })),
    };
    v1::Input { input: Some(input) }
}

fn decode_input(message: &v1::Input, depth: usize) -> Result<Input, Malformed> {
    use v1::input::Input as I;
    if depth > INPUT_DEPTH_MAX {
        return Err(Malformed::Field("input depth"));
    }
    Ok(match message.input.as_ref().ok_or(Malformed::Field("input"))? {
        I::Scan(scan) => {
            Input::Scan { dataset: dataset_name(&scan.dataset)?, fingerprint: scan.fingerprint }
        }
        I::Filter(filter) => {
            let below = filter.input.as_deref().ok_or(Malformed::Field("input"))?;
            let predicate = filter.predicate.as_ref().ok_or(Malformed::Field("predicate"))?;
            Input::Filter {
                input: Box::new(decode_input(below, depth.saturating_add(1))?),
                predicate: scalar::decode(predicate)?,
            }
        }
        I::UnitJoin(join) => {
            let below = join.input.as_deref().ok_or(Malformed::Field("input"))?;
            let joined = join.joined.as_ref().ok_or(Malformed::Field("joined"))?;
            Input::UnitJoin {
                input: Box::new(decode_input(below, depth.saturating_add(1))?),
                join: UnitJoin {
                    kind: decode_join_kind(join.kind)?,
                    dataset: dataset_name(&joined.dataset)?,
                    fingerprint: joined.fingerprint,
                    predicate: join.predicate.as_ref().map(scalar::decode).transpose()?,
                },
            }
        }
        I::RollUp(roll_up) => {
            let below = roll_up.input.as_deref().ok_or(Malformed::Field("input"))?;
            let counts = roll_up.counts.iter().map(decode_count);
            let totals = roll_up.totals.iter().map(decode_total);
            Input::RollUp {
                input: Box::new(decode_input(below, depth.saturating_add(1))?),
                roll_up: RollUp {
                    dimensions: roll_up.dimensions.clone(),
                    counts: counts.collect::<Result<_, _>>()?,
                    totals: totals.collect::<Result<_, _>>()?,
                },
            }
        }
    })
}

const fn encode_join_kind(kind: UnitJoinKind) -> v1::UnitJoinKind {
    match kind {
        UnitJoinKind::Semi => v1::UnitJoinKind::Semi,
        UnitJoinKind::Anti => v1::UnitJoinKind::Anti,
        UnitJoinKind::Inner => v1::UnitJoinKind::Inner,
        UnitJoinKind::Left => v1::UnitJoinKind::Left,
    }
}

fn decode_join_kind(kind: i32) -> Result<UnitJoinKind, Malformed> {
    match v1::UnitJoinKind::try_from(kind).map_err(|_| Malformed::Unknown)? {
        v1::UnitJoinKind::Unspecified => Err(Malformed::Field("kind")),
        v1::UnitJoinKind::Semi => Ok(UnitJoinKind::Semi),
        v1::UnitJoinKind::Anti => Ok(UnitJoinKind::Anti),
        v1::UnitJoinKind::Inner => Ok(UnitJoinKind::Inner),
        v1::UnitJoinKind::Left => Ok(UnitJoinKind::Left),
    }
}

fn encode_count(count: &UnitCount) -> v1::UnitCount {
    v1::UnitCount {
        values_of: count.values_of.as_ref().map(scalar::encode),
        filter: count.filter.as_ref().map(scalar::encode),
    }
}

fn decode_count(message: &v1::UnitCount) -> Result<UnitCount, Malformed> {
    let decode = |scalar: &Option<v1::Scalar>| scalar.as_ref().map(scalar::decode).transpose();
    Ok(UnitCount { values_of: decode(&message.values_of)?, filter: decode(&message.filter)? })
}

fn encode_total(total: &UnitTotal) -> v1::UnitTotal {
    v1::UnitTotal { of: total.of.clone(), filter: total.filter.as_ref().map(scalar::encode) }
}

fn decode_total(message: &v1::UnitTotal) -> Result<UnitTotal, Malformed> {
    let filter = message.filter.as_ref().map(scalar::decode).transpose()?;
    Ok(UnitTotal { of: message.of.clone(), filter })
}

/// A dataset's name from a message.
///
/// # Errors
/// Text that isn't `schema.table`.
pub fn dataset_name(text: &str) -> Result<DatasetName, Malformed> {
    DatasetName::parse(text).ok_or(Malformed::Field("dataset"))
}

fn encode_measure(measure: &Measure) -> v1::Measure {
    use v1::measure::Kind as K;
    let kind = match &measure.kind {
        MeasureKind::Rows => K::Rows(v1::Unit {}),
        MeasureKind::Values(x) => K::Values(scalar::encode(x)),
        MeasureKind::Units => K::Units(v1::Unit {}),
        MeasureKind::ApproxDistinct(x) => K::ApproxDistinct(scalar::encode(x)),
        MeasureKind::Sum(x) => K::Sum(scalar::encode(x)),
        MeasureKind::Mean(x) => K::Mean(scalar::encode(x)),
        MeasureKind::Histogram(x) => K::Histogram(scalar::encode(x)),
        MeasureKind::Quantile { argument, probability } => K::Quantile(v1::Quantile {
            argument: Some(scalar::encode(argument)),
            probability: probability.millionths(),
        }),
        MeasureKind::Dispersion(of, x) => K::Dispersion(v1::Dispersion {
            kind: moment::encode_dispersion(*of).into(),
            of: Some(scalar::encode(x)),
        }),
        MeasureKind::Association(of, y, x) => K::Association(v1::Association {
            kind: moment::encode_association(*of).into(),
            y: Some(scalar::encode(y)),
            x: Some(scalar::encode(x)),
        }),
    };
    v1::Measure { kind: Some(kind), filter: measure.filter.as_ref().map(scalar::encode) }
}

fn argument(message: Option<&v1::Scalar>) -> Result<Scalar, Malformed> {
    scalar::decode(message.ok_or(Malformed::Field("argument"))?)
}

fn decode_measure(message: &v1::Measure) -> Result<Measure, Malformed> {
    use v1::measure::Kind as K;
    let kind = match message.kind.as_ref().ok_or(Malformed::Field("measure"))? {
        K::Rows(_) => MeasureKind::Rows,
        K::Values(x) => MeasureKind::Values(scalar::decode(x)?),
        K::Units(_) => MeasureKind::Units,
        K::ApproxDistinct(x) => MeasureKind::ApproxDistinct(scalar::decode(x)?),
        K::Sum(x) => MeasureKind::Sum(scalar::decode(x)?),
        K::Mean(x) => MeasureKind::Mean(scalar::decode(x)?),
        K::Histogram(x) => MeasureKind::Histogram(scalar::decode(x)?),
        K::Quantile(m) => MeasureKind::Quantile {
            argument: argument(m.argument.as_ref())?,
            // There is no quantile nearer to an end, whatever a peer asks for.
            probability: Probability::new(m.probability).ok_or(Malformed::Field("probability"))?,
        },
        K::Dispersion(d) => {
            let of = moment::decode_dispersion(d.kind)?;
            MeasureKind::Dispersion(of, argument(d.of.as_ref())?)
        }
        K::Association(a) => {
            let of = moment::decode_association(a.kind)?;
            MeasureKind::Association(of, argument(a.y.as_ref())?, argument(a.x.as_ref())?)
        }
    };
    Ok(Measure { kind, filter: message.filter.as_ref().map(scalar::decode).transpose()? })
}
