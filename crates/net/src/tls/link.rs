//! rustls between a reader and writer of text and a stream of bytes.
//!
//! rustls knows the protocol and nothing of sockets: what it has to say is taken from it and written
//! (`poll_push`), what was read is given to it (`poll_pull`). Everything here is a poll that may end at
//! any place and be called again; what was done is kept here and not in a future.
//!
//! What rustls has to say while we read (the answer to a key update, session tickets, an alert) goes out
//! when reading has to wait, or with the next operation, whichever comes first. So a server's tickets go
//! with its first answer, in one system call.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait;
use futures::io::{AsyncRead, AsyncWrite};
use rustls::Connection;

use super::incoming::{Came, Incoming};

/// A stream with TLS on it.
pub(super) struct Link<S> {
    io: S,
    tls: Connection,
    incoming: Incoming,
    /// The last read of the stream took all that had arrived.
    drained: bool,
    /// Something was written that the stream below was not asked to flush.
    unflushed: bool,
    /// Saying had to wait when it was tried before reading.
    reads_first: bool,
    /// The handshake has just ended: what it has left to say may go with what comes next.
    new: bool,
    /// `close_notify` is said or under way.
    said_goodbye: bool,
    /// What rustls found wrong. It is final.
    broken: Option<rustls::Error>,
    /// A failure of reading that came with good bytes before it.
    kept: Option<io::Error>,
    /// A failure of writing text that was taken: of the next operation that writes.
    unsaid: Option<io::Error>,
}

/// Text to write, in one part or several.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    One(&'a [u8]),
    Parts(&'a [IoSlice<'a>]),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(super) fn new(io: S, tls: Connection) -> Link<S> {
        Link {
            io,
            tls,
            incoming: Incoming::default(),
            drained: false,
            unflushed: false,
            reads_first: false,
            new: true,
            said_goodbye: false,
            broken: None,
            kept: None,
            unsaid: None,
        }
    }

    pub(super) fn io(&self) -> &S {
        &self.io
    }

    pub(super) fn tls(&self) -> &Connection {
        &self.tls
    }

    /// The stream below, and what came on it after the peer's goodbye.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        (self.io, self.incoming.into_rest())
    }

    /// Waits until the peer has said something, without looking at it. False: it has gone.
    pub(super) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let heard = self.incoming.poll_fill(&mut self.io, cx, 0);
        self.incoming.settle();
        heard.map_ok(|came| came != Came::End)
    }

    /// Goes on with the handshake until it is over. The last that we have to say may be left, to go with
    /// what comes next.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = self.poll_shaken(cx);
        self.incoming.settle();
        done
    }

    fn poll_shaken(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.is_handshaking() {
            if self.incoming.is_empty() {
                ready!(self.poll_flush(cx))?;
            }
            if ready!(self.poll_pull(cx, 0))? == Came::End && self.tls.is_handshaking() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads until `buf` is full or nothing more has arrived.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // The smallest budget is enough for one of the two: each is the first every other time.
        let first = !mem::take(&mut self.new) && !mem::take(&mut self.reads_first);
        // Its failure is the writer's to see: what is read is good all the same.
        self.reads_first = first && self.has_to_say() && self.poll_say(cx).is_pending();
        let read = self.poll_text(cx, buf);
        self.incoming.settle();
        if read.is_pending() && !self.reads_first && self.has_to_say() {
            let _ = self.poll_say(cx);
        }
        read
    }

    /// What more of the text is there, into further room.
    pub(super) fn take_text(&mut self, buf: &mut [u8]) -> usize {
        self.tls.reader().read(buf).unwrap_or(0) // what is wrong, the next read finds again
    }

    fn has_to_say(&self) -> bool {
        self.tls.wants_write() || self.unflushed
    }

    fn poll_text(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.asks_below() {
            ready!(wait::poll_budget(cx));
        }
        if let Some(error) = self.kept.take() {
            return Poll::Ready(Err(error));
        }
        let mut filled = 0;
        loop {
            match self.tls.reader().read(&mut buf[filled..]) {
                Ok(0) => return Poll::Ready(Ok(filled)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) if filled > 0 => return Poll::Ready(Ok(filled)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            // The next read would find nothing, most likely, or brings its own error.
            let enough = filled > 0 && self.incoming.is_empty() && self.drained;
            if enough || filled == buf.len() {
                return Poll::Ready(Ok(filled));
            }
            match self.poll_pull(cx, buf.len() - filled) {
                Poll::Ready(Ok(_)) => {}
                Poll::Pending if filled == 0 => return Poll::Pending,
                Poll::Ready(Err(error)) if filled == 0 => return Poll::Ready(Err(error)),
                Poll::Ready(Err(error)) => {
                    self.kept = lasting(error);
                    return Poll::Ready(Ok(filled));
                }
                Poll::Pending => return Poll::Ready(Ok(filled)),
            }
        }
    }

    /// Whether a read begins with the stream below, which counts it. What is here already has to be counted too,
    /// be it text, the end or an error, so that others have their turns.
    fn asks_below(&mut self) -> bool {
        let nothing_here = self.incoming.is_empty() && self.kept.is_none() && self.broken.is_none();
        let none = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        nothing_here && self.tls.reader().fill_buf().is_err_and(none)
    }

    /// Encrypts what there is room for, 64 KiB at most, and writes it; what the stream below does not
    /// take at once is kept for the next operation.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        text: Text<'_>,
    ) -> Poll<io::Result<usize>> {
        if text.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.broken.is_some() || self.said_goodbye {
            ready!(wait::poll_budget(cx));
        }
        if let Some(error) = &self.broken {
            return Poll::Ready(Err(failed(error.clone())));
        }
        if self.said_goodbye {
            let said =
                "this side has said goodbye already (close): nothing can be written after it";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, said)));
        }
        self.tell_unsaid()?;
        loop {
            let mut writer = self.tls.writer();
            let taken = match text {
                Text::One(text) => writer.write(text)?,
                Text::Parts(parts) => writer.write_vectored(parts)?,
            };
            let pushed = self.poll_push(cx);
            if taken > 0 {
                // Whatever became of it: who is given an error writes the same text once more.
                if let Poll::Ready(Err(error)) = pushed {
                    self.unsaid = lasting(error);
                }
                return Poll::Ready(Ok(taken));
            }
            ready!(pushed)?; // now there is room
        }
    }

    /// Writes all that there is to say.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tell_unsaid()?;
        self.poll_say(cx)
    }

    fn tell_unsaid(&mut self) -> io::Result<()> {
        self.unsaid.take().map_or(Ok(()), Err)
    }

    /// The same on behalf of who does not write.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_push(cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Says goodbye, once.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_goodbye {
            self.said_goodbye = true;
            self.tls.send_close_notify();
        }
        self.poll_flush(cx)
    }

    /// Says goodbye, and ends the writing side of the stream below.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_goodbye(cx))?;
        match ready!(Pin::new(&mut self.io).poll_close(cx)) {
            // It is gone already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            closed => Poll::Ready(closed),
        }
    }

    /// Waits for the peer's goodbye: true. False: it has sent text that nobody has read.
    pub(super) fn poll_peer_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            match self.tls.reader().fill_buf() {
                Ok(text) => return Poll::Ready(Ok(text.is_empty())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            let pulled = self.poll_pull(cx, 0);
            self.incoming.settle();
            ready!(pulled)?;
        }
    }

    /// Gives rustls the next that has come, of about `room` bytes of text.
    fn poll_pull(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<Came>> {
        if let Some(error) = &self.broken {
            return Poll::Ready(Err(failed(error.clone())));
        }
        let asks = self.incoming.is_empty();
        let Link { io, tls, .. } = self;
        let pulled = ready!(self.incoming.poll_pull(io, tls, cx, room));
        match &pulled {
            Ok(came) if asks => self.drained = *came != Came::All,
            Ok(_) => {}
            Err(error) => {
                let inside = error.get_ref();
                self.broken = inside.and_then(|inside| inside.downcast_ref().cloned());
                if self.broken.is_some() {
                    // The peer is told why, as far as it listens.
                    let _ = self.poll_say(cx);
                }
            }
        }
        Poll::Ready(pulled)
    }

    /// Writes what rustls has to say.
    fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut below = Below {
                io: &mut self.io,
                cx,
                waits: false,
            };
            match self.tls.write_tls(&mut below) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => self.unflushed = true,
                Err(_) if below.waits => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Text<'_> {
    fn is_empty(self) -> bool {
        match self {
            Text::One(text) => text.is_empty(),
            Text::Parts(parts) => parts.iter().all(|part| part.is_empty()),
        }
    }
}

fn failed(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What the next operation would not find again by itself.
fn lasting(error: io::Error) -> Option<io::Error> {
    (error.kind() != io::ErrorKind::WouldBlock).then_some(error)
}

/// The stream below as rustls writes to it: `WouldBlock` for "not now".
struct Below<'a, 'cx, S> {
    io: &'a mut S,
    cx: &'a mut Context<'cx>,
    /// Somebody will be woken: a stream that may not wait says `WouldBlock` itself, and wakes nobody.
    waits: bool,
}

impl<S: AsyncWrite + Unpin> Below<'_, '_, S> {
    fn now(&mut self, polled: Poll<io::Result<usize>>) -> io::Result<usize> {
        self.waits = polled.is_pending();
        match polled {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Below<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let polled = Pin::new(&mut *self.io).poll_write(self.cx, bytes);
        self.now(polled)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let polled = match parts {
            // A plain write is cheaper.
            [one] => Pin::new(&mut *self.io).poll_write(self.cx, one),
            parts => Pin::new(&mut *self.io).poll_write_vectored(self.cx, parts),
        };
        self.now(polled)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // `Link` does
    }
}
