//! `EXPLAIN`, ours: where each part runs and which rules apply, from text, policies and catalogue
//! alone. The engine's own would print what it knows of data.
//!
//! 1. [`Explanation`]: everything there is to say, in closed shapes. It is also the JSON that is shown: what is in it
//!    is described in `docs/explain.md`.
//! 2. `text`: the same for people to read. `scalar`: expressions.

mod scalar;
mod text;

use std::collections::{BTreeMap, HashMap};

use insitu_disclosure::rules::edge::Edge;
use insitu_disclosure::tabulation::Bins;
use insitu_disclosure::{
    Dataset, Input, Measure, MeasureKind, ProtectedUnit, Protection, RefusalCode, Refusals,
    ReleaseMode, RollUp, Tabulation, UnitJoin, UnitJoinKind,
};
use insitu_proto::request::{NodeRequest, OpenRows, Order, QueryId, Question};
use serde::Serialize;

use self::scalar::show;
use crate::catalog::Held;
use crate::gate::ExplainFormat;
use crate::plan::{self, Leaf};
use crate::query::Ready;
use crate::references::placeholders;

/// What the JSON's shape is called; raised whenever something in it is renamed or removed.
const FORM: u32 = 1;

/// What a statement would be answered with, and by whom; or why it would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Explanation {
    /// [`FORM`].
    form: u32,
    /// Whether the statement would be asked, or refused.
    outcome: Outcome,
    /// Why it would be refused.
    refusals: Vec<Refused>,
    /// What the departments would be asked, each one round trip to each of them.
    requests: Vec<Request>,
    /// What runs at the gateway over their tables, a line for each node of the plan.
    upper_plan: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Asked,
    Refused,
}

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Refused {
    code: &'static str,
    message: String,
    fix: String,
}

/// What is asked of departments.
// An explanation has a few of them: how large each is doesn't matter.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Request {
    /// A table.
    Tabulation {
        /// What the upper plan calls it.
        leaves: Vec<String>,
        departments: Vec<String>,
        dataset: String,
        /// Open datasets that the rows are joined to, and by which of their columns; each department is sent once what it
        /// needs of them.
        joined_to: Vec<String>,
        /// Protected datasets at the same departments that rows are joined to by their unit.
        unit_joins: Vec<UnitJoined>,
        /// Set where a unit's rows are brought together: the conditions are then on what comes of it.
        roll_up: Option<RolledUp>,
        /// All of them hold of the rows that take part.
        conditions: Vec<String>,
        keys: Vec<String>,
        /// The keys that each set keeps; none where every cell keeps all.
        grouping_sets: Vec<Vec<String>>,
        measures: Vec<Measured>,
        protection: Protected,
        /// The most bytes that each department is sent.
        request_bytes_max: usize,
    },
    /// Rows of open data.
    OpenRows {
        leaf: String,
        departments: Vec<String>,
        dataset: String,
        columns: Vec<String>,
        condition: Option<String>,
        /// The most rows of each department; null for all.
        rows_max: Option<u64>,
        /// Which rows are the first of these.
        order: Vec<String>,
        request_bytes_max: usize,
    },
}

/// A join by the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct UnitJoined {
    /// `semi`, `anti`, `inner` or `left`.
    kind: &'static str,
    #[serde(skip)]
    words: &'static str,
    dataset: String,
    /// On the rows of the joined dataset.
    condition: Option<String>,
}

/// A unit's rows, brought together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RolledUp {
    /// All of them hold of the rows that are brought together.
    conditions: Vec<String>,
    /// What is kept beside the unit.
    dimensions: Vec<String>,
    counts: Vec<UnitCount>,
    /// What is added up.
    totals: Vec<UnitTotal>,
}

/// What a unit's rows come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct UnitTotal {
    /// What the conditions and measures call it.
    column: String,
    /// The measure that is added up.
    of: String,
    filter: Option<String>,
}

/// How many of a unit's rows there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct UnitCount {
    /// What the conditions, keys and measures call it.
    column: String,
    /// Those with a value in this column.
    values_of: Option<String>,
    filter: Option<String>,
}

/// A measure of each cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Measured {
    kind: MeasuredKind,
    /// Its name in SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    moment: Option<&'static str>,
    arguments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<String>,
    /// Where the published bins begin and end.
    #[serde(skip_serializing_if = "Option::is_none")]
    bins: Option<String>,
    filter: Option<String>,
    /// Whether its sets of people are chosen, in one grouping set at least; not of open data.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<bool>,
    /// What the upper plan calls it, for each leaf that shows it.
    columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum MeasuredKind {
    Rows,
    Values,
    Units,
    ApproxDistinct,
    Sum,
    Mean,
    Histogram,
    Quantile,
    Moment,
}

/// Which rules apply to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "data", rename_all = "snake_case")]
enum Protected {
    Open,
    Protected {
        /// The unit's column, or `row`.
        unit: String,
        /// As in a node's configuration.
        release: &'static str,
        protected_by: Side,
        /// The rules on cells in words.
        rules: String,
        /// Their numbers, under the names they have in an answer's schema.
        numbers: BTreeMap<String, String>,
        /// The budget: how many different conditions a state of the data is asked.
        conditions_max: Option<u32>,
        /// About how many rows there are, as published: a table with too few for its cells is refused.
        rows_about: Option<u64>,
        /// When answers are sent, counted from the question; none for at once.
        answer_times_ms: Vec<u32>,
        #[serde(skip)]
        answer_times: Option<String>,
    },
}

/// Who protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Department,
    Gateway,
}

/// What is shown of a statement, as a document of this form.
///
/// # Errors
/// As text: the Refusals the statement meets. As JSON these are the document; only what is of the moment, and says
/// nothing of the statement, is an error.
pub(crate) fn document(
    format: ExplainFormat,
    found: Result<&Ready, Refusals>,
) -> Result<String, Refusals> {
    match (format, found) {
        (ExplainFormat::Text, Ok(ready)) => Ok(text::text(&Explanation::of(ready))),
        (ExplainFormat::Text, Err(refusals)) => Err(refusals),
        (ExplainFormat::Json, Ok(ready)) => Explanation::of(ready).json(),
        (ExplainFormat::Json, Err(refusals)) => {
            if refusals.iter().any(|refusal| is_of_the_moment(refusal.code())) {
                return Err(refusals);
            }
            Explanation::refused(&refusals).json()
        }
    }
}

/// Whether a refusal may be gone when the same is asked again.
const fn is_of_the_moment(code: RefusalCode) -> bool {
    matches!(
        code,
        RefusalCode::L504
            | RefusalCode::L505
            | RefusalCode::L506
            | RefusalCode::L507
            | RefusalCode::X901
    )
}

impl Explanation {
    fn of(ready: &Ready) -> Self {
        let tables = ready.requests.iter().map(|request| {
            let first = request.views.iter().flat_map(|view| &view.leaves).min().copied();
            (first.unwrap_or(0), tabulated(request))
        });
        let rows = ready.leaves.iter().enumerate().filter_map(|(index, leaf)| match leaf {
            Leaf::OpenRows { held, .. } => Some((index, open_rows(ready, index, held))),
            Leaf::Tabulation { .. } => None,
        });
        let mut requests: Vec<(usize, Request)> = tables.chain(rows).collect();
        requests.sort_by_key(|(first, _)| *first);
        let plan = ready.optimised.get().display_indent().to_string();
        Self {
            form: FORM,
            outcome: Outcome::Asked,
            refusals: Vec::new(),
            requests: requests.into_iter().map(|(_, request)| request).collect(),
            upper_plan: plan.lines().map(str::to_owned).collect(),
        }
    }

    fn refused(refusals: &Refusals) -> Self {
        let refusals = refusals.iter().map(|refusal| Refused {
            code: refusal.code().as_str(),
            message: refusal.message().to_owned(),
            fix: refusal.fix().to_owned(),
        });
        Self {
            form: FORM,
            outcome: Outcome::Refused,
            refusals: refusals.collect(),
            requests: Vec::new(),
            upper_plan: Vec::new(),
        }
    }

    fn json(&self) -> Result<String, Refusals> {
        serde_json::to_string_pretty(self).map_err(|_| {
            let message = "something went wrong inside the gateway.";
            insitu_disclosure::Refusal::new(RefusalCode::X901, message, "Report the statement.")
                .into()
        })
    }
}

fn departments(held: &Held) -> Vec<String> {
    held.holders.iter().map(|holder| holder.department.clone()).collect()
}

fn leaf(index: usize) -> String {
    format!("leaf_{index}")
}

fn tabulated(request: &plan::Request) -> Request {
    let plan::Request { tabulation, held, joined, references, views } = request;
    let rows = joined.rows(held, tabulation);
    let keys: Vec<String> = tabulation.keys.iter().map(|key| show(&key.scalar)).collect();
    let mut columns: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
    let mut leaves: Vec<usize> = Vec::new();
    for view in views {
        for (place, measure) in view.measures.iter().enumerate() {
            let named = view.leaves.iter().map(|leaf| (*leaf, place));
            columns.entry(*measure).or_default().extend(named);
        }
        leaves.extend(&view.leaves);
    }
    leaves.sort_unstable();
    let measures = tabulation.measures.iter().enumerate().map(|(i, measure)| {
        let mut columns = columns.remove(&i).unwrap_or_default();
        columns.sort_unstable();
        let named = columns.into_iter().map(|(index, place)| format!("{}.m{place}", leaf(index)));
        measured(tabulation, measure, &rows, named.collect())
    });
    Request::Tabulation {
        leaves: leaves.into_iter().map(leaf).collect(),
        departments: departments(held),
        dataset: tabulation.input.dataset().to_string(),
        joined_to: references.iter().map(|(reference, _)| reference.to_string()).collect(),
        unit_joins: tabulation.input.unit_joins().into_iter().map(unit_joined).collect(),
        roll_up: tabulation.input.roll_up().map(|(roll_up, below)| rolled_up(roll_up, below)),
        conditions: tabulation.input.predicates().into_iter().map(show).collect(),
        grouping_sets: tabulation
            .sets
            .iter()
            .map(|set| set.kept(&keys).cloned().collect())
            .collect(),
        measures: measures.collect(),
        keys,
        protection: protection(&rows),
        request_bytes_max: bytes(Question::Tabulation(Tabulation {
            input: tabulation.input.with_fingerprint(u64::MAX),
            ..tabulation.clone()
        })),
    }
}

fn unit_joined(join: &UnitJoin) -> UnitJoined {
    UnitJoined {
        kind: join.kind.as_str(),
        words: match join.kind {
            UnitJoinKind::Semi => "rows whose unit has a row in",
            UnitJoinKind::Anti => "rows whose unit has no row in",
            UnitJoinKind::Inner => "rows whose unit has a row, with its columns, in",
            UnitJoinKind::Left => "with the columns of the unit's row in",
        },
        dataset: join.dataset.to_string(),
        condition: join.predicate.as_ref().map(show),
    }
}

fn rolled_up(roll_up: &RollUp, below: &Input) -> RolledUp {
    let counts = roll_up.counts.iter().enumerate().map(|(i, count)| UnitCount {
        column: RollUp::count_column(i),
        values_of: count.values_of.as_ref().map(show),
        filter: count.filter.as_ref().map(show),
    });
    let totals = roll_up.totals.iter().enumerate().map(|(i, total)| UnitTotal {
        column: RollUp::total_column(&total.of, i),
        of: total.of.clone(),
        filter: total.filter.as_ref().map(show),
    });
    RolledUp {
        conditions: below.predicates().into_iter().map(show).collect(),
        dimensions: roll_up.dimensions.clone(),
        counts: counts.collect(),
        totals: totals.collect(),
    }
}

fn open_rows(ready: &Ready, index: usize, held: &Held) -> Request {
    let need = ready.needs.get(&index);
    let columns = need.map_or_else(Vec::new, |need| need.columns.clone());
    let predicate = need.and_then(|need| need.predicate.clone());
    let limit = need.and_then(|need| need.limit.clone());
    let order = limit.iter().flat_map(|limit| &limit.order).map(ordered);
    Request::OpenRows {
        leaf: leaf(index),
        departments: departments(held),
        dataset: held.dataset.name.to_string(),
        columns: columns.clone(),
        condition: predicate.as_ref().map(show),
        rows_max: limit.as_ref().map(|limit| limit.rows),
        order: order.collect(),
        request_bytes_max: bytes(Question::OpenRows(OpenRows {
            dataset: held.dataset.name.clone(),
            fingerprint: u64::MAX,
            columns,
            predicate,
            limit,
        })),
    }
}

fn ordered(order: &Order) -> String {
    let direction = if order.descending { " DESC" } else { "" };
    let nulls = if order.nulls_first { " NULLS FIRST" } else { " NULLS LAST" };
    format!("{}{direction}{nulls}", order.column)
}

/// The bytes of a request, with the largest numbers it may have; 0 of one that is too long.
fn bytes(question: Question) -> usize {
    let query_id = QueryId([0xFF; 16]);
    let editions = match &question {
        Question::Tabulation(tabulation) => placeholders(tabulation),
        Question::OpenRows(_) => BTreeMap::new(),
    };
    let request = NodeRequest { query_id, time_ms_max: u32::MAX, question, editions };
    request.encode().map_or(0, |bytes| bytes.len())
}

fn measured(
    tabulation: &Tabulation,
    measure: &Measure,
    dataset: &Dataset,
    columns: Vec<String>,
) -> Measured {
    let (mut moment, mut probability, mut bins) = (None, None, None);
    let kind = match &measure.kind {
        MeasureKind::Rows => MeasuredKind::Rows,
        MeasureKind::Values(_) => MeasuredKind::Values,
        MeasureKind::Units => MeasuredKind::Units,
        MeasureKind::ApproxDistinct(_) => MeasuredKind::ApproxDistinct,
        MeasureKind::Sum(_) => MeasuredKind::Sum,
        MeasureKind::Mean(_) => MeasuredKind::Mean,
        MeasureKind::Histogram(argument) => {
            bins = Bins::of(argument, dataset).map(|bins| bins.describe());
            MeasuredKind::Histogram
        }
        MeasureKind::Quantile { argument, probability: share } => {
            bins = Bins::of(argument, dataset).map(|bins| bins.describe());
            probability = Some(share.to_string());
            MeasuredKind::Quantile
        }
        MeasureKind::Dispersion(of, _) => {
            moment = Some(of.as_str());
            MeasuredKind::Moment
        }
        MeasureKind::Association(of, ..) => {
            moment = Some(of.as_str());
            MeasuredKind::Moment
        }
    };
    let arguments = measure.kind.arguments().into_iter().map(show).collect();
    let filter = measure.filter.as_ref().map(show);
    let is_chosen =
        |set| Edge::of(tabulation, dataset, set, measure.filter.as_ref()) == Edge::Chosen;
    let chosen = (!dataset.is_open()).then(|| tabulation.key_sets().into_iter().any(is_chosen));
    Measured { kind, moment, arguments, probability, bins, filter, chosen, columns }
}

fn protection(dataset: &Dataset) -> Protected {
    match &dataset.protection {
        Protection::Open => Protected::Open,
        Protection::Protected {
            unit,
            profile,
            release,
            conditions_max,
            answer_times,
            rows_about,
            ..
        } => {
            let numbers = profile.metadata(dataset.count_standard_error_thousandths());
            Protected::Protected {
                unit: match unit {
                    ProtectedUnit::Row => "row".to_owned(),
                    ProtectedUnit::Column { name, .. } => name.clone(),
                },
                release: release.as_str(),
                protected_by: match release {
                    ReleaseMode::AtNode => Side::Department,
                    ReleaseMode::AtGateway => Side::Gateway,
                },
                rules: profile.describe("units"),
                numbers: numbers.into_iter().filter(|(name, _)| name != "insitu.method").collect(),
                conditions_max: *conditions_max,
                rows_about: *rows_about,
                answer_times_ms: answer_times.ms().to_vec(),
                answer_times: answer_times.last().map(|_| answer_times.to_string()),
            }
        }
    }
}
