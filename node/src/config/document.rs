//! The document as TOML writes it, before any of it is checked.
//!
//! Every key is optional here, so that what is missing is reported together with everything else
//! that is wrong. A key that isn't named here is an error at once: a misspelt key would otherwise
//! be a setting that silently doesn't hold.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::{Spanned, Value};

/// A value and its place.
pub(super) type At<T> = Option<Spanned<T>>;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Document {
    pub(super) node: At<NodeTable>,
    pub(super) uplink: At<UplinkTable>,
    pub(super) listen: At<ListenTable>,
    #[serde(default)]
    pub(super) dataset: List<Spanned<DatasetTable>>,
}

/// `[node]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct NodeTable {
    pub(super) id: At<String>,
    pub(super) department: At<String>,
    pub(super) data_folder: At<String>,
    pub(super) state: At<String>,
    pub(super) memory_mib: At<Whole>,
    pub(super) source_mib_max: At<Whole>,
    pub(super) reference_mib_max: At<Whole>,
    pub(super) query_seconds_max: At<Whole>,
    pub(super) groups_max: At<Whole>,
    pub(super) anchors_max: At<Whole>,
    pub(super) spill_folder: At<String>,
    pub(super) spill_mib: At<Whole>,
}

/// `[uplink]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct UplinkTable {
    pub(super) gateway: At<String>,
    pub(super) secret_file: At<String>,
    pub(super) transport: At<String>,
}

/// `[listen]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ListenTable {
    pub(super) address: At<String>,
    pub(super) secret_file: At<String>,
    pub(super) transport: At<String>,
}

/// `[[dataset]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct DatasetTable {
    pub(super) name: At<String>,
    pub(super) description: At<String>,
    pub(super) source: At<SourceTable>,
    pub(super) protection: At<String>,
    pub(super) unit: At<String>,
    pub(super) unit_unique_per_row: At<bool>,
    pub(super) units_at_one_node: At<bool>,
    pub(super) profile: At<String>,
    pub(super) threshold_units: At<Whole>,
    pub(super) threshold_blur: At<Whole>,
    pub(super) threshold_blur_chosen: At<Whole>,
    pub(super) infusion_percent: At<Whole>,
    pub(super) rounding_base: At<Whole>,
    pub(super) p_percent: At<Whole>,
    pub(super) one_percent: At<Whole>,
    pub(super) two_percent: At<Whole>,
    pub(super) degrees_of_freedom: At<Whole>,
    pub(super) others_min: At<Whole>,
    pub(super) record_key: At<String>,
    pub(super) p_table: At<String>,
    pub(super) release: At<String>,
    pub(super) conditions_max: At<Whole>,
    pub(super) answer_times: At<List<Spanned<String>>>,
    pub(super) rows_about: At<Whole>,
    pub(super) reference_joins: At<bool>,
    pub(super) unit_joins: At<List<Spanned<String>>>,
    pub(super) misfits_max: At<Whole>,
    pub(super) impossible: At<List<Spanned<CombinationForm>>>,
    #[serde(default)]
    pub(super) column: List<Spanned<ColumnTable>>,
}

/// `source = { … }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct SourceTable {
    pub(super) format: At<String>,
    pub(super) path: At<String>,
    pub(super) files: At<List<Spanned<String>>>,
    pub(super) header: At<bool>,
    pub(super) delimiter: At<String>,
}

/// `[[dataset.column]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ColumnTable {
    pub(super) name: At<String>,
    pub(super) description: At<String>,
    pub(super) from: At<String>,
    pub(super) position: At<Whole>,
    #[serde(rename = "type")]
    pub(super) scalar_type: At<String>,
    pub(super) decimal_places: At<Whole>,
    pub(super) label: At<String>,
    pub(super) domain: At<DomainForm>,
    pub(super) domain_closed: At<bool>,
    pub(super) within: At<BTreeMap<String, Spanned<WithinForm>>>,
    pub(super) breakpoints: At<BreakpointsForm>,
    pub(super) bounds: At<BoundsTable>,
    pub(super) unit_bounds: At<BoundsTable>,
    pub(super) unit_breakpoints: At<BreakpointsForm>,
    pub(super) measured_in: At<String>,
    pub(super) blank: At<String>,
    pub(super) thousands_separator: At<String>,
    pub(super) date_format: At<String>,
    pub(super) derive: At<String>,
}

/// `bounds = { low = 0, high = 100 }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as `{ low = 0, high = 100 }`")]
pub(super) struct BoundsTable {
    pub(super) low: At<Value>,
    pub(super) high: At<Value>,
}

/// `{ first = 0, last = 105 }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as `{ first = 0, last = 105 }`")]
pub(super) struct RangeTable {
    pub(super) first: At<Whole>,
    pub(super) last: At<Whole>,
}

/// `{ sex = ["M"], procedure = ["caesarean"] }`
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct CombinationForm(pub(super) BTreeMap<String, List<Spanned<Value>>>);

/// The two ways to write a domain.
#[derive(Debug)]
pub(super) enum DomainForm {
    Codes(Vec<Spanned<Value>>),
    Range(RangeTable),
}

/// The two ways to write breakpoints.
#[derive(Debug)]
pub(super) enum BreakpointsForm {
    Word(String),
    Listed(Vec<Spanned<Value>>),
}

/// The two ways to say what codes belong to: by the coarser column's codes, or in a file.
#[derive(Debug)]
pub(super) enum WithinForm {
    Codes(BTreeMap<String, List<Spanned<Value>>>),
    File(String),
}

/// A whole number. Its own type, so that an error speaks of one instead of naming a Rust type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) i64);

/// A list, with an error of its own for `[dataset]` where `[[dataset]]` is meant.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor;
        impl Visitor<'_> for WholeVisitor {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Whole, E> {
                Ok(Whole(value))
            }

            fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Whole, E> {
                Err(E::custom("the number is too large"))
            }
        }
        deserializer.deserialize_i64(WholeVisitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list: `[\"a\", \"b\"]`, or tables headed with two brackets as in `[[dataset]]`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<List<T>, A::Error> {
                elements(sequence).map(List)
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for DomainForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DomainVisitor;
        impl<'de> Visitor<'de> for DomainVisitor {
            type Value = DomainForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, or `{ first = 0, last = 105 }`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<DomainForm, A::Error> {
                elements(sequence).map(DomainForm::Codes)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DomainForm, A::Error> {
                RangeTable::deserialize(MapAccessDeserializer::new(map)).map(DomainForm::Range)
            }
        }
        deserializer.deserialize_any(DomainVisitor)
    }
}

impl<'de> Deserialize<'de> for WithinForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WithinVisitor;
        impl<'de> Visitor<'de> for WithinVisitor {
            type Value = WithinForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a code list, or codes such as `{ North = [\"E01\"] }`")
            }

            fn visit_str<E>(self, path: &str) -> Result<WithinForm, E> {
                Ok(WithinForm::File(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WithinForm, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(WithinForm::Codes)
            }
        }
        deserializer.deserialize_any(WithinVisitor)
    }
}

impl<'de> Deserialize<'de> for BreakpointsForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BreakpointsVisitor;
        impl<'de> Visitor<'de> for BreakpointsVisitor {
            type Value = BreakpointsForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"months\"`, `\"years\"` or a list of values")
            }

            fn visit_str<E>(self, word: &str) -> Result<BreakpointsForm, E> {
                Ok(BreakpointsForm::Word(word.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<BreakpointsForm, A::Error> {
                elements(seq).map(BreakpointsForm::Listed)
            }
        }
        deserializer.deserialize_any(BreakpointsVisitor)
    }
}

fn elements<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut sequence: A,
) -> Result<Vec<T>, A::Error> {
    let mut elements = Vec::new();
    while let Some(element) = sequence.next_element()? {
        elements.push(element);
    }
    Ok(elements)
}
