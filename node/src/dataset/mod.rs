//! What the node publishes.
//!
//! 1. [`Descriptor`]: a Dataset, and how its rows are read.
//! 2. [`QualityReport`]: what was found when they were.
//! 3. [`Registry`]: the Datasets that are served, and those that can't be.

mod date_format;
mod descriptor;
mod quality;
mod registry;

pub use date_format::DateFormat;
pub use descriptor::{
    Blank, CodeList, CsvColumn, CsvSource, Derivation, Descriptor, ParquetColumn, ParquetSource,
    Place, Source,
};
pub use quality::{ColumnQuality, Misfit, MisfitReason, Misfits, QualityReport, ReadReport};
pub use registry::{LoadFailure, LoadedDataset, Registry};
