//! Green threads that depend on each other's results, after eventlet's `dagpool` module.
//!
//! | file | idea |
//! | --- | --- |
//! | `pool` | [`DagPool`]: the handle |
//! | `spawn` | a job: its green thread, and how its end becomes a value |
//! | `state` | which keys have values, which have jobs, who waits for which |
//! | `cycles` | jobs that wait for each other in a ring |
//! | `results` | values as they come: [`Results`]; all at once: [`All`]; one: [`Value`] |
//! | `split` | [`Successes`] and [`Failures`] |
//! | `error` | [`PropagateError`], [`SpawnError`], [`Collision`], [`Cycle`], [`NotRunning`], [`JobDied`] |
//!
//! Who waits for keys is a *watcher*: a set of keys that are pending, and a queue of those that have
//! come since and were not looked at. A key that gets a value moves in each watcher that wants it from
//! the set to the queue. So who waits for what is plain data, which is what
//! [`waiting_for`](DagPool::waiting_for) shows, and what a ring is searched in.

mod cycles;
mod error;
mod pool;
mod results;
mod spawn;
mod split;
mod state;

pub use error::{Collision, Cycle, Failure, JobDied, NotRunning, PropagateError, SpawnError};
pub use pool::DagPool;
pub use results::{All, Results, Value};
pub use split::{Failures, Successes};
pub use state::Key;
