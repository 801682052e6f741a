"""Turn the CSV files of `cargo xtask tpch` into Parquet: python tpch_to_parquet.py <csv folder> <folder>"""

import pathlib
import sys

import duckdb

KEY = "BIGINT"
MONEY = "DECIMAL(15,2)"

TABLES = {
    "region": {"r_regionkey": "INTEGER", "r_name": "VARCHAR", "r_comment": "VARCHAR"},
    "nation": {
        "n_nationkey": "INTEGER",
        "n_name": "VARCHAR",
        "n_regionkey": "INTEGER",
        "n_comment": "VARCHAR",
    },
    "part": {
        "p_partkey": KEY,
        "p_name": "VARCHAR",
        "p_mfgr": "VARCHAR",
        "p_brand": "VARCHAR",
        "p_type": "VARCHAR",
        "p_size": "INTEGER",
        "p_container": "VARCHAR",
        "p_retailprice": MONEY,
        "p_comment": "VARCHAR",
    },
    "supplier": {
        "s_suppkey": KEY,
        "s_name": "VARCHAR",
        "s_address": "VARCHAR",
        "s_nationkey": "INTEGER",
        "s_phone": "VARCHAR",
        "s_acctbal": MONEY,
        "s_comment": "VARCHAR",
    },
    "partsupp": {
        "ps_partkey": KEY,
        "ps_suppkey": KEY,
        "ps_availqty": "INTEGER",
        "ps_supplycost": MONEY,
        "ps_comment": "VARCHAR",
    },
    "customer": {
        "c_custkey": KEY,
        "c_name": "VARCHAR",
        "c_address": "VARCHAR",
        "c_nationkey": "INTEGER",
        "c_phone": "VARCHAR",
        "c_acctbal": MONEY,
        "c_mktsegment": "VARCHAR",
        "c_comment": "VARCHAR",
    },
    "orders": {
        "o_orderkey": KEY,
        "o_custkey": KEY,
        "o_orderstatus": "VARCHAR",
        "o_totalprice": MONEY,
        "o_orderdate": "DATE",
        "o_orderpriority": "VARCHAR",
        "o_clerk": "VARCHAR",
        "o_shippriority": "INTEGER",
        "o_comment": "VARCHAR",
    },
    "lineitem": {
        "l_orderkey": KEY,
        "l_partkey": KEY,
        "l_suppkey": KEY,
        "l_linenumber": "INTEGER",
        "l_quantity": MONEY,
        "l_extendedprice": MONEY,
        "l_discount": MONEY,
        "l_tax": MONEY,
        "l_returnflag": "VARCHAR",
        "l_linestatus": "VARCHAR",
        "l_shipdate": "DATE",
        "l_commitdate": "DATE",
        "l_receiptdate": "DATE",
        "l_shipinstruct": "VARCHAR",
        "l_shipmode": "VARCHAR",
        "l_comment": "VARCHAR",
    },
}


def main() -> None:
    source, target = map(pathlib.Path, sys.argv[1:])
    with duckdb.connect() as connection:
        for table, columns in TABLES.items():
            connection.execute(
                f"copy (from read_csv('{source / table}.csv', header = true, auto_detect = false, delim = ',', "
                f"quote = '\"', escape = '\"', columns = {columns})) "
                f"to '{target / table}.parquet' (format parquet, compression zstd)"
            )


if __name__ == "__main__":
    main()
