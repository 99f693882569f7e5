//! For those who build primitives: how a waiting future tells the hub what it waits for.
//!
//! Everything evlet can say about a green thread lives in its slot. A *leaf* future, one that does
//! not wait for another future but for an event, fills the slot in when it returns `Pending`: it
//! calls [`park`] with what it waits on and the source line of the user's call. That is how await
//! sites are known without unwinding a stack, at the cost of a few stores.
//!
//! A leaf that could go on without waiting spends from a budget first ([`poll_budget`]), so that a
//! loop over something that is always ready lets the others run.
//!
//! ```
//! use std::{future::Future, panic::Location, pin::Pin, task::{Context, Poll, Waker}};
//! use std::{cell::{Cell, RefCell}, rc::Rc};
//! use evlet_hub::wait::{self, WaitKind, WaitsOn};
//!
//! /// A flag one green thread can wait for.
//! #[derive(Default)]
//! struct Flag { up: Cell<bool>, waiter: RefCell<Option<Waker>> }
//!
//! struct Raised<'a> { flag: &'a Flag, at: &'static Location<'static> }
//!
//! impl Flag {
//!     fn raise(&self) {
//!         self.up.set(true);
//!         let waiter = self.waiter.take(); // no borrow is held while a waker runs
//!         if let Some(waker) = waiter { waker.wake() }
//!     }
//!     #[track_caller]
//!     fn raised(&self) -> Raised<'_> { Raised { flag: self, at: Location::caller() } }
//! }
//!
//! impl Future for Raised<'_> {
//!     type Output = ();
//!     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
//!         std::task::ready!(wait::poll_budget(cx));
//!         if self.flag.up.get() { return Poll::Ready(()) }
//!         self.flag.waiter.replace(Some(cx.waker().clone()));
//!         wait::park(WaitsOn::new(WaitKind::Other, 0), self.at);
//!         Poll::Pending
//!     }
//! }
//!
//! evlet_hub::run(async {
//!     let flag = Rc::new(Flag::default());
//!     let raiser = Rc::clone(&flag);
//!     evlet_hub::spawn_n(async move { raiser.raise() });
//!     flag.raised().await;
//! });
//! ```

use std::fmt;
use std::io;
use std::panic::Location;
use std::task::{Context, Poll};

use crate::in_progress;
use crate::running;

mod local_waker;

pub use crate::io::Begin;
pub use local_waker::LocalWaker;

/// Whether a hub runs on this thread, for functions that would wait on it and return an [`io::Result`]: without one they
/// fail instead of panicking.
///
/// # Errors
/// No hub runs here. It says that `what`, the function that asks, needs one, and how to start it.
///
/// ```
/// use evlet_hub::wait::check_running;
/// let error = check_running("finish").unwrap_err();
/// assert!(error.to_string().starts_with("finish needs a hub"));
/// evlet_hub::run(async { check_running("finish") })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check_running(what: &str) -> io::Result<()> {
    running::get_for(what).map(drop)
}

/// What kind of thing a green thread waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WaitKind {
    /// A future that told the hub nothing: one from another library.
    #[default]
    Unknown,
    /// Its next turn: it yielded.
    Turn,
    /// A point in time.
    Timer,
    /// A descriptor that becomes readable.
    Readable,
    /// A descriptor that becomes writable.
    Writable,
    /// The end of another green thread.
    GreenThread,
    /// An item of a queue, or room in it.
    Queue,
    /// An event that is sent.
    Event,
    /// A permit of a semaphore.
    Semaphore,
    /// The turn with a lock.
    Lock,
    /// A notification of a condition variable.
    Condition,
    /// The others at a barrier.
    Barrier,
    /// A free place in a pool, or its end.
    Pool,
    /// A result of a pile.
    Pile,
    /// A child of a scope.
    Scope,
    /// A switch from another greenlet.
    Greenlet,
    /// An answer from another OS thread.
    Blocking,
    /// Something else that is not local to the hub.
    Other,
}

impl WaitKind {
    /// Whether only another green thread of the same hub can end such a wait. When every green
    /// thread waits like this, none will ever run again: that is a deadlock.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(
            self,
            WaitKind::GreenThread
                | WaitKind::Queue
                | WaitKind::Event
                | WaitKind::Semaphore
                | WaitKind::Lock
                | WaitKind::Condition
                | WaitKind::Barrier
                | WaitKind::Pool
                | WaitKind::Pile
                | WaitKind::Greenlet
        )
    }
}

/// What a green thread waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct WaitsOn {
    /// The kind of thing.
    pub kind: WaitKind,
    /// Which one: a green thread's id, a descriptor's number, an object's address. For people to
    /// tell two of a kind apart; zero where there is nothing to tell.
    pub subject: u64,
}

impl WaitsOn {
    /// A wait on `subject`.
    #[must_use]
    pub const fn new(kind: WaitKind, subject: u64) -> Self {
        WaitsOn { kind, subject }
    }
}

impl fmt::Display for WaitsOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject;
        match self.kind {
            WaitKind::Unknown => write!(f, "a future of another library"),
            WaitKind::Turn => write!(f, "its turn"),
            WaitKind::Timer => write!(f, "a timer"),
            WaitKind::Readable => write!(f, "descriptor {subject} to be readable"),
            WaitKind::Writable => write!(f, "descriptor {subject} to be writable"),
            WaitKind::GreenThread => write!(f, "green thread {subject}"),
            WaitKind::Queue => write!(f, "queue {subject:#x}"),
            WaitKind::Event => write!(f, "event {subject:#x}"),
            WaitKind::Semaphore => write!(f, "semaphore {subject:#x}"),
            WaitKind::Lock => write!(f, "lock {subject:#x}"),
            WaitKind::Condition => write!(f, "condition {subject:#x}"),
            WaitKind::Barrier => write!(f, "barrier {subject:#x}"),
            WaitKind::Pool => write!(f, "pool {subject:#x}"),
            WaitKind::Pile => write!(f, "pile {subject:#x}"),
            WaitKind::Scope => write!(f, "child {subject:#x} of a scope"),
            WaitKind::Greenlet => write!(f, "greenlet {subject:#x}"),
            WaitKind::Blocking => write!(f, "another OS thread"),
            WaitKind::Other => write!(f, "something outside the hub"),
        }
    }
}

/// Notes in the running green thread's slot what it waits on and where.
///
/// A leaf future calls this each time it is about to return `Pending`, right after it stored
/// exactly one clone of its waker: the search for deadlocks counts both. Outside a hub it does
/// nothing.
#[inline]
pub fn park(on: WaitsOn, at: &'static Location<'static>) {
    in_progress::with(|poll| poll.park(on, at));
}

/// What the poll in progress has noted with [`park`], and where: for those who poll a future
/// themselves and want to say at which await it stands.
///
/// `None` outside a poll, and while nothing has been noted in it: the future's wait is one of
/// another library, or none.
///
/// ```
/// use std::{pin::pin, task::{Context, Poll, Waker}, time::Duration};
/// use evlet_hub::wait::{WaitKind, parked};
///
/// evlet_hub::run(async {
///     assert!(parked().is_none());
///     let mut nap = pin!(evlet_hub::sleep(Duration::from_secs(1)));
///     let _ = futures::poll!(nap.as_mut());
///     let (on, at) = parked().unwrap();
///     assert_eq!((on.kind, at.file()), (WaitKind::Timer, file!()));
/// });
/// ```
#[must_use]
pub fn parked() -> Option<(WaitsOn, &'static Location<'static>)> {
    in_progress::with(|poll| {
        let at = poll.at.get()?;
        in_progress::current().map(|_| (poll.on(), at))
    })
}

/// Spends one unit of what this poll may do without waiting.
///
/// `Pending` means that the budget is used up: the green thread has been put at the end of the line
/// and the caller returns `Pending`. Every operation that may wait calls this first, so that one
/// that never has to wait, or that fails at once each time, cannot keep the hub for itself
/// (promise A-9). Outside a hub there is no budget.
///
/// The budget is set by [`HubBuilder::budget`](crate::HubBuilder::budget) and is full again at each
/// poll of a green thread. The idea is tokio's cooperative budget.
#[inline]
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    in_progress::with(|poll| match poll.budget.get().checked_sub(1) {
        Some(left) => {
            poll.budget.set(left);
            Poll::Ready(())
        }
        None => out_of_budget(cx),
    })
}

#[cold]
fn out_of_budget(cx: &mut Context<'_>) -> Poll<()> {
    if in_progress::current().is_none() {
        return Poll::Ready(());
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
