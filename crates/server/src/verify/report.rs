//! What came of the comparisons.

use std::fmt::Write;

use model::{Error, ErrorKind, Result};

use super::copy::Copy;
use super::forms::{self, Clients, Verdict};
use super::table::Table;

/// Differences that are told in full, and statements that are unstable.
const TOLD: usize = 50;

/// What came of all comparisons.
#[derive(Default)]
pub(super) struct Report {
    asked: usize,
    refused: usize,
    vacuous: usize,
    /// What has no answer that is the same each time: compared in part, and not counted as compared.
    unstable: Vec<String>,
    differences: Vec<String>,
    /// Catalogs that could not be looked into.
    pub(super) unread: Vec<String>,
    /// Relations that could not be compared, for whom, and why.
    pub(super) uncompared: Vec<String>,
}

impl Report {
    /// Counts a comparison.
    pub(super) fn add(&mut self, who: &str, form: gateway::Form, sql: &str, verdict: Verdict) {
        self.asked += usize::from(verdict != Verdict::Unstable);
        match verdict {
            Verdict::Same => {}
            Verdict::Vacuous => self.vacuous += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::Unstable => self
                .unstable
                .push(format!("{who}, {}: {sql}", form.as_str())),
            Verdict::Different(reason) => {
                let form = form.as_str();
                self.differences
                    .push(format!("{who}, {form}: {sql}\n  {reason}"));
            }
        }
    }

    /// Relations that the copy lacks must not exist for the principal either.
    pub(super) async fn hidden(
        &mut self,
        who: &str,
        asked: &mut Clients,
        copy: &Copy,
        relations: &[Table],
    ) -> Result<()> {
        for table in relations {
            if copy.relations.iter().any(|t| t.is_same(table)) {
                continue;
            }
            if let Some((_, reason)) = copy.unmade.iter().find(|(t, _)| t.is_same(table)) {
                let name = table.full();
                self.uncompared.push(format!("{who}: {name}: {reason}"));
                continue;
            }
            let sql = format!("select * from {} limit 1", table.full());
            for form in gateway::FORMS {
                if let Some(answer) = asked.ask(*form, &sql).await? {
                    self.asked += 1;
                    if let forms::Answer::Rows { .. } = answer {
                        let form = form.as_str();
                        self.differences.push(format!(
                            "{who}, {form}: {sql}\n  answered, and is not to exist"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// The report.
    ///
    /// # Errors
    /// The same, where anything differs or nothing was compared.
    pub(super) fn close(self) -> Result<String> {
        let mut text = String::new();
        for relation in &self.uncompared {
            writeln!(text, "not compared: {relation}").map_err(Error::internal)?;
        }
        for statement in self.unstable.iter().take(TOLD) {
            writeln!(text, "unstable: {statement}").map_err(Error::internal)?;
        }
        for difference in self.differences.iter().take(TOLD) {
            writeln!(text, "{difference}").map_err(Error::internal)?;
        }
        let mut summary = format!(
            "{} answers compared: {} differ, {} vacuous, {} refused on both sides",
            self.asked,
            self.differences.len(),
            self.vacuous,
            self.refused
        );
        if !self.unstable.is_empty() {
            write!(summary, ", {} unstable", self.unstable.len()).map_err(Error::internal)?;
        }
        if !self.unread.is_empty() {
            let unread = self.unread.join(", ");
            write!(summary, "; not read: {unread}").map_err(Error::internal)?;
        }
        if !self.uncompared.is_empty() {
            write!(
                summary,
                "; {} relations not compared",
                self.uncompared.len()
            )
            .map_err(Error::internal)?;
        }
        if self.asked == self.vacuous + self.refused {
            let error = Error::new(
                ErrorKind::Config,
                format!("{summary}: nothing was compared"),
            );
            return Err(error.with_detail(text));
        }
        match self.differences.is_empty() {
            true => Ok(format!("{text}{summary}\n")),
            false => Err(Error::new(ErrorKind::Config, summary).with_detail(text)),
        }
    }
}
