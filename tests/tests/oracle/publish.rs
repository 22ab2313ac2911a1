//! Tables as open datasets at departments, in three layouts:
//!
//! * `one`: at a single node.
//! * `three`: over three nodes, rows apart by a hash of their values.
//! * `ten`: over eight nodes like that, beside one node without rows and one with a single row.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use insitu_disclosure::dataset::is_identifier;
use insitu_disclosure::tabulation::ScalarType;
use insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX;
use insitu_tests::Department;
use parquet::arrow::ArrowWriter;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

/// How a table's rows are laid out over nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    One,
    Three,
    Ten,
}

impl Layout {
    pub(super) const ALL: [Self; 3] = [Self::One, Self::Three, Self::Ten];

    /// The first part of its schemas' names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Three => "three",
            Self::Ten => "ten",
        }
    }

    /// The rows at each node, in node order.
    pub(super) fn parts(self, rows: &RecordBatch) -> Vec<RecordBatch> {
        let (spread, alone) = match self {
            Self::One => return vec![rows.clone()],
            Self::Three => (3, None),
            // The row that is alone is the last.
            Self::Ten => (8, rows.num_rows().checked_sub(1)),
        };
        let home = |row: usize| usize::try_from(hash(rows, row) % spread).unwrap();
        let mut at = vec![Vec::new(); usize::try_from(spread).unwrap()];
        for row in (0..rows.num_rows()).filter(|row| Some(*row) != alone) {
            at[home(row)].push(u64::try_from(row).unwrap());
        }
        if self == Self::Ten {
            at.push(Vec::new());
            at.push(alone.map(|row| u64::try_from(row).unwrap()).into_iter().collect());
        }
        at.into_iter().map(|at| take_record_batch(rows, &UInt64Array::from(at)).unwrap()).collect()
    }
}

/// FNV-1a over the row's values as text.
fn hash(rows: &RecordBatch, row: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for column in rows.columns() {
        let shown = ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap();
        for byte in shown.value(row).to_string().bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash ^ (hash >> 32)
}

/// A table in one state, as a dataset can have it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// Tells the states of a table of one name apart.
    pub(super) version: usize,
    /// Columns that a descriptor can describe, in its types.
    pub(super) rows: RecordBatch,
    /// The others: name, and its type.
    pub(super) left_out: Vec<(String, DataType)>,
}

impl Table {
    /// The table with its columns in declared types; `None` where its name or all of its columns can't be had.
    pub(super) fn of(name: &str, version: usize, rows: &RecordBatch) -> Option<Self> {
        if !is_identifier(name) {
            return None;
        }
        let (mut fields, mut columns, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let declared = declared(field.data_type()).filter(|_| is_identifier(field.name()));
            let Some(declared) = declared else {
                left_out.push((field.name().clone(), field.data_type().clone()));
                continue;
            };
            fields.push(Field::new(field.name(), declared.data_type(), true));
            columns.push(arrow_cast::cast(column, &declared.data_type()).unwrap());
        }
        if columns.is_empty() {
            return None;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new_with_options(schema, columns, &options).unwrap();
        Some(Self { name: name.to_owned(), version, rows, left_out })
    }

    /// The schema it has in a layout.
    pub(super) fn schema(&self, layout: Layout) -> String {
        format!("{}_{}", layout.name(), self.version)
    }

    /// Its rows in the order in which a layout's nodes give them.
    pub(super) fn in_order(&self, layout: Layout) -> RecordBatch {
        concat_batches(&self.rows.schema(), &layout.parts(&self.rows)).unwrap()
    }

    /// Its rows in an order drawn from a seed.
    pub(super) fn shuffled(&self, seed: u64) -> RecordBatch {
        let mut order: Vec<u64> = (0..u64::try_from(self.rows.num_rows()).unwrap()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(seed));
        take_record_batch(&self.rows, &UInt64Array::from(order)).unwrap()
    }
}

/// The declared type that holds all values of an Arrow type.
fn declared(found: &DataType) -> Option<ScalarType> {
    match found {
        DataType::Boolean => Some(ScalarType::Boolean),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Some(ScalarType::Int64),
        DataType::Float32 | DataType::Float64 => Some(ScalarType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(ScalarType::Utf8),
        DataType::Dictionary(_, values) => declared(values).filter(|t| *t == ScalarType::Utf8),
        DataType::Date32 => Some(ScalarType::Date),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale) => {
            u8::try_from(*scale).ok().filter(|s| *s <= DECIMAL_PLACES_MAX).map(ScalarType::Decimal)
        }
        // What isn't named has no declared type: times, intervals, lists, bytes, unsigned numbers of 64 bits.
        _ => None,
    }
}

/// Ten departments that hold these tables in every layout.
pub(super) fn departments(tables: &[Table]) -> Vec<Department> {
    let mut departments: Vec<Department> = (0..10)
        .map(|n| Department {
            config: format!("[node]\nid = \"n{n}\"\ndepartment = \"Part {n}\"\n"),
            files: Vec::new(),
        })
        .collect();
    for table in tables {
        for layout in Layout::ALL {
            let dataset = format!("{}.{}", table.schema(layout), table.name);
            let config = described(&dataset, &table.rows);
            for (part, department) in layout.parts(&table.rows).iter().zip(&mut departments) {
                department.config.push_str(&config);
                department.files.push((format!("{dataset}.parquet"), parquet(part)));
            }
        }
    }
    departments.retain(|d| !d.files.is_empty());
    departments
}

/// An open dataset with columns as these rows have them, in a file of its name.
pub(crate) fn described(dataset: &str, rows: &RecordBatch) -> String {
    let mut config = format!(
        "\n[[dataset]]\nname = \"{dataset}\"\nprotection = \"open\"\n\
         source = {{ format = \"parquet\", path = \"{dataset}.parquet\" }}\n"
    );
    for field in rows.schema().fields() {
        let words = match declared(field.data_type()).unwrap() {
            ScalarType::Boolean => "boolean\"".to_owned(),
            ScalarType::Int64 => "integer\"".to_owned(),
            ScalarType::Float64 => "float\"".to_owned(),
            ScalarType::Utf8 => "text\"".to_owned(),
            ScalarType::Date => "date\"".to_owned(),
            ScalarType::Decimal(places) => format!("decimal\"\ndecimal_places = {places}"),
        };
        let name = field.name();
        let _ = write!(
            config,
            "\n[[dataset.column]]\nname = \"{name}\"\ntype = \"{words}\nlabel = \"dimension\"\n"
        );
    }
    config
}

/// The rows as a file.
pub(crate) fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

/// A department for each part of an open dataset, in this order of nodes.
pub(crate) fn parts_of(dataset: &str, parts: &[RecordBatch]) -> Vec<Department> {
    let of = |(n, part): (usize, &RecordBatch)| Department {
        config: format!(
            "[node]\nid = \"n{n}\"\ndepartment = \"Part {n}\"\n{}",
            described(dataset, part)
        ),
        files: vec![(format!("{dataset}.parquet"), parquet(part))],
    };
    parts.iter().enumerate().map(of).collect()
}
