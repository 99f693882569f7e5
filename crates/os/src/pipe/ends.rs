//! The two ends.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;

use evlet_hub::{Io, Ticket};

use super::kept::Kept;
use super::pair::pair;

/// A new pipe: what is written to one end is read from the other.
///
/// # Errors
/// Outside a running hub, and when there are no descriptors left.
#[track_caller]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let at = Location::caller();
    let (read, write) = pair()?;
    let reader = PipeReader(End::new(Kept::own(read), at)?);
    let writer = PipeWriter(End::new(Kept::own(write), at)?);
    Ok((reader, writer))
}

/// What both ends are: a descriptor on the hub, with one user at a time.
pub(super) struct End {
    /// `None` once closed.
    pub(super) io: Option<Io<Kept>>,
    /// The name under which this end waits, in whichever green thread it is.
    pub(super) ticket: Ticket,
    pub(super) at: &'static Location<'static>,
}

impl End {
    fn new(fd: Kept, at: &'static Location<'static>) -> io::Result<End> {
        let io = Io::new_nonblocking(fd)?;
        Ok(End {
            ticket: io.new_ticket(),
            io: Some(io),
            at,
        })
    }

    fn take_over(
        fd: OwnedFd,
        keep: impl FnOnce(OwnedFd) -> io::Result<Kept>,
        at: &'static Location<'static>,
    ) -> io::Result<End> {
        let number = fd.as_raw_fd();
        let named = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::Unsupported => " (regular files and directories: evlet_os::fs)",
                _ => "",
            };
            io::Error::new(
                error.kind(),
                format!("descriptor {number} cannot be used as a stream: {error}{hint}"),
            )
        };
        keep(fd).and_then(|kept| End::new(kept, at)).map_err(named)
    }

    fn hand_out(self) -> io::Result<OwnedFd> {
        let io = self.io.ok_or_else(closed)?;
        io.into_inner()?.hand_out().ok_or_else(closed)
    }

    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.io.as_ref().map(|io| io.as_fd().as_raw_fd());
        f.debug_struct(name).field("fd", &fd).finish()
    }
}

pub(super) fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "this end of the pipe was closed before",
    )
}

/// The end of a pipe that is read.
///
/// # Cancel safety
/// A read that is given up has taken nothing.
pub struct PipeReader(pub(super) End);

/// The end of a pipe that is written.
///
/// `close()` of `futures::AsyncWriteExt` closes the descriptor, so that the reader comes to the end;
/// dropping it does the same.
///
/// # Cancel safety
/// A write that is given up has written nothing.
pub struct PipeWriter(pub(super) End);

macro_rules! end {
    ($type:ident, $name:literal, $does:literal) => {
        impl $type {
            #[doc = concat!("Takes over a descriptor that can be waited on, to ", $does, " it.")]
            ///
            /// It becomes non-blocking, and blocking again when this value is dropped or handed out,
            /// if it was.
            ///
            /// # Errors
            /// Outside a running hub; for regular files and directories; for a descriptor that is
            /// on this hub already; when the kernel cannot watch one more. Each names the
            /// descriptor, which is closed then.
            #[track_caller]
            pub fn from_fd(fd: impl Into<OwnedFd>) -> io::Result<Self> {
                End::take_over(fd.into(), Kept::borrowed_mode, Location::caller()).map($type)
            }

            /// [`from_fd`](Self::from_fd) for a caller that knows the user's line.
            pub(crate) fn take_over(
                fd: OwnedFd,
                at: &'static Location<'static>,
            ) -> io::Result<Self> {
                End::take_over(fd, Kept::borrowed_mode, at).map($type)
            }

            /// The same for a socket, whose mode stays as it is.
            pub(crate) fn of_socket(
                fd: OwnedFd,
                at: &'static Location<'static>,
            ) -> io::Result<Self> {
                End::take_over(fd, |fd| Ok(Kept::socket(fd)), at).map($type)
            }

            /// From now on its waits are shown with this line.
            pub(crate) fn waits_at(&mut self, at: &'static Location<'static>) {
                self.0.at = at;
            }

            /// The descriptor, off the hub. One that [`pipe`] made stays non-blocking, another is in
            /// the mode in which it came.
            ///
            /// # Errors
            /// [`NotConnected`](io::ErrorKind::NotConnected) when it was closed before.
            pub fn into_fd(self) -> io::Result<OwnedFd> {
                self.0.hand_out()
            }

            /// The descriptor, unless it was closed.
            pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
                self.0.io.as_ref().map(AsFd::as_fd)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.show($name, f)
            }
        }
    };
}

end!(PipeReader, "PipeReader", "read from");
end!(PipeWriter, "PipeWriter", "write to");
