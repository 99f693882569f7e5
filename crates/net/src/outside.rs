//! Where no hub runs: what would wait on one says so in its error, as sockets do, and does not panic.

use std::io;

/// # Errors
/// No hub runs on this thread.
pub(crate) fn check(what: &str) -> io::Result<()> {
    match evlet_hub::is_running() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{what} needs a hub that runs on this thread: call it inside \
             `evlet::run(async {{ .. }})`, `Hub::run` or a function marked `#[evlet::main]`"
        ))),
    }
}
