//! The future that waits in a line.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::task::{Context, Poll, ready};

use crate::waiting::{Claim, Stage, give_up, poll, poll_quick};

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
