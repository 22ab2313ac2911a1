"""TPC-H's 22 queries over open data at four departments, against DuckDB over the same files.

`orders` and `lineitem` are spread over three departments by the order's key, the other tables are
at a fourth. The rows are made by the crate tpchgen (`tests/examples/tpch_csv.rs`); the queries are
the same text for both engines (`tests/oracle/tpch`). Which of them departments answer with
Tabulations is in `docs/tpch.md`.

INSITU_TPCH        the command that writes the rows
INSITU_TPCH_SCALE  how many; 0.01 unless it is set
"""

import datetime
import os
import pathlib
import subprocess
import time
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from federation import Column, Dataset, Federation

QUERIES = sorted((pathlib.Path(__file__).parents[2] / "oracle" / "tpch").glob("q*.sql"))
SPREAD = ["orders", "lineitem"]
PARTS = 3
# Whatever isn't named is text.
WHOLE = {
    "region": ["r_regionkey"],
    "nation": ["n_nationkey", "n_regionkey"],
    "supplier": ["s_suppkey", "s_nationkey"],
    "customer": ["c_custkey", "c_nationkey"],
    "part": ["p_partkey", "p_size"],
    "partsupp": ["ps_partkey", "ps_suppkey", "ps_availqty"],
    "orders": ["o_orderkey", "o_custkey", "o_shippriority"],
    "lineitem": ["l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"],
}
MONEY = [
    "s_acctbal", "c_acctbal", "p_retailprice", "ps_supplycost", "o_totalprice", "l_quantity",
    "l_extendedprice", "l_discount", "l_tax",
]  # fmt: skip
DATES = ["o_orderdate", "l_shipdate", "l_commitdate", "l_receiptdate"]
RELATIVE_MAX = 1e-9


def kind(table, column):
    """Our type, its terms, and DuckDB's type."""
    if column in WHOLE[table]:
        return "integer", {}, "BIGINT"
    if column in MONEY:
        return "decimal", {"decimal_places": 2}, "DECIMAL(15, 2)"
    if column in DATES:
        return "date", {}, "DATE"
    return "text", {}, "VARCHAR"


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """A federation and DuckDB, over the same rows."""
    made = tmp_path_factory.mktemp("tpch")
    scale = os.environ.get("INSITU_TPCH_SCALE", "0.01")
    subprocess.run([os.environ["INSITU_TPCH"], made, scale], check=True)
    datasets = []
    database = duckdb.connect()
    database.execute("CREATE SCHEMA tpch")
    for table in WHOLE:
        if table in SPREAD:
            files = [made / f"{table}-{part}.csv" for part in range(PARTS)]
            parts = [read(file) for file in files]
        else:
            files = [made / f"{table}.csv"]
            parts = [None] * PARTS + [read(files[0])]
        columns = []
        types = {}
        for column in parts[-1].columns:
            ours, terms, theirs = kind(table, column)
            columns.append(Column(column, ours, "dimension", terms))
            types[column] = theirs
        datasets.append(Dataset(f"tpch.{table}", columns, parts))
        listed = ", ".join(f"'{file}'" for file in files)
        database.execute(
            f"CREATE TABLE tpch.{table} AS SELECT * FROM "
            f"read_csv([{listed}], header = true, columns = {types})"
        )
    with Federation(tmp_path_factory.mktemp("federation"), datasets) as federation:
        yield federation, database


def rows(table):
    """The rows of an answer, without its status columns."""
    names = [name for name in table.column_names if not name.endswith("_status")]
    return names, [tuple(row[name] for name in names) for row in table.to_pylist()]


def agree(ours, theirs):
    """Whether two values are the same: exactly, or to the digits that a quotient's type has."""
    numbers = (int, float, Decimal)
    if isinstance(ours, numbers) and isinstance(theirs, numbers):
        if not isinstance(ours, float) and not isinstance(theirs, float):
            return Decimal(ours) == Decimal(theirs)
        # DuckDB divides in floating point.
        digit = 10.0 ** ours.as_tuple().exponent if isinstance(ours, Decimal) else 0.0
        ours, theirs = float(ours), float(theirs)
        return abs(ours - theirs) <= max(digit, RELATIVE_MAX * max(abs(ours), abs(theirs)))
    if isinstance(ours, datetime.date) or isinstance(theirs, datetime.date):
        return str(ours) == str(theirs)
    return ours == theirs


def test_there_are_22():
    assert len(QUERIES) == 22


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_departments_answer_as_duckdb_does(engines, path):
    federation, database = engines
    sql = path.read_text(encoding="utf-8")
    started = time.monotonic()
    _, ours = rows(federation.query(sql))
    print(f"{path.stem}: {len(ours)} rows in {time.monotonic() - started:.2f} s")
    theirs = database.execute(sql).fetchall()
    assert len(ours) == len(theirs)
    for number, (left, right) in enumerate(zip(ours, theirs, strict=True)):
        assert len(left) == len(right)
        differing = [(a, b) for a, b in zip(left, right, strict=True) if not agree(a, b)]
        assert not differing, f"row {number}: {left} and {right}"


def test_the_tables_are_the_same(engines):
    """Otherwise nothing above would mean anything."""
    federation, database = engines
    for table in WHOLE:
        sql = f"SELECT count(*) FROM tpch.{table}"
        [(ours,)] = rows(federation.query(sql))[1]
        [(theirs,)] = database.execute(sql).fetchall()
        assert ours == theirs > 0
