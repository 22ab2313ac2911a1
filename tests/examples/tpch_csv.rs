//! TPC-H's tables as CSV, for comparison with another engine: `tpch_csv FOLDER SCALE`.
//!
//! `orders` and `lineitem` come in three parts each, by the order's key, for three departments; the other tables whole,
//! for a fourth. `tests/python/ground_truth/test_tpch.py` reads them.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

/// Departments that the two large tables are spread over.
const PARTS: i64 = 3;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("the folder is missing")?);
    let scale: f64 = arguments.next().ok_or("the scale is missing")?.parse()?;
    let whole = |name: &str, header: &str, rows: &mut dyn Iterator<Item = String>| {
        write(&folder.join(format!("{name}.csv")), header, rows)
    };
    let text = |row: &dyn Display| row.to_string();
    let nations = NationGenerator::new(scale, 1, 1);
    whole("nation", NationCsv::header(), &mut nations.iter().map(|r| text(&NationCsv::new(r))))?;
    let regions = RegionGenerator::new(scale, 1, 1);
    whole("region", RegionCsv::header(), &mut regions.iter().map(|r| text(&RegionCsv::new(r))))?;
    let parts = PartGenerator::new(scale, 1, 1);
    whole("part", PartCsv::header(), &mut parts.iter().map(|r| text(&PartCsv::new(r))))?;
    let suppliers = SupplierGenerator::new(scale, 1, 1);
    let mut rows = suppliers.iter().map(|r| text(&SupplierCsv::new(r)));
    whole("supplier", SupplierCsv::header(), &mut rows)?;
    let customers = CustomerGenerator::new(scale, 1, 1);
    let mut rows = customers.iter().map(|r| text(&CustomerCsv::new(r)));
    whole("customer", CustomerCsv::header(), &mut rows)?;
    let offers = PartSuppGenerator::new(scale, 1, 1);
    let mut rows = offers.iter().map(|r| text(&PartSuppCsv::new(r)));
    whole("partsupp", PartSuppCsv::header(), &mut rows)?;
    for part in 0..PARTS {
        let here = |key: i64| key % PARTS == part;
        let orders = OrderGenerator::new(scale, 1, 1);
        let rows = orders.iter().filter(|r| here(r.o_orderkey));
        let mut rows = rows.map(|r| text(&OrderCsv::new(r)));
        whole(&format!("orders-{part}"), OrderCsv::header(), &mut rows)?;
        let lines = LineItemGenerator::new(scale, 1, 1);
        let rows = lines.iter().filter(|r| here(r.l_orderkey));
        let mut rows = rows.map(|r| text(&LineItemCsv::new(r)));
        whole(&format!("lineitem-{part}"), LineItemCsv::header(), &mut rows)?;
    }
    Ok(())
}

fn write(path: &Path, header: &str, rows: &mut dyn Iterator<Item = String>) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{header}")?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    file.flush()?;
    Ok(())
}
