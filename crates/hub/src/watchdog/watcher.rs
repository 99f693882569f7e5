//! The thread that looks: one for the process, however many hubs there are.
//!
//! It starts with the first hub that is watched, wakes four times in the shortest limit of a hub that is
//! busy, parks when all are idle, and ends when there is none. A process that was forked has no
//! such thread, whatever it remembers; its first hub starts another.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::{Probe, Shared};

/// Looks that find a hub idle before it is left alone.
const IDLE_LOOKS: u32 = 8;

#[derive(Debug)]
struct Watchers {
    /// The thread, and the process that started it.
    thread: Option<(Thread, u32)>,
    hubs: Vec<Watched>,
}

/// What the thread remembers of a hub.
#[derive(Debug)]
struct Watched {
    hub: Weak<Shared>,
    /// The beat that it saw last, and since when.
    seen: u64,
    since: Instant,
    idle: u32,
}

static WATCHERS: Mutex<Watchers> = Mutex::new(Watchers {
    thread: None,
    hubs: Vec::new(),
});
/// Whether the thread sleeps until it is woken.
static PARKED: AtomicBool = AtomicBool::new(false);

fn watchers() -> MutexGuard<'static, Watchers> {
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `hub` watched from now on, for as long as it lives.
pub(super) fn watch(hub: &Arc<Shared>) -> io::Result<()> {
    let mut watchers = watchers();
    watchers.hubs.push(Watched {
        hub: Arc::downgrade(hub),
        seen: 0,
        since: Instant::now(),
        idle: 0,
    });
    PARKED.store(false, Ordering::SeqCst);
    let here = std::process::id();
    match &watchers.thread {
        Some((thread, process)) if *process == here => thread.unpark(),
        _ => {
            let thread = thread::Builder::new().name("evlet-watchdog".into());
            let thread = thread.spawn(look_on)?;
            watchers.thread = Some((thread.thread().clone(), here));
        }
    }
    Ok(())
}

/// Wakes the thread, if it is parked.
#[cold]
pub(super) fn unpark() {
    PARKED.store(false, Ordering::SeqCst);
    if let Some((thread, _)) = &watchers().thread {
        thread.unpark();
    }
}

fn look_on() {
    let mut tick = Duration::from_millis(1);
    loop {
        thread::park_timeout(tick);
        {
            let mut watchers = watchers();
            watchers
                .hubs
                .retain(|watched| watched.hub.strong_count() > 0);
            if watchers.hubs.is_empty() {
                watchers.thread = None;
                return;
            }
            let ticks = watchers.hubs.iter_mut().filter_map(Watched::look);
            match ticks.min() {
                Some(shortest) => tick = shortest,
                None => PARKED.store(true, Ordering::SeqCst),
            }
        }
        while PARKED.load(Ordering::SeqCst) {
            thread::park();
        }
    }
}

impl Watched {
    /// Looks whether the hub is held, and tells when to look again: `None` is when it has woken us.
    fn look(&mut self) -> Option<Duration> {
        let hub = self.hub.upgrade()?;
        let tick = (hub.limit / 4).max(Duration::from_millis(1));
        let (beat, id) = hub.looked_at();
        if beat != self.seen {
            // A poll that began just before the hub was left alone may not have seen the mark.
            hub.parked.store(false, Ordering::SeqCst);
            (self.seen, self.since, self.idle) = (beat, Instant::now(), 0);
            hub.call_for(Probe::Busy);
        } else if id == 0 {
            self.idle += 1;
            if self.idle == 1 {
                hub.call_for(Probe::Idle);
            }
            if self.idle == IDLE_LOOKS {
                hub.parked.store(true, Ordering::SeqCst);
            } else if self.idle > IDLE_LOOKS {
                return None;
            }
        } else if self.since.elapsed() >= hub.limit && !hub.is_known_late(beat) {
            hub.note_late(beat, id, self.since);
        }
        Some(tick)
    }
}
