//! `BoundedSemaphore`: never more permits than it began with.

use evlet_green::{BoundedSemaphore, TooManyReleases};
use evlet_hub::{spawn, yield_now};

use crate::stage::virtually;

// conformance 99
#[test]
fn a_release_of_what_nobody_took_is_refused_and_changes_nothing() {
    let lock = BoundedSemaphore::new(1);
    assert_eq!(lock.release(), Err(TooManyReleases { limit: 1 }));
    let held = lock.try_acquire();
    assert!(held.is_some() && lock.try_acquire().is_none());
    assert!(lock.release().is_err(), "it comes back when it is dropped");
    drop(held);
    assert_eq!((lock.available(), lock.limit()), (1, 1));
}

#[test]
fn as_many_are_released_as_were_forgotten() {
    let semaphore = BoundedSemaphore::new(3);
    semaphore.try_acquire().unwrap().forget();
    semaphore.try_acquire().unwrap().forget();
    assert_eq!(semaphore.available(), 1);
    semaphore.release().unwrap();
    semaphore.release().unwrap();
    assert!(semaphore.release().is_err());
    assert_eq!(semaphore.available(), 3);
}

// proves D-2
#[test]
fn who_waits_is_given_what_is_released_first_come_first_served() {
    virtually(async {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.acquire().await.forget();
        let waiting = ["a", "b"].map(|name| {
            let own = semaphore.clone();
            spawn(async move {
                own.acquire().await.forget();
                name
            })
        });
        yield_now().await;
        assert_eq!((semaphore.waiting(), semaphore.balance()), (2, -2));
        semaphore.release().unwrap();
        assert!(semaphore.try_acquire().is_none(), "it is the first one's");
        let [a, b] = waiting;
        assert_eq!(a.await.unwrap(), "a");
        assert!(!b.is_finished());
        semaphore.release().unwrap();
        assert_eq!(b.await.unwrap(), "b");
    });
}

// Of size zero: nothing to take, and nothing that could be given back.
#[test]
fn without_permits_every_try_and_every_release_is_refused() {
    let semaphore = BoundedSemaphore::new(0);
    assert!(semaphore.try_acquire().is_none());
    let error = semaphore.release().unwrap_err();
    assert!(error.to_string().contains("there may be 0"), "{error}");
}
