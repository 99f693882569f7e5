//! The connection pool's handle.

use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::resources::connections::keeper::Keeper;
use crate::resources::connections::{ConnectionPoolBuilder, GetConnection, NoConnection};

/// A bounded set of connections to one destination, kept while they are fresh.
///
/// [`get`](Self::get) gives the one that was used last, or makes one, or waits while all are in use,
/// first come, first served; it goes back when it is dropped. Connections that nobody used for
/// `max_idle`, or that are older than `max_age`, are closed by a timer, which keeps neither the pool nor
/// the hub alive. A clone is another handle of the same pool. What is pooled is anything that an
/// `async` function makes: a client of a database, a TCP stream, a session. For many destinations:
/// [`ConnectionPools`](crate::ConnectionPools).
///
/// # Example
/// ```
/// use evlet_green::ConnectionPool;
/// use std::{io, time::Duration};
///
/// # struct Db { open: bool }
/// # impl Db {
/// #     async fn connect(_: &str) -> io::Result<Db> { Ok(Db { open: false }) }
/// #     async fn begin(&mut self) -> io::Result<()> { self.open = true; Ok(()) }
/// #     async fn rollback(&mut self) -> io::Result<()> { self.open = false; Ok(()) }
/// #     async fn ping(&mut self) -> io::Result<()> { Ok(()) }
/// #     async fn quit(self) {}
/// # }
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let pool = ConnectionPool::builder()
///     .max_size(20)
///     .max_idle(Duration::from_secs(60))
///     .max_age(Duration::from_secs(3600))
///     .cleanup(async |db: &mut Db| db.rollback().await) // after each use
///     .check(async |db: &mut Db| db.ping().await.is_ok()) // before each other one
///     .close(async |db: Db| db.quit().await)
///     .connect(async || Db::connect("db.internal").await);
///
/// let mut db = pool.get().await?;
/// db.begin().await?;
/// drop(db); // rolled back, then free for the next
/// assert!(!pool.get().await?.open);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), io::Error>(())
/// ```
///
/// After eventlet's `db_pool`, with these differences: a connection that is dropped goes back; one whose
/// clean-up fails is closed, not just forgotten; those who wait are served in order; what is pooled is
/// anything. Blocking drivers connect through [`tpool`](crate::tpool).
pub struct ConnectionPool<C: 'static, E: 'static> {
    pub(super) keeper: Rc<Keeper<C, E>>,
}

impl<C: 'static> ConnectionPool<C, Infallible> {
    /// The options of a pool.
    pub fn builder() -> ConnectionPoolBuilder<C> {
        ConnectionPoolBuilder::new()
    }
}

impl<C, E> ConnectionPool<C, E> {
    /// Takes the connection that was used last, or makes one; waits while all are in use, behind those
    /// who came earlier.
    ///
    /// `connect_timeout` limits the making only. To limit the whole, wrap it in
    /// [`with_timeout`](crate::with_timeout).
    ///
    /// # Errors
    /// [`NoConnection`], when one had to be made and could not. The place goes to the next who waits.
    ///
    /// # Panics
    /// With the panic of `connect` or `check`. Outside a hub, when it has to connect.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A connection that had just been given to it goes
    /// to the next; one that was being made or checked is closed, and the place goes to the next.
    #[track_caller]
    pub fn get(&self) -> GetConnection<'_, C, E> {
        GetConnection {
            keeper: &self.keeper,
            get: self.keeper.pool.get(),
        }
    }

    /// Makes connections until there are `min_size`, one after the other. In a pool that keeps nothing they are closed
    /// again when it is done.
    ///
    /// # Errors
    /// [`NoConnection`]; those made before stay.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    /// Dropping the future keeps what was made and drops what was being made.
    pub async fn fill(&self) -> Result<(), NoConnection<E>> {
        // Also when this is given up: what has been made by then grows old as well.
        let _looks_after = LooksAfter(&self.keeper);
        self.keeper.pool.fill().await
    }

    /// Closes all connections that nobody uses; how many there were.
    pub fn clear(&self) -> usize {
        self.keeper.pool.clear()
    }

    /// Changes how many connections there may be, at once, as [`Pool::resize`](crate::Pool::resize).
    pub fn resize(&self, max_size: usize) {
        self.keeper.pool.resize(max_size);
    }

    /// How many connections can be had without waiting for one to come back; see
    /// [`Pool::free`](crate::Pool::free).
    #[must_use]
    pub fn free(&self) -> isize {
        self.keeper.pool.free()
    }

    /// How many connections there are that nobody uses.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.keeper.pool.idle()
    }

    /// How many connections there are, in use or not, with those that are being made or cleaned.
    #[must_use]
    pub fn size(&self) -> usize {
        self.keeper.pool.size()
    }

    /// How many wait for a connection and have not been promised one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.keeper.pool.waiting()
    }

    /// How many connections [`fill`](Self::fill) makes ahead of time.
    #[must_use]
    pub fn min_size(&self) -> usize {
        self.keeper.pool.min_size()
    }

    /// How many connections there may be at once.
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.keeper.pool.max_size()
    }

    /// For how long a connection that nobody uses is kept.
    #[must_use]
    pub fn max_idle(&self) -> Duration {
        self.keeper.limits.max_idle
    }

    /// How old a connection may become.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.keeper.limits.max_age
    }

    /// Whether nobody else has a handle or a connection of it, and it has no connections.
    pub(super) fn is_unused(&self) -> bool {
        Rc::strong_count(&self.keeper) == 1 && self.size() == 0
    }
}

/// Has the timer set for the connections that nobody uses, when it is dropped.
struct LooksAfter<'a, C: 'static, E: 'static>(&'a Rc<Keeper<C, E>>);

impl<C, E> Drop for LooksAfter<'_, C, E> {
    fn drop(&mut self) {
        let due = self.0.sweep();
        self.0.watch(due);
    }
}

impl<C, E> Clone for ConnectionPool<C, E> {
    fn clone(&self) -> Self {
        ConnectionPool {
            keeper: Rc::clone(&self.keeper),
        }
    }
}

impl<C, E> fmt::Debug for ConnectionPool<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionPool")
            .field("max_size", &self.max_size())
            .field("size", &self.size())
            .field("idle", &self.idle())
            .field("waiting", &self.waiting())
            .finish()
    }
}
