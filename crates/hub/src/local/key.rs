//! One static of [`green_local!`](crate::green_local), and how its value is reached.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::ptr::from_ref;
use std::rc::Rc;

use crate::local::table::{self, Found, Inherit};

/// A value of which each green thread has its own; made by [`green_local!`](crate::green_local).
///
/// # Made and dropped
/// A green thread's value is made when it first asks, and dropped when it ends, after its future and before
/// anybody hears of the end. The one made last is dropped first. A destructor may use other locals of its
/// green thread: those that are still there as ever; one that was dropped already, or was never made, is
/// an error, so that the end is one. A panic of a destructor is reported and keeps nothing else
/// from being dropped.
///
/// # Outside of a green thread
/// Code that runs in no green thread (before and after [`run`](crate::run()), on other OS threads, in a
/// callback of the hub) has the value of its OS thread, as with `thread_local!`. Nobody inherits that:
/// the future given to `run` begins with fresh values, like every green thread.
///
/// # Example
/// ```
/// use std::cell::Cell;
/// use evlet_hub::{green_local, run, spawn};
///
/// green_local! { static COUNT: Cell<u32> = Cell::new(1) }
///
/// run(async {
///     COUNT.set(5);
///     assert_eq!(spawn(async { COUNT.get() }).await.unwrap(), 1);
///     assert_eq!(COUNT.get(), 5);
/// });
/// assert_eq!(COUNT.get(), 1);
/// ```
pub struct GreenLocal<T: 'static> {
    init: fn() -> T,
    inherit: Option<Inherit>,
}

impl<T: 'static> GreenLocal<T> {
    #[doc(hidden)]
    pub const fn own(init: fn() -> T) -> Self {
        let inherit = None;
        GreenLocal { init, inherit }
    }

    #[doc(hidden)]
    pub const fn inherited(init: fn() -> T) -> Self
    where
        T: Clone,
    {
        let inherit: Option<Inherit> = Some(clone_of::<T>);
        GreenLocal { init, inherit }
    }

    /// Calls `f` with the running green thread's value, which is made if need be.
    ///
    /// # Panics
    /// Where [`try_with`](Self::try_with) gives an error, with its text.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the running green thread's value, which is made if need be.
    ///
    /// # Errors
    /// [`LocalError::Gone`] in a destructor that runs when the value was dropped, or was never made, at the
    /// end of the green thread; [`LocalError::Recursive`] in the expression that makes the value.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, LocalError> {
        let value = match table::with(|locals| locals.find(self.key()))? {
            Found::Value(value) => value,
            Found::BeingMade => return Err(LocalError::Recursive),
            Found::None => self.make()?,
        };
        match value.downcast::<T>() {
            // The value is shared meanwhile, so nothing is borrowed while `f` runs.
            Ok(value) => Ok(f(&value)),
            Err(_) => Err(LocalError::Gone),
        }
    }

    /// Two statics never have one address.
    fn key(&'static self) -> usize {
        from_ref(self).addr()
    }

    #[cold]
    fn make(&'static self) -> Result<Rc<dyn Any>, LocalError> {
        let key = self.key();
        table::with(|locals| locals.begin(key, self.inherit))?;
        let unmade = Unmade(key);
        let value: Rc<dyn Any> = Rc::new((self.init)());
        std::mem::forget(unmade);
        let kept = Rc::clone(&value);
        table::with(|locals| locals.put(key, kept))?;
        if self.inherit.is_some() {
            table::note_inheritance();
        }
        Ok(value)
    }
}

/// Takes the mark away that a value is being made, where that panics.
struct Unmade(usize);

impl Drop for Unmade {
    fn drop(&mut self) {
        let key = self.0;
        let _ = table::with(|locals| locals.forget(key));
    }
}

fn clone_of<T: Clone + 'static>(value: &dyn Any) -> Option<Rc<dyn Any>> {
    let value: &T = value.downcast_ref()?;
    Some(Rc::new(value.clone()))
}

impl<T: 'static> fmt::Debug for GreenLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenLocal")
            .field("is_inherited", &self.inherit.is_some())
            .finish_non_exhaustive()
    }
}

/// Why there is no value of a [`GreenLocal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalError {
    /// The green thread is ending, and the value was dropped already or never made.
    Gone,
    /// The expression that makes the value asked for the value.
    Recursive,
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LocalError::Gone => {
                "the value of this green_local is gone: its green thread is ending; use try_with \
                 in destructors"
            }
            LocalError::Recursive => {
                "the expression that makes the value of this green_local asks for that value"
            }
        })
    }
}

impl Error for LocalError {}
