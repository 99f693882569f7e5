//! What spawns children.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use evlet_hub::carry_deadline;

use crate::scope::child::{Child, State};
use crate::scope::line::Line;
use crate::scope::member::Member;
use crate::scope::outcome::Outcome;

/// Spawns children into a [`scope`](crate::scope()). A clone is another handle of the same scope: children
/// that spawn siblings take one along.
///
/// ```
/// use evlet_green::scope;
/// use std::{cell::Cell, convert::Infallible};
///
/// evlet_hub::run(async {
///     let count = Cell::new(0);
///     let count = &count;
///     let done = scope(|s| async move {
///         let sibling = s.clone();
///         s.spawn(async move {
///             sibling.spawn(async move { count.set(count.get() + 1) });
///             count.set(count.get() + 1);
///         });
///         Ok::<_, Infallible>(())
///     });
///     done.await.unwrap();
///     assert_eq!(count.get(), 2);
/// });
/// ```
pub struct Scope<'env, E> {
    shared: Rc<Shared<'env, E>>,
}

struct Shared<'env, E> {
    /// Spawned and not yet with the others: those are in the hands of the poll in progress.
    incoming: RefCell<Vec<(u64, Member<'env, E>)>>,
    line: Arc<Line>,
    is_over: Cell<bool>,
    /// How many were spawned.
    spawned: Cell<u64>,
}

impl<'env, E: 'env> Scope<'env, E> {
    pub(super) fn new() -> Self {
        Scope {
            shared: Rc::new(Shared {
                incoming: RefCell::default(),
                line: Arc::default(),
                is_over: Cell::new(false),
                spawned: Cell::new(0),
            }),
        }
    }

    /// Starts a child that runs `future`; it never runs before its spawner waits.
    ///
    /// It returns `()` or a `Result` with the scope's error type; an error ends the scope. Dropping the
    /// returned handle leaves the child running, until the scope ends. When the scope is over already
    /// (a handle of it was carried out of it), `future` is dropped and the handle says
    /// [`Killed`](evlet_hub::Exit::Killed).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Child<'env, <F::Output as Outcome<E>>::Value>
    where
        F: Future + 'env,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: 'env,
    {
        if self.is_over() {
            drop(future);
            let state = State::new(Waker::noop().clone());
            drop(State::ending(&state));
            return Child::new(state, Location::caller());
        }
        let age = self.shared.spawned.get() + 1;
        self.shared.spawned.set(age);
        let place = self.shared.line.join(age);
        let state = State::new(place.waker());
        let ending = State::ending(&state);
        let future = carry_deadline(future);
        let future = async move {
            let value = future.await.into_result()?;
            ending.returned(value);
            Ok(())
        };
        self.add(age, Member::new(place, future, Some(state.clone())));
        Child::new(state, Location::caller())
    }
}

impl<'env, E> Scope<'env, E> {
    fn add(&self, age: u64, member: Member<'env, E>) {
        if !self.shared.is_over.get() {
            self.shared.incoming.borrow_mut().push((age, member));
        }
    }

    /// The body is the first member.
    pub(super) fn add_body(&self, body: impl Future<Output = Result<(), E>> + 'env) {
        let place = self.shared.line.join(0);
        self.add(0, Member::new(place, body, None));
    }

    pub(super) fn line(&self) -> &Line {
        &self.shared.line
    }

    /// Whether the scope has ended, so that nothing can be spawned into it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.is_over.get()
    }

    pub(super) fn end(&self) {
        self.shared.is_over.set(true);
    }

    /// Those that were spawned since the last call.
    pub(super) fn take_incoming(&self) -> Vec<(u64, Member<'env, E>)> {
        self.shared.incoming.take()
    }

    pub(super) fn has_incoming(&self) -> bool {
        !self.shared.incoming.borrow().is_empty()
    }
}

impl<E> Clone for Scope<'_, E> {
    fn clone(&self) -> Self {
        Scope {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for Scope<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("is_over", &self.shared.is_over.get())
            .finish_non_exhaustive()
    }
}
