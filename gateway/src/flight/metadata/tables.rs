//! Schemas, tables and columns, as departments announced them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{GetDbSchemasBuilder, GetTablesBuilder};
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use arrow_schema::{Field, Schema};
use insitu_disclosure::hierarchy::Hierarchy;
use insitu_disclosure::tabulation::Bins;
use insitu_disclosure::{Column, Dataset, Label, Scalar, ScalarType};

use super::pattern::fits;
use super::{TABLE_TYPE, types};
use crate::CATALOG;
use crate::plan::BINS;

/// What `GetDbSchemas` answers.
pub(super) fn db_schemas(
    command: &CommandGetDbSchemas,
    datasets: &[Arc<Dataset>],
) -> Result<RecordBatch> {
    let mut builder = GetDbSchemasBuilder::new(None::<String>, None::<String>);
    let mut schemas: Vec<&str> = datasets.iter().map(|d| d.name.schema()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        if in_catalog(command.catalog.as_deref())
            && fits_filter(command.db_schema_filter_pattern.as_deref(), schema)
        {
            builder.append(CATALOG, schema);
        }
    }
    builder.build()
}

/// What `GetTables` answers. What doesn't fit is never appended: the builder would filter too, but
/// with regular expressions, and by table type to the letter.
pub(super) fn tables(command: &CommandGetTables, datasets: &[Arc<Dataset>]) -> Result<RecordBatch> {
    let all = None::<String>;
    let mut builder =
        GetTablesBuilder::new(all.clone(), all.clone(), all, [""; 0], command.include_schema);
    for dataset in datasets {
        if in_catalog(command.catalog.as_deref())
            && fits_filter(command.db_schema_filter_pattern.as_deref(), dataset.name.schema())
            && fits_filter(command.table_name_filter_pattern.as_deref(), dataset.name.table())
            && fits_types(&command.table_types)
        {
            let schema = table_schema(dataset);
            builder.append(
                CATALOG,
                dataset.name.schema(),
                dataset.name.table(),
                TABLE_TYPE,
                &schema,
            )?;
        }
    }
    builder.build()
}

/// No catalog asks for all; an empty one for tables without a catalog, of which there are none.
fn in_catalog(catalog: Option<&str>) -> bool {
    catalog.is_none_or(|catalog| catalog == CATALOG)
}

fn fits_filter(pattern: Option<&str>, name: &str) -> bool {
    pattern.is_none_or(|pattern| fits(pattern, name))
}

fn fits_types(table_types: &[String]) -> bool {
    // ODBC asks for `TABLE`, JDBC for `BASE TABLE`.
    table_types.is_empty() || table_types.iter().any(|t| t == TABLE_TYPE || t == "BASE TABLE")
}

/// A dataset's columns as a client's schema browser shows them.
fn table_schema(dataset: &Dataset) -> Schema {
    // Announcements come without hidden columns; should one slip in, it stays unknown here as well.
    let visible = dataset.columns.iter().filter(|c| c.label != Label::Hidden);
    Schema::new(visible.map(|column| field(dataset, column)).collect::<Vec<_>>())
}

fn field(dataset: &Dataset, column: &Column) -> Field {
    let key = |name: &str| format!("ARROW:FLIGHT:SQL:{name}");
    let mut metadata = HashMap::from([
        (key("CATALOG_NAME"), CATALOG.to_owned()),
        (key("DB_SCHEMA_NAME"), dataset.name.schema().to_owned()),
        (key("TABLE_NAME"), dataset.name.table().to_owned()),
        (key("TYPE_NAME"), types::name(column.scalar_type).to_owned()),
        (key("IS_AUTO_INCREMENT"), "0".to_owned()),
        (key("IS_CASE_SENSITIVE"), flag(column.scalar_type == ScalarType::Utf8)),
        (key("IS_READ_ONLY"), "1".to_owned()),
        (key("IS_SEARCHABLE"), flag(is_searchable(column.label))),
        ("insitu.label".to_owned(), column.label.as_str().to_owned()),
    ]);
    if let Some(precision) = types::precision(column.scalar_type) {
        metadata.insert(key("PRECISION"), precision.to_string());
        metadata.insert(key("SCALE"), column.scalar_type.decimal_places().to_string());
    }
    if let Some(description) = &column.description {
        metadata.insert(key("REMARKS"), description.clone());
    }
    if let Some(measured_in) = &column.measured_in {
        metadata.insert("insitu.measured_in".to_owned(), measured_in.clone());
    }
    // The coarser columns that it lies within.
    let within = dataset.hierarchies.iter().filter(|h| h.column() == column.name);
    let within: Vec<&str> = within.map(Hierarchy::within).collect();
    if !within.is_empty() {
        metadata.insert("insitu.within".to_owned(), within.join(", "));
    }
    // A column that has a histogram and quantiles.
    if let Some(bins) = Bins::of(&Scalar::Column(column.name.clone()), dataset) {
        metadata.insert(BINS.to_owned(), bins.describe());
    }
    Field::new(&column.name, column.scalar_type.data_type(), true).with_metadata(metadata)
}

fn flag(on: bool) -> String {
    if on { "1" } else { "0" }.to_owned()
}

const fn is_searchable(label: Label) -> bool {
    match label {
        Label::Dimension | Label::Filter => true,
        Label::Unit | Label::Measure | Label::Hidden => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_flight::IpcMessage;
    use insitu_disclosure::{Bounds, Breakpoints, DatasetName, Literal, Protection};
    use prost::bytes::Bytes;

    use super::*;

    fn column(name: &str, scalar_type: ScalarType, label: Label) -> Column {
        Column {
            name: name.to_owned(),
            scalar_type,
            label,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: (label == Label::Measure).then(|| "pence".to_owned()),
            unit_totals: None,
            description: (label == Label::Dimension).then(|| "Where it is.".to_owned()),
        }
    }

    fn with_breakpoints(column: Column) -> Column {
        let cuts = [100, 1_000, 5_000].map(|value| Literal::Decimal { value, places: 2 });
        Column {
            breakpoints: Some(Breakpoints::Listed(cuts.into())),
            bounds: Some(Bounds { low: 0, high: 100_000 }),
            ..column
        }
    }

    fn dataset(name: &str) -> Arc<Dataset> {
        Arc::new(Dataset {
            name: DatasetName::parse(name).unwrap(),
            description: None,
            columns: vec![
                column("id", ScalarType::Int64, Label::Unit),
                column("lsoa", ScalarType::Utf8, Label::Dimension),
                with_breakpoints(column("cost", ScalarType::Decimal(2), Label::Measure)),
                column("born", ScalarType::Date, Label::Filter),
                column("secret", ScalarType::Utf8, Label::Hidden),
            ],
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot: 0,
        })
    }

    #[test]
    fn a_column_tells_what_it_lies_within() {
        let mut dataset = Dataset::clone(&dataset("police.crimes"));
        let codes = [("E1", "N")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let codes = codes.map(|(a, b)| (Literal::Utf8(a), Literal::Utf8(b)));
        let within = |coarser| Hierarchy::new("lsoa", coarser, codes.clone()).unwrap();
        dataset.hierarchies = vec![within("board"), within("district")];
        let schema = table_schema(&dataset);
        let of = |name: &str| schema.field_with_name(name).unwrap().metadata().get("insitu.within");
        assert_eq!(of("lsoa").map(String::as_str), Some("board, district"));
        assert_eq!(of("cost"), None);
    }

    fn datasets() -> Vec<Arc<Dataset>> {
        // Not in order, on purpose.
        ["police.crimes", "councils.council_tax", "police.stops", "health.episodes"]
            .map(dataset)
            .to_vec()
    }

    fn names(batch: &RecordBatch, column: usize) -> Vec<String> {
        let column = batch.column(column).as_string::<i32>();
        column.iter().flatten().map(str::to_owned).collect()
    }

    fn found(change: impl FnOnce(&mut CommandGetTables)) -> Vec<String> {
        let mut command = CommandGetTables::default();
        change(&mut command);
        names(&tables(&command, &datasets()).unwrap(), 2)
    }

    #[test]
    fn tables_are_sorted_and_filtered() {
        let all = ["council_tax", "episodes", "crimes", "stops"];
        assert_eq!(found(|_| ()), all);
        assert_eq!(found(|c| c.catalog = Some("insitu".to_owned())), all);
        assert!(found(|c| c.catalog = Some(String::new())).is_empty());
        assert!(found(|c| c.catalog = Some("other".to_owned())).is_empty());
        assert_eq!(
            found(|c| c.db_schema_filter_pattern = Some("pol%".to_owned())),
            ["crimes", "stops"]
        );
        assert_eq!(found(|c| c.table_name_filter_pattern = Some("_r%".to_owned())), ["crimes"]);
        assert_eq!(
            found(|c| c.table_name_filter_pattern = Some(r"council\_tax".to_owned())),
            ["council_tax"]
        );
        for (table_type, known) in [("TABLE", true), ("BASE TABLE", true), ("VIEW", false)] {
            let tables = found(|c| c.table_types = vec![table_type.to_owned()]);
            assert_eq!(tables == all, known, "{table_type}");
            assert_eq!(tables.is_empty(), !known, "{table_type}");
        }
    }

    #[test]
    fn schemas_are_listed_once_sorted_and_filtered() {
        let found = |catalog: Option<&str>, pattern: Option<&str>| {
            let command = CommandGetDbSchemas {
                catalog: catalog.map(str::to_owned),
                db_schema_filter_pattern: pattern.map(str::to_owned),
            };
            names(&db_schemas(&command, &datasets()).unwrap(), 1)
        };
        assert_eq!(found(None, None), ["councils", "health", "police"]);
        assert_eq!(found(Some("insitu"), Some("%l%")), ["councils", "health", "police"]);
        assert_eq!(found(None, Some("p%")), ["police"]);
        assert!(found(Some(""), None).is_empty());
    }

    #[test]
    fn columns_come_with_their_labels_and_without_hidden_ones() {
        let command = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
        let batch = tables(&command, &[dataset("police.crimes")]).unwrap();
        let bytes = batch.column(4).as_binary::<i32>().value(0);
        let schema = Schema::try_from(IpcMessage(Bytes::copy_from_slice(bytes))).unwrap();
        let fields: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(fields, ["id", "lsoa", "cost", "born"]);
        let of = |name: &str, key: &str| {
            schema.field_with_name(name).unwrap().metadata().get(key).map(String::as_str)
        };
        assert_eq!(of("id", "insitu.label"), Some("unit"));
        assert_eq!(of("id", "ARROW:FLIGHT:SQL:IS_SEARCHABLE"), Some("0"));
        assert_eq!(of("lsoa", "ARROW:FLIGHT:SQL:IS_SEARCHABLE"), Some("1"));
        assert_eq!(of("lsoa", "ARROW:FLIGHT:SQL:REMARKS"), Some("Where it is."));
        assert_eq!(of("lsoa", "ARROW:FLIGHT:SQL:PRECISION"), None);
        assert_eq!(of("cost", "insitu.measured_in"), Some("pence"));
        assert_eq!(of("cost", "insitu.bins"), Some("0.00, 1.00, 10.00, 50.00, 1000.00"));
        assert_eq!(of("lsoa", "insitu.bins"), None);
        assert_eq!(of("cost", "ARROW:FLIGHT:SQL:TYPE_NAME"), Some("DECIMAL"));
        assert_eq!(of("cost", "ARROW:FLIGHT:SQL:PRECISION"), Some("38"));
        assert_eq!(of("cost", "ARROW:FLIGHT:SQL:SCALE"), Some("2"));
        assert_eq!(of("cost", "ARROW:FLIGHT:SQL:TABLE_NAME"), Some("crimes"));
        assert_eq!(of("born", "ARROW:FLIGHT:SQL:IS_READ_ONLY"), Some("1"));
        assert!(schema.fields().iter().all(|f| f.is_nullable()));
        let cost = schema.field_with_name("cost").unwrap();
        assert_eq!(*cost.data_type(), ScalarType::Decimal(2).data_type());
    }
}
