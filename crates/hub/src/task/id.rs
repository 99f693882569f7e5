//! Numbers of green threads.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lane::Lane;
use crate::task::Exit;

/// The number of a green thread: unique in the process, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GreenThreadId(pub(crate) u64);

impl GreenThreadId {
    /// The number itself.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for GreenThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Above the number of a hub: the lane.
const URGENT: u32 = 1 << 31;
const BACKGROUND: u32 = 1 << 30;

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

/// What `async-task` carries for us beside each task.
///
/// Plain data, so that wake-ups may come from any thread; and all that the schedule function and the
/// handle know, so that they need no memory of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    id: GreenThreadId,
    index: u32,
    /// The hub's number, and above it the lane's.
    home: u32,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Meta {
    #[inline]
    pub(crate) fn new(key: Key, hub: HubId, spawned_at: &'static Location<'static>) -> Self {
        let Key { id, index } = key;
        Meta {
            id,
            index,
            home: hub,
            spawned_at,
        }
    }

    /// The same in another lane.
    #[inline]
    pub(crate) fn in_lane(self, lane: Lane) -> Self {
        let lane = match lane {
            Lane::Normal => 0,
            Lane::Urgent => URGENT,
            Lane::Background => BACKGROUND,
        };
        let home = self.hub() | lane;
        Meta { home, ..self }
    }

    pub(crate) fn hub(&self) -> HubId {
        self.home & !(URGENT | BACKGROUND)
    }

    pub(crate) fn lane(&self) -> Lane {
        match self.home & (URGENT | BACKGROUND) {
            0 => Lane::Normal,
            URGENT => Lane::Urgent,
            _ => Lane::Background,
        }
    }

    /// Whether it is of this hub and in the normal lane.
    #[inline]
    pub(crate) fn is_plain_of(&self, hub: HubId) -> bool {
        self.home == hub
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        let Meta { id, index, .. } = *self;
        Key { id, index }
    }
}

/// What `async-task` keeps for us until a green thread's result is wanted.
pub(crate) type Task<T> = async_task::Task<Result<T, Exit>, Meta>;

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
