//! Ending the threads: for a hub that goes on, and for a process that ends.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};
use evlet_hub::{ClockHold, hold_clock};

use crate::tpool::workers::{WORKERS, Workers, is_worker};
use crate::wait_list::Key;

/// Tells the pool's threads to end, which stands whether it is awaited or not; awaiting it waits until
/// they have.
///
/// Jobs that are under way or queued are done before, and their results reach who waits. A job
/// submitted later is done by new threads, so the pool may be used on: this is for programs that
/// want their threads back after a burst of work.
///
/// It waits as long as the jobs take: limit it with [`with_timeout`](crate::with_timeout) where one
/// might be stuck. Awaited by a job of the pool it does not wait, for it would wait for itself. Under
/// virtual time the clock stands still until the threads have ended.
///
/// # Cancel safety
/// Dropping the future gives up the wait; the threads end all the same.
///
/// # Example
/// ```
/// use evlet_green::tpool;
///
/// evlet_hub::run(async {
///     tpool::execute(|| ()).await;
///     tpool::killall().await;
///     assert_eq!(tpool::stats().threads, 0);
///     assert_eq!(tpool::execute(|| 5).await, 5);
/// });
/// ```
#[track_caller]
pub fn killall() -> KillAll {
    KillAll {
        shift: WORKERS.dismiss(),
        place: None,
        held: None,
        at: Location::caller(),
    }
}

/// Waits, as an OS thread, until the jobs that were submitted so far are done and the pool's threads
/// have ended, but not longer than `limit`: the last line of a program whose last jobs matter.
///
/// Without it a process does not wait at its end: the threads are detached, and a job under way is cut
/// off where it is. With it, a job that never ends costs `limit` and nothing more.
///
/// It blocks the calling thread, so on a hub use [`killall`]. On a thread of the pool it does not
/// wait, for it would wait for itself. The pool may be used on, with new threads.
///
/// # Errors
/// [`StillBusy`]: not everything was done in time. What is left goes on until the process ends.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use evlet_green::tpool;
///
/// evlet_hub::run(async { tpool::execute(|| ()).await });
/// if let Err(left) = tpool::shutdown(Duration::from_secs(5)) {
///     eprintln!("{left}");
/// }
/// ```
pub fn shutdown(limit: Duration) -> Result<(), StillBusy> {
    let shift = WORKERS.dismiss();
    WORKERS.wait_until_gone(shift, limit)
}

/// The error of [`shutdown`]: there was not enough time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillBusy {
    /// Threads whose jobs are still under way.
    pub running: usize,
    /// Jobs that no thread has begun.
    pub queued: usize,
    /// How long it was waited for them.
    pub limit: Duration,
}

impl fmt::Display for StillBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the thread pool is not done after {:?} (jobs under way: {}, queued: {}): they are cut off \
             if the process ends now",
            self.limit, self.running, self.queued
        )
    }
}

impl Error for StillBusy {}

impl Workers {
    fn wait_until_gone(&self, shift: u64, limit: Duration) -> Result<(), StillBusy> {
        let mut state = self.lock();
        if !is_worker() {
            let waited = self
                .gone
                .wait_timeout_while(state, limit, |state| !state.crew.have_gone(shift));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.crew.have_gone(shift) {
            return Ok(());
        }
        Err(StillBusy {
            running: state.crew.of_shifts_up_to(shift),
            queued: state.jobs.len(),
            limit,
        })
    }

    /// Whether this shift has gone. Otherwise waits for the next departure at `place`.
    fn have_gone(&self, shift: u64, place: &mut Option<Key>, waker: &Waker) -> bool {
        let fresh = waker.clone();
        let mut state = self.lock();
        if state.crew.have_gone(shift) {
            drop(state);
            self.wait_no_longer(place);
            return true;
        }
        // It may have been called because another shift has gone.
        let left = place.take().map(|key| state.departures.remove(key));
        *place = Some(state.departures.push_back(fresh, ()));
        drop(state);
        drop(left);
        false
    }

    fn wait_no_longer(&self, place: &mut Option<Key>) {
        let Some(key) = place.take() else { return };
        let left = self.lock().departures.remove(key);
        drop(left);
    }
}

/// The future of [`killall`].
///
/// It need not be awaited: the threads end without.
///
/// # Cancel safety
/// See [`killall`].
pub struct KillAll {
    shift: u64,
    place: Option<Key>,
    held: Option<ClockHold>,
    at: &'static Location<'static>,
}

impl Future for KillAll {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(poll_budget(cx));
        let this = &mut *self;
        if is_worker() || WORKERS.have_gone(this.shift, &mut this.place, cx.waker()) {
            this.held = None;
            return Poll::Ready(());
        }
        this.held.get_or_insert_with(hold_clock);
        park(WaitsOn::new(WaitKind::Blocking, 0), this.at);
        Poll::Pending
    }
}

impl Drop for KillAll {
    fn drop(&mut self) {
        WORKERS.wait_no_longer(&mut self.place);
    }
}

impl fmt::Debug for KillAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KillAll")
            .field("at", &format_args!("{}", self.at))
            .finish_non_exhaustive()
    }
}
