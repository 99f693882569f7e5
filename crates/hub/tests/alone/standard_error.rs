//! What the operator reads on standard error when no function was given for reports.

use std::io::Write;
use std::os::unix::net::UnixStream;

use evlet_alone::{Scenario, command};
use evlet_hub::{Interest, run, spawn, spawn_n, trampoline, yield_now};

pub(crate) const SCENARIOS: &[Scenario] = &[
    #[cfg(panic = "unwind")]
    (
        "a_green_thread_that_fails_is_on_standard_error",
        a_green_thread_that_fails_is_on_standard_error,
    ),
    #[cfg(panic = "unwind")]
    ("green_threads_that_fail", green_threads_that_fail),
];

// conformance 193
fn a_green_thread_that_fails_is_on_standard_error() {
    let output = command("green_threads_that_fail").output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "waited for, after a read",
        "nobody waits, after a read",
        "standard_error.rs",
    ] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

fn green_threads_that_fail() {
    run(async {
        let waited_for = spawn(fails_after_a_read("waited for, after a read"));
        let exit = waited_for.await.unwrap_err();
        assert_eq!(
            exit.panic_message().as_deref(),
            Some("waited for, after a read"),
            "it is said, and reaches who waits all the same"
        );
        spawn_n(fails_after_a_read("nobody waits, after a read"));
        for _ in 0..10 {
            yield_now().await;
        }
    });
}

async fn fails_after_a_read(message: &'static str) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"x").unwrap();
    trampoline(&ours, Interest::Readable, None).await.unwrap();
    panic!("{message}");
}
