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
    (
        "UHUGEINT",
        &["1", "340282366920938463463374607431768211455", "0"],
    ),
    (
        "BIGNUM",
        &[
            "1",
            "'340282366920938463463374607431768211456'",
            "'-340282366920938463463374607431768211456'",
            "0",
            "'1' || repeat('0', 400)",
        ],
    ),
    (
        "TIME WITH TIME ZONE",
        &[
            "'01:02:03+00'",
            "'24:00:00+00'",
            "'00:00:00+15:59:59'",
            "'23:59:59-15:59:59'",
        ],
    ),
    ("TIME_NS", &["'01:02:03'", "'24:00:00'"]),
    (
        "VARIANT",
        &["1", "'hidden'", "{'a': 'hidden'}", "[1]", "{'a': 1}"],
    ),
    (
        "GEOMETRY",
        &[
            "'POINT(1 2)'",
            "'POINT EMPTY'",
            "'LINESTRING(0 0, 1 1)'",
            "'POINT Z (1 2 3)'",
        ],
    ),
    (
        "UNION(a VARCHAR, b INTEGER)",
        &["union_value(a := '1')", "union_value(a := 'hidden')", "1"],
    ),
];

/// Types that few functions take: the first overload over each of them is tried like a function of its own.
pub(crate) const RARE: &[&str] = &[
    "UHUGEINT",
    "BIGNUM",
    "TIME WITH TIME ZONE",
    "TIME_NS",
    "VARIANT",
    "GEOMETRY",
    "UNION(a VARCHAR, b INTEGER)",
];

/// Types that no result may have, and so no view and no mask.
pub(crate) const WITHHELD: &[&str] = &["UHUGEINT", "BIGNUM", "TIME WITH TIME ZONE", "VARIANT"];

/// Types that no policy can write, and so no mask.
pub(crate) const UNWRITTEN: &[&str] = &["GEOMETRY"];

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
    "UHUGEINT",
    "BIGNUM",
    "TIME WITH TIME ZONE",
    "TIME_NS",
    "VARIANT",
    "UNION(a INTEGER)",
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
