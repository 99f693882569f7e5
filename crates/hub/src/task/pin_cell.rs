//! A `RefCell` whose content stays where it is.
//!
//! A task's future is polled through a shared pointer to the task, and must not move once it was polled. `RefCell`
//! gives the exclusive reference and `Pin` the promise not to move; std has no cell with both.

use std::cell::RefCell;
use std::pin::Pin;

/// See the module's page.
pub(crate) struct PinCell<S: ?Sized>(RefCell<S>);

impl<S> PinCell<S> {
    pub(crate) fn new(content: S) -> Self {
        PinCell(RefCell::new(content))
    }
}

impl<S: ?Sized> PinCell<S> {
    /// Calls `f` with the content.
    ///
    /// # Panics
    /// When a call of this is in progress.
    #[inline]
    pub(crate) fn with<R>(self: Pin<&Self>, f: impl FnOnce(Pin<&mut S>) -> R) -> R {
        let mut content = self.get_ref().0.borrow_mut();
        // SAFETY: the content is pinned whenever the cell is. It stands inside the cell, which the caller has
        // pinned, and no other function of this file reaches it: none moves it, swaps it or gives out a
        // plain `&mut`. The cell has no destructor of its own, so the content is dropped in place; and it is
        // `Unpin` only where the content is.
        f(unsafe { Pin::new_unchecked(&mut *content) })
    }
}
