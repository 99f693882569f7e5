//! The drop of a hub: every green thread once, in spawn order. What destructors may do meanwhile is in
//! `destructors`.

use std::cell::Cell;
use std::future::{Future, pending};
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_hub::{Exit, GreenThread, Io, sleep, spawn, spawn_after, spawn_n, yield_now};
use futures::FutureExt;

use crate::bell::{Ear, poll_with};
use crate::deadline::Deadline;
use crate::stage::{run_and_drop, virtual_hub};
use crate::trace::{OnDrop, Trace};

const SECOND: Duration = Duration::from_secs(1);

// proves A-7
#[test]
fn all_are_dropped_once_in_the_order_of_their_spawn() {
    let trace = Trace::new();
    let hub = virtual_hub();
    hub.run(async {
        for n in 0..1_000_u32 {
            let mark = trace.on_drop(n.to_string());
            spawn_n(async move {
                let _mark = mark;
                match n % 3 {
                    0 => pending::<()>().await,
                    1 => sleep(SECOND * (1_000 - n)).await,
                    _ => loop {
                        yield_now().await;
                    },
                }
            });
            if n % 100 == 50 {
                yield_now().await;
            }
        }
        // These never start.
        for n in 1_000..1_010 {
            let mark = trace.on_drop(n.to_string());
            spawn_n(async move { drop(mark) });
        }
    });
    assert_eq!(trace.text(), "");
    drop(hub);
    let expected: Vec<String> = (0..1_010).map(|n| n.to_string()).collect();
    assert_eq!(trace.words(), expected);
}

// proves A-7: places of ended tasks that were used again do not disturb the order
#[test]
fn the_order_is_that_of_the_spawns_also_after_others_have_ended() {
    let trace = Trace::new();
    run_and_drop(async {
        let mut short = Vec::new();
        for n in 0..10 {
            let mark = trace.on_drop(n.to_string());
            spawn_n(async move {
                let _mark = mark;
                pending::<()>().await;
            });
            short.push(spawn(async {}));
        }
        for task in short.into_iter().rev() {
            task.await.unwrap();
        }
        for n in 10..20 {
            let mark = trace.on_drop(n.to_string());
            spawn_n(async move {
                let _mark = mark;
                pending::<()>().await;
            });
        }
    });
    let expected: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(trace.words(), expected);
}

// proves A-7: tasks stay between runs, and go on in the next
#[test]
fn what_is_left_after_a_run_is_frozen_until_the_next() {
    let _limit = Deadline::new();
    let trace = Trace::new();
    let hub = virtual_hub();
    hub.run(async {
        let ours = trace.clone();
        spawn_n(async move {
            ours.add("one");
            yield_now().await;
            ours.add("two");
            sleep(SECOND).await;
            ours.add("three");
        });
        yield_now().await;
    });
    assert_eq!(trace.text(), "one");
    hub.run(async { sleep(SECOND * 2).await });
    assert_eq!(trace.text(), "one two three");
    assert_eq!(hub.stats().green_threads, 0);
}

// proves A-7: the drop ends, also when each destructor spawns the next
#[test]
fn the_drop_ends_when_destructors_keep_spawning() {
    struct Hydra(Rc<Cell<u32>>);
    impl Future for Hydra {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
    impl Drop for Hydra {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            // The test itself ends it after a million: a hub that has not ended it by then never will.
            if self.0.get() < 1_000_000 {
                spawn_n(Hydra(self.0.clone()));
            }
        }
    }
    let heads = Rc::new(Cell::new(0));
    let ours = heads.clone();
    run_and_drop(async move {
        spawn_n(Hydra(ours));
        yield_now().await;
    });
    assert!(heads.get() >= 1);
    assert!(heads.get() < 1_000_000, "the hub did not put an end to it");
}

// proves: whatever the caller still holds may go after the hub
#[test]
fn what_the_caller_holds_may_outlive_the_hub() {
    let (timer, io, task, late, _writer) = run_and_drop(async {
        let mut timer = sleep(SECOND);
        assert!(poll_with(Ear::new(), &mut timer).is_pending());
        let (reader, writer) = std::io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        let task: GreenThread<()> = spawn(pending());
        let late = spawn_after(SECOND, async {});
        yield_now().await;
        (timer, io, task, late, writer)
    });
    drop(timer);
    let read = io.read_with(|mut p| p.read(&mut [0])).now_or_never();
    assert!(
        matches!(read, Some(Err(_))),
        "its hub is gone: an error, not a wait"
    );
    io.close();
    drop(io);
    task.kill();
    assert!(task.is_finished() && late.is_finished());
    assert!(matches!(late.now_or_never(), Some(Err(Exit::Killed))));
}

// proves A-7: also when the hub goes while its thread unwinds
#[test]
#[cfg(panic = "unwind")]
fn the_hub_may_be_dropped_by_a_panic() {
    let trace = Trace::new();
    let ours = trace.clone();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let hub = virtual_hub();
        hub.run(async move {
            let bomb = OnDrop::new(|| panic!("and one more"));
            let mark = ours.on_drop("dropped");
            spawn_n(async move {
                let _held = (mark, bomb);
                pending::<()>().await;
            });
            yield_now().await;
            panic!("the root");
        });
    }));
    let payload = outcome.unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the root"));
    assert_eq!(trace.text(), "dropped");
}
