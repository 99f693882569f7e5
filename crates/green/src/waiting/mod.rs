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
//!    thread's own waker is not cloned at all ([`LocalWaker`](evlet_hub::wait::LocalWaker)), so that its
//!    wait is one borrow.
//! 3. **Wake, drop and return outside the borrow**, for the same reason.
//! 4. **Nobody overtakes.** A newcomer gets something only if [`Claim::arrive`] finds more than is
//!    promised to those who were called.

use std::cell::RefCell;
use std::panic::Location;

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Key, Left, WaitList};
use crate::wakers::Wakers;

mod poll;
mod waiter;

pub(crate) use poll::{poll, poll_quick, poll_within_budget};
pub(crate) use waiter::Waiter;

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

    /// Whether a newcomer will find nothing, and has nothing to tell when it has [joined](Self::joined) the line. It
    /// is asked first where most newcomers have to wait, as those do who were called last time: the wait alone takes
    /// no call, and so no saving of registers, which would be a third of it.
    fn has_to_wait(&self, _state: &Self::State) -> bool {
        false
    }

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
