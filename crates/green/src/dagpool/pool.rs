//! The pool's handle.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use evlet_hub::is_running;

use crate::dagpool::results::Shared;
use crate::dagpool::spawn::start;
use crate::dagpool::state::{Key, Outcome, State};
use crate::dagpool::{
    All, Collision, Failure, Failures, NotRunning, PropagateError, Results, SpawnError, Successes,
    Value,
};
use crate::wakers::Wakers;

/// Green threads with names, which depend on each other's results: a directed graph without cycles.
///
/// Every job has a key and names the keys it depends on; its result is the value of its key. A key
/// can also be given a value from outside ([`preload`](Self::preload), [`post`](Self::post)), and may be
/// depended on and waited for before anybody has spawned or posted it. What fails, fails with all that
/// depends on it ([`PropagateError`]). Only waiting waits; everything else returns at once. There is a
/// green thread for each job, without a limit. A clone is another handle of the same pool; dropping
/// the last one ends nothing.
///
/// # Example
/// ```
/// use evlet_green::DagPool;
/// use evlet_hub::{run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let pool = DagPool::preload([("flour", 500)]);
///     pool.spawn("bread", ["dough", "oven"], async |_, inputs| {
///         let inputs = inputs.all().await?; // waits for both
///         Ok(inputs["dough"] - 50)
///     })?;
///     pool.spawn("dough", ["flour", "water"], async |_, mut inputs| {
///         let mut weight = 0;
///         while let Some(input) = inputs.next().await {
///             let (_name, grams) = input?; // each as soon as it is there
///             weight += grams;
///         }
///         Ok(weight)
///     })?;
///     pool.spawn("oven", [], async |_, _| {
///         sleep(Duration::from_millis(2)).await;
///         Ok(0)
///     })?;
///     pool.post("water", 300)?;
///     assert_eq!(pool.value("bread").await?, 750);
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })
/// .unwrap();
/// ```
///
/// After eventlet's `DAGPool`, with these differences: keys that would wait for each other in a ring are
/// an error and not a wait without end; a job that panics or is killed with its hub leaves a failure and not
/// dependants that wait for ever; killing a job that has started works; `spawn_many` spawns all or none.
pub struct DagPool<K: Key, V> {
    shared: Shared<K, V>,
}

impl<K: Key, V: 'static> DagPool<K, V> {
    /// A pool without values.
    #[must_use]
    pub fn new() -> Self {
        Self::preload([])
    }

    /// A pool in which these keys have values. Of two values for one key the last counts.
    pub fn preload(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values
            .into_iter()
            .map(|(key, value)| (key, Ok(Rc::new(value))))
            .collect();
        DagPool {
            shared: Rc::new(RefCell::new(State::new(values))),
        }
    }

    /// Starts a green thread for `key`, which is to have the value that `job` returns.
    ///
    /// `job` is called with its key and with the [`Results`] of those it depends on, when it is its turn
    /// for the first time; it does not have to wait for all of them, nor to look at all. It fails with any
    /// error, and with a panic; that becomes the [`PropagateError`] of its key. A job may
    /// [`post`](Self::post) the value of its own key early; then what it returns is not looked at.
    ///
    /// # Errors
    /// [`SpawnError::Collision`] if the key has a value or a job. [`SpawnError::Cycle`] if the job would
    /// depend on itself, by way of others that depend on it or wait for it now. Nothing has changed then.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn spawn<D, F, R>(&self, key: K, depends: D, job: F) -> Result<(), SpawnError<K>>
    where
        D: IntoIterator<Item = K>,
        F: FnOnce(K, Results<K, V>) -> R + 'static,
        R: Future<Output = Result<V, Failure>> + 'static,
    {
        need_hub();
        let depends: Vec<K> = depends.into_iter().collect();
        let inputs = self.shared.borrow_mut().add_job(&key, depends)?;
        start(&self.shared, Location::caller(), key, inputs, job);
        Ok(())
    }

    /// [`spawn`](Self::spawn) for each of `graph`, a key with the keys it depends on; all run `job`.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn), for the first of them that cannot be spawned; then none is.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Example
    /// ```
    /// use evlet_green::DagPool;
    /// evlet_hub::run(async {
    ///     let pool = DagPool::preload([(0, 0), (1, 1)]);
    ///     let graph = (2..=10).map(|n| (n, [n - 1, n - 2]));
    ///     pool.spawn_many(graph, async |_, inputs| Ok(inputs.all().await?.values().sum()))?;
    ///     let fibonacci = pool.waitall().await?;
    ///     assert_eq!(fibonacci[&10], 55);
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_many<G, D, F, R>(&self, graph: G, job: F) -> Result<(), SpawnError<K>>
    where
        G: IntoIterator<Item = (K, D)>,
        D: IntoIterator<Item = K>,
        F: Fn(K, Results<K, V>) -> R + 'static,
        R: Future<Output = Result<V, Failure>> + 'static,
    {
        need_hub();
        let site = Location::caller();
        let graph: Vec<(K, Vec<K>)> = graph
            .into_iter()
            .map(|(key, depends)| (key, depends.into_iter().collect()))
            .collect();
        let mut added = Vec::with_capacity(graph.len());
        let mut state = self.shared.borrow_mut();
        for (key, depends) in graph {
            match state.add_job(&key, depends) {
                Ok(inputs) => added.push((key, inputs)),
                Err(error) => {
                    for (key, inputs) in added {
                        state.remove_job(&key, inputs);
                        state.forget(inputs);
                    }
                    return Err(error);
                }
            }
        }
        drop(state);
        let job = Rc::new(job);
        for (key, inputs) in added {
            let job = Rc::clone(&job);
            start(&self.shared, site, key, inputs, move |key, inputs| {
                job(key, inputs)
            });
        }
        Ok(())
    }

    /// Gives `key` a value; who waits for it wakes.
    ///
    /// # Errors
    /// [`Collision`] if the key has a value, or a job that is not the one that posts.
    pub fn post(&self, key: K, value: V) -> Result<(), Collision<K>> {
        self.set(key, Ok(Rc::new(value)), false)
    }

    /// [`post`](Self::post), also if the key has a value. Who has taken the old one keeps it.
    ///
    /// # Errors
    /// [`Collision`] if the key has a job that is not the one that posts.
    pub fn replace(&self, key: K, value: V) -> Result<(), Collision<K>> {
        self.set(key, Ok(Rc::new(value)), true)
    }

    /// Lets `key` have failed with `failure`: who waits for it gets that as [`PropagateError`].
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn post_failure(&self, key: K, failure: impl Into<Failure>) -> Result<(), Collision<K>> {
        let error = PropagateError::failed(key.clone(), failure.into());
        self.set(key, Err(error), false)
    }

    fn set(&self, key: K, outcome: Outcome<K, V>, may_replace: bool) -> Result<(), Collision<K>> {
        let mut wakers = Wakers::default();
        let mut state = self.shared.borrow_mut();
        state.may_post(&key, may_replace)?;
        let old = state.set(key, outcome, &mut wakers);
        drop(state);
        wakers.wake();
        drop(old);
        Ok(())
    }

    /// Ends the job of `key` and forgets it: the key may be spawned or posted again. Who waits for the key
    /// goes on waiting, for that.
    ///
    /// # Errors
    /// [`NotRunning`] if the key has no job, or one that has ended.
    pub fn kill(&self, key: &K) -> Result<(), NotRunning<K>> {
        let mut state = self.shared.borrow_mut();
        let inputs = state.jobs.get(key).map(|job| job.inputs);
        let job = inputs.and_then(|inputs| state.remove_job(key, inputs));
        drop(state);
        match job {
            Some(job) => {
                job.kill();
                Ok(())
            }
            None => Err(NotRunning(key.clone())),
        }
    }

    /// Waits for the values of `keys`, which need not be spawned or posted yet.
    ///
    /// # Errors
    /// [`PropagateError`], as soon as one of them has failed. In a job of this pool it is also the answer
    /// when one of them waits, in the end, for that job; it is then caused by a
    /// [`Cycle`](crate::dagpool::Cycle).
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn wait(&self, keys: impl IntoIterator<Item = K>) -> All<K, V> {
        self.wait_each(keys).all()
    }

    /// [`wait`](Self::wait) for all keys that are known now, those with a value and those with a job.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn waitall(&self) -> All<K, V> {
        self.wait(self.known_keys())
    }

    /// The values of `keys`, each as soon as it is there.
    ///
    /// # Example
    /// ```
    /// use evlet_green::DagPool;
    /// evlet_hub::run(async {
    ///     let pool = DagPool::preload([("a", 1)]);
    ///     pool.spawn("b", ["a"], async |_, inputs| Ok(inputs.all().await?["a"] + 1))?;
    ///     let mut results = pool.wait_each(pool.known_keys());
    ///     while let Some(result) = results.next().await {
    ///         let (key, value) = result?;
    ///         println!("{key} is {value}");
    ///     }
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn wait_each(&self, keys: impl IntoIterator<Item = K>) -> Results<K, V> {
        Results::new(&self.shared, keys, Location::caller())
    }

    /// [`wait_each`](Self::wait_each) without those that have failed.
    #[track_caller]
    pub fn wait_each_success(&self, keys: impl IntoIterator<Item = K>) -> Successes<K, V> {
        Successes(self.wait_each(keys))
    }

    /// [`wait_each`](Self::wait_each), only those that have failed.
    #[track_caller]
    pub fn wait_each_exception(&self, keys: impl IntoIterator<Item = K>) -> Failures<K, V> {
        Failures(self.wait_each(keys))
    }

    /// Waits for the value of one key, which need not be spawned or posted yet.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn value(&self, key: K) -> Value<K, V> {
        Value(self.wait_each([key]))
    }

    /// The value of a key, or its failure; `None` if it has neither yet. Does not wait.
    pub fn get(&self, key: &K) -> Option<Result<V, PropagateError<K>>>
    where
        V: Clone,
    {
        let outcome = self.shared.borrow().values.get(key).cloned()?;
        Some(outcome.map(Rc::unwrap_or_clone))
    }

    /// The keys that have a value or have failed, in their order.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        self.shared.borrow().values.keys().cloned().collect()
    }

    /// All keys with their values.
    ///
    /// # Errors
    /// [`PropagateError`] if one of them has failed.
    pub fn items(&self) -> Result<BTreeMap<K, V>, PropagateError<K>>
    where
        V: Clone,
    {
        let values = self.shared.borrow().values.clone();
        values
            .into_iter()
            .map(|(key, outcome)| Ok((key, Rc::unwrap_or_clone(outcome?))))
            .collect()
    }

    /// The keys that have a value, have failed or have a job, in their order.
    #[must_use]
    pub fn known_keys(&self) -> BTreeSet<K> {
        let state = self.shared.borrow();
        state
            .values
            .keys()
            .chain(state.jobs.keys())
            .cloned()
            .collect()
    }

    /// How many jobs have not ended, those included that wait for what they depend on.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.borrow().jobs.len()
    }

    /// Their keys, in order.
    #[must_use]
    pub fn running_keys(&self) -> Vec<K> {
        self.shared.borrow().jobs.keys().cloned().collect()
    }

    /// How many jobs depend on something that is not there yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.all_waiting().len()
    }

    /// What the job of `key` depends on and is not there yet; empty if it has a value. `None`: the pool
    /// does not know the key.
    pub fn waiting_for(&self, key: &K) -> Option<BTreeSet<K>> {
        let state = self.shared.borrow();
        match state.jobs.get(key) {
            Some(job) => Some(state.pending_of(job).cloned().unwrap_or_default()),
            None => state.values.contains_key(key).then(BTreeSet::new),
        }
    }

    /// [`waiting_for`](Self::waiting_for) for each job that depends on something that is not there yet.
    #[must_use]
    pub fn all_waiting(&self) -> BTreeMap<K, BTreeSet<K>> {
        let state = self.shared.borrow();
        let pending = |job| state.pending_of(job).filter(|pending| !pending.is_empty());
        state
            .jobs
            .iter()
            .filter_map(|(key, job)| Some((key.clone(), pending(job)?.clone())))
            .collect()
    }
}

#[track_caller]
fn need_hub() {
    assert!(
        is_running(),
        "a job of a DagPool needs a hub: call this inside `evlet::run`"
    );
}

impl<K: Key, V> Clone for DagPool<K, V> {
    fn clone(&self) -> Self {
        DagPool {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<K: Key, V: 'static> Default for DagPool<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Key, V> fmt::Debug for DagPool<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.borrow();
        f.debug_struct("DagPool")
            .field("done", &state.values.len())
            .field("running", &state.jobs.len())
            .finish()
    }
}
