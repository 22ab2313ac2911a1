//! The result cache: protected tables that an analyst was answered with, kept for when they ask again.
//!
//! A dashboard asks the same every time it is opened. What it is answered is decided: noise repeats, and under a
//! guard a coordinate has its first answer for ever. So a table that was released to somebody may be given to
//! them again, as long as the federation would.
//!
//! * **What a table is kept under** is everything it depends on: the request in its one encoding, each holder of the
//!   dataset, and of all that it is joined to, with the fingerprint of the terms it announces (in which the state
//!   of its data is), and whose answer it was. A dataset
//!   that changes, or a node that comes back with other data, is another key; the old table is never found again.
//! * **It is looked up after everybody was found to be there.** If a department is away, the question is refused as
//!   it would be without a cache.
//! * **Answer times hold**, since they are kept where an answer is sent. The budget isn't touched: a repeat is free.
//! * **Each analyst has tables of their own.** A quick answer would otherwise tell that somebody else had asked the
//!   same. One's own questions one knows.
//! * Rows of open data aren't kept: they may be large, and aren't read twice by a plan.
//!
//! It is bounded in bytes; the table that was longest not asked for goes first. Nothing of it outlives the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use insitu_disclosure::{Dataset, Protected, Table, Tabulation};
use insitu_proto::request::{NodeRequest, QueryId, Question};

use crate::analyst::Analyst;
use crate::catalog::Standing;
use crate::gather::Asked;
use crate::references::placeholders;

/// The cache.
#[derive(Debug)]
pub(crate) struct ResultCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

/// What a table is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(Arc<[u8]>);

#[derive(Debug, Default)]
struct Kept {
    tables: HashMap<Key, Entry>,
    /// Keys in the order in which their tables were last used.
    used: BTreeMap<u64, Key>,
    /// Counts uses.
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    table: Arc<Protected<Table>>,
    /// The terms it was made under, of all holders together.
    dataset: Arc<Dataset>,
    bytes: usize,
    used: u64,
}

impl ResultCache {
    /// A cache of at most so many bytes; of 0 it keeps nothing.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// What the table for an analyst's question of these holders is kept under; `None` if nothing is kept, or if not
    /// everybody announces the dataset.
    pub(crate) fn key(&self, by: &Analyst, asked: &Asked) -> Option<Key> {
        if self.bytes_max == 0 {
            return None;
        }
        let tabulation = asked.admitted.tabulation();
        let input = tabulation.input.with_fingerprint(0);
        let question = Question::Tabulation(Tabulation { input, ..tabulation.clone() });
        // What it is joined to is told below.
        let editions = placeholders(tabulation);
        let request =
            NodeRequest { query_id: QueryId([0; 16]), time_ms_max: 0, question, editions };
        let mut bytes = Vec::new();
        // Lengths come first, so that no two keys run together.
        let mut piece = |piece: &[u8]| {
            bytes.extend(u64::try_from(piece.len()).unwrap_or(u64::MAX).to_le_bytes());
            bytes.extend(piece);
        };
        piece(by.name().as_bytes());
        piece(&request.encode().ok()?);
        for (reference, _) in &asked.references {
            piece(reference.to_string().as_bytes());
        }
        for held in asked.all() {
            piece(held.dataset.name.to_string().as_bytes());
            piece(&held.dataset.snapshot.to_le_bytes());
            for holder in &held.holders {
                let Standing::Announces(fingerprint) = holder.standing else { return None };
                piece(holder.node.0.as_bytes());
                piece(&fingerprint.to_le_bytes());
            }
        }
        Some(Key(bytes.into()))
    }

    /// The table kept under the key, if it was made under these terms.
    pub(crate) fn get(&self, key: &Key, dataset: &Arc<Dataset>) -> Option<Arc<Protected<Table>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        let entry = kept.tables.get_mut(key)?;
        if entry.dataset != *dataset {
            return None;
        }
        kept.clock = kept.clock.saturating_add(1);
        kept.used.remove(&entry.used);
        entry.used = kept.clock;
        kept.used.insert(entry.used, key.clone());
        Some(Arc::clone(&entry.table))
    }

    /// Keeps a table; others that were longer not used go for it. One that is larger than the cache isn't kept.
    pub(crate) fn put(&self, key: Key, dataset: &Arc<Dataset>, table: &Protected<Table>) {
        let bytes = table.get().memory_bytes().saturating_add(key.0.len());
        if self.bytes_max < bytes {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key);
        while self.bytes_max < kept.bytes.saturating_add(bytes) {
            let Some((_, oldest)) = kept.used.first_key_value() else { break };
            let oldest = oldest.clone();
            kept.remove(&oldest);
        }
        kept.clock = kept.clock.saturating_add(1);
        let used = kept.clock;
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.used.insert(used, key.clone());
        let (table, dataset) = (Arc::new(table.clone()), Arc::clone(dataset));
        kept.tables.insert(key, Entry { table, dataset, bytes, used });
    }
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.tables.remove(key) {
            self.used.remove(&entry.used);
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::guard::MemoryStore;
    use insitu_disclosure::{
        Admitted, DatasetName, Input, Measure, MeasureKind, Pooled, Protection, Reference, Release,
        admit, protect,
    };

    use super::*;
    use crate::catalog::Holder;
    use crate::catalog::{Held, Joined};
    use crate::nodes::NodeId;

    fn held(snapshot: u64, fingerprints: &[u64]) -> Held {
        let dataset = Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            columns: Vec::new(),
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot,
        };
        let holder = |(i, fingerprint): (usize, &u64)| Holder {
            node: NodeId(format!("node-{i}")),
            department: format!("Department {i}"),
            standing: Standing::Announces(*fingerprint),
        };
        let holders = fingerprints.iter().enumerate().map(holder).collect();
        Held { dataset: Arc::new(dataset), holders, conflict: None }
    }

    fn question(held: &Held, groups_max: u32) -> Arc<Admitted<Tabulation>> {
        let tabulation = Tabulation {
            input: Input::Scan { dataset: held.dataset.name.clone(), fingerprint: 0 },
            keys: Vec::new(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max,
        };
        Arc::new(admit(tabulation, Arc::clone(&held.dataset)).unwrap())
    }

    /// The question asked of these holders.
    fn of(admitted: &Arc<Admitted<Tabulation>>, held: &Held) -> Asked {
        Asked {
            admitted: Arc::clone(admitted),
            held: Arc::new(held.clone()),
            joined: Joined::default(),
            references: Vec::new(),
        }
    }

    fn table(admitted: &Admitted<Tabulation>) -> Protected<Table> {
        let release = Release { snapshot: 0, guard: &MemoryStore::new(0) };
        protect(admitted, Pooled::default(), &release).unwrap()
    }

    fn ada() -> Analyst {
        Analyst::for_tests("ada")
    }

    #[test]
    fn a_table_is_found_under_exactly_what_it_was_kept_under() {
        let cache = ResultCache::new(1 << 20);
        let now = held(1, &[7, 8]);
        let asked = question(&now, 10);
        let key = cache.key(&ada(), &of(&asked, &now)).unwrap();
        assert!(cache.get(&key, &now.dataset).is_none());
        cache.put(key.clone(), &now.dataset, &table(&asked));
        assert!(cache.get(&key, &now.dataset).is_some());
        let again = cache.key(&ada(), &of(&question(&now, 10), &now)).unwrap();
        assert!(cache.get(&again, &now.dataset).is_some(), "the same, asked again");
        // Somebody else, another question, other data at one of the nodes, other terms.
        let reference = Reference { dataset: now.dataset.name.clone(), key: "k".to_owned() };
        let references = vec![(reference, Arc::new(held(1, &[3])))];
        let joined = Joined::new(vec![Arc::new(held(1, &[3]))]);
        let (later, changed) = (held(2, &[7, 8]), held(1, &[7, 9]));
        for other in [
            cache.key(&Analyst::for_tests("ben"), &of(&asked, &now)),
            cache.key(&ada(), &of(&question(&now, 11), &now)),
            cache.key(&ada(), &of(&asked, &later)),
            cache.key(&ada(), &of(&asked, &changed)),
            cache.key(&ada(), &of(&asked, &held(1, &[7]))),
            // Joined to something, or to another state of it.
            cache.key(&ada(), &Asked { references, ..of(&asked, &now) }),
            cache.key(&ada(), &Asked { joined, ..of(&asked, &now) }),
        ] {
            assert!(cache.get(&other.unwrap(), &now.dataset).is_none());
        }
        assert!(cache.get(&key, &later.dataset).is_none(), "terms are compared as well");
    }

    #[test]
    fn nothing_is_kept_for_holders_that_are_not_there_nor_by_a_cache_of_nothing() {
        let mut away = held(1, &[7, 8]);
        let asked = question(&away, 10);
        assert!(ResultCache::new(0).key(&ada(), &of(&asked, &away)).is_none());
        for standing in [Standing::Away, Standing::Silent] {
            away.holders[1].standing = standing;
            assert!(ResultCache::new(1 << 20).key(&ada(), &of(&asked, &away)).is_none());
        }
    }

    #[test]
    fn the_table_that_was_longest_not_used_goes_first() {
        let now = held(1, &[7]);
        let asked: Vec<_> = (1..=4).map(|n| question(&now, n)).collect();
        let sized = ResultCache::new(1 << 20);
        sized.put(
            sized.key(&ada(), &of(&asked[0], &now)).unwrap(),
            &now.dataset,
            &table(&asked[0]),
        );
        let one = sized.kept.lock().unwrap().bytes;
        assert!(one > 50, "{one}");
        let cache = ResultCache::new(3 * one + one / 2);
        let keys: Vec<Key> =
            asked.iter().map(|asked| cache.key(&ada(), &of(asked, &now)).unwrap()).collect();
        let put = |i: usize| cache.put(keys[i].clone(), &now.dataset, &table(&asked[i]));
        let is_there = |i: usize| cache.kept.lock().unwrap().tables.contains_key(&keys[i]);
        (0..3).for_each(put);
        assert!(cache.get(&keys[0], &now.dataset).is_some());
        put(3);
        assert_eq!([0, 1, 2, 3].map(is_there), [true, false, true, true]);
        put(3);
        assert_eq!(cache.kept.lock().unwrap().bytes, 3 * one, "kept once");
        let small = ResultCache::new(one - 1);
        small.put(keys[0].clone(), &now.dataset, &table(&asked[0]));
        assert!(small.get(&keys[0], &now.dataset).is_none(), "larger than the cache");
    }
}
