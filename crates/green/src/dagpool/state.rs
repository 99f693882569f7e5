//! Which keys have values, which have jobs, and who waits for which.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use evlet_hub::{GreenThread, GreenThreadId, current};

use crate::dagpool::{Collision, PropagateError, SpawnError};
use crate::wakers::Wakers;

/// What the keys of a [`DagPool`](crate::DagPool) can do; every type that can, is a key. Keys are in
/// order, so that whatever lists them lists them in the same order each time.
pub trait Key: Ord + Clone + fmt::Debug + 'static {}

impl<K: Ord + Clone + fmt::Debug + 'static> Key for K {}

/// What a key has got. A value is cloned where nothing is borrowed, hence the `Rc`.
pub(super) type Outcome<K, V> = Result<Rc<V>, PropagateError<K>>;

/// Names a watcher, and its job, if it is the one of a job's inputs. Never used again.
pub(super) type WatcherId = u64;

pub(super) struct State<K, V> {
    pub(super) values: BTreeMap<K, Outcome<K, V>>,
    pub(super) jobs: BTreeMap<K, Job>,
    pub(super) watchers: BTreeMap<WatcherId, Watcher<K>>,
    /// Who has the key pending, in the order in which they came.
    pub(super) wanted: BTreeMap<K, BTreeSet<WatcherId>>,
    keys_of_threads: BTreeMap<GreenThreadId, K>,
    next_id: WatcherId,
}

pub(super) struct Job {
    /// The watcher of its inputs; tells two jobs of one key apart.
    pub(super) inputs: WatcherId,
    /// Everything it waits for: its inputs, and what it asked for since.
    pub(super) waits: BTreeSet<WatcherId>,
    thread: Option<GreenThread<()>>,
}

pub(super) struct Watcher<K> {
    pub(super) pending: BTreeSet<K>,
    /// Those that have come and were not looked at, in the order in which they came.
    pub(super) ready: VecDeque<K>,
    pub(super) waker: Option<Waker>,
    /// Whether who waits goes on only when all have come.
    pub(super) needs_all: bool,
    /// The job that waits.
    pub(super) owner: Option<K>,
}

impl<K: Key, V> State<K, V> {
    pub(super) fn new(values: BTreeMap<K, Outcome<K, V>>) -> Self {
        State {
            values,
            jobs: BTreeMap::new(),
            watchers: BTreeMap::new(),
            wanted: BTreeMap::new(),
            keys_of_threads: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// The key of the job that runs now.
    pub(super) fn running_job(&self) -> Option<&K> {
        self.keys_of_threads.get(&current()?)
    }

    /// Begins to watch `keys`; those that are there are ready.
    pub(super) fn watch(
        &mut self,
        keys: impl IntoIterator<Item = K>,
        needs_all: bool,
        owner: Option<K>,
    ) -> WatcherId {
        let id = self.next_id;
        self.next_id += 1;
        let keys: BTreeSet<K> = keys.into_iter().collect();
        let (ready, pending): (BTreeSet<K>, BTreeSet<K>) = keys
            .into_iter()
            .partition(|key| self.values.contains_key(key));
        for key in &pending {
            self.wanted.entry(key.clone()).or_default().insert(id);
        }
        self.watchers.insert(
            id,
            Watcher {
                pending,
                ready: ready.into_iter().collect(),
                waker: None,
                needs_all,
                owner,
            },
        );
        id
    }

    /// Ends a watch. What comes back is to be dropped after the borrow.
    pub(super) fn forget(&mut self, id: WatcherId) -> Option<Watcher<K>> {
        let watcher = self.watchers.remove(&id)?;
        for key in &watcher.pending {
            self.not_wanted(key, id);
        }
        if let Some(job) = watcher
            .owner
            .as_ref()
            .and_then(|key| self.jobs.get_mut(key))
        {
            job.waits.remove(&id);
        }
        Some(watcher)
    }

    /// A watcher does not wait for this key any more.
    pub(super) fn not_wanted(&mut self, key: &K, id: WatcherId) {
        if let Some(ids) = self.wanted.get_mut(key) {
            ids.remove(&id);
            if ids.is_empty() {
                self.wanted.remove(key);
            }
        }
    }

    /// A key gets a value, and who waits for it is woken. The old value is to be dropped after the
    /// borrow.
    pub(super) fn set(
        &mut self,
        key: K,
        outcome: Outcome<K, V>,
        wakers: &mut Wakers<Waker>,
    ) -> Option<Outcome<K, V>> {
        for id in self.wanted.remove(&key).unwrap_or_default() {
            if let Some(watcher) = self.watchers.get_mut(&id) {
                watcher.pending.remove(&key);
                watcher.ready.push_back(key.clone());
                // Who needs all is woken by the last, or by the first that failed.
                let is_news = !watcher.needs_all || watcher.pending.is_empty() || outcome.is_err();
                if is_news && let Some(waker) = watcher.waker.take() {
                    wakers.push(waker);
                }
            }
        }
        self.values.insert(key, outcome)
    }

    /// Whether a value may be posted, which a job may do for its own key.
    pub(super) fn may_post(&self, key: &K, may_replace: bool) -> Result<(), Collision<K>> {
        if self.jobs.contains_key(key) && self.running_job() != Some(key) {
            return Err(Collision::Running(key.clone()));
        }
        if self.values.contains_key(key) && !may_replace {
            return Err(Collision::HasValue(key.clone()));
        }
        Ok(())
    }

    /// Registers a job that has no green thread yet.
    pub(super) fn add_job(
        &mut self,
        key: &K,
        inputs: impl IntoIterator<Item = K>,
    ) -> Result<WatcherId, SpawnError<K>> {
        let collision = |collision| Err(SpawnError::Collision(collision));
        if self.jobs.contains_key(key) {
            return collision(Collision::Running(key.clone()));
        }
        if self.values.contains_key(key) {
            return collision(Collision::HasValue(key.clone()));
        }
        let id = self.watch(inputs, false, Some(key.clone()));
        if let Some(cycle) = self.cycle_of_new_job(key, id) {
            self.forget(id);
            return Err(SpawnError::Cycle(cycle));
        }
        let job = Job {
            inputs: id,
            waits: BTreeSet::from([id]),
            thread: None,
        };
        self.jobs.insert(key.clone(), job);
        Ok(id)
    }

    /// The job has got its green thread.
    pub(super) fn started(&mut self, key: &K, thread: GreenThread<()>) {
        if let Some(job) = self.jobs.get_mut(key) {
            self.keys_of_threads.insert(thread.id(), key.clone());
            job.thread = Some(thread);
        }
    }

    /// The job is no more; if it is the one with these inputs. Its green thread's handle.
    pub(super) fn remove_job(&mut self, key: &K, inputs: WatcherId) -> Option<Job> {
        if self.jobs.get(key)?.inputs != inputs {
            return None;
        }
        let job = self.jobs.remove(key)?;
        if let Some(thread) = &job.thread {
            self.keys_of_threads.remove(&thread.id());
        }
        Some(job)
    }

    /// The inputs that a job still waits for.
    pub(super) fn pending_of(&self, job: &Job) -> Option<&BTreeSet<K>> {
        let watcher = self.watchers.get(&job.inputs)?;
        Some(&watcher.pending)
    }
}

impl Job {
    /// Ends its green thread at its next turn.
    pub(super) fn kill(self) {
        if let Some(thread) = self.thread {
            // The kill stands without being waited for.
            drop(thread.kill());
        }
    }
}
