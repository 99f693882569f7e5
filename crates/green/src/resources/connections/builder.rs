//! The options of a connection pool, and the function that connects.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{is_running, spawn_n, timeout, without_deadline};

use crate::resources::Pool;
use crate::resources::connections::ages::{Aged, Limits};
use crate::resources::connections::keeper::{Cleanup, Described, Keeper};
use crate::resources::connections::{ConnectionPool, NoConnection};
use crate::resources::shared::Check;

/// The options of a [`ConnectionPool`], made by [`ConnectionPool::builder`];
/// [`connect`](Self::connect) makes the pool.
#[must_use = "it is no pool before `connect`"]
pub struct ConnectionPoolBuilder<C> {
    min_size: usize,
    max_size: usize,
    limits: Limits,
    connect_timeout: Duration,
    cleanup: Option<Box<dyn Cleanup<C>>>,
    check: Option<Box<dyn Check<C>>>,
    close: Option<Box<dyn Fn(C)>>,
}

impl<C: 'static> ConnectionPoolBuilder<C> {
    pub(super) fn new() -> Self {
        ConnectionPoolBuilder {
            min_size: 0,
            max_size: 4,
            limits: Limits {
                max_idle: Duration::from_secs(10),
                max_age: Duration::from_secs(30),
            },
            connect_timeout: Duration::from_secs(5),
            cleanup: None,
            check: None,
            close: None,
        }
    }

    /// How many connections [`ConnectionPool::fill`] makes ahead of time. Default: 0.
    pub fn min_size(mut self, connections: usize) -> Self {
        self.min_size = connections;
        self
    }

    /// How many connections there may be at once. Default: 4.
    pub fn max_size(mut self, connections: usize) -> Self {
        self.max_size = connections;
        self
    }

    /// For how long a connection that nobody uses is kept. Zero: not at all, each is closed when it
    /// comes back. [`Duration::MAX`]: for ever. Default: 10 s.
    pub fn max_idle(mut self, limit: Duration) -> Self {
        self.limits.max_idle = limit;
        self
    }

    /// How old a connection may become, counted from its making; one that is in use is closed when it
    /// comes back. Zero and [`Duration::MAX`] as for [`max_idle`](Self::max_idle). Default: 30 s.
    pub fn max_age(mut self, limit: Duration) -> Self {
        self.limits.max_age = limit;
        self
    }

    /// How long connecting may take; then it is given up, with [`NoConnection::TimedOut`]. Default: 5 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Cleans a connection after each use, before the next user has it: rolls back what was not
    /// committed, say. When it fails the connection is closed and the hub's report says why; it need
    /// not be called for one that is too old to be kept.
    pub fn cleanup<X, F>(mut self, cleanup: F) -> Self
    where
        F: AsyncFn(&mut C) -> Result<(), X> + 'static,
        X: fmt::Display + 'static,
    {
        self.cleanup = Some(Box::new(Described::new(cleanup)));
        self
    }

    /// Whether a connection that nobody used for a while still works: asked before it is given out
    /// again, by who is about to get it. One that does not is closed, and the next one is tried; in the
    /// end a new one is made.
    pub fn check(mut self, check: impl AsyncFn(&mut C) -> bool + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// Says goodbye to a connection that is not kept, in a green thread of its own, which inherits no
    /// deadline. Without it, and where no hub runs, the connection is dropped.
    pub fn close<F>(mut self, close: F) -> Self
    where
        F: AsyncFn(C) + 'static,
    {
        let close = Rc::new(close);
        self.close = Some(Box::new(move |connection| {
            if is_running() {
                let close = Rc::clone(&close);
                spawn_n(without_deadline(async move { close(connection).await }));
            }
        }));
        self
    }

    /// Makes the pool, whose connections `connect` makes: one at a time for each place, by the green
    /// thread that wants it.
    #[track_caller]
    pub fn connect<E, F>(self, connect: F) -> ConnectionPool<C, E>
    where
        F: AsyncFn() -> Result<C, E> + 'static,
        E: 'static,
    {
        let (limits, limit, check) = (self.limits, self.connect_timeout, self.check);
        let mut items = Pool::builder()
            .min_size(self.min_size)
            .max_size(self.max_size)
            .order_as_stack(true)
            .recycle(move |aged: &mut Aged<C>| !limits.has_expired(aged))
            .check(async move |aged: &mut Aged<C>| {
                if limits.is_stale(aged) {
                    return false;
                }
                match &check {
                    Some(check) => check.check(&mut aged.connection).await,
                    None => true,
                }
            });
        if let Some(close) = self.close {
            items = items.dispose(move |aged| close(aged.connection));
        }
        let pool = items.create(async move || match timeout(limit, connect()).await {
            Ok(Ok(connection)) => Ok(Aged::new(connection)),
            Ok(Err(error)) => Err(NoConnection::Failed(error)),
            Err(_) => Err(NoConnection::TimedOut(limit)),
        });
        ConnectionPool {
            keeper: Rc::new(Keeper {
                pool,
                limits,
                cleanup: self.cleanup,
                timer: None.into(),
                created_at: Location::caller(),
            }),
        }
    }
}

impl<C> fmt::Debug for ConnectionPoolBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPoolBuilder")
            .field("min_size", &self.min_size)
            .field("max_size", &self.max_size)
            .field("max_idle", &self.limits.max_idle)
            .field("max_age", &self.limits.max_age)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
