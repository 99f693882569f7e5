//! A value that is sent once to everybody who waits for it.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use evlet_hub::wait::WaitKind;

use crate::wait_list::{Left, WaitList};
use crate::waiting::{Claim, Waiter};
use crate::wakers::Wakers;

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
    state: Rc<RefCell<State<T>>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<Rc<T>>,
    /// The value is put into the places of those who wait when it is sent: it stays theirs even if
    /// the event is reset before they run.
    waiters: WaitList<Option<Rc<T>>>,
}

impl<T> Event<T> {
    /// An event that has not been sent.
    pub fn new() -> Self {
        Event {
            state: Rc::new(RefCell::new(State {
                value: None,
                waiters: WaitList::new(),
            })),
        }
    }

    /// Sends `value`: all who wait wake, in the order in which they came, and all who wait later
    /// go on at once. Does not yield. O(waiters).
    ///
    /// # Errors
    /// [`AlreadySent`], with `value` in it, if a value was sent since the event was new or
    /// [reset](Self::reset). The first value stands.
    pub fn send(&self, value: T) -> Result<(), AlreadySent<T>> {
        let mut wakers = Wakers::default();
        let mut state = self.state.borrow_mut();
        if state.value.is_some() {
            return Err(AlreadySent(value));
        }
        let value = Rc::new(value);
        let waiters = &mut state.waiters;
        while let Some(place) = waiters.first_load() {
            *place = Some(Rc::clone(&value));
            waiters.call_first(&mut wakers);
        }
        state.value = Some(value);
        drop(state);
        wakers.wake();
        Ok(())
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
        Wait(Waiter::new(
            &self.state,
            Receive(PhantomData),
            Location::caller(),
        ))
    }

    /// Whether a value has been sent.
    pub fn ready(&self) -> bool {
        self.state.borrow().value.is_some()
    }

    /// The value, if it has been sent; never waits.
    pub fn peek(&self) -> Option<T>
    where
        T: Clone,
    {
        let value = self.state.borrow().value.clone();
        value.map(Rc::unwrap_or_clone)
    }

    /// Makes the event as new, so that it can be sent again. Returns whether there was a value to
    /// forget.
    ///
    /// Those who waited when the old value was sent still get that. Those who wait for an event
    /// that has not been sent go on waiting.
    pub fn reset(&self) -> bool {
        let old = self.state.borrow_mut().value.take();
        old.is_some()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state.borrow().waiters.alive()
    }
}

/// A waiter wants the value.
#[derive(Debug)]
struct Receive<T>(PhantomData<T>);

impl<T> Claim for Receive<T> {
    type State = State<T>;
    type Load = Option<Rc<T>>;
    type Output = Rc<T>;
    const KIND: WaitKind = WaitKind::Event;

    fn line<'s>(&self, state: &'s mut State<T>) -> &'s mut WaitList<Option<Rc<T>>> {
        &mut state.waiters
    }

    fn arrive(&mut self, state: &mut State<T>, _: &mut Wakers) -> Option<Rc<T>> {
        state.value.clone()
    }

    fn load(&mut self) -> Option<Rc<T>> {
        None
    }

    fn called(
        &mut self,
        _: &mut State<T>,
        load: &mut Option<Option<Rc<T>>>,
        _: &mut Wakers,
    ) -> Option<Rc<T>> {
        load.as_mut()?.take()
    }

    fn gave_up(&mut self, _: &mut State<T>, _: &mut Left<Option<Rc<T>>>, _: &mut Wakers) {}
}

/// The future of [`Event::wait`].
///
/// # Cancel safety
/// Dropping it changes nothing.
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a, T: 'a>(Waiter<'a, Receive<T>>);

impl<T: Clone> Future for Wait<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // `T::clone` is the user's: it runs here, where nothing is borrowed.
        self.0.poll(cx).map(Rc::unwrap_or_clone)
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.0).finish()
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
            state: Rc::clone(&self.state),
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
