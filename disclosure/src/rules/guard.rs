//! Difference guard: a cell that differs from a released one by a few units repeats its value.
//!
//! The decision is in [`crate::guard`]; this is what the guard is told of a cell, and what it gives back.

use std::borrow::Cow;

use crate::dataset::Dataset;
use crate::evidence::{Adds, Cell, PartEvidence, PartShape, Sketch};
use crate::guard::decide::stirred;
use crate::guard::{GuardError, GuardedCell, Released, SketchOf};
use crate::keyed::digest;
use crate::policy::{Complementary, Profile};
use crate::protect::figure::Figure;
use crate::table::CellStatus;
use crate::tabulation::canonical::Frame;
use crate::tabulation::{Part, PartKind, RollUp, Scalar, Tabulation};

/// What the guard is told of a part, the same for every cell.
#[derive(Debug)]
pub(crate) struct Guarded<'a> {
    frame: Frame<'a>,
    kind: PartKind,
    scope: u128,
    /// Of a count of rows, where units may have several: that of counts of units.
    scope_of_units: Option<u128>,
    adds: Adds,
    /// Units of a cell that is shown, at the least.
    least: u64,
    /// Whether cells that were suppressed are compared, too.
    withholds: bool,
    /// Which terms are in force.
    terms: [u8; 2],
}

impl<'a> Guarded<'a> {
    /// Of a part of a Tabulation, over a state of the data; `of_ones`: whether each row adds 1 to it or nothing.
    pub(crate) fn of(
        tabulation: &'a Tabulation,
        part: &'a Part<'_>,
        of_ones: bool,
        dataset: &'a Dataset,
        snapshot: u64,
    ) -> Self {
        let of_ones = of_ones && matches!(part.kind, PartKind::Sum | PartKind::Deviations);
        let counts_rows = !dataset.units_have_one_row()
            && (of_ones || matches!(part.number(dataset), PartKind::Rows | PartKind::Values));
        Self {
            frame: Frame::of(tabulation, part, dataset, snapshot),
            kind: part.kind,
            scope: digest(scope(part, of_ones, dataset).as_bytes()),
            scope_of_units: counts_rows.then(|| digest(units_scope(dataset).as_bytes())),
            adds: PartShape::of(part, dataset).adds,
            least: dataset.profile().threshold_units.into(),
            withholds: withholds(dataset.profile()),
            terms: terms(dataset.profile()),
        }
    }

    /// What was shown of a cell like this one, of which by itself this would be shown, and whether it was on the terms of
    /// today; `None` for nothing.
    ///
    /// What is suppressed by itself shows what a nearly equal one shows, but for what was shown on other terms: an owner who
    /// tightened them means it.
    pub(crate) fn repeated(
        &self,
        earlier: &Released,
        itself: Result<Figure, CellStatus>,
    ) -> Option<(Figure, bool)> {
        let (number, rest) = earlier.bytes().split_first_chunk::<16>()?;
        let (terms, count) = rest.split_first_chunk::<2>()?;
        let same_terms = *terms == self.terms;
        if itself.is_err() && !same_terms {
            return None;
        }
        let number = i128::from_le_bytes(*number);
        // Without one: of a count, and of all that was remembered before totals had one.
        let count = count.first_chunk::<8>().map_or(0, |count| i64::from_le_bytes(*count));
        let figure = match self.kind {
            _ if count <= 0 => Figure::Alone(number),
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => {
                Figure::Alone(number)
            }
            PartKind::Sum | PartKind::Deviations => Figure::Total { total: number, count },
            PartKind::Squares | PartKind::Products => {
                let about = f64::from_bits(u64::try_from(number).ok()?);
                Figure::AboutMeans { about, count }
            }
        };
        Some((figure, same_terms))
    }

    /// Whether the guard is told of a cell of which this would be shown: of all that is suppressed, if any of it might be shown, or
    /// repeat what is. Which of these are compared is for the guard to say, and by the time it takes nobody is told.
    pub(crate) const fn is_judged(&self, shown: Result<Figure, CellStatus>) -> bool {
        match shown {
            Ok(_) => true,
            Err(CellStatus::Suppressed) => self.withholds,
            Err(_) => false,
        }
    }

    /// The cell as the guard sees it.
    ///
    /// # Errors
    /// Evidence whose sketch isn't of so many units: it was put together wrongly, and nothing may leave.
    pub(crate) fn cell<'e>(
        &self,
        cell: &Cell,
        evidence: &'e PartEvidence,
        shown: Result<Figure, CellStatus>,
    ) -> Result<GuardedCell<'e>, GuardError> {
        let (n, sketch) = units(evidence, self.adds);
        let coordinate = self.frame.coordinate(cell.set, &cell.keys).number();
        let cell = GuardedCell::new(self.scope, coordinate, n, sketch, self.released(shown)?)?;
        Ok(cell.shown_from(self.least))
    }

    /// As many bytes of every cell of a part: with a count, which is 0 where none is known, unless the part is one.
    fn released(&self, shown: Result<Figure, CellStatus>) -> Result<Released, GuardError> {
        let Ok(figure) = shown else { return Ok(Released::withheld()) };
        let (number, count) = match figure {
            Figure::Alone(number) => (number, 0),
            Figure::Total { total, count } => (total, count),
            Figure::AboutMeans { about, count } => (i128::from(about.to_bits()), count),
        };
        let mut bytes = [&number.to_le_bytes()[..], &self.terms].concat();
        match self.kind {
            PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => {}
            PartKind::Sum | PartKind::Deviations | PartKind::Squares | PartKind::Products => {
                bytes.extend(count.to_le_bytes());
            }
        }
        Released::new(bytes)
    }

    /// Whether cells of the part may be counts of units in other words.
    pub(crate) const fn may_count_units(&self) -> bool {
        self.scope_of_units.is_some()
    }

    /// The cell as a count of units, if it is one in other words: of rows, of which each of its units has one.
    ///
    /// It is compared as a count of rows in any case: somebody with two rows, who comes to people with one each, is a
    /// difference of one.
    ///
    /// # Errors
    /// As [`Guarded::cell`].
    pub(crate) fn cell_of_units<'e>(
        &self,
        cell: &Cell,
        evidence: &'e PartEvidence,
        shown: Result<Figure, CellStatus>,
    ) -> Result<Option<GuardedCell<'e>>, GuardError> {
        let (n, sketch) = units(evidence, self.adds);
        let rows = match self.adds {
            Adds::Rows => u128::from(evidence.count.unsigned_abs()),
            Adds::Amounts => evidence.absolute,
        };
        let Some(scope) = self.scope_of_units.filter(|_| rows == u128::from(n)) else {
            return Ok(None);
        };
        let rows = self.frame.coordinate(cell.set, &cell.keys).number();
        let coordinate = digest(&[rows.to_le_bytes(), scope.to_le_bytes()].concat());
        let cell = GuardedCell::new(scope, coordinate, n, sketch, self.released(shown)?)?;
        Ok(Some(cell.shown_from(self.least)))
    }
}

/// Whether what is suppressed depends on what is drawn for the units of a cell: where it does, a cell and nearly the same
/// one have to be shown both or none. Where whole tables are made safe, what is suppressed is for them to say.
const fn withholds(profile: Profile) -> bool {
    let is_drawn = 0 < profile.threshold_blur || 0 < profile.threshold_blur_chosen;
    is_drawn && matches!(profile.complementary, Complementary::Off)
}

/// A few bytes of all that is in force.
fn terms(profile: Profile) -> [u8; 2] {
    let [first, second, ..] = digest(format!("{profile:?}").as_bytes()).to_le_bytes();
    [first, second]
}

/// All units that contribute to a part, as the guard sees them.
#[derive(Debug)]
pub(crate) struct Whole<'e> {
    /// Its coordinate and its value are a digest of the units: a whole that is shown has its own.
    pub(crate) cell: GuardedCell<'e>,
}

impl<'e> Whole<'e> {
    /// Compared with wholes of the same part only: those of two columns differ by who has no value.
    ///
    /// # Errors
    /// As [`Guarded::cell`].
    pub(crate) fn of(
        part: &Part<'_>,
        dataset: &Dataset,
        evidence: &'e PartEvidence,
    ) -> Result<Self, GuardError> {
        let scope = format!("{} whole {}", dataset.name, part.name(dataset));
        let (n, sketch) = units(evidence, PartShape::of(part, dataset).adds);
        let mut bytes = scope.clone().into_bytes();
        bytes.extend(n.to_le_bytes());
        bytes.extend(sketch.get().total().to_le_bytes());
        bytes.extend(sketch.get().counters().iter().map(|counter| counter.cast_unsigned()));
        let units = digest(&bytes);
        let released = Released::new(units.to_le_bytes())?;
        let cell = GuardedCell::new(digest(scope.as_bytes()), units, n, sketch, released)?;
        Ok(Self { cell })
    }
}

/// How many there are, and their sketch.
fn units(evidence: &PartEvidence, adds: Adds) -> (u64, SketchOf<'_>) {
    let evidence = evidence.settled(adds);
    let n = u64::try_from(evidence.units).unwrap_or(0);
    // Without a sketch nothing is known of differences: a cell of nobody differs from all.
    let sketch = match evidence {
        Cow::Borrowed(evidence) => {
            SketchOf::Borrowed(evidence.sketch.as_deref().unwrap_or(&Sketch::ZERO))
        }
        Cow::Owned(evidence) => evidence.sketch.map_or(Sketch::ZERO.into(), SketchOf::Owned),
    };
    (n, sketch)
}

/// Drawn from who contributes, and so secret, and the same in whatever words they are asked about.
pub(crate) fn drawn_of(evidence: &PartEvidence, adds: Adds, kind: PartKind) -> u64 {
    let (_, sketch) = units(evidence, adds);
    let of_kind = match kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => 0,
        PartKind::Sum | PartKind::Deviations => 1,
        PartKind::Squares => 2,
        PartKind::Products => 3,
    };
    stirred(sketch.get(), of_kind)
}

/// Numbers that are compared with each other. All counts of people are one scope, whatever column they count: with no
/// gaps in it, a count of its values is the count of rows in other words. Where units have many rows, rows are another.
/// A total of what units' rows come to is a total of the rows: bringing them together is no other number.
fn scope(part: &Part<'_>, of_ones: bool, dataset: &Dataset) -> String {
    let what = match part.number(dataset) {
        // Who has a one is counted.
        _ if of_ones && dataset.units_have_one_row() => return units_scope(dataset),
        _ if of_ones => "rows".to_owned(),
        PartKind::Rows | PartKind::Values if dataset.units_have_one_row() => {
            return units_scope(dataset);
        }
        PartKind::Units => return units_scope(dataset),
        PartKind::Rows | PartKind::Values => "rows".to_owned(),
        // Whether another column has a value too is a condition: conditions aren't part of a scope.
        PartKind::Sum => format!("sum {:?}", part.argument.map(of_rows)),
        PartKind::Distinct => part.name(dataset),
        kind @ (PartKind::Deviations | PartKind::Squares) => {
            format!("{kind:?} {:?} from {}", part.argument.map(of_rows), part.origins(dataset).0)
        }
        kind @ PartKind::Products => {
            let of = [part.argument, part.beside].map(|column| column.map(of_rows));
            format!("{kind:?} {of:?} from {:?}", part.origins(dataset))
        }
    };
    format!("{} {what}", dataset.name)
}

fn units_scope(dataset: &Dataset) -> String {
    format!("{} units", dataset.name)
}

/// A column of the rows, for what a roll-up adds up of it.
pub(crate) fn of_rows(argument: &Scalar) -> Scalar {
    match argument {
        Scalar::Column(name) => Scalar::Column(RollUp::total_of(name).unwrap_or(name).to_owned()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, DatasetName, Protection};
    use crate::label::Label;
    use crate::tabulation::{Input, Measure, MeasureKind, ScalarType};

    fn dataset() -> Dataset {
        let column = |name: &str| Column {
            name: name.to_owned(),
            scalar_type: ScalarType::Int64,
            label: Label::Measure,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: vec![column("x"), column("y")],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        }
    }

    /// What units' rows come to is compared with the rows, in totals and in moments, in whichever place a roll-up has it.
    #[test]
    fn what_is_made_of_totals_of_rows_is_compared_with_the_rows() {
        let dataset = dataset();
        let of = |kind, argument: &str, beside: &str| {
            let [argument, beside] = [argument, beside].map(|c| Scalar::Column(c.to_owned()));
            let (argument, beside) = (Some(&argument), Some(&beside));
            scope(&Part { kind, argument, beside, filter: None, parameters: 1 }, false, &dataset)
        };
        let totals = |of: &str| [0, 3].map(|place| RollUp::total_column(of, place));
        for kind in [PartKind::Sum, PartKind::Deviations, PartKind::Squares, PartKind::Products] {
            let rows = of(kind, "x", "y");
            for (x, y) in totals("x").iter().zip(&totals("y")) {
                assert_eq!(of(kind, x, y), rows, "{kind:?}");
            }
            assert_ne!(of(kind, "y", "x"), rows, "{kind:?}");
        }
    }

    /// A total is remembered with its count; what was remembered without one is still what it was.
    #[test]
    fn what_is_remembered_is_what_was_shown() {
        let scan = Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 0 };
        let x = Scalar::Column("x".to_owned());
        let tabulation = Tabulation {
            input: scan,
            keys: Vec::new(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Mean(x.clone()), filter: None }],
            groups_max: 1,
        };
        let dataset = dataset();
        let of =
            |kind| Part { kind, argument: Some(&x), beside: None, filter: None, parameters: 0 };
        for (kind, figure) in [
            (PartKind::Values, Figure::Alone(40)),
            (PartKind::Sum, Figure::Alone(-7)),
            (PartKind::Sum, Figure::Total { total: i128::MIN, count: 40 }),
            (PartKind::Deviations, Figure::Total { total: 1, count: i64::MAX }),
            (PartKind::Squares, Figure::Alone(52_000)),
            (PartKind::Squares, Figure::AboutMeans { about: 360.25, count: 40 }),
            (PartKind::Products, Figure::AboutMeans { about: -1e-300, count: 1 }),
        ] {
            let part = of(kind);
            let guarded = Guarded::of(&tabulation, &part, false, &dataset, 0);
            let kept = guarded.released(Ok(figure)).unwrap();
            let is_count = kind == PartKind::Values;
            assert_eq!(kept.bytes().len(), if is_count { 18 } else { 26 }, "as long, of all");
            assert_eq!(guarded.repeated(&kept, Ok(figure)), Some((figure, true)));
            let without = Released::new([&5_i128.to_le_bytes()[..], &guarded.terms].concat());
            let shown = guarded.repeated(&without.unwrap(), Ok(figure));
            assert_eq!(shown, Some((Figure::Alone(5), true)), "{kind:?}");
        }
        let part = of(PartKind::Sum);
        let guarded = Guarded::of(&tabulation, &part, false, &dataset, 0);
        assert_eq!(guarded.repeated(&Released::withheld(), Ok(Figure::Alone(1))), None);
    }
}
