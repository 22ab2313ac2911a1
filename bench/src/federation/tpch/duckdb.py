"""Questions to DuckDB over Parquet files, one a line: what comes in and goes out is JSON.

The first line names the threads and each table's files; each after it is a question. An answer has
the seconds that it took and its rows as text.
"""

import json
import sys
import time

import duckdb


def main():
    asked = json.loads(sys.stdin.readline())
    database = duckdb.connect()
    database.execute(f"SET threads = {int(asked['threads'])}")
    database.execute("CREATE SCHEMA tpch")
    for table, files in asked["tables"].items():
        listed = ", ".join(f"'{file}'" for file in files)
        database.execute(f"CREATE VIEW tpch.{table} AS SELECT * FROM read_parquet([{listed}])")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        rows = database.execute(json.loads(line)).fetchall()
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "rows": [list(map(str, row)) for row in rows]}), flush=True)


main()
