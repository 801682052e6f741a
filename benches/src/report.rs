//! Figures as a table for people and as JSON.

use std::fmt::Write;

use serde::Serialize;

use crate::Result;
use crate::fixture::Fixture;

/// The most that a figure should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Goal {
    /// So many times the baseline.
    Ratio(f64),
    /// So much above the baseline, in the figure's unit.
    Excess(f64),
    /// This, in the figure's unit.
    Value(f64),
}

/// One measured thing beside its baseline.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) eider: f64,
    pub(crate) baseline: f64,
    pub(crate) goal: Option<Goal>,
}

impl Figure {
    pub(crate) fn new(
        name: impl Into<String>,
        unit: &'static str,
        eider: f64,
        baseline: f64,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            eider,
            baseline,
            goal: None,
        }
    }

    pub(crate) fn with_goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.eider / self.baseline
    }

    /// Whether the goal is reached; `None` without one.
    fn met(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::Ratio(bound) => self.ratio() <= bound,
            Goal::Excess(bound) => self.eider - self.baseline <= bound,
            Goal::Value(bound) => self.eider <= bound,
        })
    }

    fn row(&self) -> String {
        let unit = self.unit;
        let goal = match self.goal {
            None => String::new(),
            Some(Goal::Ratio(bound)) => format!("ratio ≤ {bound:.2}"),
            Some(Goal::Excess(bound)) => format!("≤ baseline + {bound} {unit}"),
            Some(Goal::Value(bound)) => format!("≤ {bound} {unit}"),
        };
        let met = match self.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "**no**",
        };
        format!(
            "| {} | {unit} | {} | {} | {:.2} | {goal} | {met} |\n",
            self.name,
            digits(self.eider),
            digits(self.baseline),
            self.ratio()
        )
    }
}

/// Three significant digits, more before the point.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// DuckDB's worker threads, here and in the server.
    threads: usize,
    /// Rows of lineitem: 6 million at scale 1.
    lineitem_rows: u64,
    duckdb: String,
    suites: Vec<(&'static str, Vec<Figure>)>,
}

impl Report {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        Self {
            threads: fixture.threads,
            lineitem_rows: fixture.lineitem_rows,
            duckdb: native::library_version(),
            suites: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, suite: &'static str, figures: Vec<Figure>) {
        self.suites.push((suite, figures));
    }

    /// A Markdown table for each suite.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "DuckDB {} with {} threads, {} rows of lineitem\n",
            self.duckdb, self.threads, self.lineitem_rows
        );
        for (suite, figures) in &self.suites {
            let head =
                "unit | Eider | baseline | ratio | goal | reached |\n|---|---|---|---|---|---|---|";
            writeln!(text, "\n| {suite} | {head}").expect("a String takes all text");
            text.extend(figures.iter().map(Figure::row));
        }
        text
    }

    /// Figures with the ratio, and whether the goal is reached.
    pub(crate) fn json(&self) -> Result<String> {
        let suites: serde_json::Map<_, _> = self
            .suites
            .iter()
            .map(|(suite, figures)| {
                let figures = figures.iter().map(|figure| {
                    serde_json::json!({
                        "name": figure.name,
                        "unit": figure.unit,
                        "eider": figure.eider,
                        "baseline": figure.baseline,
                        "ratio": figure.ratio(),
                        "goal": figure.goal,
                        "reached": figure.met(),
                    })
                });
                ((*suite).to_owned(), figures.collect())
            })
            .collect();
        let report = serde_json::json!({
            "duckdb": self.duckdb,
            "threads": self.threads,
            "lineitem_rows": self.lineitem_rows,
            "suites": suites,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_has_its_meaning() {
        let figure = |goal| Figure::new("f", "µs", 110.0, 100.0).with_goal(goal).met();
        assert_eq!(Figure::new("f", "µs", 110.0, 100.0).met(), None);
        assert_eq!(figure(Goal::Ratio(1.1)), Some(true));
        assert_eq!(figure(Goal::Ratio(1.09)), Some(false));
        assert_eq!(figure(Goal::Excess(10.0)), Some(true));
        assert_eq!(figure(Goal::Excess(9.0)), Some(false));
        assert_eq!(figure(Goal::Value(110.0)), Some(true));
        assert_eq!(figure(Goal::Value(109.0)), Some(false));
    }

    #[test]
    fn a_row_says_what_was_reached() {
        let figure = Figure::new("p50", "µs", 312.5, 100.0).with_goal(Goal::Excess(250.0));
        let row = "| p50 | µs | 312 | 100 | 3.12 | ≤ baseline + 250 µs | yes |\n";
        assert_eq!(figure.row(), row);
    }
}
