//! `CappedSemaphore`: acquire waits at zero, release waits at the limit.

use evlet_green::{CappedSemaphore, OverLimit, TooManyReleases};
use evlet_hub::{GreenThread, spawn, yield_now};

use crate::stage::{settle, virtually};
use crate::trace::Trace;

fn taker(semaphore: &CappedSemaphore, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (semaphore, trace) = (semaphore.clone(), trace.clone());
    spawn(async move {
        semaphore.acquire().await.forget();
        trace.add(name);
    })
}

fn giver(semaphore: &CappedSemaphore, trace: &Trace, name: &'static str) -> GreenThread<()> {
    let (semaphore, trace) = (semaphore.clone(), trace.clone());
    spawn(async move {
        semaphore.release().await;
        trace.add(name);
    })
}

// conformance 52
#[test]
fn the_balance_goes_from_minus_the_limit_to_the_limit() {
    virtually(async {
        let semaphore = CappedSemaphore::new(2, 3).unwrap();
        assert_eq!(semaphore.balance(), 1);
        semaphore.acquire().await.forget();
        semaphore.acquire().await.forget();
        let giver = giver(&semaphore, &Trace::default(), "given");
        semaphore.acquire().await.forget();
        assert_eq!(semaphore.balance(), -3);
        giver.await.unwrap();

        for _ in 0..3 {
            semaphore.release().await;
        }
        let taker = taker(&semaphore, &Trace::default(), "taken");
        semaphore.release().await;
        assert_eq!(semaphore.balance(), 3);
        taker.await.unwrap();
    });
}

// conformance 52
#[test]
fn those_who_wait_count_beyond_the_ends() {
    virtually(async {
        let trace = Trace::default();
        let semaphore = CappedSemaphore::new(0, 1).unwrap();
        let takers = [
            taker(&semaphore, &trace, "a"),
            taker(&semaphore, &trace, "b"),
        ];
        settle().await;
        assert_eq!((semaphore.balance(), semaphore.waiting()), (-5, 2));
        for taker in takers {
            taker.kill().await;
        }
        assert_eq!(semaphore.balance(), -1);
        semaphore.release().await;
        let giver = giver(&semaphore, &trace, "c");
        settle().await;
        assert_eq!((semaphore.balance(), semaphore.releasing()), (3, 1));
        giver.kill().await;
        assert_eq!((semaphore.balance(), semaphore.available()), (1, 1));
    });
}

// conformance 53
#[test]
fn with_a_limit_of_zero_an_acquire_and_a_release_meet() {
    virtually(async {
        for takes_first in [true, false] {
            let trace = Trace::default();
            let semaphore = CappedSemaphore::new(0, 0).unwrap();
            assert!(semaphore.try_acquire().is_none());
            assert_eq!(semaphore.try_release(), Err(TooManyReleases { limit: 0 }));
            let (one, other) = match takes_first {
                true => (taker(&semaphore, &trace, "taken"), "given"),
                false => (giver(&semaphore, &trace, "given"), "taken"),
            };
            settle().await;
            assert_eq!(trace.text(), "", "neither goes on alone");
            match takes_first {
                true => semaphore.release().await,
                false => semaphore.acquire().await.forget(),
            }
            trace.add(other);
            one.await.unwrap();
            assert_eq!((semaphore.available(), semaphore.balance()), (0, 0));
        }
    });
}

#[test]
fn a_release_waits_for_room_and_no_longer() {
    virtually(async {
        let trace = Trace::default();
        let semaphore = CappedSemaphore::new(2, 2).unwrap();
        let givers = ["a", "b"].map(|name| giver(&semaphore, &trace, name));
        settle().await;
        assert_eq!((trace.text().as_str(), semaphore.releasing()), ("", 2));
        semaphore.acquire().await.forget();
        settle().await;
        assert_eq!((trace.text().as_str(), semaphore.available()), ("a", 2));
        semaphore.try_acquire().unwrap().forget();
        settle().await;
        assert_eq!((trace.text().as_str(), semaphore.available()), ("a b", 2));
        for giver in givers {
            giver.await.unwrap();
        }
    });
}

#[test]
fn a_permit_that_is_dropped_comes_back_while_there_is_room() {
    virtually(async {
        let semaphore = CappedSemaphore::new(2, 2).unwrap();
        let (kept, returned) = (semaphore.acquire().await, semaphore.acquire().await);
        semaphore.release().await; // its room is free as soon as it is taken
        drop(returned);
        assert_eq!(semaphore.available(), 2);
        drop(kept);
        assert_eq!(
            semaphore.available(),
            2,
            "there are as many as there may be"
        );

        let held = [semaphore.acquire().await, semaphore.acquire().await];
        let own = semaphore.clone();
        let waiting = spawn(async move { own.acquire().await.forget() });
        yield_now().await;
        drop(held); // the first goes to who waits
        waiting.await.unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

// proves D-2
#[test]
fn nobody_overtakes_on_either_side() {
    virtually(async {
        let trace = Trace::default();
        let semaphore = CappedSemaphore::new(0, 1).unwrap();
        let takers = ["a", "b"].map(|name| taker(&semaphore, &trace, name));
        settle().await;
        semaphore.try_release().unwrap();
        assert!(semaphore.try_acquire().is_none(), "it is promised to a");
        assert!(
            semaphore.try_release().is_err(),
            "and lies here until a has come"
        );
        settle().await;
        assert_eq!(trace.text(), "a");
        semaphore.release().await;
        for taker in takers {
            taker.await.unwrap();
        }
        assert_eq!(trace.text(), "a b");
    });
}

#[test]
fn one_that_would_begin_over_its_limit_is_refused() {
    let error = CappedSemaphore::new(4, 3).unwrap_err();
    assert_eq!(
        error,
        OverLimit {
            permits: 4,
            limit: 3
        }
    );
    assert!(error.to_string().contains("limit of 3"), "{error}");
    let largest = CappedSemaphore::new(usize::MAX, usize::MAX).unwrap();
    assert_eq!(
        (largest.available(), largest.balance()),
        (usize::MAX, isize::MAX)
    );
    assert!(largest.try_release().is_err());
}
