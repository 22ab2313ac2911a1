//! TPC-H's two large tables, as eight departments hold them: split by the order's key.
//!
//! The rows are those of the specification, made by the crate `tpchgen`. Comments, clerks and instructions, which no question
//! reads, are left out: they would be half of the bytes.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{Date32Builder, Decimal128Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use insitu_tests::Department;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tpchgen::generators::{LineItem, LineItemGenerator, Order, OrderGenerator};

/// A table of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Orders,
    Lineitem,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Money,
    Day,
    Text,
}

impl Table {
    pub(super) const ALL: [Self; 2] = [Self::Orders, Self::Lineitem];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Lineitem => "lineitem",
        }
    }

    /// Its columns in order; the first is the order's key.
    pub(super) const fn columns(self) -> &'static [(&'static str, Kind)] {
        use Kind::{Day, Money, Text, Whole};
        match self {
            Self::Orders => &[
                ("o_orderkey", Whole),
                ("o_custkey", Whole),
                ("o_orderstatus", Text),
                ("o_totalprice", Money),
                ("o_orderdate", Day),
                ("o_orderpriority", Text),
            ],
            Self::Lineitem => &[
                ("l_orderkey", Whole),
                ("l_partkey", Whole),
                ("l_suppkey", Whole),
                ("l_linenumber", Whole),
                ("l_quantity", Money),
                ("l_extendedprice", Money),
                ("l_discount", Money),
                ("l_tax", Money),
                ("l_returnflag", Text),
                ("l_linestatus", Text),
                ("l_shipdate", Day),
                ("l_commitdate", Day),
                ("l_receiptdate", Day),
                ("l_shipmode", Text),
            ],
        }
    }

    /// A part of `parts` as a Parquet file; numbered from 0.
    pub(super) fn parquet(self, scale: f64, part: usize, parts: usize) -> Vec<u8> {
        let mut rows = Rows::of(self);
        let [part, parts] = [part + 1, parts].map(|n| i32::try_from(n).unwrap());
        match self {
            Self::Orders => {
                OrderGenerator::new(scale, part, parts).iter().for_each(|o| rows.order(&o));
            }
            Self::Lineitem => {
                LineItemGenerator::new(scale, part, parts).iter().for_each(|l| rows.line(&l));
            }
        }
        rows.file()
    }

    /// The same rows as CSV without a header.
    pub(super) fn csv(
        self,
        scale: f64,
        part: usize,
        parts: usize,
        to: &mut impl Write,
    ) -> std::io::Result<()> {
        let [part, parts] = [part + 1, parts].map(|n| i32::try_from(n).unwrap());
        match self {
            Self::Orders => {
                for o in OrderGenerator::new(scale, part, parts).iter() {
                    let Order { o_orderkey, o_custkey, o_orderstatus, o_totalprice, .. } = o;
                    write!(to, "{o_orderkey},{o_custkey},{o_orderstatus},{o_totalprice},")?;
                    writeln!(to, "{},{}", o.o_orderdate, o.o_orderpriority)?;
                }
            }
            Self::Lineitem => {
                for l in LineItemGenerator::new(scale, part, parts).iter() {
                    let LineItem { l_orderkey, l_partkey, l_suppkey, l_linenumber, .. } = l;
                    write!(to, "{l_orderkey},{l_partkey},{l_suppkey},{l_linenumber},")?;
                    let LineItem { l_quantity, l_extendedprice, l_discount, l_tax, .. } = l;
                    write!(to, "{l_quantity},{l_extendedprice},{l_discount},{l_tax},")?;
                    let LineItem { l_returnflag, l_linestatus, l_shipdate, l_commitdate, .. } = l;
                    write!(to, "{l_returnflag},{l_linestatus},{l_shipdate},{l_commitdate},")?;
                    writeln!(to, "{},{}", l.l_receiptdate, l.l_shipmode)?;
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    fn arrow(self) -> DataType {
        match self {
            Self::Whole => DataType::Int64,
            Self::Money => DataType::Decimal128(15, 2),
            Self::Day => DataType::Date32,
            Self::Text => DataType::Utf8,
        }
    }

    /// As a node's configuration has it.
    const fn declared(self) -> &'static str {
        match self {
            Self::Whole => "\"integer\"",
            Self::Money => "\"decimal\"\ndecimal_places = 2",
            Self::Day => "\"date\"",
            Self::Text => "\"text\"",
        }
    }

    /// As PostgreSQL has it.
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Whole => "bigint",
            Self::Money => "numeric(15, 2)",
            Self::Day => "date",
            Self::Text => "text",
        }
    }
}

/// A department with one file of each table.
pub(super) fn department(node: usize, files: Vec<(Table, Vec<u8>)>) -> Department {
    let mut config = format!(
        "[node]\nid = \"n{node:03}\"\ndepartment = \"N{node}\"\nmemory_mib = 2000\nsource_mib_max = 4000\n"
    );
    for (table, _) in &files {
        let name = table.name();
        let _ = write!(
            config,
            "[[dataset]]\nname = \"tpch.{name}\"\nprotection = \"open\"\n\
             source = {{ format = \"parquet\", path = \"{name}.parquet\" }}\n"
        );
        for (column, kind) in table.columns() {
            let _ = write!(
                config,
                "[[dataset.column]]\nname = \"{column}\"\ntype = {}\nlabel = \"dimension\"\n",
                kind.declared()
            );
        }
    }
    let files = files.into_iter().map(|(table, file)| (format!("{}.parquet", table.name()), file));
    Department { config, files: files.collect() }
}

/// Rows that are written together.
const BATCH_ROWS: usize = 1 << 16;

/// Columns that are being filled, and the file so far.
struct Rows {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    Whole(Int64Builder),
    Money(Decimal128Builder),
    Day(Date32Builder),
    Text(StringBuilder),
}

/// A value on its way into a column.
enum Value<'a> {
    Whole(i64),
    Cents(i64),
    Day(i32),
    Text(&'a str),
}

impl Rows {
    fn of(table: Table) -> Self {
        let columns = table.columns().iter();
        let fields = columns.clone().map(|(name, kind)| Field::new(*name, kind.arrow(), false));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties));
        let columns = columns.map(|(_, kind)| match kind {
            Kind::Whole => Column::Whole(Int64Builder::new()),
            Kind::Money => {
                let cents = Decimal128Builder::new().with_data_type(kind.arrow());
                Column::Money(cents)
            }
            Kind::Day => Column::Day(Date32Builder::new()),
            Kind::Text => Column::Text(StringBuilder::new()),
        });
        Self { schema, writer: writer.unwrap(), columns: columns.collect(), rows: 0 }
    }

    fn order(&mut self, order: &Order<'_>) {
        self.row([
            Value::Whole(order.o_orderkey),
            Value::Whole(order.o_custkey),
            Value::Text(&order.o_orderstatus.to_string()),
            Value::Cents(order.o_totalprice.into_inner()),
            Value::Day(order.o_orderdate.to_unix_epoch()),
            Value::Text(order.o_orderpriority),
        ]);
    }

    fn line(&mut self, line: &LineItem<'_>) {
        self.row([
            Value::Whole(line.l_orderkey),
            Value::Whole(line.l_partkey),
            Value::Whole(line.l_suppkey),
            Value::Whole(line.l_linenumber.into()),
            Value::Cents(line.l_quantity * 100),
            Value::Cents(line.l_extendedprice.into_inner()),
            Value::Cents(line.l_discount.into_inner()),
            Value::Cents(line.l_tax.into_inner()),
            Value::Text(line.l_returnflag),
            Value::Text(line.l_linestatus),
            Value::Day(line.l_shipdate.to_unix_epoch()),
            Value::Day(line.l_commitdate.to_unix_epoch()),
            Value::Day(line.l_receiptdate.to_unix_epoch()),
            Value::Text(line.l_shipmode),
        ]);
    }

    fn row<const N: usize>(&mut self, values: [Value<'_>; N]) {
        assert_eq!(self.columns.len(), N, "a value for each column");
        for (column, value) in self.columns.iter_mut().zip(values) {
            match (column, value) {
                (Column::Whole(column), Value::Whole(value)) => column.append_value(value),
                (Column::Money(column), Value::Cents(value)) => column.append_value(value.into()),
                (Column::Day(column), Value::Day(value)) => column.append_value(value),
                (Column::Text(column), Value::Text(value)) => column.append_value(value),
                (
                    Column::Whole(_) | Column::Money(_) | Column::Day(_) | Column::Text(_),
                    Value::Whole(_) | Value::Cents(_) | Value::Day(_) | Value::Text(_),
                ) => panic!("a value of another kind"),
            }
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.write();
        }
    }

    fn write(&mut self) {
        let columns = self.columns.iter_mut().map(|column| -> ArrayRef {
            match column {
                Column::Whole(column) => Arc::new(column.finish()),
                Column::Money(column) => Arc::new(column.finish()),
                Column::Day(column) => Arc::new(column.finish()),
                Column::Text(column) => Arc::new(column.finish()),
            }
        });
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns.collect()).unwrap();
        self.writer.write(&batch).unwrap();
        self.rows = 0;
    }

    fn file(mut self) -> Vec<u8> {
        if 0 < self.rows {
            self.write();
        }
        self.writer.into_inner().unwrap()
    }
}
