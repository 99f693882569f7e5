//! When nothing can wake anybody, the hub says so, and says who waits where.

use std::cell::RefCell;
use std::future::pending;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::wait::{WaitKind, WaitsOn, park};
use evlet_hub::{
    GreenThread, Hub, Io, RunError, handle, hold_clock, sleep, spawn, spawn_after, stats, yield_now,
};
use futures::FutureExt;
use futures::channel::oneshot;

use crate::bell::RemoteBell;
use crate::deadline::Deadline;
use crate::stage::{play, really, virtual_hub};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

/// Both kinds of hub: the clock makes no difference here.
fn hubs() -> [Hub; 2] {
    [virtual_hub(), Hub::new().unwrap()]
}

/// Two tasks that wait for each other, and the lines at which they do.
fn embrace() -> (Rc<GreenThread<()>>, [u32; 2]) {
    let other: Rc<RefCell<Option<Rc<GreenThread<()>>>>> = Rc::default();
    let seen = other.clone();
    let first_line = line!() + 3;
    let first = spawn(async move {
        let other = seen.borrow().clone().unwrap();
        let _ = other.wait().await;
    })
    .named("alice");
    let first = Rc::new(first);
    let waited = first.clone();
    let second_line = line!() + 2;
    let second = spawn(async move {
        let _ = waited.wait().await;
    })
    .named("bob");
    *other.borrow_mut() = Some(Rc::new(second));
    (first, [first_line, second_line])
}

/// Keeps the thread of this test busy for a moment: until the hub has gone to sleep.
fn until_the_hub_sleeps() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(30) {
        std::hint::spin_loop();
    }
}

// proves A-11
#[test]
fn tasks_that_wait_for_each_other_are_a_deadlock() {
    for hub in hubs() {
        let _limit = Deadline::new();
        let lines = Rc::new(RefCell::new(Vec::new()));
        let seen = lines.clone();
        let result = hub.try_run(async move {
            let (task, places) = embrace();
            let root_line = line!() + 2;
            seen.borrow_mut().extend([places[0], places[1], root_line]);
            task.wait().await.unwrap();
        });
        let error = result.unwrap_err();
        assert!(matches!(error, RunError::Deadlock(_)));
        let text = error.to_string();
        for line in lines.borrow().iter() {
            assert!(text.contains(&format!("deadlock.rs:{line}")), "{text}");
        }
        assert!(text.contains("alice") && text.contains("bob"), "{text}");
        // The hub itself is usable, and can be dropped.
        assert_eq!(hub.run(async { 1 }), 1);
    }
}

// proves A-11
#[test]
fn a_task_that_waits_for_itself_is_a_deadlock() {
    for hub in hubs() {
        let _limit = Deadline::new();
        let result = hub.try_run(async {
            let me: Rc<RefCell<Option<Rc<GreenThread<()>>>>> = Rc::default();
            let own = me.clone();
            let task = Rc::new(spawn(async move {
                let own = own.borrow().clone().unwrap();
                own.wait().await.unwrap();
            }));
            *me.borrow_mut() = Some(task.clone());
            task.wait().await.unwrap();
        });
        assert!(matches!(result, Err(RunError::Deadlock(_))));
    }
}

// proves A-11: also a primitive of another crate that says it is local
#[test]
fn a_local_wait_that_nobody_ends_is_a_deadlock() {
    for hub in hubs() {
        let _limit = Deadline::new();
        let wakers = RefCell::new(Vec::new());
        let result = hub.try_run(std::future::poll_fn(|cx| {
            wakers.borrow_mut().push(cx.waker().clone());
            park(
                WaitsOn::new(WaitKind::Queue, 0x77),
                std::panic::Location::caller(),
            );
            std::task::Poll::<()>::Pending
        }));
        let text = result.unwrap_err().to_string();
        assert!(text.contains("queue"), "{text}");
    }
}

// proves A-11: `run` has no error to give, so it panics with the same words
#[test]
#[cfg(panic = "unwind")]
fn run_panics_with_the_report() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        hub.run(async {
            let (task, _) = embrace();
            task.wait().await.unwrap();
        });
    }));
    let payload = outcome.unwrap_err();
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(
        text.contains("alice") && text.contains("deadlock.rs"),
        "{text}"
    );
}

// proves A-11: not while a timer can still wake one
#[test]
fn a_timer_is_no_deadlock() {
    play(&virtual_hub(), async {
        let slow = Rc::new(spawn(sleep(SECOND * 1_000)));
        let waits = slow.clone();
        let waiter = spawn(async move { waits.wait().await.is_ok() });
        assert!(waiter.await.unwrap());
        drop(slow);
        let task = Rc::new(spawn(pending::<()>()));
        let victim = task.clone();
        drop(spawn_after(SECOND, async move {
            victim.kill();
        }));
        assert!(task.wait().await.is_err(), "a delayed spawn ends it");
    });
}

// proves A-11: not while a descriptor can still wake one
#[test]
fn a_descriptor_is_no_deadlock() {
    really(async {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        let reading = spawn(async move { io.read_with(|mut p| p.read(&mut [0])).await.unwrap() });
        let thread = thread::spawn(move || {
            until_the_hub_sleeps();
            writer.write_all(b"x").unwrap();
        });
        assert_eq!(reading.wait().await.unwrap(), 1);
        thread.join().unwrap();
    });
}

// proves A-11: not while another thread holds a handle to the hub
#[test]
fn a_handle_elsewhere_is_no_deadlock() {
    for hub in hubs() {
        play(&hub, async {
            let (task, _) = embrace();
            let remote = handle();
            let thread = thread::spawn(move || {
                until_the_hub_sleeps();
                let bell = RemoteBell::new();
                let rung = bell.clone();
                drop(remote.spawn(async move { rung.ring() }));
                bell
            });
            let waits = task.clone();
            let waiter = spawn(async move { drop(waits.wait().await) });
            yield_now().await;
            // Root, alice, bob and the waiter all wait locally now; the handle may still speak up.
            let killer = handle();
            let stop = thread::spawn(move || {
                until_the_hub_sleeps();
                killer.spawn(async {})
            });
            yield_now().await;
            thread.join().unwrap().wait_for(1).await;
            stop.join().unwrap().await.unwrap();
            task.kill();
            waiter.await.unwrap();
            yield_now().await;
            yield_now().await;
        });
    }
}

// proves A-11: alone with a handle that is held elsewhere, the hub waits; then the handle speaks
#[test]
fn a_hub_that_only_a_handle_can_wake_waits_for_it() {
    for hub in hubs() {
        play(&hub, async {
            let gate: Rc<RefCell<Option<oneshot::Sender<()>>>> = Rc::default();
            let remote = handle();
            let thread = thread::spawn(move || {
                until_the_hub_sleeps();
                crate::outsider::wait_outside(remote.spawn(async { 5 })).unwrap()
            });
            let (send, receive) = oneshot::channel::<u8>();
            let joiner = thread::spawn(move || {
                let _ = send.send(thread.join().unwrap());
            });
            let task = spawn(async move { receive.await.unwrap() });
            assert_eq!(task.wait().await.unwrap(), 5);
            joiner.join().unwrap();
            drop(gate);
        });
    }
}

// proves A-11: the last handle elsewhere goes; from then on nothing can happen any more
#[test]
fn the_end_of_the_last_handle_reveals_a_deadlock() {
    for hub in hubs() {
        let _limit = Deadline::new();
        let remote = hub.handle();
        let thread = thread::spawn(move || {
            until_the_hub_sleeps();
            drop(remote);
        });
        let result = hub.try_run(async {
            let (task, _) = embrace();
            task.wait().await.unwrap();
        });
        assert!(matches!(result, Err(RunError::Deadlock(_))));
        thread.join().unwrap();
    }
}

// proves: the search for a deadlock races the answer of another thread, again and again
#[test]
fn a_foreign_answer_that_comes_at_any_moment_is_no_deadlock() {
    for hub in hubs() {
        let (ask, asked) = mpsc::channel::<oneshot::Sender<u32>>();
        let thread = thread::spawn(move || {
            for (n, answer) in (0..).zip(asked) {
                // Sometimes at once, sometimes when the hub has gone to sleep.
                for _ in 0..n % 64 * 50 {
                    std::hint::spin_loop();
                }
                let _ = answer.send(n);
            }
        });
        play(&hub, async {
            let (stuck, _) = embrace();
            for n in 0..3_000 {
                let (send, answer) = oneshot::channel();
                ask.send(send).unwrap();
                let inner = spawn(either(stuck.clone(), answer));
                let outer = spawn(async move { inner.wait().await.unwrap() });
                assert_eq!(outer.wait().await.unwrap(), n);
            }
            drop(ask);
            part(&stuck).await;
        });
        thread.join().unwrap();
    }
}

/// Waits for a green thread, which is a local wait, and for an answer, which is none: either will do.
async fn either(stuck: Rc<GreenThread<()>>, answer: oneshot::Receiver<u32>) -> u32 {
    futures::select! {
        _ = stuck.wait().fuse() => u32::MAX,
        n = answer.fuse() => n.unwrap(),
    }
}

/// Ends two tasks that wait for each other.
async fn part(task: &GreenThread<()>) {
    task.kill().await;
    while stats().green_threads > 0 {
        yield_now().await;
    }
}

// proves A-11: a waker that another thread holds may be used, whatever else its task waits on
#[test]
fn a_select_with_a_foreign_answer_is_no_deadlock() {
    for hub in hubs() {
        play(&hub, async {
            let (stuck, _) = embrace();
            let (send, answer) = oneshot::channel();
            let thread = thread::spawn(move || {
                until_the_hub_sleeps();
                send.send(9).unwrap();
            });
            let chosen = spawn(either(stuck.clone(), answer));
            assert_eq!(chosen.wait().await.unwrap(), 9);
            thread.join().unwrap();
            part(&stuck).await;
        });
    }
}

// proves A-11: the same with the foreign answer always asked first and the local wait last
#[test]
fn a_select_in_the_other_order_is_no_deadlock() {
    for hub in hubs() {
        play(&hub, async {
            let (stuck, _) = embrace();
            let waits = stuck.clone();
            let (send, mut answer) = oneshot::channel::<u8>();
            let thread = thread::spawn(move || {
                until_the_hub_sleeps();
                send.send(9).unwrap();
            });
            let chosen = spawn(async move {
                let mut waiting = Box::pin(waits.wait());
                std::future::poll_fn(move |cx| {
                    if let std::task::Poll::Ready(n) = answer.poll_unpin(cx) {
                        return std::task::Poll::Ready(n.unwrap());
                    }
                    assert!(waiting.poll_unpin(cx).is_pending());
                    std::task::Poll::Pending
                })
                .await
            });
            assert_eq!(chosen.wait().await.unwrap(), 9);
            thread.join().unwrap();
            part(&stuck).await;
        });
    }
}

// proves A-11: and when the foreign answer can come no more, it is one
#[test]
fn a_select_whose_foreign_answer_is_given_up_is_a_deadlock() {
    for hub in hubs() {
        let _limit = Deadline::new();
        let result = hub.try_run(async {
            let (stuck, _) = embrace();
            let (send, answer) = oneshot::channel::<u32>();
            let waits = stuck.clone();
            let chosen = spawn(async move {
                let told = futures::select! {
                    _ = waits.wait().fuse() => true,
                    told = answer.fuse() => told.is_ok(),
                };
                assert!(!told);
                waits.wait().await
            });
            yield_now().await;
            drop(send);
            let _ = chosen.wait().await;
        });
        assert!(matches!(result, Err(RunError::Deadlock(_))));
    }
}

// proves A-11: work under way on another thread, as a thread pool has it
#[test]
fn a_blocking_answer_is_no_deadlock() {
    play(&virtual_hub(), async {
        let hold = hold_clock();
        let (send, receive) = mpsc::channel();
        let task = spawn(std::future::poll_fn(move |cx| {
            static DONE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
            if DONE.load(std::sync::atomic::Ordering::SeqCst) {
                return std::task::Poll::Ready(());
            }
            let waker = cx.waker().clone();
            let at = std::panic::Location::caller();
            park(WaitsOn::new(WaitKind::Blocking, 0), at);
            let _ = send.send(thread::spawn(move || {
                until_the_hub_sleeps();
                DONE.store(true, std::sync::atomic::Ordering::SeqCst);
                waker.wake();
            }));
            std::task::Poll::Pending
        }));
        task.wait().await.unwrap();
        drop(hold);
        for thread in receive.try_iter() {
            thread.join().unwrap();
        }
    });
}

// A deadlock of some, while others live, ends nothing: `run` goes on as long as the root can end.
#[test]
fn a_deadlock_of_others_does_not_end_the_run() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let trace = Trace::new();
    hub.run(async {
        let (_task, _) = embrace();
        sleep(SECOND * 5).await;
        trace.add("done");
    });
    assert_eq!(trace.text(), "done");
    assert_eq!(hub.stats().green_threads, 2);
}
