//! Waking a green thread by its number, from wherever.
//!
//! On its hub's thread it takes its place in the line, once: a mark in the slot says that it is there already. Anybody
//! else sends its number to the hub, which does the same.
//!
//! One that is woken while it is polled has its place in the line from that moment on, before those whom it wakes
//! afterwards: the order of turns is the order of wake-ups, and first come, first served among those who wait for
//! a queue or a lock rests on that. But whoever yields wakes itself in each poll, and to look itself up would be a quarter of a yield. So the
//! thread's cells note the wake-up and count who comes into the line behind it; the place is filled when the poll
//! ends. Meanwhile nobody leaves the line, so the count tells where that is.

use crate::core::Core;
use crate::in_progress;
use crate::remote::Remote;
use crate::running;
use crate::task::{Flags, Number, Slots, TaskRef};

/// Wakes the green thread with this number; nothing happens if it has ended, or its hub has.
#[inline]
pub(crate) fn wake(number: Number) {
    if in_progress::with(|poll| poll.wake_own(number)) {
        return;
    }
    let is_woken = running::with_alone(|core| core.wake_if_own(number));
    if is_woken != Some(true) {
        wake_from_afar(number);
    }
}

/// It is not of the hub that runs here, or somebody is looking at the entry of that hub.
#[cold]
fn wake_from_afar(number: Number) {
    let is_woken = running::with(|core| core.wake_if_own(number));
    if is_woken == Some(true) {
        return;
    }
    if let Some(remote) = Remote::at(number.place()) {
        remote.send_wake(number);
    }
}

impl Core {
    /// Wakes the one with this number if it is of this hub; whether it is.
    #[inline(always)]
    fn wake_if_own(&self, number: Number) -> bool {
        let is_own = self.place == number.place();
        if is_own {
            self.wake_number(number);
        }
        is_own
    }

    /// The same while the caller looks at the table.
    #[inline(always)]
    pub(crate) fn wake_own(&self, slots: &Slots, number: Number) -> bool {
        let is_own = self.place == number.place();
        if is_own && let Some((task, flags)) = slots.wake(number) {
            self.queue.push_in_lane(task, flags);
        }
        is_own
    }

    /// Wakes one of this hub's own.
    #[inline]
    pub(crate) fn wake_number(&self, number: Number) {
        // Alone, since that is half of the instructions; the borrow ends before the push, so that nothing has to be
        // kept across the call that this may be.
        let woken = match self.slots.try_borrow_mut() {
            Ok(slots) => slots.wake(number),
            Err(_) => self.wake_meanwhile(number),
        };
        if let Some((task, flags)) = woken {
            self.queue.push_in_lane(task, flags);
        }
    }

    /// The table is being looked at.
    #[cold]
    fn wake_meanwhile(&self, number: Number) -> Option<(TaskRef, Flags)> {
        self.slots.borrow().wake(number)
    }

    /// Puts the one whose poll has just ended, and who was woken in it, into its place.
    #[inline(always)]
    pub(crate) fn schedule_woken(&self, task: TaskRef, behind: usize) {
        // It may have come into the line by another waker than its own.
        let flags = task.slot.flags();
        if !flags.has(Flags::SCHEDULED) {
            task.slot.set_flags(flags.and(Flags::SCHEDULED));
            self.queue.push_before(task, behind);
        }
    }

    /// Puts one that is not in it into the line of its lane.
    #[inline]
    pub(crate) fn schedule(&self, task: TaskRef) {
        let flags = task.slot.flags();
        task.slot.set_flags(flags.and(Flags::SCHEDULED));
        self.queue.push_in_lane(task, flags);
    }
}

impl Slots {
    /// Marks the one with this number as scheduled, if it lives and is not: then it is to be put into the line of its
    /// lane, which its flags tell.
    #[inline(always)]
    fn wake(&self, number: Number) -> Option<(TaskRef, Flags)> {
        let task = self.named(number)?;
        let flags = task.slot.flags();
        if flags.has(Flags::SCHEDULED) {
            return None;
        }
        task.slot.set_flags(flags.and(Flags::SCHEDULED));
        Some((task.clone(), flags))
    }
}
