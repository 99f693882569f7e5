//! The second sheet of `reentrancy.rs`: wakers, destructors and functions for reports that use the lock,
//! semaphore or loop that runs them (promise D-4).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use evlet_green::{
    Barrier, BoundedSemaphore, CappedSemaphore, Condvar, FixedIntervalLoopingCall, LoopingCall,
    Mutex, RwLock,
};
use evlet_hub::{Hub, sleep, spawn, yield_now};

use crate::reentrancy::check;
use crate::stage::{MS, SECOND, virtually};
use crate::trace::OnDrop;

#[test]
fn wakers_may_use_the_mutex() {
    let mutex = Rc::new(Mutex::new(0));
    let own = mutex.clone();
    let held = mutex.try_lock().unwrap();
    check(
        move || {
            if let Some(mut value) = own.try_lock() {
                *value += 1;
            }
        },
        (0..3)
            .map(|_| Box::pin(async { *mutex.lock().await += 1 }) as _)
            .collect(),
        || drop(held),
    );
    assert_eq!((mutex.waiting(), mutex.is_locked()), (0, false));
}

#[test]
fn wakers_may_use_the_read_write_lock() {
    let lock = Rc::new(RwLock::new(0));
    let own = lock.clone();
    let held = lock.try_read().unwrap();
    check(
        move || {
            drop(own.try_read());
            drop(own.try_write());
        },
        vec![
            Box::pin(async { *lock.write().await += 1 }),
            Box::pin(async { drop(lock.read().await) }),
            Box::pin(async { drop(lock.read().await) }),
            Box::pin(async { *lock.write().await += 1 }),
        ],
        || drop(held),
    );
    assert!(lock.try_write().is_some());
    assert_eq!(lock.waiting(), 0);
}

#[test]
fn wakers_may_use_the_condition_variable() {
    let shared = Rc::new((Mutex::new(0), Condvar::new()));
    let own = shared.clone();
    let (mutex, condvar) = &*shared;
    check(
        move || {
            own.1.notify_one();
            drop(own.0.try_lock());
        },
        (0..3)
            .map(|_| {
                Box::pin(async {
                    let guard = mutex.lock().await;
                    drop(condvar.wait(guard).await);
                }) as _
            })
            .collect(),
        || condvar.notify_all(),
    );
    assert_eq!((condvar.waiting(), mutex.waiting()), (0, 0));
    assert!(!mutex.is_locked());
}

#[test]
fn wakers_may_use_the_barrier() {
    let barrier = Rc::new(Barrier::new(2));
    let own = barrier.clone();
    check(
        move || {
            // Makes a future of it, and drops it unpolled.
            drop(own.wait());
            assert!(own.waiting() <= 2);
        },
        (0..3)
            .map(|_| Box::pin(async { _ = barrier.wait().await }) as _)
            .collect(),
        || (),
    );
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn wakers_may_use_semaphores_with_a_limit() {
    let bounded = BoundedSemaphore::new(1);
    let own = bounded.clone();
    let held = bounded.try_acquire();
    check(
        move || {
            drop(own.try_acquire());
            let _ = own.release();
        },
        (0..3)
            .map(|_| Box::pin(async { drop(bounded.acquire().await) }) as _)
            .collect(),
        || drop(held),
    );
    assert_eq!((bounded.available(), bounded.waiting()), (1, 0));

    let capped = CappedSemaphore::new(0, 1).unwrap();
    let own = capped.clone();
    check(
        move || {
            let _ = own.try_release();
            drop(own.try_acquire());
        },
        vec![
            Box::pin(async { drop(capped.acquire().await) }),
            Box::pin(async { capped.release().await }),
            Box::pin(async { capped.release().await }),
            Box::pin(async { drop(capped.acquire().await) }),
        ],
        || _ = capped.try_release(),
    );
    assert_eq!((capped.waiting(), capped.releasing()), (0, 0));
}

// The value in a mutex is dropped by who replaces it, with the mutex locked.
#[test]
fn a_value_may_look_at_its_mutex_when_it_is_dropped() {
    virtually(async {
        let mutex = Rc::new(Mutex::new(None));
        let (own, seen) = (Rc::downgrade(&mutex), Rc::new(Cell::new(false)));
        let saw = seen.clone();
        *mutex.lock().await = Some(OnDrop::new(move || {
            if let Some(mutex) = own.upgrade() {
                saw.set(mutex.try_lock().is_none() && mutex.is_locked());
            }
        }));
        *mutex.lock().await = None;
        assert!(seen.get());
        assert!(!mutex.is_locked());
    });
}

#[test]
fn a_function_may_stop_its_loop_when_it_is_dropped() {
    virtually(async {
        let looping = FixedIntervalLoopingCall::new(|| async {}).start(SECOND);
        let own = looping.clone();
        let held = OnDrop::new(move || {
            own.stop();
            own.stop();
        });
        let holder = spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        holder.kill().await;
        looping.wait().await.unwrap();
    });
}

// Real time: under virtual time nothing is late.
#[test]
fn who_hears_that_a_loop_is_late_may_stop_it_and_it_is_not_called_any_more() {
    let looping: Rc<RefCell<Option<LoopingCall<()>>>> = Rc::default();
    let (own, is_stopped) = (looping.clone(), Rc::new(Cell::new(false)));
    let stopped = is_stopped.clone();
    let hub = Hub::builder().on_report(move |report| {
        if report.to_string().contains("something held the hub")
            && let Some(looping) = own.take()
        {
            looping.stop();
            stopped.set(true);
        }
    });
    hub.build().unwrap().run(async {
        let (called, stopped) = (Rc::new(Cell::new(false)), is_stopped.clone());
        let count = called.clone();
        let heart = FixedIntervalLoopingCall::new(move || {
            count.set(count.get() || stopped.get());
            async {}
        });
        let heart = heart.start(20 * MS);
        looping.replace(Some(heart.clone()));
        sleep(10 * MS).await;
        let start = std::time::Instant::now();
        while start.elapsed() < 60 * MS {}
        heart.wait().await.unwrap();
        assert!(is_stopped.get() && !called.get());
    });
}
