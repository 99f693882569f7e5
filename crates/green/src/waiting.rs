//! How a future waits in a line: one protocol for every primitive of this crate.
//!
//! A primitive says what its waiters want in a [`Claim`]; the protocol here does the rest: spend
//! the budget, try, join the line, keep the waker fresh, tell the hub what is waited for, and when
//! the future is dropped give the place and the promise back. It is written once because its order
//! matters:
//!
//! 1. **Try before joining the line.** What can go on at once does, without a clone of the waker.
//! 2. **The waker is cloned outside the borrow, then everything is tried again.** Cloning a waker
//!    is foreign code that may call the primitive; what it changed must be seen (promise D-4).
//! 3. **Wake, drop and return outside the borrow**, for the same reason.
//! 4. **Nobody overtakes.** A newcomer gets something only if [`Claim::arrive`] finds more than is
//!    promised to those who were called.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{WaitKind, WaitsOn, park, poll_budget};

use crate::wait_list::{Key, Left, WaitList, Wakers};

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
    /// meanwhile; it becomes the first in line again.
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

/// One poll of a waiter whose place, once it has one, is kept in `place`.
#[inline]
pub(crate) fn poll<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    place: &mut Option<Key>,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    ready!(poll_budget(cx));
    poll_within_budget(claim, state, place, cx, at)
}

/// [`poll`] for a step of a longer operation, which spends from the budget itself.
#[inline]
pub(crate) fn poll_within_budget<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    place: &mut Option<Key>,
    cx: &mut Context<'_>,
    at: &'static Location<'static>,
) -> Poll<C::Output> {
    if place.is_none()
        && let Some(output) = arrive(claim, state)
    {
        return Poll::Ready(output);
    }
    let polled = wait(claim, state, place, cx);
    if polled.is_pending() {
        park(WaitsOn::new(C::KIND, address(state)), at);
    }
    polled
}

/// The common case, kept apart so that it stays small: there is what the newcomer wants.
#[inline]
fn arrive<C: Claim>(claim: &mut C, state: &RefCell<C::State>) -> Option<C::Output> {
    let mut wakers = Wakers::default();
    let output = claim.arrive(&mut state.borrow_mut(), &mut wakers);
    wakers.wake();
    output
}

/// There is not: whoever has no place joins the line, whoever has one sees whether it was called.
#[inline(never)]
fn wait<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    place: &mut Option<Key>,
    cx: &mut Context<'_>,
) -> Poll<C::Output> {
    if let Some(output) = come(claim, state, place) {
        return Poll::Ready(output);
    }
    if let Some(key) = place
        && claim
            .line(&mut state.borrow_mut())
            .has_waker(key, cx.waker())
    {
        return Poll::Pending;
    }
    let waker = cx.waker().clone();
    // What that clone may have changed is looked at again.
    if let Some(output) = come(claim, state, place) {
        return Poll::Ready(output);
    }
    if let Some(key) = place {
        let old = claim.line(&mut state.borrow_mut()).renew(key, waker);
        drop(old);
        return Poll::Pending;
    }
    if let Some(output) = arrive(claim, state) {
        return Poll::Ready(output);
    }
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    let load = claim.load();
    *place = Some(claim.line(&mut borrowed).push_back(waker, load));
    claim.joined(&mut borrowed, &mut wakers);
    drop(borrowed);
    wakers.wake();
    Poll::Pending
}

/// Takes what the waiter was called for, if it was called.
fn come<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    place: &mut Option<Key>,
) -> Option<C::Output> {
    place.as_ref()?;
    let mut wakers = Wakers::default();
    // Declared before the borrow, so dropped after it.
    let mut left;
    let mut borrowed = state.borrow_mut();
    let key = place.take_if(|key| claim.line(&mut borrowed).is_called(key))?;
    left = claim.line(&mut borrowed).remove(key);
    let output = claim.called(&mut borrowed, &mut left.load, &mut wakers);
    if output.is_none()
        && let Some(load) = left.load.take()
    {
        *place = Some(claim.line(&mut borrowed).push_front(load));
    }
    drop(borrowed);
    wakers.wake();
    output
}

/// The waiter gives up: it leaves the line, and what it was called for goes to the next.
#[inline]
pub(crate) fn give_up<C: Claim>(claim: &mut C, state: &RefCell<C::State>, place: &mut Option<Key>) {
    if place.is_some() {
        leave(claim, state, place);
    }
}

#[inline(never)]
fn leave<C: Claim>(claim: &mut C, state: &RefCell<C::State>, place: &mut Option<Key>) {
    let mut wakers = Wakers::default();
    // Declared before the borrow, so dropped after it.
    let mut left;
    let mut borrowed = state.borrow_mut();
    if let Some(key) = place.take() {
        left = claim.line(&mut borrowed).remove(key);
        claim.gave_up(&mut borrowed, &mut left, &mut wakers);
    }
    drop(borrowed);
    wakers.wake();
}

/// Tells objects of one kind apart in what people are shown.
pub(crate) fn address<T>(object: &T) -> u64 {
    std::ptr::from_ref(object).addr() as u64
}

/// A future that waits in a line: the body of this crate's leaf futures.
pub(crate) struct Waiter<'a, C: Claim> {
    state: &'a RefCell<C::State>,
    claim: C,
    place: Option<Key>,
    is_done: bool,
    at: &'static Location<'static>,
}

impl<'a, C: Claim> Waiter<'a, C> {
    pub(crate) fn new(
        state: &'a RefCell<C::State>,
        claim: C,
        at: &'static Location<'static>,
    ) -> Self {
        Waiter {
            state,
            claim,
            place: None,
            is_done: false,
            at,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<C::Output> {
        assert!(
            !self.is_done,
            "the future created at {} was polled after it was done",
            self.at
        );
        let output = ready!(poll(
            &mut self.claim,
            self.state,
            &mut self.place,
            cx,
            self.at
        ));
        self.is_done = true;
        Poll::Ready(output)
    }

    pub(crate) fn claim(&self) -> &C {
        &self.claim
    }

    pub(crate) fn claim_mut(&mut self) -> &mut C {
        &mut self.claim
    }

    /// Where it was made.
    pub(crate) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// Ends the wait before it is done; what the claim still has can be taken from it.
    pub(crate) fn withdraw(&mut self) -> &mut C {
        give_up(&mut self.claim, self.state, &mut self.place);
        self.is_done = true;
        &mut self.claim
    }
}

impl<C: Claim> Drop for Waiter<'_, C> {
    fn drop(&mut self) {
        give_up(&mut self.claim, self.state, &mut self.place);
    }
}

impl<C: Claim> Unpin for Waiter<'_, C> {}

impl<C: Claim> fmt::Debug for Waiter<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("at", &format_args!("{}", self.at))
            .field("in_line", &self.place.is_some())
            .field("done", &self.is_done)
            .finish()
    }
}
