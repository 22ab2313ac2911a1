//! What clients may know of the datasets: what departments announced, and nothing of what is in them.
//!
//! 1. [`CatalogueQuestion`]: the metadata commands of Flight SQL. Each is answered, even with nothing:
//!    some clients stop at the first that isn't.
//! 2. `tables`: schemas, tables and their columns; `pattern`: the names a client filters by.
//! 3. `keys`: keys, of which there are none. `types`: the types a column can have.

mod keys;
mod pattern;
mod tables;
mod types;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo,
};
use arrow_schema::SchemaRef;
use insitu_disclosure::Dataset;

use super::sql_info;
use crate::CATALOG;
use crate::status::Fault;

/// The one type of table. JDBC's own name for it, `BASE TABLE`, is understood in a filter.
pub(crate) const TABLE_TYPE: &str = "TABLE";

/// A question about the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CatalogueQuestion {
    Catalogs,
    DbSchemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes,
    SqlInfo(CommandGetSqlInfo),
    XdbcTypeInfo(CommandGetXdbcTypeInfo),
    PrimaryKeys,
    /// Exported keys, imported keys and a cross reference have one schema.
    ForeignKeys,
}

/// A table made of declarations alone. Beside protected tables it is the only thing that is encoded.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue(RecordBatch);

impl Catalogue {
    /// The table.
    pub(crate) const fn batch(&self) -> &RecordBatch {
        &self.0
    }
}

impl CatalogueQuestion {
    /// The shape of the answer.
    pub(crate) fn schema(&self) -> Result<SchemaRef, Fault> {
        // Built by the same code as the answer, so that the two can't differ.
        self.answer(&[]).map(|catalogue| catalogue.0.schema())
    }

    /// The answer, for somebody who may know of these datasets.
    pub(crate) fn answer(&self, datasets: &[Arc<Dataset>]) -> Result<Catalogue, Fault> {
        let built = match self {
            Self::Catalogs => {
                let mut builder = CommandGetCatalogs {}.into_builder();
                builder.append(CATALOG);
                builder.build()
            }
            Self::DbSchemas(command) => tables::db_schemas(command, datasets),
            Self::Tables(command) => tables::tables(command, datasets),
            Self::TableTypes => {
                let mut builder = CommandGetTableTypes {}.into_builder();
                builder.append(TABLE_TYPE);
                builder.build()
            }
            Self::SqlInfo(command) => sql_info::answer(command),
            Self::XdbcTypeInfo(command) => types::type_info(command),
            Self::PrimaryKeys => Ok(RecordBatch::new_empty(keys::primary())),
            Self::ForeignKeys => Ok(RecordBatch::new_empty(keys::foreign())),
        };
        // Builders fail on shapes that don't fit, which would be a fault of ours.
        built.map(Catalogue).map_err(|_| Fault::internal())
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    fn check(question: &CatalogueQuestion, fields: &[(&str, DataType, bool)]) {
        let fields: Vec<Field> =
            fields.iter().map(|(n, t, nullable)| Field::new(*n, t.clone(), *nullable)).collect();
        assert_eq!(*question.schema().unwrap(), Schema::new(fields), "{question:?}");
    }

    #[test]
    fn schemas_are_exactly_the_protocols() {
        use DataType::{Binary, Int32, UInt8, Utf8};
        check(&CatalogueQuestion::Catalogs, &[("catalog_name", Utf8, false)]);
        check(
            &CatalogueQuestion::DbSchemas(CommandGetDbSchemas::default()),
            &[("catalog_name", Utf8, true), ("db_schema_name", Utf8, false)],
        );
        let plain = [
            ("catalog_name", Utf8, true),
            ("db_schema_name", Utf8, true),
            ("table_name", Utf8, false),
            ("table_type", Utf8, false),
        ];
        let mut command = CommandGetTables::default();
        check(&CatalogueQuestion::Tables(command.clone()), &plain);
        command.include_schema = true;
        let mut with_schema = plain.to_vec();
        with_schema.push(("table_schema", Binary, false));
        check(&CatalogueQuestion::Tables(command), &with_schema);
        check(&CatalogueQuestion::TableTypes, &[("table_type", Utf8, false)]);
        check(
            &CatalogueQuestion::PrimaryKeys,
            &[
                ("catalog_name", Utf8, true),
                ("db_schema_name", Utf8, true),
                ("table_name", Utf8, false),
                ("column_name", Utf8, false),
                ("key_name", Utf8, true),
                ("key_sequence", Int32, false),
            ],
        );
        check(
            &CatalogueQuestion::ForeignKeys,
            &[
                ("pk_catalog_name", Utf8, true),
                ("pk_db_schema_name", Utf8, true),
                ("pk_table_name", Utf8, false),
                ("pk_column_name", Utf8, false),
                ("fk_catalog_name", Utf8, true),
                ("fk_db_schema_name", Utf8, true),
                ("fk_table_name", Utf8, false),
                ("fk_column_name", Utf8, false),
                ("key_sequence", Int32, false),
                ("fk_key_name", Utf8, true),
                ("pk_key_name", Utf8, true),
                ("update_rule", UInt8, false),
                ("delete_rule", UInt8, false),
            ],
        );
    }

    #[test]
    fn there_is_one_catalog_one_table_type_and_no_key() {
        let rows = |question: CatalogueQuestion| question.answer(&[]).unwrap().batch().num_rows();
        assert_eq!(rows(CatalogueQuestion::Catalogs), 1);
        assert_eq!(rows(CatalogueQuestion::TableTypes), 1);
        assert_eq!(rows(CatalogueQuestion::PrimaryKeys), 0);
        assert_eq!(rows(CatalogueQuestion::ForeignKeys), 0);
    }
}
