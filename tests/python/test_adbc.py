"""ADBC's Flight SQL driver against the demo: what an analyst's notebook does."""

import decimal

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pyarrow as pa
import pytest

BY_TYPE = "SELECT crime_type, count(*) AS crimes FROM police.crimes GROUP BY crime_type"

TABLES = {
    ("councils", "council_tax"): ["account_id", "band", "arrears", "lsoa"],
    ("dwp", "claims"): ["person_id", "benefit", "amount", "start_date", "region"],
    ("health", "episodes"): ["person_id", "admitted", "icd10", "age", "sex", "lsoa", "cost"],
    ("ons", "population"): [
        "region", "local_authority", "msoa", "lsoa", "persons", "households", "hectares",
    ],
    ("police", "crimes"): ["month", "lsoa", "local_authority", "crime_type", "outcome"],
}


def rows(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchall()


def refused(cursor, sql, parameters=None):
    """The text of the error that the statement ends in."""
    with pytest.raises(adbc_driver_manager.Error) as raised:
        rows(cursor, sql, parameters)
    return str(raised.value)


# Logging in


def test_a_token_in_the_header_is_enough(cursor):
    assert rows(cursor, "SELECT 1") == [(1,)]


def test_a_user_and_a_password_get_a_bearer_token(gateway, token):
    options = {"username": "demo", "password": token}
    with flight_sql.connect(gateway, db_kwargs=options, autocommit=True) as connection:
        with connection.cursor() as cursor:
            assert rows(cursor, "SELECT 1") == [(1,)]


def test_a_wrong_password_is_unauthenticated(gateway):
    options = {"username": "demo", "password": "wrong"}
    with pytest.raises(adbc_driver_manager.Error, match="A301") as raised:
        flight_sql.connect(gateway, db_kwargs=options, autocommit=True)
    assert raised.value.status_code == adbc_driver_manager.AdbcStatusCode.UNAUTHENTICATED


def test_nobody_gets_an_answer_without_a_token(gateway):
    with flight_sql.connect(gateway, autocommit=True) as connection:
        with connection.cursor() as cursor:
            assert "A301" in refused(cursor, "SELECT 1")


def test_cookies_are_kept(connected):
    options = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}
    with connected(**options) as connection, connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]


# Answers


def test_an_answer_is_an_arrow_table(cursor):
    cursor.execute(BY_TYPE)
    table = cursor.fetch_arrow_table()
    assert 10 <= table.num_rows
    assert table.schema.field("crime_type").type == pa.string()
    assert table.schema.field("crimes").type == pa.int64()
    # A suppressed cell is NULL, so every count may be.
    assert table.schema.field("crimes").nullable
    # Rounded, and never fewer than the threshold says.
    counts = [count for count in table["crimes"].to_pylist() if count is not None]
    assert all(count % 5 == 0 and 10 <= count for count in counts)


def test_an_answer_is_a_list_of_rows(cursor):
    found = rows(cursor, BY_TYPE + " ORDER BY crimes DESC LIMIT 2")
    assert len(found) == 2
    assert found[0][1] > found[1][1]


def test_open_rows_travel(cursor):
    cursor.execute("SELECT lsoa, persons FROM ons.population")
    table = cursor.fetch_arrow_table()
    assert 30_000 < table.num_rows
    assert table.schema.types == [pa.string(), pa.int64()]


def test_types_are_those_documented(cursor):
    cursor.execute(
        """SELECT count(*) AS a_count, sum(persons) AS a_sum, avg(persons) AS a_mean,
                  'x' AS a_text, true AS a_boolean, DATE '2024-03-31' AS a_date,
                  CAST(1.25 AS DECIMAL(10, 2)) AS a_decimal, CAST(0.5 AS DOUBLE) AS a_float,
                  TIMESTAMP '2024-03-31 12:00:00' AS a_time, NULL AS nothing
           FROM ons.population"""
    )
    table = cursor.fetch_arrow_table()
    types = {field.name: field.type for field in table.schema}
    assert types["a_count"] == pa.int64()
    assert pa.types.is_int64(types["a_sum"]) or pa.types.is_decimal128(types["a_sum"])
    assert pa.types.is_float64(types["a_mean"]) or pa.types.is_decimal128(types["a_mean"])
    assert types["a_text"] == pa.string()
    assert types["a_boolean"] == pa.bool_()
    assert types["a_date"] == pa.date32()
    assert types["a_decimal"] == pa.decimal128(10, 2)
    assert types["a_float"] == pa.float64()
    assert types["a_time"] == pa.timestamp("us")
    assert types["nothing"] == pa.string()
    assert table["a_decimal"].to_pylist() == [decimal.Decimal("1.25")]
    assert table["nothing"].to_pylist() == [None]


def test_an_answer_without_rows_has_its_schema(cursor):
    cursor.execute("SELECT lsoa, persons FROM ons.population WHERE persons < 0")
    table = cursor.fetch_arrow_table()
    assert table.num_rows == 0
    assert table.schema.names == ["lsoa", "persons"]


@pytest.mark.parametrize(
    "sql",
    [
        BY_TYPE,
        "SELECT region, sum(persons) AS persons FROM ons.population GROUP BY region",
        "SELECT sex, count(DISTINCT person_id) AS people, avg(cost) AS mean"
        " FROM health.episodes GROUP BY sex",
        "SELECT lsoa FROM ons.population WHERE persons < 0",
        "SELECT 1 AS a, 'x' AS b",
    ],
)
@pytest.mark.parametrize("statuses", ["off", "on"])
def test_the_schema_announced_is_the_schema_that_comes(connected, sql, statuses):
    option = {"adbc.flight.sql.rpc.call_header.insitu-statuses": statuses}
    with connected(**option) as connection, connection.cursor() as cursor:
        announced = cursor.adbc_execute_schema(sql)
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
        assert table.schema.equals(announced, check_metadata=True)


def test_statuses_stand_beside_measures_when_a_header_asks(connected):
    suppressed = (
        "SELECT region, count(*) AS claims FROM dwp.claims"
        " WHERE benefit = 'Industrial Injuries Disablement Benefit' GROUP BY region"
    )
    option = "adbc.flight.sql.rpc.call_header.insitu-statuses"
    with connected(**{option: "on"}) as connection, connection.cursor() as cursor:
        cursor.execute(suppressed)
        table = cursor.fetch_arrow_table()
        assert table.schema.names == ["region", "claims", "claims_status"]
        cells = list(zip(table["claims"].to_pylist(), table["claims_status"].to_pylist()))
        assert "c" in [status for _, status in cells]
        assert all((value is None) == (status == "c") for value, status in cells)
    with connected() as connection, connection.cursor() as cursor:
        cursor.execute(suppressed)
        assert cursor.fetch_arrow_table().schema.names == ["region", "claims"]


def test_an_unknown_header_value_is_an_error(connected):
    option = {"adbc.flight.sql.rpc.call_header.insitu-statuses": "maybe"}
    with connected(**option) as connection, connection.cursor() as cursor:
        assert "insitu-statuses" in refused(cursor, "SELECT 1")


# Parameters


def people(cursor, where, parameters):
    sql = f"SELECT sum(persons) FROM ons.population WHERE {where}"
    return rows(cursor, sql, parameters)[0][0]


def test_one_parameter(cursor):
    literal = people(cursor, "local_authority = 'Leeds'", None)
    assert people(cursor, "local_authority = $1", ["Leeds"]) == literal
    assert 700_000 < literal


def test_two_parameters(cursor):
    bound = people(cursor, "local_authority = $1 AND persons > $2", ["Leeds", 2000])
    assert bound == people(cursor, "local_authority = 'Leeds' AND persons > 2000", None)


def test_eleven_parameters_are_taken_by_number(cursor):
    # By name `$10` and `$11` would come before `$2`.
    names = [f"nowhere {i}" for i in range(2, 11)]
    marks = ", ".join(f"${i}" for i in range(1, 11))
    where = f"local_authority IN ({marks}) AND persons > $11"
    bound = people(cursor, where, ["Leeds", *names, 2000])
    assert bound == people(cursor, "local_authority = 'Leeds' AND persons > 2000", None)


def test_a_parameter_may_be_null(cursor):
    assert people(cursor, "local_authority = $1", [None]) is None
    assert rows(cursor, "SELECT CAST($1 AS BIGINT) + 1", [None]) == [(None,)]


def test_a_statement_is_bound_again(cursor):
    sql = "SELECT sum(persons) FROM ons.population WHERE local_authority = $1"
    leeds, bradford = (rows(cursor, sql, [name])[0][0] for name in ["Leeds", "Bradford"])
    assert leeds != bradford
    assert rows(cursor, sql, ["Leeds"])[0][0] == leeds


def test_protected_data_is_filtered_by_parameters(cursor):
    sql = "SELECT count(*) FROM police.crimes WHERE month = $1 AND crime_type = $2"
    found = rows(cursor, sql, ["2018-07", "Robbery"])
    assert found == rows(cursor, sql.replace("$1", "'2018-07'").replace("$2", "'Robbery'"))


def test_a_parameter_is_held_to_the_rules_as_text_is(cursor):
    sql = "SELECT count(*) FROM health.episodes WHERE person_id = $1"
    assert "D202" in refused(cursor, sql, ["9990000018"])


def test_parameters_that_do_not_fit_are_refused(cursor):
    sql = "SELECT sum(persons) FROM ons.population WHERE persons > $1"
    assert "Q110" in refused(cursor, sql, [1, 2])
    assert "Q110" in refused(cursor, sql)
    text = refused(cursor, sql, ["canary-7f"])
    assert "Q110" in text
    assert "canary-7f" not in text


def test_more_than_one_row_of_parameters_is_refused(cursor):
    sql = "SELECT sum(persons) FROM ons.population WHERE persons > $1"
    assert "Q110" in refused(cursor, sql, pa.table({"0": [1, 2]}))


# Refusals


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        ("SELECT * FROM health.episodes", "D201", "INVALID_ARGUMENT"),
        ("SELECT person_id FROM health.episodes GROUP BY person_id", "D202", "INVALID_ARGUMENT"),
        ("SELECT max(cost) FROM health.episodes", "D205", "INVALID_ARGUMENT"),
        ("CREATE TABLE t (a INT)", "Q103", "INVALID_ARGUMENT"),
        ("SELECT count(*) FROM police.nothing", "Q105", "NOT_FOUND"),
        ("SELECT nothing FROM ons.population", "Q106", "NOT_FOUND"),
    ],
)
def test_a_refused_statement_raises_with_its_code(cursor, sql, code, status):
    with pytest.raises(adbc_driver_manager.Error) as raised:
        cursor.execute(sql)
    assert code in str(raised.value)
    assert raised.value.status_code == adbc_driver_manager.AdbcStatusCode[status]
    # The next one is answered.
    assert rows(cursor, "SELECT 1") == [(1,)]


def test_what_writes_is_not_there(cursor):
    with pytest.raises(adbc_driver_manager.NotSupportedError):
        cursor.adbc_ingest("t", pa.table({"a": [1]}))
    with pytest.raises(adbc_driver_manager.NotSupportedError):
        cursor.executemany("SELECT $1", [[1], [2]])


# The catalogue


def test_the_server_says_what_it_is(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "insitu"
    assert info["vendor_version"]
    assert info["vendor_arrow_version"]


def test_tables_are_of_one_type(connection):
    assert connection.adbc_get_table_types() == ["TABLE"]


def objects(connection, **filters):
    catalogs = connection.adbc_get_objects(depth="all", **filters).read_all().to_pylist()
    return {
        (schema["db_schema_name"], table["table_name"]): [
            column["column_name"] for column in table["table_columns"]
        ]
        for catalog in catalogs
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    }


def test_the_schema_browser_shows_every_table_and_column(connection):
    found = objects(connection)
    assert list(found) == sorted(found)
    for table, columns in TABLES.items():
        assert found[table] == columns


def test_the_schema_browser_filters(connection):
    everything = objects(connection)
    police = objects(connection, db_schema_filter="pol%")
    assert set(police) == {table for table in everything if table[0] == "police"}
    assert set(objects(connection, table_name_filter="council%")) == {("councils", "council_tax")}
    assert set(objects(connection, table_types_filter=["TABLE"])) == set(everything)
    assert objects(connection, table_types_filter=["VIEW"]) == {}
    assert objects(connection, catalog_filter="nothing") == {}


def test_a_tables_schema_comes_with_labels(connection):
    schema = connection.adbc_get_table_schema("episodes", db_schema_filter="health")
    assert schema.names == TABLES["health", "episodes"]
    labels = {field.name: field.metadata[b"insitu.label"].decode() for field in schema}
    assert labels["person_id"] == "unit"
    assert labels["admitted"] == "filter"
    assert labels["sex"] == "dimension"
    assert labels["cost"] == "measure"
    assert schema.field("admitted").type == pa.date32()


def test_the_current_catalog_is_known(connection):
    assert connection.adbc_current_catalog == "insitu"
    assert connection.adbc_current_db_schema == ""


def test_session_options_are_set_and_read_back_in_their_own_session(gateway, token, connected):
    # Who logs in gets a cookie, and with it a session apart from those of the same token.
    options = {
        "username": "demo",
        "password": token,
        "adbc.flight.sql.rpc.with_cookie_middleware": "true",
    }
    option = "adbc.flight.sql.session.option."
    with flight_sql.connect(gateway, db_kwargs=options, autocommit=True) as connection:
        handle = connection.adbc_connection
        handle.set_options(**{option + "project": "P-17", option + "statuses": "on"})
        assert handle.get_option(option + "project") == "P-17"
        for name, value in [("volume", "11"), ("partial", "on"), ("statuses", "maybe")]:
            with pytest.raises(adbc_driver_manager.Error):
                handle.set_options(**{option + name: value})
        with connection.cursor() as cursor:
            cursor.execute(BY_TYPE)
            assert "crimes_status" in cursor.fetch_arrow_table().schema.names
        with connected() as other:
            assert other.adbc_connection.get_option(option + "project") == ""


# Leaving early


def test_a_reader_closed_early_leaves_the_next_query_alone(connection):
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute("SELECT lsoa, msoa, local_authority, persons FROM ons.population")
            reader = cursor.fetch_record_batch()
            assert reader.read_next_batch().num_rows
            reader.close()
    with connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]


def test_a_cancelled_statement_leaves_the_next_query_alone(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lsoa, msoa, local_authority, persons FROM ons.population")
        cursor.adbc_cancel()
    with connection.cursor() as cursor:
        assert rows(cursor, "SELECT 1") == [(1,)]


def test_two_connections_at_once(connected):
    with connected() as one, connected() as other:
        with one.cursor() as first, other.cursor() as second:
            first.execute(BY_TYPE + " ORDER BY crime_type")
            second.execute(BY_TYPE + " ORDER BY crime_type")
            assert first.fetchall() == second.fetchall()
