//! The copies: for each principal a database file per catalog, with nothing in it but what the rules
//! let them see. Views are tables there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use model::{Error, Result};

use super::raw::{Raw, Source};
use super::rules::Rules;
use super::stage::{GIVEN, Given, Stage};
use super::stored::StoredView;
use super::table::Table;

/// The file that is written, beside the raw data.
const COPIED: &str = "__eider_copied";

/// Why a view is in no copy, though it may be seen.
const UNSURE: &str = "it may read what can't be read";

/// What a principal's copy holds.
#[derive(Debug)]
pub(super) struct Copy {
    /// Where it is, and what belongs to it may be kept.
    pub(super) folder: PathBuf,
    /// Catalogs and their files.
    pub(super) catalogs: Vec<Source>,
    /// The tables and views with the columns that are seen.
    pub(super) relations: Vec<Table>,
    /// Views that it should hold, and can't, and why.
    pub(super) unmade: Vec<(Table, String)>,
}

/// Copies of the raw data, each made once.
pub(super) struct Copies<'a> {
    raw: &'a Raw,
    rules: &'a Rules,
    folder: &'a Path,
    stage: Stage,
    /// By principal, and the definers on the way to it, whose views it can't come back to.
    made: BTreeMap<(String, Vec<String>), Rc<Copy>>,
}

/// A view that is granted, and whose rights it is read with, where not its reader's.
type Granted<'a> = (&'a StoredView, Option<Rc<Copy>>);

impl<'a> Copies<'a> {
    /// None yet; `folder` takes them.
    pub(super) fn new(raw: &'a Raw, rules: &'a Rules, folder: &'a Path) -> Result<Self> {
        Ok(Self {
            raw,
            rules,
            folder,
            stage: Stage::open(folder)?,
            made: BTreeMap::new(),
        })
    }

    /// The copy of a principal.
    pub(super) fn of(&mut self, who: &str) -> Result<Rc<Copy>> {
        self.on_the_way(who, &[])
    }

    /// The copy of a principal whose rights the views of others, `readers`, are read with.
    fn on_the_way(&mut self, who: &str, readers: &[&str]) -> Result<Rc<Copy>> {
        let definers = self.rules.definers();
        let way = readers.iter().filter(|name| definers.contains(**name));
        let key = (
            who.to_owned(),
            way.map(|n| (*n).to_owned()).collect::<Vec<_>>(),
        );
        if let Some(copy) = self.made.get(&key) {
            return Ok(Rc::clone(copy));
        }
        let mut granted: Vec<Granted<'a>> = vec![];
        let mut unmade = vec![];
        for view in self.raw.views() {
            if view.table.columns.is_empty() && self.raw.is_partial() {
                unmade.push((view.table.clone(), UNSURE.to_owned()));
                continue;
            }
            if self.rules.seen(who, &view.table)?.is_none() {
                continue;
            }
            let rights = match self.rules.definer(who, &view.table) {
                // It would come back to itself.
                Some(definer) if readers.contains(&definer) => continue,
                Some(definer) => {
                    let readers: Vec<&str> = readers.iter().copied().chain([who]).collect();
                    Some(self.on_the_way(definer, &readers)?)
                }
                None => None,
            };
            granted.push((view, rights));
        }
        for own in self.rules.own(who) {
            self.raw.run(&own)?;
        }
        let mut copy = self.tables(who)?;
        copy.unmade = unmade;
        self.views(who, &mut copy, granted)?;
        let copy = Rc::new(copy);
        self.made.insert(key, Rc::clone(&copy));
        Ok(copy)
    }

    /// A copy without views.
    fn tables(&self, who: &str) -> Result<Copy> {
        let folder = self.folder.join(format!("copy{}", self.made.len()));
        std::fs::create_dir(&folder).map_err(Error::internal)?;
        let mut copy = Copy {
            folder,
            catalogs: vec![],
            relations: vec![],
            unmade: vec![],
        };
        for (number, catalog) in self.raw.catalogs().iter().enumerate() {
            let path = copy.folder.join(format!("{number}.duckdb"));
            self.raw.beside(&path, COPIED, || {
                for table in self.raw.tables().iter().filter(|t| t.catalog == *catalog) {
                    // One that a rule does not fit is nobody's.
                    if let Some(seen) = self.rules.seen(who, table)?
                        && let Some(made) = self.raw.create(COPIED, table, &seen)?
                    {
                        copy.relations.push(table.with(made));
                    }
                }
                // Names in a view are looked for in its schema.
                for view in self
                    .raw
                    .views()
                    .iter()
                    .filter(|v| v.table.catalog == *catalog)
                {
                    self.raw.create_schema(COPIED, &view.table)?;
                }
                Ok(())
            })?;
            copy.catalogs.push(Source {
                name: catalog.clone(),
                path,
            });
        }
        Ok(copy)
    }

    /// Adds views, those that read others after these.
    fn views(&self, who: &str, copy: &mut Copy, granted: Vec<Granted<'_>>) -> Result<()> {
        let lent = granted.iter().filter_map(|(_, rights)| rights.as_ref());
        let mut is_unsure = self.raw.is_partial();
        is_unsure |= lent.into_iter().any(|copy| !copy.unmade.is_empty());
        let mut waiting = granted;
        loop {
            let mut missing = vec![];
            let before = waiting.len();
            for (view, rights) in waiting {
                if !self.view(who, copy, view, rights.as_deref())? {
                    missing.push((view, rights));
                }
            }
            if missing.len() == before {
                // Else it has no meaning for them, and is not to exist.
                is_unsure |= !copy.unmade.is_empty();
                if is_unsure {
                    let missing = missing.into_iter();
                    let missing = missing.map(|(v, _)| (v.table.clone(), UNSURE.to_owned()));
                    copy.unmade.extend(missing);
                }
                return Ok(());
            }
            waiting = missing;
        }
    }

    /// Adds a view, in two steps: its query over what the rights let it read, then its own rules, whose
    /// look-ups are in raw mapping tables. Whether it has a meaning yet.
    fn view(
        &self,
        who: &str,
        copy: &mut Copy,
        view: &StoredView,
        rights: Option<&Copy>,
    ) -> Result<bool> {
        let over = rights.unwrap_or(copy);
        let number = copy.relations.len() + copy.unmade.len();
        let given = copy.folder.join(format!("view{number}.duckdb"));
        let table = match self.stage.read(view, &over.catalogs, who, &given)? {
            Given::Rows(table) => table,
            Given::Nothing => {
                std::fs::remove_file(&given).map_err(Error::internal)?;
                return Ok(false);
            }
            Given::Failed(reason) => {
                copy.unmade.push((view.table.clone(), reason));
                return Ok(true);
            }
        };
        let (from, is_lent) = (table.full_in(GIVEN), rights.is_some());
        if let Some(seen) = self.rules.seen_of(who, &table, &from, is_lent)? {
            let home = copy.catalogs.iter().find(|c| c.name == table.catalog);
            let home = home.ok_or_else(|| Error::internal("a view of no catalog"))?;
            let made = self.raw.beside(&given, GIVEN, || {
                self.raw.beside(&home.path, COPIED, || {
                    self.raw.create(COPIED, &table, &seen)
                })
            })?;
            copy.relations.extend(made.map(|made| table.with(made)));
        }
        std::fs::remove_file(&given).map_err(Error::internal)?;
        Ok(true)
    }
}
