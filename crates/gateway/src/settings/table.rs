//! The settings there are, as data.

use super::kind::Kind;

/// Whether a client may change a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// By SET, RESET and startup parameters.
    Client,
    /// Never: it tells about the server.
    Fixed,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Definition {
    /// The name as SHOW prints it.
    pub name: &'static str,
    pub kind: Kind,
    /// The canonical value of a new session.
    pub default: &'static str,
    pub access: Access,
    /// Whether a client is told its value at login and after every change (ParameterStatus).
    pub reported: bool,
    /// What SHOW ALL says about it.
    pub about: &'static str,
}

/// The settings the gateway itself reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    TimeZone,
    StatementTimeout,
    IdleInTransactionTimeout,
    DefaultReadOnly,
    IsSuperuser,
    SessionAuthorization,
    TransactionReadOnly,
    TransactionIsolation,
    DefaultIsolation,
}

impl Setting {
    /// The name as SHOW prints it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TimeZone => "TimeZone",
            Self::StatementTimeout => "statement_timeout",
            Self::IdleInTransactionTimeout => "idle_in_transaction_session_timeout",
            Self::DefaultReadOnly => "default_transaction_read_only",
            Self::IsSuperuser => "is_superuser",
            Self::SessionAuthorization => "session_authorization",
            Self::TransactionReadOnly => "transaction_read_only",
            Self::TransactionIsolation => "transaction_isolation",
            Self::DefaultIsolation => "default_transaction_isolation",
        }
    }
}

const fn free(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Definition {
    Definition {
        name,
        kind,
        default,
        access: Access::Client,
        reported: false,
        about,
    }
}

const fn fixed(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Definition {
    Definition {
        access: Access::Fixed,
        ..free(name, kind, default, about)
    }
}

const fn reported(definition: Definition) -> Definition {
    Definition {
        reported: true,
        ..definition
    }
}

const ON: Kind = Kind::Word(&["on"]);
const LEVELS: Kind = Kind::Word(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error",
]);

/// All settings, sorted by name without regard to case.
///
/// A setting that a client may change either has its effect or has none by nature (as `jit`); values
/// whose effect Eider would not deliver are left out, so that SET refuses them.
pub(super) static TABLE: &[Definition] = &[
    reported(free(
        "application_name",
        Kind::Text,
        "",
        "name of the application, for logs",
    )),
    free(
        "backslash_quote",
        Kind::Word(&["safe_encoding"]),
        "safe_encoding",
        "whether \\' is a quote in strings",
    ),
    free(
        "bytea_output",
        Kind::Word(&["hex", "escape"]),
        "hex",
        "text format of bytea",
    ),
    reported(free(
        "client_encoding",
        Kind::Encoding,
        "UTF8",
        "character set of the client",
    )),
    free(
        "client_min_messages",
        LEVELS,
        "notice",
        "least severe messages the client wants",
    ),
    reported(free(
        "DateStyle",
        Kind::DateStyle,
        "ISO, MDY",
        "text format of dates",
    )),
    free(
        "default_transaction_deferrable",
        Kind::Word(&["off"]),
        "off",
        "whether new transactions are deferrable",
    ),
    free(
        "default_transaction_isolation",
        Kind::Isolation,
        "repeatable read",
        "isolation level of new transactions; all get a snapshot",
    ),
    reported(free(
        "default_transaction_read_only",
        Kind::Bool,
        "off",
        "whether new transactions refuse writes",
    )),
    free(
        "extra_float_digits",
        Kind::Integer(-15, 3),
        "1",
        "digits of floating-point numbers in text",
    ),
    free(
        "geqo",
        Kind::Bool,
        "on",
        "without effect: PostgreSQL's own planner",
    ),
    free(
        "idle_in_transaction_session_timeout",
        Kind::Milliseconds,
        "0",
        "how long a transaction may idle before it is rolled back",
    ),
    reported(fixed(
        "in_hot_standby",
        Kind::Bool,
        "off",
        "whether the server is a standby",
    )),
    reported(fixed(
        "integer_datetimes",
        Kind::Bool,
        "on",
        "whether binary times are integers",
    )),
    reported(free(
        "IntervalStyle",
        Kind::Word(&["postgres"]),
        "postgres",
        "text format of intervals",
    )),
    reported(fixed(
        "is_superuser",
        Kind::Bool,
        "off",
        "whether the user is an administrator",
    )),
    free(
        "jit",
        Kind::Bool,
        "off",
        "without effect: PostgreSQL's own compiler",
    ),
    fixed("lc_collate", Kind::Text, "C", "collation order"),
    fixed("lc_ctype", Kind::Text, "C", "character classes"),
    free(
        "lc_messages",
        Kind::Word(&["C"]),
        "C",
        "language of messages",
    ),
    free(
        "lc_monetary",
        Kind::Word(&["C"]),
        "C",
        "text format of money",
    ),
    free(
        "lock_timeout",
        Kind::Milliseconds,
        "0",
        "without effect: no statement waits for a lock",
    ),
    fixed(
        "max_identifier_length",
        Kind::Integer(1, 1 << 20),
        "63",
        "longest identifier PostgreSQL tools should make",
    ),
    fixed(
        "max_index_keys",
        Kind::Integer(1, 1 << 20),
        "32",
        "most columns of an index",
    ),
    free("row_security", ON, "on", "row filters always apply"),
    free(
        "search_path",
        Kind::SearchPath,
        "\"$user\", public",
        "schemas of names without one",
    ),
    reported(fixed(
        "server_encoding",
        Kind::Encoding,
        "UTF8",
        "character set of the server",
    )),
    reported(fixed(
        "server_version",
        Kind::Text,
        "15.8",
        "version of PostgreSQL whose protocol and settings are spoken",
    )),
    fixed(
        "server_version_num",
        Kind::Integer(0, i32::MAX as i64),
        "150008",
        "the same as a number",
    ),
    reported(fixed(
        "session_authorization",
        Kind::Text,
        "",
        "who is logged in",
    )),
    reported(free(
        "standard_conforming_strings",
        ON,
        "on",
        "backslashes in strings are plain characters",
    )),
    free(
        "statement_timeout",
        Kind::Milliseconds,
        "0",
        "how long a statement may take; 0 leaves the server's own bound",
    ),
    free(
        "synchronous_commit",
        ON,
        "on",
        "a commit is answered when it is durable",
    ),
    reported(free(
        "TimeZone",
        Kind::TimeZone,
        "UTC",
        "time zone of timestamps",
    )),
    free(
        "transaction_deferrable",
        Kind::Word(&["off"]),
        "off",
        "whether the transaction is deferrable",
    ),
    free(
        "transaction_isolation",
        Kind::Isolation,
        "repeatable read",
        "isolation level of the transaction; all have a snapshot",
    ),
    free(
        "transaction_read_only",
        Kind::Bool,
        "off",
        "whether the transaction refuses writes",
    ),
];

/// The place of a setting in [`TABLE`], by its name in any case.
pub(super) fn find(name: &str) -> Option<usize> {
    let name = match () {
        () if name.eq_ignore_ascii_case("time zone") => "TimeZone",
        () if name.eq_ignore_ascii_case("names") => "client_encoding",
        () if name.eq_ignore_ascii_case("transaction isolation level") => "transaction_isolation",
        () if name.eq_ignore_ascii_case("session authorization") => "session_authorization",
        () => name,
    };
    TABLE.iter().position(|d| d.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_canonical() {
        let names: Vec<String> = TABLE.iter().map(|d| d.name.to_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
        for d in TABLE {
            assert_eq!(d.kind.check(d.name, d.default).unwrap(), d.default);
        }
    }

    #[test]
    fn settings_that_are_read_exist() {
        for setting in [
            Setting::TimeZone,
            Setting::StatementTimeout,
            Setting::IdleInTransactionTimeout,
            Setting::DefaultReadOnly,
            Setting::IsSuperuser,
            Setting::SessionAuthorization,
            Setting::TransactionReadOnly,
            Setting::TransactionIsolation,
            Setting::DefaultIsolation,
        ] {
            let place = find(setting.name()).unwrap();
            assert_eq!(TABLE[place].name, setting.name());
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_in_their_long_forms() {
        assert_eq!(find("DATESTYLE"), find("datestyle"));
        assert_eq!(TABLE[find("time zone").unwrap()].name, "TimeZone");
        assert_eq!(
            TABLE[find("transaction isolation level").unwrap()].name,
            "transaction_isolation"
        );
        assert_eq!(find("memory_limit"), None);
    }
}
