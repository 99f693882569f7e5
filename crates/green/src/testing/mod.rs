//! For tests of asynchronous code: a future given up at every await.
//!
//! Whoever writes `async` code writes code that can end at each `.await`: a limit fires, a green
//! thread is killed, a client goes away. What was begun before that line and was to be finished after
//! it is then left half done. [`cancel_at_every_await`] tries it all: it makes the future again and
//! again, drops it after its first poll, its second, and so on until it is done, and each time asks a
//! check of yours whether all is still well.
//!
//! Here is a transfer that cannot be trusted:
//!
//! ```should_panic
//! use std::cell::Cell;
//! use std::time::Duration;
//! use evlet_green::testing::cancel_at_every_await;
//!
//! async fn transfer(from: &Cell<u32>, to: &Cell<u32>, sum: u32) {
//!     from.set(from.get() - sum);
//!     evlet_hub::sleep(Duration::from_millis(5)).await; // the bank's computer is slow
//!     to.set(to.get() + sum);
//! }
//!
//! let (from, to) = (Cell::new(100), Cell::new(0));
//! cancel_at_every_await(
//!     || transfer(&from, &to, 10),
//!     async |_| assert_eq!(from.get() + to.get(), 100),
//! )
//! .run();
//! ```
//!
//! ```text
//! cancel_at_every_await, called at tests/bank.rs:15:5: the check failed after the future had been
//! dropped right after poll 1, while it waited at tests/bank.rs:8:5 for a timer:
//! assertion `left == right` failed
//!   left: 90
//!  right: 100
//! ```
//!
//! # Which moments
//!
//! After poll *k* there are two: **at once**, as when somebody else kills the green thread, and **when
//! it is woken**, in the turn of the very event it waited for. The second is where items, permits and
//! notifications are lost: they have been handed to a waiter that will not come for them. Both are
//! tried for every *k*, and *k* = 0: a future that was never polled.
//!
//! # Inside a hub, or beside one
//!
//! Awaited, it plays on the hub that runs, among the green threads that are there: producers, servers
//! and whatever else the future needs. Tests marked `#[evlet::test]` are such places, and their time is
//! virtual, so that the future may sleep for hours. In a plain `#[test]`, [`run`](CancelAtEveryAwait::run)
//! plays on a hub of its own, in virtual time as well.
//!
//! # A fresh world for each attempt
//!
//! Where an attempt changes what it works on, [`cancel_at_every_await_in`] makes that anew each time:
//!
//! ```
//! use evlet_green::{Semaphore, testing::cancel_at_every_await_in};
//! use evlet_hub::{spawn_n, yield_now};
//!
//! let awaits = cancel_at_every_await_in(
//!     async || {
//!         let semaphore = Semaphore::new(1);
//!         let held = semaphore.acquire().await;
//!         spawn_n(async move { drop(held) }); // at its turn
//!         semaphore
//!     },
//!     async |semaphore| drop(semaphore.acquire().await),
//!     async |semaphore, _| {
//!         yield_now().await;
//!         assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
//!     },
//! )
//! .run();
//! assert_eq!(awaits.len(), 1);
//! ```

mod attempt;
mod cancel;

pub use attempt::{Attempt, Moment, Place};
pub use cancel::{CancelAtEveryAwait, cancel_at_every_await, cancel_at_every_await_in};
