//! Who holds the hub?
//!
//! A green thread that computes for a second without an `.await` makes everybody else a second
//! late, and nothing in the program tells who it was. An OS thread of its own, `evlet-watchdog`,
//! looks every quarter of the limit whether the hub is still in the poll it saw before; when that
//! poll has lasted for the limit it writes a line to standard error that names the green thread
//! and where it was spawned. When the poll ends, the hub reports it with its full length
//! ([`crate::report`]).
//!
//! The hub's part is a handful of relaxed stores for each poll. The watchdog's thread parks when it
//! finds the hub idle, so an idle hub has an idle watchdog; the poll that follows unparks it.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::core::Core;
use crate::report::{Report, print};
use crate::task::{GreenThreadId, Key};

#[allow(
    unsafe_code,
    reason = "hands a 'static reference to another thread; see the file's page"
)]
mod site;
use site::AtomicSite;

/// The hub's end of the watchdog. Stops it when dropped.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    limit: Duration,
    /// Counts polls; says whether the watchdog still looks at the same one.
    beat: AtomicU64,
    /// The green thread being polled; zero when none is.
    id: AtomicU64,
    spawned_at: AtomicSite,
    names: Mutex<HashMap<u64, Arc<str>>>,
    /// The beat of a poll that was seen to last too long.
    late: AtomicU64,
    /// Since when that poll was seen, in nanoseconds after `start`.
    late_since: AtomicU64,
    start: Instant,
    parked: AtomicBool,
    stop: AtomicBool,
}

impl Watchdog {
    pub(crate) fn start(limit: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            limit,
            beat: AtomicU64::new(0),
            id: AtomicU64::new(0),
            spawned_at: AtomicSite::new(),
            names: Mutex::default(),
            late: AtomicU64::new(0),
            late_since: AtomicU64::new(0),
            start: Instant::now(),
            parked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("evlet-watchdog".into())
            .spawn(move || watched.watch())?;
        Ok(Watchdog {
            shared,
            thread: Some(thread),
        })
    }

    #[inline]
    pub(crate) fn poll_begins(
        &self,
        id: GreenThreadId,
        spawned_at: Option<&'static Location<'static>>,
    ) {
        let shared = &*self.shared;
        // Only this thread writes, so a load and a store do.
        let beat = shared.beat.load(Ordering::Relaxed) + 1;
        shared.spawned_at.set(spawned_at);
        shared.id.store(id.as_u64(), Ordering::Relaxed);
        shared.beat.store(beat, Ordering::Release);
        if shared.parked.load(Ordering::Relaxed) {
            self.unpark();
        }
    }

    #[inline]
    pub(crate) fn poll_ends(&self) {
        self.shared.id.store(0, Ordering::Release);
    }

    /// The report on the poll that just ended, if it was too long.
    pub(crate) fn verdict(&self, core: &Core, key: Key) {
        let id = key.id;
        let shared = &*self.shared;
        if shared.late.load(Ordering::Acquire) != shared.beat.load(Ordering::Relaxed) {
            return;
        }
        shared.late.store(0, Ordering::Relaxed);
        let since = Duration::from_nanos(shared.late_since.load(Ordering::Relaxed));
        core.report(&Report::Held {
            id,
            name: shared.name_of(id.as_u64()),
            spawned_at: shared.spawned_at.get(),
            held: shared.start.elapsed().saturating_sub(since),
            limit: shared.limit,
        });
        if !core.is_live(key) {
            // Its end left the name for this report.
            self.forget(id);
        }
    }

    pub(crate) fn is_late(&self) -> bool {
        self.shared.late.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn named(&self, id: GreenThreadId, name: &Arc<str>) {
        let mut names = self.shared.names();
        names.insert(id.as_u64(), Arc::clone(name));
    }

    pub(crate) fn forget(&self, id: GreenThreadId) {
        self.shared.names().remove(&id.as_u64());
    }

    #[cold]
    fn unpark(&self) {
        self.shared.parked.store(false, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.unpark();
        if let Some(thread) = self.thread.take() {
            // It ends within a quarter of the limit, or at once if it was parked.
            drop(thread);
        }
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("limit", &self.shared.limit)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn watch(&self) {
        let tick = (self.limit / 4).max(Duration::from_millis(1));
        let (mut seen, mut since, mut idle) = (0, Instant::now(), 0u32);
        while !self.stop.load(Ordering::SeqCst) {
            thread::park_timeout(tick);
            let beat = self.beat.load(Ordering::Acquire);
            let id = self.id.load(Ordering::Acquire);
            if id == 0 {
                idle += 1;
                if idle >= 8 {
                    self.park(beat);
                    idle = 0;
                }
                continue;
            }
            idle = 0;
            if beat != seen {
                (seen, since) = (beat, Instant::now());
            } else if since.elapsed() >= self.limit && self.late.load(Ordering::Relaxed) != beat {
                self.note_late(beat, id, since);
            }
        }
    }

    fn note_late(&self, beat: u64, id: u64, since: Instant) {
        let offset = since.saturating_duration_since(self.start);
        let offset = u64::try_from(offset.as_nanos()).unwrap_or(u64::MAX);
        self.late_since.store(offset, Ordering::Relaxed);
        self.late.store(beat, Ordering::Release);
        print(&Report::Held {
            id: GreenThreadId(id),
            name: self.name_of(id),
            spawned_at: self.spawned_at.get(),
            held: since.elapsed(),
            limit: self.limit,
        });
    }

    /// Sleeps until the hub polls again.
    fn park(&self, beat: u64) {
        self.parked.store(true, Ordering::SeqCst);
        // A poll that began just before it could see the mark.
        if self.beat.load(Ordering::SeqCst) != beat {
            self.parked.store(false, Ordering::SeqCst);
        }
        while self.parked.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            thread::park();
        }
    }

    fn name_of(&self, id: u64) -> Option<String> {
        self.names().get(&id).map(|name| name.to_string())
    }

    fn names(&self) -> MutexGuard<'_, HashMap<u64, Arc<str>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
