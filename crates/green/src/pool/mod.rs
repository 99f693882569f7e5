//! A bounded set of green threads, after eventlet's `greenpool` module.
//!
//! | file | idea |
//! | --- | --- |
//! | `green_pool` | [`GreenPool`]: the handle |
//! | `slots` | who has a place, who waits for one, when all is done |
//! | `member` | a green thread of a pool: its future, its place, and how it knows that it is one |
//! | `spawn` | waiting for a place: [`Spawn`], [`SpawnN`], and [`PoolFull`] for who will not |
//! | `wait_all` | [`WaitAll`] |
//! | `imap` | [`Imap`]: a function over many inputs, results in order |
//! | `apply` | how `starmap` calls functions of two to six arguments |
//!
//! A place is given back by a guard that lies in the member's future, beside the user's: it is
//! dropped with it, however the green thread ends (it returned, it panicked, it was killed before it
//! started, its hub went), and before anybody who waits for the green thread resumes. A link would
//! do the same and cost an allocation for each spawn.

mod apply;
mod green_pool;
mod imap;
mod member;
mod slots;
mod spawn;
mod wait_all;

pub use apply::{Apply, Spread, Whole};
pub use green_pool::GreenPool;
pub use imap::{Imap, Next};
pub use spawn::{PoolFull, Spawn, SpawnN};
pub use wait_all::WaitAll;
