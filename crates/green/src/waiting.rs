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
    // Declared before the borrow, so dropped after it.
    let mut wakers = Wakers::default();
    let mut borrowed = state.borrow_mut();
    if let Some(output) = try_now(claim, &mut borrowed, place, &mut wakers) {
        return Poll::Ready(output);
    }
    let is_known = match place {
        Some(key) => claim.line(&mut borrowed).has_waker(key, cx),
        None => match LocalWaker::own(cx) {
            Some(waker) => {
                join(claim, &mut borrowed, place, waker, &mut wakers);
                true
            }
            None => false,
        },
    };
    drop(borrowed);
    if !is_known && let Some(output) = wait_with_new_waker(claim, state, place, cx) {
        return Poll::Ready(output);
    }
    park(WaitsOn::new(C::KIND, address(state)), at);
    Poll::Pending
}

/// The context's waker is foreign, or another one than that which the waiter came with.
#[cold]
fn wait_with_new_waker<C: Claim>(
    claim: &mut C,
    state: &RefCell<C::State>,
    place: &mut Option<Key>,
    cx: &mut Context<'_>,
) -> Option<C::Output> {
    let waker = LocalWaker::new(cx);
    let mut wakers = Wakers::default();
    let mut old = None;
    let mut borrowed = state.borrow_mut();
    // What that clone may have changed is looked at again.
    let output = try_now(claim, &mut borrowed, place, &mut wakers);
    if output.is_none() {
        match place {
            Some(key) => old = claim.line(&mut borrowed).renew(key, waker),
            None => join(claim, &mut borrowed, place, waker, &mut wakers),
        }
    }
    drop(borrowed);
    drop(old);
    output
}

/// Takes what there is for a newcomer, or what the waiter was called for.
#[inline(always)]
fn try_now<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    place: &mut Option<Key>,
    wakers: &mut Wakers,
) -> Option<C::Output> {
    match place {
        None => claim.arrive(state, wakers),
        Some(key) => match claim.line(state).is_called(key) {
            true => come(claim, state, place, wakers),
            false => None,
        },
    }
}

#[inline]
fn join<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    place: &mut Option<Key>,
    waker: LocalWaker,
    wakers: &mut Wakers,
) {
    let load = claim.load();
    *place = Some(claim.line(state).push_back(waker, load));
    claim.joined(state, wakers);
}

/// Takes what the waiter was called for.
#[inline]
fn come<C: Claim>(
    claim: &mut C,
    state: &mut C::State,
    place: &mut Option<Key>,
    wakers: &mut Wakers,
) -> Option<C::Output> {
    let key = place.take()?;
    let mut left = claim.line(state).remove(key);
    let output = claim.called(state, &mut left.load, wakers);
    if output.is_none()
        && let Some(load) = left.load.take()
    {
        *place = Some(claim.line(state).push_front(load));
    }
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

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<C::Output> {
        if self.is_done {
            polled_after_end(self.at);
        }
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

    /// Whether it has a place in the line, called or not.
    pub(crate) fn is_in_line(&self) -> bool {
        self.place.is_some()
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
    #[inline]
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
