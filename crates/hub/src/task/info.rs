//! A green thread photographed.

use std::fmt;
use std::panic::Location;
use std::time::Instant;

use crate::core::Core;
use crate::in_progress;
use crate::lane::Lane;
use crate::task::{GreenThreadId, Slot};
use crate::wait::{WaitKind, WaitsOn};

/// What is known about one green thread.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GreenThreadInfo {
    /// Its number.
    pub id: GreenThreadId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The line that spawned it; for the root, the line that called `run`.
    pub spawned_at: &'static Location<'static>,
    /// The line at which it waits. When what it waits on is [`Unknown`](WaitKind::Unknown), because
    /// it runs now or waits on another library's future: the line at which it waited last.
    pub waiting_at: Option<&'static Location<'static>>,
    /// What it waits on there.
    pub waits_on: WaitsOn,
    /// Since when, to the precision of one turn of the hub.
    pub since: Instant,
    /// How often it was polled.
    pub polls: u64,
    /// The size of its future, in bytes.
    pub bytes: usize,
    /// The lane it stands in when it is ready.
    pub lane: Lane,
    /// Whether its own code has run at all.
    pub started: bool,
}

impl GreenThreadInfo {
    pub(crate) fn of(core: &Core, slot: &Slot, name: Option<String>) -> Self {
        // One that looks at itself runs: what it waited on is in the slot until its poll is over.
        let is_running = in_progress::current().is_some_and(|key| key.id == slot.id());
        GreenThreadInfo {
            id: slot.id(),
            name,
            spawned_at: slot.spawned_at(),
            waiting_at: slot.waiting_at.get(),
            waits_on: match is_running {
                true => WaitsOn::default(),
                false => WaitsOn::new(slot.kind.get(), slot.subject.get()),
            },
            since: core.clock.instant(slot.since.get()),
            polls: slot.polls.get(),
            bytes: slot.bytes(),
            lane: Lane::of(slot.flags()),
            started: slot.has_started(),
        }
    }
}

impl fmt::Display for GreenThreadInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " '{name}'")?;
        }
        write!(f, " (spawned at {})", self.spawned_at)?;
        match (self.waiting_at, self.waits_on.kind) {
            (Some(site), WaitKind::Unknown) => {
                write!(f, " waits for {}, and before that at {site}", self.waits_on)
            }
            (Some(site), _) => write!(f, " waits at {site} for {}", self.waits_on),
            (None, _) => write!(f, " waits for {}", self.waits_on),
        }
    }
}
