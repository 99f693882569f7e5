//! Waiting for keys: values as they come, all at once, or one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};
use futures::stream::{Next, Stream, StreamExt};

use crate::dagpool::PropagateError;
use crate::dagpool::state::{Key, Outcome, State, WatcherId};
use crate::waiting::address;

pub(super) type Shared<K, V> = Rc<RefCell<State<K, V>>>;

/// The values of some keys, each as soon as it is there: a job's inputs, or what
/// [`DagPool::wait_each`](crate::DagPool::wait_each) gives.
///
/// It is a [`Stream`] of pairs, in the order in which they come (those that are there already: in the
/// order of their keys). A key that has failed is an `Err` at its turn; the others follow it. Values
/// that nobody has taken are not copied anywhere, so that it costs nothing to leave some.
#[must_use = "streams do nothing unless polled"]
pub struct Results<K: Key, V> {
    shared: Shared<K, V>,
    id: WatcherId,
    at: &'static Location<'static>,
}

impl<K: Key, V> Results<K, V> {
    pub(super) fn new(
        shared: &Shared<K, V>,
        keys: impl IntoIterator<Item = K>,
        at: &'static Location<'static>,
    ) -> Self {
        // Not under the borrow: the iterator is the user's.
        let keys: Vec<K> = keys.into_iter().collect();
        let id = shared.borrow_mut().watch(keys, false, None);
        Self::of(shared, id, at)
    }

    pub(super) fn of(shared: &Shared<K, V>, id: WatcherId, at: &'static Location<'static>) -> Self {
        let shared = Rc::clone(shared);
        Results { shared, id, at }
    }

    /// Waits for the next pair; `None` when all keys have been seen.
    ///
    /// # Errors
    /// [`PropagateError`], when there is no value for the key whose turn it is. In a job it is also the
    /// answer when all that is left waits, in the end, for that job.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the pair stays for the next call.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the `next` of a stream, as in futures' StreamExt"
    )]
    #[track_caller]
    pub fn next(&mut self) -> Next<'_, Self>
    where
        V: Clone,
    {
        self.waits_at(Location::caller());
        StreamExt::next(self)
    }

    pub(super) fn waits_at(&mut self, at: &'static Location<'static>) {
        self.at = at;
    }

    /// Waits for all that have not been seen yet, and gives them together.
    ///
    /// # Errors
    /// [`PropagateError`], as soon as one of them has failed. In a job it is also the answer when one of
    /// them waits, in the end, for that job.
    ///
    /// # Cancel safety
    /// Dropping the future drops this with it. The values stay in the pool.
    #[track_caller]
    pub fn all(mut self) -> All<K, V> {
        self.at = Location::caller();
        if let Some(watcher) = self.shared.borrow_mut().watchers.get_mut(&self.id) {
            watcher.needs_all = true;
        }
        All {
            results: self,
            values: BTreeMap::new(),
        }
    }

    /// The next key and what it has got.
    fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Option<(K, Outcome<K, V>)>> {
        ready!(poll_budget(cx));
        let waker = {
            let mut state = self.shared.borrow_mut();
            if let Some(next) = state.take_ready(self.id) {
                return Poll::Ready(next);
            }
            drop(state);
            cx.waker().clone()
        };
        let mut state = self.shared.borrow_mut();
        // Cloning the waker may have changed something.
        if let Some(next) = state.take_ready(self.id) {
            drop(state);
            drop(waker);
            return Poll::Ready(next);
        }
        if let Some((key, error)) = state.find_vain(self.id) {
            drop(state);
            drop(waker);
            return Poll::Ready(Some((key, Err(error))));
        }
        let watcher = state.watchers.get_mut(&self.id);
        let old = watcher.and_then(|watcher| watcher.waker.replace(waker));
        drop(state);
        drop(old);
        park(
            WaitsOn::new(WaitKind::Pool, address(&*self.shared)),
            self.at,
        );
        Poll::Pending
    }
}

impl<K: Key, V> State<K, V> {
    /// `Some(None)`: all have been seen.
    fn take_ready(&mut self, id: WatcherId) -> Option<Option<(K, Outcome<K, V>)>> {
        let Some(watcher) = self.watchers.get_mut(&id) else {
            return Some(None);
        };
        let Some(key) = watcher.ready.pop_front() else {
            return watcher.pending.is_empty().then_some(None);
        };
        let outcome = self.values.get(&key)?.clone();
        Some(Some((key, outcome)))
    }

    /// A key for which the job that runs now would wait for ever; it is not waited for any more.
    fn find_vain(&mut self, id: WatcherId) -> Option<(K, PropagateError<K>)> {
        let owner = self.running_job()?.clone();
        let job = self.jobs.get_mut(&owner)?;
        // Rings through a job's inputs were looked for when it was spawned.
        let is_input = job.inputs == id;
        job.waits.insert(id);
        let watcher = self.watchers.get_mut(&id)?;
        watcher.owner = Some(owner);
        if is_input {
            return None;
        }
        let (key, cycle) = self.cycle_of_wait(id)?;
        self.not_wanted(&key, id);
        if let Some(watcher) = self.watchers.get_mut(&id) {
            watcher.pending.remove(&key);
        }
        Some((key.clone(), PropagateError::cycle(key, cycle)))
    }
}

/// A value of one's own, made where nothing is borrowed.
fn own<K, V: Clone>(outcome: Outcome<K, V>) -> Result<V, PropagateError<K>> {
    outcome.map(Rc::unwrap_or_clone)
}

impl<K: Key, V: Clone> Stream for Results<K, V> {
    type Item = Result<(K, V), PropagateError<K>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.poll_outcome(cx));
        Poll::Ready(next.map(|(key, outcome)| Ok((key, own(outcome)?))))
    }
}

impl<K: Key, V> Drop for Results<K, V> {
    fn drop(&mut self) {
        let forgotten = self.shared.borrow_mut().forget(self.id);
        drop(forgotten);
    }
}

impl<K: Key, V> fmt::Debug for Results<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.borrow();
        let watcher = state.watchers.get(&self.id);
        f.debug_struct("Results")
            .field("pending", &watcher.map(|watcher| &watcher.pending))
            .field("ready", &watcher.map(|watcher| &watcher.ready))
            .finish()
    }
}

/// The future of [`DagPool::wait`](crate::DagPool::wait) and [`Results::all`].
///
/// # Cancel safety
/// Dropping it changes nothing: the values stay in the pool.
#[must_use = "futures do nothing unless awaited"]
pub struct All<K: Key, V> {
    results: Results<K, V>,
    values: BTreeMap<K, Rc<V>>,
}

impl<K: Key, V: Clone> Future for All<K, V> {
    type Output = Result<BTreeMap<K, V>, PropagateError<K>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((key, outcome)) = ready!(this.results.poll_outcome(cx)) {
            this.values.insert(key, outcome?);
        }
        let values = std::mem::take(&mut this.values).into_iter();
        Poll::Ready(Ok(values
            .map(|(key, value)| (key, Rc::unwrap_or_clone(value)))
            .collect()))
    }
}

impl<K: Key, V> Unpin for All<K, V> {}

impl<K: Key, V> fmt::Debug for All<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("All").field(&self.results).finish()
    }
}

/// The future of [`DagPool::value`](crate::DagPool::value).
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Value<K: Key, V>(pub(super) Results<K, V>);

impl<K: Key, V: Clone> Future for Value<K, V> {
    type Output = Result<V, PropagateError<K>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(self.0.poll_outcome(cx)) {
            Some((_, outcome)) => Poll::Ready(own(outcome)),
            None => panic!(
                "the future created at {} was polled after it was done",
                self.0.at
            ),
        }
    }
}

impl<K: Key, V> fmt::Debug for Value<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Value").field(&self.0).finish()
    }
}
