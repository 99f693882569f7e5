//! Wake-ups and jobs from other threads.
//!
//! One queue that any thread may push to, and one way to end the hub's wait. A push is followed by
//! a notification only when the hub sleeps, and only by the first push of a batch:
//!
//! ```text
//! other thread                            hub, before it sleeps
//! 1. push the item                        1. asleep.swap(true)
//! 2. if asleep.swap(false) notify         2. if the queue is not empty, do not sleep
//! ```
//!
//! Of two swaps of one flag one is the first, and who comes second sees everything that the other did
//! before: the hub the item, or the other thread `asleep`. So no wake-up is lost (A-1), one notification
//! serves a batch (A-2), and a hub that is busy costs its wakers no system call.
//!
//! A green thread is woken by its number, which is on its way once at a time: who wakes it again before the hub
//! has taken the first adds nothing, so a thread that wakes without end does not make the queue longer (promise 5).
//!
//! A waker may outlive the hub (A-3): it is a number, which then names nobody.
//!
//! `crates/hub/tests/loom` tries this file with every order in which threads can run.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use crate::birthplace::Birthplace;
use crate::core::Core;
use crate::reactor::Notifier;
use crate::sync::{AtomicBool, AtomicUsize, ConcurrentQueue, Mutex, MutexGuard, Ordering};
use crate::task::{HubId, MOST_HUBS, Number};
use crate::timers::TimerKey;

/// What another thread sends to the hub.
pub(crate) enum Item {
    /// A green thread was woken.
    Wake(Number),
    /// A sleep was dropped over there.
    FreeTimer(TimerKey),
    /// Something to do on the hub's thread.
    Job(Job),
}

/// Runs on the hub's thread.
pub(crate) type Job = Box<dyn FnOnce(&Rc<Core>) + Send>;

/// The half of a hub that other threads see.
pub(crate) struct Remote {
    pub(crate) hub: HubId,
    /// Its place among the hubs that live, from 1.
    pub(crate) place: usize,
    /// Numbers among the items.
    woken: Mutex<HashSet<Number>>,
    items: ConcurrentQueue<Item>,
    asleep: AtomicBool,
    closed: AtomicBool,
    pub(crate) stop: AtomicBool,
    /// Handles that live: each may yet send a job.
    pub(crate) handles: AtomicUsize,
    /// Gone with the hub: a waker that lives on must not keep the hub's descriptors open.
    notifier: Mutex<Option<Notifier>>,
    pub(crate) birthplace: Birthplace,
}

/// The hubs of the process that live, by their places. A waker knows its hub by that: a pointer that is counted
/// would cost each copy an atomic operation.
static ALL: RwLock<Vec<Weak<Remote>>> = RwLock::new(Vec::new());

impl Remote {
    /// # Errors
    /// When as many hubs live as there are places.
    pub(crate) fn new(hub: HubId, notifier: Notifier) -> io::Result<Arc<Self>> {
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        let is_free = |remote: &Weak<Remote>| remote.upgrade().is_none_or(|one| one.is_closed());
        let free = all.iter().position(is_free).unwrap_or(all.len());
        if free >= MOST_HUBS {
            return Err(io::Error::other(format!(
                "{MOST_HUBS} hubs live in this process, and there are no more places: drop those that are not used"
            )));
        }
        let remote = Arc::new(Remote {
            hub,
            place: free + 1,
            woken: Mutex::default(),
            items: ConcurrentQueue::unbounded(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            notifier: Mutex::new(Some(notifier)),
            birthplace: Birthplace::here(),
        });
        match all.get_mut(free) {
            Some(place) => *place = Arc::downgrade(&remote),
            None => all.push(Arc::downgrade(&remote)),
        }
        Ok(remote)
    }

    /// The remote half of the hub at `place`, for those who know no more of it: those who are not
    /// on its thread, and so pay for a lock that others read at the same time.
    pub(crate) fn at(place: usize) -> Option<Arc<Self>> {
        let all = ALL.read().unwrap_or_else(PoisonError::into_inner);
        all.get(place.checked_sub(1)?)?.upgrade()
    }

    /// The remote half of the hub numbered `hub`.
    pub(crate) fn find(hub: HubId) -> Option<Arc<Self>> {
        let all = ALL.read().unwrap_or_else(PoisonError::into_inner);
        let mut living = all.iter().filter_map(Weak::upgrade);
        living.find(|remote| remote.hub == hub)
    }

    /// Wakes one of the hub's green threads.
    pub(crate) fn send_wake(&self, number: Number) {
        if self.woken().insert(number) {
            self.send(Item::Wake(number));
        }
    }

    /// The number has been taken out of the queue: from now on it may be sent again. What whoever sent it did
    /// before is seen from here on.
    pub(crate) fn has_arrived(&self, number: Number) {
        self.woken().remove(&number);
    }

    fn woken(&self) -> MutexGuard<'_, HashSet<Number>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, item: Item) {
        if let Err(refused) = self.items.push(item) {
            // Only a closed queue refuses, and this one is never closed.
            drop(refused);
            return;
        }
        self.notify();
        if self.is_closed() {
            self.clear();
        }
    }

    /// After the hub: drops what came too late. The hub closes before it empties the queue for the
    /// last time and a sender looks after its push, so one of the two finds the item.
    fn clear(&self) {
        while let Some(item) = self.take() {
            drop(item);
        }
    }

    /// Ends the hub's wait, or keeps it from beginning.
    pub(crate) fn notify(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            let notifier = self.notifier.lock();
            let notifier = notifier.unwrap_or_else(PoisonError::into_inner);
            if let Some(notifier) = &*notifier {
                notifier.notify();
            }
        }
    }

    /// Announces that the hub is about to sleep. Returns whether it may.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.set_asleep(true);
        let may_sleep = self.items.is_empty() && !self.stop.load(Ordering::SeqCst);
        if !may_sleep {
            self.set_asleep(false);
        }
        may_sleep
    }

    pub(crate) fn wake_up(&self) {
        self.set_asleep(false);
    }

    /// A swap, and not a store: see the module's page.
    fn set_asleep(&self, asleep: bool) {
        self.asleep.swap(asleep, Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn take(&self) -> Option<Item> {
        self.items.pop().ok()
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // Who sends from now on sees that, and what was sent before is seen here.
        self.set_asleep(false);
        let notifier = self.notifier.lock();
        notifier.unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn take_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed) && self.stop.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("hub", &self.hub)
            .field("items", &self.items.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
