//! Locks between green threads: [`Mutex`], [`RwLock`], [`Condvar`], [`Barrier`].
//!
//! Between two awaits a green thread runs alone, so most data that green threads share needs no lock:
//! a `RefCell` borrowed and given back without an await between is enough. A lock is for what must
//! stay as it is *across* an await.
//!
//! They are shaped as those of the standard library: a guard borrows its lock, and whoever shares a
//! lock puts it into an `Rc` or lends it. All serve first come, first served, and nobody overtakes.
//!
//! # No poisoning
//!
//! A green thread that panics or is killed with a guard in hand gives the lock back, and the next one
//! goes on. What it had half changed is for the guard's holder to see to: change what belongs together
//! without an await in between.
//!
//! # Waiting for oneself
//!
//! A green thread that locks what it has locked already waits for itself. When nobody else can run
//! either, the hub reports the deadlock and who waits in it
//! ([`RunError::Deadlock`](evlet_hub::RunError)).

mod barrier;
mod condvar;
mod mutex;
mod rw_lock;

mod turns; // who holds a lock, and who waits for it

pub use barrier::{Barrier, BarrierWait, BarrierWaitResult};
pub use condvar::{Condvar, Wait, WaitWhile};
pub use mutex::{Lock, Mutex, MutexGuard};
pub use rw_lock::{Read, RwLock, RwLockReadGuard, RwLockWriteGuard, Write};
