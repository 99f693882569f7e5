//! The drop of a hub: every green thread once, in spawn order, and destructors may do as they like.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evlet_hub::{
    Exit, GreenThread, Hub, Io, Report, Sleep, is_running, sleep, spawn, spawn_after, spawn_n,
    yield_now,
};
use futures::FutureExt;

use crate::bell::{Bell, Ear, poll_with};
use crate::deadline::Deadline;
use crate::stage::virtual_hub;
use crate::trace::{OnDrop, Trace};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `root` to its end, then drops the hub with whatever is left in it.
fn run_and_drop<F: Future>(root: F) -> F::Output {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let output = hub.run(root);
    drop(hub);
    assert!(!is_running());
    output
}

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

// proves A-7: what they spawn is dropped as well, and is never polled
#[test]
fn a_destructor_may_spawn() {
    let trace = Trace::new();
    run_and_drop(async {
        let ours = trace.clone();
        let work = OnDrop::new(move || {
            for word in ["x", "y"] {
                let (mark, polled) = (ours.on_drop(word), ours.clone());
                spawn_n(async move {
                    polled.add("polled");
                    drop(mark);
                });
            }
            ours.add("spawned");
        });
        spawn_n(async move {
            let _work = work;
            pending::<()>().await;
        });
        let mark = trace.on_drop("neighbour");
        spawn_n(async move {
            let _mark = mark;
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(trace.text(), "spawned neighbour x y");
}

// proves: waking anything at any point of the shutdown polls nobody
#[test]
fn a_destructor_may_wake_and_nobody_is_polled() {
    let polls = Rc::new(Cell::new(0));
    let at_the_end = run_and_drop(async {
        let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
        for _ in 0..20 {
            let (polls, wakers) = (polls.clone(), wakers.clone());
            let all = wakers.clone();
            let work = OnDrop::new(move || {
                all.borrow().iter().for_each(Waker::wake_by_ref);
                let one = all.borrow_mut().pop();
                one.unwrap().wake();
            });
            spawn_n(poll_fn(move |cx| {
                let _work = &work;
                polls.set(polls.get() + 1);
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::<()>::Pending
            }));
        }
        yield_now().await;
        polls.get()
    });
    assert_eq!(at_the_end, 20);
    assert_eq!(polls.get(), 20);
}

// proves A-7: cancel timers, one's own and another's
#[test]
fn a_destructor_may_cancel_timers() {
    let cancelled = run_and_drop(async {
        let timers: Rc<RefCell<Vec<Sleep>>> = Rc::default();
        let cancelled = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let mut timer = sleep(SECOND);
            assert!(poll_with(Ear::new(), &mut timer).is_pending());
            timers.borrow_mut().push(timer);
        }
        for _ in 0..10 {
            let (timers, cancelled) = (timers.clone(), cancelled.clone());
            let work = OnDrop::new(move || {
                let timer = timers.borrow_mut().pop();
                drop(timer);
                cancelled.set(cancelled.get() + 1);
            });
            spawn_n(async move {
                let _work = work;
                sleep(SECOND * 100).await;
            });
        }
        yield_now().await;
        cancelled
    });
    assert_eq!(cancelled.get(), 10);
}

// proves A-7, C-1: close descriptors on which another still waits
#[test]
fn a_destructor_may_close_descriptors() {
    let trace = Trace::new();
    run_and_drop(async {
        let (reader, writer) = std::io::pipe().unwrap();
        let io = Rc::new(Io::new(reader).unwrap());
        let ours = io.clone();
        let mark = trace.on_drop("closed");
        let work = OnDrop::new(move || {
            ours.close();
            drop(mark);
        });
        spawn_n(async move {
            let _work = work;
            pending::<()>().await;
        });
        let mark = trace.on_drop("reader");
        spawn_n(async move {
            let _held = (mark, writer);
            let _ = io.read_with(|mut p| p.read(&mut [0])).await;
        });
        yield_now().await;
    });
    assert_eq!(trace.text(), "closed reader");
}

// proves: kill, links and handles work while the hub goes
#[test]
fn a_destructor_may_kill_and_links_are_called() {
    let trace = Trace::new();
    let handle = run_and_drop(async {
        let bell = Bell::new();
        let mark = trace.on_drop("second dropped");
        let second = Rc::new(spawn(async move {
            let _mark = mark;
            bell.wait().await;
        }));
        let (victim, ours) = (second.clone(), trace.clone());
        let mark = trace.on_drop("first dropped");
        let work = OnDrop::new(move || {
            victim.kill();
            assert!(!victim.cancel());
            drop(mark);
        });
        spawn_n(async move {
            let _work = work;
            pending::<()>().await;
        });
        second.link(move |ended| {
            assert!(matches!(ended.outcome, evlet_hub::Outcome::Killed));
            ours.add("link");
        });
        yield_now().await;
        second
    });
    assert_eq!(trace.text(), "second dropped link first dropped");
    let waited = handle.wait().now_or_never();
    assert!(matches!(waited, Some(Err(Exit::Killed))));
}

// proves
#[test]
fn a_destructor_that_panics_does_not_keep_the_others() {
    let trace = Trace::new();
    let reports = Trace::new();
    let told = reports.clone();
    let hub = Hub::builder()
        .on_report(move |report| {
            assert!(matches!(report, Report::Panicked { .. }));
            told.add("panicked");
        })
        .build()
        .unwrap();
    hub.run(async {
        for n in 0..5 {
            let mark = trace.on_drop(n.to_string());
            let bomb = OnDrop::new(move || assert_ne!(n, 2, "as ordered"));
            spawn_n(async move {
                let _held = (mark, bomb);
                pending::<()>().await;
            });
        }
        yield_now().await;
    });
    drop(hub);
    assert_eq!(trace.text(), "0 1 2 3 4");
    assert_eq!(reports.text(), "panicked");
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

// The root is dropped while its hub still runs, however the run ends.
#[test]
fn the_destructor_of_the_root_may_use_the_hub() {
    let _limit = Deadline::new();
    let trace = Trace::new();
    let hub = virtual_hub();
    let spawner = |word: &'static str| {
        let trace = trace.clone();
        OnDrop::new(move || spawn_n(async move { trace.add(word) }))
    };
    let work = spawner("done");
    hub.run(async move {
        let _work = work;
        yield_now().await;
    });
    let work = spawner("captured");
    hub.run(poll_fn(move |_| {
        let _work = &work;
        Poll::Ready(())
    }));
    let work = spawner("stopped");
    let stopped = hub.try_run(async move {
        let _work = work;
        evlet_hub::handle().stop();
        pending::<()>().await;
    });
    assert!(stopped.is_err());
    hub.run(yield_now());
    assert_eq!(trace.text(), "done captured stopped");
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
