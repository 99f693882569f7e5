//! Queues between green threads, after eventlet's `queue` module.
//!
//! | type | what it adds |
//! | --- | --- |
//! | [`LightQueue`] | first in, first out; unbounded, bounded or rendezvous |
//! | [`Queue`] | the same, and counts unfinished items: `task_done`, `join` |
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
//! items out of order. eventlet's queues work as ours, but keep their waiters in sets; here they
//! are served first come, first served.
//!
//! What this asks of callers: a future that waits in a queue and is neither polled nor dropped
//! keeps its place, and once it is called, what it was promised.
//!
//! # Rendezvous
//!
//! A queue of capacity zero stores nothing: [`put`](LightQueue::put) is done once a getter has taken
//! the item.

mod errors;
mod futures;
mod joinable;
mod light;
mod state;

pub use errors::{Empty, Full, TooManyDone};
pub use futures::{Get, Join, Put};
pub use joinable::Queue;
pub use light::LightQueue;
