//! Tests that need a process of their own: those that count its descriptors and children, change
//! its standard input, or use a signal that others use.
//!
//! Such a test runs this very program again, with nothing but itself in it.

use std::fs;
use std::process::Command;

const MARK: &str = "EVLET_OS_TEST_ALONE";

/// Runs `body` in a process in which nothing else runs; `name` is the path of the calling test.
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{name} by itself: {}\n{text}\n{errors}",
        output.status
    );
}

/// How many descriptors are open.
pub(crate) fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
