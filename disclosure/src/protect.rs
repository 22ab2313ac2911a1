//! Protection: the rules on cells turn Evidence into a protected table.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;

use crate::admit::Admitted;
use crate::evidence::{Cell, Evidence, MeasureEvidence, merge};
use crate::function::{from_literals, literal_at};
use crate::policy::Profile;
use crate::rebuild::rebuild_column;
use crate::rules::keys::public_rows;
use crate::rules::{CELL_RULES, CellRule, rounding, threshold};
use crate::table::{CellStatus, ProtectedColumn, Table};
use crate::tabulation::typing::type_of;
use crate::tabulation::{Literal, Measure, MeasureKind, ScalarType, Tabulation};

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

/// Applies the rules on cells, in order, to everything known of a Tabulation.
///
/// ```compile_fail
/// // INVARIANT(AI-3): the Evidence of a question that wasn't admitted can't be protected.
/// use insitu_disclosure::{Evidence, Protected, Tabulation, protect, table::Table};
/// fn skip(question: &Tabulation, evidence: Evidence) -> Protected<Table> {
///     protect(question, evidence)
/// }
/// ```
///
/// ```
/// use insitu_disclosure::{Admitted, Evidence, Protected, Tabulation, protect, table::Table};
/// fn keep(question: &Admitted<Tabulation>, evidence: Evidence) -> Protected<Table> {
///     protect(question, evidence)
/// }
/// ```
#[must_use]
pub fn protect(admitted: &Admitted<Tabulation>, evidence: Evidence) -> Protected<Table> {
    let tabulation = admitted.tabulation();
    let profile = admitted.dataset().profile();
    let public = if admitted.dataset().is_open() {
        // Nothing is suppressed, so no row needs keeping; but a total without keys is one row.
        tabulation.keys.is_empty().then(|| vec![Vec::new()])
    } else {
        public_rows(tabulation, admitted.dataset())
    };
    let known = public.unwrap_or_default().into_iter();
    let none = vec![MeasureEvidence::NONE; tabulation.measures.len()];
    let known: Vec<Cell> = known.map(|keys| Cell { keys, measures: none.clone() }).collect();
    let public_keys: std::collections::HashSet<Vec<u8>> =
        known.iter().map(|c| crate::evidence::key_bytes(&c.keys)).collect();
    let mut cells: Vec<(Vec<u8>, Cell)> = merge([Evidence { cells: known }, evidence])
        .cells
        .into_iter()
        .map(|cell| (crate::evidence::key_bytes(&cell.keys), cell))
        .collect();
    // Key order says nothing about where or when a cell came from.
    cells.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut shown: Vec<(Cell, Vec<Shown>)> = Vec::with_capacity(cells.len());
    for (key, cell) in cells {
        let values: Vec<_> = tabulation
            .measures
            .iter()
            .zip(admitted.measure_types())
            .zip(&cell.measures)
            .map(|((measure, shown), evidence)| show(measure, *shown, *evidence, profile, admitted))
            .collect();
        // A key outside the published domain is itself a finding: it stands only beside a shown cell.
        let any_shown = values.iter().any(|(_, status)| *status != CellStatus::Suppressed);
        if any_shown || public_keys.contains(&key) {
            shown.push((cell, values));
        }
    }
    Protected(assemble(admitted, &shown))
}

/// What is shown of a measure in a cell.
type Shown = (Option<Literal>, CellStatus);

/// A measure of a cell under the rules: its shown value and status.
fn show(
    measure: &Measure,
    shown: ScalarType,
    evidence: MeasureEvidence,
    profile: Profile,
    admitted: &Admitted<Tabulation>,
) -> (Option<Literal>, CellStatus) {
    let places = measure
        .kind
        .argument()
        .and_then(|a| type_of(a, admitted.dataset()).ok())
        .map_or(0, ScalarType::decimal_places);
    let mut count = match measure.kind {
        MeasureKind::Units => i128::from(evidence.units),
        MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Sum(_) | MeasureKind::Mean(_) => {
            i128::from(evidence.count)
        }
    };
    let mut sum = evidence.sum;
    for rule in CELL_RULES {
        match rule {
            CellRule::Threshold => {
                if !threshold::passes(evidence.units, profile) {
                    return (None, CellStatus::Suppressed);
                }
            }
            CellRule::Rounding => {
                count = rounding::round(count, 0, profile);
                sum = rounding::round(sum, places, profile);
                // A base larger than the threshold can round a large enough count below it.
                if count < i128::from(profile.threshold_units) {
                    return (None, CellStatus::Suppressed);
                }
            }
        }
    }
    let value = match measure.kind {
        MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units => {
            i64::try_from(count).ok().map(Literal::Int64)
        }
        // Of no values there is no total: NULL, as SQL has it.
        MeasureKind::Sum(_) if evidence.count == 0 => None,
        MeasureKind::Sum(_) => exact(sum, shown),
        MeasureKind::Mean(_) => mean(sum, count, places, shown),
    };
    match value {
        Some(value) => (Some(value), CellStatus::Released),
        None => (None, CellStatus::NotAvailable),
    }
}

fn exact(value: i128, shown: ScalarType) -> Option<Literal> {
    match shown {
        ScalarType::Int64 => i64::try_from(value).ok().map(Literal::Int64),
        ScalarType::Decimal(places) => Some(Literal::Decimal { value, places }),
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => None,
    }
}

/// The shown total by the shown count, rounded half away from zero in the type's last place.
fn mean(sum: i128, count: i128, places: u8, shown: ScalarType) -> Option<Literal> {
    if count == 0 {
        return None;
    }
    match shown {
        ScalarType::Decimal(to) => {
            let factor = crate::tabulation::typing::power_of_ten(to.checked_sub(places)?);
            let scaled = sum.checked_mul(factor)?;
            let (quotient, rest) = (scaled.checked_div(count)?, scaled.checked_rem(count)?);
            let up = rest.unsigned_abs().checked_mul(2)? >= count.unsigned_abs();
            let value = if up { quotient.checked_add(scaled.signum())? } else { quotient };
            Some(Literal::Decimal { value, places: to })
        }
        ScalarType::Float64 => {
            let value = sum as f64 / count as f64;
            value.is_finite().then_some(Literal::Float64(value))
        }
        ScalarType::Boolean | ScalarType::Int64 | ScalarType::Utf8 | ScalarType::Date => None,
    }
}

fn assemble(admitted: &Admitted<Tabulation>, shown: &[(Cell, Vec<Shown>)]) -> Table {
    let keys = admitted.key_types().iter().enumerate().map(|(i, scalar_type)| {
        from_literals(shown.iter().map(|(c, _)| c.keys.get(i).cloned().flatten()), *scalar_type)
    });
    let measures = admitted.measure_types().iter().enumerate().map(|(i, scalar_type)| {
        let of = |row: &[(Option<Literal>, CellStatus)]| {
            row.get(i).cloned().unwrap_or((None, CellStatus::Suppressed))
        };
        ProtectedColumn {
            values: from_literals(shown.iter().map(|(_, row)| of(row).0), *scalar_type),
            statuses: shown.iter().map(|(_, row)| of(row).1).collect(),
        }
    });
    Table {
        schema: admitted.table_schema(),
        keys: keys.collect(),
        measures: measures.collect(),
        rows: shown.len(),
    }
}

/// A protected table as a node released it, checked for everything that can be seen of it from
/// outside: its shape, that a suppressed cell holds no value, and that shown counts are possible
/// under the profile. `None` if it isn't what was asked for.
#[must_use]
pub fn receive(
    admitted: &Admitted<Tabulation>,
    batches: &[RecordBatch],
) -> Option<Protected<Table>> {
    let schema = admitted.table_schema();
    let profile = admitted.dataset().profile();
    let mut rows = 0_usize;
    let keys_count = admitted.key_types().len();
    let mut keys: Vec<Vec<Option<Literal>>> = vec![Vec::new(); keys_count];
    let mut columns: Vec<(Vec<Option<Literal>>, Vec<CellStatus>)> =
        vec![(Vec::new(), Vec::new()); admitted.measure_types().len()];
    for batch in batches {
        if batch.schema().fields() != schema.fields() {
            return None;
        }
        rows = rows.checked_add(batch.num_rows())?;
        for (key, column) in keys.iter_mut().zip(batch.columns()) {
            key.extend((0..batch.num_rows()).map(|row| literal_at(column, row)));
        }
        let mut from = batch.columns().iter().skip(keys_count);
        for ((values, statuses), measure) in columns.iter_mut().zip(&admitted.tabulation().measures)
        {
            let shown = from.next()?;
            let signs = from.next()?.as_string_opt::<i32>()?;
            for row in 0..batch.num_rows() {
                let status = CellStatus::find(signs.is_valid(row).then(|| signs.value(row))?)?;
                let value = literal_at(shown, row);
                if !is_possible(value.as_ref(), status, measure, profile) {
                    return None;
                }
                values.push(value);
                statuses.push(status);
            }
        }
    }
    let keys = keys.into_iter().zip(admitted.key_types()).map(|(k, t)| from_literals(k, *t));
    let measures = columns
        .into_iter()
        .zip(admitted.measure_types())
        .map(|((v, statuses), t)| ProtectedColumn { values: from_literals(v, *t), statuses });
    let table = Table { schema, keys: keys.collect(), measures: measures.collect(), rows };
    Some(Protected(table))
}

fn is_possible(
    value: Option<&Literal>,
    status: CellStatus,
    measure: &Measure,
    profile: Profile,
) -> bool {
    match (status, value) {
        (CellStatus::Suppressed | CellStatus::NotAvailable, Some(_))
        | (CellStatus::Released, None) => false,
        (CellStatus::Suppressed | CellStatus::NotAvailable, None) => true,
        (CellStatus::Released, Some(value)) => match (&measure.kind, value) {
            (
                MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units,
                Literal::Int64(n),
            ) => {
                let base = i64::from(profile.rounding_base.max(1));
                let lowest = rounding::round(profile.threshold_units.into(), 0, profile);
                n.checked_rem(base) == Some(0) && lowest <= i128::from(*n)
            }
            (MeasureKind::Rows | MeasureKind::Values(_) | MeasureKind::Units, _) => false,
            (MeasureKind::Sum(_) | MeasureKind::Mean(_), _) => true,
        },
    }
}

/// The right to call a computation's result protected: it comes with the tables that the computation
/// is given, and there is one for each computation.
#[derive(Debug)]
pub struct Derivation(());

impl Derivation {
    /// Opens protected tables for a computation over nothing but them and open data.
    #[must_use]
    pub fn open(tables: Vec<Protected<Table>>) -> (Vec<Table>, Self) {
        (tables.into_iter().map(|t| t.0).collect(), Self(()))
    }

    /// What the computation made of protected tables is protected, since it has seen nothing else
    /// (post-processing). Every batch is made anew on the way, and gets the announced schema.
    ///
    /// # Errors
    /// A column of a type that has no rebuilding, or batches that don't have the schema's types.
    pub fn close(
        self,
        batches: &[RecordBatch],
        schema: &SchemaRef,
    ) -> Result<Protected<Vec<RecordBatch>>, crate::rebuild::NotRebuildable> {
        let rebuilt = batches.iter().map(|batch| {
            let batch = crate::rebuild::rebuild(batch)?;
            let options =
                arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().to_vec();
            RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)
                .map_err(|_| crate::rebuild::NotRebuildable)
        });
        rebuilt.collect::<Result<Vec<_>, _>>().map(Protected)
    }
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
