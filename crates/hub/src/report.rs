//! What the hub tells the operator.
//!
//! Some things happen that no caller waits for: a detached green thread panics, one holds the hub
//! for too long, a listener runs out of descriptors. They are reported once, as a value, to the
//! function given with [`HubBuilder::on_report`](crate::HubBuilder::on_report). Without one, a
//! line goes to standard error.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::Duration;

use crate::running;
use crate::task::GreenThreadId;

/// Something the operator should know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Report {
    /// A green thread panicked and nobody waits for it; or a panic came from a place that belongs
    /// to no one (a link, a waker).
    #[non_exhaustive]
    Panicked {
        /// The green thread.
        id: GreenThreadId,
        /// Its name, if it has one.
        name: Option<String>,
        /// Where it was spawned.
        spawned_at: Option<&'static Location<'static>>,
        /// What panicked: the green thread itself, its destructor, a link.
        place: &'static str,
        /// The panic's message.
        message: String,
    },
    /// A green thread holds the hub for longer than the watchdog's limit. Sent from the watchdog's
    /// thread while it still does.
    #[non_exhaustive]
    Held {
        /// The green thread.
        id: GreenThreadId,
        /// Its name, if it has one.
        name: Option<String>,
        /// Where it was spawned.
        spawned_at: Option<&'static Location<'static>>,
        /// For how long so far.
        held: Duration,
        /// The limit.
        limit: Duration,
    },
    /// Anything else, from a crate above the hub.
    #[non_exhaustive]
    Notice {
        /// What it is about.
        subject: String,
        /// What happened, and what to do.
        message: String,
    },
}

impl Report {
    /// A notice about `subject`.
    pub fn notice(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Report::Notice {
            subject: subject.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Panicked {
                id,
                name,
                spawned_at,
                place,
                message,
            } => {
                write!(f, "{}: ", who(*id, name, *spawned_at))?;
                write!(f, "{place} panicked and nobody waits for it: {message}")
            }
            Report::Held {
                id,
                name,
                spawned_at,
                held,
                limit,
            } => {
                write!(f, "{} ", who(*id, name, *spawned_at))?;
                write!(
                    f,
                    "has held the hub for {held:?} (limit {limit:?}): everything else waits. \
                     Insert `checkpoint().await` into its loop or move the work to tpool"
                )
            }
            Report::Notice { subject, message } => write!(f, "{subject}: {message}"),
        }
    }
}

fn who(
    id: GreenThreadId,
    name: &Option<String>,
    spawned_at: Option<&'static Location<'static>>,
) -> String {
    let name = name
        .as_deref()
        .map(|n| format!(" '{n}'"))
        .unwrap_or_default();
    let site = spawned_at
        .map(|s| format!(" (spawned at {s})"))
        .unwrap_or_default();
    format!("green thread {id}{name}{site}")
}

/// Reports `report` to the running hub's report function; without a hub, or without such a
/// function, writes it as one line to standard error.
///
/// The function runs at once, on this thread. A panic in it is swallowed.
pub fn report(report: Report) {
    match running::get() {
        Some(core) => core.report(&report),
        None => print(&report),
    }
}

/// The default: one line on standard error.
pub(crate) fn print(report: &Report) {
    use std::io::Write;
    // Not `eprintln!`: that one panics when standard error is closed.
    let _ = writeln!(std::io::stderr(), "evlet: {report}");
}

/// A panic's message, when it is text.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a payload that is not text)".to_owned()
    }
}

/// The message of a panic that was caught and that nobody shall have, whose payload is dropped here: that is code of
/// others, and a panic of it ends nothing.
///
/// ```
/// use evlet_hub::report::message_of_caught;
/// let caught = std::panic::catch_unwind(|| panic!("out of ink")).unwrap_err();
/// assert_eq!(message_of_caught(caught), "out of ink");
/// ```
pub fn message_of_caught(payload: Box<dyn Any + Send>) -> String {
    let message = message_of(&*payload);
    drop_caught(payload);
    message
}

/// Drops the payload of a panic that was caught.
pub(crate) fn drop_caught(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // One of a panic of a panic: what its drop would do is not tried.
        std::mem::forget(second);
    }
}
