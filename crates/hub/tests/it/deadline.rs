//! A hang is a failure with a name.
//!
//! Most promises of the hub are about something that must happen; when it does not, the test would
//! wait for ever and say nothing. Each test therefore holds a [`Deadline`]: when the test is not over
//! in time, the process ends with the name of the test that hung. The name goes straight to the
//! standard error, past the capture of the test harness, which would be lost with the process.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Far above what any test needs, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Ends the process, naming the current test, unless it is dropped in time.
pub(crate) struct Deadline {
    _over: mpsc::Sender<()>,
}

impl Deadline {
    /// Starts counting for the test that runs on this thread.
    pub(crate) fn new() -> Self {
        let (over, ended) = mpsc::channel::<()>();
        let test = thread::current();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let name = test.name().unwrap_or("a test");
                let line = format!("\n{name}: not over after {LIMIT:?}; ending the process\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                std::process::exit(101);
            }
        });
        Deadline { _over: over }
    }
}
