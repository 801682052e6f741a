//! One session's values.

use std::sync::Arc;
use std::time::Duration;

use model::{Error, ErrorKind, Result};

use super::kind;
use super::table::{self, Access, Setting, TABLE};

/// The settings of one session, with PostgreSQL's scopes: a startup value that RESET returns to, a
/// session value, and one that lasts until the end of the transaction. What a transaction changed
/// is undone when it is rolled back.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: Vec<Value>,
    /// The values at the start of the transaction, once it has changed one.
    before: Option<Vec<Value>>,
    in_transaction: bool,
}

#[derive(Clone, Debug)]
struct Value {
    startup: Arc<str>,
    session: Arc<str>,
    /// Set by SET LOCAL.
    local: Option<Arc<str>>,
}

impl Value {
    fn current(&self) -> &Arc<str> {
        self.local.as_ref().unwrap_or(&self.session)
    }
}

/// Reportable settings with their values.
pub(crate) type Reported = Vec<(String, String)>;

impl Settings {
    /// The settings of a new session of `user`.
    pub(crate) fn new(user: &str, admin: bool) -> Self {
        let mut settings = Self {
            values: TABLE
                .iter()
                .map(|d| {
                    let value: Arc<str> = d.default.into();
                    Value {
                        startup: Arc::clone(&value),
                        session: value,
                        local: None,
                    }
                })
                .collect(),
            before: None,
            in_transaction: false,
        };
        settings.fix(Setting::SessionAuthorization, user);
        settings.fix(Setting::IsSuperuser, if admin { "on" } else { "off" });
        settings
    }

    /// Gives a setting the value that this session was opened with.
    pub(crate) fn set_startup(&mut self, name: &str, value: &str) -> Result<()> {
        let place = changeable(name)?;
        let value: Arc<str> = TABLE[place].kind.check(TABLE[place].name, value)?.into();
        self.values[place] = Value {
            startup: Arc::clone(&value),
            session: value,
            local: None,
        };
        Ok(())
    }

    /// SET, or SET LOCAL. `None` stands for DEFAULT. SET LOCAL outside a transaction has no effect,
    /// of which the caller warns.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<()> {
        let place = changeable(name)?;
        let value = match value {
            Some(value) => TABLE[place].kind.check(TABLE[place].name, value)?.into(),
            None => Arc::clone(&self.values[place].startup),
        };
        match (local, self.in_transaction) {
            (true, false) => {}
            (true, true) => {
                self.remember();
                self.values[place].local = Some(value);
            }
            (false, _) => {
                self.remember();
                let slot = &mut self.values[place];
                slot.session = value;
                slot.local = None;
            }
        }
        Ok(())
    }

    /// RESET.
    pub(crate) fn reset(&mut self, name: &str) -> Result<()> {
        self.set(name, None, false)
    }

    /// RESET ALL.
    pub(crate) fn reset_all(&mut self) {
        self.remember();
        for (definition, value) in TABLE.iter().zip(&mut self.values) {
            if definition.access == Access::Client {
                value.session = Arc::clone(&value.startup);
                value.local = None;
            }
        }
    }

    /// A transaction begins: from here on changes can be undone. Its own settings start from the
    /// defaults for transactions.
    pub(crate) fn begin(&mut self, read_only: bool) {
        self.in_transaction = true;
        self.before = None;
        let level = Arc::clone(self.get(Setting::DefaultIsolation));
        self.fix(Setting::TransactionIsolation, &level);
        self.fix(
            Setting::TransactionReadOnly,
            if read_only { "on" } else { "off" },
        );
    }

    /// The transaction ends. What SET LOCAL set goes; after a rollback, what SET set goes too.
    pub(crate) fn end(&mut self, committed: bool) {
        match self.before.take() {
            Some(before) if !committed => self.values = before,
            _ => {
                for value in &mut self.values {
                    value.local = None;
                }
            }
        }
        self.in_transaction = false;
        let level = Arc::clone(self.get(Setting::DefaultIsolation));
        self.fix(Setting::TransactionIsolation, &level);
        let read_only = Arc::clone(self.get(Setting::DefaultReadOnly));
        self.fix(Setting::TransactionReadOnly, &read_only);
    }

    /// The value of a setting, with the name as the table spells it.
    ///
    /// # Errors
    /// `UndefinedObject` for an unknown name.
    pub(crate) fn show(&self, name: &str) -> Result<(&'static str, &str)> {
        let place = known(name)?;
        Ok((TABLE[place].name, self.values[place].current()))
    }

    /// Every setting as name, value and description, ordered by name.
    pub(crate) fn show_all(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        TABLE
            .iter()
            .zip(&self.values)
            .map(|(d, v)| (d.name, &**v.current(), d.about))
    }

    /// The value of a setting the gateway reads.
    pub(crate) fn get(&self, setting: Setting) -> &Arc<str> {
        self.values[place(setting)].current()
    }

    /// Whether a boolean setting is on.
    pub(crate) fn is_on(&self, setting: Setting) -> bool {
        &**self.get(setting) == "on"
    }

    /// A setting that is a time; `None` for 0, which means no bound.
    pub(crate) fn duration(&self, setting: Setting) -> Option<Duration> {
        let ms = kind::milliseconds(self.get(setting)).unwrap_or_default();
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    /// Every reported setting.
    pub(crate) fn reported(&self) -> Reported {
        self.reported_places()
            .map(|(place, value)| (TABLE[place].name.to_owned(), value.to_string()))
            .collect()
    }

    /// The reported settings whose values differ from those of `earlier`.
    pub(crate) fn reported_since(&self, earlier: &Self) -> Reported {
        self.reported_places()
            .filter(|(place, value)| earlier.values[*place].current() != *value)
            .map(|(place, value)| (TABLE[place].name.to_owned(), value.to_string()))
            .collect()
    }

    fn reported_places(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        let values = self.values.iter().map(Value::current).enumerate();
        values.filter(|(place, _)| TABLE[*place].reported)
    }

    fn remember(&mut self) {
        if self.in_transaction && self.before.is_none() {
            self.before = Some(self.values.clone());
        }
    }

    /// Gives a setting a value that the session did not ask for, and that no rollback undoes.
    fn fix(&mut self, setting: Setting, value: &str) {
        let value: Arc<str> = value.into();
        self.values[place(setting)] = Value {
            startup: Arc::clone(&value),
            session: value,
            local: None,
        };
    }
}

/// The name of a setting as SHOW prints it.
///
/// # Errors
/// `UndefinedObject` for an unknown name.
pub(crate) fn canonical_name(name: &str) -> Result<&'static str> {
    known(name).map(|place| TABLE[place].name)
}

fn place(setting: Setting) -> usize {
    table::find(setting.name()).expect("a test finds every Setting in the table")
}

fn known(name: &str) -> Result<usize> {
    table::find(name).ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        Error::new(
            ErrorKind::UndefinedObject,
            format!("unrecognized configuration parameter \"{shown}\""),
        )
    })
}

fn changeable(name: &str) -> Result<usize> {
    let place = known(name)?;
    match TABLE[place].access {
        Access::Client => Ok(place),
        Access::Fixed => Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("parameter \"{}\" cannot be changed", TABLE[place].name),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn settings() -> Settings {
        Settings::new("ann", false)
    }

    fn value<'a>(settings: &'a Settings, name: &str) -> &'a str {
        settings.show(name).unwrap().1
    }

    #[test]
    fn reset_returns_to_the_startup_value() {
        let mut s = settings();
        s.set_startup("timezone", "europe/berlin").unwrap();
        s.set("TimeZone", Some("Asia/Tokyo"), false).unwrap();
        assert_eq!(s.show("TIMEZONE").unwrap(), ("TimeZone", "Asia/Tokyo"));
        s.reset("timezone").unwrap();
        assert_eq!(value(&s, "timezone"), "Europe/Berlin");
    }

    #[test]
    fn a_rollback_undoes_what_the_transaction_set() {
        let mut s = settings();
        s.set("application_name", Some("before"), false).unwrap();
        s.begin(false);
        s.set("application_name", Some("inside"), false).unwrap();
        let inside = s.clone();
        s.end(false);
        assert_eq!(value(&s, "application_name"), "before");
        let told = [("application_name".to_owned(), "before".to_owned())];
        assert_eq!(s.reported_since(&inside), told);
    }

    #[test]
    fn set_local_lasts_until_the_end_of_the_transaction() {
        let mut s = settings();
        s.set("statement_timeout", Some("5s"), true).unwrap();
        assert_eq!(s.duration(Setting::StatementTimeout), None);
        s.begin(false);
        s.set("statement_timeout", Some("5s"), true).unwrap();
        let five = Some(Duration::from_secs(5));
        assert_eq!(s.duration(Setting::StatementTimeout), five);
        s.end(true);
        assert_eq!(s.duration(Setting::StatementTimeout), None);
    }

    #[test]
    fn set_after_set_local_wins_and_stays() {
        let mut s = settings();
        s.begin(false);
        s.set("extra_float_digits", Some("0"), true).unwrap();
        s.set("extra_float_digits", Some("3"), false).unwrap();
        assert_eq!(value(&s, "extra_float_digits"), "3");
        s.end(true);
        assert_eq!(value(&s, "extra_float_digits"), "3");
    }

    #[test]
    fn the_transaction_has_its_own_settings() {
        let mut s = settings();
        s.set(
            "default_transaction_isolation",
            Some("read committed"),
            false,
        )
        .unwrap();
        s.begin(true);
        assert_eq!(value(&s, "transaction isolation level"), "read committed");
        assert!(s.is_on(Setting::TransactionReadOnly));
        s.end(true);
        assert!(!s.is_on(Setting::TransactionReadOnly));
    }

    #[test]
    fn unknown_and_fixed_settings_are_refused() {
        let mut s = settings();
        let unknown = s.set("memory_limit", Some("1GB"), false).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UndefinedObject);
        assert_eq!(
            unknown.message(),
            "unrecognized configuration parameter \"memory_limit\""
        );
        let fixed = s.set("server_version", Some("16"), false).unwrap_err();
        assert_eq!(fixed.kind(), ErrorKind::PermissionDenied);
        let authority = s.set("session_authorization", Some("root"), false);
        assert_eq!(authority.unwrap_err().kind(), ErrorKind::PermissionDenied);
        s.reset_all();
        assert_eq!(value(&s, "session_authorization"), "ann");
    }
}
