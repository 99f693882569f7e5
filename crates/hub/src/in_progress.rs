//! What is known of the poll in progress on this thread.
//!
//! A poll asks and notes a few small things many times: what is left of its budget, whether it was
//! killed meanwhile, what it waits on and where. They stand here in plain cells of the thread,
//! where reaching one costs a single load or store: no look-up of the hub, no borrow, no look-up of
//! the slot. The hub fills them in before it polls and carries what was noted into the slot
//! afterwards, once ([`Core::run_task`](crate::core::Core::run_task)).
//!
//! Polls of one thread never overlap, save in one case: a green thread that drops another hub runs
//! the destructors of that hub's green threads. So entering a hub puts the cells aside and leaving
//! it puts them back ([`crate::running`]).

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::task::{RawWakerVTable, Waker};

use crate::task::{Flags, Key, Outcome};
use crate::wait::{WaitKind, WaitsOn};

/// See the module's page.
#[derive(Debug)]
pub(crate) struct InProgress {
    /// Whose poll it is; [`Key::NOBODY`] between polls.
    key: Cell<Key>,
    /// By what its own waker is known; null while it is polled with another one, and between polls.
    own: Cell<(*const (), *const RawWakerVTable)>,
    /// What it may yet do without waiting.
    pub(crate) budget: Cell<u32>,
    /// Yields until the clock is looked at: see [`crate::batch`].
    pub(crate) unread_yields: Cell<u32>,
    /// Those of its slot, and what has come since.
    flags: Cell<Flags>,
    /// How it ended, if it did.
    pub(crate) outcome: Cell<Option<Outcome>>,
    /// Where it waits, if it has said so, and on what.
    pub(crate) at: Cell<Option<&'static Location<'static>>>,
    pub(crate) on: Cell<WaitsOn>,
    /// Waits on local things that were ever noted on this thread, for the search for deadlocks.
    pub(crate) local_parks: Cell<u64>,
}

const NO_WAKER: (*const (), *const RawWakerVTable) = (ptr::null(), ptr::null());

/// Outside of a poll, and so outside of any hub, nothing is counted against anybody.
const UNCOUNTED: u32 = u32::MAX;

thread_local! {
    static IN_PROGRESS: InProgress = const { InProgress {
        key: Cell::new(Key::NOBODY),
        own: Cell::new(NO_WAKER),
        budget: Cell::new(UNCOUNTED),
        unread_yields: Cell::new(0),
        flags: Cell::new(Flags::NONE),
        outcome: Cell::new(None),
        at: Cell::new(None),
        on: Cell::new(WaitsOn::new(WaitKind::Unknown, 0)),
        local_parks: Cell::new(0),
    } };
}

#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&InProgress) -> R) -> R {
    // It has no destructor, so it is there as long as the thread is.
    IN_PROGRESS.with(f)
}

/// The green thread that runs now.
#[inline]
pub(crate) fn current() -> Option<Key> {
    with(|poll| Some(poll.key.get()).filter(|key| *key != Key::NOBODY))
}

impl InProgress {
    #[inline]
    pub(crate) fn is_of(&self, key: Key) -> bool {
        self.key.get() == key
    }

    #[inline]
    pub(crate) fn begin(&self, key: Key, budget: u32, flags: Flags) {
        self.key.set(key);
        self.budget.set(budget);
        self.flags.set(flags);
        self.at.set(None);
    }

    /// The poll goes on with the green thread's own waker.
    #[inline]
    pub(crate) fn own_waker(&self, waker: &Waker) {
        self.own.set((waker.data(), waker.vtable()));
    }

    /// The poll goes on with another waker.
    pub(crate) fn no_own_waker(&self) {
        self.own.set(NO_WAKER);
    }

    /// The green thread that is polled, if `waker` is its own.
    #[inline]
    pub(crate) fn whose(&self, waker: &Waker) -> Option<Key> {
        let (data, vtable) = self.own.get();
        let is_own = ptr::eq(waker.data(), data) && ptr::eq(waker.vtable(), vtable);
        is_own.then(|| self.key.get())
    }

    /// Nobody is polled now. It is called before other code than a poll may run, not after
    /// each poll.
    #[inline]
    pub(crate) fn end(&self) {
        self.key.set(Key::NOBODY);
        self.own.set(NO_WAKER);
        self.budget.set(UNCOUNTED);
        self.flags.set(Flags::NONE);
    }

    #[inline]
    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.flags.get().has(flag)
    }

    pub(crate) fn set(&self, flag: Flags) {
        let mut flags = self.flags.get();
        flags.set(flag);
        self.flags.set(flags);
    }

    pub(crate) fn clear(&self, flag: Flags) {
        let mut flags = self.flags.get();
        flags.clear(flag);
        self.flags.set(flags);
    }

    /// What it waits on, as far as it has said.
    #[inline]
    pub(crate) fn kind(&self) -> WaitKind {
        match self.at.get() {
            Some(_) => self.on.get().kind,
            None => WaitKind::Unknown,
        }
    }

    #[inline]
    pub(crate) fn park(&self, on: WaitsOn, at: &'static Location<'static>) {
        self.on.set(on);
        self.at.set(Some(at));
        if on.kind.is_local() {
            self.local_parks.set(self.local_parks.get() + 1);
        }
    }

    /// Puts the poll in progress aside, as if there were none.
    pub(crate) fn set_aside(&self) -> Aside {
        let aside = Aside {
            key: self.key.get(),
            own: self.own.get(),
            budget: self.budget.get(),
            flags: self.flags.get(),
            on: self.on.get(),
            at: self.at.get(),
        };
        self.end();
        self.unread_yields.set(0);
        aside
    }

    pub(crate) fn put_back(&self, aside: &Aside) {
        self.key.set(aside.key);
        self.own.set(aside.own);
        self.budget.set(aside.budget);
        self.unread_yields.set(0);
        self.flags.set(aside.flags);
        self.on.set(aside.on);
        self.at.set(aside.at);
    }
}

/// A poll that was put aside; one does not end meanwhile.
#[derive(Debug)]
pub(crate) struct Aside {
    key: Key,
    own: (*const (), *const RawWakerVTable),
    budget: u32,
    flags: Flags,
    on: WaitsOn,
    at: Option<&'static Location<'static>>,
}
