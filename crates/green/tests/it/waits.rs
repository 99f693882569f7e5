//! Every wait can be asked what it is for and where it stands, and a deadlock of them is reported.

use std::future::Future;
use std::time::Duration;

use evlet_green::greenlet::Greenlet;
use evlet_green::{
    Barrier, CappedSemaphore, Condvar, ConnectionPool, DagPool, Event, FixedIntervalLoopingCall,
    GreenPile, GreenPool, LifoQueue, LightQueue, Mutex, Pool, PriorityQueue, Queue, RwLock,
    Semaphore, tpool,
};
use evlet_hub::wait::WaitKind;
use evlet_hub::{RunError, green_threads, run, spawn};
use futures::{SinkExt, StreamExt};

use crate::stage::{builder, settle};
use crate::threads::alone;

/// A wait is listed with its kind and with a line of this file.
#[track_caller]
fn check<F: Future + 'static>(kind: WaitKind, wait: F) {
    builder().build().unwrap().run(async {
        let waiting = spawn(async move {
            wait.await;
        });
        settle().await;
        let all = green_threads();
        let info = all.iter().find(|info| info.id == waiting.id()).unwrap();
        assert_eq!(info.waits_on.kind, kind, "{info}");
        let site = info.waiting_at.unwrap();
        assert!(site.file().ends_with("waits.rs"), "{info}");
        waiting.kill().await;
    });
}

/// Nobody can end this wait: the hub says so and does not hang.
#[track_caller]
fn check_deadlock<F: Future>(root: F) {
    let hub = builder().build().unwrap();
    match hub.try_run(root) {
        Err(RunError::Deadlock(report)) => assert!(!report.waiting.is_empty()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nobody could end this"),
    }
}

#[test]
fn every_wait_says_what_it_is_for_and_where() {
    check(WaitKind::Queue, async {
        LightQueue::<u8>::unbounded().get().await
    });
    check(WaitKind::Queue, async {
        LightQueue::rendezvous().put(1).await
    });
    check(WaitKind::Queue, async {
        let queue = Queue::unbounded();
        queue.put(1).await;
        queue.join().await;
    });
    check(WaitKind::Queue, async {
        PriorityQueue::<u8>::unbounded().recv().await
    });
    check(WaitKind::Queue, async {
        LifoQueue::rendezvous().send(1).await
    });
    check(WaitKind::Queue, async {
        LightQueue::<u8>::unbounded().stream().next().await
    });
    check(WaitKind::Queue, async {
        LightQueue::rendezvous().sink().send(1).await
    });
    check(WaitKind::Event, async { Event::<u8>::new().wait().await });
    check(WaitKind::Semaphore, async {
        Semaphore::new(0).acquire().await
    });
    check(WaitKind::Semaphore, async {
        CappedSemaphore::new(0, 0).unwrap().release().await
    });
    check(WaitKind::Lock, async {
        let mutex = Mutex::new(());
        let _held = mutex.lock().await;
        drop(mutex.lock().await);
    });
    check(WaitKind::Lock, async {
        let lock = RwLock::new(());
        let _held = lock.write().await;
        drop(lock.read().await);
    });
    check(WaitKind::Condition, async {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        drop(condvar.wait(mutex.lock().await).await);
    });
    check(WaitKind::Barrier, async {
        Barrier::new(2).wait().await;
    });
    check(WaitKind::Pool, async {
        GreenPool::new(0).spawn_n(async {}).await
    });
    check(WaitKind::Pool, async {
        let pool = GreenPool::new(1);
        pool.spawn_n(std::future::pending::<()>()).await;
        pool.waitall().await;
    });
    check(WaitKind::Pool, async {
        GreenPool::new(0)
            .imap(|n| async move { n }, 0..3)
            .next()
            .await
    });
    check(WaitKind::Pile, async {
        let pile = GreenPile::new(1);
        pile.spawn(std::future::pending::<()>()).await;
        pile.next().await
    });
    check(WaitKind::Event, async {
        FixedIntervalLoopingCall::new(|| async {})
            .start(Duration::from_secs(1))
            .wait()
            .await
    });
    check(WaitKind::Greenlet, async {
        let sleeper = Greenlet::new(|()| std::future::pending());
        sleeper.switch(()).await
    });
}

#[test]
fn a_blocking_call_is_listed_as_such() {
    let _turn = alone();
    run(async {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let waiting = spawn(async move { tpool::execute(move || held.recv()).await });
        settle().await;
        let all = green_threads();
        let info = all.iter().find(|info| info.id == waiting.id()).unwrap();
        assert_eq!(info.waits_on.kind, WaitKind::Blocking, "{info}");
        drop(release);
        assert!(waiting.await.unwrap().is_err());
    });
}

#[test]
fn a_call_that_waits_for_its_turn_is_listed_as_such() {
    let _turn = alone();
    run(async {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let proxy = tpool::Proxy::new(held);
        let first = spawn(proxy.call(|held| held.recv()));
        let second = spawn(proxy.call(|held| held.recv()));
        settle().await;
        for waiting in [&first, &second] {
            let all = green_threads();
            let info = all.iter().find(|info| info.id == waiting.id()).unwrap();
            assert_eq!(info.waits_on.kind, WaitKind::Blocking, "{info}");
        }
        drop(release);
        assert!(first.await.unwrap().is_err() && second.await.unwrap().is_err());
    });
}

// proves A-11
#[test]
fn waits_for_resources_and_for_keys_say_so_too() {
    check(WaitKind::Pool, async {
        ignore(Pool::new(0, async || 1).item().await);
    });
    check(WaitKind::Pool, async {
        ignore(Pool::new(0, async || 1).get().await);
    });
    check(WaitKind::Pool, async {
        let pool = ConnectionPool::builder().max_size(0);
        ignore(pool.connect(async || Ok::<_, String>(1)).get().await);
    });
    let keys = DagPool::<u8, u8>::new;
    check(WaitKind::Pool, async move { ignore(keys().value(1).await) });
    check(
        WaitKind::Pool,
        async move { ignore(keys().wait([1]).await) },
    );
    check(WaitKind::Pool, async move {
        ignore(keys().wait_each([1]).next().await);
    });
    check(WaitKind::Pool, async move {
        ignore(keys().wait_each_success([1]).next().await);
    });
    check(WaitKind::Pool, async move {
        ignore(keys().wait_each_exception([1]).next().await);
    });
}

fn ignore<T>(_: T) {}

#[test]
fn a_deadlock_over_any_primitive_is_reported() {
    check_deadlock(async { ignore(Pool::new(0, async || 1).item().await) });
    check_deadlock(async { ignore(DagPool::<u8, u8>::new().value(1).await) });
    check_deadlock(async { ignore(DagPool::<u8, u8>::new().wait([1, 2]).await) });
    check_deadlock(async { LightQueue::<u8>::unbounded().get().await });
    check_deadlock(async {
        let queue = LightQueue::bounded(1);
        queue.put(1).await;
        queue.put(2).await;
    });
    check_deadlock(async { LightQueue::rendezvous().put(1).await });
    check_deadlock(async { LightQueue::rendezvous().sink().send(1).await });
    check_deadlock(async { LightQueue::<u8>::unbounded().stream().next().await });
    check_deadlock(async {
        let queue = Queue::unbounded();
        queue.put(1).await;
        queue.join().await;
    });
    check_deadlock(async { Event::<u8>::new().wait().await });
    check_deadlock(async {
        let semaphore = Semaphore::new(1);
        let _first = semaphore.acquire().await;
        let _second = semaphore.acquire().await;
    });
    check_deadlock(async { CappedSemaphore::new(1, 1).unwrap().release().await });
    check_deadlock(async {
        let mutex = Mutex::new(());
        let _first = mutex.lock().await;
        let _second = mutex.lock().await;
    });
    check_deadlock(async {
        let lock = RwLock::new(());
        let _first = lock.read().await;
        let _second = lock.write().await;
    });
    check_deadlock(async {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        drop(condvar.wait(mutex.lock().await).await);
    });
    check_deadlock(async {
        Barrier::new(2).wait().await;
    });
    check_deadlock(async { GreenPool::new(0).spawn_n(async {}).await });
    check_deadlock(async {
        let (pool, never) = (GreenPool::new(1), Event::<()>::new());
        pool.spawn_n(async move { never.wait().await }).await;
        pool.waitall().await;
    });
    check_deadlock(async {
        let (pool, never) = (GreenPool::new(1), Event::<()>::new());
        let job = |_| {
            let never = never.clone();
            async move { never.wait().await }
        };
        pool.imap(job, 0..3).next().await
    });
    check_deadlock(async {
        let (mut pile, never) = (GreenPile::new(1), Event::<()>::new());
        pile.spawn(async move { never.wait().await }).await;
        StreamExt::next(&mut pile).await
    });
    check_deadlock(async {
        let main = Greenlet::<()>::current();
        let first = Greenlet::new(move |()| async move {
            let other = Greenlet::new(|()| async { Event::<()>::new().wait().await });
            other.switch(()).await.unwrap();
            drop(main);
        });
        first.switch(()).await
    });
}
