//! Queues between green threads, after eventlet's `queue` module.
//!
//! | type | what comes out first | counts unfinished items |
//! | --- | --- | --- |
//! | [`LightQueue`] | the oldest | no |
//! | [`Queue`] | the oldest | yes: `task_done`, `join` |
//! | [`LifoQueue`] | the newest | yes |
//! | [`PriorityQueue`] | the smallest, of equal ones the oldest | yes |
//!
//! Each is unbounded, bounded, or a rendezvous. They are one type, [`BaseQueue`], whose page has all
//! operations: who waits, and for how long, has nothing to do with the order of the items.
//!
//! # Nothing is lost
//!
//! A `put` that finds a getter waiting does not hand its item over. It stores the item and *calls*
//! the getter; the getter takes the item when it is polled. Until then the item is promised to it:
//! a newcomer may take only what is not promised, so nobody overtakes. A called getter that is
//! dropped (its timeout fired in the same turn, say) passes the call on, and the item has never
//! left the queue. Room for blocked putters works the same way, so a `put` that is dropped before
//! it is done has not stored its item.
//!
//! The other way, handing the item to the getter, saves one look into the queue and loses the item
//! when the getter is dropped between the hand-over and its poll, or needs a way back that puts
//! items out of order; and it would give a getter the item that came first instead of the smallest.
//! eventlet's queues work as ours, but keep their waiters in sets; here they are served first come,
//! first served.
//!
//! What this asks of callers: a future that waits in a queue and is neither polled nor dropped
//! keeps its place, and once it is called, what it was promised.
//!
//! # Rendezvous
//!
//! A queue of capacity zero stores nothing: `put` is done once a getter has taken the item.
//!
//! # Waiting for oneself
//!
//! A green thread that waits in a `put` for room which only it could make, or in a `get` for an item
//! which only it could put, waits until it is dropped. When nobody else can run either, the hub
//! reports the deadlock and who waits in it ([`RunError::Deadlock`](evlet_hub::RunError)).

mod base;
mod claims;
mod errors;
mod futures;
mod joinable;
mod kinds;
mod order;
mod sink;
mod state;
mod stream;

pub use base::BaseQueue;
pub use errors::{Closed, Empty, Full, TooManyDone};
pub use futures::{Get, GetTimeout, Join, Put, PutTimeout, Recv, Send};
pub use kinds::{Joinable, Kind, LifoQueue, Light, LightQueue, PriorityQueue, Queue};
pub use order::{Fifo, Lifo, Order, Smallest};
pub use sink::QueueSink;
pub use stream::QueueStream;
