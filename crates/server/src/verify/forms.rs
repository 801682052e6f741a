//! Asking through every form of the table in `gateway`, and comparing answers.

use std::collections::BTreeMap;

use gateway::Form;
use model::{Error, ErrorKind, Result};

use super::child::Doors;
use super::{flight, pg};

/// The values of a row as the door sends them; NULL is `None`.
pub(super) type Row = Vec<Option<Vec<u8>>>;

/// What a client learns.
#[derive(Debug)]
pub(super) enum Answer {
    Rows {
        /// Names, and the door's words for the types.
        columns: Vec<(String, String)>,
        rows: Vec<Row>,
    },
    Refused(String),
}

/// The error of a door that can't be reached.
pub(super) fn unreachable(address: &str, reason: &dyn std::fmt::Display) -> Error {
    let message = format!("can't reach the server at {address}: {reason}");
    Error::new(ErrorKind::Config, message)
}

/// The error of a door that lets a principal not in.
pub(super) fn rejected(address: &str, user: &str, reason: &dyn std::fmt::Display) -> Error {
    let message = format!("\"{user}\" can't log in at {address}: {reason}");
    Error::new(ErrorKind::Config, message)
}

/// Connections of one principal to the doors of one server.
pub(super) struct Clients {
    pg: Option<pg::Client>,
    flight: Option<flight::Client>,
}

impl Clients {
    pub(super) async fn connect(
        doors: &Doors,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Self> {
        let mut clients = Self {
            pg: None,
            flight: None,
        };
        if let Some(address) = &doors.pg {
            clients.pg = Some(pg::Client::connect(address, user, password, database).await?);
        }
        if let Some(address) = &doors.flight {
            clients.flight = Some(flight::Client::connect(address, user, password).await?);
        }
        Ok(clients)
    }

    /// Runs a statement in a form; `None` where the door is not there.
    pub(super) async fn ask(&mut self, form: Form, sql: &str) -> Result<Option<Answer>> {
        match form {
            Form::PgSimple | Form::PgExtendedText | Form::PgExtendedBinary => match &mut self.pg {
                Some(client) => client.ask(sql, form).await.map(Some),
                None => Ok(None),
            },
            Form::FlightStatement | Form::FlightPrepared => match &mut self.flight {
                Some(client) => client.ask(sql, form).await.map(Some),
                None => Ok(None),
            },
        }
    }
}

/// How two answers compare.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// Nothing was seen on either side.
    Vacuous,
    /// Neither side answers.
    Refused,
    Different(String),
    /// The copy does not give the same each time.
    Unstable,
}

/// Compares an answer with the copy's.
pub(super) fn compare(found: &Answer, expected: &Answer) -> Verdict {
    match (found, expected) {
        (Answer::Refused(_), Answer::Refused(_)) => Verdict::Refused,
        (Answer::Refused(reason), Answer::Rows { .. }) => {
            Verdict::Different(format!("refused: {reason}"))
        }
        (Answer::Rows { .. }, Answer::Refused(reason)) => {
            Verdict::Different(format!("answered, and refused by the copy: {reason}"))
        }
        (
            Answer::Rows { columns, rows },
            Answer::Rows {
                columns: right_columns,
                rows: right,
            },
        ) => {
            if columns != right_columns {
                return Verdict::Different(format!("columns {columns:?}, not {right_columns:?}"));
            }
            if rows.is_empty() && right.is_empty() {
                return Verdict::Vacuous;
            }
            match surplus(rows, right) {
                None => Verdict::Same,
                Some(reason) => Verdict::Different(reason),
            }
        }
    }
}

/// Rows that one side has more often than the other.
pub(super) fn surplus(rows: &[Row], right: &[Row]) -> Option<String> {
    let mut counts: BTreeMap<&Row, i64> = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    for row in right {
        *counts.entry(row).or_default() -= 1;
    }
    counts.retain(|_, count| *count != 0);
    if counts.is_empty() {
        return None;
    }
    let some = |sign: i64| {
        let rows = counts.iter().filter(|(_, n)| **n * sign > 0).take(3);
        let rows: Vec<String> = rows
            .map(|(row, n)| format!("{}×({})", n.abs(), shown(row)))
            .collect();
        rows.join(", ")
    };
    Some(format!(
        "{} rows differ: not expected [{}], missing [{}]",
        counts.values().map(|n| n.abs()).sum::<i64>(),
        some(1),
        some(-1)
    ))
}

fn shown(row: &Row) -> String {
    let cell = |cell: &Option<Vec<u8>>| match cell {
        None => "NULL".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(char::is_control) => text.to_owned(),
            _ => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        },
    };
    row.iter().map(cell).collect::<Vec<_>>().join(", ")
}

/// The forms to go through: those of the doors that there are.
pub(super) fn forms(doors: &Doors) -> Result<Vec<Form>> {
    let open = |form: &&Form| match form.door() {
        gateway::Door::Pg => doors.pg.is_some(),
        gateway::Door::Flight => doors.flight.is_some(),
        gateway::Door::Http => false,
    };
    let forms: Vec<Form> = gateway::FORMS.iter().filter(open).copied().collect();
    match forms.is_empty() {
        true => Err(Error::new(ErrorKind::Config, "there is no door to ask")),
        false => Ok(forms),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A door with a form that the table lacks would go unverified.
    #[test]
    fn the_table_holds_the_forms_of_all_doors() {
        let of_doors: BTreeSet<Form> = [frontend_pg::FORMS, frontend_flight::FORMS]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let table: BTreeSet<Form> = gateway::FORMS.iter().copied().collect();
        assert_eq!(of_doors, table);
        assert_eq!(table.len(), gateway::FORMS.len(), "a form stands twice");
    }

    #[test]
    fn answers_that_differ_are_told() {
        let rows = |rows: &[&str]| Answer::Rows {
            columns: vec![("a".to_owned(), "25:-1".to_owned())],
            rows: rows
                .iter()
                .map(|r| vec![Some(r.as_bytes().to_vec())])
                .collect(),
        };
        assert_eq!(
            compare(&rows(&["x", "y"]), &rows(&["y", "x"])),
            Verdict::Same
        );
        assert_eq!(compare(&rows(&[]), &rows(&[])), Verdict::Vacuous);
        let Verdict::Different(reason) = compare(&rows(&["x", "x"]), &rows(&["x", "z"])) else {
            panic!("taken for the same");
        };
        assert_eq!(
            reason,
            "2 rows differ: not expected [1×(x)], missing [1×(z)]"
        );
        let refused = || Answer::Refused("42P01: x".to_owned());
        assert_eq!(compare(&refused(), &refused()), Verdict::Refused);
        assert!(matches!(
            compare(&refused(), &rows(&[])),
            Verdict::Different(_)
        ));
    }
}
