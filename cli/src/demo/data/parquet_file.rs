//! A batch as the Parquet file a node reads: the demo's node has the reader of a real one.

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

/// Columns with a value of its own in nearly every row: building a dictionary would be lost work.
const UNIQUE_COLUMNS: [&str; 3] = ["person_id", "account_id", "cost"];

/// The bytes of a Parquet file that holds the batch, compressed with Snappy.
pub(crate) fn parquet_bytes(batch: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    for column in UNIQUE_COLUMNS {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build()))?;
    writer.write(batch)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

    use super::super::council::{Council, council_tax};
    use super::super::people::Population;
    use super::super::{dwp, health};
    use super::*;

    /// Every table of a population of that seed.
    fn tables(seed: u64) -> Vec<RecordBatch> {
        let population = Population::generate(seed).unwrap();
        let mut tables = vec![health::episodes(&population).unwrap()];
        tables.push(dwp::claims(&population).unwrap());
        tables.extend(Council::ALL.map(|council| council_tax(&population, council).unwrap()));
        tables
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let files = |seed| -> Vec<Vec<u8>> {
            tables(seed).iter().map(|table| parquet_bytes(table).unwrap()).collect()
        };
        let (first, again, other) = (files(1), files(1), files(2));
        assert_eq!(first, again);
        assert!(first.iter().zip(&other).all(|(first, other)| first != other));
    }

    #[test]
    fn a_table_comes_back_as_it_went() {
        let name = format!("insitu-demo-{}.parquet", std::process::id());
        let path = std::env::temp_dir().join(name);
        for table in tables(1) {
            std::fs::write(&path, parquet_bytes(&table).unwrap()).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            let reader = ParquetRecordBatchReader::try_new(file, 1 << 20).unwrap();
            let read: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            assert_eq!(read, [table]);
        }
        std::fs::remove_file(path).unwrap();
    }
}
