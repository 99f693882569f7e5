//! One green thread runs at a time, in the order in which they became ready.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use evlet_hub::{Hub, HubBuilder, random_f64, random_u64, sleep, spawn, spawn_n, stats, yield_now};

use crate::bell::Bell;
use crate::stage::{play, virtually};
use crate::trace::Trace;

// proves A-13
#[test]
fn ten_thousand_tasks_run_in_the_order_of_their_spawn() {
    let ran = Rc::new(RefCell::new(Vec::new()));
    virtually(async {
        let mut tasks = Vec::new();
        for n in 0..10_000 {
            let ran = ran.clone();
            tasks.push(spawn(async move { ran.borrow_mut().push(n) }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*ran.borrow(), (0..10_000).collect::<Vec<_>>());
}

// proves A-13; conformance 2: just spawned it has not run, after one yield it has
#[test]
fn a_spawned_task_never_runs_before_its_spawner_yields() {
    virtually(async {
        let ran = Rc::new(Cell::new(0));
        for _ in 0..200 {
            let ran = ran.clone();
            spawn_n(async move { ran.set(ran.get() + 1) });
        }
        assert_eq!((ran.get(), stats().green_threads), (0, 200));
        yield_now().await;
        assert_eq!((ran.get(), stats().green_threads), (200, 0));
    });
}

// proves A-13; eventlet, "spawner vs spawned"
#[test]
fn a_child_runs_before_its_spawner_resumes_and_a_grandchild_after() {
    let trace = Trace::new();
    virtually(async {
        let child = {
            let trace = trace.clone();
            spawn(async move {
                trace.add("child");
                let inner = trace.clone();
                spawn_n(async move { inner.add("grandchild") });
            })
        };
        yield_now().await;
        trace.add("spawner");
        child.await.unwrap();
        yield_now().await;
    });
    assert_eq!(trace.text(), "child spawner grandchild");
}

// proves A-13
#[test]
fn tasks_that_yield_take_turns() {
    let trace = Trace::new();
    virtually(async {
        let tasks = ["a", "b", "c"].map(|name| {
            let trace = trace.clone();
            spawn(async move {
                for _ in 0..100 {
                    trace.add(name);
                    yield_now().await;
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.words(), ["a", "b", "c"].repeat(100));
}

// proves A-13: the order of the wakes counts, not the order of the spawns
#[test]
fn woken_tasks_run_in_the_order_of_their_wakes() {
    let ran = Rc::new(RefCell::new(Vec::new()));
    let order: Vec<usize> = (0..500).map(|n| n * 7 % 500).collect();
    virtually(async {
        let bells: Vec<Bell> = (0..500).map(|_| Bell::new()).collect();
        let mut tasks = Vec::new();
        for (n, bell) in bells.iter().cloned().enumerate() {
            let ran = ran.clone();
            tasks.push(spawn(async move {
                bell.wait().await;
                ran.borrow_mut().push(n);
            }));
        }
        yield_now().await;
        for n in &order {
            bells[*n].ring();
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*ran.borrow(), order);
}

// proves: a task that is woken while others are ready goes to the end of the line
#[test]
fn a_task_spawned_first_but_woken_last_runs_last() {
    let trace = Trace::new();
    virtually(async {
        let bell = Bell::new();
        let sleeper = {
            let (trace, bell) = (trace.clone(), bell.clone());
            spawn(async move {
                bell.wait().await;
                trace.add("woken");
            })
        };
        yield_now().await;
        let before = trace.clone();
        spawn_n(async move { before.add("before") });
        bell.ring();
        let after = trace.clone();
        spawn_n(async move { after.add("after") });
        sleeper.await.unwrap();
        yield_now().await;
    });
    assert_eq!(trace.text(), "before woken after");
}

// proves A-13: one that is woken in its own poll stands where it was woken, also where the line is longer than the
// ring that its first thousand stand in
#[test]
fn one_that_wakes_itself_goes_before_those_whom_it_spawns_afterwards() {
    const MANY: [usize; 6] = [0, 3, 1_000, 1_024, 1_500, 5_000];
    for (before, after) in MANY.iter().flat_map(|b| MANY.map(|a| (*b, a))) {
        let ran = Rc::new(RefCell::new(Vec::new()));
        let note = |n: usize| {
            let ran = ran.clone();
            spawn_n(async move { ran.borrow_mut().push(n) });
        };
        virtually(async {
            (0..before).for_each(note);
            let mut is_first = true;
            poll_fn(|cx| {
                if !std::mem::take(&mut is_first) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                (before + 1..=before + after).for_each(note);
                Poll::Pending
            })
            .await;
            ran.borrow_mut().push(before);
            yield_now().await;
        });
        let ran = ran.take();
        assert!(
            ran.iter().copied().eq(0..=before + after),
            "{before}, {after}"
        );
    }
}

// proves A-13
#[test]
fn three_thousand_that_yield_take_turns() {
    let ran = Rc::new(RefCell::new(Vec::new()));
    virtually(async {
        for n in 0..3_000 {
            let ran = ran.clone();
            spawn_n(async move {
                for _ in 0..5 {
                    ran.borrow_mut().push(n);
                    yield_now().await;
                }
            });
        }
        for _ in 0..6 {
            yield_now().await;
        }
        assert_eq!(stats().ready, 0);
    });
    assert!(ran.take().into_iter().eq((0..5).flat_map(|_| 0..3_000)));
}

// proves A-1: a wake-up is one poll, however often it is given
#[test]
fn many_wakes_before_the_poll_are_one_poll() {
    virtually(async {
        let polls = Rc::new(Cell::new(0));
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let task = {
            let (polls, waker) = (polls.clone(), waker.clone());
            spawn(poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                *waker.borrow_mut() = Some(cx.waker().clone());
                if polls.get() == 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }))
        };
        yield_now().await;
        assert_eq!(polls.get(), 1);
        let taken = waker.borrow_mut().take().unwrap();
        (0..100).for_each(|_| taken.wake_by_ref());
        assert_eq!(stats().ready, 1, "a woken task stands in the line once");
        yield_now().await;
        yield_now().await;
        assert_eq!(polls.get(), 2);
        taken.wake();
        task.await.unwrap();
        assert_eq!(polls.get(), 3);
    });
}

// proves A-1: the wake that falls into the poll itself is not lost
#[test]
fn a_wake_during_the_poll_leads_to_another_poll() {
    virtually(async {
        let mut polls = 0;
        let task = spawn(poll_fn(move |cx| {
            polls += 1;
            if polls == 1_000 {
                return Poll::Ready(polls);
            }
            cx.waker().wake_by_ref();
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!(task.await.unwrap(), 1_000);
    });
}

/// Tasks that sleep and yield by the hub's own dice: the trace tells every decision.
fn a_busy_day(builder: HubBuilder) -> String {
    let hub = builder.virtual_time(true).build().unwrap();
    let trace = Trace::new();
    play(&hub, async {
        let mut tasks = Vec::new();
        for n in 0..100 {
            let trace = trace.clone();
            tasks.push(spawn(async move {
                for step in 0..5 {
                    if random_f64() < 0.5 {
                        yield_now().await;
                    } else {
                        sleep(Duration::from_millis(random_u64() % 10)).await;
                    }
                    trace.add(format!("{n}.{step}"));
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.words().len(), 500);
    trace.text()
}

// proves A-13: same input, same order
#[test]
fn equal_seeds_give_equal_traces() {
    for seed in [0, 1, 42, u64::MAX] {
        let run = || a_busy_day(Hub::builder().seed(seed));
        assert_eq!(run(), run(), "seed {seed}");
    }
}

// proves A-13
#[test]
fn different_seeds_give_different_dice() {
    let run = |seed| a_busy_day(Hub::builder().seed(seed));
    assert_ne!(run(1), run(2));
}

// proves A-13: a shuffled run replays exactly from its seed
#[test]
fn shuffled_runs_replay_by_their_seed() {
    let run = |seed| a_busy_day(Hub::builder().seed(seed).shuffle(true));
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

/// In which order twenty tasks of one turn run.
fn twenty_tasks(builder: HubBuilder) -> String {
    let hub = builder.virtual_time(true).build().unwrap();
    let trace = Trace::new();
    play(&hub, async {
        let mut tasks = Vec::new();
        for n in 0..20 {
            let trace = trace.clone();
            tasks.push(spawn(async move { trace.add(n.to_string()) }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    trace.text()
}

// proves A-13: shuffling is real, and only on request
#[test]
fn shuffling_finds_other_orders_and_loses_nobody() {
    let in_order = twenty_tasks(Hub::builder().seed(5));
    let sorted = |text: &str| {
        let mut words: Vec<u32> = text.split(' ').map(|w| w.parse().unwrap()).collect();
        words.sort_unstable();
        words
    };
    assert_eq!(
        in_order,
        (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
    );
    let mut orders: Vec<String> = (0..50)
        .map(|seed| twenty_tasks(Hub::builder().seed(seed).shuffle(true)))
        .collect();
    for order in &orders {
        assert_eq!(sorted(order), (0..20).collect::<Vec<_>>());
    }
    orders.sort();
    orders.dedup();
    assert!(
        orders.len() > 40,
        "only {} orders out of 50 seeds",
        orders.len()
    );
}

// proves A-13: whoever wakes itself is ready from then on, and comes before those whom it wakes afterwards
#[test]
fn one_that_wakes_itself_stands_before_those_it_wakes_afterwards() {
    virtually(async {
        let (trace, bells) = (Trace::new(), [Bell::new(), Bell::new()]);
        let waiting: Vec<_> = bells
            .iter()
            .enumerate()
            .map(|(n, bell)| {
                let (trace, bell) = (trace.clone(), bell.clone());
                spawn(async move {
                    bell.wait().await;
                    trace.add(["early", "late"][n]);
                })
            })
            .collect();
        yield_now().await;
        let own = trace.clone();
        let middle = spawn(async move {
            let mut is_first = true;
            poll_fn(|cx| {
                if !std::mem::take(&mut is_first) {
                    return Poll::Ready(());
                }
                bells[0].ring();
                cx.waker().wake_by_ref();
                bells[1].ring();
                spawn_n(async {});
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            own.add("itself");
        });
        middle.await.unwrap();
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(trace.text(), "early itself late");
    });
}
