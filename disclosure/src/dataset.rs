//! A Dataset as its owner declared it: what a department publishes for tabulation, and on what terms.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::answer_times::AnswerTimes;
use crate::hierarchy::Hierarchy;
use crate::impossible::Impossible;
use crate::label::Label;
use crate::noise::PerturbationTable;
use crate::policy::Profile;
use crate::rules::noise::count_standard_error_thousandths;
use crate::tabulation::{Literal, ScalarType};

/// `schema.table`, both lower-case identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatasetName {
    schema: String,
    table: String,
}

impl DatasetName {
    /// `None` unless both parts match `[a-z][a-z0-9_]{0,62}`: such names need no quoting in SQL.
    #[must_use]
    pub fn new(schema: &str, table: &str) -> Option<Self> {
        (is_identifier(schema) && is_identifier(table))
            .then(|| Self { schema: schema.to_owned(), table: table.to_owned() })
    }

    /// Reads `schema.table`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (schema, table) = text.split_once('.')?;
        Self::new(schema, table)
    }

    /// The schema: by convention the department.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The table within the schema.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl TryFrom<String> for DatasetName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| {
            format!("`{text}` isn't a dataset name: write `schema.table` in lower-case letters, digits and `_`")
        })
    }
}

impl From<DatasetName> for String {
    fn from(name: DatasetName) -> Self {
        name.to_string()
    }
}

/// Whether `text` matches `[a-z][a-z0-9_]{0,62}`.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The public set of values of a dimension. Known to everybody, so a row of a table may be kept for
/// a value although its cells are suppressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// A code list.
    Codes(Vec<Literal>),
    /// Whole numbers from the first to the last, both included.
    Range(i64, i64),
}

/// The most values a declared domain may have: a response is bounded by its groups.
pub const DOMAIN_VALUES_MAX: usize = 10_000;

impl Domain {
    /// The values, in the order declared.
    #[must_use]
    pub fn values(&self) -> Vec<Literal> {
        match self {
            Self::Codes(codes) => codes.clone(),
            Self::Range(first, last) => (*first..=*last).map(Literal::Int64).collect(),
        }
    }

    /// Whether the value belongs to the domain.
    #[must_use]
    pub fn contains(&self, value: &Literal) -> bool {
        match self {
            Self::Codes(codes) => codes.contains(value),
            Self::Range(first, last) => {
                matches!(value, Literal::Int64(v) if first <= v && v <= last)
            }
        }
    }
}

/// Where a `filter` or `measure` column may be cut by a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breakpoints {
    /// The first day of a month.
    Months,
    /// The first day of a year.
    Years,
    /// Exactly these values.
    Listed(Vec<Literal>),
}

impl Breakpoints {
    /// In words, for a Refusal's fix.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Months => "the first day of a month".to_owned(),
            Self::Years => "the first day of a year".to_owned(),
            Self::Listed(values) => {
                let shown: Vec<String> = values.iter().take(8).map(Literal::to_string).collect();
                let more = if values.len() > shown.len() { ", ..." } else { "" };
                format!("{}{more}", shown.join(", "))
            }
        }
    }
}

/// The range of values a measure can plausibly take, in the column's declared unit of measurement.
/// Values beyond are clamped to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Smallest value, as a number scaled by the column's decimal places.
    pub low: i128,
    /// Largest value, scaled likewise.
    pub high: i128,
}

impl Bounds {
    /// Where deviations are measured from at most: zero, or the bound nearest to it where zero is outside. Whether they are is
    /// said by [`crate::rules::measures::origin`].
    ///
    /// Not the middle, although that is nearer to most values: from zero, whoever adds nothing to a total adds
    /// nothing to its squares either, so that a moment shows no total that `sum` would hide. And bounds are often
    /// much wider than the values are; from a middle far away all would deviate alike, and the noise by as much.
    #[must_use]
    pub const fn origin(self) -> i128 {
        if 0 < self.low {
            self.low
        } else if self.high < 0 {
            self.high
        } else {
            0
        }
    }

    /// The largest deviation from the origin, without its sign.
    #[must_use]
    pub const fn reach(self) -> u128 {
        let (low, high) = (self.low.abs_diff(self.origin()), self.high.abs_diff(self.origin()));
        if low < high { high } else { low }
    }
}

/// What one unit's values of a measure come to together, as the data owner declares it: how many rows a unit may have
/// isn't told by the bounds of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTotals {
    /// The range of plausible totals; others are clamped to it.
    pub bounds: Bounds,
    /// Where predicates may cut a total of all of a unit's rows.
    pub breakpoints: Option<Breakpoints>,
}

/// A column of a Dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Lower-case identifier.
    pub name: String,
    /// Type of its values.
    pub scalar_type: ScalarType,
    /// What it may be used for.
    pub label: Label,
    /// Public values, for a dimension that has them.
    pub domain: Option<Domain>,
    /// Where predicates may cut, for a filter or a measure.
    pub breakpoints: Option<Breakpoints>,
    /// Plausible range, for a measure.
    pub bounds: Option<Bounds>,
    /// Of a unit's rows together, for a measure that may be added up for each unit.
    pub unit_totals: Option<UnitTotals>,
    /// Unit of measurement, such as `pence`.
    pub measured_in: Option<String>,
    /// One sentence for the catalogue.
    pub description: Option<String>,
}

/// Who or what is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtectedUnit {
    /// Each row is one unit.
    Row,
    /// The column with this name identifies the unit.
    Column {
        /// The column labelled `unit`.
        name: String,
        /// Whether a unit has at most one row, so that rows may be counted for units.
        unique_per_row: bool,
    },
}

/// Which side applies the rules on cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseMode {
    /// The node protects its own table; what leaves is final.
    AtNode,
    /// Evidence goes to the gateway, which protects the total over the departments.
    AtGateway,
}

impl ReleaseMode {
    /// The word used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtNode => "at-node",
            Self::AtGateway => "at-gateway",
        }
    }
}

/// Whether and how a Dataset is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Published data: its rows may travel.
    Open,
    /// Only protected tables leave.
    Protected {
        /// Who is protected.
        unit: ProtectedUnit,
        /// The numbers of the rules on cells.
        profile: Profile,
        /// Which side applies them.
        release: ReleaseMode,
        /// Whether a unit's rows all live at one node, so that distinct units add up over nodes.
        units_at_one_node: bool,
        /// The column with each row's own record key, where the data owner has one: whole numbers. Known at
        /// the node only.
        record_key: Option<String>,
        /// The data owner's own table of perturbations for counts.
        perturbation: Option<Arc<PerturbationTable>>,
        /// The most different conditions that are answered for one state of the data; `None` for any
        /// number.
        conditions_max: Option<u32>,
        /// When answers may be sent.
        answer_times: AnswerTimes,
        /// About how many rows there are, over all departments that hold the dataset: published, and not counted.
        /// `None` where the data owner doesn't say.
        rows_about: Option<u64>,
        /// Whether its rows may be joined to open reference data.
        reference_joins: bool,
        /// Datasets of the same department that may be joined by the unit; each of them has to name this one, too.
        /// To be among them says that both have the same ids of the same units, and a unit's rows at the same node.
        unit_joins: BTreeSet<DatasetName>,
    },
}

/// A published view over a department's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// `schema.table`.
    pub name: DatasetName,
    /// One sentence for the catalogue.
    pub description: Option<String>,
    /// All columns, hidden ones included; a catalogue sent abroad has them left out.
    pub columns: Vec<Column>,
    /// Combinations of codes that can't be; none in open data.
    pub impossible: Vec<Impossible>,
    /// What codes of dimensions belong to in coarser ones, as [`crate::hierarchy::declared`] puts them; none in open data.
    pub hierarchies: Vec<Hierarchy>,
    /// The terms.
    pub protection: Protection,
    /// Tells states of the data apart. Drawn with a secret key of the node, so that nothing about the data can be
    /// read off it; 0 where there is no state yet.
    pub snapshot: u64,
}

/// Open data are answered as soon as they are ready.
static AT_ONCE: AnswerTimes = AnswerTimes::at_once();

impl Dataset {
    /// The column of this name, unless it is hidden: a hidden column doesn't exist for a question.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name && c.label != Label::Hidden)
    }

    /// Whether rows may travel.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.protection, Protection::Open)
    }

    /// The numbers of the rules on cells.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        match &self.protection {
            Protection::Open => Profile::OPEN,
            Protection::Protected { profile, .. } => *profile,
        }
    }

    /// The standard error of a shown count, in thousandths: see
    /// [`crate::rules::noise::count_standard_error_thousandths`].
    #[must_use]
    pub fn count_standard_error_thousandths(&self) -> u64 {
        let own = match &self.protection {
            Protection::Open => None,
            Protection::Protected { perturbation, .. } => perturbation.as_deref(),
        };
        count_standard_error_thousandths(self.profile(), own)
    }

    /// Whether each unit is in one cell of a table at most, so that cells add up to their margins.
    #[must_use]
    pub const fn units_have_one_row(&self) -> bool {
        match &self.protection {
            Protection::Open => true,
            Protection::Protected { unit, .. } => match unit {
                ProtectedUnit::Row => true,
                ProtectedUnit::Column { unique_per_row, .. } => *unique_per_row,
            },
        }
    }

    /// The side that protects. Open data is only added up, which the gateway does.
    #[must_use]
    pub const fn release(&self) -> ReleaseMode {
        match &self.protection {
            Protection::Open => ReleaseMode::AtGateway,
            Protection::Protected { release, .. } => *release,
        }
    }

    /// The most different conditions that are answered for one state of the data; `None` for any
    /// number.
    #[must_use]
    pub const fn conditions_max(&self) -> Option<u32> {
        match &self.protection {
            Protection::Open => None,
            Protection::Protected { conditions_max, .. } => *conditions_max,
        }
    }

    /// Whether its rows may be joined to open reference data at the department. Open rows are joined at the gateway.
    #[must_use]
    pub const fn reference_joins(&self) -> bool {
        match &self.protection {
            Protection::Open => false,
            Protection::Protected { reference_joins, .. } => *reference_joins,
        }
    }

    /// Whether its data owner lets it be joined by the unit with a Dataset of this name.
    #[must_use]
    pub fn may_be_joined_with(&self, other: &DatasetName) -> bool {
        match &self.protection {
            Protection::Open => false,
            Protection::Protected { unit_joins, .. } => unit_joins.contains(other),
        }
    }

    /// When answers may be sent.
    #[must_use]
    pub const fn answer_times(&self) -> &AnswerTimes {
        match &self.protection {
            Protection::Open => &AT_ONCE,
            Protection::Protected { answer_times, .. } => answer_times,
        }
    }

    /// About how many rows there are, as the data owner declares.
    #[must_use]
    pub const fn rows_about(&self) -> Option<u64> {
        match &self.protection {
            Protection::Open => None,
            Protection::Protected { rows_about, .. } => *rows_about,
        }
    }

    /// The Dataset as others may know it: without its hidden columns.
    #[must_use]
    pub fn visible(&self) -> Self {
        let mut visible = self.clone();
        visible.columns.retain(|c| c.label != Label::Hidden);
        if let Protection::Protected { record_key, .. } = &mut visible.protection {
            *record_key = None;
        }
        visible
    }
}
