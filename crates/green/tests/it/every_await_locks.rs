//! The second sheet of `every_await.rs`: semaphores with a limit, and locks (promise D-1).

use evlet_green::testing::{Moment, cancel_at_every_await_in};
use evlet_green::{BoundedSemaphore, CappedSemaphore};
use evlet_hub::{spawn_n, yield_now};

use crate::stage::settle;

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
