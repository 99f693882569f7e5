//! The end of a green thread, and those who are told of it.
//!
//! Killing marks; ending takes the slot out of the table, calls the links and wakes the waiters. Both
//! are steps of the hub, since each works on its tables.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use crate::core::Core;
use crate::report::{Report, message_of};
use crate::stats::bump;
use crate::task::{Ended, Extra, Flags, GreenThreadId, Key, Outcome};
use crate::wait::WaitKind;

/// A green thread on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) id: GreenThreadId,
    pub(crate) outcome: Outcome,
    is_detached: bool,
}

/// What its end leaves to be told.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) is_detached: bool,
    id: GreenThreadId,
    name: Option<Arc<str>>,
    spawned_at: Option<&'static Location<'static>>,
}

impl Leaving {
    pub(crate) fn unnamed(id: GreenThreadId, spawned_at: &'static Location<'static>) -> Self {
        Leaving {
            is_detached: true,
            id,
            name: None,
            spawned_at: Some(spawned_at),
        }
    }

    pub(crate) fn report_panic(&self, core: &Core, payload: &(dyn Any + Send)) {
        self.report(core, "it", payload);
    }

    fn report(&self, core: &Core, place: &'static str, payload: &(dyn Any + Send)) {
        core.report(&Report::Panicked {
            id: self.id,
            name: self.name.as_deref().map(str::to_owned),
            spawned_at: self.spawned_at,
            place,
            message: message_of(payload),
        });
    }
}

impl Core {
    /// Marks a green thread as one to be dropped at its next turn, and gives it one.
    pub(crate) fn kill(&self, key: Key) {
        if self.current.get() == Some(key) {
            // It is running: it ends when it next waits.
            self.kill_current.set(true);
            self.with_slot_mut(key, |slot| slot.flags.set(Flags::KILLED));
            return;
        }
        let waker = self.with_slot_mut(key, |slot| {
            slot.flags.set(Flags::KILLED);
            slot.waker.clone()
        });
        if let Some(Some(waker)) = waker {
            waker.wake();
        }
    }

    /// Notes that nobody holds a handle any more. Returns whether it is still to end.
    pub(crate) fn detach(&self, key: Key) -> bool {
        if let Some(ending) = self.ending.get()
            && ending.id == key.id
        {
            self.ending.set(Some(Ending {
                is_detached: true,
                ..ending
            }));
            return true;
        }
        self.with_slot_mut(key, |slot| slot.flags.set(Flags::DETACHED))
            .is_some()
    }

    pub(crate) fn add_waiter(&self, key: Key, ticket: u64, waker: &Waker) {
        let clone = waker.clone();
        let old = self.with_slot_mut(key, |slot| {
            let waiters = &mut slot.extra().waiters;
            match waiters.iter_mut().find(|(other, _)| *other == ticket) {
                Some((_, place)) => Some(std::mem::replace(place, clone)),
                None => {
                    waiters.push((ticket, clone));
                    None
                }
            }
        });
        drop(old);
    }

    pub(crate) fn remove_waiter(&self, key: Key, ticket: u64) {
        let old = self.with_slot_mut(key, |slot| {
            let waiters = &mut slot.extra.as_mut()?.waiters;
            let place = waiters.iter().position(|(other, _)| *other == ticket)?;
            Some(waiters.remove(place))
        });
        drop(old);
    }

    /// Takes a green thread out of the table, calls its links and wakes its waiters.
    pub(crate) fn end(&self, key: Key, outcome: Outcome) -> Leaving {
        let slot = self.slots.borrow_mut().remove_with(key.index, |slot| {
            let extra = slot.extra.take();
            self.count_suspect(slot.kind, WaitKind::Turn);
            (slot.flags, slot.spawned_at, slot.waker.take(), extra)
        });
        let mut left = Leaving {
            is_detached: true,
            id: key.id,
            name: None,
            spawned_at: None,
        };
        let Some((flags, spawned_at, waker, extra)) = slot else {
            return left;
        };
        drop(waker);
        bump(&self.counters.finished);
        left.is_detached = flags.has(Flags::DETACHED);
        left.spawned_at = Some(spawned_at);
        if let Some(extra) = extra {
            self.tell_end(&mut left, *extra, outcome);
        }
        left
    }

    pub(crate) fn end_root(&self, key: Key) {
        let slot = self.slots.borrow_mut().remove(key.index);
        if let Some(slot) = &slot {
            self.count_suspect(slot.kind, WaitKind::Turn);
        }
        self.has_root.set(false);
        if let Some(watchdog) = &self.watchdog {
            watchdog.forget(key.id);
        }
        drop(slot);
    }

    #[cold]
    fn tell_end(&self, left: &mut Leaving, extra: Extra, outcome: Outcome) {
        left.name = extra.name;
        if let (Some(watchdog), Some(_)) = (&self.watchdog, &left.name)
            && !watchdog.is_late()
        {
            watchdog.forget(left.id);
        }
        let id = left.id;
        self.ending.set(Some(Ending {
            id,
            outcome,
            is_detached: left.is_detached,
        }));
        for (_, link) in extra.links {
            let called = catch_unwind(AssertUnwindSafe(|| link(&Ended { id, outcome })));
            if let Err(payload) = called {
                left.report(self, "a link of it", &*payload);
            }
        }
        if let Some(ending) = self.ending.take() {
            left.is_detached = ending.is_detached;
        }
        // They are woken when the turn is over: the first waiter stands in the task, and is told
        // then.
        let waiters = extra.waiters.into_iter().map(|(_, waker)| waker);
        self.late_wakes.borrow_mut().extend(waiters);
        self.has_late_wakes.set(true);
    }

    /// Wakes those who wait for a green thread that has just ended, after its first waiter.
    #[cold]
    pub(crate) fn wake_late(&self) {
        self.has_late_wakes.set(false);
        let late = self.late_wakes.take();
        late.into_iter().for_each(|waker| self.wake(waker));
    }
}
