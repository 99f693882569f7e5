//! The short way of receiving and sending, for the operations that a connection mostly makes: through the only handle of
//! a socket without a limit, by a green thread that is the only one to wait.
//!
//! A future asks for it first and makes the one step that is due, with nothing to keep for other cases: a
//! message takes a third of the instructions that way. In any other case, and after an error, it goes the way of
//! [`super::operation`], which knows them all.

use std::cell::Cell;
use std::io;
use std::task::Context;

use evlet_hub::wait::Begin;
use evlet_hub::{Interest, Ticket};
use rustix::net::RecvFlags;

use super::{Direction, First, Handle, Marks, Site};
use crate::descriptor;

impl Handle {
    /// The socket, if a future of ours may go the short way in this direction.
    #[inline(always)]
    pub(crate) fn shortly(&self, direction: Direction) -> Option<&First> {
        self.plain(Marks::forbids(direction).with(Marks::left(direction)))
    }

    /// After a step of the short way that has failed: whether the operation goes on in the usual way.
    pub(crate) fn goes_on_after(&self, direction: Direction, error: &io::Error) -> bool {
        let interest = match direction {
            Direction::Read => Interest::Readable,
            Direction::Write => Interest::Writable,
        };
        self.first().io.goes_on_after(interest, error)
    }
}

impl First {
    #[inline(always)]
    pub(crate) fn begin_recv(&self) -> Begin {
        self.io.begin(Interest::Readable)
    }

    #[inline(always)]
    pub(crate) fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let plug = self.io.get_ref();
        let count = descriptor::recv_past_the_gate(&plug.fd, buf, RecvFlags::empty())?;
        if count < buf.len() && count > 0 && !plug.short_reads.get() {
            self.io.drained();
        }
        Ok(count)
    }

    /// Whether that was possible.
    #[inline(always)]
    pub(crate) fn wait_to_recv(
        &self,
        place: &Cell<Option<Ticket>>,
        cx: &mut Context<'_>,
        at: Site,
    ) -> bool {
        let ticket = place.get().unwrap_or_else(|| self.io.new_ticket());
        place.set(Some(ticket));
        self.io.wait_alone(Interest::Readable, ticket, cx, at)
    }

    #[inline(always)]
    pub(crate) fn begin_send(&self) -> Begin {
        self.io.begin(Interest::Writable)
    }

    #[inline(always)]
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        let count = descriptor::send_past_the_gate(&self.io.get_ref().fd, data)?;
        if count < data.len() {
            self.io.filled();
        }
        Ok(count)
    }
}
