//! The end of a server: by a signal, or because it can serve no more.

use std::io;

use evlet::GreenThread;
use evlet::os::signal::{Signal, Terminate};
use futures::future::{Either, select};

/// Waits for the signal to stop while `serving` serves.
///
/// # Errors
/// What ended `serving` before: a listener that cannot accept any more, in the main. A program that went on
/// would be deaf and look well.
pub async fn until_told(
    stop: Terminate,
    serving: &GreenThread<io::Result<()>>,
) -> io::Result<Signal> {
    match select(stop, serving.wait()).await {
        Either::Left((which, _)) => which,
        Either::Right((Ok(Err(error)), _)) => Err(error),
        Either::Right((Ok(Ok(())), _)) => Err(io::Error::other("the server has ended by itself")),
        Either::Right((Err(exit), _)) => Err(io::Error::other(exit.to_string())),
    }
}
