//! What green threads work with: pools, queues, events, semaphores, scopes, limits, looping calls, retries.
//!
//! Green threads come from [`evlet_hub`]; this crate has what keeps many of them in order. It is
//! what eventlet offers beside its sockets, and the looping call of OpenStack's oslo.service, for
//! one thread: nothing here is `Send`, and nothing needs a lock.
//!
//! # The smallest program
//!
//! ```
//! use evlet_green::{GreenPool, LightQueue};
//!
//! evlet_hub::run(async {
//!     let results = LightQueue::unbounded();
//!     let pool = GreenPool::new(10);
//!     for n in 1..=100 {
//!         let results = results.clone();
//!         pool.spawn_n(async move { results.put(n * n).await }).await;
//!     }
//!     pool.waitall().await;
//!     let mut sum = 0;
//!     while let Ok(square) = results.get_nowait() {
//!         sum += square;
//!     }
//!     assert_eq!(sum, 338_350);
//! });
//! ```
//!
//! # What happens inside
//!
//! Every object is plain data behind an `Rc`: a clone is another handle of it. Whoever has to wait
//! stands in a line, first come, first served, and nobody overtakes. Nothing is handed to a waiter
//! before it is polled; it is *called*, and what it was called for is kept for it. So dropping any
//! future of this crate, at any moment, loses no item, no permit and no wake-up; each says in its
//! *Cancel safety* section what dropping it means. No borrow is held while code of yours runs (a
//! `Clone`, a `Drop`, a waker, a link), so such code may use the same object again.
//!
//! All of it works on the hub's thread, makes no system call and opens no descriptor. [`tpool`] is
//! the exception: it has OS threads, started at its first use; and a looping call may ask for one.
//!
//! # The map, in reading order
//!
//! | module | what it has |
//! | --- | --- |
//! | [`queue`] | [`LightQueue`], [`Queue`], [`LifoQueue`], [`PriorityQueue`]; errors [`Full`], [`Empty`], [`Closed`], [`TooManyDone`]; futures [`Get`](queue::Get), [`Put`](queue::Put), [`Recv`](queue::Recv), [`Send`](queue::Send), [`Join`](queue::Join); [`QueueStream`](queue::QueueStream), [`QueueSink`](queue::QueueSink) |
//! | [`event`] | [`Event`]; error [`AlreadySent`]; future [`Wait`](event::Wait) |
//! | [`semaphore`] | [`Semaphore`], [`BoundedSemaphore`], [`CappedSemaphore`]; [`Permit`], [`CappedPermit`]; errors [`TooManyReleases`], [`OverLimit`]; futures [`Acquire`](semaphore::Acquire), [`AcquireCapped`](semaphore::AcquireCapped), [`Release`](semaphore::Release) |
//! | [`lock`] | [`Mutex`] with [`MutexGuard`], [`RwLock`] with [`RwLockReadGuard`] and [`RwLockWriteGuard`], [`Condvar`], [`Barrier`] with [`BarrierWaitResult`]; futures [`Lock`](lock::Lock), [`Read`](lock::Read), [`Write`](lock::Write), [`Wait`](lock::Wait), [`WaitWhile`](lock::WaitWhile), [`BarrierWait`](lock::BarrierWait) |
//! | [`limit`] | [`with_timeout`], [`with_timeout_or`], [`FutureExt`]; future [`TimeoutOr`](limit::TimeoutOr) |
//! | [`pool`] | [`GreenPool`], [`Imap`](pool::Imap); error [`PoolFull`]; futures [`Spawn`](pool::Spawn), [`SpawnN`](pool::SpawnN), [`WaitAll`](pool::WaitAll), [`Next`](pool::Next); [`Apply`](pool::Apply) with [`Whole`](pool::Whole) and [`Spread`](pool::Spread) |
//! | [`pile`] | [`GreenPile`]; futures [`Spawn`](pile::Spawn), [`Next`](pile::Next) |
//! | [`resources`] | [`Pool`], [`PoolBuilder`], [`Item`]; [`ConnectionPool`], [`ConnectionPoolBuilder`], [`PooledConnection`], [`ConnectionPools`]; error [`NoConnection`]; futures [`Get`](resources::Get), [`GetItem`](resources::GetItem), [`GetConnection`](resources::GetConnection) |
//! | [`dagpool`] | [`DagPool`]; errors [`PropagateError`], [`SpawnError`](dagpool::SpawnError), [`Collision`](dagpool::Collision), [`Cycle`](dagpool::Cycle), [`NotRunning`](dagpool::NotRunning), [`JobDied`](dagpool::JobDied); [`Results`](dagpool::Results), [`Successes`](dagpool::Successes), [`Failures`](dagpool::Failures); futures [`All`](dagpool::All), [`Value`](dagpool::Value) |
//! | [`mod@scope`] | [`scope`](scope()), [`Scope`], [`Child`](scope::Child), [`Outcome`](scope::Outcome); future [`Scoped`](scope::Scoped) |
//! | [`looping_call`] | [`FixedIntervalLoopingCall`], [`FixedIntervalWithTimeoutLoopingCall`], [`DynamicLoopingCall`], [`BackOffLoopingCall`], [`LoopingCall`]; [`Isolated`](looping_call::Isolated), [`IsolatedLoopingCall`]; what their functions return: [`IntoStep`](looping_call::IntoStep), [`IntoDynamicStep`](looping_call::IntoDynamicStep), [`IntoBackOffStep`](looping_call::IntoBackOffStep); error [`LoopError`]; futures [`LoopWait`](looping_call::LoopWait), [`IsolatedLoopWait`](looping_call::IsolatedLoopWait) |
//! | [`mod@retry`] | [`retry`](retry()), [`Retry`]; future [`Retrying`](retry::Retrying) |
//! | [`greenlet`] | [`Greenlet`](greenlet::Greenlet); error [`GreenletError`](greenlet::GreenletError); future [`Switch`](greenlet::Switch) |
//! | [`tpool`] | [`execute`](tpool::execute), [`set_num_threads`](tpool::set_num_threads), [`stats`](tpool::stats) with [`TpoolStats`](tpool::TpoolStats); [`Proxy`](tpool::Proxy); [`killall`](tpool::killall), [`shutdown`](tpool::shutdown); error [`StillBusy`](tpool::StillBusy); futures [`Execute`](tpool::Execute), [`Call`](tpool::Call), [`KillAll`](tpool::KillAll) |
//! | [`testing`] | [`cancel_at_every_await`](testing::cancel_at_every_await), [`cancel_at_every_await_in`](testing::cancel_at_every_await_in), [`CancelAtEveryAwait`](testing::CancelAtEveryAwait); [`Attempt`](testing::Attempt), [`Moment`](testing::Moment), [`Place`](testing::Place) |
//!
//! Two private modules carry the rest: `wait_list` is the line, `waiting` the protocol by which a
//! future waits in one.
//!
//! # What is left out
//!
//! Locks between threads: another OS thread talks to a hub through
//! [`HubHandle`](evlet_hub::HubHandle) and [`tpool`]. Timeouts as arguments: every wait is a future,
//! and [`with_timeout`] limits any future. Exceptions thrown into a green thread: it is killed, which
//! drops its future.
//!
//! # Platforms and Rust version
//!
//! Wherever [`evlet_hub`] runs; no features; Rust 1.88. No `unsafe`.

#![forbid(unsafe_code)]

pub mod queue;

pub mod event;
pub mod lock;
pub mod semaphore;

pub mod limit;

pub mod pool;

pub mod pile;

pub mod resources;

pub mod dagpool;
pub mod scope;

pub mod looping_call;

pub mod retry;

pub mod greenlet;

pub mod tpool;

pub mod testing;

mod clean_up;
mod nodes;
mod wait_list;
mod waiting;
mod wakers;

pub use clean_up::{CLEAN_UP_BUDGET, OnCancel, on_cancel};
pub use dagpool::{DagPool, PropagateError};
pub use event::{AlreadySent, Event};
pub use limit::{FutureExt, with_timeout, with_timeout_or};
pub use lock::{
    Barrier, BarrierWaitResult, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard,
    RwLockWriteGuard,
};
pub use looping_call::{
    BackOffLoopingCall, DynamicLoopingCall, FixedIntervalLoopingCall,
    FixedIntervalWithTimeoutLoopingCall, IsolatedLoopingCall, LoopError, LoopingCall,
};
pub use pile::GreenPile;
pub use pool::{GreenPool, PoolFull};
pub use queue::{Closed, Empty, Full, LifoQueue, LightQueue, PriorityQueue, Queue, TooManyDone};
pub use resources::{
    ConnectionPool, ConnectionPoolBuilder, ConnectionPools, Item, NoConnection, Pool, PoolBuilder,
    PooledConnection,
};
pub use retry::{Retry, retry};
pub use scope::{Scope, scope};
pub use semaphore::{
    BoundedSemaphore, CappedPermit, CappedSemaphore, OverLimit, Permit, Semaphore, TooManyReleases,
};
