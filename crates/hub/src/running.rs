//! Which hub runs on this thread.
//!
//! At most one hub runs on a thread at a time. `run` enters it here and leaves it however `run`
//! ends; everything that needs "the hub" without being handed one (`spawn`, `sleep`, `now`) asks
//! here. Reading it is one thread-local access.

use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::rc::{Rc, Weak};

use crate::core::Core;
use crate::in_progress::{self, Aside};
use crate::task::HubId;

thread_local! {
    // Never dropped, so that a look at it need not ask whether it was: who enters also leaves, and at
    // the end of the thread there is nothing in it.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<Core>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
    /// Every hub that was made on this thread and is not gone.
    static HUBS: RefCell<Vec<Weak<Core>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with the running hub, if there is one.
///
/// `f` must not run user code that enters or leaves a hub: the entry is borrowed meanwhile. Who
/// needs that takes a [`get`].
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow().as_ref().map(f))
}

/// [`with`] for what is done most, and short: the entry is borrowed alone, which is half of the instructions.
/// `f` must not ask for the hub itself. `None` also if the entry is borrowed already.
#[inline(always)]
pub(crate) fn with_alone<R>(f: impl FnOnce(&Core) -> R) -> Option<R> {
    CURRENT.with(|current| {
        let current = current.try_borrow_mut().ok()?;
        current.as_deref().map(f)
    })
}

/// Calls `f` with the hub numbered `hub`, running or not, if it is of this thread and not gone.
pub(crate) fn with_hub<R>(hub: HubId, f: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    let core = with(|core| (core.id == hub).then(|| Rc::clone(core))).flatten();
    let core = core.or_else(|| {
        let find = |hubs: &RefCell<Vec<Weak<Core>>>| {
            let hubs = hubs.borrow();
            hubs.iter()
                .filter_map(Weak::upgrade)
                .find(|core| core.id == hub)
        };
        HUBS.try_with(find).ok().flatten()
    });
    core.as_ref().map(f)
}

/// Notes a new hub of this thread.
pub(crate) fn add_hub(core: &Rc<Core>) {
    // Fails in a thread-local's destructor: such a hub is found while it runs, and only then.
    let _ = HUBS.try_with(|hubs| {
        let mut hubs = hubs.borrow_mut();
        hubs.retain(|hub| hub.strong_count() > 0);
        hubs.push(Rc::downgrade(core));
    });
}

#[inline]
pub(crate) fn get() -> Option<Rc<Core>> {
    with(Rc::clone)
}

/// The running hub, for functions that have no way to return an error.
#[inline]
#[track_caller]
pub(crate) fn expect(what: &str) -> Rc<Core> {
    match get() {
        Some(core) => core,
        None => missing(what),
    }
}

/// The running hub, for functions that return an error when there is none.
pub(crate) fn get_for(what: &str) -> io::Result<Rc<Core>> {
    get().ok_or_else(|| io::Error::other(format!("{what} {OUTSIDE}")))
}

/// Says that there is none.
#[cold]
#[track_caller]
pub(crate) fn missing(what: &str) -> ! {
    panic!("{what} {OUTSIDE}")
}

const OUTSIDE: &str = "needs a hub that runs on this thread: call it inside \
    `evlet::run(async { .. })`, `Hub::run` or a function marked `#[evlet::main]`";

/// Whether a hub runs on this thread.
///
/// ```
/// assert!(!evlet_hub::is_running());
/// evlet_hub::run(async { assert!(evlet_hub::is_running()) });
/// ```
#[must_use]
pub fn is_running() -> bool {
    with(|_| ()).is_some()
}

/// Makes `core` the running hub until the guard is dropped, when the one before it is again.
pub(crate) fn enter(core: Rc<Core>) -> Entered {
    let meets_faults = core.has_faults;
    let before = CURRENT.with(|current| current.borrow_mut().replace(core));
    let poll = in_progress::with(|poll| {
        poll.meets_faults.set(meets_faults);
        poll.set_aside()
    });
    Entered { before, poll }
}

#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<Rc<Core>>,
    poll: Aside,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let met_faults = before.as_ref().is_some_and(|core| core.has_faults);
        in_progress::with(|poll| {
            poll.meets_faults.set(met_faults);
            poll.put_back(&self.poll);
        });
        let left = CURRENT.with(|current| {
            // The swap ends before the hub that was left is dropped: its drop may look here.
            std::mem::replace(&mut *current.borrow_mut(), before)
        });
        drop(left);
    }
}
