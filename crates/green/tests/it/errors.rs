//! Errors say what happened and what to do, are errors for everybody, and hand back what was given.

use std::error::Error;
use std::sync::Arc;

use evlet_green::dagpool::{Collision, JobDied, NotRunning, SpawnError};
use evlet_green::greenlet::GreenletError;
use evlet_green::{
    AlreadySent, Closed, Empty, Full, LoopError, NoConnection, OverLimit, PoolFull, TooManyDone,
    TooManyReleases,
};

use crate::stage::MS;

/// What a program that prints or carries errors asks of them.
fn check(error: impl Error + Send + Sync + 'static, says: &str) {
    let error: Box<dyn Error + Send + Sync> = error.into();
    let text = error.to_string();
    assert!(text.contains(says), "{text}");
    assert!(!format!("{error:?}").is_empty());
}

/// Neither printable nor comparable.
struct Opaque;

#[test]
fn errors_are_errors_whatever_they_hold() {
    check(Full(Opaque), "full");
    check(Empty, "empty");
    check(Closed(Opaque), "closed");
    check(TooManyDone, "task_done");
    check(AlreadySent(Opaque), "reset");
    check(PoolFull(Opaque), "full");
    check(LoopError::Stopped, "stopped");
    check(LoopError::Panicked("no water".into()), "no water");
    check(LoopError::NoInterval, "periodic_interval_max");
    check(LoopError::WaitsForItself, "own loop");
    check(TooManyReleases { limit: 3 }, "forgotten");
    check(
        OverLimit {
            permits: 4,
            limit: 3,
        },
        "fewer",
    );
    check(
        NoConnection::Failed(std::io::Error::other("no power")),
        "no power",
    );
    check(NoConnection::<Empty>::TimedOut(MS), "connect_timeout");
    check(Collision::Running("a"), "kill");
    check(Collision::HasValue("a"), "replace");
    check(SpawnError::Collision(Collision::Running("a")), "kill");
    check(NotRunning("a"), "ended");
    check(JobDied::Panicked("no ink".into()), "no ink");
    check(JobDied::Killed, "hub");
    check(GreenletError::Dead, "ended");
    check(GreenletError::Busy, "switch");
    check(GreenletError::Panicked("no ink".into()), "no ink");
}

#[test]
fn errors_keep_their_source() {
    let cause = || Arc::new(std::io::Error::other("no power"));
    let failed = LoopError::Failed(cause());
    assert!(failed.to_string().contains("no power"));
    assert_eq!(failed.source().unwrap().to_string(), "no power");
    let thrown = GreenletError::Thrown(cause());
    assert_eq!(thrown.source().unwrap().to_string(), "no power");
    assert!(LoopError::Stopped.source().is_none());
}

#[test]
fn errors_hand_back_what_was_given() {
    let (full, pool_full) = (Full("item"), PoolFull("job"));
    assert_eq!((full.into_inner(), pool_full.into_inner()), ("item", "job"));
    assert_eq!(Closed("late").into_inner(), "late");
    let AlreadySent(value) = AlreadySent("value");
    assert_eq!(value, "value");
}
