//! What all handles of a connection pool share: how a connection is cleaned after use, and the timer
//! that closes what grew too old.
//!
//! The timer is a green thread that sleeps while there are connections that nobody uses, until the
//! first of them is due. It knows the pool only weakly, and the pool kills it when it ends: it keeps
//! neither the pool nor the hub alive. Where no hub runs there is none, and what grew too old is
//! found when somebody is about to get it.
//!
//! What is begun here serves the next user and not the one who happened to begin it, whose deadline is
//! therefore not its own.

use std::cell::RefCell;
use std::fmt::Display;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Instant;

use evlet_hub::report::{Report, report};
use evlet_hub::{GreenThread, is_running, sleep_until, spawn, spawn_n, without_deadline};
use futures::future::LocalBoxFuture;

use crate::resources::Pool;
use crate::resources::connections::NoConnection;
use crate::resources::connections::ages::{Aged, Limits};

pub(super) struct Keeper<C: 'static, E: 'static> {
    pub(super) pool: Pool<Aged<C>, NoConnection<E>>,
    pub(super) limits: Limits,
    pub(super) cleanup: Option<Box<dyn Cleanup<C>>>,
    pub(super) timer: RefCell<Option<Timer>>,
    pub(super) created_at: &'static Location<'static>,
}

/// The green thread that closes what grew too old, and when it wakes.
pub(super) struct Timer {
    thread: GreenThread<()>,
    at: Instant,
}

/// An `AsyncFn` that cleans a connection after use, behind a pointer.
pub(super) trait Cleanup<C> {
    fn cleanup<'a>(&'a self, connection: &'a mut C) -> LocalBoxFuture<'a, Result<(), String>>;
}

/// The user's function, and its error as text.
pub(super) struct Described<F, X>(F, std::marker::PhantomData<fn() -> X>);

impl<F, X> Described<F, X> {
    pub(super) fn new(cleanup: F) -> Self {
        Described(cleanup, std::marker::PhantomData)
    }
}

impl<C, X: Display, F: AsyncFn(&mut C) -> Result<(), X>> Cleanup<C> for Described<F, X> {
    fn cleanup<'a>(&'a self, connection: &'a mut C) -> LocalBoxFuture<'a, Result<(), String>> {
        let cleaned = self.0(connection);
        Box::pin(async { cleaned.await.map_err(|error| error.to_string()) })
    }
}

impl<C, E> Keeper<C, E> {
    /// A connection comes back from a place that cannot wait.
    pub(super) fn take_back(self: &Rc<Self>, aged: Aged<C>) {
        if self.cleanup.is_none() || self.limits.has_expired(&aged) {
            self.put(aged);
        } else if is_running() {
            spawn_n(without_deadline(Used::new(self, aged).clean()));
        } else {
            self.pool.shared.discard(aged);
        }
    }

    /// A clean connection comes back.
    pub(super) fn put(self: &Rc<Self>, mut aged: Aged<C>) {
        aged.is_idle_from_now();
        let due = self.limits.stale_at(&aged);
        self.pool.shared.put(aged);
        if self.pool.idle() > 0 {
            self.watch(due);
        }
    }

    /// Closes what nobody uses and has grown too old; when the next is due.
    pub(super) fn sweep(&self) -> Option<Instant> {
        self.pool.retain(|aged| !self.limits.is_stale(aged));
        // Looked at afterwards: the end of one connection may have put another one back.
        let mut first: Option<Instant> = None;
        self.pool.retain(|aged| {
            first = first.into_iter().chain(self.limits.stale_at(aged)).min();
            true
        });
        first
    }

    /// Sees to it that the timer wakes when something is due.
    pub(super) fn watch(self: &Rc<Self>, due: Option<Instant>) {
        let Some(due) = due else { return };
        let is_watched = self
            .timer
            .borrow()
            .as_ref()
            .is_some_and(|timer| timer.at <= due && !timer.thread.is_finished());
        if is_watched || !is_running() {
            return;
        }
        let thread = spawn(without_deadline(keep_watch(Rc::downgrade(self), due)));
        let old = self.timer.replace(Some(Timer { thread, at: due }));
        if let Some(old) = old {
            old.stop();
        }
    }
}

async fn keep_watch<C, E>(keeper: Weak<Keeper<C, E>>, mut due: Instant) {
    loop {
        sleep_until(due).await;
        let Some(keeper) = keeper.upgrade() else {
            return;
        };
        let Some(next) = keeper.sweep() else { return };
        if let Some(timer) = keeper.timer.borrow_mut().as_mut() {
            timer.at = next;
        }
        due = next;
    }
}

impl Timer {
    fn stop(self) {
        // The kill stands without being waited for.
        drop(self.thread.kill());
    }
}

impl<C, E> Drop for Keeper<C, E> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.stop();
        }
    }
}

/// A connection after use, which is not clean yet. Dropped, it is not kept: nobody knows in which state
/// it is.
pub(super) struct Used<C: 'static, E: 'static> {
    keeper: Rc<Keeper<C, E>>,
    aged: Option<Aged<C>>,
}

impl<C, E> Used<C, E> {
    pub(super) fn new(keeper: &Rc<Keeper<C, E>>, aged: Aged<C>) -> Self {
        Used {
            keeper: Rc::clone(keeper),
            aged: Some(aged),
        }
    }

    /// Cleans it and puts it back.
    pub(super) async fn clean(mut self) {
        if let (Some(cleanup), Some(aged)) = (&self.keeper.cleanup, &mut self.aged)
            && !self.keeper.limits.has_expired(aged)
            && let Err(error) = cleanup.cleanup(&mut aged.connection).await
        {
            self.keeper.report_failure(&error);
            return;
        }
        if let Some(aged) = self.aged.take() {
            self.keeper.put(aged);
        }
    }
}

impl<C, E> Drop for Used<C, E> {
    fn drop(&mut self) {
        if let Some(aged) = self.aged.take() {
            self.keeper.pool.shared.discard(aged);
        }
    }
}

impl<C, E> Keeper<C, E> {
    #[cold]
    fn report_failure(&self, error: &str) {
        report(Report::notice(
            format!("the connection pool created at {}", self.created_at),
            format!("the clean-up after use failed, and the connection is closed: {error}"),
        ));
    }
}
