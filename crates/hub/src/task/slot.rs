//! Everything evlet can say about a green thread.
//!
//! One entry of one table, filled in by whoever knows: `spawn` writes what is fixed, the turn counts
//! the poll, leaf futures write what they wait on ([`crate::wait::park`]). The deadlock report, the
//! list of green threads and the watchdog read it; none of them keeps books of its own.
//!
//! What few green threads have (a name, links, more waiters than one) is boxed, so that the slot of
//! one that has none of them stays at 104 bytes.

use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::clock::Nanos;
use crate::task::{Ended, GreenThreadId, LinkId};
use crate::wait::WaitKind;

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: GreenThreadId,
    /// Kept when it first waits for something else than its turn.
    pub(crate) waker: Option<Waker>,
    /// Who waits for its end, and the ticket by which that one is known.
    pub(crate) waiter: (u64, Option<Waker>),
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) waiting_at: Option<&'static Location<'static>>,
    pub(crate) since: Nanos,
    pub(crate) subject: u64,
    pub(crate) polls: u64,
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) bytes: u32,
    pub(crate) kind: WaitKind,
    pub(crate) flags: Flags,
}

/// Marks of a green thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// To be dropped instead of polled.
    pub(crate) const KILLED: Flags = Flags(1);
    /// Nobody can wait for it any more.
    pub(crate) const DETACHED: Flags = Flags(2);
    /// Made by `spawn_after` and not yet due: it counts as not started.
    pub(crate) const DELAYED: Flags = Flags(4);

    pub(crate) fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Flags) {
        self.0 |= flag.0;
    }

    pub(crate) fn clear(&mut self, flag: Flags) {
        self.0 &= !flag.0;
    }
}

#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) links: Vec<(LinkId, Link)>,
    pub(crate) waiters: Vec<(u64, Waker)>,
}

pub(crate) type Link = Box<dyn FnOnce(&Ended)>;

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extra")
            .field("name", &self.name)
            .field("links", &self.links.len())
            .field("waiters", &self.waiters.len())
            .finish()
    }
}

impl Slot {
    /// One that has not run yet.
    #[inline]
    pub(crate) fn new(
        id: GreenThreadId,
        spawned_at: &'static Location<'static>,
        since: Nanos,
        bytes: usize,
        flags: Flags,
    ) -> Self {
        Slot {
            id,
            waker: None,
            waiter: (0, None),
            spawned_at,
            waiting_at: None,
            since,
            subject: 0,
            polls: 0,
            extra: None,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            kind: WaitKind::Turn,
            flags,
        }
    }

    pub(crate) fn has_more_waiters(&self) -> bool {
        self.extra
            .as_ref()
            .is_some_and(|extra| !extra.waiters.is_empty())
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.name.as_ref()
    }

    pub(crate) fn has_started(&self) -> bool {
        self.polls > 0 && !self.flags.has(Flags::DELAYED)
    }
}
