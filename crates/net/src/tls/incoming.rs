//! Bytes of the stream below on their way to rustls.
//!
//! rustls is given record by record, so that it is known where the one it has just understood ends. What
//! follows the peer's goodbye (close_notify) is no TLS any more and stays here, for whoever takes the
//! stream back.
//!
//! When most of a record is still to come, it is read straight into rustls' own buffer: a copy of 16 KiB costs
//! more than a system call. Otherwise, as small records come several at a time, a read goes into a
//! buffer that is lent ([`crate::Chunk`]): it is a connection's only while there is something in it.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::AsyncRead;
use rustls::Connection;

use crate::chunk::Chunk;

const HEADER: usize = 5;
/// A record as big as TLS 1.3 allows: header, text, what encryption adds.
const BUFFER: usize = HEADER + 16 * 1024 + 256;
/// Who wants little text is not given much more (and rustls takes 4 KiB at a time by itself).
const LITTLE: usize = 4096;

/// What was read and not given to rustls yet.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// `start..end` of it. Nothing: no memory.
    bytes: Chunk,
    start: usize,
    end: usize,
    record: Record,
}

/// What looking at the stream below has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// All that was asked for.
    All,
    /// Less: no more has arrived yet, most likely.
    Less,
    /// The stream has ended, or the peer has said goodbye.
    End,
}

impl Incoming {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads from `io` if there is nothing left; `room` is how much text is wanted. rustls sees nothing of it.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<Came>> {
        if !self.is_empty() {
            return Poll::Ready(Ok(Came::All));
        }
        let mut bytes = Chunk::room(BUFFER);
        let asked = match room {
            0..=LITTLE => LITTLE,
            _ => BUFFER,
        };
        let polled = Pin::new(io).poll_read(cx, &mut bytes[..asked]);
        let Poll::Ready(Ok(came @ 1..)) = polled else {
            return polled.map_ok(|_| Came::End);
        };
        (self.bytes, self.start, self.end) = (bytes, 0, came.min(asked));
        Poll::Ready(Ok(match came < asked {
            true => Came::Less,
            false => Came::All,
        }))
    }

    /// Gives rustls the next, out of what is left or from `io`.
    ///
    /// # Errors
    /// Those of `io`; [`rustls::Error`] inside `InvalidData`.
    pub(super) fn poll_pull<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
        tls: &mut Connection,
        cx: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<Came>> {
        if self.is_empty() && self.record.lacks > LITTLE {
            return self.poll_straight(io, tls, cx);
        }
        let came = ready!(self.poll_fill(io, cx, room))?;
        if came == Came::End {
            tls.read_tls(&mut io::empty())?;
            return Poll::Ready(Ok(Came::End));
        }
        let closed = self.feed(tls)?;
        Poll::Ready(Ok(match closed {
            true => Came::End,
            false => came,
        }))
    }

    /// The rest of a record, from `io` into rustls.
    fn poll_straight<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
        tls: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Came>> {
        let mut straight = Straight {
            io,
            cx,
            record: &mut self.record,
            came: Came::All,
            waits: false,
        };
        match tls.read_tls(&mut straight) {
            Ok(_) => {}
            Err(_) if straight.waits => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        }
        let came = straight.came;
        if understood(tls)? {
            // What came of the next header is no header.
            self.bytes = Chunk::copy_of(&self.record.header[..self.record.known]);
            (self.start, self.end) = (0, self.bytes.len());
            return Poll::Ready(Ok(Came::End));
        }
        Poll::Ready(Ok(came))
    }

    /// Lets rustls have the rest of the record under way, if that much is here. True: it was the peer's
    /// goodbye.
    fn feed(&mut self, tls: &mut Connection) -> io::Result<bool> {
        let bytes = &self.bytes[self.start..self.end];
        let piece = self.record.piece(bytes);
        let mut rest = &bytes[..piece.with_header];
        let closed = loop {
            let taken = tls.read_tls(&mut rest)?;
            let closed = understood(tls)?;
            if rest.is_empty() || taken == 0 {
                break closed;
            }
        };
        self.start += match closed {
            true => piece.of_record,
            false => piece.with_header,
        };
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
            self.bytes = Chunk::default();
        }
        Ok(closed)
    }

    /// Keeps what is left in a buffer of its size. To be called before others have their turn.
    pub(super) fn settle(&mut self) {
        if self.bytes.len() == BUFFER {
            self.bytes = Chunk::copy_of(&self.bytes[self.start..self.end]);
            (self.start, self.end) = (0, self.bytes.len());
        }
    }

    /// What came after the peer's goodbye.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.bytes[self.start..self.end].to_vec()
    }
}

/// Lets rustls look at what it was given. True: the peer has said goodbye.
fn understood(tls: &mut Connection) -> io::Result<bool> {
    let state = tls.process_new_packets();
    let state = state.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(state.peer_has_closed())
}

/// The stream below as rustls reads from it: not beyond the next record's header, and `WouldBlock` for
/// "not now".
struct Straight<'a, 'cx, S> {
    io: &'a mut S,
    cx: &'a mut Context<'cx>,
    record: &'a mut Record,
    came: Came,
    /// Somebody will be woken: a stream that may not wait says `WouldBlock` itself, and wakes nobody.
    waits: bool,
}

impl<S: AsyncRead + Unpin> Read for Straight<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let asked = buf.len().min(self.record.lacks + HEADER);
        let came = match Pin::new(&mut *self.io).poll_read(self.cx, &mut buf[..asked]) {
            Poll::Ready(came) => came?.min(asked),
            Poll::Pending => {
                self.waits = true;
                return Err(io::ErrorKind::WouldBlock.into());
            }
        };
        self.record.piece(&buf[..came]);
        self.came = match came {
            0 => Came::End,
            _ if came < asked => Came::Less,
            _ => Came::All,
        };
        Ok(came)
    }
}

/// The record under way: how much of it rustls has.
#[derive(Debug, Default)]
struct Record {
    header: [u8; HEADER],
    /// So much of the header rustls has.
    known: usize,
    /// So much of the body it still lacks, when it has the header.
    lacks: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// So many bytes belong to the record under way.
    of_record: usize,
    /// With the header of the next, if the record is complete. rustls gives its buffer back when it
    /// has nothing in it; with a few bytes of the next record there it need not allocate it anew for each.
    with_header: usize,
}

impl Record {
    /// What to give next out of `bytes`, which is taken for given.
    fn piece(&mut self, bytes: &[u8]) -> Piece {
        let mut at = self.take_header(bytes);
        if self.known == HEADER {
            let body = self.lacks.min(bytes.len() - at);
            self.lacks -= body;
            at += body;
        }
        let of_record = at;
        if self.known == HEADER && self.lacks == 0 {
            self.known = 0;
            at += self.take_header(&bytes[at..]);
        }
        Piece {
            of_record,
            with_header: at,
        }
    }

    /// How many of `bytes` the header lacked.
    fn take_header(&mut self, bytes: &[u8]) -> usize {
        let lacking = &mut self.header[self.known..];
        let count = lacking.len().min(bytes.len());
        lacking[..count].copy_from_slice(&bytes[..count]);
        self.known += count;
        if count > 0 && self.known == HEADER {
            let [_, _, _, high, low] = self.header;
            self.lacks = u16::from_be_bytes([high, low]).into();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, Record};

    /// A record with a body of `len` bytes.
    fn record(len: u16) -> Vec<u8> {
        let mut record = vec![23, 3, 3];
        record.extend(len.to_be_bytes());
        record.resize(5 + usize::from(len), 0);
        record
    }

    // Wherever reads cut the bytes, each record's end is known, and no byte is given twice.
    #[test]
    fn the_end_of_each_record_is_known() {
        let lens = [1, 300, 0, 5, 0, 0, 19];
        let all: Vec<u8> = lens.into_iter().flat_map(record).collect();
        let mut ends = vec![0];
        for len in lens {
            ends.push(ends[ends.len() - 1] + 5 + usize::from(len));
        }
        for read in 1..all.len() {
            let mut under_way = Record::default();
            let mut given = 0;
            let mut seen = vec![0];
            for bytes in all.chunks(read) {
                let mut rest = bytes;
                while !rest.is_empty() {
                    let Piece {
                        of_record,
                        with_header,
                    } = under_way.piece(rest);
                    assert!(of_record <= with_header && with_header > 0);
                    if ends.contains(&(given + of_record)) && of_record > 0 {
                        seen.push(given + of_record);
                    }
                    given += with_header;
                    rest = &rest[with_header..];
                }
            }
            assert_eq!(given, all.len());
            seen.dedup();
            for end in &ends {
                // An empty record ends with its header, which went with the record before.
                assert!(
                    seen.contains(end) || ends.contains(&(end - 5)),
                    "{end} of {seen:?}"
                );
            }
        }
    }
}
