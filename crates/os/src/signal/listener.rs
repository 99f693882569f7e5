//! One listener: its pipe, read until it is empty.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::Io;
use evlet_hub::sys::{self, Call, CallKind};
use futures::Stream;
use signal_hook::SigId;

use super::Signal;
use super::registry;
use crate::pipe::pair;

/// Listens for a signal from now on, until the stream is dropped.
///
/// ```
/// use evlet_os::signal::{Signal, signal};
///
/// # fn main() -> std::io::Result<()> {
/// evlet_hub::run(async {
///     let mut reloads = signal(Signal::HUP)?;
///     rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)?;
///     assert_eq!(reloads.recv().await?, Signal::HUP);
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// * Signals that nobody can listen for (SIGKILL, SIGSTOP) or should not (SIGSEGV, SIGILL, SIGFPE:
///   going on after them is undefined), and numbers that are no signal: `InvalidInput`.
/// * No hub runs on this thread, or no descriptors are left for the pipe.
///
/// Each names the signal.
#[track_caller]
pub fn signal(signal: Signal) -> io::Result<SignalStream> {
    let at = Location::caller();
    listen(signal, at)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen for {signal}: {e}")))
}

fn listen(signal: Signal, at: &'static Location<'static>) -> io::Result<SignalStream> {
    if signal_hook::consts::FORBIDDEN.contains(&signal.as_raw()) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no program can handle this one and go on",
        ));
    }
    let (read, write) = pair()?;
    let read = Io::new_nonblocking(read)?;
    // Last, because nothing after it can fail: the handler never outlives a stream that was not
    // made.
    let registered = registry::listen(signal.as_raw(), write)?;
    Ok(SignalStream {
        signal,
        read,
        registered,
        process: std::process::id(),
        at,
    })
}

/// The arrivals of one signal, told by [`SignalStream::recv`] or as a [`Stream`] that never ends.
///
/// Made by [`signal`]. Dropping it ends the listening and closes its pipe.
#[must_use = "signals are heard for as long as the stream lives"]
pub struct SignalStream {
    signal: Signal,
    read: Io<OwnedFd>,
    registered: SigId,
    /// In which it was made.
    process: u32,
    /// Where it was made: what a wait on the `Stream` side is shown with.
    at: &'static Location<'static>,
}

impl SignalStream {
    /// Which signal this one listens for.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Waits for the next arrival. Several that came since the last call count as one.
    ///
    /// # Errors
    /// Those of reading a pipe, in practice only when the program has closed descriptors that are
    /// not its own; [`Unsupported`](io::ErrorKind::Unsupported) in a process that was forked from
    /// the one in which this was made.
    ///
    /// # Cancel safety
    /// A signal that has arrived is kept for the next call.
    #[track_caller]
    pub fn recv(&mut self) -> Recv<'_> {
        Recv {
            stream: self,
            at: Location::caller(),
        }
    }

    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<Signal>> {
        if self.process != std::process::id() {
            return Poll::Ready(Err(self.is_a_copy()));
        }
        ready!(self.read.poll_read_with(cx, at, empty))?;
        Poll::Ready(Ok(self.signal))
    }

    #[cold]
    fn is_a_copy(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "the listener for {} was made in process {} and this is its fork, process {}: make \
                 a new listener after a fork",
                self.signal,
                self.process,
                std::process::id()
            ),
        )
    }

    pub(super) fn give_up(&self) {
        self.read.forget_read_waiter();
    }
}

/// Reads everything that is there. An error after the first byte is left for the next call: the
/// byte counts.
fn empty(pipe: &OwnedFd) -> io::Result<()> {
    sys::gate(Call::new(CallKind::Read, pipe.as_raw_fd()))?;
    let mut bytes = [0; 64];
    let mut read = match rustix::io::read(pipe, &mut bytes)? {
        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
        n => n,
    };
    while read == bytes.len() {
        read = rustix::io::read(pipe, &mut bytes).unwrap_or(0);
    }
    Ok(())
}

impl Drop for SignalStream {
    fn drop(&mut self) {
        registry::ignore(self.registered);
    }
}

impl Stream for SignalStream {
    type Item = io::Result<Signal>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx, self.at).map(Some)
    }
}

impl fmt::Debug for SignalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignalStream").field(&self.signal).finish()
    }
}

/// The future of [`SignalStream::recv`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a> {
    stream: &'a SignalStream,
    at: &'static Location<'static>,
}

impl Future for Recv<'_> {
    type Output = io::Result<Signal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.stream.poll_recv(cx, self.at)
    }
}

impl Drop for Recv<'_> {
    fn drop(&mut self) {
        self.stream.give_up();
    }
}
