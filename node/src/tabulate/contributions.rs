//! The aggregate that makes Evidence: who contributes how much to a part of a cell.
//!
//! One pass for everything that is known of a part: units, record keys, rows, total, the two largest
//! contributions, the difference sketch. Its state and its result are the same bytes, so that the
//! engine may split the rows as it likes.
//!
//! Arguments, one row for each unit and cell: the unit's word (NULL where it has no id), its record key where the data
//! owner has one, how many rows count, and what they add up to where the part adds up.

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
        Ok(Box::new(Many { layout: self.layout, groups: Vec::new() }))
    }
}

/// What is known of one group so far.
#[derive(Debug, Clone, Default)]
struct Group {
    evidence: PartEvidence,
    /// Signs of units added one by one; they join the sketch at the end.
    signs: SignCounts,
}

impl Group {
    fn add(&mut self, row: &Row, layout: Layout) {
        let adds = if layout.amounts { Adds::Amounts } else { Adds::Rows };
        let contribution = Contribution { count: row.count, sum: row.amount };
        match row.word {
            None => self.evidence.add_nameless(contribution),
            Some(word) => {
                let unit = UnitWord { word, record_key: row.record_key };
                let before = self.evidence.units;
                self.evidence.add(unit, contribution, adds);
                if layout.sketch && before < self.evidence.units {
                    self.signs.add(as_contributed(word, contribution, adds));
                }
            }
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

/// One row of arguments.
struct Row {
    word: Option<u64>,
    record_key: Option<i64>,
    count: i64,
    amount: i128,
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

    fn row(&self, at: usize) -> Row {
        // A record without a key of its own counts, and adds nothing to the cell's.
        let record_key =
            self.record_keys.map(|keys| if keys.is_null(at) { 0 } else { keys.value(at) });
        Row {
            word: (!self.words.is_null(at)).then(|| self.words.value(at)),
            record_key,
            count: if self.counts.is_null(at) { 0 } else { self.counts.value(at) },
            amount: self
                .amounts
                .map_or(0, |amounts| if amounts.is_null(at) { 0 } else { amounts.value(at) }),
        }
    }
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("an argument isn't of the planned type".to_owned())
}

fn states(values: &[ArrayRef]) -> Result<&BinaryArray> {
    values.first().and_then(|v| v.as_binary_opt::<i32>()).ok_or_else(unexpected)
}

/// Without keys: one group.
#[derive(Debug)]
struct One {
    layout: Layout,
    group: Group,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::of(values, self.layout)?;
        for at in 0..rows.words.len() {
            self.group.add(&rows.row(at), self.layout);
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
#[derive(Debug)]
struct Many {
    layout: Layout,
    groups: Vec<Group>,
}

impl Many {
    fn emit(&mut self, emit_to: EmitTo) -> ArrayRef {
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
        for (at, index) in group_indices.iter().enumerate() {
            let wanted = opt_filter.is_none_or(|filter| !filter.is_null(at) && filter.value(at));
            if let (true, Some(group)) = (wanted, self.groups.get_mut(*index)) {
                group.add(&rows.row(at), self.layout);
            }
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
        let rows = Rows::of(values, self.layout)?;
        let states = (0..rows.words.len()).map(|at| {
            let mut group = Group::default();
            if opt_filter.is_none_or(|filter| !filter.is_null(at) && filter.value(at)) {
                group.add(&rows.row(at), self.layout);
            }
            Some(group.bytes(self.layout))
        });
        Ok(vec![Arc::new(states.collect::<BinaryArray>())])
    }

    fn size(&self) -> usize {
        // What a group holds elsewhere is bounded: its signs and its sketch.
        let group = size_of::<Group>().saturating_add(SKETCH_BYTES.saturating_mul(2));
        self.groups.capacity().saturating_mul(group)
    }
}
