//! The semaphore without a limit.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

/// A number of permits, served first come, first served.
///
/// [`acquire`](Self::acquire) takes a permit and waits while there is none; the [`Permit`] gives it
/// back when it is dropped. Nobody overtakes: a permit that is released belongs to the first who
/// waits, and `try_acquire` gets one only when nobody does. A clone is another handle of the same
/// semaphore. One permit makes a lock.
///
/// # Example
/// ```
/// use evlet_green::Semaphore;
/// use evlet_hub::{run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let disks = Semaphore::new(2);
///     let copies: Vec<_> = (0..5)
///         .map(|_| {
///             let disks = disks.clone();
///             spawn(async move {
///                 let _permit = disks.acquire().await; // at most two copy at once
///                 sleep(Duration::from_millis(1)).await;
///             })
///         })
///         .collect();
///     for copy in copies {
///         copy.await.unwrap();
///     }
///     assert_eq!(disks.available(), 2);
/// });
/// ```
///
/// After eventlet's `Semaphore`, with these differences: non-blocking and timed acquires do not
/// overtake; the permit is a guard.
#[derive(Clone)]
pub struct Semaphore {
    state: Rc<RefCell<State>>,
}

/// Somebody waits only if the first in line needs more than is available.
#[derive(Debug)]
struct State {
    available: usize,
    /// Permits that were taken for good. Counted always, read by the bounded semaphore.
    forgotten: usize,
    /// Each place carries how many permits it needs.
    waiters: WaitList<usize>,
}

impl State {
    fn give(&mut self, permits: usize, wakers: &mut Wakers) {
        self.add(permits);
        self.settle(wakers);
    }

    #[inline]
    fn add(&mut self, permits: usize) {
        self.available = self.available.saturating_add(permits);
    }

    /// Permits are taken out for a waiter when it is called.
    #[inline]
    fn settle(&mut self, wakers: &mut Wakers) {
        let available = &mut self.available;
        let mut has_its_turn = |needed: &Option<usize>| match needed {
            Some(needed) if *needed <= *available => {
                *available -= needed;
                true
            }
            _ => false,
        };
        while self.waiters.call_first_if(wakers, &mut has_its_turn) {}
    }

    #[inline]
    fn take(&mut self, permits: usize) -> Option<()> {
        if !self.waiters.is_empty() {
            return None;
        }
        self.available = self.available.checked_sub(permits)?;
        Some(())
    }
}

impl Semaphore {
    /// A semaphore with `permits` permits.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Semaphore {
            state: Rc::new(RefCell::new(State {
                available: permits,
                forgotten: 0,
                waiters: WaitList::new(),
            })),
        }
    }

    /// Takes a permit; waits while there is none, behind those who came earlier.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A permit that had just been given to it
    /// goes to the next.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Takes `permits` permits at once, in one [`Permit`]; waits until as many are there.
    ///
    /// While it is first in line, nobody behind it gets any, however few they need. More than there
    /// will ever be is waited for until it is dropped.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire); all of them go on to the next.
    #[inline]
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Acquire<'_> {
        Acquire {
            semaphore: self,
            waiter: Waiter::new(&self.state, Need(permits), Location::caller()),
        }
    }

    /// Takes a permit if there is one and nobody waits.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Permit> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` permits at once, in one [`Permit`], if as many are there and nobody waits;
    /// otherwise takes none.
    ///
    /// # Example
    /// ```
    /// use evlet_green::Semaphore;
    ///
    /// let megabytes = Semaphore::new(64);
    /// let upload = megabytes.try_acquire_many(48).unwrap();
    /// assert!(megabytes.try_acquire_many(32).is_none());
    /// assert_eq!(megabytes.available(), 16);
    /// drop(upload); // gives all 48 back
    /// assert!(megabytes.try_acquire_many(32).is_some());
    /// ```
    #[must_use]
    pub fn try_acquire_many(&self, permits: usize) -> Option<Permit> {
        self.state.borrow_mut().take(permits)?;
        Some(self.permit(permits))
    }

    /// Adds a permit; the first who waits gets it. Never waits, has no upper limit, and may be
    /// called by anybody: with a [`Permit`] in hand, drop that instead.
    pub fn release(&self) {
        self.give(1);
    }

    /// Gives back one that was forgotten; `false` if none was.
    pub(super) fn release_forgotten(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let Some(left) = state.forgotten.checked_sub(1) else {
            return false;
        };
        state.forgotten = left;
        drop(state);
        self.release();
        true
    }

    /// How many permits can be taken without waiting.
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.borrow().available
    }

    /// How many wait and have not been given what they need.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state.borrow().waiters.len()
    }

    /// Permits that are there minus those who wait: negative when more are wanted.
    #[must_use]
    pub fn balance(&self) -> isize {
        let state = self.state.borrow();
        let [available, waiting] = [state.available, state.waiters.len()]
            .map(|count| isize::try_from(count).unwrap_or(isize::MAX));
        available.saturating_sub(waiting)
    }

    #[inline]
    fn permit(&self, permits: usize) -> Permit {
        Permit {
            semaphore: self.clone(),
            permits,
        }
    }

    #[inline]
    fn give(&self, permits: usize) {
        let mut state = self.state.borrow_mut();
        state.add(permits);
        let is_wanted = !state.waiters.is_empty();
        drop(state);
        if is_wanted {
            self.settle();
        }
    }

    #[inline(never)]
    fn settle(&self) {
        let mut wakers = Wakers::default();
        self.state.borrow_mut().settle(&mut wakers);
        wakers.wake();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// The right to go on, given back to its [`Semaphore`] when dropped.
#[must_use = "the permit is given back as soon as this is dropped"]
pub struct Permit {
    semaphore: Semaphore,
    permits: usize,
}

impl Permit {
    /// Keeps the permit from being given back: the semaphore has one fewer from now on, until
    /// somebody calls [`Semaphore::release`] or
    /// [`BoundedSemaphore::release`](crate::BoundedSemaphore::release).
    pub fn forget(mut self) {
        let mut state = self.semaphore.state.borrow_mut();
        state.forgotten = state.forgotten.saturating_add(self.permits);
        drop(state);
        self.permits = 0;
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.give(self.permits);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("permits", &self.permits)
            .finish()
    }
}

/// A waiter needs this many permits.
#[derive(Debug)]
struct Need(usize);

impl Claim for Need {
    type State = State;
    type Load = usize;
    type Output = ();
    const KIND: WaitKind = WaitKind::Semaphore;

    fn line<'s>(&self, state: &'s mut State) -> &'s mut WaitList<usize> {
        &mut state.waiters
    }

    fn arrive(&mut self, state: &mut State, _: &mut Wakers) -> Option<()> {
        state.take(self.0)
    }

    fn load(&mut self) -> usize {
        self.0
    }

    fn called(&mut self, _: &mut State, _: &mut Option<usize>, _: &mut Wakers) -> Option<()> {
        Some(())
    }

    fn gave_up(&mut self, state: &mut State, left: &mut Left<usize>, wakers: &mut Wakers) {
        if left.was_called {
            state.give(self.0, wakers);
        } else {
            // It may have been first, and kept those who need less waiting.
            state.settle(wakers);
        }
    }
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
///
/// # Cancel safety
/// Dropping it loses its place in the line; permits just given to it go to the next.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    waiter: Waiter<'a, Need>,
}

impl Future for Acquire<'_> {
    type Output = Permit;

    // The short way is 20 instructions: a call would be half as many again.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        ready!(self.waiter.poll_quick(cx));
        Poll::Ready(self.semaphore.permit(self.waiter.claim().0))
    }
}
