//! Systems other than Linux, through `polling`.
//!
//! Edge-triggered where the system can do that (kqueue); elsewhere each descriptor that somebody
//! waits on is armed again before the wait.
#![allow(unsafe_code, reason = "polling's registration is unsafe; see `add`")]

use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use polling::{PollMode, Poller};

use super::driver::{Driver, Event, Notifier, Ready, Watched};

#[derive(Debug)]
pub(crate) struct Portable {
    poller: Arc<Poller>,
    has_edges: bool,
    found: RefCell<polling::Events>,
}

impl Portable {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        let has_edges = poller.supports_edge();
        Ok(Portable {
            poller: Arc::new(poller),
            has_edges,
            found: RefCell::new(polling::Events::new()),
        })
    }

    fn interest(&self, key: u64) -> (polling::Event, PollMode) {
        let key = key as usize;
        match self.has_edges {
            true => (polling::Event::all(key), PollMode::Edge),
            false => (polling::Event::none(key), PollMode::Oneshot),
        }
    }
}

impl Driver for Portable {
    fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let (event, mode) = self.interest(key);
        // SAFETY: the descriptor has to be deleted from the poller before it is closed. The `Io`
        // that asks for this registration owns the descriptor and takes its source out, which
        // deletes it here, before it drops it.
        unsafe { self.poller.add_with_mode(&fd, event, mode) }
    }

    fn rename(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        let (event, mode) = self.interest(key);
        self.poller.modify_with_mode(fd, event, mode)
    }

    fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poller.delete(fd)
    }

    /// Not known here: a stranger on a closed number is found when it is registered.
    fn is_still(&self, _fd: BorrowedFd<'_>) -> bool {
        true
    }

    fn wants_watched(&self) -> bool {
        !self.has_edges
    }

    fn wait(
        &self,
        watched: &[Watched],
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        for source in watched {
            let event = polling::Event::new(source.key as usize, source.read, source.write);
            // One that was closed behind our back is found by the probe.
            let _ = self.poller.modify(super::borrow(source.fd), event);
        }
        let mut found = self.found.borrow_mut();
        found.clear();
        match self.poller.wait(&mut found, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        events.extend(found.iter().map(|event| Event {
            key: event.key as u64,
            ready: Ready::of([
                (Ready::READABLE, event.readable),
                (Ready::WRITABLE, event.writable),
                // `polling` does not tell a peer's hang-up from data.
                (Ready::HANGUP, true),
            ]),
        }));
        Ok(())
    }

    fn notifier(&self) -> Notifier {
        let poller = Arc::clone(&self.poller);
        Notifier::new(move || {
            let _ = poller.notify();
        })
    }
}
