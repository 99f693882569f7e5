//! The hub of evlet: executor, reactor, timers and clock of one thread.
//!
//! A hub runs *green threads*: futures that take turns on one OS thread. One runs at a time, in the
//! order in which they became ready, until it awaits something that is not there yet. Nothing needs
//! to be `Send`, nothing needs a lock, and the same input gives the same order.
//!
//! ```
//! use std::time::Duration;
//! use evlet_hub::{run, sleep, spawn};
//!
//! run(async {
//!     let tea = spawn(async {
//!         sleep(Duration::from_millis(3)).await;
//!         "tea"
//!     });
//!     let toast = spawn(async { "toast" });
//!     assert_eq!(toast.wait().await.unwrap(), "toast");
//!     assert_eq!(tea.wait().await.unwrap(), "tea");
//! });
//! ```
//!
//! # One turn of the loop
//!
//! [`Hub::run`] repeats this until its future is done:
//!
//! ```text
//!           ┌──────────────────────────────────────────────────────────────┐
//!           │ 1. run ready green threads, first come, first served,        │
//!           │    at most a batch (61)                                      │
//!           │ 2. take what other threads sent: wake-ups, spawns, stop      │
//!           │ 3. fire timers that are due, by deadline, then by age        │
//!           │ 4. ask the kernel about descriptors                          │
//!           │      somebody is ready: only look, and only once a batch     │
//!           │      nobody is: sleep until an event, the next deadline      │
//!           │      or another thread; one system call                      │
//!           └──────────────────────────────────────────────────────────────┘
//! ```
//!
//! *Ready* means in the run queue, a plain `VecDeque` that only this thread touches. A waker that is
//! used on the hub's thread pushes there; one that is used elsewhere pushes to a second queue that
//! step 2 empties, and ends the sleep of step 4 if need be. Being in the queue twice is impossible:
//! a green thread that is woken twice before its turn runs once.
//!
//! *A green thread* is a task: one allocation with the user's future, and before it a slot
//! that holds everything evlet can say about it: id, name, where it was spawned, where it waits and
//! for what, since when, how often it was polled ([`Hub::green_threads`]). The hub's table and the handle share it; a waker
//! is only its number. It ends by returning, by
//! a panic, by a kill, or with its hub; each time its future is dropped, then its links are called,
//! then its waiters wake. A panic ends the green thread and nothing else.
//!
//! *Timers* live in a wheel whose entries keep their deadline to the nanosecond. None fires early.
//! A timeout that is never reached costs two list operations, and one around a future that is ready
//! at once costs nothing.
//!
//! *Descriptors* are registered once, edge-triggered, for both directions. An operation makes its
//! system call first and waits only after "would block", so a busy connection costs its reads and
//! writes and nothing more ([`Io`]).
//!
//! *Fairness.* The batch is bounded, so ready green threads cannot starve timers, descriptors or
//! other threads. What one poll may do without waiting is bounded by a budget, so a loop over an
//! always-ready socket cannot starve the other green threads. Loops that compute say
//! [`checkpoint`]; who forgets it is named by the watchdog ([`HubBuilder::watchdog`]).
//!
//! *Idle.* A hub with nothing to do sleeps in one system call. When no timer, descriptor or other
//! thread could ever end that sleep, it says so instead ([`RunError::Deadlock`]).
//!
//! # Threads, descriptors, signals
//!
//! A hub lives and dies on one thread; [`HubHandle`] and wakers may go to others. It opens four
//! descriptors on Linux (epoll, an eventfd, and two of `polling`'s), all close-on-exec. The hubs of a
//! process share one thread beside their own, the watchdog; it sleeps while they do. A hub touches no
//! signal handlers; an interrupted wait is repeated.
//!
//! # Map, in reading order
//!
//! `hub`, `turn` (the loop), `io_turn` (its wait), `task` (green threads), `run_queue`, `lane`, `remote` (other threads), `timers`,
//! `sleep`, `timeout`, `within`, `shield`, `local`, `reactor`, `io`, [`wait`] (how primitives tell what they wait on), `clock`,
//! `deadlock`, `watchdog`, `shutdown`; [`sys`], [`mod@report`] and [`random_u64`] are seams for tests and
//! operators.
//!
//! # What is left out
//!
//! Sockets, files, signals, processes, pools and queues: crates above know those. Work stealing: a
//! hub is one thread; run several for several cores. Windows.
//!
//! # Platforms
//!
//! Unix with Rust 1.88. Developed and tested on Linux; elsewhere `polling` does the waiting.

mod arena;
mod batch;
mod beside;
mod birthplace;
mod builder;
mod checkpoint;
mod clock;
mod core;
mod deadlock;
mod diagnostics;
mod handle;
mod hub;
mod in_progress;
mod io;
mod io_turn;
mod lane;
mod local;
mod random;
mod reactor;
mod remote;
pub mod report;
mod run_queue;
mod running;
mod shield;
mod shutdown;
mod sleep;
mod stats;
mod sync;
pub mod sys;
mod task;
mod timeout;
mod timers;
mod trampoline;
mod turn;
pub mod wait;
mod watchdog;
mod within;
mod yield_now;

pub use builder::HubBuilder;
pub use checkpoint::{Checkpoint, checkpoint};
pub use clock::{ClockHold, hold_clock, now};
pub use deadlock::DeadlockReport;
pub use handle::{HubHandle, RemoteGreenThread, handle};
pub use hub::{Hub, Nested, RunError, green_threads, run};
pub use io::{Interest, Io, ReadWith, Readiness, Ticket, WriteWith};
pub use lane::{Lane, spawn_in};
pub use local::{GreenLocal, LocalError};
pub use random::{random_f64, random_u64};
pub use reactor::Backend;
pub use report::{Report, report};
pub use running::is_running;
pub use shield::{Shield, shield};
pub use sleep::{Sleep, sleep, sleep_until};
pub use stats::{Stats, stats};
pub use sys::{Call, CallKind, Fault};
pub use task::{
    Ended, Exit, GreenThread, GreenThreadId, GreenThreadInfo, Kill, KillReport, LinkId, Outcome,
    Wait, current, set_name, set_name_to_peer, spawn, spawn_after, spawn_after_local, spawn_at,
    spawn_n, spawn_n_at,
};
pub use timeout::{Elapsed, Timeout, timeout};
pub use trampoline::{Trampoline, trampoline};
pub use wait::{WaitKind, WaitsOn};
pub use within::{AtDeadline, Within, carry_deadline, remaining, within, without_deadline};
pub use yield_now::{YieldNow, yield_now};

#[doc(inline)]
pub use crate::__green_local as green_local;
