//! The aggregate that makes Evidence: who contributes how much to a part of a cell.
//!
//! One pass for everything that is known of a part: units, record keys, rows, total, the two largest
//! contributions, the difference sketch. Its state and its result are the same bytes, so that the
//! engine may split the rows as it likes.
//!
//! Arguments, one row for each unit and cell: the unit's word (NULL where it has no id), its record key where the data
//! owner has one, how many rows count, and what they add up to where the part adds up.

use std::fmt;
use std::mem::size_of;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};
use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array,
};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature,
    TypeSignature, Volatility,
};
use insitu_disclosure::evidence::{
    Adds, Contribution, PartEvidence, PartShape, SKETCH_BYTES, SignCounts, Sketch, UnitWord,
};

use insitu_disclosure::keyed::mix;

use super::state;

/// The aggregate of a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Contributions {
    layout: Layout,
    signature: Signature,
}

/// Which arguments there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    /// Whether record keys come with the units.
    record_keys: bool,
    /// Whether amounts are added up.
    amounts: bool,
    /// Whether the difference sketch is wanted.
    sketch: bool,
}

impl Layout {
    const fn adds(self) -> Adds {
        if self.amounts { Adds::Amounts } else { Adds::Rows }
    }
}

/// The aggregate over these arguments: see the arguments in the head of this file.
pub(super) fn contributions(
    shape: PartShape,
    word: Expr,
    record_key: Option<Expr>,
    count: Expr,
    amount: Option<Expr>,
) -> Expr {
    let layout = Layout {
        record_keys: record_key.is_some(),
        amounts: amount.is_some(),
        sketch: shape.sketch,
    };
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let aggregate = AggregateUDF::new_from_impl(Contributions { layout, signature });
    let args = [Some(word), record_key, Some(count), amount];
    aggregate.call(args.into_iter().flatten().collect())
}

impl AggregateUDFImpl for Contributions {
    fn name(&self) -> &str {
        "contributions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One { layout: self.layout, group: Group::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[state]", args.name), DataType::Binary, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many::new(self.layout)))
    }
}

/// What is known of one group so far.
#[derive(Clone, Default)]
struct Group {
    evidence: PartEvidence,
    /// Signs of units added one by one; they join the sketch at the end.
    signs: SignCounts,
}

impl Group {
    fn add(
        &mut self,
        word: u64,
        record_key: Option<i64>,
        contribution: Contribution,
        layout: Layout,
    ) {
        let adds = layout.adds();
        let before = self.evidence.units;
        self.evidence.add(UnitWord { word, record_key }, contribution, adds);
        if layout.sketch && before < self.evidence.units {
            self.signs.add(as_contributed(word, contribution, adds));
        }
    }

    fn bytes(&self, layout: Layout) -> Vec<u8> {
        let mut evidence = self.evidence.clone();
        if layout.sketch {
            let mut sketch = evidence.sketch.take().map_or(Sketch::ZERO, |s| *s);
            sketch.add(&self.signs.to_sketch());
            evidence.sketch = Some(Box::new(sketch));
        }
        state::encode(&evidence)
    }

    fn merge(&mut self, bytes: &[u8]) -> Result<()> {
        let other = state::decode(bytes)
            .ok_or_else(|| DataFusionError::Internal("a state isn't one".to_owned()))?;
        self.evidence.merge(&other);
        Ok(())
    }
}

/// The unit's word together with how much it contributes: the same people with other amounts aren't the same. One row
/// is the plain word, so that all counts of people compare.
fn as_contributed(word: u64, contribution: Contribution, adds: Adds) -> u64 {
    match adds {
        Adds::Rows if contribution.count == 1 => word,
        Adds::Rows => mix(word ^ mix(contribution.count.cast_unsigned())),
        Adds::Amounts => {
            let [low, high] = halves(contribution.sum);
            mix(word ^ mix(low ^ mix(high)))
        }
    }
}

fn halves(sum: i128) -> [u64; 2] {
    let bits = sum.cast_unsigned();
    [bits as u64, (bits >> 64) as u64]
}

/// The arguments of a batch.
struct Rows<'a> {
    words: &'a UInt64Array,
    record_keys: Option<&'a Int64Array>,
    counts: &'a Int64Array,
    amounts: Option<&'a Decimal128Array>,
}

impl<'a> Rows<'a> {
    fn of(values: &'a [ArrayRef], layout: Layout) -> Result<Self> {
        let mut rest = values.iter();
        let mut next = || rest.next().ok_or_else(unexpected);
        Ok(Self {
            words: next()?.as_primitive_opt::<UInt64Type>().ok_or_else(unexpected)?,
            record_keys: if layout.record_keys {
                Some(next()?.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?)
            } else {
                None
            },
            counts: next()?.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?,
            amounts: if layout.amounts {
                Some(next()?.as_primitive_opt::<Decimal128Type>().ok_or_else(unexpected)?)
            } else {
                None
            },
        })
    }

    /// A row without an id has no word.
    fn word(&self, at: usize) -> Option<u64> {
        (!self.words.is_null(at)).then(|| self.words.value(at))
    }

    /// A record without a key of its own counts, and adds nothing to the cell's.
    fn record_key(&self, at: usize) -> Option<i64> {
        self.record_keys.map(|keys| if keys.is_null(at) { 0 } else { keys.value(at) })
    }

    fn contribution(&self, at: usize) -> Contribution {
        let count = if self.counts.is_null(at) { 0 } else { self.counts.value(at) };
        let sum = match self.amounts {
            Some(amounts) if !amounts.is_null(at) => amounts.value(at),
            Some(_) | None => 0,
        };
        Contribution { count, sum }
    }
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("an argument isn't of the planned type".to_owned())
}

fn states(values: &[ArrayRef]) -> Result<&BinaryArray> {
    values.first().and_then(|v| v.as_binary_opt::<i32>()).ok_or_else(unexpected)
}

/// Without keys: one group.
struct One {
    layout: Layout,
    group: Group,
}

/// The engine asks for it. What is added up is nobody's to read.
impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("One").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::of(values, self.layout)?;
        for at in 0..rows.words.len() {
            let contribution = rows.contribution(at);
            match rows.word(at) {
                None => self.group.evidence.add_nameless(contribution),
                Some(word) => self.group.add(word, rows.record_key(at), contribution, self.layout),
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.group.bytes(self.layout))))
    }

    fn size(&self) -> usize {
        size_of::<Self>().saturating_add(SKETCH_BYTES)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        states(values)?.iter().flatten().try_for_each(|bytes| self.group.merge(bytes))
    }
}

/// With keys: many groups.
///
/// What is known of a group takes several hundred bytes. With thousands of groups, row after row in the order they
/// come would fetch all of that from memory each time. So rows wait, are brought together by ranges of groups, and
/// a range is small enough to stay in the processor's cache until all of its rows are added.
struct Many {
    layout: Layout,
    groups: Vec<Group>,
    waiting: Vec<WaitingRow>,
}

/// As of [`One`]; a row that waits is of one unit.
impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// A row that waits.
#[derive(Clone, Copy, Default)]
struct WaitingRow {
    group: u32,
    word: u64,
    record_key: Option<i64>,
    contribution: Contribution,
}

/// Groups of a range, as a power of two: some 200 KiB.
const RANGE_BITS: u32 = 9;
/// Rows wait until there are so many for each group,
const WAITING_PER_GROUP: usize = 8;
/// or so many in all.
const WAITING_MAX: usize = 1 << 17;

/// The rows by ranges of groups, in the order in which they came.
fn by_range(rows: &[WaitingRow], groups: usize) -> Vec<WaitingRow> {
    let range = |row: &WaitingRow| usize::try_from(row.group >> RANGE_BITS).unwrap_or(usize::MAX);
    // Counting sort: where each range begins, then each row to its range's next place.
    let mut next = vec![0_usize; (groups >> RANGE_BITS).saturating_add(2)];
    for row in rows {
        if let Some(count) = next.get_mut(range(row).saturating_add(1)) {
            *count = count.saturating_add(1);
        }
    }
    let mut sum = 0_usize;
    for count in &mut next {
        sum = sum.saturating_add(*count);
        *count = sum;
    }
    let mut sorted = vec![WaitingRow::default(); rows.len()];
    for row in rows {
        let Some(next) = next.get_mut(range(row)) else { continue };
        if let Some(place) = sorted.get_mut(*next) {
            *place = *row;
        }
        *next = next.saturating_add(1);
    }
    sorted
}

impl Many {
    const fn new(layout: Layout) -> Self {
        Self { layout, groups: Vec::new(), waiting: Vec::new() }
    }

    /// Adds a row to its group.
    fn add(&mut self, row: &WaitingRow) {
        let group = usize::try_from(row.group).ok().and_then(|group| self.groups.get_mut(group));
        if let Some(group) = group {
            group.add(row.word, row.record_key, row.contribution, self.layout);
        }
    }

    /// Adds the rows that wait to their groups.
    fn settle(&mut self) {
        for row in by_range(&self.waiting, self.groups.len()) {
            self.add(&row);
        }
        self.waiting.clear();
    }

    fn emit(&mut self, emit_to: EmitTo) -> ArrayRef {
        self.settle();
        let groups = emit_to.take_needed(&mut self.groups);
        Arc::new(groups.iter().map(|g| Some(g.bytes(self.layout))).collect::<BinaryArray>())
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Group::default);
        let rows = Rows::of(values, self.layout)?;
        let few = total_num_groups >> RANGE_BITS == 0;
        for (at, index) in group_indices.iter().enumerate() {
            let wanted = opt_filter.is_none_or(|filter| !filter.is_null(at) && filter.value(at));
            let contribution = rows.contribution(at);
            // Who contributes nothing, and has no value that counts, changes nothing.
            if !wanted || (contribution == Contribution { count: 0, sum: 0 }) {
                continue;
            }
            match rows.word(at) {
                None => {
                    if let Some(group) = self.groups.get_mut(*index) {
                        group.evidence.add_nameless(contribution);
                    }
                }
                Some(word) => {
                    let group = u32::try_from(*index).map_err(|_| unexpected())?;
                    let record_key = rows.record_key(at);
                    let row = WaitingRow { group, word, record_key, contribution };
                    if few {
                        self.add(&row);
                    } else {
                        self.waiting.push(row);
                    }
                }
            }
        }
        let enough = total_num_groups.saturating_mul(WAITING_PER_GROUP);
        if enough.min(WAITING_MAX) <= self.waiting.len() {
            self.settle();
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.emit(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Group::default);
        let states = states(values)?;
        for (bytes, index) in states.iter().zip(group_indices) {
            if let (Some(bytes), Some(group)) = (bytes, self.groups.get_mut(*index)) {
                group.merge(bytes)?;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        // Each row a group of its own.
        let rows = Rows::of(values, self.layout)?.words.len();
        let mut each = Self::new(self.layout);
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        // What a group holds elsewhere is bounded: its signs and its sketch.
        let group = size_of::<Group>().saturating_add(SKETCH_BYTES.saturating_mul(2));
        // Those that wait are there twice while they are brought together.
        let row = size_of::<WaitingRow>().saturating_mul(2);
        let waiting = self.waiting.capacity().saturating_mul(row);
        self.groups.capacity().saturating_mul(group).saturating_add(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMOUNTS: Layout = Layout { record_keys: true, amounts: true, sketch: true };

    /// Units 0, 1, ... one row each, over so many groups in turns; every eleventh has no id.
    fn columns(rows: i64, groups: i64) -> (Vec<ArrayRef>, Vec<usize>) {
        let words = (0..rows).map(|u| (u % 11 != 3).then(|| mix(u.cast_unsigned())));
        let amounts = (0..rows).map(|u| Some(i128::from(u % 7 - 3))).collect::<Decimal128Array>();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(words.collect::<UInt64Array>()),
            Arc::new((0..rows).map(|u| (u % 5 != 0).then_some(u)).collect::<Int64Array>()),
            Arc::new((0..rows).map(|u| Some(i64::from(u % 13 != 0))).collect::<Int64Array>()),
            Arc::new(amounts),
        ];
        (columns, (0..rows).map(|u| usize::try_from(u % groups).unwrap()).collect())
    }

    fn slice(columns: &[ArrayRef], from: usize, to: usize) -> Vec<ArrayRef> {
        columns.iter().map(|c| c.slice(from, to - from)).collect()
    }

    #[test]
    fn rows_that_waited_give_what_rows_one_by_one_give() {
        // Few groups, for which no row waits; several ranges; more than rows.
        for count in [3, 2_000, 9_000] {
            let (columns, groups) = columns(20_000, i64::try_from(count).unwrap());
            let mut many = Many::new(AMOUNTS);
            for from in (0..20_000).step_by(7) {
                let to = (from + 7).min(20_000);
                let (rows, groups) = (slice(&columns, from, to), &groups[from..to]);
                many.update_batch(&rows, groups, None, count).unwrap();
            }
            assert_eq!(many.waiting.is_empty(), count == 3);
            let found = many.evaluate(EmitTo::All).unwrap();
            let rows = Rows::of(&columns, AMOUNTS).unwrap();
            for group in (0..count).step_by(137) {
                let mut one = Group::default();
                for at in (group..20_000).step_by(count) {
                    match rows.word(at) {
                        None => one.evidence.add_nameless(rows.contribution(at)),
                        Some(word) => {
                            one.add(word, rows.record_key(at), rows.contribution(at), AMOUNTS);
                        }
                    }
                }
                assert_eq!(found.as_binary::<i32>().value(group), one.bytes(AMOUNTS));
            }
        }
    }

    #[test]
    fn a_filter_and_any_split_are_kept() {
        let (columns, groups) = columns(900, 3);
        let wanted: BooleanArray =
            (0..900).map(|at| if at % 10 == 0 { None } else { Some(at % 4 != 1) }).collect();
        let mut whole = Many::new(AMOUNTS);
        whole.update_batch(&columns, &groups, Some(&wanted), 3).unwrap();
        let whole = whole.evaluate(EmitTo::All).unwrap();

        let mut merged = Many::new(AMOUNTS);
        for (from, to) in [(0, 333), (333, 334), (334, 900)] {
            let wanted = wanted.slice(from, to - from);
            let rows = slice(&columns, from, to);
            let states = merged.convert_to_state(&rows, Some(&wanted)).unwrap();
            merged.merge_batch(&states, &groups[from..to], 3).unwrap();
        }
        assert_eq!(&merged.evaluate(EmitTo::All).unwrap(), &whole);
    }

    #[test]
    fn the_first_groups_may_be_taken_out_before_the_rest() {
        let (columns, groups) = columns(600, 3);
        let mut many = Many::new(AMOUNTS);
        many.update_batch(&columns, &groups, None, 3).unwrap();
        let first = many.evaluate(EmitTo::First(2)).unwrap();
        let rest = many.evaluate(EmitTo::All).unwrap();
        assert_eq!((first.len(), rest.len()), (2, 1));
        let mut again = Many::new(AMOUNTS);
        again.update_batch(&columns, &groups, None, 3).unwrap();
        let all = again.evaluate(EmitTo::All).unwrap();
        assert_eq!(all.as_binary::<i32>().value(2), rest.as_binary::<i32>().value(0));
    }
}
