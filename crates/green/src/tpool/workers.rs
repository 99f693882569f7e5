//! The threads, and the queue of jobs before them.
//!
//! One mutex and one condition variable. Nothing of the user's runs under the mutex: jobs are run,
//! and dropped, and wakers woken, after it has been released.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use evlet_hub::report::{Report, report};

use crate::wait_list::{Key, WaitList};
use crate::wakers::Wakers;

/// The pool of the process.
pub(super) static WORKERS: Workers = Workers::new(QUEUED_JOBS, IDLE);

const DEFAULT_SIZE: usize = 20;
const SIZE_VARIABLE: &str = "EVLET_THREADPOOL_SIZE";
const QUEUED_JOBS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(10);

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Sets how many threads the pool may have.
///
/// More start when jobs need them. With fewer, threads end as they finish their jobs. With zero,
/// jobs run on the hub's thread and hold it; that is reported once.
pub fn set_num_threads(threads: usize) {
    WORKERS.resize(threads);
}

/// A photograph of the pool.
pub fn stats() -> TpoolStats {
    let mut state = WORKERS.lock();
    TpoolStats {
        size: state.size(),
        threads: state.threads,
        idle: state.idle,
        queued: state.jobs.len(),
        waiting: state.room.alive(),
    }
}

/// What [`stats`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TpoolStats {
    /// How many threads there may be.
    pub size: usize,
    /// How many there are.
    pub threads: usize,
    /// How many of those have nothing to do.
    pub idle: usize,
    /// Jobs that have not been started.
    pub queued: usize,
    /// Green threads that wait for room in the queue of jobs.
    pub waiting: usize,
}

pub(super) struct Workers {
    state: Mutex<State>,
    work: Condvar,
    idle: Duration,
}

struct State {
    /// By ticket: the smallest is the oldest.
    jobs: BTreeMap<u64, Job>,
    tickets: u64,
    capacity: usize,
    room: WaitList<(), Waker>,
    /// Places in the queue kept for those who were called from `room`.
    promised: usize,
    /// `None` before anybody asked.
    size: Option<usize>,
    threads: usize,
    idle: usize,
    started: u64,
    said_inline: bool,
}

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// What became of a try to submit a job.
pub(super) enum Submitted {
    /// It is in the queue, by this ticket.
    Queued(u64),
    /// It cannot be queued: run it here.
    RunHere,
    /// There is no room; the waker is in the line.
    Wait,
}

impl Workers {
    const fn new(capacity: usize, idle: Duration) -> Self {
        Workers {
            state: Mutex::new(State {
                jobs: BTreeMap::new(),
                tickets: 0,
                capacity,
                room: WaitList::new(),
                promised: 0,
                size: None,
                threads: 0,
                idle: 0,
                started: 0,
                said_inline: false,
            }),
            work: Condvar::new(),
            idle,
        }
    }

    /// Puts a job in the queue if there is room; `make` is called for it only then. Otherwise waits
    /// in line at `place`, with `waker`.
    pub(super) fn submit(
        &'static self,
        place: &mut Option<Key>,
        waker: Waker,
        make: impl FnOnce(Waker) -> Job,
    ) -> Submitted {
        if IS_WORKER.get() {
            return Submitted::RunHere;
        }
        let mut state = self.lock();
        if state.size() == 0 {
            let say = !std::mem::replace(&mut state.said_inline, true);
            drop(state);
            if say {
                tell("it has no threads, so jobs run on the hub's thread and hold it");
            }
            return Submitted::RunHere;
        }
        if !state.takes_job(place) {
            let old = match place {
                Some(key) => state.room.renew(key, waker),
                None => {
                    *place = Some(state.room.push_back(waker, ()));
                    None
                }
            };
            drop(state);
            drop(old);
            return Submitted::Wait;
        }
        // The user's closure is only boxed here, not called.
        let job = make(waker);
        state.tickets += 1;
        let ticket = state.tickets;
        state.jobs.insert(ticket, job);
        let new = state.threads_to_start();
        drop(state);
        self.work.notify_one();
        self.start(new);
        Submitted::Queued(ticket)
    }

    /// Takes a job back that has not been started.
    pub(super) fn withdraw(&self, ticket: u64) {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        let job = state.jobs.remove(&ticket);
        state.offer_room(&mut wakers);
        drop(state);
        drop(job);
        wakers.wake();
    }

    /// Leaves the line of those who wait for room.
    pub(super) fn leave_line(&self, place: &mut Option<Key>) {
        let Some(key) = place.take() else { return };
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        let left = state.room.remove(key);
        if left.was_called {
            state.promised -= 1;
            state.offer_room(&mut wakers);
        }
        drop(state);
        drop(left);
        wakers.wake();
    }

    fn resize(&'static self, size: usize) {
        let mut state = self.lock();
        state.size = Some(size);
        state.said_inline = false;
        let new = state.threads_to_start();
        drop(state);
        self.work.notify_all();
        self.start(new);
    }

    /// Starts the threads that have been counted as started.
    fn start(&'static self, new: std::ops::RangeInclusive<u64>) {
        for number in new {
            let builder = thread::Builder::new().name(format!("evlet-tpool-{number}"));
            // Dropping the handle detaches the thread.
            if let Err(error) = builder.spawn(|| self.work()) {
                self.lock().threads -= 1;
                self.run_if_nobody_else_will(&error);
            }
        }
    }

    fn run_if_nobody_else_will(&self, error: &std::io::Error) {
        let mut say = true;
        loop {
            let mut wakers = Wakers::default();
            let mut state = self.lock();
            if state.threads > 0 {
                return;
            }
            let Some((_, job)) = state.jobs.pop_first() else {
                return;
            };
            state.offer_room(&mut wakers);
            drop(state);
            wakers.wake();
            if std::mem::take(&mut say) {
                tell(&format!(
                    "the system refuses to start a thread ({error}), so jobs run on the hub's \
                     thread and hold it"
                ));
            }
            job();
        }
    }

    /// The life of a thread.
    fn work(&self) {
        IS_WORKER.set(true);
        let mut state = self.lock();
        loop {
            if state.threads > state.size().max(1) {
                break;
            }
            if let Some((_, job)) = state.jobs.pop_first() {
                let mut wakers = Wakers::default();
                state.offer_room(&mut wakers);
                drop(state);
                wakers.wake();
                job();
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, self.idle);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics, and if it did the counts would still be right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn size(&mut self) -> usize {
        *self.size.get_or_insert_with(size_from_environment)
    }

    fn has_room(&self) -> bool {
        self.jobs.len() + self.promised < self.capacity
    }

    /// Whether a job may go in now, by promise or because there is room that nobody waits for.
    fn takes_job(&mut self, place: &mut Option<Key>) -> bool {
        match place.take_if(|key| self.room.is_called(key)) {
            Some(key) => {
                drop(self.room.remove(key));
                self.promised -= 1;
                true
            }
            None => place.is_none() && self.has_room(),
        }
    }

    fn offer_room(&mut self, wakers: &mut Wakers<Waker>) {
        while self.has_room() && self.room.call_first(wakers) {
            self.promised += 1;
        }
    }

    /// Counts as started as many threads as jobs lack; returns their numbers.
    fn threads_to_start(&mut self) -> std::ops::RangeInclusive<u64> {
        let lacking = self.jobs.len().saturating_sub(self.idle);
        let allowed = self.size().saturating_sub(self.threads);
        let new = lacking.min(allowed);
        self.threads += new;
        let first = self.started + 1;
        self.started += new as u64;
        first..=self.started
    }
}

fn size_from_environment() -> usize {
    let Some(text) = std::env::var_os(SIZE_VARIABLE) else {
        return DEFAULT_SIZE;
    };
    let size = text.to_str().and_then(|text| text.trim().parse().ok());
    size.unwrap_or_else(|| {
        tell(&format!(
            "{SIZE_VARIABLE} is {text:?}, which is not a number of threads: there will be up to \
             {DEFAULT_SIZE}"
        ));
        DEFAULT_SIZE
    })
}

fn tell(message: &str) {
    report(Report::notice("the thread pool", message));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn pool(capacity: usize, size: usize, idle: Duration) -> &'static Workers {
        let workers: &'static Workers = Box::leak(Box::new(Workers::new(capacity, idle)));
        workers.resize(size);
        workers
    }

    fn submit(workers: &'static Workers, job: impl FnOnce() + Send + 'static) -> Submitted {
        let waker = Waker::noop().clone();
        workers.submit(&mut None, waker, move |_| Box::new(job))
    }

    fn wait_until(workers: &Workers, reached: impl Fn(&State) -> bool) {
        while !reached(&workers.lock()) {
            thread::yield_now();
        }
    }

    #[test]
    fn threads_start_on_demand_and_end_when_idle() {
        let workers = pool(10, 3, Duration::ZERO);
        assert_eq!(workers.lock().threads, 0);
        let (tell, told) = mpsc::channel();
        submit(workers, move || {
            tell.send(thread::current().name().map(str::to_owned))
                .unwrap();
        });
        assert_eq!(told.recv().unwrap().as_deref(), Some("evlet-tpool-1"));
        wait_until(workers, |state| state.threads == 0);
    }

    // proves E-3
    #[test]
    fn room_goes_to_who_waits_and_a_withdrawn_job_makes_some() {
        let workers = pool(1, 1, Duration::ZERO);
        let (release, held) = mpsc::channel::<()>();
        submit(workers, move || {
            let _ = held.recv();
        });
        wait_until(workers, |state| state.jobs.is_empty());
        let Submitted::Queued(ticket) = submit(workers, || {}) else {
            panic!("there was room")
        };

        let mut first = None;
        let mut second = None;
        for place in [&mut first, &mut second] {
            let waits = workers.submit(place, Waker::noop().clone(), |_| Box::new(|| {}));
            assert!(matches!(waits, Submitted::Wait));
        }
        workers.withdraw(ticket);
        assert!(
            matches!(submit(workers, || {}), Submitted::Wait),
            "it is promised to the first"
        );
        workers.leave_line(&mut first);
        let queued = workers.submit(&mut second, Waker::noop().clone(), |_| Box::new(|| {}));
        assert!(
            matches!(queued, Submitted::Queued(_)),
            "the first passed it on"
        );
        drop(release);
        wait_until(workers, |state| state.jobs.is_empty());
    }
}
