//! Parquet files as a table with the declared names and types; a declared text may be a view of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::{DataType, Field, Schema};
use insitu_disclosure::Label;
use insitu_disclosure::tabulation::ScalarType;
use insitu_engine::catalog::TableProvider;
use insitu_engine::catalog::view::ViewTable;
use insitu_engine::datasource::{TableSchema, provider_as_source};
use insitu_engine::error::DataFusionError;
use insitu_engine::execution::object_store::ObjectStoreUrl;
use insitu_engine::execution::runtime_env::RuntimeEnv;
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder, cast, ident, lit};

use super::super::error::{HeaderProblem, SourceError};
use super::super::snapshot::Snapshot;
use super::files::ParquetFiles;
use super::footer::{self, Footer};
use super::mapping::{Mapping, mapping};
use super::readers::Readers;
use crate::config::closest::closest;
use crate::dataset::{ParquetColumn, ParquetSource};

/// Numbers the stores of a process, so that each has an address of its own.
static STORES: AtomicU64 = AtomicU64::new(0);

/// Checks the files and makes a table of them; also returns how many rows they have.
pub(in crate::source) async fn open(
    source: &ParquetSource,
    snapshot: Snapshot,
    runtime: &RuntimeEnv,
) -> Result<(Arc<dyn TableProvider>, u64), SourceError> {
    let mut first: Option<(String, Vec<Field>)> = None;
    let mut files = Vec::new();
    let mut rows: u64 = 0;
    let snapshot = Arc::new(snapshot);
    let mut readers = Readers::new(Arc::clone(&snapshot));
    for path in &source.files {
        let footer = footer::read(&snapshot, path).await?;
        let fields = fields(&footer, &source.columns, path.as_ref())?;
        match &first {
            None => first = Some((path.to_string(), fields)),
            Some(first) => alike(path.as_ref(), &fields, first)?,
        }
        files.push(snapshot.meta(path)?.clone());
        rows = rows.saturating_add(footer.rows);
        readers.keep(path, footer.metadata);
    }
    let fields = first.map(|(_, fields)| fields).unwrap_or_default();
    let fields: Vec<Field> = fields.into_iter().zip(&source.columns).map(as_read).collect();
    let url = register(snapshot, runtime)?;
    // Two columns may be read from one of the file's: it is there once.
    let mut unique: Vec<Field> = Vec::new();
    for field in &fields {
        if unique.iter().all(|other| other.name() != field.name()) {
            unique.push(field.clone());
        }
    }
    let (schema, readers) = (TableSchema::from(Arc::new(Schema::new(unique))), Arc::new(readers));
    let table = ParquetFiles { schema, url, files, readers };
    Ok((view(Arc::new(table), &fields, &source.columns)?, rows))
}

/// The file's field for each column, nullable: of the file's name and type, which maps.
fn fields(
    footer: &Footer,
    columns: &[ParquetColumn],
    file: &str,
) -> Result<Vec<Field>, SourceError> {
    let mut fields = Vec::new();
    let mut problems = Vec::new();
    for ParquetColumn { column, name_in_file } in columns {
        let found: Vec<usize> = (0..)
            .zip(footer.schema.fields())
            .filter(|(_, field)| field.name() == name_in_file)
            .map(|(index, _)| index)
            .collect();
        match found.as_slice() {
            [index] => {
                let found = footer.schema.field(*index).data_type();
                if let Mapping::Refused(fix) = mapping(found, column.scalar_type) {
                    return Err(SourceError::ColumnType {
                        file: file.to_owned(),
                        column: name_in_file.clone(),
                        found: found.to_string(),
                        declared: column.scalar_type,
                        fix,
                    });
                }
                fields.push(Field::new(name_in_file, found.clone(), true));
            }
            [] => {
                let names = footer.schema.fields().iter().map(|field| field.name().as_str());
                problems.push(HeaderProblem::Missing {
                    header: name_in_file.clone(),
                    closest: closest(name_in_file, names).map(str::to_owned),
                });
            }
            several => problems.push(HeaderProblem::Repeated {
                header: name_in_file.clone(),
                positions: several.iter().map(|index| index + 1).collect(),
            }),
        }
    }
    if problems.is_empty() {
        return Ok(fields);
    }
    Err(SourceError::Header { file: file.to_owned(), problems })
}

/// Texts that rows are grouped and chosen by are read as views of the file's pages, each of which has a text once. A unit's
/// ids are all different: as views they would only be longer.
fn as_read((field, ParquetColumn { column, .. }): (Field, &ParquetColumn)) -> Field {
    let is_plain = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8);
    if is_plain && column.scalar_type == ScalarType::Utf8 && column.label != Label::Unit {
        field.with_data_type(DataType::Utf8View)
    } else {
        field
    }
}

/// Refuses a file whose types differ from the first one's.
fn alike(file: &str, fields: &[Field], first: &(String, Vec<Field>)) -> Result<(), SourceError> {
    let (first_file, first_fields) = first;
    match fields
        .iter()
        .zip(first_fields)
        .find(|(field, first)| field.data_type() != first.data_type())
    {
        None => Ok(()),
        Some((field, first)) => Err(SourceError::FilesDiffer {
            file: file.to_owned(),
            column: field.name().clone(),
            found: field.data_type().to_string(),
            first_file: first_file.clone(),
            first_found: first.data_type().to_string(),
        }),
    }
}

/// Gives the engine the store, under an address that no other has.
fn register(
    snapshot: Arc<Snapshot>,
    runtime: &RuntimeEnv,
) -> Result<ObjectStoreUrl, DataFusionError> {
    let number = STORES.fetch_add(1, Ordering::Relaxed);
    let url = ObjectStoreUrl::parse(format!("insitu-source://{number}"))?;
    runtime.register_object_store(url.as_ref(), snapshot);
    Ok(url)
}

/// Renames and widens. A view, so that the optimizer moves filters through it to the files.
fn view(
    table: Arc<dyn TableProvider>,
    fields: &[Field],
    columns: &[ParquetColumn],
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let declared: Vec<Expr> = fields
        .iter()
        .zip(columns)
        .map(|(field, ParquetColumn { column, name_in_file })| {
            let declared = column.scalar_type.data_type();
            let value = ident(name_in_file);
            let is_text_view =
                |t: &DataType| *t == DataType::Utf8View && declared == DataType::Utf8;
            let stays = *field.data_type() == declared
                || (is_text_view(field.data_type()) && column.label != Label::Unit);
            let value = if stays { value } else { cast(value, declared) };
            // A file's statistics leave NaN out, which is larger than any number: by them rows would be passed over that
            // meet a condition. Adding -0.0 changes no value, and statistics aren't looked at through it.
            let value = if column.scalar_type == ScalarType::Float64 {
                value + lit(-0.0_f64)
            } else {
                value
            };
            value.alias(&column.name)
        })
        .collect();
    let plan = LogicalPlanBuilder::scan("source", provider_as_source(table), None)?
        .project(declared)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
