//! A job: its green thread, and how its end becomes the value of its key.

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::rc::Rc;

use evlet_hub::report::message_of_caught;
use evlet_hub::spawn_at;
use futures::FutureExt;

use crate::dagpool::results::{Results, Shared};
use crate::dagpool::state::{Key, Outcome, WatcherId};
use crate::dagpool::{Failure, JobDied, PropagateError};
use crate::wakers::Wakers;

/// Starts the green thread of a job that has been registered.
pub(super) fn start<K, V, F, R>(
    shared: &Shared<K, V>,
    site: &'static Location<'static>,
    key: K,
    inputs: WatcherId,
    job: F,
) where
    K: Key,
    V: 'static,
    F: FnOnce(K, Results<K, V>) -> R + 'static,
    R: Future<Output = Result<V, Failure>>,
{
    let results = Results::of(shared, inputs, site);
    let ending = Ending {
        shared: Rc::clone(shared),
        key: key.clone(),
        inputs,
        is_told: false,
    };
    let own = key.clone();
    let body = async move {
        let job = async move { job(own, results).await };
        let outcome = match AssertUnwindSafe(job).catch_unwind().await {
            Ok(result) => result,
            Err(payload) => {
                let message = message_of_caught(payload);
                Err(JobDied::Panicked(message).into())
            }
        };
        ending.tell(outcome);
    };
    let thread = spawn_at(site, body);
    shared.borrow_mut().started(&key, thread);
}

/// Sees to it that the key gets a value however the job ends, unless the pool itself has killed it.
struct Ending<K: Key, V> {
    shared: Shared<K, V>,
    key: K,
    inputs: WatcherId,
    is_told: bool,
}

impl<K: Key, V> Ending<K, V> {
    fn tell(mut self, outcome: Result<V, Failure>) {
        self.is_told = true;
        self.end(outcome);
    }

    fn end(&self, outcome: Result<V, Failure>) {
        let key = self.key.clone();
        let outcome: Outcome<K, V> = match outcome {
            Ok(value) => Ok(Rc::new(value)),
            Err(failure) => Err(PropagateError::failed(key.clone(), failure)),
        };
        let mut wakers = Wakers::default();
        let mut state = self.shared.borrow_mut();
        let job = state.remove_job(&key, self.inputs);
        // A job that has posted its own value has said all there is.
        let unused = if job.is_some() && !state.values.contains_key(&key) {
            state.set(key, outcome, &mut wakers)
        } else {
            Some(outcome)
        };
        drop(state);
        wakers.wake();
        drop((job, unused));
    }
}

impl<K: Key, V> Drop for Ending<K, V> {
    fn drop(&mut self) {
        if !self.is_told {
            self.end(Err(JobDied::Killed.into()));
        }
    }
}
