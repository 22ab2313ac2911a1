//! Admission: the rules on the question, applied all at once, before anything is read.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::dataset::Dataset;
use crate::refusal::{Refusal, RefusalCode, Refusals};
use crate::rules::{
    QUESTION_RULES, QuestionRule, functions, input, keys, labels, measures, references, roll_ups,
    sparsity, unit_joins,
};
use crate::shown::ShownType;
use crate::tabulation::typing::type_of;
use crate::tabulation::{Contents, JoinedDatasets, ScalarType, Tabulation, unit_join};

/// Something that passed the rules on the question. Only [`admit`] makes one.
///
/// ```compile_fail
/// // INVARIANT(AI-2): admission can't be skipped.
/// use std::sync::Arc;
/// use insitu_disclosure::{Admitted, Dataset, Tabulation};
/// fn skip(question: Tabulation, dataset: Arc<Dataset>) -> Admitted<Tabulation> {
///     let joined = Default::default();
///     Admitted { question, base: Arc::clone(&dataset), joined, dataset, key_types: Vec::new(), measure_types: Vec::new() }
/// }
/// ```
///
/// ```
/// use std::sync::Arc;
/// use insitu_disclosure::{Admitted, Dataset, Refusals, Tabulation, admit};
/// fn ask(question: Tabulation, dataset: Arc<Dataset>) -> Result<Admitted<Tabulation>, Refusals> {
///     admit(question, dataset)
/// }
/// ```
#[derive(Debug)]
pub struct Admitted<T> {
    question: T,
    base: Arc<Dataset>,
    joined: JoinedDatasets,
    rows: Arc<Dataset>,
    dataset: Arc<Dataset>,
    key_types: Vec<ScalarType>,
    measure_types: Vec<ShownType>,
}

impl Admitted<Tabulation> {
    /// The question.
    #[must_use]
    pub const fn tabulation(&self) -> &Tabulation {
        &self.question
    }

    /// The Dataset that is read, as it was when the question was admitted.
    #[must_use]
    pub const fn base(&self) -> &Arc<Dataset> {
        &self.base
    }

    /// The Datasets that its rows are joined to by their unit, as they were when the question was admitted.
    #[must_use]
    pub const fn joined(&self) -> &JoinedDatasets {
        &self.joined
    }

    /// The rows that are tabulated: those of [`Admitted::base`], or what joins and a roll-up make of them, under the terms
    /// of all.
    #[must_use]
    pub const fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// The columns that the content of each of its references has.
    ///
    /// # Errors
    /// Types that don't fit.
    pub fn contents(&self) -> Result<Contents, Refusal> {
        self.question.contents(&self.dataset, &self.rows)
    }

    /// Types of the keys, in order.
    #[must_use]
    pub fn key_types(&self) -> &[ScalarType] {
        &self.key_types
    }

    /// Types of the measures' shown values, in order.
    #[must_use]
    pub fn measure_types(&self) -> &[ShownType] {
        &self.measure_types
    }

    /// The shape of the protected table: `k0`, `k1`, ..., with grouping sets [`SET_COLUMN`], then for each
    /// measure `m0` and `m0_status`. Every value may be NULL; a set and a status never are.
    #[must_use]
    pub fn table_schema(&self) -> SchemaRef {
        let sets = !self.question.sets.is_empty();
        table_schema(&self.key_types, sets, &self.measure_types)
    }
}

/// Applies every rule on the question to a Tabulation over a Dataset, which is joined to no other.
///
/// # Errors
/// All violations, in the order of the rules.
pub fn admit(
    tabulation: Tabulation,
    dataset: Arc<Dataset>,
) -> Result<Admitted<Tabulation>, Refusals> {
    admit_joined(tabulation, dataset, &JoinedDatasets::new())
}

/// Applies every rule on the question to a Tabulation over a Dataset and those that it may be joined to.
///
/// # Errors
/// All violations, in the order of the rules.
pub fn admit_joined(
    tabulation: Tabulation,
    dataset: Arc<Dataset>,
    known: &JoinedDatasets,
) -> Result<Admitted<Tabulation>, Refusals> {
    if *tabulation.input.dataset() != dataset.name {
        return Err(Refusal::new(
            RefusalCode::Q105,
            "the question is about another dataset.",
            "Ask the department that holds it.",
        )
        .into());
    }
    let base = dataset;
    let joins = tabulation.input.unit_joins();
    let rows = if joins.is_empty() {
        Arc::clone(&base)
    } else {
        match unit_join::rows(&base, &joins, known) {
            Some(rows) => Arc::new(rows),
            // There are no rows that the other rules could be about.
            None => {
                let found = unit_joins::violations(&tabulation, &base, known);
                return Err(Refusals::collect(found).unwrap_or_else(|| not_joined().into()));
            }
        }
    };
    let joined: JoinedDatasets = joins
        .iter()
        .filter_map(|join| known.get_key_value(&join.dataset))
        .map(|(name, joined)| (name.clone(), Arc::clone(joined)))
        .collect();
    let rolled_up =
        tabulation.input.roll_up().map(|(roll_up, below)| roll_up.dataset(below, &rows));
    let dataset = match rolled_up {
        None => Arc::clone(&rows),
        Some(Some(rows)) => Arc::new(rows),
        // There are no rows that the other rules could be about.
        Some(None) => {
            let found = roll_ups::violations(&tabulation, &rows);
            return Err(Refusals::collect(found).unwrap_or_else(|| not_rolled_up().into()));
        }
    };
    let mut found = Vec::new();
    for rule in QUESTION_RULES {
        found.extend(match rule {
            QuestionRule::UnitJoins => unit_joins::violations(&tabulation, &base, known),
            QuestionRule::RollUps => roll_ups::violations(&tabulation, &rows),
            QuestionRule::Functions => functions::violations(&tabulation, &dataset),
            QuestionRule::Labels => labels::violations(&tabulation, &dataset),
            QuestionRule::References => {
                // What holds of the rows below a roll-up as well was told there.
                let mut told = references::violations(&tabulation, &dataset);
                told.retain(|refusal| !found.contains(refusal));
                told
            }
            QuestionRule::Input => input::violations(&tabulation, &dataset),
            QuestionRule::Keys => keys::violations(&tabulation, &dataset),
            QuestionRule::Measures => measures::violations(&tabulation, &dataset),
            QuestionRule::Sparsity => sparsity::violations(&tabulation, &dataset),
        });
    }
    if let Some(refusals) = Refusals::collect(found) {
        return Err(refusals);
    }
    let Shape { key_types, sets: _, measure_types } = Shape::of(&tabulation, &dataset)?;
    Ok(Admitted { question: tabulation, base, joined, rows, dataset, key_types, measure_types })
}

fn not_joined() -> Refusal {
    Refusal::new(
        RefusalCode::D215,
        "these rows can't be joined.",
        "Tabulate each dataset by itself.",
    )
}

fn not_rolled_up() -> Refusal {
    Refusal::new(RefusalCode::D208, "these rows can't be brought together.", "Tabulate the rows.")
}

/// The types of a Tabulation's table. They follow from its text and the descriptor, whether it is
/// admitted or not: a planner needs them before a statement's placeholders have values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Types of the keys, in order.
    pub key_types: Vec<ScalarType>,
    /// Whether there are grouping sets, so that a cell's set stands beside its keys.
    pub sets: bool,
    /// Types of the measures' shown values, in order.
    pub measure_types: Vec<ShownType>,
}

impl Shape {
    /// The shape.
    ///
    /// # Errors
    /// A key whose types don't fit.
    pub fn of(tabulation: &Tabulation, dataset: &Dataset) -> Result<Self, Refusal> {
        let keys = tabulation.keys.iter().map(|k| type_of(&k.scalar, dataset));
        let measures = tabulation.measures.iter().map(|m| ShownType::of(m, dataset));
        Ok(Self {
            key_types: keys.collect::<Result<_, _>>()?,
            sets: !tabulation.sets.is_empty(),
            measure_types: measures.collect(),
        })
    }

    /// See [`Admitted::table_schema`].
    #[must_use]
    pub fn table_schema(&self) -> SchemaRef {
        table_schema(&self.key_types, self.sets, &self.measure_types)
    }
}

/// The column with the bits of a cell's [`KeySet`](crate::tabulation::KeySet), where there are grouping sets.
pub const SET_COLUMN: &str = "set";

/// `k0`, `k1`, ..., and with grouping sets [`SET_COLUMN`]: the columns before those of the measures.
pub(crate) fn key_fields(key_types: &[ScalarType], sets: bool) -> Vec<Field> {
    let keys = key_types.iter().enumerate();
    let keys = keys.map(|(i, t)| Field::new(format!("k{i}"), t.data_type(), true));
    keys.chain(sets.then(|| Field::new(SET_COLUMN, DataType::UInt16, false))).collect()
}

fn table_schema(key_types: &[ScalarType], sets: bool, measure_types: &[ShownType]) -> SchemaRef {
    let mut fields = key_fields(key_types, sets);
    for (i, shown) in measure_types.iter().enumerate() {
        fields.push(Field::new(format!("m{i}"), shown.data_type(), true));
        fields.push(Field::new(format!("m{i}_status"), ScalarType::Utf8.data_type(), false));
    }
    Arc::new(Schema::new(fields))
}
