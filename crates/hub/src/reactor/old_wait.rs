//! Linux without `epoll_pwait2`: kernels before 5.11, and what stands between a program and a newer one
//! (valgrind 3.19, gVisor, seccomp rules that are older than the kernel).
//!
//! `epoll_wait` counts in milliseconds, and rounding up would make each short sleep a long one. So a wait with a
//! timeout is two calls: ppoll(2) on the epoll descriptor, which counts in nanoseconds, and then
//! `epoll_wait` without waiting for what is there. An epoll descriptor is readable while its set has
//! events to tell, edge-triggered ones included.
//!
//! `epoll_wait` is libc's, since rustix (as we build it) waits with `epoll_pwait2` or not at all, and `Poller`
//! waits through rustix. Decision 0100 tells what else was looked at.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

const AT_ONCE: c_int = 0;
const NO_LIMIT: c_int = -1;

/// Room for the events of one wait.
pub(super) struct OldWait {
    buffer: Box<[libc::epoll_event]>,
}

impl OldWait {
    pub(super) fn new(capacity: usize) -> Self {
        let nothing = libc::epoll_event { events: 0, u64: 0 };
        OldWait {
            buffer: vec![nothing; capacity].into(),
        }
    }

    /// Waits until `epoll` has events, at most for `timeout`, and gives them as key and flags.
    pub(super) fn wait(
        &mut self,
        epoll: BorrowedFd<'_>,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = (u64, EventFlags)>, Errno> {
        let found = match timeout.and_then(|timeout| Timespec::try_from(timeout).ok()) {
            // Longer than the kernel can count is as good as for ever.
            None => self.epoll_wait(epoll, NO_LIMIT)?,
            Some(timeout) if timeout == Timespec::default() => self.epoll_wait(epoll, AT_ONCE)?,
            Some(timeout) => {
                let mut fds = [PollFd::from_borrowed_fd(epoll, PollFlags::IN)];
                match rustix::event::poll(&mut fds, Some(&timeout))? {
                    0 => 0,
                    _ => self.epoll_wait(epoll, AT_ONCE)?,
                }
            }
        };
        let found = &self.buffer[..found];
        Ok(found.iter().map(|event| {
            let flags = event.events;
            (event.u64, EventFlags::from_bits_retain(flags))
        }))
    }

    fn epoll_wait(&mut self, epoll: BorrowedFd<'_>, milliseconds: c_int) -> Result<usize, Errno> {
        let room = c_int::try_from(self.buffer.len()).unwrap_or(c_int::MAX);
        // SAFETY: the buffer is ours alone for the length of the call, and holds as many events as `room` says;
        // the kernel writes at most that many. A number that is no epoll descriptor is an error, no harm.
        let found = unsafe {
            libc::epoll_wait(
                epoll.as_raw_fd(),
                self.buffer.as_mut_ptr(),
                room,
                milliseconds,
            )
        };
        usize::try_from(found).map_err(|_| {
            let error = std::io::Error::last_os_error();
            Errno::from_io_error(&error).unwrap_or(Errno::INVAL)
        })
    }
}
