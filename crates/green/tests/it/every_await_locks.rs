//! The second sheet of `every_await.rs`: semaphores with a limit, and locks (promise D-1).

use std::rc::Rc;

use evlet_green::testing::{Moment, cancel_at_every_await_in};
use evlet_green::{Barrier, BoundedSemaphore, CappedSemaphore, Condvar, Mutex, RwLock};
use evlet_hub::{sleep, spawn_n, yield_now};

use crate::stage::{SECOND, settle};

#[test]
fn acquire_of_a_bounded_semaphore() {
    let awaits = cancel_at_every_await_in(
        async || {
            let semaphore = BoundedSemaphore::new(1);
            let held = semaphore.acquire().await;
            spawn_n(async move { drop(held) });
            semaphore
        },
        async |semaphore| drop(semaphore.acquire().await),
        async |semaphore, _| {
            settle().await;
            assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
            assert!(semaphore.release().is_err(), "none is missing");
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn acquire_and_release_of_a_capped_semaphore() {
    for limit in [0, 1] {
        let awaits = cancel_at_every_await_in(
            async || {
                let semaphore = CappedSemaphore::new(0, limit).unwrap();
                let own = semaphore.clone();
                spawn_n(async move {
                    yield_now().await;
                    own.release().await;
                });
                semaphore
            },
            async |semaphore| semaphore.acquire().await.forget(),
            async |semaphore, attempt| {
                settle().await;
                let left = usize::from(attempt.was_cut());
                assert_eq!(semaphore.available() + semaphore.releasing(), left);
                if attempt.was_cut() {
                    semaphore.acquire().await.forget();
                    settle().await;
                }
                assert_eq!((semaphore.waiting(), semaphore.releasing()), (0, 0));
            },
        );
        assert_eq!(awaits.run().len(), 1);

        let awaits = cancel_at_every_await_in(
            async || {
                let semaphore = CappedSemaphore::new(limit, limit).unwrap();
                let own = semaphore.clone();
                spawn_n(async move {
                    yield_now().await;
                    own.acquire().await.forget();
                });
                semaphore
            },
            async |semaphore| semaphore.release().await,
            async |semaphore, attempt| {
                settle().await;
                // With a limit of zero, woken means: it has been taken.
                let was_met = limit == 0 && attempt.moment == Moment::WhenWoken;
                if limit == 0 && attempt.was_cut() && !(was_met && attempt.polls > 0) {
                    semaphore.release().await;
                    settle().await;
                }
                let left = if attempt.was_cut() { 0 } else { limit };
                assert_eq!(semaphore.available(), left, "{attempt}");
                assert_eq!((semaphore.waiting(), semaphore.releasing()), (0, 0));
            },
        );
        assert_eq!(awaits.run().len(), 1);
    }
}

/// A lock that somebody holds until a turn from now.
async fn soon_unlocked() -> Rc<Mutex<u32>> {
    let mutex = Rc::new(Mutex::new(0));
    let own = mutex.clone();
    spawn_n(async move {
        let _held = own.lock().await;
        yield_now().await;
    });
    yield_now().await;
    mutex
}

#[test]
fn lock() {
    let awaits = cancel_at_every_await_in(
        soon_unlocked,
        async |mutex| *mutex.lock().await += 1,
        async |mutex, attempt| {
            settle().await;
            assert_eq!((mutex.is_locked(), mutex.waiting()), (false, 0));
            assert_eq!(*mutex.lock().await, u32::from(!attempt.was_cut()));
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn read_and_write() {
    let world = async || {
        let lock = Rc::new(RwLock::new(0));
        let own = lock.clone();
        spawn_n(async move {
            let _held = own.write().await;
            yield_now().await;
        });
        yield_now().await;
        lock
    };
    let awaits = cancel_at_every_await_in(
        world,
        async |lock| *lock.read().await,
        async |lock, _| {
            settle().await;
            assert_eq!((lock.waiting(), lock.try_write().is_some()), (0, true));
        },
    );
    assert_eq!(awaits.run().len(), 1);
    let awaits = cancel_at_every_await_in(
        world,
        async |lock| *lock.write().await += 1,
        async |lock, attempt| {
            settle().await;
            assert_eq!((lock.waiting(), lock.try_write().is_some()), (0, true));
            assert_eq!(*lock.read().await, u32::from(!attempt.was_cut()));
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

/// Somebody changes the value twice and notifies one each time; another one waits as well.
async fn soon_notified() -> Rc<(Mutex<u32>, Condvar)> {
    let shared = Rc::new((Mutex::new(0), Condvar::new()));
    let own = shared.clone();
    spawn_n(async move {
        for _ in 0..2 {
            sleep(SECOND).await;
            let mut value = own.0.lock().await;
            *value += 1;
            own.1.notify_one();
            yield_now().await; // who was notified has to wait for the mutex
        }
    });
    shared
}

#[test]
fn wait_for_a_condition() {
    let awaits = cancel_at_every_await_in(
        soon_notified,
        async |shared| {
            let guard = shared.1.wait(shared.0.lock().await).await;
            *guard
        },
        async |shared, attempt| {
            let (mutex, condvar) = &**shared;
            assert_eq!(condvar.waiting(), 0);
            // Of two notifications one is left, unless both were before somebody waits.
            let end = condvar.wait_while(mutex.lock().await, |n| *n < 2).await;
            assert_eq!(*end, 2);
            drop(end);
            settle().await;
            assert!(matches!(attempt.output, None | Some(1)), "{attempt}");
            assert_eq!((mutex.is_locked(), mutex.waiting()), (false, 0));
        },
    );
    assert_eq!(awaits.run().len(), 2, "the notification, the mutex");
    let awaits = cancel_at_every_await_in(
        soon_notified,
        async |shared| {
            let guard = shared.0.lock().await;
            *shared.1.wait_while(guard, |n| *n < 2).await
        },
        async |shared, _| {
            let (mutex, condvar) = &**shared;
            drop(condvar.wait_while(mutex.lock().await, |n| *n < 2).await);
            settle().await;
            let left = (mutex.is_locked(), mutex.waiting(), condvar.waiting());
            assert_eq!(left, (false, 0, 0));
        },
    );
    assert_eq!(awaits.run().len(), 4, "twice");
}

#[test]
fn wait_at_a_barrier() {
    let awaits = cancel_at_every_await_in(
        async || {
            let barrier = Rc::new(Barrier::new(2));
            let own = barrier.clone();
            spawn_n(async move {
                sleep(SECOND).await;
                own.wait().await;
            });
            barrier
        },
        async |barrier| barrier.wait().await.is_leader(),
        async |barrier, attempt| {
            sleep(2 * SECOND).await;
            let is_open =
                !attempt.was_cut() || (attempt.moment == Moment::WhenWoken && attempt.polls > 0);
            assert_eq!(barrier.waiting(), usize::from(!is_open), "{attempt}");
            if !is_open {
                assert!(barrier.wait().await.is_leader());
            }
        },
    );
    assert_eq!(awaits.run().len(), 1);
}
