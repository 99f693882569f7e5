//! The little that a backend has to do, and which one is chosen.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// How the hub waits for descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The best one of the system: epoll on Linux, what the `polling` crate offers elsewhere.
    #[default]
    Auto,
    /// poll(2): its cost grows with the number of descriptors that are waited on. For systems and
    /// sandboxes without anything better, and to compare.
    Poll,
}

/// What the kernel says of a descriptor; one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready(u8);

impl Ready {
    pub(crate) const READABLE: Ready = Ready(1);
    pub(crate) const WRITABLE: Ready = Ready(2);
    /// The peer has hung up, or may have, or has sent urgent data: a short read does not mean that all was read.
    pub(crate) const HANGUP: Ready = Ready(4);
    /// It is not open.
    pub(crate) const INVALID: Ready = Ready(8);

    pub(crate) const NOTHING: Ready = Ready(0);

    /// All of these of which it is said.
    #[inline]
    pub(crate) const fn of(said: [(Ready, bool); 3]) -> Ready {
        let [one, two, three] = said;
        Ready(one.0.when(one.1) | two.0.when(two.1) | three.0.when(three.1))
    }

    /// Its bit where it is said.
    const fn when(self, is_said: bool) -> u8 {
        match is_said {
            true => self.0,
            false => 0,
        }
    }

    #[inline]
    pub(crate) const fn has(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
}

/// The kernel's word on one source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) key: u64,
    pub(crate) ready: Ready,
}

/// A source that somebody waits on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) fd: RawFd,
    pub(crate) key: u64,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// The seam that backends stand behind.
pub(crate) trait Driver: std::fmt::Debug {
    /// Starts to report edges of `fd`, in both directions.
    fn add(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()>;

    /// Makes `key` the name of a descriptor that the kernel already knows.
    fn rename(&self, fd: BorrowedFd<'_>, key: u64) -> io::Result<()>;

    fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Whether `fd`, an open number, still is what was registered under it. Somebody may have closed that and
    /// opened something else since. When in doubt it is.
    fn is_still(&self, fd: BorrowedFd<'_>) -> bool;

    /// Whether [`wait`](Self::wait) has to be told what is waited on.
    fn wants_watched(&self) -> bool {
        false
    }

    /// Waits until something happens, at most for `timeout`, and appends what did. An interrupted
    /// wait is a wait in which nothing happened.
    fn wait(
        &self,
        watched: &[Watched],
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()>;

    /// Told that the kernel, or a sandbox around the program, does not know the call that waits. Whether
    /// there is an older one, which [`wait`](Self::wait) uses from now on.
    fn do_without_the_newest_call(&self) -> bool {
        false
    }

    fn notifier(&self) -> Notifier;
}

/// Ends the hub's wait, from any thread.
#[derive(Clone)]
pub(crate) struct Notifier(Arc<dyn Fn() + Send + Sync>);

impl Notifier {
    pub(crate) fn new(notify: impl Fn() + Send + Sync + 'static) -> Self {
        Notifier(Arc::new(notify))
    }

    pub(crate) fn notify(&self) {
        (self.0)();
    }
}

#[cfg_attr(miri, expect(unused_variables, reason = "miri has one backend"))]
pub(crate) fn open(backend: Backend) -> io::Result<Box<dyn Driver>> {
    #[cfg(miri)]
    return Ok(Box::new(super::parked::Parked::default()));
    #[cfg(not(miri))]
    match backend {
        Backend::Poll => Ok(Box::new(super::poll::Poll::new()?)),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Backend::Auto => Ok(Box::new(super::epoll::Epoll::new()?)),
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Backend::Auto => Ok(Box::new(super::portable::Portable::new()?)),
    }
}
