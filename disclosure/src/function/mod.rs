//! The functions that may run on protected rows: a closed list, every one total.
//!
//! They are evaluated here, over Arrow arrays, and not by the query engine: an engine's arithmetic
//! wraps or fails on overflow, its casts fail and quote the value, its date functions fail at the
//! ends of the calendar. A failure that hangs on one row tells that the row is there. Here every
//! function has a value for every argument, and NULL where arithmetic has none.

//!
//! 1. [`Function`], [`evaluate`]: the list, and a function over columns.
//! 2. `arithmetic`, `text`, `date`: what each does. 3. `cast`: values in another type, and literals.

mod arithmetic;
mod cast;
mod date;
mod decimals;
mod text;

use arrow_array::{ArrayRef, new_null_array};

use crate::tabulation::ScalarType;
use crate::tabulation::typing::Signature;
use arithmetic::{Operation, Sign, arithmetic, signed};
pub use cast::{CastMeaning, cast, cast_literal, from_literals, literal_at};
use date::{Part, Period, part_of, start_of};

/// A function of the closed list. Numbers on the wire are given in `proto`; meanings never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `a + b`; NULL where the result doesn't fit its type.
    Add,
    /// `a - b`; likewise.
    Subtract,
    /// `a * b`; likewise.
    Multiply,
    /// `a / b`; whole numbers truncate towards zero; NULL for division by zero.
    Divide,
    /// `a % b`; NULL for division by zero.
    Modulo,
    /// `-a`.
    Negate,
    /// Absolute value.
    Abs,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Without spaces (U+0020) at both ends.
    Trim,
    /// Number of characters.
    Length,
    /// `substr(text, start, length)`: characters from `start` (1 is the first).
    Substring,
    /// Year of a date.
    Year,
    /// Quarter of a date, 1 to 4.
    Quarter,
    /// Month of a date, 1 to 12.
    Month,
    /// First day of the date's year.
    StartOfYear,
    /// First day of the date's quarter.
    StartOfQuarter,
    /// First day of the date's month.
    StartOfMonth,
    /// Day of a date within its month, 1 to 31.
    DayOfMonth,
    /// Day of a date within its week, from 0, a Sunday, to 6.
    DayOfWeek,
    /// Day of a date within its week as ISO 8601 has it, from 1, a Monday, to 7.
    IsoDayOfWeek,
    /// Day of a date within its year, 1 to 366.
    DayOfYear,
    /// Week of a date as ISO 8601 has it, 1 to 53.
    Week,
    /// Two texts, one after the other.
    Concat,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 24] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Modulo,
        Self::Negate,
        Self::Abs,
        Self::Lower,
        Self::Upper,
        Self::Trim,
        Self::Length,
        Self::Substring,
        Self::Year,
        Self::Quarter,
        Self::Month,
        Self::StartOfYear,
        Self::StartOfQuarter,
        Self::StartOfMonth,
        Self::DayOfMonth,
        Self::DayOfWeek,
        Self::IsoDayOfWeek,
        Self::DayOfYear,
        Self::Week,
        Self::Concat,
    ];

    /// The name used in messages and plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
            Self::Negate => "negate",
            Self::Abs => "abs",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Trim => "trim",
            Self::Length => "length",
            Self::Substring => "substring",
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::StartOfYear => "start_of_year",
            Self::StartOfQuarter => "start_of_quarter",
            Self::StartOfMonth => "start_of_month",
            Self::DayOfMonth => "day_of_month",
            Self::DayOfWeek => "day_of_week",
            Self::IsoDayOfWeek => "iso_day_of_week",
            Self::DayOfYear => "day_of_year",
            Self::Week => "week",
            Self::Concat => "concat",
        }
    }
}

/// Evaluates a function over columns of `rows` values each. The types were checked by
/// [`crate::tabulation::typing`]; should they not fit after all, every value is NULL.
#[must_use]
pub fn evaluate(function: Function, args: &[ArrayRef], rows: usize) -> ArrayRef {
    let types: Option<Vec<ScalarType>> =
        args.iter().map(|a| ScalarType::of(a.data_type())).collect();
    let Some(result) = types.and_then(|types| Signature::of(function, &types)) else {
        return new_null_array(&ScalarType::Boolean.data_type(), rows);
    };
    match (function, args) {
        (Function::Add, [left, right]) => arithmetic(Operation::Add, left, right, result),
        (Function::Subtract, [left, right]) => arithmetic(Operation::Subtract, left, right, result),
        (Function::Multiply, [left, right]) => arithmetic(Operation::Multiply, left, right, result),
        (Function::Divide, [left, right]) => arithmetic(Operation::Divide, left, right, result),
        (Function::Modulo, [left, right]) => arithmetic(Operation::Modulo, left, right, result),
        (Function::Negate, [value]) => signed(Sign::Negate, value, result),
        (Function::Abs, [value]) => signed(Sign::Absolute, value, result),
        (Function::Lower, [text]) => text::map(text, str::to_lowercase),
        (Function::Upper, [text]) => text::map(text, str::to_uppercase),
        (Function::Trim, [text]) => text::map(text, |t| t.trim_matches(' ').to_owned()),
        (Function::Length, [text]) => text::length(text),
        (Function::Substring, [text, start, length]) => text::substring(text, start, length),
        (Function::Year, [date]) => part_of(date, Part::Year),
        (Function::Quarter, [date]) => part_of(date, Part::Quarter),
        (Function::Month, [date]) => part_of(date, Part::Month),
        (Function::StartOfYear, [date]) => start_of(date, Period::Year),
        (Function::StartOfQuarter, [date]) => start_of(date, Period::Quarter),
        (Function::StartOfMonth, [date]) => start_of(date, Period::Month),
        (Function::DayOfMonth, [date]) => part_of(date, Part::Day),
        (Function::DayOfWeek, [date]) => part_of(date, Part::DayOfWeek),
        (Function::IsoDayOfWeek, [date]) => part_of(date, Part::IsoDayOfWeek),
        (Function::DayOfYear, [date]) => part_of(date, Part::DayOfYear),
        (Function::Week, [date]) => part_of(date, Part::Week),
        (Function::Concat, [first, second]) => text::concat(first, second),
        // `Signature::of` has an answer only for the right number of arguments.
        (
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::Modulo
            | Function::Negate
            | Function::Abs
            | Function::Lower
            | Function::Upper
            | Function::Trim
            | Function::Length
            | Function::Substring
            | Function::Year
            | Function::Quarter
            | Function::Month
            | Function::StartOfYear
            | Function::StartOfQuarter
            | Function::StartOfMonth
            | Function::DayOfMonth
            | Function::DayOfWeek
            | Function::IsoDayOfWeek
            | Function::DayOfYear
            | Function::Week
            | Function::Concat,
            _,
        ) => new_null_array(&result.data_type(), rows),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array as _, Date32Array, Int64Array};

    use super::*;
    use crate::tabulation::Literal;

    fn int(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn literals(array: &ArrayRef) -> Vec<Option<String>> {
        (0..array.len()).map(|row| literal_at(array, row).map(|l| l.to_string())).collect()
    }

    fn check(function: Function, args: &[ArrayRef], expect: &[Option<&str>]) {
        let rows = args.first().map_or(0, |a| a.len());
        let got = literals(&evaluate(function, args, rows));
        let expect: Vec<Option<String>> = expect.iter().map(|e| e.map(str::to_owned)).collect();
        assert_eq!(got, expect, "{function:?}");
    }

    #[test]
    fn arithmetic_is_null_where_it_has_no_value() {
        let a = int(&[Some(7), Some(i64::MAX), Some(1), None]);
        let b = int(&[Some(2), Some(1), Some(0), Some(1)]);
        check(Function::Add, &[a.clone(), b.clone()], &[Some("9"), None, Some("1"), None]);
        check(
            Function::Divide,
            &[a.clone(), b.clone()],
            &[Some("3"), Some("9223372036854775807"), None, None],
        );
        check(Function::Modulo, &[a, b], &[Some("1"), Some("0"), None, None]);
        let lowest = int(&[Some(i64::MIN)]);
        check(Function::Negate, std::slice::from_ref(&lowest), &[None]);
        check(Function::Divide, &[lowest, int(&[Some(-1)])], &[None]);
    }

    #[test]
    fn decimals_keep_their_places() {
        let price = from_literals(
            [Some(Literal::Decimal { value: 1250, places: 2 })],
            ScalarType::Decimal(2),
        );
        let count = cast(&int(&[Some(3)]), ScalarType::Decimal(0));
        check(Function::Multiply, &[price.clone(), count.clone()], &[Some("37.50")]);
        check(Function::Add, &[price, count], &[Some("15.50")]);
    }

    #[test]
    fn the_smallest_number_is_no_decimal_and_does_not_fail() {
        let half = |value| {
            from_literals([Some(Literal::Decimal { value, places: 0 })], ScalarType::Decimal(0))
        };
        let lowest = i128::MIN / 2;
        check(Function::Add, &[half(lowest), half(lowest)], &[None]);
    }

    #[test]
    fn decimals_together_are_what_they_are_one_by_one() {
        let large = 10_i128.pow(37);
        let numbers = [0, 1, -1, 7, 100, -250, i64::MAX.into(), i64::MIN.into(), large, -large];
        let column = |rows: &[Option<i128>], places| {
            let literal = |v: &Option<i128>| v.map(|value| Literal::Decimal { value, places });
            from_literals(rows.iter().map(literal), ScalarType::Decimal(places))
        };
        let whole = int(&[Some(3), None, Some(-4), Some(i64::MAX), Some(0)]);
        for function in [
            Function::Add,
            Function::Subtract,
            Function::Multiply,
            Function::Divide,
            Function::Modulo,
        ] {
            for (i, first) in numbers.iter().enumerate() {
                let l: Vec<Option<i128>> = (0..5)
                    .map(|row| numbers.get((i + row * 3) % 10).copied().filter(|_| row != 2))
                    .collect();
                let r: Vec<Option<i128>> =
                    (0..5).map(|row| Some(first.wrapping_add(row))).collect();
                for (left, right) in [
                    (column(&l, 2), column(&r, 4)),
                    (column(&r, 0), column(&l, 2)),
                    (Arc::clone(&whole), column(&l, 2)),
                    (column(&l, 6), Arc::clone(&whole)),
                ] {
                    let together = evaluate(function, &[left.clone(), right.clone()], 5);
                    // Of one row at a time those without a value are alone, so that the others take the quick way.
                    let one_by_one: Vec<_> = (0..5)
                        .flat_map(|row| {
                            let args = [left.slice(row, 1), right.slice(row, 1)];
                            literals(&evaluate(function, &args, 1))
                        })
                        .collect();
                    assert_eq!(literals(&together), one_by_one, "{function:?} {l:?} {r:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_cast_together_are_what_they_are_one_by_one() {
        let digits = [Some(1250), None, Some(-7), Some(10_i128.pow(37)), Some(0)];
        let decimals = |places| {
            let literal = |v: &Option<i128>| v.map(|value| Literal::Decimal { value, places });
            from_literals(digits.iter().map(literal), ScalarType::Decimal(places))
        };
        let whole = int(&[Some(3), None, Some(-4), Some(i64::MAX), Some(i64::MIN)]);
        for numbers in [whole, decimals(0), decimals(2), decimals(9)] {
            for to in [0, 1, 2, 4, 18, 30].map(ScalarType::Decimal) {
                let one_by_one = (0..5).flat_map(|row| literals(&cast(&numbers.slice(row, 1), to)));
                let one_by_one: Vec<_> = one_by_one.collect();
                assert_eq!(literals(&cast(&numbers, to)), one_by_one, "{to:?}");
            }
        }
    }

    #[test]
    fn casts_never_fail() {
        let text: ArrayRef =
            Arc::new(arrow_array::StringArray::from(vec![Some("12"), Some("F20"), None]));
        assert_eq!(
            literals(&cast(&text, ScalarType::Int64)),
            vec![Some("12".to_owned()), None, None]
        );
        assert_eq!(literals(&cast(&text, ScalarType::Date)), vec![None, None, None]);
    }

    #[test]
    fn dates_at_the_end_of_the_calendar_are_null() {
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![Some(17562), Some(i32::MAX), None]));
        check(Function::Year, std::slice::from_ref(&dates), &[Some("2018"), None, None]);
        check(Function::StartOfQuarter, &[dates], &[Some("DATE '2018-01-01'"), None, None]);
    }

    #[test]
    fn trim_takes_spaces_and_nothing_else() {
        let text = vec!["  a b ", "\ta\n", "\u{a0}a ", "   ", ""];
        let text: ArrayRef = Arc::new(arrow_array::StringArray::from(text));
        let expect = ["'a b'", "'\ta\n'", "'\u{a0}a'", "''", "''"].map(Some);
        check(Function::Trim, &[text], &expect);
    }

    #[test]
    fn substring_counts_characters() {
        let text: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["Ynys Môn", "E01"]));
        let (start, length) = (int(&[Some(6), Some(-1)]), int(&[Some(2), Some(4)]));
        check(Function::Substring, &[text, start, length], &[Some("'Mô'"), Some("'E0'")]);
    }
}
