//! The lock for many who look or one who changes.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::lock::turns::{Mode, Turn, Turns};
use crate::waiting::Waiter;

/// A value that many green threads may look at together, or one may change, also across awaits.
///
/// All wait in one line, first come, first served. So a writer that waits is overtaken by no reader:
/// those who come after it wait behind it, also while others read, and no stream of readers can keep
/// it waiting. Readers next to each other in the line go on together. A green thread that reads and
/// asks to read again, while a writer waits in between, waits for itself.
///
/// There is no poisoning: see [the module](crate::lock).
///
/// # Example
/// ```
/// use evlet_green::RwLock;
/// use evlet_hub::run;
///
/// run(async {
///     let routes = RwLock::new(vec!["/"]);
///     {
///         let (one, other) = (routes.read().await, routes.read().await);
///         assert_eq!((one.len(), other.len()), (1, 1));
///         assert!(routes.try_write().is_none());
///     }
///     routes.write().await.push("/status");
///     assert_eq!(routes.read().await.len(), 2);
/// });
/// ```
pub struct RwLock<T> {
    turns: Turns,
    value: RefCell<T>,
}

impl<T> RwLock<T> {
    /// A lock around `value`, held by nobody.
    pub const fn new(value: T) -> Self {
        RwLock {
            turns: Turns::new(),
            value: RefCell::new(value),
        }
    }

    /// Waits until nobody changes the value and who came earlier has had their turn, and gives it to
    /// look at.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A turn that had just been given to it is
    /// given back.
    #[track_caller]
    pub fn read(&self) -> Read<'_, T> {
        Read {
            lock: self,
            waiter: self.turns.wait(Mode::Shared, Location::caller()),
        }
    }

    /// Waits until nobody holds the value and who came earlier has had their turn, and gives it to
    /// change.
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line, and readers behind it go on if they can. A
    /// turn that had just been given to it goes to the next.
    #[track_caller]
    pub fn write(&self) -> Write<'_, T> {
        Write {
            lock: self,
            waiter: self.turns.wait(Mode::Alone, Location::caller()),
        }
    }

    /// [`read`](Self::read) if that needs no waiting: nobody writes, and nobody waits.
    #[must_use]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        let turn = self.turns.try_take(Mode::Shared)?;
        Some(self.read_guard(turn))
    }

    /// [`write`](Self::write) if that needs no waiting: nobody reads, writes, or waits.
    #[must_use]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        let turn = self.turns.try_take(Mode::Alone)?;
        Some(self.write_guard(turn))
    }

    /// How many wait, to read or to write, and have not been given their turn.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// The value, which nobody else can hold: there is no other reference to the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn read_guard<'a>(&'a self, turn: Turn<'a>) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard {
            value: self.value.borrow(),
            _turn: turn,
        }
    }

    fn write_guard<'a>(&'a self, turn: Turn<'a>) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard {
            value: self.value.borrow_mut(),
            _turn: turn,
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.value.try_borrow() {
            Ok(value) => shown.field("value", &*value),
            Err(_) => shown.field("value", &format_args!("<locked>")),
        };
        shown.field("waiting", &self.waiting()).finish()
    }
}

/// The value of an [`RwLock`] to look at, for as long as this is held.
#[must_use = "the lock is given back as soon as this is dropped"]
pub struct RwLockReadGuard<'a, T> {
    // Given back before the turn is, whose end may run code of others: fields are dropped in order.
    value: Ref<'a, T>,
    _turn: Turn<'a>,
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The value of an [`RwLock`] to change, for as long as this is held.
#[must_use = "the lock is given back as soon as this is dropped"]
pub struct RwLockWriteGuard<'a, T> {
    // In this order, as in the guard of a reader.
    value: RefMut<'a, T>,
    _turn: Turn<'a>,
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The future of [`RwLock::read`].
///
/// # Cancel safety
/// Dropping it loses its place in the line; a turn just given to it is given back.
#[must_use = "futures do nothing unless awaited"]
pub struct Read<'a, T> {
    lock: &'a RwLock<T>,
    waiter: Waiter<'a, Mode>,
}

impl<'a, T> Future for Read<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RwLockReadGuard<'a, T>> {
        ready!(self.waiter.poll(cx));
        let lock = self.lock;
        Poll::Ready(lock.read_guard(lock.turns.turn(Mode::Shared)))
    }
}

impl<T> fmt::Debug for Read<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Read").field(&self.waiter).finish()
    }
}

/// The future of [`RwLock::write`].
///
/// # Cancel safety
/// Dropping it loses its place in the line; a turn just given to it goes to the next.
#[must_use = "futures do nothing unless awaited"]
pub struct Write<'a, T> {
    lock: &'a RwLock<T>,
    waiter: Waiter<'a, Mode>,
}

impl<'a, T> Future for Write<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RwLockWriteGuard<'a, T>> {
        ready!(self.waiter.poll(cx));
        let lock = self.lock;
        Poll::Ready(lock.write_guard(lock.turns.turn(Mode::Alone)))
    }
}

impl<T> fmt::Debug for Write<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Write").field(&self.waiter).finish()
    }
}
