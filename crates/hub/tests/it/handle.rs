//! The handle of a hub in other hands: spawn there, kill there, stop it; and when it is gone.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use evlet_hub::{
    Backend, Exit, Hub, HubHandle, RunError, handle, sleep, spawn, spawn_n, yield_now,
};
use futures::FutureExt;

use crate::bell::RemoteBell;
use crate::deadline::Deadline;
use crate::outsider::wait_outside;
use crate::stage::{assert_nothing_left, play, really};
use crate::trace::OnDrop;

const THREADS: u64 = 4;

// proves A-6: spawned from outside, polled and dropped inside
#[test]
fn a_remote_spawn_runs_on_the_hubs_thread() {
    really(async {
        let here = thread::current().id();
        let remote = handle();
        let thread = thread::spawn(move || {
            let task = remote.spawn(async {
                let started_on = thread::current().id();
                yield_now().await;
                (started_on, thread::current().id())
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

// proves A-4: a panic of one that nobody waits for is reported, once
#[test]
#[cfg(panic = "unwind")]
fn a_detached_remote_panic_is_reported_once() {
    let reports = Rc::new(Cell::new(0));
    let count = reports.clone();
    let hub = Hub::builder()
        .on_report(move |_| count.set(count.get() + 1))
        .build()
        .unwrap();
    play(&hub, async {
        drop(handle().spawn(async { panic!("nobody holds my handle") }));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(reports.get(), 1, "detached before it ran");
        let held = handle().spawn(async { panic!("nobody asked") });
        sleep(Duration::from_millis(1)).await;
        drop(held);
        let heard = handle().spawn(async { panic!("somebody waits") });
        assert!(heard.await.is_err());
    });
    drop(hub);
    assert!(
        reports.get() <= 2,
        "the one that was waited for is not reported"
    );
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
