//! The hub in numbers.

use std::cell::Cell;

use crate::running;

/// A photograph of a hub's numbers. Taking it changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Green threads alive: spawned and not ended. The root, the future given to `run`, is none.
    pub green_threads: usize,
    /// Turns waiting in the run queue.
    pub ready: usize,
    /// Timers set and not yet due.
    pub timers: usize,
    /// Registered descriptors.
    pub sources: usize,
    /// Green threads that were ever spawned.
    pub spawned: u64,
    /// Green threads that ended, by whatever reason.
    pub finished: u64,
    /// Polls of green threads, the root's included.
    pub polls: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// System calls that waited or looked for events.
    pub waits: u64,
    /// Wake-ups and jobs that came from other threads.
    pub remote_wakes: u64,
}

/// The running hub's numbers; all zero outside a hub.
///
/// ```
/// evlet_hub::run(async {
///     evlet_hub::spawn_n(async {});
///     assert_eq!(evlet_hub::stats().green_threads, 1);
/// });
/// ```
#[must_use]
pub fn stats() -> Stats {
    running::with(|core| core.stats()).unwrap_or_default()
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawned: Cell<u64>,
    pub(crate) finished: Cell<u64>,
    pub(crate) polls: Cell<u64>,
    pub(crate) turns: Cell<u64>,
    pub(crate) waits: Cell<u64>,
    pub(crate) remote_wakes: Cell<u64>,
}

#[inline]
pub(crate) fn bump(counter: &Cell<u64>) {
    counter.set(counter.get().wrapping_add(1));
}
