//! The first SIGINT or SIGTERM: what every server waits for beside its work.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Signal, SignalStream, signal};

/// From now on SIGINT and SIGTERM no longer end the process; the future completes at the first of
/// them, with which one it was.
///
/// Call it before saying that the program is ready, and await it beside the work:
///
/// ```
/// use evlet_os::signal::{Signal, terminate};
///
/// # fn main() -> std::io::Result<()> {
/// evlet_hub::run(async {
///     let stop = terminate()?;
///     rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
///     assert_eq!(stop.await?, Signal::TERM);
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// Those of [`signal`].
///
/// # Cancel safety
/// As long as the future exists, no signal is lost: it can be awaited by reference in turns with
/// other things. Once it is dropped, nobody listens, and the two signals do nothing (see the
/// [module](super)).
#[track_caller]
pub fn terminate() -> io::Result<Terminate> {
    Ok(Terminate {
        interrupt: signal(Signal::INT)?,
        terminate: signal(Signal::TERM)?,
        at: Location::caller(),
    })
}

/// The future of [`terminate`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Terminate {
    interrupt: SignalStream,
    terminate: SignalStream,
    at: &'static Location<'static>,
}

impl Future for Terminate {
    type Output = io::Result<Signal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.interrupt.poll_recv(cx, self.at) {
            Poll::Pending => self.terminate.poll_recv(cx, self.at),
            done => done,
        }
    }
}
