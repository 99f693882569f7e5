//! The end of a green thread, and those who are told of it.
//!
//! Killing marks (`killed`); ending takes the slot out of the table, calls the links and wakes the waiters. Both
//! are steps of the hub, since each works on its tables.

use std::any::Any;
use std::panic::Location;
use std::task::Waker;

use crate::core::Core;
use crate::in_progress;
use crate::report::{Report, message_of};
use crate::stats::bump;
use crate::task::{
    Ended, Extra, Flags, GreenThreadId, Key, Link, LinkId, Outcome, Peer, Slot, Slots,
};
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
        core.report(&self.panicked(place, payload));
    }

    pub(crate) fn panicked(self, place: &'static str, payload: &(dyn Any + Send)) -> Report {
        Report::Panicked {
            id: self.id,
            name: self.name,
            spawned_at: Some(self.spawned_at),
            place,
            message: message_of(payload),
        }
    }
}

/// What has to be looked after when a slot goes.
struct Left {
    waiter: Option<Waker>,
    extra: Option<Box<Extra>>,
    peer: Option<Peer>,
    spawned_at: &'static Location<'static>,
    flags: Flags,
}

impl Left {
    fn of(slots: &mut Slots, key: Key) -> Option<Self> {
        let slot = &slots.get(key)?.slot;
        let (flags, spawned_at) = (slot.flags(), slot.spawned_at());
        let peer = slots.take_peer(key);
        let (waiter, extra) = match flags.has(Flags::HAS_MORE) {
            true => slots
                .get_mut(key)
                .map(|(_, cold)| (cold.waiter.take(), cold.extra.take()))?,
            false => (None, None),
        };
        Some(Left {
            waiter,
            extra,
            peer,
            spawned_at,
            flags,
        })
    }
}

impl Core {
    /// Has `link` called at the end of a green thread. Gives it back when that has ended and been told of.
    pub(crate) fn add_link(&self, key: Key, id: LinkId, link: Link) -> Option<Link> {
        let mut link = Some(link);
        self.with_slot_mut(key, |slot, cold| {
            if let Some(link) = link.take() {
                slot.set(Flags::HAS_MORE);
                cold.extra().links.push((id, link));
            }
        });
        link.and_then(|link| self.calling.join(key.id, id, link))
    }

    /// Takes a link back; whether it was still there.
    pub(crate) fn remove_link(&self, key: Key, id: LinkId) -> bool {
        let link = self.with_slot_mut(key, |_, cold| {
            let links = &mut cold.extra.as_mut()?.links;
            let place = links.iter().position(|(other, _)| *other == id)?;
            Some(links.remove(place))
        });
        let link = match link {
            Some(link) => link.map(|(_, link)| link),
            None => self.calling.take_back(key.id, id),
        };
        // It is dropped after the borrow of the slot has ended: its drop is user code.
        link.is_some()
    }

    /// Nobody can wait for it any more, and who did by `ticket` does no longer; whether it lives.
    pub(crate) fn let_go(&self, key: Key, ticket: u64) -> bool {
        let has_more = {
            let slots = self.slots.borrow();
            let Some(task) = slots.get(key) else {
                return false;
            };
            task.slot.set(Flags::DETACHED);
            task.slot.has(Flags::HAS_MORE)
        };
        if has_more {
            self.remove_waiter(key, ticket);
        }
        in_progress::with(|poll| {
            if poll.is_of(key) {
                poll.set(Flags::DETACHED);
            }
        });
        true
    }

    /// Lets `waker` be woken at the end of a green thread, in place of the one that the waiter
    /// known by `ticket` left before. Returns whether there is an end to wait for.
    ///
    /// The first waiter has a place in the slot, since mostly there is but one.
    pub(crate) fn add_waiter(&self, key: Key, ticket: u64, waker: &Waker) -> bool {
        let mut clone = Some(waker.clone());
        let old = self.with_slot_mut(key, |hot, slot| {
            hot.set(Flags::HAS_MORE);
            let is_first = slot.waiter.is_none() && !slot.has_more_waiters();
            if slot.ticket == ticket || is_first {
                slot.ticket = ticket;
                return std::mem::replace(&mut slot.waiter, clone.take());
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
        let old = self.with_slot_mut(key, |_, slot| {
            if slot.ticket == ticket {
                slot.ticket = 0;
                return slot.waiter.take();
            }
            let waiters = &mut slot.extra.as_mut()?.waiters;
            let place = waiters.iter().position(|(other, _)| *other == ticket)?;
            Some(waiters.remove(place).1)
        });
        drop(old);
    }

    /// Takes a green thread that lives out of the table, calls its links and wakes its waiters.
    #[inline]
    pub(crate) fn end(&self, slot: &Slot, outcome: Outcome) {
        bump(&self.counters.finished);
        self.count_suspect(slot.kind.get(), WaitKind::Turn);
        if outcome == Outcome::Panicked {
            self.keep_name(slot);
        }
        // Most short ones leave nothing behind.
        match slot.has(Flags::HAS_MORE) {
            false => {
                if slot.has(Flags::HAS_PEER) {
                    let peer = self.slots.borrow().take_peer(slot.key());
                    self.leave_peer(slot.id(), peer);
                }
                let task = self.slots.borrow_mut().vacate(slot.index());
                drop(task);
            }
            true => self.end_with_more(slot.key(), outcome),
        }
    }

    /// Keeps the name of one that panicked for as long as its handle is held: when that is dropped
    /// unread, the report gives it.
    #[cold]
    fn keep_name(&self, slot: &Slot) {
        let slots = self.slots.borrow();
        if !slot.has(Flags::DETACHED)
            && let Some(name) = slots.name(slot.key())
        {
            self.panicked.borrow_mut().insert(slot.id(), name);
        }
    }

    /// What is known of an ended green thread for its handle's sake goes, now that it is of no use;
    /// its name, if it panicked.
    pub(crate) fn forget_ended(&self, id: GreenThreadId) -> Option<String> {
        self.forget_kill_report(id);
        let mut panicked = self.panicked.borrow_mut();
        match panicked.is_empty() {
            true => None,
            false => panicked.remove(&id),
        }
    }

    #[inline(never)]
    fn end_with_more(&self, key: Key, outcome: Outcome) {
        self.end_locals(key);
        let (left, task) = {
            let mut slots = self.slots.borrow_mut();
            let left = Left::of(&mut slots, key);
            (left, slots.vacate(key.index))
        };
        drop(task);
        if let Some(left) = left {
            self.leave_peer(key.id, left.peer);
            self.tell_end(key, outcome, left);
        }
    }

    /// Leaves the name of one that has ended for the report on its last poll, if that was too long.
    fn leave_peer(&self, id: GreenThreadId, peer: Option<Peer>) {
        if let (Some(watchdog), Some(peer)) = (&self.watchdog, peer) {
            watchdog.had_peer(id, peer);
        }
    }

    pub(crate) fn end_root(&self, slot: &Slot) {
        let key = slot.key();
        let finished = self.counters.finished.get();
        self.end(slot, Outcome::Returned);
        self.counters.finished.set(finished); // the root is no green thread
        self.has_root.set(false);
        if let Some(watchdog) = &self.watchdog {
            watchdog.forget(key.id);
        }
    }

    fn tell_end(&self, key: Key, outcome: Outcome, left: Left) {
        in_progress::with(|poll| poll.end());
        let Some(mut extra) = left.extra else {
            if let Some(waiter) = left.waiter {
                self.wake(waiter);
            }
            return;
        };
        let id = key.id;
        if let (Some(watchdog), Some(_)) = (&self.watchdog, &extra.name)
            && !watchdog.is_late_now()
        {
            watchdog.forget(id);
        }
        let killed = extra.killed.take().filter(|_| outcome == Outcome::Killed);
        let killed = killed.map(|report| *report);
        if let Some(report) = &killed
            && !left.flags.has(Flags::DETACHED)
        {
            // For as long as the handle is held.
            self.killed.borrow_mut().insert(id, report.clone());
        }
        let ended = Ended {
            id,
            outcome,
            killed,
        };
        let name = || {
            let given = extra.name.as_deref().map(str::to_owned);
            given.or_else(|| Some(left.peer?.name()))
        };
        self.call_links(&ended, extra.links, || Who {
            id,
            name: name(),
            spawned_at: left.spawned_at,
        });
        let waiters = left.waiter.into_iter();
        let others = extra.waiters.into_iter().map(|(_, waker)| waker);
        waiters.chain(others).for_each(|waker| self.wake(waker));
    }

    /// Reports a panic of the green thread that runs now.
    pub(crate) fn report_panic_of_current(&self, place: &'static str, payload: &(dyn Any + Send)) {
        let who = in_progress::current().and_then(|key| {
            let slots = self.slots.borrow();
            slots.get(key).map(|task| Who {
                id: key.id,
                name: slots.name(key),
                spawned_at: task.slot.spawned_at(),
            })
        });
        if let Some(who) = who {
            who.report_panic(self, place, payload);
        }
    }
}
