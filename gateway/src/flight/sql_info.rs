//! What the gateway says of itself: `GetSqlInfo`.
//!
//! Every code is answered, because JDBC fails on one it misses, and every value says what is so: a
//! tool writes its statements by them. The kind of each value is the protocol's, too: clients read one
//! arm of the union and no other.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt32Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_flight::error::Result;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use arrow_flight::sql::{
    CommandGetSqlInfo, SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel,
    SqlSupportedCaseSensitivity, SqlSupportedGroupBy, SqlSupportedResultSetConcurrency,
    SqlSupportedResultSetType, SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions,
    SqlSupportsConvert, SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use arrow_select::filter::filter_record_batch;
use insitu_disclosure::tabulation::KEYS_MAX;

use super::limits::{PREPARED_LIFE, PREPARED_PER_ANALYST_MAX, ROW_BYTES_MAX};

/// The version of Arrow spoken here.
const ARROW_VERSION: &str = "59.3";

/// The longest name of a schema, a table or a column.
const NAME_CHARS_MAX: i64 = 63;
/// The gate's limits: characters of a statement, items of a `SELECT`, tables read.
const STATEMENT_CHARS_MAX: i64 = 64 * 1_024;
const SELECT_ITEMS_MAX: i64 = 200;
const RELATIONS_MAX: i64 = 64;
/// For what has no limit of its own, or doesn't exist here.
const NO_LIMIT: i64 = 0;

/// Words with a meaning in the statements that are answered.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "CUBE",
    "DATE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FIRST",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "IS",
    "JOIN",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "ROLLUP",
    "SELECT",
    "SETS",
    "THEN",
    "TRUE",
    "TRY_CAST",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Functions by kind; each is on the gate's list.
const NUMERIC_FUNCTIONS: &[&str] = &[
    "abs", "cbrt", "ceil", "exp", "floor", "ln", "log", "log10", "log2", "pow", "power", "round",
    "signum", "sqrt", "trunc",
];
const STRING_FUNCTIONS: &[&str] = &[
    "btrim",
    "char_length",
    "character_length",
    "concat",
    "concat_ws",
    "contains",
    "ends_with",
    "initcap",
    "left",
    "length",
    "lower",
    "ltrim",
    "replace",
    "reverse",
    "right",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "trim",
    "upper",
];
const SYSTEM_FUNCTIONS: &[&str] = &["coalesce", "greatest", "ifnull", "least", "nullif", "nvl"];
const DATETIME_FUNCTIONS: &[&str] = &["date_part", "date_trunc", "make_date"];

/// What `GetSqlInfo` answers: all, or those asked for; a code that isn't known is left out.
pub(super) fn answer(command: &CommandGetSqlInfo) -> Result<RecordBatch> {
    let mut builder = SqlInfoDataBuilder::new();
    server(&mut builder);
    names(&mut builder);
    grammar(&mut builder);
    lengths(&mut builder);
    transactions(&mut builder);
    results(&mut builder);
    let all = builder.build()?.record_batch(None)?;
    if command.info.is_empty() {
        return Ok(all);
    }
    // Not by the builder's own filter: that takes a list of unknown codes only for one of all, and a
    // long list a long time.
    let asked: Vec<bool> = all
        .column(0)
        .as_primitive::<UInt32Type>()
        .values()
        .iter()
        .map(|code| command.info.contains(code))
        .collect();
    Ok(filter_record_batch(&all, &BooleanArray::from(asked))?)
}

fn server(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::FlightSqlServerName, "insitu");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_VERSION);
    builder.append(SqlInfo::FlightSqlServerReadOnly, true);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    builder.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    builder.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    builder.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    // In the protocol's meaning: how long a prepared statement is kept.
    let life = i32::try_from(PREPARED_LIFE.as_millis()).unwrap_or(i32::MAX);
    builder.append(SqlInfo::FlightSqlServerStatementTimeout, life);
    builder.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
}

fn names(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, false);
    builder.append(SqlInfo::SqlDdlTable, false);
    let case = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32;
    builder.append(SqlInfo::SqlIdentifierCase, case);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    // Quoted names keep their case, and case counts; the protocol has no better word for it.
    let quoted = SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32;
    builder.append(SqlInfo::SqlQuotedIdentifierCase, quoted);
    builder.append(SqlInfo::SqlAllTablesAreSelectable, true);
    builder.append(SqlInfo::SqlSearchStringEscape, "\\");
    builder.append(SqlInfo::SqlExtraNameCharacters, "");
    builder.append(SqlInfo::SqlSchemaTerm, "schema");
    builder.append(SqlInfo::SqlProcedureTerm, "");
    builder.append(SqlInfo::SqlCatalogTerm, "catalog");
    builder.append(SqlInfo::SqlCatalogAtStart, true);
    builder.append(SqlInfo::SqlSchemasSupportedActions, 0);
    builder.append(SqlInfo::SqlCatalogsSupportedActions, 0);
}

fn grammar(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    builder.append(SqlInfo::SqlKeywords, KEYWORDS);
    builder.append(SqlInfo::SqlNumericFunctions, NUMERIC_FUNCTIONS);
    builder.append(SqlInfo::SqlStringFunctions, STRING_FUNCTIONS);
    builder.append(SqlInfo::SqlSystemFunctions, SYSTEM_FUNCTIONS);
    builder.append(SqlInfo::SqlDatetimeFunctions, DATETIME_FUNCTIONS);
    builder.append(SqlInfo::SqlSupportsColumnAliasing, true);
    builder.append(SqlInfo::SqlNullPlusNullIsNull, true);
    builder.append(SqlInfo::SqlSupportsConvert, conversions());
    builder.append(SqlInfo::SqlSupportsTableCorrelationNames, true);
    builder.append(SqlInfo::SqlSupportsDifferentTableCorrelationNames, false);
    builder.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    builder.append(SqlInfo::SqlSupportsOrderByUnrelated, true);
    let group_by = mask(&[
        SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
        SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
    ]);
    builder.append(SqlInfo::SqlSupportedGroupBy, group_by);
    builder.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    builder.append(SqlInfo::SqlSupportsNonNullableColumns, false);
    let minimum = mask(&[SupportedSqlGrammar::SqlMinimumGrammar as i32]);
    builder.append(SqlInfo::SqlSupportedGrammar, minimum);
    // Each level of SQL-92 demands statements that write.
    builder.append(SqlInfo::SqlAnsi92SupportedLevel, 0);
    builder.append(SqlInfo::SqlSupportsIntegrityEnhancementFacility, false);
    // Over released tables and open data; beneath a protected table there are none.
    let outer_joins = SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins as i32;
    builder.append(SqlInfo::SqlOuterJoinsSupportLevel, outer_joins);
    builder.append(SqlInfo::SqlSupportedPositionedCommands, 0);
    builder.append(SqlInfo::SqlSelectForUpdateSupported, false);
    builder.append(SqlInfo::SqlStoredProceduresSupported, false);
    let subqueries = mask(&[
        SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
        SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
    ]);
    builder.append(SqlInfo::SqlSupportedSubqueries, subqueries);
    builder.append(SqlInfo::SqlCorrelatedSubqueriesSupported, false);
    let unions =
        mask(&[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32]);
    builder.append(SqlInfo::SqlSupportedUnions, unions);
    builder.append(SqlInfo::SqlNamedParametersSupported, false);
    builder.append(SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false);
}

fn lengths(builder: &mut SqlInfoDataBuilder) {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    for (info, most) in [
        (SqlInfo::SqlMaxBinaryLiteralLength, NO_LIMIT),
        (SqlInfo::SqlMaxCharLiteralLength, STATEMENT_CHARS_MAX),
        (SqlInfo::SqlMaxColumnNameLength, NAME_CHARS_MAX),
        (SqlInfo::SqlMaxColumnsInGroupBy, count(KEYS_MAX)),
        (SqlInfo::SqlMaxColumnsInIndex, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInOrderBy, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInSelect, SELECT_ITEMS_MAX),
        (SqlInfo::SqlMaxColumnsInTable, NO_LIMIT),
        (SqlInfo::SqlMaxConnections, NO_LIMIT),
        (SqlInfo::SqlMaxCursorNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxIndexLength, NO_LIMIT),
        (SqlInfo::SqlDbSchemaNameLength, NAME_CHARS_MAX),
        (SqlInfo::SqlMaxProcedureNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxCatalogNameLength, NAME_CHARS_MAX),
        (SqlInfo::SqlMaxRowSize, count(ROW_BYTES_MAX)),
        (SqlInfo::SqlMaxStatementLength, STATEMENT_CHARS_MAX),
        (SqlInfo::SqlMaxStatements, count(PREPARED_PER_ANALYST_MAX)),
        (SqlInfo::SqlMaxTableNameLength, NAME_CHARS_MAX),
        (SqlInfo::SqlMaxTablesInSelect, RELATIONS_MAX),
        (SqlInfo::SqlMaxUsernameLength, NO_LIMIT),
    ] {
        builder.append(info, most);
    }
    builder.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
}

fn transactions(builder: &mut SqlInfoDataBuilder) {
    let none = SqlTransactionIsolationLevel::SqlTransactionNone as i32;
    builder.append(SqlInfo::SqlDefaultTransactionIsolation, none);
    builder.append(SqlInfo::SqlTransactionsSupported, false);
    builder.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, mask(&[none]));
    builder.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    builder.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
    builder.append(SqlInfo::SqlSavepointsSupported, false);
    builder.append(SqlInfo::SqlBatchUpdatesSupported, false);
    builder.append(SqlInfo::SqlLocatorsUpdateCopy, false);
}

fn results(builder: &mut SqlInfoDataBuilder) {
    let forward = mask(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32]);
    builder.append(SqlInfo::SqlSupportedResultSetTypes, forward);
    let read_only =
        mask(&[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32]);
    for (info, concurrency) in [
        (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0),
    ] {
        builder.append(info, concurrency);
    }
}

/// Bits by number.
fn mask(bits: &[i32]) -> i32 {
    let bits = bits.iter().filter_map(|bit| u32::try_from(*bit).ok());
    bits.filter_map(|bit| 1_i32.checked_shl(bit)).fold(0, |mask, bit| mask | bit)
}

/// What `CAST` makes of what.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use SqlSupportsConvert as To;
    let numbers = [
        To::SqlConvertBigint,
        To::SqlConvertDecimal,
        To::SqlConvertFloat,
        To::SqlConvertInteger,
        To::SqlConvertNumeric,
        To::SqlConvertReal,
        To::SqlConvertSmallint,
        To::SqlConvertTinyint,
    ];
    let texts = [To::SqlConvertChar, To::SqlConvertVarchar];
    let list = |parts: &[&[To]]| {
        let mut list: Vec<i32> = parts.concat().into_iter().map(|to| to as i32).collect();
        list.sort_unstable();
        list
    };
    let mut conversions = BTreeMap::new();
    for from in numbers {
        conversions.insert(from as i32, list(&[&numbers, &texts]));
    }
    for from in texts {
        conversions.insert(from as i32, list(&[&numbers, &texts, &[To::SqlConvertDate]]));
    }
    conversions.insert(To::SqlConvertBit as i32, list(&[&texts, &[To::SqlConvertBit]]));
    conversions.insert(To::SqlConvertDate as i32, list(&[&texts, &[To::SqlConvertDate]]));
    conversions
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, UnionArray};

    use super::*;

    /// Codes and the arm of the union each value is in.
    fn arms(info: &[u32]) -> Vec<(u32, i8)> {
        let batch = answer(&CommandGetSqlInfo { info: info.to_vec() }).unwrap();
        let codes = batch.column(0).as_primitive::<UInt32Type>().values().to_vec();
        let values = batch.column(1).as_any().downcast_ref::<UnionArray>().unwrap();
        (0..).zip(codes).map(|(row, code)| (code, values.type_id(row))).collect()
    }

    #[test]
    fn an_empty_list_gets_every_code_of_the_protocol() {
        let answered: Vec<u32> = arms(&[]).into_iter().map(|(code, _)| code).collect();
        let known = (0..20_000).filter(|code| SqlInfo::try_from(*code).is_ok());
        let known: Vec<u32> = known.map(|code| code.try_into().unwrap()).collect();
        assert_eq!(answered, known);
        assert!(90 <= answered.len());
    }

    #[test]
    fn every_value_is_in_the_arm_the_protocol_says() {
        const STRING: i8 = 0;
        const BOOL: i8 = 1;
        const INT64: i8 = 2;
        const INT32: i8 = 3;
        const LIST: i8 = 4;
        const MAP: i8 = 5;
        for (code, arm) in arms(&[]) {
            let expected = match code {
                0..=2 | 6 | 7 | 504 | 513 | 514 | 529..=531 => STRING,
                3..=5 | 9..=11 | 500..=502 | 506 | 515 | 516 | 518..=521 | 523 | 524 | 527 => BOOL,
                532 | 536 | 537 | 539 | 556 | 563 | 565 | 566 | 572..=576 => BOOL,
                8 | 100 | 101 | 503 | 505 | 507 | 522 | 525 | 526 | 528 => INT32,
                533..=535 | 538 | 540 | 562 | 564 | 567..=571 => INT32,
                508..=512 => LIST,
                517 => MAP,
                541..=561 => INT64,
                other => panic!("{other}"),
            };
            assert_eq!(arm, expected, "{code}");
        }
    }

    #[test]
    fn those_asked_for_are_answered_and_unknown_ones_left_out() {
        let codes = |info: &[u32]| arms(info).into_iter().map(|(c, _)| c).collect::<Vec<_>>();
        assert_eq!(codes(&[8]), [8]);
        assert_eq!(codes(&[7, 0, 99, 0, 20_000]), [0, 7]);
        assert!(codes(&[99]).is_empty());
        assert!(codes(&vec![99; 1_000_000]).is_empty());
    }

    #[test]
    fn functions_are_those_the_gate_offers() {
        use crate::gate::functions::{FunctionKind, OFFERED};
        let mut listed: Vec<&str> =
            [NUMERIC_FUNCTIONS, STRING_FUNCTIONS, SYSTEM_FUNCTIONS, DATETIME_FUNCTIONS].concat();
        listed.sort_unstable();
        let offered = OFFERED.iter().filter(|o| o.kind == FunctionKind::Scalar);
        let mut offered: Vec<&str> = offered.map(|o| o.name).collect();
        offered.sort_unstable();
        assert_eq!(listed, offered);
    }

    #[test]
    fn lists_are_sorted() {
        for list in [KEYWORDS, NUMERIC_FUNCTIONS, STRING_FUNCTIONS, SYSTEM_FUNCTIONS] {
            assert!(list.is_sorted());
        }
    }
}
