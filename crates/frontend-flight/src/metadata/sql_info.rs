//! GetSqlInfo: what this server is and can do, as JDBC, ODBC and ADBC ask for it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
    SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions, SqlSupportsConvert as C,
    SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use arrow_schema::{ArrowError, SchemaRef};

use super::pattern;

/// Versions of DuckDB and Arrow that this crate speaks for.
const ARROW_VERSION: &str = "59.3";

static INFOS: LazyLock<SqlInfoData> =
    LazyLock::new(|| builder().build().expect("constant values fit their union"));

static SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(SqlInfoDataBuilder::schema().clone()));

pub(super) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The infos asked for; all for an empty list. Unknown numbers give no row.
pub(super) fn rows(wanted: &[u32]) -> Result<RecordBatch, ArrowError> {
    let batch = INFOS
        .record_batch(wanted.iter().copied())
        .map_err(|e| ArrowError::ExternalError(Box::new(e)))?;
    batch.with_schema(schema())
}

fn builder() -> SqlInfoDataBuilder {
    let mut infos = SqlInfoDataBuilder::new();
    server(&mut infos);
    names(&mut infos);
    functions(&mut infos);
    features(&mut infos);
    limits(&mut infos);
    transactions(&mut infos);
    results(&mut infos);
    infos
}

/// The bit of each enum value: how masks are defined.
fn mask<T: Into<i32>>(values: impl IntoIterator<Item = T>) -> i32 {
    values.into_iter().fold(0, |mask, v| mask | (1 << v.into()))
}

/// ODBC and JDBC read these ordinals as int64, though the specification says int32.
fn ordinal(value: impl Into<i32>) -> i64 {
    i64::from(value.into())
}

fn server(infos: &mut SqlInfoDataBuilder) {
    infos.append(SqlInfo::FlightSqlServerName, "Eider");
    infos.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    infos.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_VERSION);
    infos.append(SqlInfo::FlightSqlServerReadOnly, false);
    infos.append(SqlInfo::FlightSqlServerSql, true);
    infos.append(SqlInfo::FlightSqlServerSubstrait, false);
    infos.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    infos.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    infos.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::Transaction as i32,
    );
    infos.append(SqlInfo::FlightSqlServerCancel, true);
    infos.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    infos.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    // 0: handles and transactions end with their session, not by a timer of their own.
    infos.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    infos.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
}

fn names(infos: &mut SqlInfoDataBuilder) {
    infos.append(SqlInfo::SqlDdlCatalog, false);
    infos.append(SqlInfo::SqlDdlSchema, false);
    infos.append(SqlInfo::SqlDdlTable, true);
    let insensitive = ordinal(SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive);
    infos.append(SqlInfo::SqlIdentifierCase, insensitive);
    infos.append(SqlInfo::SqlQuotedIdentifierCase, insensitive);
    infos.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    infos.append(SqlInfo::SqlAllTablesAreSelectable, true);
    infos.append(
        SqlInfo::SqlNullOrdering,
        ordinal(SqlNullOrdering::SqlNullsSortedAtEnd),
    );
    infos.append(
        SqlInfo::SqlSearchStringEscape,
        pattern::ESCAPE.to_string().as_str(),
    );
    infos.append(SqlInfo::SqlExtraNameCharacters, "$");
    infos.append(SqlInfo::SqlSchemaTerm, "schema");
    infos.append(SqlInfo::SqlProcedureTerm, "procedure");
    infos.append(SqlInfo::SqlCatalogTerm, "catalog");
    infos.append(SqlInfo::SqlCatalogAtStart, true);
    // No use of schemas and catalogs in procedure calls, indexes or privileges: there are none.
    infos.append(SqlInfo::SqlSchemasSupportedActions, 0_i32);
    infos.append(SqlInfo::SqlCatalogsSupportedActions, 0_i32);
}

fn functions(infos: &mut SqlInfoDataBuilder) {
    let lists: [(SqlInfo, &[&str]); 5] = [
        (
            SqlInfo::SqlKeywords,
            &[
                "ANTI",
                "ASOF",
                "COLUMNS",
                "EXCLUDE",
                "GLOB",
                "ILIKE",
                "LAMBDA",
                "LATERAL",
                "LIMIT",
                "MACRO",
                "OFFSET",
                "PIVOT",
                "POSITIONAL",
                "QUALIFY",
                "REPLACE",
                "RETURNING",
                "SAMPLE",
                "SEMI",
                "STRUCT",
                "SUMMARIZE",
                "TABLESAMPLE",
                "TRY_CAST",
                "UNPIVOT",
            ],
        ),
        (
            SqlInfo::SqlNumericFunctions,
            &[
                "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEILING", "COS", "COT", "DEGREES", "EXP",
                "FLOOR", "LOG", "LOG10", "MOD", "PI", "POWER", "RADIANS", "RANDOM", "ROUND",
                "SIGN", "SIN", "SQRT", "TAN", "TRUNC",
            ],
        ),
        (
            SqlInfo::SqlStringFunctions,
            &[
                "ASCII",
                "CHR",
                "CONCAT",
                "LCASE",
                "LEFT",
                "LENGTH",
                "LOWER",
                "LTRIM",
                "REPEAT",
                "REPLACE",
                "RIGHT",
                "RTRIM",
                "SUBSTRING",
                "TRIM",
                "UCASE",
                "UPPER",
            ],
        ),
        (
            SqlInfo::SqlSystemFunctions,
            &["COALESCE", "IFNULL", "NULLIF"],
        ),
        (
            SqlInfo::SqlDatetimeFunctions,
            &[
                "AGE",
                "DATE_ADD",
                "DATE_DIFF",
                "DATE_PART",
                "DATE_TRUNC",
                "DAYNAME",
                "DAYOFMONTH",
                "DAYOFWEEK",
                "DAYOFYEAR",
                "EXTRACT",
                "HOUR",
                "LAST_DAY",
                "MINUTE",
                "MONTH",
                "MONTHNAME",
                "QUARTER",
                "SECOND",
                "STRFTIME",
                "STRPTIME",
                "WEEK",
                "YEAR",
            ],
        ),
    ];
    for (info, names) in lists {
        infos.append(info, names);
    }
}

fn features(infos: &mut SqlInfoDataBuilder) {
    let yes_or_no = [
        (SqlInfo::SqlSupportsColumnAliasing, true),
        (SqlInfo::SqlNullPlusNullIsNull, true),
        (SqlInfo::SqlSupportsTableCorrelationNames, true),
        (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
        (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
        (SqlInfo::SqlSupportsOrderByUnrelated, true),
        (SqlInfo::SqlSupportsLikeEscapeClause, true),
        (SqlInfo::SqlSupportsNonNullableColumns, true),
        (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
        (SqlInfo::SqlSelectForUpdateSupported, false),
        (SqlInfo::SqlStoredProceduresSupported, false),
        (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
        (SqlInfo::SqlMaxRowSizeIncludesBlobs, true),
        (SqlInfo::SqlBatchUpdatesSupported, true),
        (SqlInfo::SqlSavepointsSupported, false),
        (SqlInfo::SqlNamedParametersSupported, false),
        (SqlInfo::SqlLocatorsUpdateCopy, false),
        (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
    ];
    for (info, value) in yes_or_no {
        infos.append(info, value);
    }
    infos.append(SqlInfo::SqlSupportsConvert, conversions());
    infos.append(
        SqlInfo::SqlSupportedGroupBy,
        mask([
            SqlSupportedGroupBy::SqlGroupByUnrelated,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect,
        ]),
    );
    infos.append(
        SqlInfo::SqlSupportedGrammar,
        mask([
            SupportedSqlGrammar::SqlMinimumGrammar,
            SupportedSqlGrammar::SqlCoreGrammar,
        ]),
    );
    // Bit 0: entry level.
    infos.append(SqlInfo::SqlAnsi92SupportedLevel, 1_i32);
    infos.append(
        SqlInfo::SqlOuterJoinsSupportLevel,
        mask([
            SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins,
            SqlOuterJoinsSupportLevel::SqlFullOuterJoins,
        ]),
    );
    infos.append(SqlInfo::SqlSupportedPositionedCommands, 0_i32);
    infos.append(
        SqlInfo::SqlSupportedSubqueries,
        mask([
            SqlSupportedSubqueries::SqlSubqueriesInComparisons,
            SqlSupportedSubqueries::SqlSubqueriesInExists,
            SqlSupportedSubqueries::SqlSubqueriesInIns,
            SqlSupportedSubqueries::SqlSubqueriesInQuantifieds,
        ]),
    );
    infos.append(
        SqlInfo::SqlSupportedUnions,
        mask([
            SqlSupportedUnions::SqlUnion,
            SqlSupportedUnions::SqlUnionAll,
        ]),
    );
}

/// Which types CAST turns into which: the numbers and text into each other, dates into timestamps
/// and back, anything into text.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    let numbers = [
        C::SqlConvertBigint,
        C::SqlConvertBit,
        C::SqlConvertDecimal,
        C::SqlConvertFloat,
        C::SqlConvertInteger,
        C::SqlConvertNumeric,
        C::SqlConvertReal,
        C::SqlConvertSmallint,
        C::SqlConvertTinyint,
        C::SqlConvertVarchar,
    ];
    let times = [
        C::SqlConvertDate,
        C::SqlConvertTimestamp,
        C::SqlConvertVarchar,
    ];
    let text: Vec<C> = numbers
        .into_iter()
        .chain([C::SqlConvertDate, C::SqlConvertTime, C::SqlConvertTimestamp])
        .collect();
    let mut map = BTreeMap::new();
    let ints = |to: &[C]| to.iter().map(|c| *c as i32).collect::<Vec<_>>();
    for from in numbers {
        map.insert(from as i32, ints(&numbers));
    }
    for from in [C::SqlConvertDate, C::SqlConvertTimestamp] {
        map.insert(from as i32, ints(&times));
    }
    map.insert(
        C::SqlConvertTime as i32,
        ints(&[C::SqlConvertTime, C::SqlConvertVarchar]),
    );
    map.insert(C::SqlConvertVarchar as i32, ints(&text));
    map
}

/// 0 means no limit, or none that is known.
fn limits(infos: &mut SqlInfoDataBuilder) {
    for info in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxConnections,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatementLength,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
        SqlInfo::SqlMaxUsernameLength,
    ] {
        infos.append(info, 0_i64);
    }
}

fn transactions(infos: &mut SqlInfoDataBuilder) {
    use SqlTransactionIsolationLevel as Level;
    // DuckDB isolates by snapshot. ODBC reads 562 as a mask and JDBC as a number; 2 is a level for
    // both.
    infos.append(
        SqlInfo::SqlDefaultTransactionIsolation,
        ordinal(Level::SqlTransactionReadCommitted),
    );
    infos.append(SqlInfo::SqlTransactionsSupported, true);
    infos.append(
        SqlInfo::SqlSupportedTransactionsIsolationLevels,
        mask([
            Level::SqlTransactionReadCommitted,
            Level::SqlTransactionRepeatableRead,
        ]),
    );
    infos.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    infos.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
}

fn results(infos: &mut SqlInfoDataBuilder) {
    use SqlSupportedResultSetConcurrency as Concurrency;
    use SqlSupportedResultSetType as Type;
    infos.append(
        SqlInfo::SqlSupportedResultSetTypes,
        mask([
            Type::SqlResultSetTypeUnspecified,
            Type::SqlResultSetTypeForwardOnly,
        ]),
    );
    let read_only = mask([
        Concurrency::SqlResultSetConcurrencyUnspecified,
        Concurrency::SqlResultSetConcurrencyReadOnly,
    ]);
    for (info, value) in [
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified,
            read_only,
        ),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
            read_only,
        ),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive,
            0,
        ),
        (
            SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive,
            0,
        ),
    ] {
        infos.append(info, value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt32Type;

    use super::*;

    /// Number to union child: 0 string, 1 bool, 2 int64, 3 int32, 4 list, 5 map.
    fn children(batch: &RecordBatch) -> BTreeMap<u32, i8> {
        let names = batch.column(0).as_primitive::<UInt32Type>();
        let values = batch.column(1).as_union();
        names
            .values()
            .iter()
            .zip(values.type_ids())
            .map(|(n, t)| (*n, *t))
            .collect()
    }

    #[test]
    fn every_info_is_there_in_the_child_that_clients_cast_to() {
        let all = children(&rows(&[]).unwrap());
        let expected_numbers: BTreeSet<u32> = (0..=11).chain([100, 101]).chain(500..=576).collect();
        assert_eq!(
            all.keys().copied().collect::<BTreeSet<_>>(),
            expected_numbers
        );
        for (number, child) in &all {
            let expected = match number {
                0..=2 | 6 | 7 | 504 | 513 | 514 | 529..=531 => 0,
                503 | 505 | 507 | 562 => 2,
                541..=555 | 557..=561 => 2,
                508..=512 => 4,
                517 => 5,
                8 | 100 | 101 | 522 | 525 | 526 | 528 | 533..=535 | 538 | 540 | 564 | 567..=571 => {
                    3
                }
                _ => 1,
            };
            assert_eq!(*child, expected, "info {number}");
        }
    }

    #[test]
    fn adbc_is_told_that_transactions_work() {
        let batch = rows(&[8]).unwrap();
        assert_eq!(batch.num_rows(), 1);
        assert_eq!(children(&batch), BTreeMap::from([(8, 3)]));
        let value = batch.column(1).as_union().value(0);
        assert_eq!(
            value
                .as_primitive::<arrow_array::types::Int32Type>()
                .value(0),
            1
        );
    }

    #[test]
    fn unknown_infos_give_no_row_but_the_schema() {
        let batch = rows(&[10_000]).unwrap();
        assert_eq!(batch.num_rows(), 0);
        assert_eq!(batch.schema(), schema());
    }
}
