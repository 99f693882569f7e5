//! The future of a scope.
//!
//! One poll gives one turn to each of those that stood in line when it began, oldest first. Whoever is woken
//! or spawned meanwhile has its turn in the next poll, which comes after the green threads beside this
//! one have had theirs.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::poll_budget;

use crate::scope::Scope;
use crate::scope::member::{Failure, Member};

/// The future of [`scope`](crate::scope()).
///
/// # Cancel safety
/// Dropping it drops the body and the children, youngest first.
#[must_use = "futures do nothing unless awaited"]
pub struct Scoped<'env, T, E> {
    scope: Scope<'env, E>,
    /// By age: the oldest is the body.
    members: BTreeMap<u64, Member<'env, E>>,
    /// What the body returned.
    value: Rc<Cell<Option<T>>>,
}

impl<T, E> Unpin for Scoped<'_, T, E> {}

impl<'env, T: 'env, E: 'env> Scoped<'env, T, E> {
    pub(super) fn new<F>(scope: Scope<'env, E>, body: F) -> Self
    where
        F: Future<Output = Result<T, E>> + 'env,
    {
        let value: Rc<Cell<Option<T>>> = Rc::default();
        let place = Rc::clone(&value);
        scope.add_body(async move {
            place.set(Some(body.await?));
            Ok(())
        });
        Scoped {
            scope,
            members: BTreeMap::new(),
            value,
        }
    }
}

impl<T, E> Scoped<'_, T, E> {
    /// Drops whoever is left.
    fn end(&mut self) {
        self.scope.end();
        self.members.extend(self.scope.take_incoming());
        while let Some((_, youngest)) = self.members.pop_last() {
            drop(youngest);
        }
    }

    /// Gives the member of this age its turn. Wake-ups of those that are gone are of no account.
    fn turn(&mut self, age: u64) -> Result<(), Failure<E>> {
        let Some(member) = self.members.get_mut(&age) else {
            return Ok(());
        };
        match member.turn() {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                self.members.remove(&age);
                result
            }
        }
    }
}

impl<T, E> Future for Scoped<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.scope.line().register(cx);
        for _ in 0..this.scope.line().len() {
            // One that has used up what this poll may do ends it here: the next in line would be refused
            // all it asks for, each time anew.
            ready!(poll_budget(cx));
            // Incoming before the next in line: it may be one of them.
            this.members.extend(this.scope.take_incoming());
            let Some(age) = this.scope.line().pop() else {
                break;
            };
            if let Err(failure) = this.turn(age) {
                this.end();
                match failure {
                    Failure::Error(error) => return Poll::Ready(Err(error)),
                    Failure::Panicked(payload) => resume_unwind(payload),
                }
            }
        }
        if !this.members.is_empty() || this.scope.has_incoming() {
            return Poll::Pending;
        }
        this.scope.end();
        match this.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None => panic!("a scope was polled again after it was done"),
        }
    }
}

impl<T, E> Drop for Scoped<'_, T, E> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<T, E> fmt::Debug for Scoped<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped")
            .field("running", &self.members.len())
            .finish_non_exhaustive()
    }
}
