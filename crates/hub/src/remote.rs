//! Wake-ups and jobs from other threads.
//!
//! One queue that any thread may push to, and one way to end the hub's wait. A push is followed by
//! a notification only when the hub sleeps, and only by the first push of a batch:
//!
//! ```text
//! other thread                       hub, before it sleeps
//! 1. push the item                   1. asleep = true
//! 2. fence                           2. fence
//! 3. if asleep.swap(false) notify    3. if the queue is not empty, do not sleep
//! ```
//!
//! Either the hub sees the item in its step 3, or the other thread sees `asleep` in its own: both
//! cannot miss (the fences order each side's write before its read). So no wake-up is lost (A-1),
//! one notification serves a batch (A-2), and a hub that is busy costs its wakers no system call.
//!
//! A waker may outlive the hub (A-3). The hub's end waits until it holds every task that lives and
//! drops it itself, so a waker that comes later meets a task that has ended, and does nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use async_task::Runnable;
use concurrent_queue::ConcurrentQueue;

use crate::birthplace::Birthplace;
use crate::core::Core;
use crate::reactor::Notifier;
use crate::running;
use crate::task::{HubId, Meta};
use crate::timers::TimerKey;

/// What another thread sends to the hub.
pub(crate) enum Item {
    /// A green thread was woken.
    Wake(Runnable<Meta>),
    /// The root was woken.
    WakeRoot,
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

/// Every hub of the process, by number. A task knows its hub by that: a pointer that is counted
/// would cost each spawn two atomic operations.
static ALL: RwLock<BTreeMap<HubId, Weak<Remote>>> = RwLock::new(BTreeMap::new());

impl Remote {
    pub(crate) fn new(hub: HubId, notifier: Notifier) -> Arc<Self> {
        let remote = Arc::new(Remote {
            hub,
            items: ConcurrentQueue::unbounded(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            notifier: Mutex::new(Some(notifier)),
            birthplace: Birthplace::here(),
        });
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, remote| remote.strong_count() > 0);
        all.insert(hub, Arc::downgrade(&remote));
        remote
    }

    /// The remote half of the hub numbered `hub`, for those who know no more of it: those who are not
    /// on its thread, and so pay for a lock that others read at the same time.
    pub(crate) fn find(hub: HubId) -> Option<Arc<Self>> {
        let all = ALL.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&hub)?.upgrade()
    }

    pub(crate) fn send(&self, item: Item) {
        if let Err(refused) = self.items.push(item) {
            // Only a closed queue refuses, and this one is never closed. A task must not be dropped
            // on a foreign thread (A-6).
            std::mem::forget(refused);
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
            match item {
                // Its future is gone; the empty shell of a task must still not be dropped here.
                Item::Wake(task) => std::mem::forget(task),
                Item::WakeRoot | Item::FreeTimer(_) => {}
                Item::Job(job) => drop(job),
            }
        }
    }

    /// Ends the hub's wait, or keeps it from beginning.
    pub(crate) fn notify(&self) {
        fence(Ordering::SeqCst);
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
        self.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let may_sleep = self.items.is_empty() && !self.stop.load(Ordering::SeqCst);
        if !may_sleep {
            self.asleep.store(false, Ordering::SeqCst);
        }
        may_sleep
    }

    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
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

/// Where every wake-up of a green thread arrives, on whatever thread.
#[inline]
pub(crate) fn schedule(task: Runnable<Meta>) {
    if let Err(task) = running::push_if_running(task) {
        send_home(task);
    }
}

#[cold]
fn send_home(task: Runnable<Meta>) {
    let Err(task) = running::push_if_in_lane(task) else {
        return;
    };
    match Remote::find(task.metadata().hub()) {
        Some(remote) => remote.send(Item::Wake(task)),
        // The hub is gone and has leaked this one. It must not be dropped on a foreign thread (A-6).
        None => std::mem::forget(task),
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
