//! The handle of a greenlet.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use evlet_hub::is_running;

use crate::greenlet::family::{Shared, Stage};
use crate::greenlet::{GreenletError, Switch};

/// A coroutine that runs while it is switched to. See the [module's page](crate::greenlet).
///
/// A clone is another handle of the same greenlet. When the last handle of one that waits in a
/// switch is dropped, it is killed.
pub struct Greenlet<T: 'static> {
    pub(super) shared: Rc<Shared<T>>,
}

impl<T: 'static> Greenlet<T> {
    /// A greenlet that will run `body`, with the value of the first switch as its argument. What
    /// `body` returns goes to the parent: the greenlet that runs now.
    ///
    /// Nothing runs before the first switch.
    ///
    /// # Example
    /// ```
    /// use evlet_green::greenlet::Greenlet;
    ///
    /// evlet_hub::run(async {
    ///     let counter = Greenlet::new(|first: u32| async move {
    ///         let main = Greenlet::<u32>::current().parent().unwrap();
    ///         let second = main.switch(first + 1).await.unwrap();
    ///         second * 10
    ///     });
    ///     assert_eq!(counter.switch(1).await.unwrap(), 2);
    ///     assert_eq!(counter.switch(5).await.unwrap(), 50);
    ///     assert!(counter.is_dead());
    /// });
    /// ```
    #[track_caller]
    pub fn new<F, R>(body: F) -> Self
    where
        F: FnOnce(T) -> R + 'static,
        R: Future<Output = T> + 'static,
    {
        let at = Location::caller();
        let shared = Shared::new(Box::new(|first| Box::pin(body(first))), at);
        if is_running() {
            let parent = Greenlet::of(&Shared::current(at));
            shared.parent.replace(Some(parent));
        }
        Greenlet::of(&shared)
    }

    /// The greenlet that runs now: the one whose body calls this, or the main greenlet of the
    /// running green thread.
    #[track_caller]
    #[must_use]
    pub fn current() -> Self {
        Greenlet::of(&Shared::current(Location::caller()))
    }

    pub(super) fn of(shared: &Rc<Shared<T>>) -> Self {
        shared.handles.set(shared.handles.get() + 1);
        Greenlet {
            shared: Rc::clone(shared),
        }
    }

    /// Hands control and `value` to this greenlet; done when somebody switches back, with the value
    /// passed then.
    ///
    /// Switching to oneself gives the value back at once.
    ///
    /// # Errors
    /// [`GreenletError::Dead`] and [`GreenletError::Busy`] if it cannot be switched to; nothing has
    /// happened then, but that `value` is dropped. [`GreenletError::Thrown`] and
    /// [`GreenletError::Panicked`] are what came back instead of a value.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Cancel safety
    /// Dropped before its first poll, nothing has happened. Later, the other greenlet has control
    /// and keeps it, beside the caller, who goes on: give up a switch only to end. What comes back
    /// later is kept for the caller's next switch if a greenlet's end sent it, and refused as
    /// [`GreenletError::Busy`] if a switch did.
    #[track_caller]
    pub fn switch(&self, value: T) -> Switch<'_, T> {
        Switch::new(&self.shared, Ok(value), Location::caller())
    }

    /// Hands control to this greenlet, whose own switch fails with `error`
    /// ([`GreenletError::Thrown`]). One that has not begun ends, and `error` goes to its parent.
    ///
    /// It is done when somebody switches back, as [`switch`](Self::switch), with the same errors and
    /// the same cancel safety.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn throw(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> Switch<'_, T> {
        let error = GreenletError::Thrown(Arc::from(error.into()));
        Switch::new(&self.shared, Err(error), Location::caller())
    }

    /// The greenlet that gets what this one's body returns, or has got it; `None` for a main greenlet.
    #[must_use]
    pub fn parent(&self) -> Option<Greenlet<T>> {
        self.shared.parent.borrow().clone()
    }

    /// Whether its body has ended; of a main greenlet, whether its green thread has.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.shared.stage.get() == Stage::Dead
    }
}

impl<T: 'static> Clone for Greenlet<T> {
    fn clone(&self) -> Self {
        Greenlet::of(&self.shared)
    }
}

impl<T: 'static> Drop for Greenlet<T> {
    fn drop(&mut self) {
        let handles = self.shared.handles.get() - 1;
        self.shared.handles.set(handles);
        if handles == 0 && self.shared.stage.get() == Stage::Parked {
            self.shared.abandon();
        }
    }
}

/// Two handles are equal if they are of the same greenlet.
impl<T: 'static> PartialEq for Greenlet<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: 'static> Eq for Greenlet<T> {}

impl<T: 'static> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet")
            .field("at", &Rc::as_ptr(&self.shared))
            .field("stage", &self.shared.stage.get())
            .finish()
    }
}
