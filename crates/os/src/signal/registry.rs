//! The listeners of this process, so that a fork can part from those of its parent.
//!
//! A fork copies what handlers write to: a signal to the child would be told to the parent's listeners.
//! The numbers of all registrations are kept here, and the first look at them in another
//! process ends those that it was born with.

use std::io;
use std::os::fd::OwnedFd;
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

struct Listening {
    process: u32,
    ids: Vec<SigId>,
}

static LISTENING: Mutex<Listening> = Mutex::new(Listening {
    process: 0,
    ids: Vec::new(),
});

fn listening() -> MutexGuard<'static, Listening> {
    let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    let here = process::id();
    if listening.process != here {
        listening.process = here;
        listening.ids.drain(..).for_each(|id| {
            unregister(id); // closes our copy of what it wrote to
        });
    }
    listening
}

/// Has a byte written to `to` at each `signal`, until [`ignore`].
pub(crate) fn listen(signal: i32, to: OwnedFd) -> io::Result<SigId> {
    let mut listening = listening();
    let id = pipe::register(signal, to)?;
    listening.ids.push(id);
    Ok(id)
}

/// Ends a registration; nothing happens to one of the process that this one was forked from.
pub(crate) fn ignore(id: SigId) {
    let mut listening = listening();
    if let Some(place) = listening.ids.iter().position(|known| *known == id) {
        listening.ids.swap_remove(place);
        unregister(id);
    }
}

/// Parts a forked process from the listeners of its parent.
///
/// A signal that reaches the child before it has done so is told to the parent's listeners, since both
/// have one pipe. The first [`signal`](super::signal()) in the child does it as well; who forks calls this
/// first thing in the child, with the signals blocked meanwhile, and leaves no such moment. In a process
/// that is no fork nothing happens.
///
/// Streams from before the fork say [`Unsupported`](io::ErrorKind::Unsupported) in the child. What was
/// listened for stays handled there: without a new listener SIGTERM does nothing to it.
///
/// ```
/// // in the child, after `fork`
/// evlet_os::signal::after_fork();
/// ```
pub fn after_fork() {
    drop(listening());
}
