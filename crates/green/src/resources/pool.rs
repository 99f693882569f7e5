//! The pool's handle.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::resources::shared::{Held, Shared};
use crate::resources::{Get, GetItem, PoolBuilder};
use crate::wakers::Wakers;

/// A bounded set of things that are dear to make and used by one green thread at a time.
///
/// [`item`](Self::item) takes one and waits while all are in use; it goes back when it is dropped.
/// Items are made when they are first wanted, by an `async` function that may fail, and never more
/// than [`max_size`](Self::max_size) of them. Those who wait are served first come, first served, and
/// nobody overtakes. A clone is another handle of the same pool. Items may outlive all handles.
///
/// # Example
/// ```
/// use evlet_green::Pool;
/// use evlet_hub::{run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let buffers = Pool::new(2, async || Vec::<u8>::with_capacity(65_536));
///     let readers: Vec<_> = (0..10)
///         .map(|n| {
///             let buffers = buffers.clone();
///             spawn(async move {
///                 let Ok(mut buffer) = buffers.item().await; // waits while two are in use
///                 buffer.clear();
///                 buffer.push(n);
///                 sleep(Duration::from_millis(1)).await;
///             })
///         })
///         .collect();
///     for reader in readers {
///         reader.await.unwrap();
///     }
///     assert_eq!((buffers.free(), buffers.idle()), (2, 2));
/// });
/// ```
///
/// After eventlet's `pools.Pool`, with these differences: the item is a guard; growing wakes those who
/// wait, and they are served in order; items too many after a `resize` go at once; items for
/// `min_size` are made by [`fill`](Self::fill), since making them may have to wait.
pub struct Pool<T, E = Infallible> {
    pub(super) shared: Rc<Shared<T, E>>,
}

impl<T: 'static> Pool<T> {
    /// A pool of at most `max_size` items, made by `create`, which cannot fail. For one that can, and for
    /// all options: [`builder`](Self::builder).
    #[track_caller]
    pub fn new(max_size: usize, create: impl AsyncFn() -> T + 'static) -> Self {
        Pool::builder()
            .max_size(max_size)
            .create(async move || Ok(create().await))
    }

    /// The options of a pool.
    pub fn builder() -> PoolBuilder<T> {
        PoolBuilder::new()
    }
}

impl<T: 'static, E: 'static> Pool<T, E> {
    /// Takes an item, which goes back when it is dropped; waits while all are in use, behind those who
    /// came earlier.
    ///
    /// # Errors
    /// That of the function that makes items, when one had to be made. The place goes to the next who
    /// waits.
    ///
    /// # Panics
    /// With the panic of a function of the pool, which costs it nothing but the item at hand.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. An item that had just been given to it goes to
    /// the next; one that was being made or checked for it is dropped, and the place goes to the next.
    #[track_caller]
    pub fn item(&self) -> GetItem<'_, T, E> {
        GetItem(self.get())
    }

    /// [`item`](Self::item) without the guard: whoever gets it gives it back with [`put`](Self::put),
    /// or says with [`discard`](Self::discard) that it is not to be used again. An item that is dropped
    /// instead leaves its place taken for ever.
    ///
    /// # Errors
    /// As [`item`](Self::item).
    ///
    /// # Panics
    /// As [`item`](Self::item).
    ///
    /// # Cancel safety
    /// As [`item`](Self::item).
    ///
    /// # Example
    /// ```
    /// use evlet_green::Pool;
    /// evlet_hub::run(async {
    ///     let pool = Pool::new(4, async || "a token");
    ///     let Ok(token) = pool.get().await;
    ///     assert_eq!(pool.free(), 3);
    ///     pool.put(token);
    ///     assert_eq!(pool.free(), 4);
    /// });
    /// ```
    #[track_caller]
    pub fn get(&self) -> Get<'_, T, E> {
        Get::new(&self.shared, Location::caller())
    }

    /// Gives an item back; the first who waits gets it. Does not wait.
    ///
    /// One that `recycle` refuses and one too many for a pool that was made smaller are disposed of.
    /// An item that is not from this pool, or was [detached](crate::resources::Item::detach), is taken as well, if there is
    /// room for it. While one of [`get`](Self::get) is out, it is taken for that.
    pub fn put(&self, item: T) {
        let is_ours = self.shared.places.borrow_mut().comes_by_hand();
        match is_ours {
            true => self.shared.put(item),
            false => self.shared.take_in(item),
        }
    }

    /// Gives back the place of an item that came from [`get`](Self::get) and is not to be used again;
    /// the first who waits makes a new one. The item is disposed of, which is all that happens to one from elsewhere.
    pub fn discard(&self, item: T) {
        let is_ours = self.shared.places.borrow_mut().comes_by_hand();
        match is_ours {
            true => self.shared.discard(item),
            false => self.shared.dispose(item),
        }
    }

    /// Makes items until there are `min_size`, one after the other; returns at once if there are.
    ///
    /// # Errors
    /// That of the function that makes items; those made before it stay.
    ///
    /// # Cancel safety
    /// Dropping the future keeps what was made and drops what was being made.
    ///
    /// # Example
    /// ```
    /// use evlet_green::Pool;
    /// use std::convert::Infallible;
    /// evlet_hub::run(async {
    ///     let pool = Pool::builder().min_size(2).create(async || Ok::<_, Infallible>("warm"));
    ///     assert_eq!(pool.idle(), 0);
    ///     pool.fill().await?;
    ///     assert_eq!(pool.idle(), 2);
    ///     Ok::<_, Infallible>(())
    /// }).unwrap();
    /// ```
    pub async fn fill(&self) -> Result<(), E> {
        loop {
            let taken = {
                let mut places = self.shared.places.borrow_mut();
                places.take_for_stock(self.shared.min_size)
            };
            if taken.is_none() {
                return Ok(());
            }
            let item = Held::new(&self.shared, None).fill().await?;
            // It is new and does not come back: `recycle` might refuse one after the other for ever.
            self.shared.keep(item);
        }
    }

    /// Changes how many items there may be, at once.
    ///
    /// A larger pool lets those go on who wait. A smaller one disposes of free items that are too many,
    /// those first that have been free for longest; items in use stay in use, and are disposed of when
    /// they come back while there are too many. An item or a place that was promised to somebody who waited counts
    /// as in use.
    pub fn resize(&self, max_size: usize) {
        let mut wakers = Wakers::default();
        let surplus = {
            let mut places = self.shared.places.borrow_mut();
            places.resize(max_size, &mut wakers)
        };
        wakers.wake();
        for item in surplus {
            self.shared.dispose(item);
        }
    }

    /// Disposes of the free items for which `keep` returns false; how many those were.
    ///
    /// `keep` is asked in the order in which they came back. An item it panics on is dropped, like the
    /// rest.
    ///
    /// ```
    /// use evlet_green::Pool;
    /// evlet_hub::run(async {
    ///     let pool = Pool::new(4, async || 0);
    ///     for n in 1..=3 {
    ///         pool.put(n); // from elsewhere
    ///     }
    ///     assert_eq!(pool.retain(|n| *n == 2), 2);
    ///     assert_eq!(pool.idle(), 1);
    /// });
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&mut T) -> bool) -> usize {
        let free = self.shared.places.borrow_mut().take_free();
        let mut kept = std::collections::VecDeque::with_capacity(free.len());
        let mut rejected = Vec::new();
        for mut item in free {
            match keep(&mut item) {
                true => kept.push_back(item),
                false => rejected.push(item),
            }
        }
        let surplus = self.shared.places.borrow_mut().put_free(kept);
        rejected.extend(surplus);
        let count = rejected.len();
        for item in rejected {
            self.shared.dispose(item);
        }
        count
    }

    /// Disposes of all free items; how many there were. Those in use stay in use.
    pub fn clear(&self) -> usize {
        self.retain(|_| false)
    }

    /// How many items can be had without waiting for another one to come back; negative while a pool
    /// that was made smaller has too many in use. One that is promised to somebody who waited is not
    /// free.
    #[must_use]
    pub fn free(&self) -> isize {
        let places = self.shared.places.borrow();
        let [size, busy] = [places.max_size(), places.busy()]
            .map(|count| isize::try_from(count).unwrap_or(isize::MAX));
        size.saturating_sub(busy)
    }

    /// How many items have been made and are not in use.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.shared.places.borrow().idle()
    }

    /// How many items there are, in use or not, with those that are being made.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared.places.borrow().size()
    }

    /// How many wait for an item and have not been promised one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.places.borrow().waiting()
    }

    /// How many items [`fill`](Self::fill) makes ahead of time.
    #[must_use]
    pub fn min_size(&self) -> usize {
        self.shared.min_size
    }

    /// How many items there may be at once.
    #[must_use]
    pub fn max_size(&self) -> usize {
        self.shared.places.borrow().max_size()
    }
}

impl<T, E> Clone for Pool<T, E> {
    fn clone(&self) -> Self {
        Pool {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<T, E> fmt::Debug for Pool<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.shared.places.borrow();
        f.debug_struct("Pool")
            .field("max_size", &places.max_size())
            .field("size", &places.size())
            .field("idle", &places.idle())
            .field("waiting", &places.waiting())
            .finish()
    }
}
