//! The audit: who asked what, by which rules, and how it ended. One JSON object a line.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Attribute, Error, ErrorKind, Principal, Result};
use policy::{Asked, Authorised, Explained, PolicySet};
use runtime::Journal;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::registry::Entry;

/// Where the records of an engine's statements go.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Their file.
    pub journal: Journal,
    /// Whether a statement whose beginning can't be written is refused.
    pub required: bool,
    /// Whether records hold the statements' texts, which may hold data, beside their hashes.
    pub text: bool,
}

impl Audit {
    /// Records that an authorised statement begins, before it does.
    pub(crate) async fn begin(
        &self,
        entry: &Entry,
        kind: &str,
        policy: &PolicySet,
        plan: &Authorised,
    ) -> Result<()> {
        let mut record = self.record("begin", entry, kind);
        self.judged(&mut record, entry, policy);
        let sequences = plan.sequences();
        let columns = plan.columns().iter();
        let columns = columns.map(|(name, columns)| (name.to_string(), json!(columns)));
        let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
        if let Some(target) = plan.target() {
            put("target", json!(target));
        }
        put("relations", strings(plan.relations().iter()));
        if !sequences.is_empty() {
            put("sequences", strings(sequences.into_iter()));
        }
        put("columns", Value::Object(columns.collect()));
        if !plan.written().is_empty() {
            put("written", strings(plan.written().iter()));
        }
        put("rules", rules(plan.rules()));
        put("filters", ids(plan.filters()));
        put("masks", ids(plan.masks()));
        put("governed", json!(plan.is_governed()));
        put("decision", json!("allow"));
        self.write_first(record).await
    }

    /// Records that a statement about the session begins.
    pub(crate) async fn begin_session(
        &self,
        entry: &Entry,
        kind: &str,
        policy: &PolicySet,
    ) -> Result<()> {
        let mut record = self.record("begin", entry, kind);
        self.judged(&mut record, entry, policy);
        record.insert("decision".into(), json!("allow"));
        self.write_first(record).await
    }

    /// Records the end of a statement that began.
    pub(crate) fn end(&self, entry: &Entry, kind: &str, outcome: &str, error: Option<&Error>) {
        let record = self.record("end", entry, kind);
        self.write_last(record, entry, outcome, error);
    }

    /// Records that a statement was refused before it began: by what policy, and what it asked for as
    /// far as it was read.
    pub(crate) fn refuse(
        &self,
        entry: &Entry,
        kind: &str,
        (policy, asked): (&PolicySet, Option<&Asked>),
        outcome: &str,
        error: Option<&Error>,
    ) {
        let mut record = self.record("refuse", entry, kind);
        self.judged(&mut record, entry, policy);
        if let Some(asked) = asked {
            if let Some(target) = &asked.target {
                record.insert("target".into(), json!(target));
            }
            record.insert("relations".into(), strings(asked.relations.iter()));
            record.insert("rules".into(), rules(&asked.rules));
        }
        record.insert("decision".into(), json!("deny"));
        self.write_last(record, entry, outcome, error);
    }

    fn write_last(
        &self,
        mut record: Map<String, Value>,
        entry: &Entry,
        outcome: &str,
        error: Option<&Error>,
    ) {
        record.insert("outcome".into(), json!(outcome));
        if let Some(error) = error {
            record.insert("reason".into(), json!(format!("{:?}", error.kind())));
        }
        record.insert("rows".into(), json!(entry.rows.load(Ordering::Relaxed)));
        record.insert("bytes".into(), json!(entry.bytes.load(Ordering::Relaxed)));
        record.insert("seconds".into(), json!(entry.begun.elapsed().as_secs_f64()));
        // What can't be written is counted and logged by the journal.
        let _ = self.journal.write(Value::Object(record).to_string());
    }

    async fn write_first(&self, record: Map<String, Value>) -> Result<()> {
        let text = Value::Object(record).to_string();
        if !self.required {
            let _ = self.journal.write(text);
            return Ok(());
        }
        self.journal.write_through(text).await.map_err(|e| {
            Error::new(
                ErrorKind::LimitExceeded,
                "the statement's audit record can't be written",
            )
            .with_cause(e)
        })
    }

    fn record(&self, event: &str, entry: &Entry, kind: &str) -> Map<String, Value> {
        let origin = &entry.origin;
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
        put("event", json!(event));
        put("time", json!(jiff::Timestamp::now().to_string()));
        put("statement", json!(entry.id.to_string()));
        put("session", json!(origin.session.to_string()));
        put("principal", json!(&*origin.principal));
        put("door", json!(origin.door.as_str()));
        put("client", json!(origin.peer.to_string()));
        put("kind", json!(kind));
        record
    }

    /// Adds what was judged, and by what.
    fn judged(&self, record: &mut Map<String, Value>, entry: &Entry, policy: &PolicySet) {
        let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
        put(
            "sql_sha256",
            json!(hex(&Sha256::digest(entry.sql.as_bytes()))),
        );
        if self.text {
            put("sql", json!(&*entry.sql));
        }
        put("policy_version", json!(policy.version()));
        put("policy_sha256", json!(hex(policy.hash())));
        if let Some(principal) = policy.principal(&entry.origin.principal) {
            put("roles", strings(principal.roles.iter()));
            put("attributes_sha256", json!(attributes(&principal)));
        }
    }
}

fn strings(items: impl Iterator<Item = impl ToString>) -> Value {
    items.map(|item| item.to_string()).collect()
}

fn rules(rules: &[Explained]) -> Value {
    let rules = rules
        .iter()
        .map(|rule| json!({"rule": rule.what, "id": rule.rule, "on": rule.on, "says": rule.says}));
    rules.collect()
}

/// The ids of rules, each once.
fn ids<'r>(rules: impl Iterator<Item = &'r Explained>) -> Value {
    let ids: BTreeSet<&str> = rules.map(|rule| rule.rule.as_str()).collect();
    strings(ids.into_iter())
}

/// Tells whether attributes were the same, and not what they were.
fn attributes(principal: &Arc<Principal>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in &principal.attributes {
        let value = match value {
            Attribute::Text(text) => format!("t{text}"),
            Attribute::Integer(number) => format!("i{number}"),
            Attribute::Boolean(b) => format!("b{b}"),
        };
        for part in [name, &value] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A String takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
