//! Made-up rows in Parquet, the same in every run: visits of people who live somewhere.
//!
//! | column | values |
//! |---|---|
//! | `id` | a person, each with so many rows, in no order |
//! | `area` | where the person lives: `A0000`, ... |
//! | `month` | 0 to 11 |
//! | `cost` | up to 100 000, few of them large |

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Rows that are written together.
const BATCH_ROWS: u64 = 1 << 16;

/// A Parquet file of `rows` rows, `rows_per_person` for each person, over `areas` areas.
pub(crate) fn parquet(rows: u64, rows_per_person: u64, areas: u64) -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("area", DataType::Utf8, false),
        Field::new("month", DataType::Int64, false),
        Field::new("cost", DataType::Int64, false),
    ]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(1 << 20))
        .build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, Arc::clone(&schema), Some(properties)).unwrap();
    let people = rows / rows_per_person;
    let names: Vec<String> = (0..areas).map(|a| format!("A{a:04}")).collect();
    let mut start = 0;
    while start < rows {
        let batch = start..rows.min(start + BATCH_ROWS);
        let ids: Vec<u64> = batch.clone().map(|row| scattered(row, rows) % people).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids.iter().map(|id| Some(signed(*id))).collect::<Int64Array>()),
            Arc::new(
                ids.iter()
                    .map(|id| names[usize::try_from(mixed(*id) % areas).unwrap()].as_str())
                    .map(Some)
                    .collect::<StringArray>(),
            ),
            Arc::new(batch.clone().map(|r| Some(signed(mixed(r) % 12))).collect::<Int64Array>()),
            Arc::new(batch.clone().map(|r| Some(cost(mixed(r ^ 77)))).collect::<Int64Array>()),
        ];
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
        start = batch.end;
    }
    writer.close().unwrap();
    file
}

/// A permutation of `0..rows`: no id stands beside its neighbour.
fn scattered(row: u64, rows: u64) -> u64 {
    // A step without a common factor with the number of rows goes round all of them.
    let step = (rows / 3 * 2..).find(|step| gcd(*step, rows) == 1).unwrap();
    u64::try_from(u128::from(row) * u128::from(step) % u128::from(rows)).unwrap()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn cost(word: u64) -> i64 {
    // The product of two is small more often than large.
    signed((word % 317) * ((word >> 32) % 316))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap()
}

/// Stafford's variant 13 of the MurmurHash3 finaliser.
fn mixed(word: u64) -> u64 {
    let mut x = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
