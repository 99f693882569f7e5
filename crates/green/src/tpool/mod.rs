//! Blocking work on OS threads, after eventlet's `tpool`.
//!
//! A blocking call on the hub's thread stops every green thread. [`execute`] runs it on a thread of
//! a pool instead, and the calling green thread waits for the result as for anything else:
//!
//! ```
//! use evlet_green::tpool;
//!
//! evlet_hub::run(async {
//!     let manifest = tpool::execute(|| std::fs::read_to_string("Cargo.toml")).await;
//!     assert!(manifest.unwrap().contains("evlet-green"));
//! });
//! ```
//!
//! An object that blocks is put behind a [`Proxy`], whose calls run there one at a time.
//!
//! # The threads
//!
//! There is one pool in the process, shared by all hubs. Nothing is started before the first job;
//! then threads named `evlet-tpool-1`, `-2` ... are added while jobs wait, up to 20 by default
//! (environment variable `EVLET_THREADPOOL_SIZE`, or [`set_num_threads`]), and a thread that has had
//! nothing to do for some seconds ends. [`killall`] ends them all, once their jobs are done. With a
//! size of zero, and if the system refuses to start even one thread, jobs run on the hub's thread,
//! which is reported; so is a variable that is no number.
//!
//! They are detached: a job that never ends keeps its thread, and does not keep the process from
//! exiting. A process that wants its last jobs done before it exits says for how long it waits, with
//! [`shutdown`].
//!
//! Jobs start in the order of submission. At most 10,000 wait; more wait for room, as green threads
//! (promise E-3).
//!
//! # Deadlock by nesting
//!
//! A job that calls `execute` (on a hub of its own) runs the inner job itself, at once: if it waited
//! for a thread of the same pool, a full pool would wait for itself. A job that waits in another way
//! for another job, over a channel say, still can.

mod ending; // no threads any more
mod execute; // one call
mod hand_over; // one that nobody waits for
mod proxy; // calls on one object

mod answer; // the way back of a result
mod sync; // what that is made of
mod turns; // one at a time

mod crew; // which threads there are
mod jobs; // the queue before them
mod size; // how many there may be
mod workers; // what they do

pub use ending::{KillAll, StillBusy, killall, shutdown};
pub use execute::{Execute, execute};
pub use hand_over::{NotTaken, hand_over};
pub use proxy::{Call, Proxy};
pub use workers::{TpoolStats, set_num_threads, stats};
