//! A value that is sent once to everybody who waits for it.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::event::shared::Shared;

mod shared;
mod wait;

pub use wait::Wait;

/// A one-shot message to any number of waiters.
///
/// [`send`](Self::send) stores a value; every [`wait`](Self::wait), before or after, gets a clone
/// of it. To send a failure, send a `Result` whose error can be cloned (an `Arc<dyn Error>`, say);
/// to wait with a limit, wrap `wait` in [`with_timeout`](crate::with_timeout). A clone of the event
/// is another handle of it.
///
/// # Example
/// ```
/// use evlet_green::Event;
/// use evlet_hub::{run, spawn, spawn_n};
///
/// run(async {
///     let ready = Event::new();
///     let signal = ready.clone();
///     let waiter = spawn(async move { signal.wait().await });
///     ready.send("the kettle boils").unwrap();
///     assert_eq!(waiter.await.unwrap(), "the kettle boils");
///     assert_eq!(ready.wait().await, "the kettle boils"); // as often as you like
/// });
/// ```
///
/// After eventlet's `Event`, with these differences: waiters wake in the order in which they came;
/// a second `send` is an error value; there is no separate channel for exceptions.
pub struct Event<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Event<T> {
    /// An event that has not been sent.
    #[must_use]
    pub fn new() -> Self {
        Event {
            shared: Rc::default(),
        }
    }

    /// Sends `value`: all who wait wake, in the order in which they came, and all who wait later
    /// go on at once. Does not yield. O(waiters).
    ///
    /// # Errors
    /// [`AlreadySent`], with `value` in it, if a value was sent since the event was new or
    /// [reset](Self::reset). The first value stands.
    pub fn send(&self, value: T) -> Result<(), AlreadySent<T>> {
        self.shared.send(value).map_err(AlreadySent)
    }

    /// Waits for the value; ready at once when it has been sent.
    ///
    /// Gives the value that was sent while this waited, even if the event was reset since.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing; the event keeps its value.
    #[track_caller]
    pub fn wait(&self) -> Wait<'_, T>
    where
        T: Clone,
    {
        Wait::new(&self.shared, Location::caller())
    }

    /// Whether a value has been sent.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.shared.is_sent()
    }

    /// The value, if it has been sent; never waits.
    pub fn peek(&self) -> Option<T>
    where
        T: Clone,
    {
        self.shared.peek()
    }

    /// Makes the event as new, so that it can be sent again. Returns whether there was a value to
    /// forget.
    ///
    /// Those who waited when the old value was sent still get that. Those who wait for an event
    /// that has not been sent go on waiting.
    pub fn reset(&self) -> bool {
        self.shared.reset()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }
}

/// [`Event::send`] found that a value had been sent. It holds the second value.
///
/// ```
/// use evlet_green::{AlreadySent, Event};
/// let event = Event::new();
/// event.send(1).unwrap();
/// let AlreadySent(second) = event.send(2).unwrap_err();
/// assert_eq!((second, event.peek()), (2, Some(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AlreadySent<T>(pub T);

impl<T> fmt::Debug for AlreadySent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlreadySent(..)")
    }
}

impl<T> fmt::Display for AlreadySent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event has been sent already: call `reset` before sending again")
    }
}

impl<T> Error for AlreadySent<T> {}

impl<T> Clone for Event<T> {
    fn clone(&self) -> Self {
        Event {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl<T> Default for Event<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("ready", &self.ready())
            .field("waiting", &self.waiting())
            .finish()
    }
}
