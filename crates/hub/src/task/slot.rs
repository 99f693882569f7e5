//! Everything evlet can say about a green thread.
//!
//! Filled in by whoever knows: `spawn` writes what is fixed, the turn counts
//! the poll, leaf futures tell what they wait on ([`crate::wait::park`]). The deadlock report, the
//! list of green threads and the watchdog read it; none of them keeps books of its own.
//!
//! A slot has two parts. What each poll reads and writes is [`Slot`]: 64 bytes of plain cells at the head of the
//! task, so that whoever has the task has the slot, without a look-up and without a borrow.
//! [`Cold`] (32 bytes) is there once somebody waits for its end. What few green threads have (a name,
//! links, more waiters than one, locals) is boxed.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::clock::Nanos;
use crate::diagnostics;
use crate::local::Locals;
use crate::task::{Ended, GreenThreadId, HubId, Key, KillReport, LinkId, Number, Outcome};
use crate::wait::WaitKind;

/// What every poll touches.
#[derive(Debug)]
pub(crate) struct Slot {
    id: Cell<GreenThreadId>,
    index: Cell<u32>,
    hub: Cell<HubId>,
    spawned_at: Cell<&'static Location<'static>>,
    pub(crate) polls: Cell<u64>,
    pub(crate) since: Cell<Nanos>,
    pub(crate) subject: Cell<u64>,
    pub(crate) waiting_at: Cell<Option<&'static Location<'static>>>,
    bytes: Cell<u32>,
    pub(crate) kind: Cell<WaitKind>,
    ended: Cell<Option<Outcome>>,
    flags: Cell<Flags>,
}

const _: () = assert!(size_of::<Slot>() <= 64);

/// What is known of a green thread when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) id: GreenThreadId,
    pub(crate) hub: HubId,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) since: Nanos,
    pub(crate) bytes: usize,
    pub(crate) flags: Flags,
}

/// What those touch who wait for the end of another one. As long as the slot has no flag for it,
/// everything here is as by default.
#[derive(Debug, Default)]
pub(crate) struct Cold {
    /// The first of those who wait for its end.
    pub(crate) waiter: Option<Waker>,
    /// By which that one is known.
    pub(crate) ticket: u64,
    pub(crate) extra: Option<Box<Extra>>,
}

/// Marks of a green thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const NONE: Flags = Flags(0);
    /// To be dropped instead of polled.
    pub(crate) const KILLED: Flags = Flags(1);
    /// Nobody can wait for it any more.
    pub(crate) const DETACHED: Flags = Flags(2);
    /// Made by `spawn_after` and not yet due: it counts as not started.
    pub(crate) const DELAYED: Flags = Flags(4);
    /// It is in the run queue.
    pub(crate) const SCHEDULED: Flags = Flags(8);
    /// The cold part may have something.
    pub(crate) const HAS_MORE: Flags = Flags(16);
    /// It is named after a peer.
    pub(crate) const HAS_PEER: Flags = Flags(64);
    /// It has locals that those inherit whom it spawns.
    pub(crate) const INHERITS: Flags = Flags(128);
    /// A kill does not take effect yet; see [`crate::shield`].
    pub(crate) const SHIELDED: Flags = Flags(256);
    /// Of the lanes beside the normal one: see [`crate::lane`].
    pub(crate) const URGENT: Flags = Flags(512);
    pub(crate) const BACKGROUND: Flags = Flags(1024);
    /// It is the future that was given to `run`.
    pub(crate) const ROOT: Flags = Flags(32);
    /// Its result was handed out.
    pub(crate) const TAKEN: Flags = Flags(2048);
    /// It is over; the slot says how.
    pub(crate) const ENDED: Flags = Flags(4096);

    #[inline]
    pub(crate) const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether it has any of those in `flag`.
    #[inline]
    pub(crate) const fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    #[inline]
    pub(crate) const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) links: Vec<(LinkId, Link)>,
    pub(crate) waiters: Vec<(u64, Waker)>,
    pub(crate) locals: Option<Box<Locals>>,
    pub(crate) killed: Option<Box<KillReport>>,
    /// Shields over it that are in progress.
    pub(crate) shields: u32,
}

pub(crate) type Link = Box<dyn FnOnce(&Ended)>;

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extra")
            .field("name", &self.name)
            .field("links", &self.links.len())
            .field("waiters", &self.waiters.len())
            .field("locals", &self.locals.as_deref().map_or(0, Locals::len))
            .field("killed", &self.killed)
            .field("shields", &self.shields)
            .finish()
    }
}

impl Slot {
    /// One that is to be filled in by [`begin`](Self::begin), where it stands: put together in a variable
    /// it would be copied from there by wide loads right after narrow stores, for which the processor waits.
    #[inline]
    pub(crate) const fn empty() -> Self {
        Slot {
            id: Cell::new(GreenThreadId(0)),
            index: Cell::new(0),
            hub: Cell::new(0),
            spawned_at: Cell::new(Location::caller()),
            polls: Cell::new(0),
            since: Cell::new(0),
            subject: Cell::new(0),
            waiting_at: Cell::new(None),
            bytes: Cell::new(0),
            kind: Cell::new(WaitKind::Turn),
            ended: Cell::new(None),
            flags: Cell::new(Flags::NONE),
        }
    }

    /// Makes it that of one that has not run yet and stands at `index` of its hub's table.
    #[inline]
    pub(crate) fn begin(&self, birth: Birth, index: u32) {
        self.id.set(birth.id);
        self.index.set(index);
        self.hub.set(birth.hub);
        self.spawned_at.set(birth.spawned_at);
        self.flags.set(birth.flags);
        if diagnostics::ON {
            self.since.set(birth.since);
            let bytes = u32::try_from(birth.bytes);
            self.bytes.set(bytes.unwrap_or(u32::MAX));
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> GreenThreadId {
        self.id.get()
    }

    /// Its place in the hub's table.
    #[inline]
    pub(crate) fn index(&self) -> u32 {
        self.index.get()
    }

    #[inline]
    pub(crate) fn hub(&self) -> HubId {
        self.hub.get()
    }

    /// The line that spawned it.
    #[inline]
    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at.get()
    }

    /// The size of its future.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get() as usize
    }

    #[inline]
    pub(crate) fn key(&self) -> Key {
        let (id, index) = (self.id(), self.index());
        Key { id, index }
    }

    #[inline]
    pub(crate) fn number(&self, place: usize) -> Number {
        Number::new(place, self.key())
    }

    #[inline]
    pub(crate) fn flags(&self) -> Flags {
        self.flags.get()
    }

    #[inline]
    pub(crate) fn set_flags(&self, flags: Flags) {
        self.flags.set(flags);
    }

    #[inline]
    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.flags.get().has(flag)
    }

    #[inline]
    pub(crate) fn set(&self, flag: Flags) {
        self.flags.set(self.flags.get().and(flag));
    }

    #[inline]
    pub(crate) fn clear(&self, flag: Flags) {
        self.flags.set(self.flags.get().without(flag));
    }

    /// How it ended, if it did.
    #[inline]
    pub(crate) fn ended(&self) -> Option<Outcome> {
        self.ended.get()
    }

    #[inline]
    pub(crate) fn note_end(&self, outcome: Outcome) {
        self.set(Flags::ENDED);
        self.ended.set(Some(outcome));
    }

    pub(crate) fn has_started(&self) -> bool {
        self.polls.get() > 0 && !self.has(Flags::DELAYED)
    }
}

impl Cold {
    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.name.as_ref()
    }

    pub(crate) fn has_more_waiters(&self) -> bool {
        let extra = self.extra.as_ref();
        extra.is_some_and(|extra| !extra.waiters.is_empty())
    }
}
