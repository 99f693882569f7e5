//! A pool's options, and the function that makes its items.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::resources::Pool;
use crate::resources::places::Places;
use crate::resources::shared::{Hooks, Shared};

/// The options of a [`Pool`], made by [`Pool::builder`]; [`create`](Self::create) makes the pool.
///
/// ```
/// use evlet_green::Pool;
/// use std::io;
///
/// # struct Session { broken: bool }
/// # impl Session { async fn open() -> io::Result<Session> { Ok(Session { broken: false }) } }
/// evlet_hub::run(async {
///     let sessions = Pool::builder()
///         .max_size(8)
///         .order_as_stack(true) // the newest is the warmest
///         .recycle(|session: &mut Session| !session.broken)
///         .create(async || Session::open().await);
///     let session = sessions.item().await?;
///     assert!(!session.broken);
///     Ok::<(), io::Error>(())
/// })?;
/// # Ok::<(), io::Error>(())
/// ```
#[must_use = "it is no pool before `create`"]
pub struct PoolBuilder<T> {
    min_size: usize,
    max_size: usize,
    order_as_stack: bool,
    hooks: Hooks<T>,
}

impl<T: 'static> PoolBuilder<T> {
    pub(super) fn new() -> Self {
        PoolBuilder {
            min_size: 0,
            max_size: 4,
            order_as_stack: false,
            hooks: Hooks {
                recycle: None,
                check: None,
                dispose: None,
            },
        }
    }

    /// How many items [`Pool::fill`] makes ahead of time. Default: 0.
    pub fn min_size(mut self, items: usize) -> Self {
        self.min_size = items;
        self
    }

    /// How many items there may be at once, free or out. In a pool of size zero everybody waits for
    /// a [`resize`](Pool::resize). Default: 4, as in eventlet.
    pub fn max_size(mut self, items: usize) -> Self {
        self.max_size = items;
        self
    }

    /// Which free item is next: with `true` the one that came back last, with `false`, the default,
    /// the one that has been free for longest.
    pub fn order_as_stack(mut self, as_stack: bool) -> Self {
        self.order_as_stack = as_stack;
        self
    }

    /// Whether an item that comes back is to be kept. It may be put in order here as well. One that
    /// is not kept is disposed of, and a new one is made when it is wanted.
    ///
    /// It is called wherever an item is dropped, so it cannot wait ([`check`](Self::check) can). When it
    /// panics the item is not kept, and the panic goes to the hub's report.
    pub fn recycle(mut self, recycle: impl Fn(&mut T) -> bool + 'static) -> Self {
        self.hooks.recycle = Some(Box::new(recycle));
        self
    }

    /// Whether a free item can still be used: asked by who is about to get it, who waits meanwhile.
    /// One that cannot is disposed of, and the next free one is tried; in the end a new one is made.
    ///
    /// A check that is cancelled or panics costs the item: nobody knows in which state it is.
    pub fn check(mut self, check: impl AsyncFn(&mut T) -> bool + 'static) -> Self {
        self.hooks.check = Some(Box::new(check));
        self
    }

    /// What happens to an item that the pool does not keep: one that `recycle` or `check` refuses, one
    /// too many after a [`resize`](Pool::resize), those that are free when the pool ends. Without it,
    /// and after it, they are dropped.
    ///
    /// When it panics, the panic goes to the hub's report.
    pub fn dispose(mut self, dispose: impl Fn(T) + 'static) -> Self {
        self.hooks.dispose = Some(Box::new(dispose));
        self
    }

    /// Makes the pool, whose items `create` makes: one at a time for each place, by the green thread
    /// that wants it.
    ///
    /// When it fails, its error goes to who wanted the item, and the place to the next who waits. So it
    /// does when `create` panics, or is dropped because who wanted the item was cancelled.
    #[track_caller]
    pub fn create<E, F>(self, create: F) -> Pool<T, E>
    where
        F: AsyncFn() -> Result<T, E> + 'static,
        E: 'static,
    {
        Pool {
            shared: Rc::new(Shared {
                places: RefCell::new(Places::new(self.max_size, self.order_as_stack)),
                min_size: self.min_size,
                create: Box::new(create),
                hooks: self.hooks,
                created_at: Location::caller(),
            }),
        }
    }
}

impl<T> fmt::Debug for PoolBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("min_size", &self.min_size)
            .field("max_size", &self.max_size)
            .field("order_as_stack", &self.order_as_stack)
            .finish_non_exhaustive()
    }
}
