//! `Mutex`: one at a time, in the order in which they came.

use std::rc::Rc;

use evlet_green::{Mutex, with_timeout};
use evlet_hub::{sleep, spawn, yield_now};

use crate::stage::{MS, SECOND, settle, virtually};
use crate::trace::Trace;

#[test]
fn what_is_changed_across_an_await_is_seen_whole() {
    virtually(async {
        let pair = Rc::new(Mutex::new((0, 0)));
        let writers: Vec<_> = (0..5)
            .map(|_| {
                let pair = pair.clone();
                spawn(async move {
                    for _ in 0..10 {
                        let mut pair = pair.lock().await;
                        assert_eq!(pair.0, pair.1);
                        pair.0 += 1;
                        sleep(MS).await;
                        pair.1 += 1;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(*pair.lock().await, (50, 50));
        assert_eq!((pair.is_locked(), pair.waiting()), (false, 0));
    });
}

// proves D-2
#[test]
fn turns_come_in_the_order_of_asking_and_nobody_overtakes() {
    let trace = Trace::default();
    virtually(async {
        let mutex = Rc::new(Mutex::new(()));
        let held = mutex.lock().await;
        let waiting = ["a", "b", "c"].map(|name| {
            let (mutex, trace) = (mutex.clone(), trace.clone());
            spawn(async move {
                let _held = mutex.lock().await;
                trace.add(name);
                yield_now().await;
            })
        });
        settle().await;
        assert_eq!(mutex.waiting(), 3);
        drop(held);
        assert!(mutex.try_lock().is_none(), "it is a's turn");
        assert!(mutex.is_locked());
        for thread in waiting {
            thread.await.unwrap();
        }
    });
    assert_eq!(trace.text(), "a b c");
}

#[test]
fn try_lock_does_not_wait() {
    let mutex = Mutex::new(1);
    {
        let mut value = mutex.try_lock().unwrap();
        *value += 1;
        assert!(mutex.try_lock().is_none());
        assert_eq!(format!("{value} {value:?}"), "2 2");
        assert!(format!("{mutex:?}").contains("<locked>"));
    }
    assert!(format!("{mutex:?}").contains("value: 2"));
    assert_eq!(mutex.into_inner(), 2);
    let mut other = Mutex::<u8>::default();
    *other.get_mut() = 3;
    assert_eq!(*other.try_lock().unwrap(), 3);
}

#[test]
fn a_panic_and_a_kill_give_the_lock_back_and_poison_nothing() {
    virtually(async {
        let mutex = Rc::new(Mutex::new(0));
        let own = mutex.clone();
        let failing = spawn(async move {
            *own.lock().await = 1;
            let _held = own.lock().await;
            panic!("with the lock in hand");
        });
        assert!(failing.await.is_err());
        let own = mutex.clone();
        let doomed = spawn(async move {
            let mut held = own.lock().await;
            *held += 1;
            std::future::pending::<()>().await;
        });
        settle().await;
        assert!(mutex.is_locked());
        doomed.kill().await;
        assert_eq!(*mutex.lock().await, 2);
    });
}

// Waiting on oneself: it ends at a limit, like any other wait, and leaves nothing behind.
#[test]
fn who_locks_twice_waits_until_it_gives_up() {
    virtually(async {
        let mutex = Mutex::new(());
        let held = mutex.lock().await;
        assert!(with_timeout(SECOND, mutex.lock()).await.is_err());
        assert_eq!(mutex.waiting(), 0);
        drop(held);
        assert!(mutex.try_lock().is_some());
    });
}
