//! What nobody should write and somebody will: each is a typed error or does what its page says, and
//! nothing hangs or aborts. (A deadlock of one who waits for itself is in `waits.rs`, a body that
//! panics in each primitive's own file.)

use std::future::IntoFuture;
use std::time::Duration;

use evlet_green::{
    BackOffLoopingCall, Barrier, BoundedSemaphore, CappedSemaphore, DynamicLoopingCall, Event,
    FixedIntervalLoopingCall, FixedIntervalWithTimeoutLoopingCall, GreenPile, GreenPool,
    LightQueue, LoopError, Queue, Semaphore, TooManyDone, TooManyReleases, retry, with_timeout,
    with_timeout_or,
};
use evlet_hub::{Exit, current, now, sleep, spawn, yield_now};

use crate::stage::{SECOND, settle, virtually};

const CENTURIES: Duration = Duration::from_secs(300 * 365 * 24 * 3600);

/// Durations that no clock is made for.
const LONG: [Duration; 3] = [CENTURIES, Duration::from_secs(u64::MAX), Duration::MAX];

// Size zero: nothing goes in, what does not wait says so, and what waits ends at its limit.
#[test]
fn a_pool_of_size_zero_admits_nobody_until_it_grows() {
    virtually(async {
        let pool = GreenPool::new(0);
        assert!(pool.is_full() && pool.try_spawn(async {}).is_err());
        let spawning = with_timeout(SECOND, pool.spawn_n(async {})).await;
        assert!(spawning.is_err());
        pool.waitall().await;
        let own = pool.clone();
        let waiting = spawn(async move { own.spawn(async { 7 }).await.await });
        yield_now().await;
        assert_eq!(pool.waiting(), 1);
        pool.resize(1);
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
    });
}

#[test]
fn a_pile_of_size_zero_ends_at_once_and_admits_nobody() {
    virtually(async {
        let pile = GreenPile::<u8>::new(0);
        assert_eq!(pile.next().await, None);
        let spawning = with_timeout(SECOND, pile.spawn(async { 1 })).await;
        assert!(spawning.is_err());
        assert_eq!(pile.next().await, None);
    });
}

#[test]
fn a_pool_that_shrinks_to_zero_lets_its_members_end_and_admits_nobody() {
    virtually(async {
        let pool = GreenPool::new(2);
        let member = pool.spawn(async { (sleep(SECOND).await, 5).1 }).await;
        pool.resize(0);
        assert!(pool.try_spawn(async {}).is_err());
        assert_eq!(member.await.unwrap(), 5);
        pool.waitall().await;
        assert_eq!((pool.size(), pool.free(), pool.running()), (0, 0, 0));
    });
}

#[test]
fn other_sizes_of_zero_do_what_their_pages_say() {
    virtually(async {
        let queue = Queue::bounded(0);
        assert!(queue.put_nowait(1).is_err() && queue.get_nowait().is_err());
        assert!(queue.is_full() && queue.is_empty());
        queue.resize(1);
        queue.put(1).await;
        queue.resize(0);
        assert_eq!(
            (queue.qsize(), queue.get().await),
            (1, 1),
            "nothing is dropped"
        );

        assert!(Semaphore::new(0).try_acquire().is_none());
        assert!(BoundedSemaphore::new(0).try_acquire().is_none());
        assert!(CappedSemaphore::new(0, 0).unwrap().try_acquire().is_none());
        assert!(Barrier::new(0).wait().await.is_leader());
        // No permits are wanted, so none are waited for.
        drop(Semaphore::new(0).acquire_many(0).await);
    });
}

#[test]
fn durations_of_zero_give_others_a_turn_and_end() {
    virtually(async {
        let never = Event::<()>::new();
        assert!(with_timeout(Duration::ZERO, never.wait()).await.is_err());
        assert_eq!(with_timeout_or(Duration::ZERO, 3, async { 4 }).await, 4);
        let queue = LightQueue::<u8>::unbounded();
        assert!(queue.get_timeout(Duration::ZERO).await.is_err());
        let timed = FixedIntervalWithTimeoutLoopingCall::new(|| async {});
        let timed = timed.timeout(Duration::from_nanos(1)).start(Duration::ZERO);
        yield_now().await;
        timed.stop(); // in virtual time no time passes: it would go on for ever
        timed.wait().await.unwrap();
        let dynamic = DynamicLoopingCall::new(|| async { Duration::ZERO }).start();
        settle().await;
        assert!(dynamic.is_running(), "it has let us go on");
        dynamic.stop();
        dynamic.wait().await.unwrap();
    });
}

#[test]
fn a_back_off_of_zero_goes_on_and_is_stopped() {
    virtually(async {
        let looping = BackOffLoopingCall::new(|| async { false })
            .starting_interval(Duration::ZERO)
            .min_interval(Duration::ZERO)
            .max_interval(Duration::ZERO)
            .start();
        settle().await;
        assert!(looping.is_running());
        looping.stop();
        looping.wait().await.unwrap();
    });
}

#[test]
fn limits_of_centuries_do_not_disturb_what_they_limit() {
    virtually(async {
        for long in LONG {
            let start = now();
            assert!(with_timeout(long, sleep(SECOND)).await.is_ok());
            assert_eq!(with_timeout_or(long, 1, async { 2 }).await, 2);
            let queue = LightQueue::bounded(1);
            queue.put_timeout(1, long).await.unwrap();
            assert_eq!(queue.get_timeout(long).await, Ok(1));
            assert_eq!(now() - start, SECOND);
        }
    });
}

#[test]
fn loops_with_intervals_of_centuries_are_stopped_like_any_other() {
    virtually(async {
        for long in LONG {
            let fixed = FixedIntervalLoopingCall::new(|| async {}).start(long);
            let delayed = FixedIntervalLoopingCall::new(|| async {}).initial_delay(long);
            let delayed = delayed.start(long);
            let timed = FixedIntervalWithTimeoutLoopingCall::new(|| async {});
            let timed = timed.timeout(long).start(long);
            let dynamic = DynamicLoopingCall::new(move || async move { long }).start();
            let back_off = BackOffLoopingCall::new(|| async { false });
            let back_off = back_off.starting_interval(long).max_interval(long);
            let back_off = back_off.timeout(Duration::ZERO).start();
            sleep(SECOND).await;
            for looping in [fixed, delayed, timed, dynamic, back_off] {
                assert!(looping.is_running());
                looping.stop();
                looping.wait().await.unwrap();
            }
        }
    });
}

#[test]
fn a_retry_with_pauses_of_centuries_can_be_given_up() {
    virtually(async {
        for long in LONG {
            let trying = retry(async || Err::<(), _>("never"))
                .inc_sleep_time(long)
                .max_sleep_time(long);
            assert!(with_timeout(SECOND, trying.into_future()).await.is_err());
        }
    });
}

#[test]
fn a_release_and_a_task_done_too_many_are_typed_errors_and_change_nothing() {
    virtually(async {
        let semaphore = BoundedSemaphore::new(1);
        assert_eq!(semaphore.release(), Err(TooManyReleases { limit: 1 }));
        assert_eq!(semaphore.available(), 1);
        let queue = Queue::unbounded();
        queue.put(1).await;
        queue.task_done().unwrap();
        assert_eq!(queue.task_done(), Err(TooManyDone));
        queue.join().await;
        assert_eq!((queue.unfinished_tasks(), queue.get().await), (0, 1));
    });
}

#[test]
fn counters_at_the_end_of_their_range_stay_there() {
    let semaphore = Semaphore::new(usize::MAX);
    semaphore.release();
    assert_eq!(semaphore.available(), usize::MAX);
    assert_eq!(semaphore.balance(), isize::MAX);
}

// A kill of oneself, as a member of a pool: it ends at its next await, and the place is free again.
#[test]
fn a_member_that_kills_itself_costs_no_place() {
    virtually(async {
        let pool = GreenPool::new(1);
        let me = Event::<std::rc::Rc<evlet_hub::GreenThread<()>>>::new();
        let own = me.clone();
        let member = pool
            .spawn(async move {
                let me = own.wait().await;
                assert_eq!(Some(me.id()), current());
                me.kill();
                yield_now().await;
                unreachable!("it was killed");
            })
            .await;
        let member = std::rc::Rc::new(member);
        me.send(member.clone()).unwrap();
        pool.waitall().await;
        assert!(member.is_finished());
        assert_eq!((pool.free(), pool.running()), (1, 0));
        me.reset();
        let member = std::rc::Rc::into_inner(member).unwrap();
        assert!(matches!(member.await, Err(Exit::Killed)));
    });
}

// Waiting on oneself: a loop's function is told, and a member of a pool waits for the others only.
#[test]
fn who_waits_for_itself_is_told_or_goes_on() {
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        pool.spawn(async move { own.waitall().await })
            .await
            .await
            .unwrap();

        let me = std::rc::Rc::new(std::cell::OnceCell::new());
        let own = me.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            let own = own.clone();
            async move {
                let me: &evlet_green::LoopingCall<bool> = own.get().unwrap();
                let end = me.wait().await;
                std::ops::ControlFlow::Break(matches!(end, Err(LoopError::WaitsForItself)))
            }
        })
        .start(SECOND);
        me.set(looping.clone()).unwrap();
        assert!(looping.wait().await.unwrap());
    });
}
