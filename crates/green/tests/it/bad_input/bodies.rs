//! User code that panics, wherever a type calls it: the panic goes to who can do something about it, and the
//! type is as usable as before.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use evlet_green::{
    BackOffLoopingCall, Condvar, DynamicLoopingCall, Event, FixedIntervalWithTimeoutLoopingCall,
    GreenPool, LightQueue, LoopError, LoopingCall, Mutex, Semaphore, on_cancel,
};
use evlet_hub::{Exit, spawn, yield_now};
use futures::FutureExt;

use crate::stage::{MS, SECOND, reports_of, settle, virtually};

// proves D-7
#[test]
fn members_of_a_pool_that_panic_free_their_places() {
    virtually(async {
        let pool = GreenPool::new(2);
        for _ in 0..10 {
            let member = pool.spawn(async { panic!("as ordered") }).await;
            let ended: Result<(), Exit> = member.await;
            assert_eq!(
                ended.unwrap_err().panic_message().as_deref(),
                Some("as ordered")
            );
        }
        pool.waitall().await;
        assert_eq!((pool.running(), pool.free()), (0, 2));
    });
}

// The fixed loop's stands with its own tests.
#[test]
fn a_panic_ends_every_kind_of_loop_and_is_told_to_who_waits() {
    virtually(async {
        fn fails() {
            panic!("as ordered");
        }
        let timed = FixedIntervalWithTimeoutLoopingCall::new(async || fails()).start(SECOND);
        let dynamic = DynamicLoopingCall::new(async || fails()).start();
        let back_off = BackOffLoopingCall::new(async || fails()).start();
        // In the function itself, before there is a future.
        let early = DynamicLoopingCall::new(|| -> std::future::Ready<()> { panic!("as ordered") });
        let early = early.stop_on_error(false).start();
        for looping in [timed, dynamic, back_off, early] {
            let looping: LoopingCall<()> = looping;
            match looping.wait().await {
                Err(LoopError::Panicked(message)) => assert_eq!(message, "as ordered"),
                other => panic!("{other:?}"),
            }
        }
    });
}

// The source of a loop's jitter is the user's as well. A loop that was stopped gives `Ok(())` here.
#[test]
fn a_draw_that_panics_ends_the_loop_and_is_told_to_who_waits() {
    let reports = reports_of(async {
        let looping = BackOffLoopingCall::new(async || false)
            .jitter_from(|| panic!("the die is lost"))
            .start();
        match looping.wait().await {
            Err(LoopError::Panicked(message)) => assert_eq!(message, "the die is lost"),
            other => panic!("{other:?}"),
        }
        assert!(!looping.is_running());
    });
    assert!(reports.is_empty(), "it is told once: {reports:?}");
}

// And so is the text of an error.
#[test]
fn an_error_that_cannot_be_shown_ends_the_loop_with_what_is_known() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::error::Error for Unspeakable {}
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no words")
        }
    }
    reports_of(async {
        let goes_on = BackOffLoopingCall::new(async || Err::<bool, _>(Unspeakable));
        let goes_on = goes_on.stop_on_error(false).start();
        let end = goes_on.wait().await;
        assert!(matches!(end, Err(LoopError::Panicked(_))), "{end:?}");
        // Nobody waits, so it is to be shown in a report.
        let ends = DynamicLoopingCall::new(async || Err::<(), _>(Unspeakable)).start();
        settle().await;
        let end = ends.wait().await;
        assert!(
            matches!(end, Err(LoopError::Failed(_))),
            "{:?}",
            end.is_ok()
        );
    });
}

#[test]
fn a_value_whose_clone_panics_harms_only_who_cloned_it() {
    struct Brittle(bool);
    impl Clone for Brittle {
        fn clone(&self) -> Self {
            assert!(!self.0, "it broke");
            Brittle(self.0)
        }
    }
    virtually(async {
        let event = Event::<Brittle>::new();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let event = event.clone();
                spawn(async move { event.wait().await.0 })
            })
            .collect();
        yield_now().await;
        event.send(Brittle(true)).unwrap();
        for waiter in waiters {
            assert!(matches!(waiter.await, Err(Exit::Panicked(_))));
        }
        assert!(event.ready() && event.waiting() == 0 && event.reset());
        event.send(Brittle(false)).unwrap();
        assert!(!event.wait().await.0);
    });
}

#[test]
fn a_condition_that_panics_gives_the_lock_back() {
    virtually(async {
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        let guard = mutex.lock().await;
        let waiting = condvar.wait_while(guard, |_| panic!("as ordered"));
        assert!(AssertUnwindSafe(waiting).catch_unwind().await.is_err());
        assert_eq!((*mutex.lock().await, condvar.waiting()), (0, 0));
    });
}

#[test]
fn who_panics_with_something_in_hand_gives_it_back() {
    virtually(async {
        let semaphore = Semaphore::new(1);
        let queue = LightQueue::bounded(1);
        let (permits, own) = (semaphore.clone(), queue.clone());
        let thread = spawn(async move {
            let _permit = permits.acquire().await;
            own.put(1).await;
            let _waiting_no_more = own.put(2);
            panic!("as ordered");
        });
        assert!(thread.await.is_err());
        assert_eq!(semaphore.available(), 1);
        assert_eq!((queue.qsize(), queue.putting()), (1, 0));
    });
}

#[test]
fn a_clean_up_that_panics_is_reported() {
    let reports = reports_of(async {
        drop(on_cancel(async { panic!("as ordered") }));
        settle().await;
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("as ordered"), "{reports:?}");
}

#[test]
fn a_destructor_of_an_item_that_panics_is_its_droppers_and_the_queue_goes_on() {
    struct Bomb(#[expect(dead_code, reason = "counts those that are left")] Rc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("as ordered");
            }
        }
    }
    virtually(async {
        let mark = Rc::new(());
        let queue = LightQueue::unbounded();
        queue.put(Bomb(mark.clone())).await;
        let own = queue.clone();
        let getter = spawn(async move { drop(own.get().await) });
        assert!(matches!(getter.await, Err(Exit::Panicked(_))));
        assert_eq!((queue.qsize(), Rc::strong_count(&mark)), (0, 1));
        let waiting = queue.clone();
        let next = spawn(async move { std::mem::forget(waiting.get().await) });
        spawn(async move { queue.put(Bomb(mark)).await })
            .await
            .unwrap();
        evlet_green::with_timeout(MS, next).await.unwrap().unwrap();
    });
}
