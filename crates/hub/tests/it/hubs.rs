//! Several hubs: side by side on threads of their own, one after the other on one thread.
#![expect(
    clippy::async_yields_async,
    reason = "handles and sleeps leave one hub to be awaited in another"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use evlet_hub::{
    Exit, GreenThread, Hub, HubHandle, current, handle, now, sleep, spawn, spawn_n, stats,
    yield_now,
};

use crate::bell::{Bell, Ear, poll_with};
use crate::deadline::Deadline;
use crate::stage::{assert_nothing_left, play, really, virtual_hub, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

// proves A-8: hubs share nothing but what the user shares
#[test]
fn hubs_run_side_by_side() {
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4_u64)
        .map(|which| {
            let start = start.clone();
            thread::spawn(move || {
                let hub = Hub::builder().virtual_time(true).seed(7).build().unwrap();
                start.wait();
                let begun = now();
                let sum = play(&hub, async {
                    let begun = now();
                    let tasks: Vec<_> = (0..1_000)
                        .map(|n| {
                            spawn(async move {
                                sleep(SECOND * u32::try_from(which + 1).unwrap()).await;
                                n * which
                            })
                        })
                        .collect();
                    let mut sum = 0;
                    for task in tasks {
                        sum += task.await.unwrap();
                    }
                    assert_eq!((now() - begun).as_secs(), which + 1, "a clock of its own");
                    sum
                });
                assert_eq!(hub.stats().spawned, 1_000);
                assert!(begun.elapsed() < Duration::from_secs(60));
                sum
            })
        })
        .collect();
    let sums: Vec<u64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert_eq!(sums, [0, 499_500, 999_000, 1_498_500]);
}

#[test]
fn two_hubs_in_sequence_on_one_thread() {
    for n in 0..50 {
        let seen = virtually(async move {
            spawn(async move {
                sleep(SECOND).await;
                n
            })
            .await
            .unwrap()
        });
        assert_eq!(seen, n);
    }
}

// Two hubs alive on one thread take turns at running, and keep their tasks apart.
#[test]
fn two_hubs_may_live_on_one_thread() {
    let _limit = Deadline::new();
    let (one, two) = (virtual_hub(), virtual_hub());
    let trace = Trace::new();
    let count_to = |name: &'static str, n: u32| {
        let trace = trace.clone();
        spawn(async move {
            for step in 1..=n {
                trace.add(format!("{name}{step}"));
                yield_now().await;
            }
        })
    };
    let of_one = one.run(async {
        let task = count_to("a", 3);
        yield_now().await;
        task
    });
    two.run(async {
        count_to("b", 2).await.unwrap();
        assert_eq!(stats().spawned, 1);
    });
    one.run(async { of_one.await.unwrap() });
    assert_eq!(trace.text(), "a1 b1 b2 a2 a3");
    assert_nothing_left(&one.stats());
    assert_nothing_left(&two.stats());
}

// proves: what is done to another hub's tasks does not change the order here
#[test]
fn a_kill_in_another_hub_is_nobodys_turn_here() {
    let _limit = Deadline::new();
    let (one, two) = (virtual_hub(), virtual_hub());
    let victim = one.run(async {
        let victim = spawn(pending::<()>());
        yield_now().await;
        victim
    });
    let trace = Trace::new();
    two.run(async {
        let (ours, mut is_first) = (trace.clone(), true);
        let killer = spawn(poll_fn(move |cx| {
            ours.add("a");
            if !std::mem::take(&mut is_first) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            drop(victim.kill());
            Poll::Pending
        }));
        for word in ["b", "c"] {
            let trace = trace.clone();
            spawn_n(async move { trace.add(word) });
        }
        killer.await.unwrap();
    });
    assert_eq!(trace.text(), "a b c a");
    one.run(yield_now());
    assert_nothing_left(&one.stats());
}

// proves: a wake-up goes to the hub of its task, whichever runs on the thread
#[test]
fn a_wake_up_reaches_its_own_hub() {
    let _limit = Deadline::new();
    let (one, two) = (virtual_hub(), virtual_hub());
    let bell = Bell::new();
    let task = one.run(async {
        let bell = bell.clone();
        let task = spawn(async move {
            bell.wait().await;
            current().is_some()
        });
        yield_now().await;
        task
    });
    two.run(async {
        let polls = stats().polls;
        bell.ring();
        yield_now().await;
        yield_now().await;
        assert!(!task.is_finished(), "it cannot run here");
        assert!(stats().polls <= polls + 2, "nor be polled here");
    });
    assert!(one.run(task).unwrap());
}

// proves: the wake-up arrives while no hub runs, or another is being dropped
#[test]
fn a_wake_up_between_two_runs_is_kept() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let bell = Bell::new();
    let task = hub.run(async {
        let bell = bell.clone();
        let task = spawn(async move { bell.wait().await });
        yield_now().await;
        task
    });
    drop(virtual_hub());
    bell.ring();
    hub.run(task).unwrap();
}

// proves B-3, A-8: `Sleep` may move to another hub, even of another thread, while it is armed
#[test]
fn a_sleep_may_change_its_hub() {
    let _limit = Deadline::new();
    let first = virtual_hub();
    let mut timer = first.run(async {
        let mut timer = sleep(Duration::from_millis(200));
        assert!(poll_with(Ear::new(), &mut timer).is_pending());
        timer
    });
    let mut timer = thread::spawn(move || {
        let hub = Hub::new().unwrap();
        hub.run(async {
            assert!(futures::poll!(&mut timer).is_pending());
            timer
        })
    })
    .join()
    .unwrap();
    // Its deadline is an instant; here it comes by itself, in real time.
    really(async { (&mut timer).await });
    drop(timer);
    drop(first);
}

// proves A-8: a finished task's handle may be awaited anywhere on its thread
#[test]
fn a_finished_handle_may_be_awaited_in_another_hub() {
    let hub = virtual_hub();
    let task = hub.run(async {
        let task = spawn(async { 6 });
        yield_now().await;
        task
    });
    assert_eq!(virtually(async { task.await.unwrap() }), 6);
}

/// A result that is counted when it is dropped.
struct Counted(u64, Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_add(self.0, Ordering::Relaxed);
    }
}

// proves A-8: its result stays with it, in memory that is the thread's
#[test]
fn handles_outlive_their_hub_and_end_with_the_thread() {
    thread_local! {
        static FIRST: RefCell<Vec<GreenThread<Counted>>> = const { RefCell::new(Vec::new()) };
        static LAST: RefCell<Vec<GreenThread<Counted>>> = const { RefCell::new(Vec::new()) };
    }
    let sum = Arc::new(AtomicU64::new(0));
    let results = sum.clone();
    let thread = thread::spawn(move || {
        // The one that is used first is the one that is dropped last.
        FIRST.with_borrow_mut(|kept| kept.reserve(500));
        for round in 0..2 {
            virtually(async {
                for n in 0..1_000 {
                    let results = results.clone();
                    let handle = spawn(async move { Counted(n, results) });
                    match (n + round) % 2 {
                        0 => FIRST.with_borrow_mut(|kept| kept.push(handle)),
                        _ => LAST.with_borrow_mut(|kept| kept.push(handle)),
                    }
                }
                yield_now().await;
            });
            let kept = FIRST.with_borrow_mut(|kept| kept.split_off(kept.len() / 2));
            assert!(kept.iter().all(GreenThread::is_finished));
            assert!(results.load(Ordering::Relaxed) < 1_000 * 999 / 2);
        }
    });
    thread.join().unwrap();
    assert_eq!(sum.load(Ordering::Relaxed), 2 * 1_000 * 999 / 2);
}

#[test]
fn hubs_on_two_threads_play_ping_pong() {
    let _limit = Deadline::new();
    let (give, take) = mpsc::channel::<HubHandle>();
    let (end, ended) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        really(async {
            give.send(handle()).unwrap();
            let stopper = handle();
            let over = stopper.spawn(pending::<()>());
            let watch = thread::spawn(move || {
                ended.recv().unwrap();
                over.kill();
            });
            while !watch.is_finished() || stats().green_threads > 0 {
                sleep(Duration::from_millis(1)).await;
            }
            watch.join().unwrap();
        });
    });
    let there = take.recv().unwrap();
    really(async move {
        let here = handle();
        for n in 0..200_u64 {
            let back = here.clone();
            let bounced = there
                .spawn(async move {
                    let inner = back.spawn(async move { n + 1 }).await.unwrap();
                    inner + 1
                })
                .await;
            assert_eq!(bounced.unwrap(), n + 2);
        }
        end.send(()).unwrap();
        yield_now().await;
    });
    other.join().unwrap();
}

// proves A-3: the hub that was to answer goes away
#[test]
fn a_task_that_waits_for_another_hub_hears_of_its_end() {
    let (give, take) = mpsc::channel::<HubHandle>();
    let (go, gone) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        let hub = Hub::new().unwrap();
        give.send(hub.handle()).unwrap();
        hub.run(poll_fn(move |_| {
            gone.recv().unwrap();
            Poll::Ready(())
        }));
    });
    let there = take.recv().unwrap();
    let ended = really(async {
        let waiting = there.spawn(pending::<()>());
        go.send(()).unwrap();
        waiting.await
    });
    assert!(matches!(ended, Err(Exit::Killed)));
    other.join().unwrap();
}

#[test]
fn ids_are_unique_in_the_process_and_ordered_in_a_hub() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                virtually(async {
                    let ids: Vec<_> = (0..500)
                        .map(|_| {
                            let task = spawn(async {});
                            task.id()
                        })
                        .collect();
                    assert!(ids.is_sorted());
                    yield_now().await;
                    ids
                })
            })
        })
        .collect();
    let all: Vec<_> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    let unique: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(unique.len(), 2_000);
    let shown: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2_000);
}

// proves A-3: a hub dropped inside another hub's task touches only itself
#[test]
fn a_hub_may_be_dropped_inside_another() {
    let trace = Trace::new();
    let inner = virtual_hub();
    inner.run(async {
        let mark = trace.on_drop("inner");
        spawn_n(async move {
            let _mark = mark;
            pending::<()>().await;
        });
    });
    virtually(async {
        let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
        let keep = kept.clone();
        let mut polls = 0;
        let task = spawn(poll_fn(move |cx| {
            polls += 1;
            *keep.borrow_mut() = Some(cx.waker().clone());
            if polls == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        yield_now().await;
        drop(inner);
        assert_eq!(trace.text(), "inner");
        assert_eq!(stats().green_threads, 1, "this hub still runs");
        kept.take().unwrap().wake();
        task.await.unwrap();
        sleep(SECOND).await;
    });
}
