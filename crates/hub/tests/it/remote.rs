//! Other threads: wake-ups from anywhere, at any time, and the handle that spawns from outside.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{
    Backend, Exit, Hub, HubHandle, RunError, handle, sleep, spawn, spawn_n, stats, yield_now,
};
use futures::FutureExt;

use crate::bell::RemoteBell;
use crate::deadline::Deadline;
use crate::outsider::wait_outside;
use crate::stage::{assert_nothing_left, on_each_backend, really, virtual_hub};
use crate::trace::OnDrop;

const THREADS: u64 = 4;

// proves
#[test]
fn a_storm_from_four_threads_loses_nothing() {
    const ROUNDS: u64 = 2_000;
    on_each_backend(async || {
        let bells: Arc<Vec<_>> = Arc::new((0..64).map(|_| RemoteBell::new()).collect());
        let mut tasks = Vec::new();
        for bell in bells.iter().cloned() {
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
        for bell in bells.iter().cloned() {
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
            waker.clone().wake();
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
            Poll::Pending
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
                    Poll::Pending
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

// proves A-6: spawned from outside, polled and dropped inside
#[test]
fn a_remote_spawn_runs_on_the_hubs_thread() {
    really(async {
        let here = thread::current().id();
        let remote = handle();
        let thread = thread::spawn(move || {
            let task = remote.spawn(async {
                yield_now().await;
                let inner = spawn(async { thread::current().id() });
                (thread::current().id(), inner.await.unwrap())
            });
            wait_outside(task).unwrap()
        });
        let bell = RemoteBell::new();
        let (done, stroke) = (bell.clone(), thread);
        let joiner = thread::spawn(move || {
            let ids = stroke.join().unwrap();
            done.ring();
            ids
        });
        bell.wait_for(1).await;
        assert_eq!(joiner.join().unwrap(), (here, here));
    });
}

// proves A-13: what one thread spawns runs in its order; nothing of four threads is lost
#[test]
fn remote_spawns_of_one_thread_keep_their_order() {
    const EACH: u64 = 1_000;
    really(async {
        let ran: Arc<Mutex<Vec<Vec<u64>>>> = Arc::new(Mutex::new(vec![Vec::new(); 4]));
        let bell = RemoteBell::new();
        for thread in 0..THREADS {
            let (remote, ran, bell) = (handle(), ran.clone(), bell.clone());
            thread::spawn(move || {
                for n in 0..EACH {
                    let (ran, bell) = (ran.clone(), bell.clone());
                    drop(remote.spawn(async move {
                        ran.lock().unwrap()[usize::try_from(thread).unwrap()].push(n);
                        bell.ring();
                    }));
                }
            });
        }
        bell.wait_for(THREADS * EACH).await;
        yield_now().await;
        for line in ran.lock().unwrap().iter() {
            assert_eq!(*line, (0..EACH).collect::<Vec<_>>());
        }
    });
}

// proves across threads
#[test]
fn a_remote_handle_hears_of_panic_and_kill() {
    really(async {
        let remote = handle();
        let bell = RemoteBell::new();
        let done = bell.clone();
        let thread = thread::spawn(move || {
            let hub_thread = wait_outside(remote.spawn(async { thread::current().id() })).unwrap();
            match wait_outside(remote.spawn(async { panic!("over there") })) {
                Err(Exit::Panicked(payload)) => {
                    assert_eq!(payload.downcast_ref(), Some(&"over there"));
                }
                other => panic!("{:?}", other.map(|()| "returned")),
            }
            let (send, dropped_on) = mpsc::channel();
            let mark = OnDrop::new(move || send.send(thread::current().id()).unwrap());
            let victim = remote.spawn(async move {
                let _mark = mark;
                pending::<()>().await;
            });
            victim.kill();
            assert!(matches!(wait_outside(victim), Err(Exit::Killed)));
            assert_eq!(dropped_on.recv().unwrap(), hub_thread);
            let finished = remote.spawn(async { 5 });
            wait_outside(remote.spawn(yield_now_twice())).unwrap();
            finished.kill();
            assert_eq!(wait_outside(finished).unwrap(), 5);
            done.ring();
        });
        bell.wait_for(1).await;
        thread.join().unwrap();
        yield_now().await;
    });
}

async fn yield_now_twice() {
    sleep(Duration::ZERO).await;
    sleep(Duration::ZERO).await;
}

// proves A-5: a dropped remote handle detaches
#[test]
fn a_dropped_remote_handle_detaches() {
    really(async {
        let bell = RemoteBell::new();
        let done = bell.clone();
        drop(handle().spawn(async move {
            sleep(Duration::from_millis(1)).await;
            done.ring();
        }));
        bell.wait_for(1).await;
        yield_now().await;
    });
}

// proves: a handle whose hub is gone says so, and runs nothing
#[test]
fn a_handle_whose_hub_is_gone_gives_an_error_value() {
    let _limit = Deadline::new();
    let hub = Hub::new().unwrap();
    let handle: HubHandle = hub.handle();
    let (frozen, also_frozen) = hub.run(async {
        let task = evlet_hub::handle().spawn(pending::<()>());
        (task, evlet_hub::handle().spawn(async { 1 }))
    });
    drop(hub);
    assert!(matches!(wait_outside(frozen), Err(Exit::Killed)));
    also_frozen.kill();
    drop(also_frozen);
    let ran = Arc::new(AtomicU64::new(0));
    let count = ran.clone();
    let late = handle.spawn(async move { count.fetch_add(1, Ordering::SeqCst) });
    assert!(matches!(late.now_or_never(), Some(Err(Exit::Killed))));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(Arc::strong_count(&ran), 1, "the future is not kept");
    handle.stop();
    handle.clone().stop();
    thread::spawn(move || handle.stop()).join().unwrap();
}

// proves A-3: spawning from outside while the hub goes away; each is run or refused, none is kept
#[test]
fn remote_spawns_race_the_drop_of_the_hub() {
    let _limit = Deadline::new();
    for _ in 0..100 {
        let hub = Hub::new().unwrap();
        let remote = hub.handle();
        let alive = Arc::new(());
        let held = alive.clone();
        let start = Arc::new(Barrier::new(2));
        let begin = start.clone();
        let thread = thread::spawn(move || {
            begin.wait();
            let tasks: Vec<_> = (0..200)
                .map(|_| {
                    let held = held.clone();
                    remote.spawn(async move { drop(held) })
                })
                .collect();
            tasks
                .into_iter()
                .map(wait_outside)
                .filter(Result::is_ok)
                .count()
        });
        start.wait();
        hub.run(yield_now_twice());
        drop(hub);
        assert!(thread.join().unwrap() <= 200);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn stop_ends_the_run_in_progress() {
    for backend in [Backend::Auto, Backend::Poll] {
        let _limit = Deadline::new();
        let hub = Hub::builder().backend(backend).build().unwrap();
        // From inside.
        let stopped = hub.try_run(async {
            spawn_n(async { handle().stop() });
            pending::<()>().await;
        });
        assert!(matches!(stopped, Err(RunError::Stopped)));
        // From another thread, out of the wait.
        let remote = hub.handle();
        let (send, receive) = mpsc::channel();
        let thread = thread::spawn(move || {
            receive.recv().unwrap();
            remote.stop();
        });
        let stopped = hub.try_run(async {
            send.send(()).unwrap();
            sleep(Duration::MAX).await;
        });
        let error = stopped.unwrap_err();
        assert!(matches!(error, RunError::Stopped));
        assert!(!error.to_string().is_empty());
        thread.join().unwrap();
        // The hub itself is as good as before.
        assert_eq!(hub.run(async { spawn(async { 3 }).await.unwrap() }), 3);
        assert_nothing_left(&hub.stats());
    }
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
