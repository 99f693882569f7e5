//! The stage that the tests play on: a hub, a limit on how long the play may take, and the look
//! under the seats afterwards.
//!
//! Every play on a hub that stays ends with the check that nothing was left over in the hub:
//! no green thread, no timer, no source, nothing ready.

use std::future::Future;

use evlet_hub::{Backend, Hub, Stats, is_running};

use crate::deadline::Deadline;

/// A hub whose clock stands still, and jumps when nothing is ready.
pub(crate) fn virtual_hub() -> Hub {
    Hub::builder().virtual_time(true).build().expect("a hub")
}

/// Plays in virtual time.
#[track_caller]
pub(crate) fn virtually<F: Future>(root: F) -> F::Output {
    play(&virtual_hub(), root)
}

/// Plays against the real clock.
#[track_caller]
pub(crate) fn really<F: Future>(root: F) -> F::Output {
    play(&Hub::new().expect("a hub"), root)
}

/// Plays against the real clock, once on each backend.
#[track_caller]
pub(crate) fn on_each_backend(root: impl AsyncFn()) {
    for (name, backend) in [("Auto", Backend::Auto), ("Poll", Backend::Poll)] {
        eprintln!("on Backend::{name}");
        let hub = Hub::builder().backend(backend).build().expect("a hub");
        play(&hub, root());
    }
}

/// Plays on this hub, then checks that nothing was left over.
#[track_caller]
pub(crate) fn play<F: Future>(hub: &Hub, root: F) -> F::Output {
    let _limit = Deadline::new();
    let output = hub.run(root);
    assert_nothing_left(&hub.stats());
    output
}

/// Plays in virtual time, then drops the hub with whatever is left in it.
pub(crate) fn run_and_drop<F: Future>(root: F) -> F::Output {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let output = hub.run(root);
    drop(hub);
    assert!(!is_running(), "the drop has left the hub behind");
    output
}

/// Nothing lives, waits, is registered or ready.
#[track_caller]
pub(crate) fn assert_nothing_left(stats: &Stats) {
    assert_eq!(stats.green_threads, 0, "green threads left over");
    assert_eq!(stats.timers, 0, "timers left over");
    assert_eq!(stats.sources, 0, "sources left over");
    assert_eq!(stats.ready, 0, "ready tasks left over");
}
