//! `Semaphore`: eventlet's cases, and what ours add to them.

use std::cell::Cell;
use std::rc::Rc;

use evlet_green::{Semaphore, with_timeout};
use evlet_hub::{GreenThread, now, sleep, spawn, yield_now};

use crate::stage::{MS, SECOND, virtually};
use crate::trace::Trace;

// conformance 54
#[test]
fn try_acquire_does_not_wait() {
    let semaphore = Semaphore::new(0);
    assert!(semaphore.try_acquire().is_none());
    semaphore.release();
    assert!(semaphore.try_acquire().is_some());
}

#[test]
fn a_try_for_many_takes_all_or_none_and_does_not_overtake() {
    virtually(async {
        let semaphore = Semaphore::new(3);
        let two = semaphore.try_acquire_many(2).unwrap();
        assert!(semaphore.try_acquire_many(2).is_none());
        assert_eq!(semaphore.available(), 1, "none is taken by halves");
        let own = semaphore.clone();
        let first = spawn(async move { own.acquire_many(3).await });
        yield_now().await;
        for permits in [0, 1] {
            assert!(semaphore.try_acquire_many(permits).is_none(), "{permits}");
        }
        drop(two);
        drop(first.await.unwrap());
        drop(semaphore.try_acquire_many(3).unwrap());
        assert_eq!(semaphore.available(), 3);
    });
}

// conformance 55, 56
#[test]
fn a_limited_acquire_ends_at_its_limit() {
    virtually(async {
        let semaphore = Semaphore::new(0);
        let start = now();
        assert!(with_timeout(100 * MS, semaphore.acquire()).await.is_err());
        assert_eq!(now() - start, 100 * MS);
        assert_eq!((semaphore.waiting(), semaphore.balance()), (0, 0));
    });
}

// conformance 57; proves D-2
#[test]
fn two_contenders_for_one_permit_alternate() {
    virtually(async {
        let semaphore = Semaphore::new(1);
        let counts: Rc<[Cell<u32>; 2]> = Rc::default();
        let workers: Vec<_> = (0..2)
            .map(|who| {
                let (semaphore, counts) = (semaphore.clone(), counts.clone());
                spawn(async move {
                    loop {
                        let _permit = semaphore.acquire().await;
                        counts[who].set(counts[who].get() + 1);
                        sleep(MS).await;
                    }
                })
            })
            .collect();
        sleep(SECOND).await;
        for worker in workers {
            worker.kill().await;
        }
        let [a, b] = [counts[0].get(), counts[1].get()];
        assert!(a > 100 && a.abs_diff(b) <= 1, "{a} and {b}");
        assert_eq!(semaphore.available(), 1);
    });
}

fn taker(semaphore: &Semaphore, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (semaphore, trace) = (semaphore.clone(), trace.clone());
    spawn(async move {
        let _permit = semaphore.acquire().await;
        trace.add(name);
        yield_now().await;
    })
}

// proves D-2
#[test]
fn permits_go_to_those_who_wait_first_come_first_served() {
    let trace = Trace::default();
    virtually(async {
        let semaphore = Semaphore::new(1);
        let first = semaphore.acquire().await;
        let waiting = ["a", "b", "c"].map(|name| taker(&semaphore, &trace, name));
        yield_now().await;
        assert_eq!((semaphore.waiting(), semaphore.balance()), (3, -3));
        drop(first);
        assert!(
            semaphore.try_acquire().is_none(),
            "it belongs to the first who waits"
        );
        for thread in waiting {
            thread.await.unwrap();
        }
        assert_eq!((semaphore.available(), semaphore.balance()), (1, 1));
    });
    assert_eq!(trace.text(), "a b c");
}

#[test]
fn a_permit_that_is_forgotten_is_gone() {
    let semaphore = Semaphore::new(2);
    semaphore.try_acquire().unwrap().forget();
    assert_eq!(semaphore.available(), 1);
    semaphore.release();
    semaphore.release();
    assert_eq!(semaphore.available(), 3, "release has no upper limit");
}

#[test]
fn many_permits_are_taken_at_once_or_not_at_all() {
    virtually(async {
        let semaphore = Semaphore::new(3);
        let one = semaphore.acquire().await;
        let own = semaphore.clone();
        let many = spawn(async move { own.acquire_many(3).await });
        yield_now().await;
        assert_eq!(semaphore.available(), 2, "none is taken while it waits");
        let own = semaphore.clone();
        let behind = spawn(async move { own.acquire().await });
        yield_now().await;
        assert_eq!(
            semaphore.waiting(),
            2,
            "nobody overtakes the one who needs many"
        );
        drop(one);
        let many = many.await.unwrap();
        assert_eq!((semaphore.available(), semaphore.waiting()), (0, 1));
        drop(many);
        drop(behind.await.unwrap());
        assert_eq!(semaphore.available(), 3);
    });
}

#[test]
fn one_who_needs_many_and_gives_up_lets_those_behind_go_on() {
    virtually(async {
        let semaphore = Semaphore::new(1);
        let own = semaphore.clone();
        let many = spawn(async move { own.acquire_many(5).await });
        let own = semaphore.clone();
        let behind = spawn(async move { own.acquire().await });
        yield_now().await;
        assert_eq!(semaphore.waiting(), 2);
        many.kill().await;
        drop(behind.await.unwrap());
        assert_eq!(semaphore.available(), 1);
    });
}

// proves D-7: as for a pool's places
#[test]
fn a_panic_gives_the_permit_back() {
    virtually(async {
        let semaphore = Semaphore::new(1);
        let own = semaphore.clone();
        let failing = spawn(async move {
            let _permit = own.acquire().await;
            panic!("with a permit in hand");
        });
        assert!(failing.await.is_err());
        assert_eq!(semaphore.available(), 1);
    });
}
