//! Other threads: wake-ups from anywhere, at any time.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{Hub, spawn, spawn_n, stats, yield_now};

use crate::bell::RemoteBell;
use crate::deadline::Deadline;
use crate::stage::{on_each_backend, really, virtual_hub};
use crate::trace::OnDrop;

const THREADS: u64 = 4;

// proves
#[test]
fn a_storm_from_four_threads_loses_nothing() {
    const ROUNDS: u64 = 2_000;
    on_each_backend(async || {
        let bells: Arc<Vec<_>> = Arc::new((0..64).map(|_| RemoteBell::new()).collect());
        let mut tasks = Vec::new();
        for bell in bells.iter() {
            let bell = bell.clone();
            tasks.push(spawn(async move { bell.wait_for(THREADS * ROUNDS).await }));
        }
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let bells = bells.clone();
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        bells.iter().for_each(|bell| bell.ring());
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

// proves A-2: what a thread sends without end waits in the hub once
#[test]
fn a_thread_that_wakes_without_end_makes_the_queue_no_longer() {
    on_each_backend(async || {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let before = stats().remote_wakes;
        let waking = thread::spawn(move || (0..100_000).for_each(|_| waker.wake_by_ref()));
        // The hub is held until all have been sent.
        waking.join().unwrap();
        for _ in 0..1_000 {
            yield_now().await;
        }
        // Once, and whatever wakers of other tests' hubs send that ended at this one's place.
        let arrived = stats().remote_wakes - before;
        assert!((1..1_000).contains(&arrived), "{arrived}");
    });
}

// proves A-3
#[test]
fn a_waker_of_a_hub_that_is_gone_wakes_nobody_of_the_next_one() {
    let parked = async || {
        spawn_n(poll_fn(|_| Poll::<()>::Pending));
        spawn_n(poll_fn(|_| Poll::<()>::Pending));
        yield_now().await;
        poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
    };
    let wakers: Vec<Waker> = (0..50).map(|_| virtual_hub().run(parked())).collect();
    virtual_hub().run(async {
        parked().await;
        let before = stats().polls;
        wakers.iter().for_each(Waker::wake_by_ref);
        thread::spawn(move || wakers.into_iter().for_each(Waker::wake))
            .join()
            .unwrap();
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert_eq!(stats().polls - before, 1_000, "the root alone was polled");
    });
}

// proves: here each single wake-up matters, most of them find the hub waiting
#[test]
fn each_of_ten_thousand_single_wake_ups_arrives() {
    const ROUNDS: u64 = 2_500;
    on_each_backend(async || {
        let mut tasks = Vec::new();
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let bell = RemoteBell::new();
            let (answer, answers) = mpsc::channel();
            let ours = bell.clone();
            tasks.push(spawn(async move {
                for round in 1..=ROUNDS {
                    ours.wait_for(round).await;
                    answer.send(round).unwrap();
                }
            }));
            threads.push(thread::spawn(move || {
                for round in 1..=ROUNDS {
                    bell.ring();
                    assert_eq!(answers.recv(), Ok(round));
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

// proves A-2: many wake-ups before the hub looks cost one wake-up of the poller, and are all seen
#[test]
fn many_wake_ups_before_the_hub_looks_are_one_notification() {
    on_each_backend(async || {
        let bells: Arc<Vec<_>> = Arc::new((0..1_000).map(|_| RemoteBell::new()).collect());
        let mut tasks = Vec::new();
        for bell in bells.iter() {
            let bell = bell.clone();
            tasks.push(spawn(async move { bell.wait_for(10).await }));
        }
        yield_now().await;
        let before = stats();
        // The hub's own thread is busy in here until all have been rung.
        let ringers = bells.clone();
        thread::spawn(move || {
            for _ in 0..10 {
                ringers.iter().for_each(|bell| bell.ring());
            }
        })
        .join()
        .unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let after = stats();
        assert!(after.remote_wakes > before.remote_wakes);
        let waits = after.waits - before.waits;
        assert!(waits <= 1_000 / 61 + 5, "{waits} waits for one batch");
        let polls = after.polls - before.polls;
        assert!(polls <= 2_010, "{polls} polls for 1,000 woken tasks");
    });
}

// proves A-2: the hub sleeps in one system call and is woken out of it
#[test]
fn a_blocked_hub_is_woken_and_was_asleep() {
    on_each_backend(async || {
        let bell = RemoteBell::new();
        let ringer = bell.clone();
        let before = stats().waits;
        let thread = thread::spawn(move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(30) {
                std::hint::spin_loop();
            }
            ringer.ring();
        });
        bell.wait_for(1).await;
        assert!(stats().waits - before <= 4, "it did not sleep, it spun");
        thread.join().unwrap();
    });
}

/// A waker of a task that has parked, and what is left when the task is gone.
async fn a_waker_of_a_task(alive: Arc<()>) -> Waker {
    let (send, receive) = mpsc::channel();
    let task = spawn(poll_fn(move |cx| {
        let _held = &alive;
        let _ = send.send(cx.waker().clone());
        Poll::<()>::Pending
    }));
    yield_now().await;
    task.kill().await;
    receive.recv().unwrap()
}

/// Everything that can be done with a waker, on another thread.
fn use_up(waker: Waker) {
    thread::spawn(move || {
        for _ in 0..100 {
            waker.wake_by_ref();
            let copies = [waker.clone(), waker.clone()];
            copies.into_iter().for_each(Waker::wake);
            drop(waker.clone());
        }
        waker.wake();
    })
    .join()
    .unwrap();
}

// proves A-3
#[test]
fn a_waker_may_be_used_after_its_task() {
    really(async {
        let alive = Arc::new(());
        let waker = a_waker_of_a_task(alive.clone()).await;
        assert_eq!(Arc::strong_count(&alive), 1, "the future is gone");
        waker.wake_by_ref();
        let before = stats().polls;
        use_up(waker);
        yield_now().await;
        yield_now().await;
        assert!(stats().polls - before <= 4, "the dead are not polled");
        assert_eq!(stats().green_threads, 0);
    });
}

// proves A-3
#[test]
fn a_waker_may_be_used_after_its_hub() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let alive = Arc::new(());
    let (send, receive) = mpsc::channel();
    let held = alive.clone();
    let (of_dead, of_frozen) = hub.run(async move {
        let of_dead = a_waker_of_a_task(held.clone()).await;
        spawn_n(poll_fn(move |cx| {
            let _held = &held;
            send.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }));
        yield_now().await;
        (of_dead, receive.recv().unwrap())
    });
    drop(hub);
    assert_eq!(Arc::strong_count(&alive), 1, "both futures are gone");
    for waker in [of_dead, of_frozen] {
        waker.wake_by_ref();
        drop(waker.clone());
        use_up(waker);
    }
}

// proves A-3: at every point of the shutdown
#[test]
fn a_waker_may_be_used_during_the_drop_of_its_hub() {
    let _limit = Deadline::new();
    for _ in 0..200 {
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let hub = Hub::new().unwrap();
        hub.run(async {
            for _ in 0..50 {
                let wakers = wakers.clone();
                spawn_n(poll_fn(move |cx| {
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                }));
            }
            yield_now().await;
        });
        let start = Arc::new(Barrier::new(3));
        let over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (start, over) = (start.clone(), over.clone());
                let wakers = wakers.lock().unwrap().clone();
                thread::spawn(move || {
                    start.wait();
                    while !over.load(Ordering::Relaxed) {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    }
                    wakers.into_iter().for_each(Waker::wake);
                })
            })
            .collect();
        start.wait();
        drop(hub);
        over.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|t| t.join().unwrap());
    }
}

// proves A-6: the last to let go of a task is another thread; its future is dropped on ours
#[test]
fn a_future_is_dropped_on_its_own_thread_whoever_lets_go_last() {
    let _limit = Deadline::new();
    let hub = Hub::new().unwrap();
    let here = thread::current().id();
    let dropped_on = Rc::new(Cell::new(None));
    let (send, receive) = mpsc::channel();
    let seen = dropped_on.clone();
    hub.run(async move {
        let mark = OnDrop::new(move || seen.set(Some(thread::current().id())));
        drop(spawn(poll_fn(move |cx| {
            let _not_send = &mark;
            send.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        })));
        yield_now().await;
        let waker = receive.recv().unwrap();
        thread::spawn(move || drop(waker)).join().unwrap();
        yield_now().await;
        yield_now().await;
    });
    drop(hub);
    assert_eq!(dropped_on.get(), Some(here));
}

// proves A-3: the waker of a root that has returned wakes nobody, neither here nor in the next run
#[test]
fn a_stale_waker_of_the_root_does_nothing() {
    let _limit = Deadline::new();
    let hub = Hub::new().unwrap();
    let kept: RefCell<Option<Waker>> = RefCell::new(None);
    hub.run(poll_fn(|cx| {
        *kept.borrow_mut() = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    let stale = kept.take().unwrap();
    stale.wake_by_ref();
    let mut polls = 0;
    let remote = stale.clone();
    hub.run(async {
        let mut waits = Box::pin(async {
            thread::spawn(move || remote.wake()).join().unwrap();
            stale.wake();
            let others = spawn(async {
                for _ in 0..5 {
                    yield_now().await;
                }
            });
            others.await.unwrap();
        });
        poll_fn(|cx| {
            polls += 1;
            waits.as_mut().poll(cx)
        })
        .await;
    });
    assert_eq!(polls, 2, "when it began, and when the others were done");
}

// proves A-1: the waker of the root crosses threads as any other, also from one run to the next
#[test]
fn the_root_is_woken_from_outside() {
    let _limit = Deadline::new();
    let hub = Hub::new().unwrap();
    let kept: RefCell<Option<Waker>> = RefCell::new(None);
    hub.run(poll_fn(|cx| {
        *kept.borrow_mut() = Some(cx.waker().clone());
        Poll::Ready(())
    }));
    let stale = kept.take().unwrap();
    let bell = RemoteBell::new();
    let ringer = bell.clone();
    let thread = thread::spawn(move || {
        stale.wake();
        ringer.ring();
    });
    hub.run(async { bell.wait_for(1).await });
    thread.join().unwrap();
}
