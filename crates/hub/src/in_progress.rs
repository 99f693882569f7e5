//! What is known of the poll in progress on this thread.
//!
//! A poll asks and notes a few small things many times: what is left of its budget, whether it was
//! killed meanwhile, what it waits on and where. They stand here in plain cells of the thread,
//! where reaching one costs a single load or store: no look-up of the hub, no borrow, no look-up of
//! the slot. The hub fills them in before it polls and carries what was noted into the slot
//! afterwards, once ([`Core::take_turn`](crate::core::Core::take_turn)).
//!
//! Polls of one thread never overlap, save in one case: a green thread that drops another hub runs
//! the destructors of that hub's green threads. So entering a hub puts the cells aside and leaving
//! it puts them back ([`crate::running`]).

use std::cell::Cell;
use std::panic::Location;
use std::task::Waker;

use crate::task::{Flags, Key, Number};
use crate::wait::{WaitKind, WaitsOn};

/// See the module's page.
#[derive(Debug)]
pub(crate) struct InProgress {
    /// Whose poll it is; [`Key::NOBODY`] between polls.
    key: Cell<Key>,
    /// Its number; [`Number::NOBODY`] while it is polled with another waker than its own, and between polls.
    own: Cell<Number>,
    /// Whether it was woken in this poll, by its own waker.
    is_woken: Cell<bool>,
    /// How many came into the plain line of the run queue since then.
    pub(crate) behind: Cell<usize>,
    /// What it may yet do without waiting.
    pub(crate) budget: Cell<u32>,
    /// Yields until the clock is looked at: see [`crate::batch`].
    pub(crate) unread_yields: Cell<u32>,
    /// Those of its slot, and what has come since.
    flags: Cell<Flags>,
    /// Where it waits, if it has said so, and on what.
    pub(crate) at: Cell<Option<&'static Location<'static>>>,
    /// Apart, so that what was stored is loaded with the same width: the processor waits where it is not.
    kind: Cell<WaitKind>,
    subject: Cell<u64>,
    /// Whether the running hub has a fault function ([`crate::sys::gate`]). Here, since each system call asks.
    pub(crate) meets_faults: Cell<bool>,
    /// Waits on local things that were ever noted on this thread, for the search for deadlocks.
    pub(crate) local_parks: Cell<u64>,
}

/// Outside of a poll, and so outside of any hub, nothing is counted against anybody.
const UNCOUNTED: u32 = u32::MAX;

thread_local! {
    static IN_PROGRESS: InProgress = const { InProgress {
        key: Cell::new(Key::NOBODY),
        own: Cell::new(Number::NOBODY),
        is_woken: Cell::new(false),
        behind: Cell::new(0),
        budget: Cell::new(UNCOUNTED),
        unread_yields: Cell::new(0),
        flags: Cell::new(Flags::NONE),
        at: Cell::new(None),
        kind: Cell::new(WaitKind::Unknown),
        subject: Cell::new(0),
        meets_faults: Cell::new(false),
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
    pub(crate) fn begin(&self, key: Key, own: Number, budget: u32, flags: Flags) {
        self.key.set(key);
        self.own.set(own);
        self.is_woken.set(false);
        self.budget.set(budget);
        self.flags.set(flags);
        self.at.set(None);
    }

    /// The poll goes on with another waker.
    pub(crate) fn no_own_waker(&self) {
        self.own.set(Number::NOBODY);
    }

    /// The green thread that is polled, if `waker` is its own.
    #[inline]
    pub(crate) fn whose(&self, waker: &Waker) -> Option<Number> {
        Number::of(waker).filter(|number| *number == self.own.get())
    }

    /// Notes that the green thread that is polled is woken, if it is the one with this number, polled with
    /// its own waker, and of the plain lane; whether it is.
    #[inline]
    pub(crate) fn wake_own(&self, number: Number) -> bool {
        let is_own = self.own.get() == number && !self.has(Flags::URGENT.and(Flags::BACKGROUND));
        if is_own && !self.is_woken.replace(true) {
            self.behind.set(0);
        }
        is_own
    }

    /// Whether it was woken in this poll; if so, how many came into the line behind it.
    #[inline]
    pub(crate) fn woken(&self) -> Option<usize> {
        self.is_woken.get().then(|| self.behind.get())
    }

    /// Nobody is polled now. It is called before other code than a poll may run, not after
    /// each poll.
    #[inline]
    pub(crate) fn end(&self) {
        self.key.set(Key::NOBODY);
        self.own.set(Number::NOBODY);
        self.budget.set(UNCOUNTED);
        self.flags.set(Flags::NONE);
    }

    #[inline]
    pub(crate) fn has(&self, flag: Flags) -> bool {
        self.flags.get().has(flag)
    }

    pub(crate) fn set(&self, flag: Flags) {
        self.flags.set(self.flags.get().and(flag));
    }

    pub(crate) fn clear(&self, flag: Flags) {
        self.flags.set(self.flags.get().without(flag));
    }

    /// What it waits on; to be asked only if it has said where.
    #[inline]
    pub(crate) fn kind(&self) -> WaitKind {
        self.kind.get()
    }

    #[inline]
    pub(crate) fn subject(&self) -> u64 {
        self.subject.get()
    }

    /// What it has said that it waits on.
    pub(crate) fn on(&self) -> WaitsOn {
        WaitsOn::new(self.kind.get(), self.subject.get())
    }

    #[inline]
    pub(crate) fn park(&self, on: WaitsOn, at: &'static Location<'static>) {
        self.kind.set(on.kind);
        self.subject.set(on.subject);
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
            is_woken: self.is_woken.get(),
            behind: self.behind.get(),
            budget: self.budget.get(),
            flags: self.flags.get(),
            on: self.on(),
            at: self.at.get(),
        };
        self.end();
        self.unread_yields.set(0);
        aside
    }

    pub(crate) fn put_back(&self, aside: &Aside) {
        self.key.set(aside.key);
        self.own.set(aside.own);
        self.is_woken.set(aside.is_woken);
        self.behind.set(aside.behind);
        self.budget.set(aside.budget);
        self.unread_yields.set(0);
        self.flags.set(aside.flags);
        self.kind.set(aside.on.kind);
        self.subject.set(aside.on.subject);
        self.at.set(aside.at);
    }
}

/// A poll that was put aside; one does not end meanwhile.
#[derive(Debug)]
pub(crate) struct Aside {
    key: Key,
    own: Number,
    is_woken: bool,
    behind: usize,
    budget: u32,
    flags: Flags,
    on: WaitsOn,
    at: Option<&'static Location<'static>>,
}
