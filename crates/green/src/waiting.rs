//! How a future waits in a line: one protocol for every primitive of this crate.
//!
//! A primitive says what its waiters want in a [`Claim`]; the protocol here does the rest: spend
//! the budget, try, join the line, keep the waker fresh, tell the hub what is waited for, and when
//! the future is dropped give the place and the promise back. It is written once because its order
//! matters:
//!
//! 1. **Try before joining the line.** What can go on at once does, without a clone of the waker.
//! 2. **A foreign waker is cloned outside the borrow, then everything is tried again.** Cloning it
//!    is foreign code that may call the primitive; what it changed must be seen (promise D-4). A green
//!    thread's own waker is not cloned at all ([`LocalWaker`]), so that its wait is one borrow.
//! 3. **Wake, drop and return outside the borrow**, for the same reason.
//! 4. **Nobody overtakes.** A newcomer gets something only if [`Claim::arrive`] finds more than is
//!    promised to those who were called.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{LocalWaker, WaitKind, WaitsOn, park, poll_budget};

use crate::wait_list::{Key, Left, WaitList};
use crate::wakers::Wakers;

/// What one kind of waiter wants of its primitive.
pub(crate) trait Claim {
    /// The primitive's state.
    type State;
    /// What a place in the line carries.
    type Load;
    /// What the waiter gets.
    type Output;
    /// What the hub is told.
    const KIND: WaitKind;

    /// The line to stand in.
    fn line<'s>(&self, state: &'s mut Self::State) -> &'s mut WaitList<Self::Load>;

    /// A newcomer's try: it gets what is there and not promised to anybody else.
    fn arrive(&mut self, state: &mut Self::State, wakers: &mut Wakers) -> Option<Self::Output>;

    /// What to carry in the line.
    fn load(&mut self) -> Self::Load;

    /// Called after joining the line.
    fn joined(&mut self, _state: &mut Self::State, _wakers: &mut Wakers) {}

    /// The waiter was called, and has just left the line. `None`: what it was called for has gone
    /// meanwhile; it becomes the first in line again. Otherwise it takes out of `load` what runs
    /// user code when dropped.
    fn called(
        &mut self,
        state: &mut Self::State,
        load: &mut Option<Self::Load>,
        wakers: &mut Wakers,
    ) -> Option<Self::Output>;

    /// The waiter has left the line without coming for its claim.
    fn gave_up(
        &mut self,
        state: &mut Self::State,
        left: &mut Left<Self::Load>,
        wakers: &mut Wakers,
    );
}

/// How far a waiter has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// It has no place in the line.
    Away,
    /// It has one, called or not.
    InLine(Key),
    /// It is not to be polled again.
    Done,
}

impl Stage {
    /// Whether it has a place in the line, called or not.
    #[inline]
    pub(crate) fn is_in_line(&self) -> bool {
        matches!(self, Stage::InLine(_))
    }

    /// Takes the place away, if it is one of which `is_so` holds.
    #[inline]
    fn take_if(&mut self, is_so: impl FnOnce(&Key) -> bool) -> Option<Key> {
        match self {
            Stage::InLine(key) if is_so(key) => match std::mem::replace(self, Stage::Away) {
                Stage::InLine(key) => Some(key),
                Stage::Away | Stage::Done => None,
            },
            _ => None,
        }
    }

    /// Takes the place away, if it has one.
    #[inline]
    fn take(&mut self) -> Option<Key> {
        self.take_if(|_| true)
    }
}

/// One poll of a waiter. Once it has what it wants, it is [`Away`](Stage::Away).
#[inline]
pub(crate) fn poll<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if let Stage::Done = stage {
        polled_after_end(at);
    }
    ready!(poll_budget(cx));
    poll_within_budget(claim, state, stage, cx, at)
}

/// [`poll`] for a step of a longer operation, which spends from the budget itself.
#[inline]
pub(crate) fn poll_within_budget<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    match stage {
        Stage::InLine(_) => poll_in_line(claim, state, stage, cx, at),
        Stage::Away | Stage::Done => poll_newcomer(claim, state, stage, cx, at),
    }
}

/// [`poll`] for claims whose [`arrive`](Claim::arrive) is short and mostly gets something: that is put where the
/// future is awaited, and only the wait is a call.
#[inline(always)]
pub(crate) fn poll_quick<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if let Stage::Done = stage {
        polled_after_end(at);
    }
    ready!(poll_budget(cx));
    if stage.is_in_line() {
        return poll_in_line(claim, state, stage, cx, at);
    }
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let arrived = claim.arrive(&mut state.borrow_mut(), &mut wakers);
    match arrived {
        Some(output) => Poll::Ready(output),
        None => stand_in_line(claim, state, stage, cx, at),
    }
}

/// One borrow for the try and the wait.
#[inline(never)]
fn poll_newcomer<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    if let Some(output) = claim.arrive(&mut borrowed, &mut wakers) {
        return Poll::Ready(output);
    }
    let Some(waker) = LocalWaker::own(cx) else {
        drop(borrowed);
        return wait_with_new_waker(claim, state, stage, cx, at);
    };
    join(claim, &mut borrowed, stage, waker, &mut wakers);
    drop(borrowed);
    park(WaitsOn::new(C::KIND, address(state)), at);
    Poll::Pending
}

/// The same for a newcomer that has just found nothing, and has run no foreign code since.
#[inline(never)]
fn stand_in_line<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    let Some(waker) = LocalWaker::own(cx) else {
        return wait_with_new_waker(claim, state, stage, cx, at);
    };
    let mut wakers = Wakers::default();
    join(claim, &mut state.borrow_mut(), stage, waker, &mut wakers);
    park(WaitsOn::new(C::KIND, address(state)), at);
    Poll::Pending
}

#[inline(never)]
fn poll_in_line<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    if let Some(output) = come(claim, &mut borrowed, stage, &mut wakers) {
        return Poll::Ready(output);
    }
    if let Stage::InLine(key) = stage
        && claim.line(&mut borrowed).has_waker(key, cx)
    {
        drop(borrowed);
        park(WaitsOn::new(C::KIND, address(state)), at);
        return Poll::Pending;
    }
    drop(borrowed);
    wait_with_new_waker(claim, state, stage, cx, at)
}

/// The context's waker is foreign, or another one than that which the waiter came with.
#[cold]
fn wait_with_new_waker<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    stage: &mut Stage,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    let waker = LocalWaker::new(cx);
    let mut wakers = Wakers::default();
    let mut old = None;
    let mut borrowed = state.borrow_mut();
    // What that clone may have changed is looked at again.
    let output = match stage {
        Stage::InLine(_) => come(claim, &mut borrowed, stage, &mut wakers),
        Stage::Away | Stage::Done => claim.arrive(&mut borrowed, &mut wakers),
    };
    if output.is_none() {
        match stage {
            Stage::InLine(key) => old = claim.line(&mut borrowed).renew(key, waker),
            Stage::Away | Stage::Done => join(claim, &mut borrowed, stage, waker, &mut wakers),
        }
    }
    drop(borrowed);
    drop(old);
    match output {
        Some(output) => Poll::Ready(output),
        None => {
            park(WaitsOn::new(C::KIND, address(state)), at);
            Poll::Pending
        }
    }
}

#[inline(always)]
fn join<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    waker: LocalWaker,
    wakers: &mut Wakers,
) {
    let load = claim.load();
    *stage = Stage::InLine(claim.line(state).push_back(waker, load));
    claim.joined(state, wakers);
}

/// Takes what the waiter in line was called for, if it was called.
#[inline(always)]
fn come<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    wakers: &mut Wakers,
) -> Option<C::Output> {
    let key = stage.take_if(|key| claim.line(state).is_called(key))?;
    let mut load = claim.line(state).leave_called(key);
    let output = claim.called(state, &mut load, wakers);
    if output.is_none() {
        stand_first(claim, state, stage, load);
    }
    output
}

/// The waiter was called in vain.
#[cold]
fn stand_first<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    stage: &mut Stage,
    load: Option<C::Load>,
) {
    if let Some(load) = load {
        *stage = Stage::InLine(claim.line(state).push_front(load));
    }
}

/// The waiter gives up: it leaves the line, and what it was called for goes to the next.
#[inline]
pub(crate) fn give_up<C: Claim>(claim: &mut C, state: &RefCell<C::State>, stage: &mut Stage) {
    if stage.is_in_line() {
        leave(claim, state, stage);
    }
}

#[inline(never)]
fn leave<C: Claim>(claim: &mut C, state: &RefCell<C::State>, stage: &mut Stage) {
    let mut wakers = Wakers::default();
    // Declared before the borrow, so dropped after it.
    let mut left;
    let mut borrowed = state.borrow_mut();
    if let Some(key) = stage.take() {
        left = claim.line(&mut borrowed).remove(key);
        claim.gave_up(&mut borrowed, &mut left, &mut wakers);
    }
    drop(borrowed);
    wakers.wake();
}

#[cold]
fn polled_after_end(made_at: &'static Location<'static>) -> ! {
    panic!("the future created at {made_at} was polled after it was done")
}

/// Tells objects of one kind apart in what people are shown.
pub(crate) fn address<T>(object: &T) -> u64 {
    std::ptr::from_ref(object).addr() as u64
}

/// A future that waits in a line: the body of this crate's leaf futures.
pub(crate) struct Waiter<'a, C: Claim> {
    state: &'a RefCell<C::State>,
    claim: C,
    stage: Stage,
    at: &'static Location<'static>,
}

impl<'a, C: Claim> Waiter<'a, C> {
    #[inline]
    pub(crate) fn new(
        state: &'a RefCell<C::State>,
        claim: C,
        at: &'static Location<'static>,
    ) -> Self {
        Waiter {
            state,
            claim,
            stage: Stage::Away,
            at,
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<C::Output> {
        let (claim, stage) = (&mut self.claim, &mut self.stage);
        let output = ready!(poll(claim, self.state, stage, cx, self.at));
        self.stage = Stage::Done;
        Poll::Ready(output)
    }

    /// See the function of this name.
    #[inline(always)]
    pub(crate) fn poll_quick(&mut self, cx: &mut Context<'_>) -> Poll<C::Output> {
        let (claim, stage) = (&mut self.claim, &mut self.stage);
        let output = ready!(poll_quick(claim, self.state, stage, cx, self.at));
        self.stage = Stage::Done;
        Poll::Ready(output)
    }

    #[inline]
    pub(crate) fn claim(&self) -> &C {
        &self.claim
    }

    pub(crate) fn claim_mut(&mut self) -> &mut C {
        &mut self.claim
    }

    /// Whether it has a place in the line, called or not.
    #[inline]
    pub(crate) fn is_in_line(&self) -> bool {
        self.stage.is_in_line()
    }

    /// Where it was made.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// Ends the wait before it is done; what the claim still has can be taken from it.
    pub(crate) fn withdraw(&mut self) -> &mut C {
        give_up(&mut self.claim, self.state, &mut self.stage);
        self.stage = Stage::Done;
        &mut self.claim
    }
}

impl<C: Claim> Drop for Waiter<'_, C> {
    #[inline]
    fn drop(&mut self) {
        give_up(&mut self.claim, self.state, &mut self.stage);
    }
}

impl<C: Claim> Unpin for Waiter<'_, C> {}

impl<C: Claim> fmt::Debug for Waiter<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("at", &format_args!("{}", self.at))
            .field("in_line", &self.is_in_line())
            .field("done", &matches!(self.stage, Stage::Done))
            .finish()
    }
}
