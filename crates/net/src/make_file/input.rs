//! What a file has read ahead, and looking for the end of a line in it.

use std::io::{self, BufRead};
use std::mem;

use super::CHUNK;
use crate::chunk::{self, Chunk};
use crate::line_error::LineError;

/// What has arrived and was not asked for yet: `bytes[start..end]`.
pub(super) struct Input {
    bytes: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// How much of it is known not to hold `looked_for`.
    scanned: usize,
    looked_for: u8,
    pub(super) limit: usize,
}

impl Input {
    pub(super) fn new(limit: usize) -> Input {
        Input {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            scanned: 0,
            looked_for: b'\n',
            limit,
        }
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn consume(&mut self, len: usize) {
        self.start += len;
        self.scanned = 0;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// The length of the first piece that ends in `end`, if it is there.
    pub(super) fn find(&mut self, end: u8) -> io::Result<Option<usize>> {
        if self.looked_for != end {
            self.looked_for = end;
            self.scanned = 0;
        }
        let limit = self.limit;
        let unread = &self.bytes[self.start..self.end];
        let found = up_to(end, &unread[self.scanned..]).map(|len| self.scanned + len);
        match found {
            Some(len) if len <= limit => Ok(Some(len)),
            // A last line has no ending: with as many bytes as it may have, the stream may be at its end.
            None if unread.len() <= limit => {
                self.scanned = unread.len();
                Ok(None)
            }
            _ => Err(LineError::TooLong { limit }.into()),
        }
    }

    /// The first `len` bytes as text.
    pub(super) fn text(&self, len: usize) -> io::Result<&str> {
        let bytes = &self.unread()[..len];
        std::str::from_utf8(bytes).map_err(|error| {
            LineError::NotUtf8 {
                good: error.valid_up_to(),
                len,
            }
            .into()
        })
    }

    /// Ends the loan of the memory, if nothing in it is unread.
    pub(super) fn give_back(&mut self) {
        if self.start == self.end {
            chunk::give_back(mem::take(&mut self.bytes));
        }
    }

    /// Room for more. What is unread moves to the front first, and the memory grows only when that
    /// is not enough: it stays below the limit for a line and one chunk.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = Chunk::room(CHUNK).into();
        }
        if self.bytes.len() - self.end < CHUNK / 2 && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() == self.end {
            let more = self.bytes.len().max(CHUNK);
            let most = self.limit.saturating_add(CHUNK);
            let len = (self.end + more).min(most).max(self.end + CHUNK);
            self.bytes.resize(len, 0);
        }
        &mut self.bytes[self.end..]
    }
}

/// How many bytes there are up to and with the first `end`. The standard library's own search,
/// which looks at many bytes at once, is reachable through `BufRead` only.
fn up_to(end: u8, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let len = rest.skip_until(end).ok()?;
    bytes[..len].ends_with(&[end]).then_some(len)
}
