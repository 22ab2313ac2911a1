//! Protection: the rules on cells turn Evidence into a protected table.
//!
//! 1. `show`: one part of one cell through the rules.
//! 2. `combine`: the shown value of a measure, from its shown parts and nothing else; `moments`: of a moment;
//!    `remark`: what is to be known of it.
//! 3. `margins`: complementary suppression, with all margins; `axes`: which these are.
//! 4. `remember`: the difference guard over all cells of a table at once; `figure`: a total with its count, as it is remembered;
//!    `lattice`: a total brought from one count to another.
//! 5. [`protect()`]: all cells of a table.
//! 6. [`receive`]: a node's own table, checked.
//! 7. [`Derivation`]: what is computed from protected tables.

mod axes;
mod combine;
mod derivation;
pub(crate) mod figure;
#[cfg(test)]
mod hierarchies_tests;
mod lattice;
mod margins;
#[cfg(test)]
mod margins_tests;
mod moments;
mod receive;
mod remark;
mod remember;
mod show;
mod states;
mod structural;
#[cfg(test)]
mod tests;

pub use derivation::Derivation;
pub use receive::receive;

use std::collections::{BTreeMap, HashSet};

use arrow_array::RecordBatch;

use self::figure::ShownFigure;
use self::margins::Known;
use self::remark::Remarks;
use self::remember::remember;
use self::structural::StructuralZeros;
use crate::admit::Admitted;
use crate::dataset::{Bounds, Dataset, Protection};
use crate::evidence::{Cell, PartEvidence, PartShape, Pooled, cell_bytes, key_columns};
use crate::guard::{Guard, GuardError};
use crate::noise::PerturbationTable;
use crate::policy::{Complementary, DifferenceGuard, Profile};
use crate::rebuild::rebuild_column;
use crate::rules::edge::Edge;
use crate::rules::keys::public_rows;
use crate::rules::measures::reach;
use crate::shown::ShownValue;
use crate::table::{CellStatus, ProtectedColumn, Table};
use crate::tabulation::typing::type_of;
use crate::tabulation::{KeySet, Part, PartKind, Parts, Scalar, ScalarType, Tabulation};

/// Something that may leave. A protected table is made by the rules only: by [`protect`] from
/// Evidence, by [`receive`] from a node's own protected table, checked once more. What is computed
/// from protected tables is made so by [`Derivation`]. There is no other constructor:
///
/// ```compile_fail
/// // INVARIANT(AI-2): a table can't be declared protected.
/// use insitu_disclosure::{Protected, table::Table};
/// fn forge(table: Table) -> Protected<Table> {
///     Protected(table)
/// }
/// ```
///
/// The same without the forgery compiles, so it is the forgery that doesn't:
///
/// ```
/// use insitu_disclosure::{Protected, table::Table};
/// fn pass_on(table: Protected<Table>) -> Protected<Table> {
///     table
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Protected<T>(T);

impl<T> Protected<T> {
    /// What may leave.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// What a release depends on besides the question and its Evidence.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Tells states of the data apart; over several nodes, of all of them together.
    pub snapshot: u64,
    /// What was released before.
    pub guard: &'a dyn Guard,
}

/// Applies the rules on cells, in order, to everything known of a Tabulation.
///
/// ```compile_fail
/// // INVARIANT(AI-3): the Evidence of a question that wasn't admitted can't be protected.
/// use insitu_disclosure::{Pooled, Protected, Tabulation, guard::GuardError, protect::{Release, protect}, table::Table};
/// fn skip(question: &Tabulation, evidence: Pooled, release: &Release<'_>) -> Result<Protected<Table>, GuardError> {
///     protect(question, evidence, release)
/// }
/// ```
///
/// ```
/// use insitu_disclosure::{Admitted, Pooled, Protected, Tabulation, guard::GuardError, protect::{Release, protect}, table::Table};
/// fn keep(question: &Admitted<Tabulation>, evidence: Pooled, release: &Release<'_>) -> Result<Protected<Table>, GuardError> {
///     protect(question, evidence, release)
/// }
/// ```
///
/// # Errors
/// Released cells can't be remembered; nothing is released then.
pub fn protect(
    admitted: &Admitted<Tabulation>,
    evidence: Pooled,
    release: &Release<'_>,
) -> Result<Protected<Table>, GuardError> {
    let Parts { distinct: parts, of_measures } = admitted.tabulation().parts(admitted.dataset());
    let public = public_cells(admitted, parts.len());
    let kept: HashSet<Vec<u8>> = public.iter().map(|c| cell_bytes(c.set, &c.keys)).collect();
    let complementary = admitted.dataset().profile().complementary;
    let of_data = match complementary {
        Complementary::On => evidence.places(),
        Complementary::Off => HashSet::new(),
    };
    let cells = all_cells(public, evidence);
    let mut shown: Vec<Vec<Shown>> = Vec::with_capacity(cells.len());
    let edges = edges(admitted, &of_measures, parts.len());
    let rules = parts.iter().zip(edges).map(|(part, edges)| PartRules::of(part, edges, admitted));
    let rules: Vec<PartRules<'_>> = rules.collect();
    let zeros = StructuralZeros::of(admitted.tabulation(), &parts, admitted.dataset());
    for (_, cell) in &cells {
        let of_cell = rules.iter().zip(&cell.parts).enumerate();
        let show = |(p, (rules, evidence)): (usize, (&PartRules<'_>, &PartEvidence))| {
            // Said before, and of nobody: whatever the data say.
            if zeros.holds(p, cell.set, &cell.keys) {
                Err(CellStatus::StructuralZero)
            } else {
                show::show(rules, rules.edge(cell.set), evidence)
            }
        };
        shown.push(of_cell.map(show).collect());
    }
    let asked: HashSet<usize> = of_measures.iter().flatten().copied().collect();
    let known = Known { admitted, cells: &cells, of_data: &of_data };
    match complementary {
        Complementary::Off => {}
        Complementary::On if admitted.dataset().units_have_one_row() => {
            margins::complement(&rules, &known, &asked, &mut shown);
        }
        // A configuration like this is refused; should one come all the same, nothing is shown.
        Complementary::On => shown.iter_mut().flatten().for_each(margins::suppress_slot),
    }
    for p in (0..rules.len()).filter(|p| !asked.contains(p)) {
        // Known for what it says of the others, and shown to nobody.
        shown.iter_mut().filter_map(|row| row.get_mut(p)).for_each(margins::suppress_slot);
    }
    if admitted.dataset().profile().guard == DifferenceGuard::Off {
        let shown = figure::alone(&shown);
        return Ok(Protected(assemble(admitted, &of_measures, &kept, &cells, &shown)));
    }
    let mut of_release = Vec::new();
    release.guard.release(&mut |judge| {
        states::compare(admitted, &rules, &cells, &mut shown, judge)?;
        of_release = remember(admitted, &rules, &cells, &shown, release.snapshot, judge)?;
        Ok(())
    })?;
    Ok(Protected(assemble(admitted, &of_measures, &kept, &cells, &of_release)))
}

/// What is shown of a part in a cell: its value in units of the last decimal place.
pub(crate) type Shown = Result<i128, CellStatus>;

/// What is shown of a measure in a cell.
type ShownMeasure = (Option<ShownValue>, CellStatus);

/// A part with all that the rules need to know of it, the same for every cell.
struct PartRules<'a> {
    part: &'a Part<'a>,
    shape: PartShape,
    profile: Profile,
    /// Decimal places of its value.
    places: u8,
    /// Contributions up to this get the larger share of noise: those of values up to a hundredth of the largest there
    /// may be.
    flex_point: u128,
    /// Whether its value can't be below zero.
    non_negative: bool,
    /// Whether each unit adds 1 or nothing: a total that is a count.
    of_ones: bool,
    /// The data owner's own table of perturbations.
    perturbation: Option<&'a PerturbationTable>,
    /// How sharply its cells of each grouping set are parted from what isn't shown.
    edges: BTreeMap<KeySet, Edge>,
}

impl<'a> PartRules<'a> {
    fn of(
        part: &'a Part<'a>,
        edges: BTreeMap<KeySet, Edge>,
        admitted: &'a Admitted<Tabulation>,
    ) -> Self {
        let dataset = admitted.dataset();
        let places_of = |scalar: Option<&Scalar>| {
            scalar.and_then(|s| type_of(s, dataset).ok()).map_or(0, ScalarType::decimal_places)
        };
        let of_argument = places_of(part.argument);
        let places = match part.kind {
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => 0,
            PartKind::Sum | PartKind::Deviations => of_argument,
            PartKind::Squares => of_argument.saturating_mul(2),
            PartKind::Products => of_argument.saturating_add(places_of(part.beside)),
        };
        let perturbation = match &dataset.protection {
            Protection::Open => None,
            Protection::Protected { perturbation, .. } => perturbation.as_deref(),
        };
        let shape = PartShape::of(part, dataset);
        let (flex_point, non_negative) = sizes(part, dataset);
        let of_ones = non_negative && largest(part, dataset).is_some_and(|size| size <= 1);
        let profile = dataset.profile();
        Self {
            part,
            shape,
            profile,
            places,
            flex_point,
            non_negative,
            of_ones,
            perturbation,
            edges,
        }
    }

    /// Whether its value is a count in other words: of ones in the unit of measurement, and not of its last decimal place.
    const fn counts(&self) -> bool {
        self.of_ones && self.places == 0
    }

    /// The edge of cells of this set.
    fn edge(&self, set: KeySet) -> Edge {
        self.edges.get(&set).copied().unwrap_or(Edge::Chosen)
    }

    /// The widest edge of all sets: of margins that weren't asked for, too.
    fn widest_edge(&self) -> Edge {
        self.edges.values().copied().max().unwrap_or(Edge::Chosen)
    }
}

/// For each part its edges: the widest of the measures it is for, and of a part that no measure asks for, as if one without a filter
/// did. A bin's own condition chooses nothing: it is published.
fn edges(
    admitted: &Admitted<Tabulation>,
    of_measures: &[Vec<usize>],
    parts: usize,
) -> Vec<BTreeMap<KeySet, Edge>> {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let mut edges = vec![BTreeMap::new(); parts];
    for set in tabulation.key_sets() {
        for (measure, places) in tabulation.measures.iter().zip(of_measures) {
            let edge = Edge::of(tabulation, dataset, set, measure.filter.as_ref());
            for place in places {
                if let Some(of_part) = edges.get_mut(*place) {
                    let widest = of_part.entry(set).or_insert(edge);
                    *widest = edge.max(*widest);
                }
            }
        }
        let unasked = Edge::of(tabulation, dataset, set, None);
        for of_part in &mut edges {
            of_part.entry(set).or_insert(unasked);
        }
    }
    edges
}

/// The flex point of a total, and whether it can't be below zero.
fn sizes(part: &Part<'_>, dataset: &Dataset) -> (u128, bool) {
    let (x, y) = part.bounds(dataset);
    let hundredth = |size: u128| size.checked_div(100).unwrap_or(0);
    let reach_of =
        |scalar: Option<&Scalar>| hundredth(scalar.and_then(|s| reach(s, dataset)).unwrap_or(0));
    let (reach_x, reach_y) = (reach_of(part.argument), reach_of(part.beside));
    // Deviations to one side of the origin only: upwards, downwards.
    let up = |bounds: Option<Bounds>| bounds.is_none_or(|b| b.origin() <= b.low);
    let down = |bounds: Option<Bounds>| bounds.is_none_or(|b| b.high <= b.origin());
    match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => (0, true),
        PartKind::Sum => {
            let size = x.map_or(0, |b| b.low.unsigned_abs().max(b.high.unsigned_abs()));
            (hundredth(size), x.is_none_or(|b| 0 <= b.low))
        }
        PartKind::Deviations => (reach_x, up(x)),
        PartKind::Squares => (reach_x.saturating_mul(reach_x), true),
        PartKind::Products => {
            (reach_x.saturating_mul(reach_y), (up(x) && up(y)) || (down(x) && down(y)))
        }
    }
}

/// The most that a row adds to a total, without its sign; `None` where no bounds follow, and of counts.
fn largest(part: &Part<'_>, dataset: &Dataset) -> Option<u128> {
    let of = |scalar: Option<&Scalar>| scalar.and_then(|s| reach(s, dataset));
    match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => None,
        PartKind::Sum | PartKind::Deviations => of(part.argument),
        PartKind::Squares => of(part.argument).and_then(|x| x.checked_mul(x)),
        PartKind::Products => of(part.argument)?.checked_mul(of(part.beside)?),
    }
}

/// A cell with the bytes of its set and keys.
type Keyed = (Vec<u8>, Cell);

/// The cells there is something about, and those everybody knows to be possible, in key order, which
/// says nothing about where or when a cell came from. Coarser sets come first: what the guard repeats of a
/// margin then doesn't depend on whether finer cells were asked for with it.
fn all_cells(public: Vec<Cell>, evidence: Pooled) -> Vec<Keyed> {
    evidence.with(public)
}

/// The cells whose rows stand whatever is known of them: so far, nothing.
fn public_cells(admitted: &Admitted<Tabulation>, parts: usize) -> Vec<Cell> {
    let (tabulation, dataset) = (admitted.tabulation(), admitted.dataset());
    let mut cells = Vec::new();
    for set in tabulation.key_sets() {
        // Nothing of open data is suppressed, so no row needs keeping; but a total is one row.
        if dataset.is_open() && !set.is_empty() {
            continue;
        }
        let rows = public_rows(tabulation, set, dataset).unwrap_or_default();
        let parts = vec![PartEvidence::default(); parts];
        cells.extend(rows.into_iter().map(|keys| Cell { set, keys, parts: parts.clone() }));
    }
    cells
}

/// The table. Rows of `public` stand in any case.
fn assemble(
    admitted: &Admitted<Tabulation>,
    of_measures: &[Vec<usize>],
    public: &HashSet<Vec<u8>>,
    cells: &[Keyed],
    shown: &[Vec<ShownFigure>],
) -> Table {
    let tabulation = admitted.tabulation();
    let remarks = Remarks::of(admitted.dataset());
    let mut rows: Vec<(&Cell, Vec<ShownMeasure>)> = Vec::with_capacity(cells.len());
    for ((key, cell), parts) in cells.iter().zip(shown) {
        let of_cell: Vec<_> = parts.iter().zip(&cell.parts).collect();
        let values: Vec<_> = tabulation
            .measures
            .iter()
            .zip(admitted.measure_types())
            .zip(of_measures)
            .map(|((measure, shown_type), places)| {
                let parts: Vec<_> =
                    places.iter().filter_map(|p| of_cell.get(*p)).copied().collect();
                combine::combine(measure, *shown_type, &parts, admitted.dataset(), remarks)
            })
            .collect();
        // A key outside the published domain is itself a finding: it stands only beside a shown cell.
        // A zero that is shown is shown of nobody, and says nothing for a key.
        let mut of_somebody = parts.iter().zip(&cell.parts);
        let of_somebody = admitted.dataset().is_open()
            || of_somebody.any(|(s, e)| s.is_ok() && (0 < e.units || 0 < e.nameless.count));
        let any_shown = values.iter().any(|(_, status)| *status != CellStatus::Suppressed);
        if (any_shown && of_somebody) || public.contains(key) {
            rows.push((cell, values));
        }
    }
    let keys = key_columns(admitted, rows.iter().map(|(cell, _)| *cell));
    let measures = admitted.measure_types().iter().enumerate().map(|(i, shown_type)| {
        let of =
            |row: &[ShownMeasure]| row.get(i).cloned().unwrap_or((None, CellStatus::Suppressed));
        ProtectedColumn {
            values: shown_type.column(rows.iter().map(|(_, row)| of(row).0)),
            statuses: rows.iter().map(|(_, row)| of(row).1).collect(),
        }
    });
    Table { schema: admitted.table_schema(), keys, measures: measures.collect(), rows: rows.len() }
}

impl Protected<Table> {
    /// The table as one batch, made anew value by value.
    ///
    /// # Errors
    /// A column of a type that has no rebuilding.
    pub fn to_batch(&self) -> Result<RecordBatch, crate::rebuild::NotRebuildable> {
        let table = &self.0;
        let mut columns = Vec::new();
        let batch = table.to_batch().map_err(|_| crate::rebuild::NotRebuildable)?;
        for column in batch.columns() {
            columns.push(rebuild_column(column)?);
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(table.rows));
        RecordBatch::try_new_with_options(table.schema.clone(), columns, &options)
            .map_err(|_| crate::rebuild::NotRebuildable)
    }
}
