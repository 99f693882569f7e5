//! The queue without bookkeeping.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

use crate::queue::state::{AllDone, Offer, State, Take};
use crate::queue::{Empty, Full, Get, Join, Put};
use crate::wait_list::Wakers;
use crate::waiting::Waiter;

/// A first-in-first-out queue between green threads.
///
/// A clone is another handle of the same queue: clone it into the green threads that use it. Items
/// come out in the order in which they went in, and whoever has to wait is served first come, first
/// served. All operations are O(1).
///
/// # Example
/// ```
/// use evlet_green::LightQueue;
/// use evlet_hub::{run, spawn_n};
///
/// run(async {
///     let queue = LightQueue::bounded(2);
///     let producer = queue.clone();
///     spawn_n(async move {
///         for n in 1..=5 {
///             producer.put(n).await; // waits while two items are inside
///         }
///     });
///     let mut sum = 0;
///     for _ in 0..5 {
///         sum += queue.get().await;
///     }
///     assert_eq!(sum, 15);
/// });
/// ```
///
/// After eventlet's `LightQueue`, with these differences: waiters are served in order; an item that
/// a getter was called for cannot be snatched by `get_nowait`; and `get_nowait` on a rendezvous
/// takes from a putter that waits, where eventlet's says that it is empty.
pub struct LightQueue<T> {
    state: Rc<RefCell<State<VecDeque<T>>>>,
}

impl<T> LightQueue<T> {
    /// A queue that never refuses an item: it grows as long as it is fed faster than it is emptied.
    pub fn unbounded() -> Self {
        Self::with_limit(None)
    }

    /// A queue of at most `capacity` items. Zero makes a [rendezvous](Self::rendezvous).
    pub fn bounded(capacity: usize) -> Self {
        Self::with_limit(Some(capacity))
    }

    /// A queue that stores nothing: a `put` is done once a `get` has taken its item.
    ///
    /// It is always both empty and full.
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// use evlet_hub::{run, spawn_n};
    /// run(async {
    ///     let channel = LightQueue::rendezvous();
    ///     let receiver = channel.clone();
    ///     spawn_n(async move { assert_eq!(receiver.get().await, "hello") });
    ///     channel.put("hello").await; // the receiver has it now
    /// });
    /// ```
    pub fn rendezvous() -> Self {
        Self::bounded(0)
    }

    fn with_limit(limit: Option<usize>) -> Self {
        LightQueue {
            state: Rc::new(RefCell::new(State::new(VecDeque::new(), limit))),
        }
    }

    /// Adds `item`; waits while there is no room.
    ///
    /// # Cancel safety
    /// Dropping the future drops the item with it, which is then not in the queue and never was.
    /// The place in the line of putters is lost. To get the item back, use
    /// [`put_nowait`](Self::put_nowait).
    #[track_caller]
    pub fn put(&self, item: T) -> Put<'_, T> {
        let claim = Offer(Some(item));
        Put(Waiter::new(&self.state, claim, Location::caller()))
    }

    /// Takes the oldest item; waits while there is none.
    ///
    /// # Cancel safety
    /// Dropping the future loses no item, whatever had happened so far: the item stays first in
    /// the queue, or goes to the next getter. The place in the line of getters is lost.
    #[track_caller]
    pub fn get(&self) -> Get<'_, T> {
        Get(Waiter::new(
            &self.state,
            Take(PhantomData),
            Location::caller(),
        ))
    }

    /// Adds `item` if that needs no waiting.
    ///
    /// On a rendezvous it succeeds if a getter waits that nobody has called yet (and no putter
    /// waits, which would be overtaken).
    ///
    /// # Errors
    /// [`Full`], with the item in it.
    pub fn put_nowait(&self, item: T) -> Result<(), Full<T>> {
        self.change(|state, wakers| state.put_nowait(item, wakers))
            .map_err(Full)
    }

    /// Takes the oldest item if there is one that is not promised to a getter that waits.
    ///
    /// # Errors
    /// [`Empty`].
    pub fn get_nowait(&self) -> Result<T, Empty> {
        self.change(|state, wakers| state.get_nowait(wakers))
            .ok_or(Empty)
    }

    /// Changes the capacity: a number, or `None` for no limit.
    ///
    /// Putters for whom there is room now go on. A smaller capacity drops nothing: the queue stays
    /// over-full until it has been drained below it.
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// let queue = LightQueue::<u32>::bounded(1);
    /// queue.resize(5);
    /// assert_eq!(queue.maxsize(), Some(5));
    /// queue.resize(None);
    /// assert_eq!(queue.maxsize(), None);
    /// ```
    pub fn resize(&self, capacity: impl Into<Option<usize>>) {
        let limit = capacity.into();
        self.change(|state, wakers| state.resize(limit, wakers));
    }

    /// How many items are inside, those included that are promised to getters that were called.
    pub fn qsize(&self) -> usize {
        self.state.borrow().items.len()
    }

    /// The capacity: `None` without a limit, zero for a rendezvous.
    pub fn maxsize(&self) -> Option<usize> {
        self.state.borrow().limit
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether as many items are inside as the capacity allows. A rendezvous is always full.
    pub fn is_full(&self) -> bool {
        let state = self.state.borrow();
        state.limit.is_some_and(|limit| state.items.len() >= limit)
    }

    /// How many wait in `put`.
    pub fn putting(&self) -> usize {
        self.state.borrow().putters.alive()
    }

    /// How many wait in `get`.
    pub fn getting(&self) -> usize {
        self.state.borrow().getters.alive()
    }

    #[track_caller]
    pub(super) fn join(&self) -> Join<'_, T> {
        Join(Waiter::new(
            &self.state,
            AllDone(PhantomData),
            Location::caller(),
        ))
    }

    pub(super) fn task_done(&self) -> bool {
        self.change(|state, wakers| state.task_done(wakers))
    }

    pub(super) fn unfinished(&self) -> usize {
        self.state.borrow().unfinished
    }

    /// Changes the state, and wakes whom that called when the borrow is over.
    fn change<R>(&self, f: impl FnOnce(&mut State<VecDeque<T>>, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        let result = f(&mut self.state.borrow_mut(), &mut wakers);
        wakers.wake();
        result
    }
}

impl<T> Clone for LightQueue<T> {
    fn clone(&self) -> Self {
        LightQueue {
            state: Rc::clone(&self.state),
        }
    }
}

/// Unbounded.
impl<T> Default for LightQueue<T> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T> fmt::Debug for LightQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LightQueue")
            .field("qsize", &self.qsize())
            .field("maxsize", &self.maxsize())
            .field("putting", &self.putting())
            .field("getting", &self.getting())
            .finish()
    }
}
