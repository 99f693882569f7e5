//! The lock for one at a time.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::lock::turns::{Mode, Turn, Turns};
use crate::waiting::Waiter;

/// A value that one green thread at a time may use, also across awaits.
///
/// [`lock`](Self::lock) waits for its turn, first come, first served; the [`MutexGuard`] is the value,
/// and ends the turn when it is dropped. There is no poisoning: see [the module](crate::lock).
///
/// # Example
/// ```
/// use evlet_green::Mutex;
/// use evlet_hub::{run, sleep, spawn};
/// use std::{rc::Rc, time::Duration};
///
/// run(async {
///     let line = Rc::new(Mutex::new(String::new()));
///     let speakers: Vec<_> = ["one ", "two "]
///         .map(|word| {
///             let line = Rc::clone(&line);
///             spawn(async move {
///                 let mut line = line.lock().await;
///                 for letter in word.chars() {
///                     line.push(letter);
///                     sleep(Duration::from_millis(1)).await; // nobody speaks in between
///                 }
///             })
///         })
///         .into();
///     for speaker in speakers {
///         speaker.await.unwrap();
///     }
///     assert_eq!(*line.lock().await, "one two ");
/// });
/// ```
pub struct Mutex<T> {
    turns: Turns,
    value: RefCell<T>,
}

impl<T> Mutex<T> {
    /// A mutex around `value`, not locked.
    pub const fn new(value: T) -> Self {
        Mutex {
            turns: Turns::new(),
            value: RefCell::new(value),
        }
    }

    /// Waits for the turn of who calls, and gives the value.
    ///
    /// Who locks what it has locked already waits for itself: see [the module](crate::lock).
    ///
    /// # Cancel safety
    /// Dropping the future loses the place in the line. A turn that had just been given to it goes to
    /// the next.
    #[track_caller]
    pub fn lock(&self) -> Lock<'_, T> {
        self.lock_at(Location::caller())
    }

    pub(super) fn lock_at(&self, at: &'static Location<'static>) -> Lock<'_, T> {
        Lock {
            mutex: self,
            waiter: self.turns.wait(Mode::Alone, at),
        }
    }

    /// Locks if that needs no waiting.
    #[must_use]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let turn = self.turns.try_take(Mode::Alone)?;
        Some(self.guard(turn))
    }

    /// Whether somebody holds it, or was just given the turn.
    pub fn is_locked(&self) -> bool {
        self.turns.is_held()
    }

    /// How many wait and have not been given the turn.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// The value, which nobody else can hold: there is no other reference to the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn guard<'a>(&'a self, turn: Turn<'a>) -> MutexGuard<'a, T> {
        MutexGuard {
            value: self.value.borrow_mut(),
            mutex: self,
            _turn: turn,
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.value.try_borrow() {
            Ok(value) => shown.field("value", &*value),
            Err(_) => shown.field("value", &format_args!("<locked>")),
        };
        shown.field("waiting", &self.waiting()).finish()
    }
}

/// The value of a [`Mutex`], for as long as this is held.
#[must_use = "the mutex is unlocked as soon as this is dropped"]
pub struct MutexGuard<'a, T> {
    // Given back before the turn is, whose end may run code of others: fields are dropped in order.
    value: RefMut<'a, T>,
    mutex: &'a Mutex<T>,
    _turn: Turn<'a>,
}

impl<'a, T> MutexGuard<'a, T> {
    /// The mutex that this is of.
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The future of [`Mutex::lock`].
///
/// # Cancel safety
/// Dropping it loses its place in the line; a turn just given to it goes to the next.
#[must_use = "futures do nothing unless awaited"]
pub struct Lock<'a, T> {
    mutex: &'a Mutex<T>,
    waiter: Waiter<'a, Mode>,
}

impl<'a, T> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<MutexGuard<'a, T>> {
        ready!(self.waiter.poll_quick(cx));
        let mutex = self.mutex;
        Poll::Ready(mutex.guard(mutex.turns.turn(Mode::Alone)))
    }
}

impl<T> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.waiter).finish()
    }
}
