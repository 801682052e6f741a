//! Values to try functions and casts on: for each type what most of them take, and its ends.

/// A type, and literals of it.
pub(crate) type Pool = (&'static str, &'static [&'static str]);

/// Types that a column of a governed table may have.
pub(crate) const POOLS: &[Pool] = &[
    (
        "VARCHAR",
        &[
            "'1'",
            "'hidden'",
            "'2020-01-01'",
            "'year'",
            "'%Y'",
            "'%'",
            "'%hidden'",
            "'UTC'",
            r#"'{"a":1}'"#,
            "'{hidden'",
            "'('",
            "'x'",
            "'[1]'",
            "''",
            r"'\x'",
        ],
    ),
    ("TINYINT", &["1", "-128", "127", "0"]),
    ("SMALLINT", &["1", "-32768", "32767", "0"]),
    (
        "INTEGER",
        &["1", "-2147483648", "2147483647", "0", "-1", "2"],
    ),
    (
        "BIGINT",
        &[
            "1",
            "-9223372036854775808",
            "9223372036854775807",
            "0",
            "-1",
            "2",
            "100",
        ],
    ),
    (
        "HUGEINT",
        &[
            "1",
            "-170141183460469231731687303715884105728",
            "170141183460469231731687303715884105727",
            "0",
        ],
    ),
    ("UTINYINT", &["1", "255", "0"]),
    ("USMALLINT", &["1", "65535", "0"]),
    ("UINTEGER", &["1", "4294967295", "0"]),
    ("UBIGINT", &["1", "18446744073709551615", "0"]),
    ("FLOAT", &["0.5", "'nan'", "'inf'", "-5", "0", "3e38"]),
    (
        "DOUBLE",
        &["0.5", "'nan'", "'inf'", "-5", "0", "1e308", "5"],
    ),
    (
        "DECIMAL(18,2)",
        &["1.5", "9999999999999999.99", "-9999999999999999.99", "0"],
    ),
    (
        "DECIMAL(38,0)",
        &["1", "99999999999999999999999999999999999999", "0"],
    ),
    (
        "DATE",
        &[
            "'2020-01-01'",
            "'infinity'",
            "'-infinity'",
            "'5881580-07-10'",
            "'5877642-06-25 (BC)'",
        ],
    ),
    (
        "TIMESTAMP",
        &[
            "'2020-01-01 01:02:03'",
            "'infinity'",
            "'294247-01-10 04:00:54.775806'",
            "'290309-12-22 (BC) 00:00:00'",
        ],
    ),
    (
        "TIMESTAMP WITH TIME ZONE",
        &[
            "'2020-01-01 01:02:03+00'",
            "'infinity'",
            "'294247-01-10 04:00:54.775806+00'",
            "'290309-12-22 (BC) 00:00:00+00'",
        ],
    ),
    (
        "TIMESTAMP_NS",
        &[
            "'2020-01-01 01:02:03'",
            "'infinity'",
            "'2262-04-11 23:47:16'",
        ],
    ),
    (
        "TIMESTAMP_S",
        &["'2020-01-01'", "'infinity'", "'290000-01-01'"],
    ),
    (
        "TIMESTAMP_MS",
        &["'2020-01-01'", "'infinity'", "'290000-01-01'"],
    ),
    ("TIME", &["'01:02:03'", "'24:00:00'"]),
    (
        "INTERVAL",
        &[
            "'1 day'",
            "'-1 day'",
            "'2147483647 months'",
            "'9223372036854775807 microseconds'",
            "'0 days'",
            "'1 month'",
            "'2147483647 days'",
        ],
    ),
    ("BOOLEAN", &["true", "false"]),
    ("BLOB", &["'a'", r"'\xAA\xFF'", "''"]),
    ("BIT", &["'101'", "'1'", "repeat('01', 40)"]),
    ("UUID", &["'00000000-0000-0000-0000-000000000000'"]),
    ("JSON", &[r#"'{"a":1}'"#, "'[1]'", r#"'"x"'"#]),
    (
        "INTEGER[]",
        &[
            "[1]",
            "[2147483647, 2147483647]",
            "[null]",
            "[]",
            "[1, 2, 3]",
        ],
    ),
    ("VARCHAR[]", &["['1']", "['(', 'hidden']", "[]"]),
    (
        "DOUBLE[]",
        &[
            "[0.5, 1, 2]",
            "[]",
            "[1]",
            "['nan'::double, 1, 2]",
            "[null]",
        ],
    ),
    ("FLOAT[]", &["[0.5, 1, 2]", "[]", "[1]", "[null]"]),
    ("BIGINT[]", &["[1]", "[9223372036854775807, 1]"]),
    ("BOOLEAN[]", &["[true]"]),
    ("FLOAT[3]", &["[1, 2, 3]", "[0, 0, null]", "[0, 0, 0]"]),
    ("DOUBLE[3]", &["[1, 2, 3]", "[0, 0, null]", "[0, 0, 0]"]),
    ("INTEGER[][]", &["[[1]]", "[[2147483647, 1], null]"]),
    (
        "MAP(VARCHAR, INTEGER)",
        &["map {'a': 1}", "map {'a': 2147483647, 'hidden': 1}"],
    ),
    (
        "STRUCT(a VARCHAR)",
        &["{'a': '1'}", "{'a': 'hidden'}", "null"],
    ),
    ("ENUM('1', 'hidden')", &["'1'", "'hidden'"]),
];

/// What casts go to.
pub(crate) const TARGETS: &[&str] = &[
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(4,1)",
    "DECIMAL(18,3)",
    "DECIMAL(38,0)",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMPTZ",
    "TIME",
    "INTERVAL",
    "BOOLEAN",
    "BLOB",
    "BIT",
    "UUID",
    "JSON",
    "VARCHAR",
    "INTEGER[]",
    "INTEGER[2]",
    "STRUCT(a INTEGER)",
    "MAP(VARCHAR, TINYINT)",
    "ENUM('1', 'b')",
];

/// Types to try where a function takes a type that is no pool's: a variable's, or any.
pub(crate) fn instances(sql_type: &str) -> &'static [&'static str] {
    match sql_type {
        "ANY" => &["VARCHAR", "INTEGER"],
        "ANY[]" => &["INTEGER[]", "VARCHAR[]"],
        "T" | "V" => &["INTEGER"],
        "K" => &["VARCHAR"],
        "T[]" | "V[]" => &["INTEGER[]"],
        "K[]" => &["VARCHAR[]"],
        "T[][]" => &["INTEGER[][]"],
        "MAP(K, V)" => &["MAP(VARCHAR, INTEGER)"],
        "FLOAT[ANY]" => &["FLOAT[3]"],
        "DOUBLE[ANY]" => &["DOUBLE[3]"],
        "DECIMAL" => &["DECIMAL(18,2)", "DECIMAL(38,0)"],
        "STRUCT" => &["STRUCT(a VARCHAR)"],
        other => match POOLS.iter().find(|(name, _)| *name == other) {
            Some((name, _)) => std::slice::from_ref(name),
            None => &[],
        },
    }
}
