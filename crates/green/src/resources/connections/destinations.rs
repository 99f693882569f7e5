//! One connection pool for each destination.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::resources::connections::ConnectionPool;

/// A [`ConnectionPool`] for each destination, made when it is first asked for. After eventlet's
/// `DatabaseConnector`.
///
/// A destination is whatever tells two apart: a host, a host with a database's name. The function
/// given to [`new`](Self::new) makes its pool, with the credentials and limits that belong to it. A
/// clone is another handle of the same pools.
///
/// Destinations that nobody uses any more do not pile up: a pool without connections, of which nobody
/// has a handle, is forgotten as new ones come, so that there are never more than twice as many as are
/// in use, or 16.
///
/// # Example
/// ```
/// use evlet_green::{ConnectionPool, ConnectionPools};
/// use std::collections::HashMap;
/// use std::io;
///
/// # struct Db(String);
/// # impl Db { async fn connect(host: &str, user: &str) -> io::Result<Db> { Ok(Db(format!("{user}@{host}"))) } }
/// # let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// # hub.run(async {
/// let credentials = HashMap::from([("db1", "alice"), ("default", "guest")]);
/// let pools = ConnectionPools::new(move |host: &String| {
///     let user = *credentials.get(host.as_str()).unwrap_or(&credentials["default"]);
///     let host = host.clone();
///     ConnectionPool::builder().connect(async move || Db::connect(&host, user).await)
/// });
/// let one = pools.pool(&"db1".to_string()).get().await?;
/// let other = pools.pool(&"db2".to_string()).get().await?;
/// assert_eq!((one.0.as_str(), other.0.as_str()), ("alice@db1", "guest@db2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), io::Error>(())
/// ```
pub struct ConnectionPools<K, C: 'static, E: 'static> {
    make: Rc<Make<K, C, E>>,
    pools: Rc<RefCell<Pools<K, C, E>>>,
}

/// Makes the pool of a destination.
type Make<K, C, E> = dyn Fn(&K) -> ConnectionPool<C, E>;

struct Pools<K, C: 'static, E: 'static> {
    by_destination: BTreeMap<K, ConnectionPool<C, E>>,
    /// With so many, the next new one has the unused forgotten.
    tidy_at: usize,
}

/// So few are not worth tidying.
const FEW: usize = 16;

impl<K: Ord + Clone, C, E> ConnectionPools<K, C, E> {
    /// No pools yet; `make` makes each.
    pub fn new(make: impl Fn(&K) -> ConnectionPool<C, E> + 'static) -> Self {
        ConnectionPools {
            make: Rc::new(make),
            pools: Rc::new(RefCell::new(Pools {
                by_destination: BTreeMap::new(),
                tidy_at: FEW,
            })),
        }
    }

    /// The pool of this destination; made now if there is none. Does not connect.
    ///
    /// # Panics
    /// With the panic of the function that makes pools.
    pub fn pool(&self, destination: &K) -> ConnectionPool<C, E> {
        let known = self.pools.borrow().by_destination.get(destination).cloned();
        if let Some(pool) = known {
            return pool;
        }
        let (key, made) = (destination.clone(), (self.make)(destination));
        let mut pools = self.pools.borrow_mut();
        let unused = pools.forget_unused();
        // The function may have asked for the same one.
        let pool = pools
            .by_destination
            .entry(key)
            .or_insert_with(|| made.clone())
            .clone();
        drop(pools);
        drop(unused);
        pool
    }

    /// How many destinations have a pool.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pools.borrow().by_destination.len()
    }

    /// Whether no destination has a pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the connections that nobody uses and forgets all pools; how many connections those were.
    /// Who has a handle of a pool may go on using it.
    pub fn clear(&self) -> usize {
        let pools = std::mem::take(&mut self.pools.borrow_mut().by_destination);
        pools.values().map(ConnectionPool::clear).sum()
    }
}

impl<K: Ord + Clone, C, E> Pools<K, C, E> {
    /// Before one more comes: those that are not needed, to be dropped after the borrow.
    fn forget_unused(&mut self) -> BTreeMap<K, ConnectionPool<C, E>> {
        if self.by_destination.len() < self.tidy_at {
            return BTreeMap::new();
        }
        let all = std::mem::take(&mut self.by_destination);
        let (unused, used) = all.into_iter().partition(|(_, pool)| pool.is_unused());
        self.by_destination = used;
        self.tidy_at = FEW.max(2 * self.by_destination.len());
        unused
    }
}

impl<K, C, E> Clone for ConnectionPools<K, C, E> {
    fn clone(&self) -> Self {
        ConnectionPools {
            make: Rc::clone(&self.make),
            pools: Rc::clone(&self.pools),
        }
    }
}

impl<K: fmt::Debug, C, E> fmt::Debug for ConnectionPools<K, C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools = self.pools.borrow();
        f.debug_map().entries(&pools.by_destination).finish()
    }
}
