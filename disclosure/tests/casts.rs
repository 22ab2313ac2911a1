//! A cast means what the engine's `TRY_CAST` does, or is told to mean something else.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringArray,
};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use insitu_disclosure::function::{CastMeaning, cast, literal_at};
use insitu_disclosure::{Literal, ScalarType};
use proptest::prelude::*;

const TYPES: [ScalarType; 9] = [
    ScalarType::Boolean,
    ScalarType::Int64,
    ScalarType::Decimal(0),
    ScalarType::Decimal(1),
    ScalarType::Decimal(9),
    ScalarType::Decimal(18),
    ScalarType::Float64,
    ScalarType::Utf8,
    ScalarType::Date,
];

const LARGEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// Numbers about powers of two and ten, halves among their fractions, at every distance from zero.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (-2_000_i32..2_000).prop_map(|v| f64::from(v) / 8.0),
        (0_i32..64, -2_i32..3).prop_map(|(power, by)| 2_f64.powi(power) + f64::from(by)),
        (0_i32..40).prop_map(|power| -(10_f64.powi(power))),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]),
    ]
}

fn digits() -> impl Strategy<Value = i128> {
    let near = (0_u32..38, -60_i128..60).prop_map(|(power, by)| 10_i128.pow(power) + by);
    prop_oneof![near.clone(), near.prop_map(|v| -v), -LARGEST..LARGEST]
}

fn column(of: ScalarType) -> BoxedStrategy<ArrayRef> {
    fn rows<T: std::fmt::Debug>(
        value: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Vec<Option<T>>> {
        prop::collection::vec(prop::option::of(value), 0..8)
    }
    match of {
        ScalarType::Boolean => {
            rows(any::<bool>()).prop_map(|v| Arc::new(BooleanArray::from(v)) as ArrayRef).boxed()
        }
        ScalarType::Int64 => {
            let about = (0_u32..63, -2_i64..3).prop_map(|(power, by)| (1_i64 << power) + by);
            rows(prop_oneof![any::<i64>(), -3_i64..3, about])
                .prop_map(|v| Arc::new(Int64Array::from(v)) as ArrayRef)
                .boxed()
        }
        ScalarType::Decimal(places) => rows(digits())
            .prop_map(move |v| {
                let places = i8::try_from(places).unwrap();
                let array = Decimal128Array::from(v).with_precision_and_scale(38, places);
                Arc::new(array.unwrap()) as ArrayRef
            })
            .boxed(),
        ScalarType::Float64 => {
            rows(number()).prop_map(|v| Arc::new(Float64Array::from(v)) as ArrayRef).boxed()
        }
        ScalarType::Utf8 => {
            rows(".{0,6}").prop_map(|v| Arc::new(StringArray::from(v)) as ArrayRef).boxed()
        }
        ScalarType::Date => rows(-700_000_i32..3_000_000)
            .prop_map(|v| Arc::new(Date32Array::from(v)) as ArrayRef)
            .boxed(),
    }
}

proptest! {
    #[test]
    fn a_cast_is_the_engines(
        (value, to) in (prop::sample::select(TYPES.to_vec()), prop::sample::select(TYPES.to_vec()))
            .prop_flat_map(|(from, to)| (column(from), Just(to)))
    ) {
        let from = ScalarType::of(value.data_type()).unwrap();
        let ours = cast(&value, to);
        prop_assert_eq!(ours.data_type(), &to.data_type());
        match CastMeaning::of(from, to) {
            CastMeaning::Engines => {
                let options = CastOptions { safe: true, ..CastOptions::default() };
                let engines = cast_with_options(&value, &to.data_type(), &options).unwrap();
                prop_assert_eq!(ours.to_data(), engines.to_data());
            }
            CastMeaning::OurReading => prop_assert_eq!(ours.len(), value.len()),
            CastMeaning::No => prop_assert_eq!(ours.null_count(), value.len()),
        }
    }
}

#[test]
fn every_pair_of_types_that_is_ours_can_be_cast_by_the_engine() {
    for from in TYPES {
        for to in TYPES {
            if CastMeaning::of(from, to) != CastMeaning::No {
                assert!(can_cast_types(&from.data_type(), &to.data_type()), "{from} to {to}");
            }
        }
    }
}

/// The engine's meaning in numbers, so that one that changes is noticed.
#[test]
fn casts_keep_what_they_mean() {
    let float = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let whole = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let hundredths = |values: &[i128]| {
        let array = Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, 2);
        Arc::new(array.unwrap()) as ArrayRef
    };
    let shown = |value: &ArrayRef, to| {
        let cast = cast(value, to);
        let literals = (0..cast.len()).map(|row| literal_at(&cast, row));
        literals.map(|l| l.map_or("NULL".to_owned(), |l| l.to_string())).collect::<Vec<_>>()
    };
    let floats = float(&[1.75, -1.75, -0.0, 1e19, f64::NAN, f64::INFINITY]);
    assert_eq!(shown(&floats, ScalarType::Int64), ["1", "-1", "0", "NULL", "NULL", "NULL"]);
    let tenths = ["1.8", "-1.8", "0.0", "10000000000000000000.0", "NULL", "NULL"];
    assert_eq!(shown(&floats, ScalarType::Decimal(1)), tenths);
    assert_eq!(
        shown(&floats, ScalarType::Utf8),
        ["'1.75'", "'-1.75'", "'-0.0'", "'1e19'", "'NaN'", "'inf'"]
    );
    let amounts = hundredths(&[125, -125, 124, 199, -5, LARGEST]);
    let one_place = ["1.3", "-1.3", "1.2", "2.0", "-0.1"];
    assert_eq!(shown(&amounts, ScalarType::Decimal(1))[..5], one_place);
    assert_eq!(shown(&amounts, ScalarType::Int64), ["1", "-1", "1", "1", "0", "NULL"]);
    assert_eq!(shown(&amounts, ScalarType::Decimal(3))[5], "NULL");
    assert_eq!(shown(&amounts, ScalarType::Utf8)[..2], ["'1.25'", "'-1.25'"]);
    let large = whole(&[(1 << 53) + 1, 0, -2]);
    assert_eq!(shown(&large, ScalarType::Float64), ["9007199254740992", "0", "-2"]);
    assert_eq!(shown(&large, ScalarType::Boolean), ["true", "false", "true"]);
    let truths: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
    assert_eq!(shown(&truths, ScalarType::Int64), ["1", "0", "NULL"]);
    // No day of the calendar, and no failure either.
    let beyond: ArrayRef = Arc::new(Date32Array::from(vec![0, i32::MAX]));
    assert_eq!(shown(&beyond, ScalarType::Utf8), ["'1970-01-01'", "NULL"]);
    assert_eq!(literal_at(&beyond, 0), Some(Literal::Date(0)));
}
