//! The place where several wait for each other.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

/// A number of green threads that go on together: whoever waits goes on when enough do.
///
/// It can be used again and again: the next ones to wait are the next group. The last of a group to
/// come is its leader, and does not wait.
///
/// # Example
/// ```
/// use evlet_green::Barrier;
/// use evlet_hub::{run, spawn};
/// use std::rc::Rc;
///
/// run(async {
///     let start = Rc::new(Barrier::new(3));
///     let runners: Vec<_> = (0..3)
///         .map(|_| {
///             let start = Rc::clone(&start);
///             spawn(async move { start.wait().await.is_leader() })
///         })
///         .collect();
///     let mut leaders = 0;
///     for runner in runners {
///         leaders += u32::from(runner.await.unwrap());
///     }
///     assert_eq!(leaders, 1);
/// });
/// ```
pub struct Barrier {
    size: usize,
    waiters: RefCell<WaitList<()>>,
}

impl Barrier {
    /// A barrier that opens when `size` wait. With a size of zero or one nobody ever waits, and
    /// each is its own leader.
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Barrier {
            size,
            waiters: RefCell::new(WaitList::new()),
        }
    }

    /// Waits until there are as many as the barrier's size.
    ///
    /// # Cancel safety
    /// Dropping the future before the barrier has opened leaves the group, which then lacks one
    /// more. One that is dropped after that counts, and nobody is kept waiting.
    #[track_caller]
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait(Waiter::new(
            &self.waiters,
            Together { size: self.size },
            Location::caller(),
        ))
    }

    /// How many wait for others to come.
    pub fn waiting(&self) -> usize {
        self.waiters.borrow().len()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("size", &self.size)
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// What a barrier tells each of those whom it lets go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this one came last: true for exactly one of a group.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

/// A waiter wants to be one of a full group.
#[derive(Debug)]
struct Together {
    size: usize,
}

impl Claim for Together {
    /// Those who were called belong to groups that are full already.
    type State = WaitList<()>;
    type Load = ();
    type Output = BarrierWaitResult;
    const KIND: WaitKind = WaitKind::Barrier;

    fn line<'s>(&self, waiters: &'s mut WaitList<()>) -> &'s mut WaitList<()> {
        waiters
    }

    fn arrive(
        &mut self,
        waiters: &mut WaitList<()>,
        wakers: &mut Wakers,
    ) -> Option<BarrierWaitResult> {
        if waiters.len().saturating_add(1) < self.size {
            return None;
        }
        waiters.call_all(wakers);
        Some(BarrierWaitResult { is_leader: true })
    }

    fn load(&mut self) {}

    fn called(
        &mut self,
        _: &mut WaitList<()>,
        _: &mut Option<()>,
        _: &mut Wakers,
    ) -> Option<BarrierWaitResult> {
        Some(BarrierWaitResult { is_leader: false })
    }

    fn gave_up(&mut self, _: &mut WaitList<()>, _: &mut Left<()>, _: &mut Wakers) {}
}

/// The future of [`Barrier::wait`].
///
/// # Cancel safety
/// Dropping it before the barrier has opened leaves the group.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct BarrierWait<'a>(Waiter<'a, Together>);

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BarrierWaitResult> {
        self.0.poll(cx)
    }
}
