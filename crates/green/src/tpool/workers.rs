//! The threads, and what they share: one mutex, one condition variable.
//!
//! Nothing of the user's runs under the mutex: jobs are run, and dropped, and wakers woken, after it
//! has been released.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use evlet_hub::report::{Report, report};

use crate::tpool::crew::Crew;
use crate::tpool::jobs::{Job, Jobs};
use crate::tpool::size;
use crate::wait_list::{Key, WaitList};
use crate::wakers::Wakers;

/// The pool of the process.
pub(super) static WORKERS: Workers = Workers::new(QUEUED_JOBS, IDLE);

const QUEUED_JOBS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(10);

/// Sets how many threads the pool may have.
///
/// More start when jobs need them. With fewer, threads end as they finish their jobs. With zero,
/// jobs run on the hub's thread and hold it; that is reported once, when the first does.
/// [`hand_over`](crate::tpool::hand_over) gives its job back instead.
pub fn set_num_threads(threads: usize) {
    WORKERS.resize(threads);
}

/// A photograph of the pool.
pub fn stats() -> TpoolStats {
    let state = WORKERS.lock_sized();
    TpoolStats {
        size: state.crew.size(),
        threads: state.crew.threads(),
        idle: state.crew.idle(),
        queued: state.jobs.len(),
        waiting: state.jobs.waiting(),
    }
}

/// What [`stats`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TpoolStats {
    /// How many threads there may be.
    pub size: usize,
    /// How many there are, also of those that were told to end and are still at work.
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
    /// Told when a shift that was dismissed has gone, as are those in `State::departures`.
    pub(super) gone: Condvar,
    idle: Duration,
}

pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) crew: Crew,
    pub(super) departures: WaitList<(), Waker>,
    /// The size was given, or taken from the environment.
    is_sized: bool,
    /// The process that the threads are in; 0 before there were any.
    process: u32,
    said_inline: bool,
}

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a thread of the pool.
pub(super) fn is_worker() -> bool {
    IS_WORKER.get()
}

/// What became of a try to submit a job.
pub(super) enum Submitted {
    /// It is in the queue, by this ticket.
    Queued(u64),
    /// There are no threads. Who runs it here says so, with [`Workers::say_that_jobs_run_here`].
    NoThreads,
    /// This is one of the threads, which must not wait for another.
    InAJob,
    /// There is no room; the waker is in the line.
    Wait,
}

impl Workers {
    const fn new(capacity: usize, idle: Duration) -> Self {
        Workers {
            state: Mutex::new(State {
                jobs: Jobs::new(capacity),
                crew: Crew::new(0),
                departures: WaitList::new(),
                is_sized: false,
                process: 0,
                said_inline: false,
            }),
            work: Condvar::new(),
            gone: Condvar::new(),
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
        if is_worker() {
            return Submitted::InAJob;
        }
        let mut state = self.lock_sized();
        state.see_where_it_is();
        if state.crew.size() == 0 {
            return Submitted::NoThreads;
        }
        if !state.jobs.takes_one(place) {
            let old = state.jobs.stand_in_line(place, waker);
            drop(state);
            drop(old);
            return Submitted::Wait;
        }
        // The user's closure is only boxed here, not called.
        let ticket = state.jobs.put(make(waker));
        let new = state.threads_to_start();
        drop(state);
        self.work.notify_one();
        self.start(new);
        Submitted::Queued(ticket)
    }

    /// Reports that there are no threads, once for each size of zero.
    pub(super) fn say_that_jobs_run_here(&self) {
        let said = std::mem::replace(&mut self.lock().said_inline, true);
        if !said {
            tell("it has no threads, so jobs run on the hub's thread and hold it");
        }
    }

    /// Takes a job back that has not been started.
    pub(super) fn withdraw(&self, ticket: u64) {
        let mut wakers = Wakers::default();
        let job = self.lock().jobs.take_back(ticket, &mut wakers);
        drop(job);
        wakers.wake();
    }

    /// Leaves the line of those who wait for room.
    pub(super) fn leave_line(&self, place: &mut Option<Key>) {
        let Some(key) = place.take() else { return };
        let mut wakers = Wakers::default();
        let left = self.lock().jobs.leave_line(key, &mut wakers);
        drop(left);
        wakers.wake();
    }

    /// Tells the threads to go once the jobs that are queued now have been done. Returns their shift.
    pub(super) fn dismiss(&self) -> u64 {
        let mut state = self.lock();
        let last_ticket = state.jobs.last_ticket();
        let shift = state.crew.dismiss(last_ticket);
        drop(state);
        self.work.notify_all();
        shift
    }

    fn resize(&'static self, size: usize) {
        let mut state = self.lock();
        state.see_where_it_is();
        state.crew.resize(size);
        state.is_sized = true;
        state.said_inline = false;
        let new = state.threads_to_start();
        drop(state);
        self.work.notify_all();
        self.start(new);
    }

    /// Starts the threads that have been counted as started.
    fn start(&'static self, (shift, new): (u64, RangeInclusive<u64>)) {
        for number in new {
            let builder = thread::Builder::new().name(format!("evlet-tpool-{number}"));
            // Dropping the handle detaches the thread.
            if let Err(error) = builder.spawn(move || self.work(shift)) {
                self.one_has_gone(shift);
                self.run_if_nobody_else_will(&error);
            }
        }
    }

    fn run_if_nobody_else_will(&self, error: &std::io::Error) {
        let mut say = true;
        loop {
            let mut wakers = Wakers::default();
            let mut state = self.lock();
            if state.crew.threads() > 0 {
                return;
            }
            let Some(job) = state.jobs.take_up_to(u64::MAX, &mut wakers) else {
                return;
            };
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
    fn work(&self, shift: u64) {
        IS_WORKER.set(true);
        let _leaves = Leaves {
            workers: self,
            shift,
        };
        loop {
            let mut wakers = Wakers::default();
            let mut state = self.lock();
            let Some(last_ticket) = state.crew.takes_up_to(shift) else {
                return;
            };
            if let Some(job) = state.jobs.take_up_to(last_ticket, &mut wakers) {
                drop(state);
                wakers.wake();
                job();
                continue;
            }
            if !state.crew.may_rest(shift) {
                return;
            }
            state.crew.begins_to_rest();
            let waited = self.work.wait_timeout(state, self.idle);
            let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state.crew.ends_its_rest(shift);
            if timeout.timed_out() && state.jobs.len() == 0 {
                return;
            }
        }
    }

    fn one_has_gone(&self, shift: u64) {
        let mut wakers = Wakers::default();
        let mut state = self.lock();
        if state.crew.one_has_gone(shift) {
            state.departures.call_all(&mut wakers);
            self.gone.notify_all();
        }
        drop(state);
        wakers.wake();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics, and if it did the counts would still be right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock), once it is known how many threads there may be.
    fn lock_sized(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.is_sized {
            return state;
        }
        let (size, trouble) = size::from_environment();
        state.crew.resize(size);
        state.is_sized = true;
        // Whoever is told may look at the pool.
        drop(state);
        if let Some(trouble) = trouble {
            tell(&trouble);
        }
        self.lock()
    }
}

impl State {
    /// A fork leaves the threads behind, and the jobs are theirs: in the child there are none of either (K-7).
    fn see_where_it_is(&mut self) {
        let here = std::process::id();
        if std::mem::replace(&mut self.process, here) != here {
            self.crew.was_left_behind();
            self.jobs.were_left_behind();
        }
    }

    fn threads_to_start(&mut self) -> (u64, RangeInclusive<u64>) {
        (self.crew.shift(), self.crew.threads_for(self.jobs.len()))
    }
}

/// However a thread ends, it is counted as gone.
struct Leaves<'a> {
    workers: &'a Workers,
    shift: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.workers.one_has_gone(self.shift);
    }
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
        assert_eq!(workers.lock().crew.threads(), 0);
        let (tell, told) = mpsc::channel();
        submit(workers, move || {
            tell.send(thread::current().name().map(str::to_owned))
                .unwrap();
        });
        assert_eq!(told.recv().unwrap().as_deref(), Some("evlet-tpool-1"));
        wait_until(workers, |state| state.crew.threads() == 0);
    }

    // proves E-3
    #[test]
    fn room_goes_to_who_waits_and_a_withdrawn_job_makes_some() {
        let workers = pool(1, 1, Duration::ZERO);
        let (release, held) = mpsc::channel::<()>();
        submit(workers, move || {
            let _ = held.recv();
        });
        wait_until(workers, |state| state.jobs.len() == 0);
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
        wait_until(workers, |state| state.jobs.len() == 0);
    }
}
