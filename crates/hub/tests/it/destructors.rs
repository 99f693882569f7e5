//! While a hub goes it is still whole: destructors may do with it as they like.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::Read;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use evlet_hub::{
    Exit, Hub, Io, Report, RunError, Sleep, handle, sleep, spawn, spawn_n, stats, yield_now,
};
use futures::FutureExt;

use crate::bell::{Bell, Ear, poll_with};
use crate::deadline::Deadline;
use crate::stage::{run_and_drop, virtual_hub};
use crate::trace::{OnDrop, Trace};

const SECOND: Duration = Duration::from_secs(1);

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

/// Leaves a task that does this when it is dropped with its hub.
fn leave(work: impl FnOnce() + 'static) {
    let work = OnDrop::new(work);
    spawn_n(async move {
        let _work = work;
        pending::<()>().await;
    });
}

// proves A-7: new descriptors and timers are taken along, and whoever keeps them hears of it later
#[test]
fn a_destructor_may_register_more() {
    let kept = run_and_drop(async {
        let kept: Rc<RefCell<Option<Io<std::io::PipeReader>>>> = Rc::default();
        let place = kept.clone();
        leave(move || {
            let (reader, writer) = std::io::pipe().unwrap();
            let io = Io::new(reader).unwrap();
            let mut timer = sleep(SECOND);
            assert!(poll_with(Ear::new(), &mut timer).is_pending());
            assert!(stats().sources > 0 && stats().timers > 0);
            *place.borrow_mut() = Some(io);
            drop(writer);
        });
        yield_now().await;
        kept
    });
    let io = kept.borrow_mut().take().unwrap();
    let read = io.read_with(|mut p| p.read(&mut [0])).now_or_never();
    assert!(read.unwrap().is_err());
}

// proves: the handle still takes orders, and says that they came too late
#[test]
fn a_destructor_may_use_the_handle() {
    let answer = run_and_drop(async {
        let answer = Rc::new(RefCell::new(None));
        let place = answer.clone();
        leave(move || {
            *place.borrow_mut() = Some(handle().spawn(async { 1 }));
            handle().stop();
        });
        yield_now().await;
        answer
    });
    let late = answer.borrow_mut().take().unwrap();
    assert!(matches!(late.now_or_never(), Some(Err(Exit::Killed))));
}

// proves A-8: a hub that goes is still a hub: another one is refused meanwhile
#[test]
fn a_destructor_cannot_run_another_hub() {
    let refused = run_and_drop(async {
        let refused = Rc::new(Cell::new(false));
        let seen = refused.clone();
        leave(move || {
            let other = virtual_hub();
            seen.set(matches!(other.try_run(async {}), Err(RunError::Nested(_))));
        });
        yield_now().await;
        refused
    });
    assert!(refused.get());
}
