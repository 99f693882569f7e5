//! Giving up any wait at any moment loses nothing (promise D-1).
//!
//! Each scene is played for every number of polls before the waiter changes its mind, and for both
//! ways to do so: right after the last poll, and when it is woken by the very event it waited for.
//! Then the next in line must get what there is, sums must be right, and nobody may be left waiting.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::rc::Rc;

use evlet_green::greenlet::Greenlet;
use evlet_green::{
    Event, FixedIntervalLoopingCall, GreenPile, GreenPool, LightQueue, Queue, Semaphore,
    with_timeout,
};
use evlet_hub::{GreenThread, sleep, spawn, stats, yield_now};
use futures::StreamExt;

use crate::fickle::{Drops, every_way, fickle};
use crate::stage::{MS, SECOND, settle, virtually};
use crate::trace::Trace;

/// More polls than any wait here takes.
const POLLS: u32 = 3;

/// A green thread that may change its mind about what `wait` gives.
pub(crate) fn doubter<F>(wait: F, way: (u32, Drops)) -> GreenThread<Option<F::Output>>
where
    F: Future + 'static,
{
    spawn(fickle(wait, way.0, way.1))
}

/// Plays `scene` in every way.
pub(crate) fn in_every_way(scene: impl AsyncFn((u32, Drops))) {
    for way in every_way(POLLS) {
        eprintln!("{way:?}");
        virtually(scene(way));
    }
}

#[test]
fn a_get_given_up_leaves_its_item_to_the_next() {
    in_every_way(async |way| {
        let queue = LightQueue::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.get().await }, way);
        let steady = spawn(async move { second.get().await });
        yield_now().await;
        queue.put("a").await;
        queue.put("b").await;
        let got = doubter.await.unwrap();
        assert_eq!(steady.await.unwrap(), if got.is_some() { "b" } else { "a" });
        assert_eq!(queue.qsize(), usize::from(got.is_none()));
        assert_eq!((queue.getting(), queue.putting()), (0, 0));
    });
}

#[test]
fn a_put_given_up_has_not_stored_its_item() {
    in_every_way(async |way| {
        let queue = LightQueue::bounded(1);
        let trace = Trace::default();
        queue.put("inside").await;
        let (first, second) = (queue.clone(), queue.clone());
        let mark = trace.on_drop("dropped");
        let doubter = doubter(
            async move {
                first.put("doubtful").await;
                std::mem::forget(mark);
            },
            way,
        );
        let steady = spawn(async move { second.put("steady").await });
        yield_now().await;
        let mut got = vec![queue.get().await];
        settle().await;
        let stored = doubter.await.unwrap().is_some();
        while got.len() < 2 + usize::from(stored) {
            got.push(queue.get().await);
        }
        steady.await.unwrap();
        let all: &[_] = match stored {
            true => &["inside", "doubtful", "steady"],
            false => &["inside", "steady"],
        };
        assert_eq!(got, all);
        assert_eq!((queue.qsize(), queue.getting(), queue.putting()), (0, 0, 0));
    });
}

#[test]
fn a_get_given_up_on_a_rendezvous_leaves_the_item_with_its_putter() {
    in_every_way(async |way| {
        let channel = LightQueue::rendezvous();
        let getting = channel.clone();
        let doubter = doubter(async move { getting.get().await }, way);
        yield_now().await;
        let putting = channel.clone();
        let putter = spawn(async move { putting.put("hi").await });
        settle().await;
        let got = doubter.await.unwrap();
        assert_eq!(
            putter.is_finished(),
            got.is_some(),
            "done if and only if it was taken"
        );
        if got.is_none() {
            assert_eq!(channel.get().await, "hi");
        }
        putter.await.unwrap();
        assert_eq!(
            (channel.qsize(), channel.getting(), channel.putting()),
            (0, 0, 0)
        );
    });
}

#[test]
fn a_put_given_up_on_a_rendezvous_is_taken_or_never_was() {
    in_every_way(async |way| {
        let channel = LightQueue::rendezvous();
        let (first, second) = (channel.clone(), channel.clone());
        let doubter = doubter(async move { first.put("doubtful").await }, way);
        let steady = spawn(async move { second.put("steady").await });
        yield_now().await;
        let first = channel.get().await;
        if first == "doubtful" {
            assert_eq!(channel.get().await, "steady");
        }
        steady.await.unwrap();
        let done = doubter.await.unwrap();
        assert!(first == "doubtful" || done.is_none());
        assert_eq!(
            (channel.qsize(), channel.getting(), channel.putting()),
            (0, 0, 0)
        );
    });
}

#[test]
fn a_join_given_up_changes_nothing() {
    in_every_way(async |way| {
        let queue = Queue::unbounded();
        queue.put(()).await;
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.join().await }, way);
        let steady = spawn(async move { second.join().await });
        yield_now().await;
        queue.task_done().unwrap();
        steady.await.unwrap();
        doubter.await.unwrap();
        assert_eq!(queue.unfinished_tasks(), 0);
    });
}

#[test]
fn a_wait_for_an_event_given_up_changes_nothing() {
    in_every_way(async |way| {
        let event = Event::new();
        let (first, second) = (event.clone(), event.clone());
        let doubter = doubter(async move { first.wait().await }, way);
        let steady = spawn(async move { second.wait().await });
        yield_now().await;
        event.send(5).unwrap();
        assert_eq!(steady.await.unwrap(), 5);
        assert!(matches!(doubter.await.unwrap(), None | Some(5)));
        assert_eq!((event.waiting(), event.wait().await), (0, 5));
    });
}

#[test]
fn an_acquire_given_up_passes_its_permits_on() {
    in_every_way(async |way| {
        for needed in [1, 2] {
            let semaphore = Semaphore::new(needed);
            let held = semaphore.acquire_many(needed).await;
            let (first, second) = (semaphore.clone(), semaphore.clone());
            let doubter = doubter(async move { first.acquire_many(needed).await }, way);
            let steady = spawn(async move { second.acquire_many(needed).await });
            yield_now().await;
            drop(held);
            let got = doubter.await.unwrap();
            drop(got);
            drop(steady.await.unwrap());
            assert_eq!((semaphore.available(), semaphore.waiting()), (needed, 0));
        }
    });
}

#[test]
fn a_spawn_given_up_does_not_start_its_job_and_passes_its_place_on() {
    in_every_way(async |way| {
        let pool = GreenPool::new(1);
        let held = Event::<()>::new();
        let wait = held.clone();
        pool.spawn_n(async move { wait.wait().await }).await;
        let started = Rc::new(Cell::new(0));
        let (first, count) = (pool.clone(), started.clone());
        let job = async move { count.set(count.get() + 1) };
        let doubter = doubter(async move { first.spawn_n(job).await }, way);
        let second = pool.clone();
        let steady = spawn(async move { second.spawn(async { "ran" }).await.await });
        yield_now().await;
        held.send(()).unwrap();
        assert_eq!(steady.await.unwrap().unwrap(), "ran");
        let spawned = doubter.await.unwrap();
        pool.waitall().await;
        assert_eq!(started.get(), u32::from(spawned.is_some()));
        assert_eq!((pool.free(), pool.running(), pool.waiting()), (1, 0, 0));
    });
}

#[test]
fn a_waitall_given_up_changes_nothing() {
    in_every_way(async |way| {
        let pool = GreenPool::new(1);
        pool.spawn_n(sleep(SECOND)).await;
        let (first, second) = (pool.clone(), pool.clone());
        let doubter = doubter(async move { first.waitall().await }, way);
        let steady = spawn(async move { second.waitall().await });
        steady.await.unwrap();
        // With no more to come it is woken no more.
        doubter.kill();
        assert_eq!(pool.running(), 0);
        yield_now().await;
    });
}

#[test]
fn a_next_given_up_leaves_its_result_to_the_following() {
    in_every_way(async |way| {
        let pool = GreenPool::new(2);
        let job = |n: u32| async move { (n, sleep(SECOND).await).0 };
        let mut stream = pool.imap(job, 0..5);
        let inherent = fickle(stream.next(), way.0, way.1).await;
        let of_the_trait = fickle(StreamExt::next(&mut stream), way.0, way.1).await;
        let got = [inherent, of_the_trait].into_iter().flatten().flatten();
        let mut got: Vec<_> = got.collect();
        got.extend(stream.collect::<Vec<_>>().await);
        assert_eq!(got, [0, 1, 2, 3, 4]);
        assert_eq!((pool.free(), pool.waiting()), (2, 0));
    });
}

#[test]
fn a_next_of_a_pile_given_up_leaves_its_result_to_the_following() {
    in_every_way(async |way| {
        let pile = GreenPile::new(2);
        for n in 0..3 {
            pile.spawn(async move { (n, sleep(SECOND).await).0 }).await;
        }
        let (first, second) = (pile.clone(), pile.clone());
        let doubter = doubter(async move { first.next().await }, way);
        let steady = spawn(async move { second.next().await });
        let mut got = vec![doubter.await.unwrap().flatten(), steady.await.unwrap()];
        got.push(pile.next().await);
        got.push(pile.next().await);
        let got: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(got, [0, 1, 2]);
        assert_eq!(pile.outstanding(), 0);
    });
}

#[test]
fn a_spawn_into_a_pile_given_up_is_forgotten() {
    in_every_way(async |way| {
        let pile = GreenPile::new(1);
        pile.spawn(sleep(SECOND)).await;
        let own = pile.clone();
        let doubter = doubter(async move { own.spawn(sleep(SECOND)).await }, way);
        let spawned = doubter.await.unwrap().is_some();
        assert_eq!(pile.outstanding(), 1 + usize::from(spawned));
        while pile.next().await.is_some() {}
        assert_eq!(pile.pool().free(), 1);
    });
}

#[test]
fn a_wait_for_a_loop_given_up_changes_nothing() {
    in_every_way(async |way| {
        let looping = FixedIntervalLoopingCall::new(|| async {}).start(SECOND);
        let (first, second) = (looping.clone(), looping.clone());
        let doubter = doubter(async move { first.wait().await }, way);
        let steady = spawn(async move { second.wait().await });
        sleep(5 * SECOND).await;
        assert!(looping.is_running());
        looping.stop();
        steady.await.unwrap().unwrap();
        doubter.await.unwrap();
        assert!(looping.wait().await.is_ok());
    });
}

#[test]
fn a_limit_given_up_frees_its_timer() {
    in_every_way(async |way| {
        let event = Event::<()>::new();
        let own = event.clone();
        let doubter = doubter(async move { with_timeout(SECOND, own.wait()).await }, way);
        yield_now().await;
        event.send(()).unwrap();
        doubter.await.unwrap();
        assert_eq!((stats().timers, event.waiting()), (0, 0));
    });
}

#[test]
fn a_switch_given_up_leaves_no_one_behind() {
    in_every_way(async |way| {
        let handle = Rc::new(OnceCell::new());
        let (handed_up, polls) = (handle.clone(), way.0);
        let switching = async move {
            let other = Greenlet::new(|n: u8| async move { (n, sleep(SECOND).await).0 });
            handed_up.set(other.clone()).unwrap();
            other.switch(7).await.unwrap()
        };
        let doubter = doubter(switching, way);
        let got = doubter.await.unwrap();
        assert!(matches!(got, None | Some(7)));
        sleep(10 * SECOND).await;
        let ended = handle.get().is_some_and(Greenlet::is_dead);
        assert_eq!(
            ended,
            polls > 0,
            "if it was switched to, it went on to its end"
        );
    });
}

/// Kills `doomed` in the turn of the event, before or after it.
pub(crate) fn killed_with<T>(doomed: &GreenThread<T>, kill_first: bool, event: impl FnOnce()) {
    if kill_first {
        doomed.kill();
    }
    event();
    if !kill_first {
        doomed.kill();
    }
}

// The waiter is killed by a third, in the turn of the event it waited for, before or after it.
#[test]
fn killed_in_the_turn_of_the_event() {
    for kill_first in [false, true] {
        virtually(async {
            let queue = LightQueue::unbounded();
            let (first, second) = (queue.clone(), queue.clone());
            let doomed = spawn(async move { first.get().await });
            let steady = spawn(async move { second.get().await });
            yield_now().await;
            killed_with(&doomed, kill_first, || queue.put_nowait(1).unwrap());
            assert_eq!(steady.await.unwrap(), 1);
            assert_eq!(queue.getting(), 0);

            let semaphore = Semaphore::new(0);
            let (first, second) = (semaphore.clone(), semaphore.clone());
            let doomed = spawn(async move { first.acquire().await });
            let steady = spawn(async move { second.acquire().await });
            yield_now().await;
            killed_with(&doomed, kill_first, || semaphore.release());
            drop(steady.await.unwrap());
            assert_eq!(semaphore.available(), 1);
        });
    }
}

// A limit that fires in the turn of the event: whoever wins, nothing is lost.
#[test]
fn a_limit_and_an_item_at_the_same_instant() {
    for put_at in [9, 10, 11] {
        virtually(async {
            let queue = LightQueue::unbounded();
            let own = queue.clone();
            let putter = spawn(async move {
                sleep(MS * put_at).await;
                own.put("item").await;
            });
            let got = with_timeout(10 * MS, queue.get()).await;
            putter.await.unwrap();
            assert_eq!(queue.qsize(), usize::from(got.is_err()));
            // At the same instant the timer that was set first fires first.
            assert_eq!(got.is_ok(), put_at < 10, "{put_at}");
        });
    }
}
