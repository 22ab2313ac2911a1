//! Values as the suite's runner writes them into its files: floating-point numbers with 12 places at most, no zeros at their
//! end, an empty text as `(empty)`, NULL as `NULL`.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;

/// Places after the point that the runner keeps of a floating-point number.
const PLACES: usize = 12;

/// The rows, value by value.
pub(super) fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|column| value(column, row)).collect());
        }
    }
    rows
}

fn value(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    match column.data_type() {
        DataType::Null => "NULL".to_owned(),
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            float(f64::from(value), &value.to_string())
        }
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            float(value, &value.to_string())
        }
        DataType::Decimal128(..) => number(&shown(column, row), usize::MAX),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = shown(column, row);
            if text.is_empty() {
                return "(empty)".to_owned();
            }
            text.trim_end_matches('\n').replace('\u{0}', "\\0")
        }
        _ => shown(column, row),
    }
}

fn shown(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string()
}

fn float(value: f64, text: &str) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        number(text, PLACES)
    }
}

/// A number in plain digits, rounded to so many places, half to even.
fn number(text: &str, places_max: usize) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let (kept, cut) = places.split_at(places.len().min(places_max));
    let mut kept: Vec<u8> = format!("{whole}{kept}").into_bytes();
    let last_is_odd = kept.last().is_some_and(|d| (d - b'0') % 2 == 1);
    let up = match cut.as_bytes() {
        [] => false,
        [first, rest @ ..] => {
            *first > b'5' || (*first == b'5' && (last_is_odd || rest.iter().any(|d| *d != b'0')))
        }
    };
    if up {
        let mut position = kept.len();
        loop {
            if position == 0 {
                kept.insert(0, b'1');
                break;
            }
            position -= 1;
            if kept[position] == b'9' {
                kept[position] = b'0';
            } else {
                kept[position] += 1;
                break;
            }
        }
    }
    let point = kept.len() - places.len().min(places_max);
    let text = String::from_utf8(kept).unwrap();
    let (whole, places) = text.split_at(point);
    let places = places.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let number = if places.is_empty() { whole.to_owned() } else { format!("{whole}.{places}") };
    if number == "0" { number } else { format!("{sign}{number}") }
}

#[test]
fn numbers_are_written_as_the_runner_does() {
    for (text, expect) in [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("100", "100"),
        ("0.1234567890125", "0.123456789012"),
        ("0.1234567890135", "0.123456789014"),
        ("9.9999999999999", "10"),
        ("-12.000", "-12"),
        ("0.0000000000001", "0"),
    ] {
        assert_eq!(number(text, PLACES), expect, "{text}");
    }
}
