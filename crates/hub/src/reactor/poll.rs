//! poll(2), anywhere.
//!
//! Nothing is registered with the kernel: each wait names every descriptor that somebody waits on,
//! and only those. So a descriptor nobody waits on costs nothing, readable or not, and one that was
//! closed underneath its waiters is reported as not open (`POLLNVAL`).

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;

use super::driver::{Driver, Event, Notifier, Ready, Watched};

#[derive(Debug)]
pub(crate) struct Poll {
    /// Which file each registered number names (device and inode), to tell one that is registered
    /// twice from one that was closed and used again.
    known: RefCell<HashMap<RawFd, (u64, u64)>>,
    woken: RefCell<UnixStream>,
    waker: Arc<UnixStream>,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        Ok(Poll {
            known: RefCell::default(),
            woken: RefCell::new(woken),
            waker: Arc::new(waker),
        })
    }

    fn clear_notification(&self) {
        let mut bytes = [0; 64];
        while matches!(self.woken.borrow_mut().read(&mut bytes), Ok(n) if n == bytes.len()) {}
    }
}

/// Device, inode and kind.
fn identity(fd: BorrowedFd<'_>) -> io::Result<((u64, u64), FileType)> {
    let status = rustix::fs::fstat(fd)?;
    let kind = FileType::from_raw_mode(status.st_mode);
    Ok(((status.st_dev, status.st_ino), kind))
}

impl Driver for Poll {
    fn add(&self, fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        // What epoll would refuse is refused here too, so that programs do not depend on the
        // backend. Asking for the status also finds a number that is not open.
        let (file, kind) = identity(fd)?;
        if matches!(kind, FileType::RegularFile | FileType::Directory) {
            return Err(Errno::PERM.into());
        }
        let before = self.known.borrow_mut().insert(fd.as_raw_fd(), file);
        // Descriptors of no file (eventfd and its like) share one inode, which tells nothing.
        if before == Some(file) && kind != FileType::Unknown {
            return Err(Errno::EXIST.into());
        }
        Ok(())
    }

    fn rename(&self, _fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Ok(())
    }

    fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.known.borrow_mut().remove(&fd.as_raw_fd());
        Ok(())
    }

    fn is_still(&self, fd: BorrowedFd<'_>) -> bool {
        let before = self.known.borrow().get(&fd.as_raw_fd()).copied();
        match (before, identity(fd)) {
            (Some(before), Ok((now, _))) => before == now,
            _ => true,
        }
    }

    fn wants_watched(&self) -> bool {
        true
    }

    fn wait(
        &self,
        watched: &[Watched],
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let woken = self.woken.borrow();
        let mut fds = Vec::with_capacity(watched.len() + 1);
        fds.push(PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN));
        fds.extend(watched.iter().map(|source| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN | PollFlags::PRI, source.read);
            flags.set(PollFlags::OUT, source.write);
            PollFd::from_borrowed_fd(super::borrow(source.fd), flags)
        }));
        let timespec = timeout.and_then(|t| Timespec::try_from(t).ok());
        match rustix::event::poll(&mut fds, timespec.as_ref()) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let is_notified = !fds[0].revents().is_empty();
        for (source, fd) in watched.iter().zip(&fds[1..]) {
            let flags = fd.revents();
            if flags.is_empty() {
                continue;
            }
            let key = source.key;
            if flags.contains(PollFlags::NVAL) {
                let ready = Ready::INVALID;
                events.push(Event { key, ready });
                continue;
            }
            let broken = PollFlags::HUP | PollFlags::ERR;
            let read = PollFlags::IN | PollFlags::PRI;
            let ready = Ready::of([
                (Ready::READABLE, flags.intersects(read | broken)),
                (Ready::WRITABLE, flags.intersects(PollFlags::OUT | broken)),
                // poll(2) has no portable word for the peer's hang-up.
                (Ready::HANGUP, true),
            ]);
            events.push(Event { key, ready });
        }
        drop(fds);
        drop(woken);
        if is_notified {
            self.clear_notification();
        }
        Ok(())
    }

    fn notifier(&self) -> Notifier {
        let waker = Arc::clone(&self.waker);
        Notifier::new(move || {
            // A full pipe means that a notification is pending already.
            let _ = (&*waker).write(&[1]);
        })
    }
}
