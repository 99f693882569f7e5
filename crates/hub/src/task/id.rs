//! Numbers of green threads.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a green thread: unique in the process, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GreenThreadId(pub(crate) u64);

impl GreenThreadId {
    /// The number itself.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for GreenThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where a green thread's slot is, and the id by which a reused slot is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: GreenThreadId,
    pub(crate) index: u32,
}

impl Key {
    /// No green thread's.
    pub(crate) const NOBODY: Key = Key {
        id: GreenThreadId(0),
        index: u32::MAX,
    };
}

/// The number of a hub: unique in the process.
pub(crate) type HubId = u32;

/// Ids of one hub, drawn in blocks from a counter of the process, so that a spawn touches no
/// atomic.
#[derive(Debug, Default)]
pub(crate) struct IdSource {
    next: Cell<u64>,
    end: Cell<u64>,
}

/// Ids in a block.
const BLOCK: u64 = 1 << 16;

impl IdSource {
    pub(crate) fn next(&self) -> GreenThreadId {
        static BLOCKS: AtomicU64 = AtomicU64::new(0);
        if self.next.get() == self.end.get() {
            let start = BLOCKS.fetch_add(1, Ordering::Relaxed) * BLOCK + 1;
            self.next.set(start);
            self.end.set(start + BLOCK);
        }
        let id = self.next.get();
        self.next.set(id + 1);
        GreenThreadId(id)
    }
}
