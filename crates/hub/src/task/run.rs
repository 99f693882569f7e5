//! One turn of one green thread: its poll begins, and ends.
//!
//! What the poll asks and notes stands in cells of the thread meanwhile ([`crate::in_progress`]), and is carried
//! into the slot afterwards.

use std::task::{Context, Waker};

use crate::core::Core;
use crate::diagnostics;
use crate::in_progress;
use crate::stats::bump;
use crate::task::{Flags, Key, Number, Slot, TaskRef};
use crate::wait::WaitKind;

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is over.
    Over,
    /// It is the root's, whom the loop polls itself.
    Root,
}

impl Core {
    /// Gives a ready green thread its turn. Afterwards it still counts as the one that is polled, until the
    /// next one is or the caller says that nobody is: [`in_progress`].
    #[inline(always)]
    pub(crate) fn take_turn(&self, task: TaskRef) -> Turn {
        let flags = task.slot.flags();
        if flags.has(Flags::ROOT.and(Flags::ENDED)) {
            // One that woke itself by another waker than its own, and then ended, has left its place in the line behind.
            return match flags.has(Flags::ROOT) {
                true => Turn::Root,
                false => Turn::Over,
            };
        }
        self.poll_task(task, None);
        Turn::Over
    }

    /// Polls a green thread; with another waker than its own where a deadlock is looked for ([`crate::deadlock`]).
    #[inline(always)]
    pub(crate) fn poll_task(&self, task: TaskRef, substitute: Option<&Waker>) {
        let slot = &task.slot;
        let key = slot.key();
        let number = Number::new(self.place, key);
        let own = match substitute {
            None => number,
            Some(_) => Number::NOBODY,
        };
        self.begin_poll(slot, key, own);
        let own = number.waker_for_poll();
        let mut cx = Context::from_waker(substitute.unwrap_or(&own));
        let woken = match task.run(&mut cx) {
            None => self.end_poll(slot),
            Some(outcome) => {
                slot.note_end(outcome);
                self.end(slot, outcome);
                None
            }
        };
        self.verdict(slot);
        if let Some(behind) = woken {
            self.schedule_woken(task, behind);
        }
    }

    #[inline(always)]
    pub(crate) fn begin_poll(&self, slot: &Slot, key: Key, own: Number) {
        bump(&self.counters.polls);
        bump(&slot.polls);
        let flags = slot.flags().without(Flags::SCHEDULED);
        slot.set_flags(flags);
        in_progress::with(|poll| poll.begin(key, own, self.config.budget, flags));
        if let Some(watchdog) = &self.watchdog {
            watchdog.poll_begins(key, slot.spawned_at());
        }
    }

    /// Reports the poll that just ended if it was too long.
    #[inline]
    pub(crate) fn verdict(&self, slot: &Slot) {
        if let Some(watchdog) = &self.watchdog
            && watchdog.is_late()
        {
            in_progress::with(|poll| poll.end());
            watchdog.verdict(self, slot.key());
        }
    }

    /// Carries what the poll noted into the slot. If it was woken meanwhile: how many came into the line
    /// behind it.
    #[inline]
    pub(crate) fn end_poll(&self, slot: &Slot) -> Option<usize> {
        in_progress::with(|poll| {
            let Some(at) = poll.at.get() else {
                self.waits_on(slot, WaitKind::Unknown);
                return poll.woken();
            };
            self.waits_on(slot, poll.kind());
            if diagnostics::ON {
                slot.waiting_at.set(Some(at));
                slot.subject.set(poll.subject());
                slot.since.set(self.clock.turn());
            }
            poll.woken()
        })
    }

    #[inline]
    fn waits_on(&self, slot: &Slot, kind: WaitKind) {
        let before = slot.kind.replace(kind);
        if before != kind {
            self.count_suspect(before, kind);
        }
    }

    /// Nobody is polled now.
    #[inline]
    pub(crate) fn end_polls(&self) {
        in_progress::with(|poll| poll.end());
        if let Some(watchdog) = &self.watchdog {
            watchdog.poll_ends();
        }
    }
}
