//! The pipe through which `splice` moves bytes.

use std::io;
use std::os::fd::OwnedFd;

/// How much is moved at once: what a pipe holds.
pub(super) const PIECE: usize = 64 * 1024;

/// A pipe, and how much is in it.
#[derive(Debug)]
pub(super) struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
    held: usize,
}

#[cfg(target_os = "linux")]
mod calls {
    use super::*;
    use evlet_hub::sys::{self, Call, CallKind};
    use rustix::pipe::{PipeFlags, SpliceFlags};
    use std::os::fd::AsRawFd;

    impl Pipe {
        pub(in super::super) fn new() -> io::Result<Option<Pipe>> {
            let (out, into) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            Ok(Some(Pipe { out, into, held: 0 }))
        }

        /// Moves bytes from the socket into the pipe, which is empty.
        pub(in super::super) fn fill(&mut self, from: &OwnedFd) -> io::Result<usize> {
            sys::gate(Call::new(CallKind::Read, from.as_raw_fd()))?;
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            let got = rustix::pipe::splice(from, None, &self.into, None, PIECE, flags)?;
            self.held = got;
            Ok(got)
        }

        /// Moves bytes from the pipe to the socket.
        pub(in super::super) fn empty(&mut self, to: &OwnedFd) -> io::Result<usize> {
            sys::gate(Call::new(CallKind::Write, to.as_raw_fd()))?;
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            let sent = rustix::pipe::splice(&self.out, None, to, None, self.held, flags)?;
            self.held -= sent.min(self.held);
            Ok(sent)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod calls {
    use super::*;

    impl Pipe {
        pub(in super::super) fn new() -> io::Result<Option<Pipe>> {
            Ok(None)
        }

        pub(in super::super) fn fill(&mut self, _: &OwnedFd) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in super::super) fn empty(&mut self, _: &OwnedFd) -> io::Result<usize> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

impl Pipe {
    /// How much is in it.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}
