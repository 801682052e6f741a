//! Plans, and what they are made with: caches over the planner threads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use lru::LruCache;
use metrics::{counter, histogram};
use model::{CatalogSnapshot, Principal, Result, SqlType, fold};
use parking_lot::Mutex;
use policy::{Asked, Authorised, Explained, PolicySet, View};
use tree::{Parser, Sidecar};

use crate::metric;
use crate::pivot::MOST_COLUMNS;

/// What a plan is made for, and the key it is found under again: equal keys give equal plans.
/// Snapshots of one process with the same version are equal, a session's own ones too.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub text: Arc<str>,
    pub declared: Arc<[Option<SqlType>]>,
    pub scope: Scope,
}

/// What a principal sees: the key of a [`View`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    /// With all rights: one whose roles changed is another one.
    pub principal: Arc<Principal>,
    pub policy_version: u64,
    pub catalog_version: u64,
    pub default_catalog: Arc<str>,
}

/// The versions that a scope stands for.
#[derive(Clone)]
pub(crate) struct World {
    pub policy: Arc<PolicySet>,
    pub catalog: Arc<CatalogSnapshot>,
}

/// The caches. Their locks are never held while planning.
pub(crate) struct Plans {
    plans: Mutex<PlanCache>,
    views: Mutex<LruCache<Scope, Cell<View>>>,
    sidecars: Mutex<LruCache<u64, Vec<Arc<SidecarCell>>>>,
}

/// Filled by the first who needs it, while others who need the same wait.
type Cell<T> = Arc<Mutex<Option<Arc<T>>>>;

struct SidecarCell {
    visible: Arc<CatalogSnapshot>,
    default_catalog: Arc<str>,
    sidecar: Mutex<Option<Arc<Sidecar>>>,
}

impl Plans {
    pub(crate) fn new(
        entries: NonZeroUsize,
        bytes: usize,
        views: NonZeroUsize,
        sidecars: NonZeroUsize,
    ) -> Self {
        Self {
            plans: Mutex::new(PlanCache {
                plans: LruCache::new(entries),
                bytes: 0,
                capacity_bytes: bytes,
            }),
            views: Mutex::new(LruCache::new(views)),
            sidecars: Mutex::new(LruCache::new(sidecars)),
        }
    }

    /// A plan made before for the same key.
    pub(crate) fn find(&self, key: &PlanKey) -> Option<Arc<Authorised>> {
        let mut cache = self.plans.lock();
        cache.plans.get(key).map(|cached| Arc::clone(&cached.plan))
    }

    /// Reads, authorises and rewrites. What was read and is refused tells in `asked` what it asked for.
    /// On a planner thread only.
    pub(crate) fn make(
        &self,
        key: PlanKey,
        world: &World,
        parser: &Parser,
        asked: &OnceLock<Asked>,
    ) -> Result<Arc<Authorised>> {
        let begun = Instant::now();
        counter!(metric::PLAN_CACHE, "result" => "miss").increment(1);
        let (view, sidecar) = self.place(&key.scope, world, parser)?;
        let statement = plan::parse(&view.with_own_schemas(&key.text)?, parser)?;
        let plan = policy::authorise(&statement, &view, &sidecar, &key.declared, parser);
        let plan = plan.inspect_err(|_| {
            asked.get_or_init(|| Asked::of(&statement, &view, &world.catalog));
        })?;
        // Where a failure was taken for a reason to plan otherwise, this may not have been its cause.
        tree::check_interrupt()?;
        let plan = Arc::new(plan);
        histogram!(metric::PLAN_SECONDS).record(begun.elapsed());
        self.plans.lock().insert(key, Arc::clone(&plan));
        Ok(plan)
    }

    /// A principal's view of the catalog, and the sidecar of what is visible in it. On a planner
    /// thread only.
    pub(crate) fn place(
        &self,
        scope: &Scope,
        world: &World,
        parser: &Parser,
    ) -> Result<(Arc<View>, Arc<Sidecar>)> {
        let view = self.view(scope, world, parser)?;
        let sidecar = self.sidecar(view.visible(), &scope.default_catalog)?;
        Ok((view, sidecar))
    }

    /// The rules that meet in a statement, what becomes of it, and how the views that it names are
    /// stored. On a planner thread only.
    pub(crate) fn explain(
        &self,
        key: PlanKey,
        world: &World,
        parser: &Parser,
    ) -> Result<Vec<Explained>> {
        let view = self.view(&key.scope, world, parser)?;
        if let Ok(Some(_)) = plan::session_statement(&key.text) {
            return Ok(view.explain_session());
        }
        // The values that a PIVOT looks for are its asker's: any stand for them here.
        let key = match plan::open_pivot(&key.text, parser, MOST_COLUMNS) {
            Ok(Some(open)) => PlanKey {
                text: open.with_any_values().text().into(),
                ..key
            },
            _ => key,
        };
        let asked = OnceLock::new();
        let plan = self.make(key, world, parser, &asked);
        let mut lines = view.explain(plan.as_deref(), asked.get());
        for name in plan.iter().flat_map(|plan| plan.views()) {
            let relation = world.catalog.get(name);
            if let Some(definition) = relation.and_then(|r| r.definition.as_deref()) {
                lines.push(Explained {
                    what: "view",
                    on: name.to_string(),
                    says: definition.to_owned(),
                    rule: String::new(),
                    filters: false,
                });
            }
        }
        Ok(lines)
    }

    /// A principal's view of the catalog, if it was made before.
    pub(crate) fn find_view(&self, scope: &Scope) -> Option<Arc<View>> {
        let cell = self.views.lock().get(scope).cloned()?;
        // Not locked only while it is being made.
        cell.try_lock()?.clone()
    }

    /// A principal's view of the catalog. On a planner thread only. No waiter stops it: an interrupted
    /// rule would look like one that does not fit, and hide its relation from all who share the view.
    pub(crate) fn view(&self, scope: &Scope, world: &World, parser: &Parser) -> Result<Arc<View>> {
        let cell = {
            let mut views = self.views.lock();
            if !views.contains(scope) {
                drop_older(&mut views, scope);
            }
            Arc::clone(views.get_or_insert(scope.clone(), Cell::default))
        };
        let mut cell = cell.lock();
        if let Some(view) = &*cell {
            return Ok(Arc::clone(view));
        }
        let view = tree::uninterrupted(|| match &world.catalog.shared {
            Some(shared) => self.session_view(scope, world, shared, parser),
            None => View::new(
                &world.policy,
                &world.catalog,
                Arc::clone(&scope.principal),
                &scope.default_catalog,
                parser,
            ),
        })?;
        for (relation, error) in view.hidden() {
            let principal = &scope.principal.name;
            tracing::warn!(%relation, principal, %error, "relation hidden: it can't be read as the policy says");
        }
        Ok(Arc::clone(cell.insert(Arc::new(view))))
    }

    /// A session's view with its temporary objects, over the view of what is `shared`.
    fn session_view(
        &self,
        scope: &Scope,
        world: &World,
        shared: &Arc<CatalogSnapshot>,
        parser: &Parser,
    ) -> Result<View> {
        let below = World {
            policy: Arc::clone(&world.policy),
            catalog: Arc::clone(shared),
        };
        let scope = Scope {
            catalog_version: shared.version,
            ..scope.clone()
        };
        let (view, sidecar) = self.place(&scope, &below, parser)?;
        view.with_temporary(&world.catalog, &sidecar, parser)
    }

    /// The sidecar of what is visible, shared by all who see the same.
    fn sidecar(
        &self,
        visible: &Arc<CatalogSnapshot>,
        default_catalog: &Arc<str>,
    ) -> Result<Arc<Sidecar>> {
        let cell = {
            let mut sidecars = self.sidecars.lock();
            let hash = hash(visible, default_catalog);
            let alike = sidecars.get_or_insert_mut(hash, Vec::new);
            let same = |c: &&Arc<SidecarCell>| {
                c.default_catalog == *default_catalog && c.visible.catalogs == visible.catalogs
            };
            match alike.iter().find(same) {
                Some(cell) => Arc::clone(cell),
                None => {
                    let cell = Arc::new(SidecarCell {
                        visible: Arc::clone(visible),
                        default_catalog: Arc::clone(default_catalog),
                        sidecar: Mutex::default(),
                    });
                    alike.push(Arc::clone(&cell));
                    cell
                }
            }
        };
        let mut sidecar = cell.sidecar.lock();
        if let Some(sidecar) = &*sidecar
            && !sidecar.is_lost()
        {
            return Ok(Arc::clone(sidecar));
        }
        let built = match &visible.shared {
            Some(shared) => self
                .sidecar(shared, default_catalog)?
                .with_temporary(visible)?,
            None => Sidecar::build(visible, default_catalog)?,
        };
        for (relation, error) in built.left_out() {
            tracing::warn!(%relation, %error, "no statement about a relation is planned: it can't be mirrored");
        }
        Ok(Arc::clone(sidecar.insert(Arc::new(built))))
    }
}

/// Drops what a principal saw before: only a transaction that still goes on asks for it again, and has
/// it made anew then.
fn drop_older(views: &mut LruCache<Scope, Cell<View>>, new: &Scope) {
    let is_older = |scope: &Scope| {
        scope.principal.name == new.principal.name
            && scope.default_catalog == new.default_catalog
            && scope.policy_version <= new.policy_version
            && scope.catalog_version < new.catalog_version
    };
    let scopes = views.iter().map(|(scope, _)| scope);
    let older: Vec<Scope> = scopes.filter(|s| is_older(s)).cloned().collect();
    for scope in &older {
        views.pop(scope);
    }
}

/// Least recently used first out, bounded by count and by an estimate of memory.
struct PlanCache {
    plans: LruCache<PlanKey, Cached>,
    bytes: usize,
    capacity_bytes: usize,
}

struct Cached {
    plan: Arc<Authorised>,
    bytes: usize,
}

impl PlanCache {
    fn insert(&mut self, key: PlanKey, plan: Arc<Authorised>) {
        let bytes = estimate(&key, &plan);
        if bytes > self.capacity_bytes {
            return;
        }
        self.bytes += bytes;
        if let Some((_, old)) = self.plans.push(key, Cached { plan, bytes }) {
            self.bytes -= old.bytes;
        }
        while self.bytes > self.capacity_bytes {
            let Some((_, old)) = self.plans.pop_lru() else {
                break;
            };
            self.bytes -= old.bytes;
        }
    }
}

/// A plan holds its text, the rewritten text, which is a few times as long, and its columns.
fn estimate(key: &PlanKey, plan: &Authorised) -> usize {
    const FIXED: usize = 2048;
    const PER_COLUMN: usize = 256;
    FIXED + 8 * key.text.len() + PER_COLUMN * plan.description().names.len()
}

fn hash(visible: &CatalogSnapshot, default_catalog: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    fold(default_catalog).hash(&mut hasher);
    for catalog in visible.catalogs.values() {
        catalog.name.hash(&mut hasher);
        for schema in catalog.schemas.values() {
            schema.name.hash(&mut hasher);
            for relation in schema.relations.values() {
                relation.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_is_dropped_for_what_is_seen_now() {
        let scope = |name: &str, policy_version, catalog_version| Scope {
            principal: Arc::new(Principal {
                name: name.to_owned(),
                roles: [].into(),
                attributes: [].into(),
                admin: false,
            }),
            policy_version,
            catalog_version,
            default_catalog: "wh".into(),
        };
        let mut views = LruCache::unbounded();
        for scope in [
            scope("ann", 1, 5),
            scope("ann", 1, 6),
            scope("bob", 1, 5),
            scope("ann", 2, 5),
            scope("ann", 1, 8),
        ] {
            views.put(scope, Cell::default());
        }
        drop_older(&mut views, &scope("ann", 1, 7));
        let mut left: Vec<(String, u64, u64)> = views
            .iter()
            .map(|(s, _)| {
                (
                    s.principal.name.clone(),
                    s.policy_version,
                    s.catalog_version,
                )
            })
            .collect();
        left.sort();
        let expected = [("ann", 1, 8), ("ann", 2, 5), ("bob", 1, 5)];
        assert_eq!(left, expected.map(|(n, p, c)| (n.to_owned(), p, c)));
    }
}
