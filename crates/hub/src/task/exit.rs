//! Why there is no result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use crate::report::{drop_caught, message_of};
use crate::task::{GreenThreadId, KillReport};

/// Why a green thread ended without a result.
pub enum Exit {
    /// It was killed, or cancelled before it started, or its hub went. Why, by whom and where it was waiting
    /// tells [`GreenThread::killed`](crate::GreenThread::killed).
    Killed,
    /// It panicked; the payload is the panic's. Pass it to [`std::panic::resume_unwind`] to go on
    /// with the panic here.
    ///
    /// A second wait for a result that was already handed out gives this too, with a payload that
    /// says so: there is no value left to give, and it is the waiter's mistake.
    Panicked(Box<dyn Any + Send>),
}

impl Exit {
    /// The panic's message, if this was a panic.
    ///
    /// ```
    /// use evlet_hub::{run, spawn};
    /// let exit = run(async { spawn(async { panic!("no fuel") }).wait().await }).unwrap_err();
    /// assert_eq!(exit.panic_message().as_deref(), Some("no fuel"));
    /// ```
    #[must_use]
    pub fn panic_message(&self) -> Option<String> {
        match self {
            Exit::Killed => None,
            Exit::Panicked(payload) => Some(message_of(&**payload)),
        }
    }

    pub(crate) fn taken() -> Self {
        Exit::Panicked(Box::new(
            "this green thread's result was already handed out: wait for it once, \
             or share it with futures' `shared()`",
        ))
    }
}

impl Outcome {
    pub(crate) fn of<T>(result: &Result<T, Exit>) -> Self {
        match result {
            Ok(_) => Outcome::Returned,
            Err(Exit::Killed) => Outcome::Killed,
            Err(Exit::Panicked(_)) => Outcome::Panicked,
        }
    }
}

impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panic_message() {
            None => f.write_str("Killed"),
            Some(message) => f.debug_tuple("Panicked").field(&message).finish(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panic_message() {
            None => f.write_str("the green thread was killed before it returned"),
            Some(message) => write!(f, "the green thread panicked: {message}"),
        }
    }
}

impl Error for Exit {}

/// With the text of [`Display`](fmt::Display) and the kind `Other`, so that `?` works in functions of
/// [`io::Result`]. The panic's payload is dropped: an [`io::Error`] holds only what is [`Sync`].
///
/// ```
/// # use std::io;
/// use evlet_hub::{run, spawn};
/// async fn answer() -> io::Result<u32> {
///     Ok(spawn(async { 42 }).await?)
/// }
/// assert_eq!(run(answer())?, 42);
/// # Ok::<(), io::Error>(())
/// ```
impl From<Exit> for io::Error {
    fn from(exit: Exit) -> Self {
        let text = exit.to_string();
        if let Exit::Panicked(payload) = exit {
            drop_caught(payload); // its destructor may panic
        }
        io::Error::other(text)
    }
}

/// How a green thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its future returned.
    Returned,
    /// It was killed or cancelled, or its hub went.
    Killed,
    /// It panicked.
    Panicked,
}

/// What a link is told when its green thread ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// The green thread.
    pub id: GreenThreadId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was killed, if it was: by a handle of it, and not with its hub.
    pub killed: Option<KillReport>,
}
