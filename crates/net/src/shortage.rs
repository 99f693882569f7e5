//! A listener that cannot accept for lack of something, most often descriptors (promise F-1).
//!
//! It waits 5 ms and tries again, then 10, doubling up to one second, and tries at once when this
//! thread closes a socket of ours, since that is what it waits for. Connections stay in the
//! kernel's backlog meanwhile: a failing `accept` takes none out. The operator hears about it twice:
//! when it begins, and when it is over.
//!
//! The count starts anew only when a connection is accepted: dropping the future of `accept` and
//! making a new one neither hides the shortage nor repeats the report.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use evlet_hub::report::{self, Report};
use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Sleep, sleep};

use crate::accept_error;

const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// One listener's books on its shortage.
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    since: Cell<Option<Instant>>,
    waited: Cell<Duration>,
}

impl Shortage {
    /// An `accept` failed: the wait until the next try. Reports the first failure of a row.
    pub(crate) fn failed(&self, listener: impl Fn() -> String, error: &io::Error) -> Pause {
        let wait = match self.since.get() {
            Some(_) => (self.waited.get() * 2).min(LONGEST_WAIT),
            None => FIRST_WAIT,
        };
        self.waited.set(wait);
        if self.since.get().is_none() {
            self.since.set(Some(evlet_hub::now()));
            let message = format!(
                "cannot accept: {error}; {}. New connections wait in the backlog, and the \
                 listener tries again every {FIRST_WAIT:?} to {LONGEST_WAIT:?}",
                accept_error::shortage(error)
            );
            report::report(Report::notice(listener(), message));
        }
        Pause {
            sleep: sleep(wait),
            ticket: None,
        }
    }

    /// An `accept` worked. Reports the end of a shortage.
    #[inline]
    pub(crate) fn over(&self, listener: impl Fn() -> String) {
        if let Some(since) = self.since.take() {
            let lasted = evlet_hub::now().saturating_duration_since(since);
            let message = format!("accepts again after {lasted:?}");
            report::report(Report::notice(listener(), message));
        }
    }
}

/// The wait between two tries.
#[derive(Debug)]
pub(crate) struct Pause {
    sleep: Sleep,
    ticket: Option<u64>,
}

impl Pause {
    /// Ready when it is time to try again.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<()> {
        if self.ticket.is_some_and(|ticket| !still_waits(ticket)) {
            return Poll::Ready(());
        }
        let polled = Pin::new(&mut self.sleep).poll(cx);
        if polled.is_pending() {
            self.ticket = Some(wait_for_descriptor(self.ticket, cx.waker()));
            wait::park(WaitsOn::new(WaitKind::Timer, 0), at);
        }
        polled
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waiter = remove(ticket);
            drop(waiter); // after the borrow
        }
    }
}

thread_local! {
    static STARVED: Starved = const { Starved { count: Cell::new(0), next: Cell::new(0), waiters: RefCell::new(Vec::new()) } };
}

/// The listeners of this thread that wait for a descriptor. There is seldom one.
struct Starved {
    count: Cell<usize>,
    next: Cell<u64>,
    waiters: RefCell<Vec<(u64, Waker)>>,
}

/// A socket of ours is about to be closed: who waits for a descriptor tries again at its next turn,
/// when it is.
#[inline]
pub(crate) fn descriptor_freed() {
    // A thread that ends may have dropped the list before its last socket.
    let starved = STARVED.try_with(|s| s.count.get()).unwrap_or(0);
    if starved > 0 {
        wake_the_starved();
    }
}

#[cold]
fn wake_the_starved() {
    let waiters = STARVED.with(|s| {
        s.count.set(0);
        s.waiters.take()
    });
    for (_, waker) in waiters {
        waker.wake();
    }
}

fn wait_for_descriptor(ticket: Option<u64>, waker: &Waker) -> u64 {
    let waker = waker.clone();
    let (ticket, old) = STARVED.with(|s| {
        let mut waiters = s.waiters.borrow_mut();
        let known = ticket.and_then(|t| waiters.iter_mut().find(|(known, _)| *known == t));
        match known {
            Some((ticket, slot)) => (*ticket, Some(std::mem::replace(slot, waker))),
            None => {
                let ticket = s.next.get();
                s.next.set(ticket + 1);
                waiters.push((ticket, waker));
                s.count.set(waiters.len());
                (ticket, None)
            }
        }
    });
    drop(old);
    ticket
}

fn still_waits(ticket: u64) -> bool {
    STARVED.with(|s| s.waiters.borrow().iter().any(|(known, _)| *known == ticket))
}

fn remove(ticket: u64) -> Option<Waker> {
    STARVED
        .try_with(|s| {
            let mut waiters = s.waiters.borrow_mut();
            let place = waiters.iter().position(|(known, _)| *known == ticket)?;
            let (_, waker) = waiters.remove(place);
            s.count.set(waiters.len());
            Some(waker)
        })
        .ok()
        .flatten()
}
