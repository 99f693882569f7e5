//! What the green primitives promise, theme by theme, through their public API.
//!
//! Promises cite `reliability.md` (`// proves D-1`); behaviour that came from eventlet or
//! oslo.service cites its conformance case (`// conformance 47`, `// looping case 8`).
//!
//! `cargo xtask miri` runs all of this under Miri but for what says `cfg(miri)`: what starts a process, and
//! what repeats itself so often that an interpreter would need minutes.

// The props.
mod fickle; // a waiter that changes its mind
mod stage;
mod threads; // the one thread pool, one test at a time
mod trace;

// One primitive after the other.
mod connection_deadlines;
mod connection_pool;
mod connection_pools;
mod dagpool;
mod dagpool_cycles;
mod event;
mod greenlet;
mod greenlet_ends;
mod heartbeat;
mod imap;
mod limit;
mod lock_barrier;
mod lock_condvar;
mod lock_mutex;
mod lock_rw;
mod looping_back_off;
mod looping_call;
mod looping_dynamic;
mod looping_isolated;
mod looping_timeout;
mod on_cancel;
mod pile;
mod pool;
mod queue;
mod queue_close;
mod queue_limits;
mod queue_order;
mod queue_stream;
mod resource_hooks;
mod resource_pool;
mod retry;
mod scope;
mod scope_ending;
mod semaphore;
mod semaphore_bounded;
mod semaphore_capped;
mod testing;
mod tpool;
mod tpool_ending;
mod tpool_hand_over;
mod tpool_proxy;

// What all of them promise.
mod bad_input; // what nobody should write
mod cancel; // any wait, dropped at any moment
mod cancel_queues; // those of the queues, their ends and their limits
mod errors; // typed, named, handed back
mod every_await; // the whole list, by the tool that users have
mod every_await_locks; // its second sheet
mod every_await_scopes; // its third
mod reentrancy; // user code in the middle of everything
mod reentrancy_locks; // its second sheet
mod waits; // everybody can be asked what they wait for

// Against a plain model: thousands of runs, so not under Miri.
#[cfg(not(miri))]
mod lock_model;
#[cfg(not(miri))]
mod looping_model;
#[cfg(not(miri))]
mod model;
#[cfg(not(miri))]
mod pool_model;
#[cfg(not(miri))]
mod queue_model;
#[cfg(not(miri))]
mod resource_model;
#[cfg(not(miri))]
mod semaphore_capped_model;
#[cfg(not(miri))]
mod semaphore_life;
#[cfg(not(miri))]
mod semaphore_model;
