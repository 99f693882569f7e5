//! Who holds the hub?
//!
//! A green thread that computes for a second without an `.await` makes everybody else a second
//! late, and nothing in the program tells who it was. An OS thread, `evlet-watchdog`, looks every
//! quarter of the limit whether the hub is still in the poll it saw before; when that poll has lasted
//! for the limit it writes a line to standard error that names the green thread and where it was
//! spawned. When the poll ends, the hub reports it with its full length ([`crate::report`]).
//!
//! The thread also says when it is time to look for descriptors that were closed behind the hub's back
//! ([`Probe`]), so that the hub need not wait with a time limit for that: a limit costs a reading of the
//! clock and a timer of the kernel's, for each wait.
//!
//! The hub's part is a handful of relaxed stores for each poll. A hub that is idle for two seconds (for eight
//! looks) is left alone: it costs nothing until its next poll, which says so. When all are idle the
//! thread sleeps as well ([`watcher`]).

use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::core::Core;
use crate::remote::Remote;
use crate::report::{Report, print};
use crate::task::{GreenThreadId, Key, Peer, Peers};

#[allow(
    unsafe_code,
    reason = "hands a 'static reference to another thread; see the file's page"
)]
mod site;
mod watcher;

use site::AtomicSite;

/// What a hub is watched with unless it is told otherwise: as eventlet's `hub_blocking_detection`.
pub(crate) const DEFAULT_LIMIT: Duration = Duration::from_secs(1);

/// The hub's end of the watchdog.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: Duration,
    /// Counts polls; says whether the watchdog still looks at the same one.
    beat: AtomicU64,
    /// The green thread being polled; zero when none is.
    id: AtomicU64,
    /// Its place in the hub's table.
    index: AtomicU32,
    spawned_at: AtomicSite,
    names: Mutex<HashMap<u64, Arc<str>>>,
    /// Of those that are named after their peers.
    peers: Arc<Peers>,
    /// The beat of a poll that was seen to last too long.
    late: AtomicU64,
    /// Since when that poll was seen, in nanoseconds after `start`.
    late_since: AtomicU64,
    start: Instant,
    /// Nobody looks until the next poll says that there is something to see.
    parked: AtomicBool,
    /// A [`Probe`], or zero.
    probe: AtomicU8,
    /// The hub's, to end its wait.
    remote: Weak<Remote>,
}

/// A look for descriptors that were closed behind the hub's back is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The hub works; the look may be put off while it would be dear.
    Busy = 1,
    /// The hub has come to rest, and will not be asked again before it has worked.
    Idle = 2,
}

impl Watchdog {
    pub(crate) fn start(limit: Duration, remote: &Arc<Remote>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            limit,
            beat: AtomicU64::new(0),
            id: AtomicU64::new(0),
            index: AtomicU32::new(0),
            spawned_at: AtomicSite::new(),
            names: Mutex::default(),
            peers: Arc::default(),
            late: AtomicU64::new(0),
            late_since: AtomicU64::new(0),
            start: Instant::now(),
            parked: AtomicBool::new(false),
            probe: AtomicU8::new(0),
            remote: Arc::downgrade(remote),
        });
        watcher::watch(&shared)?;
        Ok(Watchdog { shared })
    }

    /// Where the hub keeps the peers.
    pub(crate) fn peers(&self) -> Arc<Peers> {
        Arc::clone(&self.shared.peers)
    }

    #[inline]
    pub(crate) fn poll_begins(&self, key: Key, spawned_at: &'static Location<'static>) {
        let shared = &*self.shared;
        // Only this thread writes, so a load and a store do.
        let beat = shared.beat.load(Ordering::Relaxed) + 1;
        shared.spawned_at.set(Some(spawned_at));
        shared.id.store(key.id.as_u64(), Ordering::Relaxed);
        // Who sees this place sees that id, or a later one: see `peer_of`.
        shared.index.store(key.index, Ordering::Release);
        shared.beat.store(beat, Ordering::Release);
        if shared.parked.load(Ordering::Relaxed) {
            shared.parked.store(false, Ordering::SeqCst);
            watcher::unpark();
        }
    }

    #[inline]
    pub(crate) fn poll_ends(&self) {
        self.shared.id.store(0, Ordering::Release);
    }

    /// Whether it looks at the hub often enough to say when a [`Probe`] is due.
    pub(crate) fn calls_for_probes(&self) -> bool {
        self.shared.limit <= DEFAULT_LIMIT
    }

    /// What is due, without taking it.
    #[inline]
    pub(crate) fn is_probe_due(&self) -> bool {
        self.shared.probe.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn take_probe(&self) -> Option<Probe> {
        match self.shared.probe.swap(0, Ordering::SeqCst) {
            0 => None,
            1 => Some(Probe::Busy),
            _ => Some(Probe::Idle),
        }
    }

    /// The report on the poll that just ended, if it was too long.
    pub(crate) fn verdict(&self, core: &Core, key: Key) {
        let id = key.id;
        let shared = &*self.shared;
        let late = shared.late.load(Ordering::Acquire);
        if late != shared.beat.load(Ordering::Relaxed) {
            // It was seen too late: when that poll ended nobody had noted it yet.
            let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
            let _ = shared.late.compare_exchange(late, 0, success, failure);
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

    /// Whether the last poll, or one before, was seen to be too long.
    pub(crate) fn is_late(&self) -> bool {
        self.shared.late.load(Ordering::Relaxed) != 0
    }

    /// Whether it is the poll in progress, on which [`verdict`](Self::verdict) will report.
    pub(crate) fn is_late_now(&self) -> bool {
        self.shared.late.load(Ordering::Relaxed) == self.shared.beat.load(Ordering::Relaxed)
    }

    pub(crate) fn named(&self, id: GreenThreadId, name: &Arc<str>) {
        let mut names = self.shared.names();
        names.insert(id.as_u64(), Arc::clone(name));
    }

    /// One that ends was named after `peer`: the report on its last poll, if that is too long, needs the name.
    pub(crate) fn had_peer(&self, id: GreenThreadId, peer: Peer) {
        let shared = &*self.shared;
        if shared.is_known_late(shared.beat.load(Ordering::Relaxed)) {
            let mut names = shared.names();
            names
                .entry(id.as_u64())
                .or_insert_with(|| peer.name().into());
        }
    }

    pub(crate) fn forget(&self, id: GreenThreadId) {
        self.shared.names().remove(&id.as_u64());
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
    /// The poll in progress: which one, and whose; zero when there is none.
    fn looked_at(&self) -> (u64, u64) {
        let beat = self.beat.load(Ordering::Acquire);
        (beat, self.id.load(Ordering::Acquire))
    }

    /// Has the hub look for lost descriptors when it next waits; one that is idle waits already.
    fn call_for(&self, probe: Probe) {
        self.probe.store(probe as u8, Ordering::SeqCst);
        if probe == Probe::Idle
            && let Some(remote) = self.remote.upgrade()
        {
            remote.notify();
        }
    }

    fn is_known_late(&self, beat: u64) -> bool {
        self.late.load(Ordering::Relaxed) == beat
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

    fn name_of(&self, id: u64) -> Option<String> {
        let given = self.names().get(&id).map(|name| name.to_string());
        given.or_else(|| self.peer_of(id).map(Peer::name))
    }

    fn peer_of(&self, id: u64) -> Option<Peer> {
        let peer = self.peers.get(self.index.load(Ordering::Acquire));
        peer.filter(|_| self.id.load(Ordering::Relaxed) == id)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<u64, Arc<str>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Ordering};
    use crate::running;
    use crate::{Hub, spawn, yield_now};
    use std::time::Duration;

    // The watcher looks, the poll ends, and only then does the watcher note that it was late.
    #[test]
    fn a_poll_that_was_over_when_it_was_noted_is_forgotten() {
        let hub = Hub::builder().watchdog(Duration::from_secs(3600));
        let hub = hub.build().unwrap();
        hub.run(async {
            let shared = running::get()
                .unwrap()
                .watchdog
                .as_ref()
                .unwrap()
                .shared
                .clone();
            let (beat, id) = shared.looked_at();
            yield_now().await;
            shared.note_late(beat, id, Instant::now());
            spawn(async {}).named("short").await.unwrap();
            assert_eq!(shared.late.load(Ordering::Relaxed), 0);
            assert_eq!(shared.names().len(), 1, "only the root has one");
        });
    }
}
