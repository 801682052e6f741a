//! Statements whose answer is not the same each time, as of random().
//!
//! Whether it is so only the copy can tell: where its own answers differ among themselves, another
//! difference tells nothing. What is the same in all of them has to be so in the server's too.

use gateway::Form;
use model::Result;

use super::forms::{Answer, Clients, Row, Verdict, surplus};

/// How often the copy is asked again.
const AGAIN: usize = 2;

/// Judges an answer that differs from the copy's, by asking the copy again.
pub(super) async fn judge(
    found: &Answer,
    first: Answer,
    reason: String,
    copy: &mut Clients,
    (form, sql): (Form, &str),
) -> Result<Verdict> {
    let mut own = vec![first];
    for _ in 0..AGAIN {
        own.extend(copy.ask(form, sql).await?);
    }
    Ok(verdict(found, &own, reason))
}

/// The verdict on an answer, given those of the copy and how it differs from the first of them.
fn verdict(found: &Answer, own: &[Answer], reason: String) -> Verdict {
    let told: Vec<_> = own.iter().filter_map(rows).collect();
    let Some((columns, first)) = told.first().copied() else {
        return Verdict::Different(reason);
    };
    if told.len() < own.len() || told.iter().any(|(other, _)| *other != columns) {
        return Verdict::Unstable;
    }
    let all: Vec<&[Row]> = told.iter().map(|(_, rows)| *rows).collect();
    if all.iter().all(|rows| surplus(rows, first).is_none()) {
        return Verdict::Different(reason);
    }
    let Some((_, found)) = rows(found).filter(|(found, _)| *found == columns) else {
        return Verdict::Different(reason);
    };
    if all.iter().any(|rows| rows.len() != first.len()) {
        return Verdict::Unstable;
    }
    let kept = same(&all, columns.len());
    match surplus(&cut(found, &kept), &cut(first, &kept)) {
        Some(reason) => Verdict::Different(format!("in what is the same each time, {reason}")),
        None => Verdict::Unstable,
    }
}

type Columns = [(String, String)];

fn rows(answer: &Answer) -> Option<(&Columns, &[Row])> {
    match answer {
        Answer::Rows { columns, rows } => Some((columns, rows)),
        Answer::Refused(_) => None,
    }
}

/// Columns in which, taken together, all answers are the same.
fn same(answers: &[&[Row]], columns: usize) -> Vec<usize> {
    let mut kept = vec![];
    for column in 0..columns {
        kept.push(column);
        let mut parts = answers.iter().map(|rows| cut(rows, &kept));
        let first = parts.next().unwrap_or_default();
        if !parts.all(|part| surplus(&part, &first).is_none()) {
            kept.pop();
        }
    }
    kept
}

/// These columns of the rows.
fn cut(rows: &[Row], columns: &[usize]) -> Vec<Row> {
    let cut = |row: &Row| {
        let cells = columns.iter().filter_map(|column| row.get(*column));
        cells.cloned().collect()
    };
    rows.iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a line, with a digit for each value.
    fn answer(text: &str) -> Answer {
        let cells = |line: &str| line.bytes().map(|b| Some(vec![b])).collect::<Row>();
        Answer::Rows {
            columns: ["a", "b"]
                .map(|name| (name.to_owned(), "int".to_owned()))
                .into(),
            rows: text.split_whitespace().map(cells).collect(),
        }
    }

    fn judged(found: &Answer, own: &[&str]) -> Verdict {
        let own: Vec<Answer> = own.iter().map(|text| answer(text)).collect();
        verdict(found, &own, "first".to_owned())
    }

    #[test]
    fn only_the_copys_own_answers_tell_that_one_is_not_stable() {
        let different = || Verdict::Different("first".to_owned());
        let (one, two) = ("11 22", "11 23");
        assert_eq!(judged(&answer("11 29"), &[one, one, one]), different());
        assert_eq!(judged(&answer("11 29"), &[one, "22 11", one]), different());
        assert_eq!(
            judged(&answer("11 29"), &[one, one, two]),
            Verdict::Unstable
        );
        assert_eq!(judged(&answer(""), &[one, one, "11"]), Verdict::Unstable);
        let refused = || Answer::Refused("no".to_owned());
        assert_eq!(judged(&refused(), &[one, one, two]), different());
        assert_eq!(
            verdict(&answer(one), &[refused(), refused()], "first".to_owned()),
            different()
        );
        assert_eq!(
            verdict(&answer(one), &[answer(two), refused()], "first".to_owned()),
            Verdict::Unstable
        );
    }

    #[test]
    fn what_is_the_same_each_time_is_compared() {
        let own = ["17 28", "19 25"];
        assert_eq!(judged(&answer("14 20"), &own), Verdict::Unstable);
        let Verdict::Different(reason) = judged(&answer("14 30"), &own) else {
            panic!("a hidden row would go unnoticed");
        };
        assert_eq!(
            reason,
            "in what is the same each time, 2 rows differ: not expected [1×(3)], missing [1×(2)]"
        );
        assert!(matches!(
            judged(&answer("14 20 30"), &own),
            Verdict::Different(_)
        ));
        // The number of rows alone.
        let own = ["17 28", "46 35"];
        assert_eq!(judged(&answer("99 88"), &own), Verdict::Unstable);
        assert!(matches!(judged(&answer("99"), &own), Verdict::Different(_)));
    }
}
