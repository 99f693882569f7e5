//! Jobs that wait for each other in a ring, found before they do.
//!
//! Every edge of the graph is a watcher that a job waits with. A ring can close in two moments: a job
//! is spawned for a key that others wait for, or a job begins to wait for a key that it did not name.
//! Each looks, before it adds its edges, whether they lead back to it. Keys that have a value
//! are no edges, and neither are waits that another key can end.

use std::collections::{BTreeMap, BTreeSet};

use crate::dagpool::Cycle;
use crate::dagpool::state::{Key, State, WatcherId};

impl<K: Key, V> State<K, V> {
    /// Whether a new job for `key` with these inputs would wait for itself.
    pub(super) fn cycle_of_new_job(&self, key: &K, inputs: WatcherId) -> Option<Cycle<K>> {
        // Nobody waits for the key, so no way leads to it.
        self.wanted.get(key)?;
        let pending = &self.watchers.get(&inputs)?.pending;
        pending.iter().find_map(|input| self.way(key, input))
    }

    /// The key for which the job that runs now waits in vain, and why, if it waits with this watcher.
    pub(super) fn cycle_of_wait(&self, id: WatcherId) -> Option<(K, Cycle<K>)> {
        let watcher = self.watchers.get(&id)?;
        let owner = watcher.owner.as_ref()?;
        // No way leads to a job whose value is there already, or that nobody waits for.
        self.wanted.get(owner)?;
        let vain = |key: &K| Some((key.clone(), self.way(owner, key)?));
        let mut pending = watcher.pending.iter();
        if watcher.needs_all {
            return pending.find_map(vain);
        }
        // Any of them would do, so all have to be in vain.
        let all: Option<Vec<_>> = pending.map(vain).collect();
        all?.into_iter().next()
    }

    /// The way from `owner`, which waits for `first`, back to `owner`.
    fn way(&self, owner: &K, first: &K) -> Option<Cycle<K>> {
        let mut came_from: BTreeMap<&K, Option<&K>> = BTreeMap::from([(first, None)]);
        let mut open = vec![first];
        while let Some(key) = open.pop() {
            if key == owner {
                let mut path = vec![owner.clone()];
                let mut step = came_from.get(key).copied().flatten();
                while let Some(key) = step {
                    path.push(key.clone());
                    step = came_from.get(key).copied().flatten();
                }
                path.push(owner.clone());
                path.reverse();
                return Some(Cycle { path });
            }
            for next in self.waits_of(key) {
                came_from.entry(next).or_insert_with(|| {
                    open.push(next);
                    Some(key)
                });
            }
        }
        None
    }

    /// The keys without which the job of `key` cannot go on.
    fn waits_of(&self, key: &K) -> BTreeSet<&K> {
        let Some(job) = self.jobs.get(key) else {
            return BTreeSet::new();
        };
        let blocking = |id: &WatcherId| {
            let watcher = self.watchers.get(id)?;
            let is_input = *id == job.inputs;
            let is_stuck = watcher.needs_all || watcher.pending.len() == 1;
            let counts = is_input || (watcher.waker.is_some() && is_stuck);
            counts.then_some(&watcher.pending)
        };
        job.waits.iter().filter_map(blocking).flatten().collect()
    }
}
