//! The end of a green thread, and those who are told of it.
//!
//! Killing marks; ending takes the slot out of the table, calls the links and wakes the waiters. Both
//! are steps of the hub, since each works on its tables.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::task::Waker;

use crate::core::Core;
use crate::in_progress;
use crate::report::{Report, message_of};
use crate::stats::bump;
use crate::task::{Ended, Extra, Flags, GreenThreadId, Key, Outcome};
use crate::wait::WaitKind;

/// Who a report is about.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) id: GreenThreadId,
    pub(crate) name: Option<String>,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Who {
    pub(crate) fn report_panic(self, core: &Core, place: &'static str, payload: &(dyn Any + Send)) {
        core.report(&Report::Panicked {
            id: self.id,
            name: self.name,
            spawned_at: Some(self.spawned_at),
            place,
            message: message_of(payload),
        });
    }
}

impl Core {
    /// Marks a green thread as one to be dropped at its next turn, and gives it one.
    pub(crate) fn kill(&self, key: Key) {
        let is_running = in_progress::with(|poll| {
            let is_it = poll.is_of(key);
            if is_it {
                // It ends when it next waits.
                poll.killed.set(true);
            }
            is_it
        });
        let waker = self.with_slot_mut(key, |slot| {
            slot.flags.set(Flags::KILLED);
            slot.waker.clone()
        });
        // One without a waker has never waited: it is in the run queue.
        if let Some(Some(waker)) = waker
            && !is_running
        {
            waker.wake();
        }
    }

    /// Keeps a waker of the running green thread.
    pub(crate) fn keep_waker(&self, waker: &Waker) {
        let Some(key) = in_progress::current() else {
            return;
        };
        let clone = waker.clone();
        let old = self.with_slot_mut(key, |slot| slot.waker.replace(clone));
        drop(old);
    }

    /// Notes that nobody holds a handle any more. Returns whether it is still to end.
    pub(crate) fn detach(&self, key: Key) -> bool {
        let is_live = self.with_slot_mut(key, |slot| slot.flags.set(Flags::DETACHED));
        in_progress::with(|poll| {
            if poll.is_of(key) {
                poll.detached.set(true);
            }
        });
        is_live.is_some()
    }

    /// Lets `waker` be woken at the end of a green thread, in place of the one that the waiter
    /// known by `ticket` left before. Returns whether there is an end to wait for.
    ///
    /// The first waiter has a place in the slot, since mostly there is but one.
    pub(crate) fn add_waiter(&self, key: Key, ticket: u64, waker: &Waker) -> bool {
        let mut clone = Some(waker.clone());
        let old = self.with_slot_mut(key, |slot| {
            let is_first = slot.waiter.1.is_none() && !slot.has_more_waiters();
            if slot.waiter.0 == ticket || is_first {
                let new = (ticket, clone.take());
                return std::mem::replace(&mut slot.waiter, new).1;
            }
            let waiters = &mut slot.extra().waiters;
            let new = clone.take()?;
            match waiters.iter_mut().find(|(other, _)| *other == ticket) {
                Some((_, place)) => Some(std::mem::replace(place, new)),
                None => {
                    waiters.push((ticket, new));
                    None
                }
            }
        });
        // Wakers are dropped after the borrow of the slot has ended: theirs is foreign code.
        drop(clone);
        old.is_some()
    }

    pub(crate) fn remove_waiter(&self, key: Key, ticket: u64) {
        let old = self.with_slot_mut(key, |slot| {
            if slot.waiter.0 == ticket {
                slot.waiter.0 = 0;
                return slot.waiter.1.take();
            }
            let waiters = &mut slot.extra.as_mut()?.waiters;
            let place = waiters.iter().position(|(other, _)| *other == ticket)?;
            Some(waiters.remove(place).1)
        });
        drop(old);
    }

    /// Takes a green thread out of the table, calls its links and wakes its waiters.
    #[inline]
    pub(crate) fn end(&self, key: Key, outcome: Outcome) {
        let left = self.slots.borrow_mut().remove_with(key.index, |slot| {
            self.count_suspect(slot.kind, WaitKind::Turn);
            let told = slot.extra.take().map(|extra| (extra, slot.spawned_at));
            (slot.waker.take(), slot.waiter.1.take(), told)
        });
        let Some((waker, waiter, told)) = left else {
            return;
        };
        drop(waker);
        bump(&self.counters.finished);
        match told {
            None => {
                if let Some(waiter) = waiter {
                    self.wake(waiter);
                }
            }
            Some((extra, spawned_at)) => self.tell_end(key, outcome, waiter, *extra, spawned_at),
        }
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
    fn tell_end(
        &self,
        key: Key,
        outcome: Outcome,
        waiter: Option<Waker>,
        extra: Extra,
        spawned_at: &'static Location<'static>,
    ) {
        let id = key.id;
        if let (Some(watchdog), Some(_)) = (&self.watchdog, &extra.name)
            && !watchdog.is_late()
        {
            watchdog.forget(id);
        }
        for (_, link) in extra.links {
            let called = catch_unwind(AssertUnwindSafe(|| link(&Ended { id, outcome })));
            if let Err(payload) = called {
                let name = extra.name.as_deref().map(str::to_owned);
                let who = Who {
                    id,
                    name,
                    spawned_at,
                };
                who.report_panic(self, "a link of it", &*payload);
            }
        }
        waiter.into_iter().for_each(|waker| self.wake(waker));
        let others = extra.waiters.into_iter();
        others.for_each(|(_, waker)| self.wake(waker));
    }

    /// Reports a panic of the green thread that runs now.
    pub(crate) fn report_panic_of_current(&self, payload: &(dyn Any + Send)) {
        let who = in_progress::current().and_then(|key| {
            self.with_slot(key, |slot| Who {
                id: key.id,
                name: slot.name().map(|name| name.to_string()),
                spawned_at: slot.spawned_at,
            })
        });
        if let Some(who) = who {
            who.report_panic(self, "it", payload);
        }
    }
}
