//! Parquet files as a table with the declared names and types; a declared text may be a view of one. Words of units may be kept
//! beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt as _;
use insitu_disclosure::Label;
use insitu_disclosure::keyed::DatasetKeys;
use insitu_disclosure::tabulation::ScalarType;
use insitu_engine::catalog::TableProvider;
use insitu_engine::catalog::view::ViewTable;
use insitu_engine::datasource::{TableSchema, provider_as_source};
use insitu_engine::error::DataFusionError;
use insitu_engine::execution::object_store::ObjectStoreUrl;
use insitu_engine::execution::runtime_env::RuntimeEnv;
use insitu_engine::logical_expr::{Expr, LogicalPlanBuilder, cast, ident, lit};
use insitu_engine::{OpenSession, SharedPlan, physical, stream};

use super::super::error::{HeaderProblem, SourceError};
use super::super::snapshot::Snapshot;
use super::files::{FIRST_ROW, ParquetFiles, ROW};
use super::footer::{self, Footer};
use super::kept_words::{KEPT_WORD, Keeping, KeptWords, bytes_of, kept_word};
use super::mapping::{Mapping, mapping};
use super::readers::Readers;
use crate::config::closest::closest;
use crate::dataset::{ParquetColumn, ParquetSource};
use crate::tabulate::unit_word;

/// Numbers the stores of a process, so that each has an address of its own.
static STORES: AtomicU64 = AtomicU64::new(0);

/// Files that were checked.
pub(in crate::source) struct Opened {
    files: ParquetFiles,
    /// For each column, that of the files that it is read from.
    columns: Vec<(Field, ParquetColumn)>,
    /// Of each file.
    rows: Vec<u64>,
}

/// Checks the files.
pub(in crate::source) async fn open(
    source: &ParquetSource,
    snapshot: Snapshot,
    runtime: &RuntimeEnv,
) -> Result<Opened, SourceError> {
    let mut first: Option<(String, Vec<Field>)> = None;
    let mut files = Vec::new();
    let mut rows = Vec::new();
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
        rows.push(footer.rows);
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
    let files = ParquetFiles { schema, url, files, first_rows: None, readers };
    let columns = fields.into_iter().zip(source.columns.iter().cloned()).collect();
    Ok(Opened { files, columns, rows })
}

impl Opened {
    /// How many rows there are.
    pub(in crate::source) fn rows(&self) -> u64 {
        self.rows.iter().copied().fold(0, u64::saturating_add)
    }

    /// The files as a table with the declared names and types.
    pub(in crate::source) fn table(&self) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        view(Arc::new(self.files.clone()), &self.columns, None)
    }

    /// The same with the word of each row's unit, read and drawn once; as much memory as they take is `free`'s to say.
    /// `None` if they aren't kept: for too little memory or columns of names that are in the way.
    pub(in crate::source) async fn table_with_words(
        &self,
        unit: &str,
        keys: &DatasetKeys,
        session: &OpenSession,
        free: impl FnOnce(usize) -> bool,
    ) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let of_unit = self.columns.iter().find(|(_, of)| of.column.name == unit);
        let in_the_way = self.columns.iter().any(|(field, ParquetColumn { column, .. })| {
            [FIRST_ROW, ROW].contains(&field.name().as_str()) || column.name == KEPT_WORD
        });
        let Some((field, column)) = of_unit.filter(|_| !in_the_way) else { return Ok(None) };
        let Some(rows) = usize::try_from(self.rows()).ok().filter(|rows| free(bytes_of(*rows)))
        else {
            return Ok(None);
        };
        let numbered: Arc<dyn TableProvider> = Arc::new(self.files.numbered(&self.rows));
        let number = ident(FIRST_ROW) + ident(ROW);
        let words =
            LogicalPlanBuilder::scan("rows", provider_as_source(Arc::clone(&numbered)), None)?
                .project([unit_word(declared(field, column), keys), number])?
                .build()?;
        let words = physical(session.clone(), SharedPlan::new(words)).await?;
        let mut batches = stream(session, words)?;
        let mut keeping = Keeping::of(rows);
        while let Some(batch) = batches.try_next().await? {
            let [words, numbers] = batch.columns() else { return Ok(None) };
            let words = words.as_primitive_opt::<UInt64Type>();
            let numbers = numbers.as_primitive_opt::<Int64Type>();
            let added = words
                .zip(numbers)
                .and_then(|(words, numbers)| keeping.add(numbers.values(), words));
            if added.is_none() {
                return Ok(None);
            }
        }
        let Some(words) = keeping.kept() else { return Ok(None) };
        view(numbered, &self.columns, Some(Arc::new(words))).map(Some)
    }
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
    columns: &[(Field, ParquetColumn)],
    words: Option<Arc<KeptWords>>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let named = |(field, of): &(Field, ParquetColumn)| declared(field, of).alias(&of.column.name);
    let mut declared: Vec<Expr> = columns.iter().map(named).collect();
    declared
        .extend(words.map(|words| kept_word(words, ident(FIRST_ROW), ident(ROW)).alias(KEPT_WORD)));
    let plan = LogicalPlanBuilder::scan("source", provider_as_source(table), None)?
        .project(declared)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// A column of the file as it is declared.
fn declared(field: &Field, ParquetColumn { column, name_in_file }: &ParquetColumn) -> Expr {
    let declared = column.scalar_type.data_type();
    let value = ident(name_in_file);
    let is_text_view = |t: &DataType| *t == DataType::Utf8View && declared == DataType::Utf8;
    let stays = *field.data_type() == declared
        || (is_text_view(field.data_type()) && column.label != Label::Unit);
    let value = if stays { value } else { cast(value, declared) };
    // A file's statistics leave NaN out, which is larger than any number: by them rows would be passed over that
    // meet a condition. Adding -0.0 changes no value, and statistics aren't looked at through it.
    if column.scalar_type == ScalarType::Float64 { value + lit(-0.0_f64) } else { value }
}
