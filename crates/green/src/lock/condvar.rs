//! Waiting for a change of what a mutex protects.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::WaitKind;

use crate::lock::{Lock, Mutex, MutexGuard};
use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

/// Lets green threads wait until what a [`Mutex`] protects has changed.
///
/// [`wait`](Self::wait) gives the mutex back, waits for a notification, and locks again. Those who
/// wait are notified first come, first served, and lock in that order. A notification that finds
/// nobody waiting is gone: look at the value before waiting, or let
/// [`wait_while`](Self::wait_while) do so.
///
/// Different waits may be with different mutexes.
///
/// # Example
/// ```
/// use evlet_green::{Condvar, Mutex};
/// use evlet_hub::{run, spawn};
/// use std::rc::Rc;
///
/// run(async {
///     let door = Rc::new((Mutex::new(0), Condvar::new()));
///     let own = Rc::clone(&door);
///     let third = spawn(async move {
///         let (visitors, changed) = &*own;
///         let visitors = changed.wait_while(visitors.lock().await, |n| *n < 3).await;
///         assert_eq!(*visitors, 3);
///     });
///     let (visitors, changed) = &*door;
///     for _ in 0..3 {
///         *visitors.lock().await += 1;
///         changed.notify_one();
///     }
///     third.await.unwrap();
/// });
/// ```
pub struct Condvar {
    waiters: RefCell<WaitList<Notified>>,
}

/// How a waiter was notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notified {
    NotYet,
    Alone,
    WithAll,
}

impl Condvar {
    /// A condition variable that nobody waits for.
    #[must_use]
    pub const fn new() -> Self {
        Condvar {
            waiters: RefCell::new(WaitList::new()),
        }
    }

    /// Gives the mutex of `guard` back, waits for a notification, and locks it again.
    ///
    /// The mutex is given back when the future is polled for the first time, in one step with
    /// joining the line: no notification can come in between. There are no notifications that
    /// nobody sent, but between one and the lock others may have changed the value again.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line, and leaves the mutex given back. A
    /// notification by [`notify_one`](Self::notify_one) that it had got, and not returned with, goes
    /// to the next who waits.
    #[track_caller]
    pub fn wait<'a, T>(&'a self, guard: MutexGuard<'a, T>) -> Wait<'a, T> {
        self.wait_at(guard, Location::caller())
    }

    fn wait_at<'a, T>(
        &'a self,
        guard: MutexGuard<'a, T>,
        at: &'static Location<'static>,
    ) -> Wait<'a, T> {
        Wait {
            condvar: self,
            mutex: guard.mutex(),
            guard: Some(guard),
            waiter: Waiter::new(&self.waiters, Notification { is_in_line: false }, at),
            lock: None,
            is_owed: false,
        }
    }

    /// [`wait`](Self::wait)s as long as `condition` is true of the value; not at all if it is not.
    ///
    /// A notification is used up even if the condition is still true after it, so who changes
    /// something that only one of several waits for, calls [`notify_all`](Self::notify_all).
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &'a self,
        guard: MutexGuard<'a, T>,
        condition: F,
    ) -> WaitWhile<'a, T, F>
    where
        F: FnMut(&mut T) -> bool,
    {
        WaitWhile {
            guard: Some(guard),
            wait: None,
            condvar: self,
            condition,
            at: Location::caller(),
        }
    }

    /// Lets the first who waits go on, once it can lock. Nobody waits: nothing happens.
    pub fn notify_one(&self) {
        let mut wakers = Wakers::default();
        notify(&mut self.waiters.borrow_mut(), Notified::Alone, &mut wakers);
        wakers.wake();
    }

    /// Lets all who wait now go on, one after the other, as they can lock.
    pub fn notify_all(&self) {
        let mut wakers = Wakers::default();
        let mut waiters = self.waiters.borrow_mut();
        while notify(&mut waiters, Notified::WithAll, &mut wakers) {}
        drop(waiters);
        wakers.wake();
    }

    /// How many wait and have not been notified.
    pub fn waiting(&self) -> usize {
        self.waiters.borrow().len()
    }
}

/// Notifies the first in line; whether there was one.
fn notify(waiters: &mut WaitList<Notified>, how: Notified, wakers: &mut Wakers) -> bool {
    if let Some(notified) = waiters.first_load() {
        *notified = how;
    }
    waiters.call_first(wakers)
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar")
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// A waiter wants to be notified.
#[derive(Debug)]
struct Notification {
    is_in_line: bool,
}

impl Claim for Notification {
    type State = WaitList<Notified>;
    type Load = Notified;
    type Output = Notified;
    const KIND: WaitKind = WaitKind::Condition;

    fn line<'s>(&self, waiters: &'s mut WaitList<Notified>) -> &'s mut WaitList<Notified> {
        waiters
    }

    /// What was sent before somebody waits is gone.
    fn arrive(&mut self, _: &mut WaitList<Notified>, _: &mut Wakers) -> Option<Notified> {
        None
    }

    fn load(&mut self) -> Notified {
        Notified::NotYet
    }

    fn joined(&mut self, _: &mut WaitList<Notified>, _: &mut Wakers) {
        self.is_in_line = true;
    }

    fn called(
        &mut self,
        _: &mut WaitList<Notified>,
        load: &mut Option<Notified>,
        _: &mut Wakers,
    ) -> Option<Notified> {
        *load
    }

    fn gave_up(
        &mut self,
        waiters: &mut WaitList<Notified>,
        left: &mut Left<Notified>,
        wakers: &mut Wakers,
    ) {
        if left.load == Some(Notified::Alone) {
            notify(waiters, Notified::Alone, wakers);
        }
    }
}

/// The future of [`Condvar::wait`].
///
/// # Cancel safety
/// Dropping it leaves the mutex given back; a notification it got alone goes to the next.
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a, T> {
    condvar: &'a Condvar,
    mutex: &'a Mutex<T>,
    /// Until it stands in line.
    guard: Option<MutexGuard<'a, T>>,
    waiter: Waiter<'a, Notification>,
    /// Since it was notified.
    lock: Option<Lock<'a, T>>,
    /// Whether the notification goes to the next if this is dropped.
    is_owed: bool,
}

impl<'a, T> Future for Wait<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<MutexGuard<'a, T>> {
        let this = &mut *self;
        if this.lock.is_none() {
            let notified = this.waiter.poll(cx);
            if this.waiter.claim().is_in_line {
                this.guard = None;
            }
            this.is_owed = ready!(notified) == Notified::Alone;
        }
        let (mutex, at) = (this.mutex, this.waiter.at());
        let lock = this.lock.get_or_insert_with(|| mutex.lock_at(at));
        let guard = ready!(Pin::new(lock).poll(cx));
        this.is_owed = false;
        Poll::Ready(guard)
    }
}

impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        if self.is_owed {
            self.condvar.notify_one();
        }
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("waiter", &self.waiter)
            .field("lock", &self.lock)
            .finish()
    }
}

/// The future of [`Condvar::wait_while`].
///
/// # Cancel safety
/// As [`Wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct WaitWhile<'a, T, F> {
    /// While nothing is waited for.
    guard: Option<MutexGuard<'a, T>>,
    wait: Option<Wait<'a, T>>,
    condvar: &'a Condvar,
    condition: F,
    at: &'static Location<'static>,
}

impl<'a, T, F> Future for WaitWhile<'a, T, F>
where
    F: FnMut(&mut T) -> bool,
{
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<MutexGuard<'a, T>> {
        let this = &mut *self;
        loop {
            if let Some(wait) = &mut this.wait {
                this.guard = Some(ready!(Pin::new(wait).poll(cx)));
                this.wait = None;
            }
            let Some(mut guard) = this.guard.take() else {
                panic!(
                    "the future created at {} was polled after it was done",
                    this.at
                );
            };
            if !(this.condition)(&mut guard) {
                return Poll::Ready(guard);
            }
            this.wait = Some(this.condvar.wait_at(guard, this.at));
        }
    }
}

impl<T, F> Unpin for WaitWhile<'_, T, F> {}

impl<T, F> fmt::Debug for WaitWhile<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitWhile")
            .field("at", &format_args!("{}", self.at))
            .field("wait", &self.wait)
            .finish()
    }
}
