//! The four queues by name.

use std::fmt;

use crate::queue::BaseQueue;
use crate::queue::order::{Fifo, Lifo, Smallest};

/// A first-in-first-out queue without bookkeeping.
///
/// All its operations are described at [`BaseQueue`].
///
/// After eventlet's `LightQueue`, with these differences: waiters are served in order; an item that
/// a getter was called for cannot be snatched by `get_nowait`; `get_nowait` on a rendezvous takes
/// from a putter that waits, where eventlet's says that it is empty; and it can be closed.
///
/// ```
/// use evlet_green::LightQueue;
/// let queue = LightQueue::unbounded();
/// queue.put_nowait("first").unwrap();
/// queue.put_nowait("second").unwrap();
/// assert_eq!(queue.get_nowait(), Ok("first"));
/// ```
pub type LightQueue<T> = BaseQueue<Fifo<T>, Light>;

/// A first-in-first-out queue that knows when its work is done.
///
/// Every item that is put counts as unfinished until [`task_done`](BaseQueue::task_done) is called
/// for it; [`join`](BaseQueue::join) waits until none is. The other operations are described at
/// [`BaseQueue`].
///
/// # Example
/// ```
/// use evlet_green::Queue;
/// use evlet_hub::{run, spawn_n};
///
/// run(async {
///     let jobs = Queue::unbounded();
///     for worker in 0..3 {
///         let jobs = jobs.clone();
///         spawn_n(async move {
///             while let Some(job) = jobs.recv().await {
///                 let _: u32 = job;
///                 println!("worker {worker} does job {job}");
///                 jobs.task_done().unwrap();
///             }
///         });
///     }
///     for job in 0..10 {
///         jobs.put(job).await;
///     }
///     jobs.join().await; // all ten are done
///     assert_eq!(jobs.unfinished_tasks(), 0);
///     jobs.close(); // the workers end
/// });
/// ```
pub type Queue<T> = BaseQueue<Fifo<T>, Joinable>;

/// A queue whose newest item comes out first. It counts unfinished items as [`Queue`] does.
///
/// The order is that of the items inside when one is taken: of two that were put while a getter
/// waited, it gets the second. Those who wait are served first come, first served, as everywhere.
/// The operations are described at [`BaseQueue`].
///
/// After eventlet's `LifoQueue`, which is a `Queue` too.
///
/// ```
/// use evlet_green::LifoQueue;
/// let stack = LifoQueue::unbounded();
/// stack.put_nowait("first").unwrap();
/// stack.put_nowait("second").unwrap();
/// assert_eq!(stack.get_nowait(), Ok("second"));
/// ```
pub type LifoQueue<T> = BaseQueue<Lifo<T>, Joinable>;

/// A queue whose smallest item comes out first, and of equal ones the oldest. It counts unfinished
/// items as [`Queue`] does.
///
/// The order is that of the items inside when one is taken: of two that were put while a getter
/// waited, it gets the smaller. Those who wait are served first come, first served: a small item
/// whose putter waits for room is not seen before it is inside. For the largest first, wrap the items in
/// [`Reverse`](std::cmp::Reverse). The operations are described at [`BaseQueue`].
///
/// Items are compared when they go in, while the queue is in use: a comparison that calls the same
/// queue panics. A comparison that panics, for this or any other reason, drops the item it was
/// about and changes nothing else; the panic reaches who puts.
///
/// After eventlet's `PriorityQueue`, which is a `Queue` too, and leaves the order of equal items
/// open.
///
/// ```
/// use evlet_green::PriorityQueue;
/// let jobs = PriorityQueue::unbounded();
/// jobs.put_nowait((2, "wash")).unwrap();
/// jobs.put_nowait((1, "rest")).unwrap();
/// assert_eq!(jobs.get_nowait(), Ok((1, "rest")));
/// ```
pub type PriorityQueue<T> = BaseQueue<Smallest<T>, Joinable>;

/// Marks a queue that does not count unfinished items.
#[derive(Debug)]
pub enum Light {}

/// Marks a queue that counts unfinished items: [`task_done`](BaseQueue::task_done) and
/// [`join`](BaseQueue::join) are for those.
#[derive(Debug)]
pub enum Joinable {}

/// What the two kinds of queue are called.
pub trait Kind: fmt::Debug + sealed::Sealed {
    /// Before the name of the order.
    #[doc(hidden)]
    const PREFIX: &'static str;
    /// Whether the count of unfinished items means something.
    #[doc(hidden)]
    const COUNTS: bool;
}

impl Kind for Light {
    const PREFIX: &'static str = "Light";
    const COUNTS: bool = false;
}

impl Kind for Joinable {
    const PREFIX: &'static str = "";
    const COUNTS: bool = true;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Light {}
    impl Sealed for super::Joinable {}
}
