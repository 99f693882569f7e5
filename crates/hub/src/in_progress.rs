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

use crate::task::{GreenThreadId, Key, Outcome};
use crate::wait::{WaitKind, WaitsOn};

/// See the module's page.
#[derive(Debug)]
pub(crate) struct InProgress {
    /// Whose poll it is; [`NOBODY`] between polls.
    key: Cell<Key>,
    /// What it may yet do without waiting.
    pub(crate) budget: Cell<u32>,
    /// It has been killed: it ends when it next waits.
    pub(crate) killed: Cell<bool>,
    /// Nobody can wait for it.
    pub(crate) detached: Cell<bool>,
    /// The hub can wake it, if it ever has to.
    pub(crate) has_waker: Cell<bool>,
    /// What it noted last about its wait; the site is `None` as long as it noted nothing.
    pub(crate) on: Cell<WaitsOn>,
    pub(crate) at: Cell<Option<&'static Location<'static>>>,
    /// It is polled with another waker than its own; see [`crate::deadlock`].
    pub(crate) substituted: Cell<bool>,
    /// How it ended, if it did.
    pub(crate) outcome: Cell<Option<Outcome>>,
    /// Waits on local things that were ever noted on this thread, for the search for deadlocks.
    pub(crate) local_parks: Cell<u64>,
}

const NOBODY: Key = Key {
    id: GreenThreadId(0),
    index: u32::MAX,
};

/// Outside of a poll, and so outside of any hub, nothing is counted against anybody.
const UNCOUNTED: u32 = u32::MAX;

thread_local! {
    static IN_PROGRESS: InProgress = const { InProgress {
        key: Cell::new(NOBODY),
        budget: Cell::new(UNCOUNTED),
        killed: Cell::new(false),
        detached: Cell::new(false),
        has_waker: Cell::new(false),
        on: Cell::new(WaitsOn::new(WaitKind::Unknown, 0)),
        at: Cell::new(None),
        substituted: Cell::new(false),
        outcome: Cell::new(None),
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
    with(|poll| Some(poll.key.get()).filter(|key| *key != NOBODY))
}

impl InProgress {
    #[inline]
    pub(crate) fn is_of(&self, key: Key) -> bool {
        self.key.get() == key
    }

    #[inline]
    pub(crate) fn begin(&self, key: Key, budget: u32) {
        self.key.set(key);
        self.budget.set(budget);
        self.on.set(WaitsOn::new(WaitKind::Unknown, 0));
        self.at.set(None);
    }

    #[inline]
    pub(crate) fn end(&self) {
        self.key.set(NOBODY);
        self.budget.set(UNCOUNTED);
        self.killed.set(false);
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        let outcome = self.outcome.get();
        outcome.is_some()
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
            budget: self.budget.get(),
            killed: self.killed.get(),
            detached: self.detached.get(),
            has_waker: self.has_waker.get(),
            on: self.on.get(),
            at: self.at.get(),
        };
        self.end();
        aside
    }

    pub(crate) fn put_back(&self, aside: &Aside) {
        self.key.set(aside.key);
        self.budget.set(aside.budget);
        self.killed.set(aside.killed);
        self.detached.set(aside.detached);
        self.has_waker.set(aside.has_waker);
        self.on.set(aside.on);
        self.at.set(aside.at);
    }
}

/// A poll that was put aside; one does not end meanwhile.
#[derive(Debug)]
pub(crate) struct Aside {
    key: Key,
    budget: u32,
    killed: bool,
    detached: bool,
    has_waker: bool,
    on: WaitsOn,
    at: Option<&'static Location<'static>>,
}
