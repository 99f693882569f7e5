//! Waiting once for one descriptor.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::io::{Borrowed, Interest};
use crate::sleep::Sleep;

/// Waits until `fd` is ready for `interest`, at most for `limit`.
///
/// For descriptors of other libraries, which stay theirs: nothing about `fd` is changed, it need
/// not be non-blocking, and it is on the hub only while this waits. The name is eventlet's.
///
/// # Errors
/// [`TimedOut`](io::ErrorKind::TimedOut) when the limit is reached; `EBADF` for a descriptor that
/// is not open; [`Unsupported`](io::ErrorKind::Unsupported) for files and directories;
/// [`ResourceBusy`](io::ErrorKind::ResourceBusy) when another green thread waits for the same.
///
/// # Cancel safety
/// Dropping it has no effect.
///
/// # Example
/// ```
/// use std::{io::{ErrorKind, Write}, os::unix::net::UnixStream, time::Duration};
/// use evlet_hub::{Interest, run, trampoline};
/// run(async {
///     let (ours, mut theirs) = UnixStream::pair()?;
///     let soon = Some(Duration::from_millis(1));
///     let silent = trampoline(&ours, Interest::Readable, soon).await.unwrap_err();
///     assert_eq!(silent.kind(), ErrorKind::TimedOut);
///     theirs.write_all(b"x")?;
///     trampoline(&ours, Interest::Readable, None).await
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn trampoline<F: AsFd>(fd: F, interest: Interest, limit: Option<Duration>) -> Trampoline<F> {
    let at = Location::caller();
    Trampoline {
        fd,
        interest,
        limit,
        sleep: limit.map(|limit| Sleep::limit(limit, at)),
        source: None,
        at,
    }
}

/// The future of [`trampoline`].
#[must_use = "futures do nothing unless awaited"]
pub struct Trampoline<F: AsFd> {
    // Before `fd`: it leaves the hub while the descriptor is open.
    source: Option<Borrowed>,
    fd: F,
    interest: Interest,
    limit: Option<Duration>,
    sleep: Option<Sleep>,
    at: &'static Location<'static>,
}

impl<F: AsFd> Unpin for Trampoline<F> {}

impl<F: AsFd> Future for Trampoline<F> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let source = match &this.source {
            Some(source) => source,
            None => this.source.insert(Borrowed::new(this.fd.as_fd())?),
        };
        if let Poll::Ready(done) = source.poll(this.interest, this.fd.as_fd(), cx, this.at) {
            this.source = None;
            return Poll::Ready(done);
        }
        let Some(sleep) = &mut this.sleep else {
            return Poll::Pending;
        };
        std::task::ready!(Pin::new(sleep).poll(cx));
        source.forget(this.interest);
        this.source = None;
        let limit = this.limit.unwrap_or_default();
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the descriptor was not ready within {limit:?}"),
        )))
    }
}

impl<F: AsFd> Drop for Trampoline<F> {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            source.forget(self.interest);
        }
    }
}

impl<F: AsFd> fmt::Debug for Trampoline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trampoline")
            .field("interest", &self.interest)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
