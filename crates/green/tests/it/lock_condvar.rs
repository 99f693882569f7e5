//! `Condvar`: waiting for a change of what a mutex protects.

use std::rc::Rc;

use evlet_green::{Condvar, Mutex, with_timeout};
use evlet_hub::{GreenThread, spawn, yield_now};

use crate::stage::{SECOND, settle, virtually};
use crate::trace::Trace;

type Shared = Rc<(Mutex<u32>, Condvar)>;

fn waiter(shared: &Shared, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (shared, trace) = (shared.clone(), trace.clone());
    spawn(async move {
        let (mutex, condvar) = &*shared;
        let guard = condvar.wait(mutex.lock().await).await;
        trace.add(name);
        yield_now().await;
        drop(guard);
    })
}

// proves D-2
#[test]
fn those_who_wait_are_notified_first_come_first_served() {
    virtually(async {
        let (trace, shared) = (Trace::default(), Shared::default());
        let waiters = ["a", "b", "c"].map(|name| waiter(&shared, &trace, name));
        settle().await;
        let (mutex, condvar) = &*shared;
        assert_eq!((condvar.waiting(), mutex.is_locked()), (3, false));
        condvar.notify_one();
        settle().await;
        assert_eq!(trace.text(), "a");
        condvar.notify_all();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(trace.text(), "a b c");
        assert_eq!(condvar.waiting(), 0);
    });
}

#[test]
fn a_notified_waiter_goes_on_when_it_can_lock() {
    virtually(async {
        let (trace, shared) = (Trace::default(), Shared::default());
        let waiter = waiter(&shared, &trace, "a");
        settle().await;
        let (mutex, condvar) = &*shared;
        let held = mutex.lock().await;
        condvar.notify_one();
        settle().await;
        assert_eq!((trace.text().as_str(), mutex.waiting()), ("", 1));
        drop(held);
        waiter.await.unwrap();
        assert_eq!(trace.text(), "a");
    });
}

#[test]
fn a_notification_that_finds_nobody_is_gone() {
    virtually(async {
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        condvar.notify_one();
        condvar.notify_all();
        let wait = condvar.wait(mutex.lock().await);
        assert!(with_timeout(SECOND, wait).await.is_err());
        assert!(!mutex.is_locked(), "who gave up does not hold the mutex");
    });
}

// The mutex is given back in one step with joining the line.
#[test]
fn no_notification_comes_between_the_unlock_and_the_wait() {
    virtually(async {
        let shared = Shared::default();
        let own = shared.clone();
        let changer = spawn(async move {
            for _ in 0..100 {
                *own.0.lock().await += 1;
                own.1.notify_one();
                yield_now().await;
            }
        });
        let (mutex, condvar) = &*shared;
        let guard = condvar.wait_while(mutex.lock().await, |n| *n < 100).await;
        assert_eq!(*guard, 100);
        changer.await.unwrap();
    });
}

#[test]
fn wait_while_does_not_wait_for_what_is_so_already() {
    virtually(async {
        let (mutex, condvar) = (Mutex::new(7), Condvar::new());
        let guard = condvar.wait_while(mutex.lock().await, |n| *n != 7).await;
        assert_eq!(*guard, 7);
    });
}

// What was sent to one goes to the next, wherever the first one gave up.
#[test]
fn a_notification_to_one_that_gives_up_goes_to_the_next() {
    virtually(async {
        for holds_mutex in [false, true] {
            let (trace, shared) = (Trace::default(), Shared::default());
            let doomed = waiter(&shared, &trace, "doomed");
            let next = waiter(&shared, &trace, "next");
            settle().await;
            let (mutex, condvar) = &*shared;
            let held = match holds_mutex {
                true => Some(mutex.lock().await),
                false => None,
            };
            condvar.notify_one();
            if holds_mutex {
                settle().await; // it has heard of it, and waits for the mutex
                assert_eq!(mutex.waiting(), 1);
            }
            doomed.kill().await;
            drop(held);
            next.await.unwrap();
            assert_eq!(trace.text(), "next");
        }
    });
}

#[test]
fn a_notification_to_all_is_not_passed_on() {
    virtually(async {
        let (trace, shared) = (Trace::default(), Shared::default());
        let doomed = waiter(&shared, &trace, "doomed");
        settle().await;
        shared.1.notify_all();
        let late = waiter(&shared, &trace, "late");
        doomed.kill().await;
        settle().await;
        assert_eq!((trace.text().as_str(), shared.1.waiting()), ("", 1));
        late.kill().await;
    });
}

#[test]
fn a_wait_that_is_never_polled_keeps_the_mutex_until_it_is_dropped() {
    virtually(async {
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        let wait = condvar.wait(mutex.lock().await);
        assert!(mutex.is_locked());
        drop(wait);
        assert!(!mutex.is_locked());
    });
}
