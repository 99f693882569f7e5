//! Why a green thread was killed, by whom, and what it was at.
//!
//! The report is written when the mark is set, into the part of the slot that few green threads have. When
//! the slot goes it moves to a table of the hub, for as long as somebody holds the handle.

use std::fmt;
use std::panic::Location;

use crate::core::Core;
use crate::in_progress;
use crate::running;
use crate::task::{Flags, GreenThreadId, Key, Number};
use crate::wait::WaitsOn;

/// Why a green thread was killed, by whom, and where it was waiting: see
/// [`GreenThread::killed`](crate::GreenThread::killed).
///
/// Of several kills the first is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KillReport {
    /// What [`kill_with`](crate::GreenThread::kill_with) was given.
    pub reason: Option<String>,
    /// The green thread that killed; `None` when it was code outside of one.
    pub by: Option<GreenThreadId>,
    /// The line that killed.
    pub killed_at: &'static Location<'static>,
    /// The line at which the killed one was waiting; where it killed itself or waits on another
    /// library's future, the line at which it waited last.
    pub waiting_at: Option<&'static Location<'static>>,
    /// What it was waiting on.
    pub waits_on: WaitsOn,
}

impl fmt::Display for KillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "killed at {}", self.killed_at)?;
        if let Some(by) = self.by {
            write!(f, " by green thread {by}")?;
        }
        if let Some(site) = self.waiting_at {
            write!(f, " while it waited at {site} for {}", self.waits_on)?;
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl Core {
    /// Marks a green thread as one to be dropped at its next turn, and gives it one.
    pub(crate) fn kill(&self, key: Key, reason: Option<String>, at: &'static Location<'static>) {
        let is_running = in_progress::with(|poll| {
            let is_it = poll.is_of(key);
            if is_it {
                // It ends when it next waits.
                poll.set(Flags::KILLED);
            }
            is_it
        });
        let by = in_progress::current().map(|key| key.id);
        let marked = self.with_slot_mut(key, |slot, cold| {
            slot.set(Flags::KILLED.and(Flags::HAS_MORE));
            let waits_on = match is_running {
                true => WaitsOn::default(),
                false => WaitsOn::new(slot.kind.get(), slot.subject.get()),
            };
            let report = || {
                Box::new(KillReport {
                    reason,
                    by,
                    killed_at: at,
                    waiting_at: slot.waiting_at.get(),
                    waits_on,
                })
            };
            cold.extra().killed.get_or_insert_with(report);
        });
        if marked.is_none() || is_running {
            return;
        }
        let behind = in_progress::with(|poll| poll.behind.get());
        self.wake_number(Number::new(self.place, key));
        if running::with(|core| core.id) != Some(self.id) {
            // Nobody has come into the line of the hub that runs, whose poll counts that.
            in_progress::with(|poll| poll.behind.set(behind));
        }
    }

    /// Kills one whose own code has not run yet; whether it did.
    pub(crate) fn cancel(&self, key: Key, at: &'static Location<'static>) -> bool {
        let started = self.with_slot(key, |slot, _| slot.has_started());
        let can_cancel = started == Some(false);
        if can_cancel {
            self.kill(key, None, at);
        }
        can_cancel
    }

    /// Why `key` was killed, if it was and can still be asked.
    pub(crate) fn kill_report(&self, key: Key) -> Option<KillReport> {
        let of_the_living = self.with_slot(key, |_, cold| {
            let extra = cold?.extra.as_ref()?;
            extra.killed.as_deref().cloned()
        });
        of_the_living.unwrap_or_else(|| self.killed.borrow().get(&key.id).cloned())
    }

    pub(super) fn forget_kill_report(&self, id: GreenThreadId) {
        let mut killed = self.killed.borrow_mut();
        if !killed.is_empty() {
            killed.remove(&id);
        }
    }
}
