//! Everything evlet can say about a green thread.
//!
//! One entry of one table, filled in by whoever knows: `spawn` writes what is fixed, the turn counts
//! the poll, leaf futures tell what they wait on ([`crate::wait::park`]). The deadlock report, the
//! list of green threads and the watchdog read it; none of them keeps books of its own.
//!
//! A slot has three parts. What each poll reads and writes is [`Hot`]: 64 bytes, one line of the
//! processor's cache, since with a thousand green threads the fetching of lines is what a look at a slot
//! costs. Its own waker (16 bytes) is there once it waits for something else than its turn,
//! [`Cold`] (24 bytes) once somebody waits for its end. What few green threads have (a name,
//! links, more waiters than one, locals) is boxed.

use std::panic::Location;
use std::sync::Arc;
use std::task::Waker;

use crate::clock::Nanos;
use crate::diagnostics;
use crate::local::Locals;
use crate::task::{Birth, Ended, GreenThreadId, KillReport, LinkId};
use crate::wait::WaitKind;

/// What every poll touches.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Hot {
    /// Zero in a vacant place.
    pub(crate) id: GreenThreadId,
    pub(crate) polls: u64,
    pub(crate) since: Nanos,
    pub(crate) subject: u64,
    pub(crate) waiting_at: Option<&'static Location<'static>>,
    pub(crate) spawned_at: &'static Location<'static>,
    /// By which the first of those who wait for its end is known.
    pub(crate) ticket: u64,
    pub(crate) bytes: u32,
    pub(crate) kind: WaitKind,
    pub(crate) flags: Flags,
}

const _: () = assert!(size_of::<Hot>() == 64);

/// What those touch who wait for the end of another one. As long as the hot part has no flag for it,
/// everything here is as by default.
#[derive(Debug, Default)]
pub(crate) struct Cold {
    /// The first of those who wait for its end.
    pub(crate) waiter: Option<Waker>,
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
    /// Its waker is kept.
    pub(crate) const HAS_WAKER: Flags = Flags(8);
    /// The cold part may have something.
    pub(crate) const HAS_MORE: Flags = Flags(16);
    /// Of a poll: with another waker than its own; see [`crate::deadlock`].
    pub(crate) const SUBSTITUTED: Flags = Flags(32);
    /// It is named after a peer.
    pub(crate) const HAS_PEER: Flags = Flags(64);
    /// It has locals that those inherit whom it spawns.
    pub(crate) const INHERITS: Flags = Flags(128);
    /// A kill does not take effect yet; see [`crate::shield`].
    pub(crate) const SHIELDED: Flags = Flags(256);
    /// Of the lanes beside the normal one: see [`crate::lane`].
    pub(crate) const URGENT: Flags = Flags(512);
    pub(crate) const BACKGROUND: Flags = Flags(1024);

    #[inline]
    pub(crate) const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether it has any of those in `flag`.
    #[inline]
    pub(crate) const fn has(self, flag: Flags) -> bool {
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

impl Default for Hot {
    fn default() -> Self {
        Hot {
            id: GreenThreadId(0),
            polls: 0,
            since: 0,
            subject: 0,
            waiting_at: None,
            spawned_at: Location::caller(), // a vacant place has none
            ticket: 0,
            bytes: 0,
            kind: WaitKind::Turn,
            flags: Flags::default(),
        }
    }
}

impl Hot {
    /// Makes it the slot of one that has not run yet.
    #[inline]
    pub(crate) fn begin(&mut self, id: GreenThreadId, birth: Birth) {
        self.id = id;
        self.polls = 0;
        self.ticket = 0;
        self.kind = WaitKind::Turn;
        self.flags = birth.flags;
        if diagnostics::ON {
            self.since = birth.since;
            self.subject = 0;
            self.waiting_at = None;
            self.spawned_at = birth.spawned_at;
            self.bytes = u32::try_from(birth.bytes).unwrap_or(u32::MAX);
        }
    }

    pub(crate) fn has_started(&self) -> bool {
        self.polls > 0 && !self.flags.has(Flags::DELAYED)
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
