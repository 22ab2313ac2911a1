//! The engine: the parts of DataFusion that nodes and the gateway plan and run with.
//!
//! The crate `datafusion` as a whole takes a compiler minutes, on one core, and everything that names it waits. What
//! needs the whole is little: a physical planner, and a session that holds it. So insitu is built on DataFusion's parts,
//! which this crate gathers under the names they have in the whole, and is handed the rest at start: [`Sessions`],
//! which the crate `insitu-planner` implements.
//!
//! 1. [`Sessions`], [`Settings`], [`Functions`]: sessions with closed options, rules and functions.
//! 2. [`SharedPlan`], [`physical`], [`stream`]: a plan that is passed about; planned; a stream of its batches.
//! 3. [`SpillFolder`]: room on a disk for what doesn't fit into memory.
//! 4. [`hide_constants`], [`forget_above_joins`]: what the engine's operators may not know of their rows.
//! 5. [`datasource`] and the others: DataFusion's parts.

mod constants;
mod plan;
mod sessions;
mod spill;
mod stream;

pub use constants::{forget_above_joins, hide_constants};
pub use plan::SharedPlan;
pub use sessions::{Functions, OpenSession, Sessions, Settings};
pub use spill::{SpillFolder, disk, is_spill_full};
pub use stream::{physical, physical_of_optimised, stream};

pub use datafusion_catalog as catalog;
pub use datafusion_common as common;
pub use datafusion_common::arrow;
pub use datafusion_common::config;
pub use datafusion_common::error;
pub use datafusion_execution as execution;
pub use datafusion_expr as logical_expr;
pub use datafusion_functions as functions;
pub use datafusion_functions_aggregate as functions_aggregate;
pub use datafusion_optimizer as optimizer;
pub use datafusion_physical_expr as physical_expr;
pub use datafusion_physical_optimizer as physical_optimizer;
pub use datafusion_physical_plan as physical_plan;
pub use datafusion_sql as sql;

/// Tables, and the files that they are read from.
pub mod datasource {
    pub use datafusion_catalog::MemTable;
    pub use datafusion_catalog::default_table_source::{provider_as_source, source_as_provider};
    pub use datafusion_datasource::PartitionedFile;
    pub use datafusion_datasource::file_groups::FileGroup;
    pub use datafusion_datasource::file_scan_config::FileScanConfigBuilder;
    pub use datafusion_datasource::memory::MemorySourceConfig;
    pub use datafusion_datasource::source::DataSourceExec;
    pub use datafusion_datasource::{TableSchema, TableSchemaBuilder};
    pub use datafusion_datasource_parquet::source::ParquetSource;
    pub use datafusion_datasource_parquet::{
        DefaultParquetFileReaderFactory, ParquetFileReaderFactory,
    };
    pub use datafusion_expr::TableType;
}
