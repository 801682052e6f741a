//! What rules are called: by the `id` that the policy gives them, else by where they are written.

use std::collections::{BTreeMap, BTreeSet};

use model::Result;

use crate::file::{At, File, Sources};

/// The ids that rules were given, by where they are written.
#[derive(Debug, Default)]
pub(crate) struct Ids(BTreeMap<At, String>);

impl Ids {
    /// Fails where an id is empty or given twice.
    pub(crate) fn of(files: &[File], sources: &Sources) -> Result<Self> {
        let mut ids = Self::default();
        let mut known = BTreeSet::new();
        for (file, content) in files.iter().enumerate() {
            for (byte, id) in given(content) {
                let at = At { file, byte };
                if id.is_empty() {
                    return Err(sources.error(at, "an id has at least one character"));
                }
                if !known.insert(id) {
                    let reason = format!("the id \"{id}\" is given twice");
                    return Err(sources.error(at, reason));
                }
                ids.0.insert(at, id.to_owned());
            }
        }
        Ok(ids)
    }

    /// The id of the rule that is written there.
    pub(crate) fn at(&self, at: At) -> Option<&str> {
        self.0.get(&at).map(String::as_str)
    }
}

/// All ids of a file as they follow one another, with the bytes at which their rules begin.
fn given(file: &File) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    macro_rules! add {
        ($($kind:ident),*) => {
            $(for rule in &file.$kind {
                let id = rule.get_ref().id.as_deref();
                all.extend(id.map(|id| (rule.span().start, id)));
            })*
        };
    }
    add!(grant, restrict, deny, mask, limit);
    all.sort_by_key(|(byte, _)| *byte);
    all
}
