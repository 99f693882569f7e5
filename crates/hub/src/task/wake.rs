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
use crate::task::{Flags, Number, TaskRef};

/// Wakes the green thread with this number; nothing happens if it has ended, or its hub has.
#[inline]
pub(crate) fn wake(number: Number) {
    if in_progress::with(|poll| poll.wake_own(number)) {
        return;
    }
    let is_here = running::with(|core| {
        let is_here = core.place == number.place();
        if is_here {
            core.wake_number(number);
        }
        is_here
    });
    if is_here != Some(true) {
        send_home(number);
    }
}

#[cold]
fn send_home(number: Number) {
    if let Some(remote) = Remote::at(number.place()) {
        remote.send_wake(number);
    }
}

impl Core {
    /// Wakes one of this hub's own.
    #[inline]
    pub(crate) fn wake_number(&self, number: Number) {
        let slots = self.slots.borrow();
        let Some(task) = slots.named(number) else {
            return;
        };
        let flags = task.slot.flags();
        if flags.has(Flags::SCHEDULED) {
            return;
        }
        task.slot.set_flags(flags.and(Flags::SCHEDULED));
        self.queue.push_in_lane(task.clone(), flags);
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
