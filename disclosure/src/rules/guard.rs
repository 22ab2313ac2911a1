//! Difference guard: a cell that differs from a released one by a few units repeats its value.
//!
//! The decision is in [`crate::guard`]; this is what the guard is told of a cell, and what it gives back.

use std::borrow::Cow;

use crate::dataset::Dataset;
use crate::evidence::{Adds, Cell, PartEvidence, PartShape, Sketch};
use crate::guard::{GuardError, GuardedCell, Released, SketchOf};
use crate::keyed::digest;
use crate::policy::{Complementary, Profile};
use crate::protect::Shown;
use crate::table::CellStatus;
use crate::tabulation::canonical::Frame;
use crate::tabulation::{Part, PartKind, RollUp, Scalar, Tabulation};

/// What the guard is told of a part, the same for every cell.
#[derive(Debug)]
pub(crate) struct Guarded<'a> {
    frame: Frame<'a>,
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
    /// Of a part of a Tabulation, over a state of the data.
    pub(crate) fn of(
        tabulation: &'a Tabulation,
        part: &'a Part<'_>,
        dataset: &'a Dataset,
        snapshot: u64,
    ) -> Self {
        let counts_rows = !dataset.units_have_one_row()
            && matches!(part.number(dataset), PartKind::Rows | PartKind::Values);
        Self {
            frame: Frame::of(tabulation, part, dataset, snapshot),
            scope: digest(scope(part, dataset).as_bytes()),
            scope_of_units: counts_rows.then(|| digest(units_scope(dataset).as_bytes())),
            adds: PartShape::of(part, dataset).adds,
            least: dataset.profile().threshold_units.into(),
            withholds: withholds(dataset.profile()),
            terms: terms(dataset.profile()),
        }
    }

    /// What was shown of a cell like this one, of which by itself this would be shown; `None` for nothing.
    ///
    /// What is suppressed by itself shows what a nearly equal one shows, but for what was shown on other terms: an owner who
    /// tightened them means it.
    pub(crate) fn repeated(&self, earlier: &Released, itself: Shown) -> Option<i128> {
        let (value, terms) = earlier.bytes().split_first_chunk::<16>()?;
        let may_stand = itself.is_ok() || *terms == self.terms;
        may_stand.then(|| i128::from_le_bytes(*value))
    }

    /// Whether the guard is told of a cell of which this would be shown: of all that is suppressed, if any of it might be shown, or
    /// repeat what is. Which of these are compared is for the guard to say, and by the time it takes nobody is told.
    pub(crate) const fn is_judged(&self, shown: Shown) -> bool {
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
        shown: Shown,
    ) -> Result<GuardedCell<'e>, GuardError> {
        let (n, sketch) = units(evidence, self.adds);
        let coordinate = self.frame.coordinate(cell.set, &cell.keys).number();
        let cell = GuardedCell::new(self.scope, coordinate, n, sketch, self.released(shown)?)?;
        Ok(cell.shown_from(self.least))
    }

    fn released(&self, shown: Shown) -> Result<Released, GuardError> {
        match shown {
            Ok(value) => Released::new([&value.to_le_bytes()[..], &self.terms].concat()),
            Err(_) => Ok(Released::withheld()),
        }
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
        shown: Shown,
    ) -> Result<Option<GuardedCell<'e>>, GuardError> {
        let (n, sketch) = units(evidence, self.adds);
        let Some(scope) = self.scope_of_units.filter(|_| u64::try_from(evidence.count) == Ok(n))
        else {
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

/// Numbers that are compared with each other. All counts of people are one scope, whatever column they count: with no
/// gaps in it, a count of its values is the count of rows in other words. Where units have many rows, rows are another.
/// A total of what units' rows come to is a total of the rows: bringing them together is no other number.
fn scope(part: &Part<'_>, dataset: &Dataset) -> String {
    let what = match part.number(dataset) {
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
fn of_rows(argument: &Scalar) -> Scalar {
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
    use crate::tabulation::ScalarType;

    /// What units' rows come to is compared with the rows, in totals and in moments, in whichever place a roll-up has it.
    #[test]
    fn what_is_made_of_totals_of_rows_is_compared_with_the_rows() {
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
        let dataset = Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: vec![column("x"), column("y")],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        };
        let of = |kind, argument: &str, beside: &str| {
            let [argument, beside] = [argument, beside].map(|c| Scalar::Column(c.to_owned()));
            let (argument, beside) = (Some(&argument), Some(&beside));
            scope(&Part { kind, argument, beside, filter: None, parameters: 1 }, &dataset)
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
}
