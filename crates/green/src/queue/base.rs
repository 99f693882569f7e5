//! What every queue does: the one waiting logic, whatever the order of its items.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::sleep;

use crate::queue::claims::{Offer, Take};
use crate::queue::kinds::{Kind, Light};
use crate::queue::order::Order;
use crate::queue::state::State;
use crate::queue::{
    Empty, Full, Get, GetTimeout, Put, PutTimeout, QueueSink, QueueStream, Recv, Send,
};
use crate::waiting::Waiter;
use crate::wakers::Wakers;

/// A queue between green threads: what [`LightQueue`](crate::LightQueue), [`Queue`](crate::Queue),
/// [`LifoQueue`](crate::LifoQueue) and [`PriorityQueue`](crate::PriorityQueue) have in common.
///
/// `O` is the order in which items come out; `K` says whether it counts unfinished items
/// ([`Joinable`](crate::queue::Joinable)) or not. Programs use it by the four names.
///
/// A clone is another handle of the same queue: clone it into the green threads that use it.
/// Whoever has to wait is served first come, first served, and nobody overtakes. Operations are
/// O(1), but `put` of a priority queue, which is O(log items).
///
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
/// # The end of a queue
///
/// [`put`](Self::put) and [`get`](Self::get) are eventlet's, for queues that are never closed. A
/// queue that somebody may [`close`](Self::close) has the same operations with an end:
///
/// | | on a closed queue |
/// | --- | --- |
/// | [`send`](Self::send), a [`sink`](Self::sink) | the item is handed back in [`Closed`](crate::Closed) |
/// | [`put_nowait`](Self::put_nowait), [`put_timeout`](Self::put_timeout) | the item is handed back in [`Full`], at once |
/// | [`recv`](Self::recv), a [`stream`](Self::stream) | what is inside, then `None` |
/// | [`get_nowait`](Self::get_nowait), [`get_timeout`](Self::get_timeout) | what is inside, then [`Empty`], at once |
/// | `put`, and `get` once it is drained | panic: they have no other way to return |
pub struct BaseQueue<O: Order, K = Light> {
    pub(super) state: Rc<RefCell<State<O>>>,
    kind: PhantomData<K>,
}

impl<O: Order, K> BaseQueue<O, K> {
    /// A queue that never refuses an item: it grows as long as it is fed faster than it is emptied.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::with_limit(None)
    }

    /// A queue of at most `capacity` items. Zero makes a [rendezvous](Self::rendezvous).
    #[must_use]
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
    #[must_use]
    pub fn rendezvous() -> Self {
        Self::bounded(0)
    }

    fn with_limit(limit: Option<usize>) -> Self {
        Self::of(O::default(), limit)
    }

    /// One that has items from the start.
    pub(crate) fn of(items: O, limit: Option<usize>) -> Self {
        BaseQueue {
            state: Rc::new(RefCell::new(State::new(items, limit))),
            kind: PhantomData,
        }
    }

    /// Adds `item`; waits while there is no room.
    ///
    /// # Panics
    /// When the queue is closed, now or while it waits; the item is dropped. A queue that is closed
    /// is for [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Dropping the future drops the item with it, which is then not in the queue and never was; a
    /// rendezvous may have handed it over in the same turn. The place in the line of putters is
    /// lost. [`Put::into_item`] ends the wait and gives the item back.
    #[track_caller]
    pub fn put(&self, item: O::Item) -> Put<'_, O> {
        Put(self.offer(item, Location::caller()))
    }

    /// Takes the item whose turn it is; waits while there is none.
    ///
    /// # Panics
    /// When the queue is closed and drained, now or while it waits. A queue that is closed is for
    /// [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no item, whatever had happened so far: the item keeps its place in
    /// the queue, or goes to the next getter. The place in the line of getters is lost.
    #[track_caller]
    pub fn get(&self) -> Get<'_, O> {
        Get(self.take(Location::caller()))
    }

    /// [`put`](Self::put) for a queue that may be closed.
    ///
    /// # Errors
    /// [`Closed`](crate::Closed), with the item in it, when the queue is closed, now or while it
    /// waits.
    ///
    /// # Cancel safety
    /// As [`put`](Self::put).
    ///
    /// ```
    /// use evlet_green::{Closed, LightQueue};
    /// use evlet_hub::{run, spawn};
    /// run(async {
    ///     let queue = LightQueue::bounded(1);
    ///     let producer = queue.clone();
    ///     let refused = spawn(async move {
    ///         for n in 0.. {
    ///             if let Err(Closed(n)) = producer.send(n).await {
    ///                 return n;
    ///             }
    ///         }
    ///         unreachable!()
    ///     });
    ///     assert_eq!(queue.recv().await, Some(0));
    ///     queue.close();
    ///     assert!(refused.await.unwrap() > 0);
    /// });
    /// ```
    #[track_caller]
    pub fn send(&self, item: O::Item) -> Send<'_, O> {
        Send(self.offer(item, Location::caller()))
    }

    /// [`get`](Self::get) for a queue that may be closed: `None` when it is closed and drained.
    ///
    /// # Cancel safety
    /// As [`get`](Self::get).
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::unbounded();
    ///     queue.put("last").await;
    ///     queue.close();
    ///     assert_eq!(queue.recv().await, Some("last"));
    ///     assert_eq!(queue.recv().await, None);
    /// });
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Recv<'_, O> {
        Recv(self.take(Location::caller()))
    }

    /// Adds `item` if that needs no waiting.
    ///
    /// On a rendezvous it succeeds if a getter waits that nobody has called yet (and no putter
    /// waits, which would be overtaken).
    ///
    /// # Errors
    /// [`Full`], with the item in it; always, when the queue is closed.
    pub fn put_nowait(&self, item: O::Item) -> Result<(), Full<O::Item>> {
        self.change(|state, wakers| state.put_nowait(item, wakers))
            .map_err(Full)
    }

    /// Takes the item whose turn it is if there is one that is not promised to a getter that waits.
    ///
    /// # Errors
    /// [`Empty`].
    pub fn get_nowait(&self) -> Result<O::Item, Empty> {
        self.change(|state, wakers| state.get_nowait(wakers))
            .ok_or(Empty)
    }

    /// Adds `item`; waits for room for at most `limit`, counted from the first time it has to wait.
    ///
    /// [`Duration::ZERO`] gives the others one turn; [`Duration::MAX`] is no limit. Room that comes
    /// in the turn in which the limit is reached is used.
    ///
    /// # Errors
    /// [`Full`], with the item in it, which has not been inside: at the limit, or when the queue is
    /// closed.
    ///
    /// # Panics
    /// When polled outside a hub, if it has to wait.
    ///
    /// # Cancel safety
    /// As [`put`](Self::put).
    ///
    /// ```
    /// use evlet_green::{Full, LightQueue};
    /// use std::time::Duration;
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::bounded(1);
    ///     queue.put("first").await;
    ///     let refused = queue.put_timeout("second", Duration::from_millis(1)).await;
    ///     assert_eq!(refused, Err(Full("second")));
    /// });
    /// ```
    #[track_caller]
    pub fn put_timeout(&self, item: O::Item, limit: Duration) -> PutTimeout<'_, O> {
        PutTimeout {
            put: self.offer(item, Location::caller()),
            sleep: sleep(limit),
        }
    }

    /// Takes the item whose turn it is; waits for one for at most `limit`, counted from the first
    /// time it has to wait.
    ///
    /// [`Duration::ZERO`] gives the others one turn; [`Duration::MAX`] is no limit. An item that
    /// comes in the turn in which the limit is reached is taken.
    ///
    /// # Errors
    /// [`Empty`]: at the limit, or when the queue is closed and drained.
    ///
    /// # Panics
    /// When polled outside a hub, if it has to wait.
    ///
    /// # Cancel safety
    /// As [`get`](Self::get).
    ///
    /// ```
    /// use evlet_green::{Empty, LightQueue};
    /// use std::time::Duration;
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::<u8>::unbounded();
    ///     assert_eq!(queue.get_timeout(Duration::from_millis(1)).await, Err(Empty));
    /// });
    /// ```
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> GetTimeout<'_, O> {
        GetTimeout {
            get: self.take(Location::caller()),
            sleep: sleep(limit),
        }
    }

    /// Closes the queue: nothing more goes in, and when what is inside has been taken it has ended.
    ///
    /// Whoever waits in `send`, or comes later, gets its item back; whoever waits in `recv` gets what
    /// is left, then the end. The table at [`BaseQueue`] has the others, among them `put` and
    /// `get`, which panic. Closing again changes nothing; a closed queue stays closed. O(waiters).
    pub fn close(&self) {
        self.change(State::close);
    }

    /// Whether the queue was closed. There may still be items inside.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.borrow().is_closed()
    }

    /// The items as a [`Stream`](futures::Stream), which ends when the queue is closed and drained.
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// use futures::StreamExt;
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::unbounded();
    ///     for n in 1..=4 {
    ///         queue.put(n).await;
    ///     }
    ///     queue.close();
    ///     let squares: Vec<_> = queue.stream().map(|n| n * n).collect().await;
    ///     assert_eq!(squares, [1, 4, 9, 16]);
    /// });
    /// ```
    #[track_caller]
    pub fn stream(&self) -> QueueStream<O> {
        QueueStream::new(Rc::clone(&self.state), Location::caller())
    }

    /// The queue as a [`Sink`](futures::Sink) for its items.
    ///
    /// ```
    /// use evlet_green::LightQueue;
    /// use futures::{SinkExt, StreamExt, stream};
    /// evlet_hub::run(async {
    ///     let queue = LightQueue::unbounded();
    ///     let numbers = stream::iter(1..=4).map(Ok);
    ///     numbers.forward(queue.sink()).await.unwrap();
    ///     assert_eq!(queue.qsize(), 4);
    /// });
    /// ```
    #[track_caller]
    pub fn sink(&self) -> QueueSink<O> {
        QueueSink::new(Rc::clone(&self.state), Location::caller())
    }

    /// Changes the capacity: a number, or `None` for no limit.
    ///
    /// Putters for whom there is room now go on. A smaller capacity drops nothing: the queue stays
    /// over-full until it has been drained below it. Zero makes a rendezvous.
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
    #[must_use]
    pub fn qsize(&self) -> usize {
        self.state.borrow().items.count()
    }

    /// The capacity: `None` without a limit, zero for a rendezvous.
    #[must_use]
    pub fn maxsize(&self) -> Option<usize> {
        self.state.borrow().limit()
    }

    /// Whether no item is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether as many items are inside as the capacity allows. A rendezvous is always full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let state = self.state.borrow();
        state
            .limit()
            .is_some_and(|limit| state.items.count() >= limit)
    }

    /// How many wait to put an item.
    #[must_use]
    pub fn putting(&self) -> usize {
        self.state.borrow().putters.alive()
    }

    /// How many wait to get one.
    #[must_use]
    pub fn getting(&self) -> usize {
        self.state.borrow().getters.alive()
    }

    fn offer(&self, item: O::Item, at: &'static Location<'static>) -> Waiter<'_, Offer<O>> {
        Waiter::new(&self.state, Offer(Some(item)), at)
    }

    fn take(&self, at: &'static Location<'static>) -> Waiter<'_, Take<O>> {
        Waiter::new(&self.state, Take::new(), at)
    }

    /// Changes the state, and wakes whom that called when the borrow is over.
    pub(super) fn change<R>(&self, f: impl FnOnce(&mut State<O>, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        let result = f(&mut self.state.borrow_mut(), &mut wakers);
        wakers.wake();
        result
    }
}

impl<O: Order, K> Clone for BaseQueue<O, K> {
    fn clone(&self) -> Self {
        BaseQueue {
            state: Rc::clone(&self.state),
            kind: PhantomData,
        }
    }
}

/// Unbounded.
impl<O: Order, K> Default for BaseQueue<O, K> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<O: Order, K: Kind> fmt::Debug for BaseQueue<O, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(&[K::PREFIX, O::NAME].concat());
        shown
            .field("qsize", &self.qsize())
            .field("maxsize", &self.maxsize())
            .field("putting", &self.putting())
            .field("getting", &self.getting())
            .field("is_closed", &self.is_closed());
        if K::COUNTS {
            shown.field("unfinished_tasks", &self.state.borrow().unfinished);
        }
        shown.finish()
    }
}
