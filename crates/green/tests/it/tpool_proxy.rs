//! `tpool::Proxy`: an object whose calls run on the pool's threads, one at a time.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use evlet_green::tpool::{self, Proxy};
use evlet_green::with_timeout;
use evlet_hub::{now, run, spawn, yield_now};
use futures::future::join_all;
use futures::{FutureExt, poll};

use crate::stage::{MS, SECOND, settle, virtually};
use crate::threads::{alone, give_up_once, occupy};

// conformance 106: what is a proxy and what is not, the types say
#[test]
fn calls_run_on_threads_of_the_pool_and_keep_what_they_did() {
    let _turn = alone();
    run(async {
        let words = Proxy::new(Vec::new());
        let place = words.call(|words| {
            words.push("first");
            thread::current().name().map(str::to_owned)
        });
        assert!(place.await.unwrap().starts_with("evlet-tpool-"));
        words.call(|words| words.push("second")).await;
        let other = words.clone();
        assert_eq!(other.call(|words| words.clone()).await, ["first", "second"]);
    });
}

#[test]
fn a_proxy_that_is_never_called_starts_no_thread() {
    let _turn = alone();
    run(async {
        let before = tpool::stats();
        let proxy = Proxy::new(1);
        drop(proxy.call(|n| *n));
        assert_eq!(proxy.into_inner().unwrap(), 1);
        assert_eq!(tpool::stats().queued, before.queued);
    });
}

// proves D-2
#[test]
fn calls_run_one_at_a_time_in_the_order_of_their_first_poll() {
    let _turn = alone();
    run(async {
        let order = Proxy::new(Vec::new());
        let busy = Arc::new(AtomicBool::new(false));
        let calls: Vec<_> = (0..100)
            .map(|n| {
                let busy = busy.clone();
                spawn(order.call(move |order| {
                    assert!(!busy.swap(true, Ordering::SeqCst), "two at a time");
                    thread::yield_now();
                    order.push(n);
                    busy.store(false, Ordering::SeqCst);
                }))
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        let order = order.into_inner().unwrap();
        assert_eq!(order, Vec::from_iter(0..100));
    });
}

#[test]
fn those_who_wait_for_their_turn_occupy_no_thread() {
    let _turn = alone();
    run(async {
        tpool::set_num_threads(2);
        let (release, held) = mpsc::channel::<()>();
        let proxy = Proxy::new(held);
        let calls: Vec<_> = (0..10)
            .map(|_| spawn(proxy.call(|held| held.recv())))
            .collect();
        settle().await;
        assert_eq!(
            format!("{proxy:?}"),
            "Proxy { in_use: true, waiting: 9, .. }"
        );
        // One of the two threads is free.
        assert_eq!(tpool::execute(|| 3).await, 3);
        drop(release);
        for call in calls {
            assert!(call.await.unwrap().is_err());
        }
    });
}

// proves E-2
#[test]
fn a_panic_is_the_callers_and_the_object_lives_on() {
    let _turn = alone();
    run(async {
        let count = Proxy::new(0);
        let failing = count.call(|count| {
            *count += 1;
            assert!(*count > 1, "too early");
        });
        let payload = AssertUnwindSafe(failing).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"too early"));
        assert_eq!(count.call(|count| *count).await, 1);
        assert_eq!(count.into_inner().unwrap(), 1);
    });
}

// proves D-1
#[test]
fn a_call_that_was_given_up_before_it_started_never_runs_and_passes_its_turn_on() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let proxy = Proxy::new(Vec::new());
        let mut first = Box::pin(proxy.call(|words| words.push("first")));
        let mut second = Box::pin(proxy.call(|words| words.push("second")));
        let mut third = Box::pin(proxy.call(|words| words.push("third")));
        assert!(
            poll!(&mut first).is_pending(),
            "it has the turn, and no thread"
        );
        assert!(poll!(&mut second).is_pending(), "it is in the line");
        assert!(poll!(&mut third).is_pending());
        drop(second);
        drop(first);
        drop(release);
        third.await;
        assert_eq!(proxy.into_inner().unwrap(), ["third"]);
    });
}

// proves D-1
#[test]
fn one_that_was_called_from_the_line_and_gives_up_passes_its_turn_on() {
    let _turn = alone();
    run(async {
        let (release, held) = mpsc::channel::<()>();
        let proxy = Proxy::new(());
        let first = spawn(proxy.call(move |()| held.recv()));
        yield_now().await;
        let mut second = Box::pin(proxy.call(|()| 2));
        let mut third = Box::pin(proxy.call(|()| 3));
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut third).is_pending());
        drop(release);
        assert!(first.await.unwrap().is_err());
        drop(second);
        assert_eq!(third.await, 3);
    });
}

#[test]
fn a_call_under_way_that_was_given_up_is_waited_for_by_the_next() {
    let _turn = alone();
    run(async {
        let (release, held) = mpsc::channel::<()>();
        let started = Arc::new(AtomicUsize::new(0));
        let flag = started.clone();
        let proxy = Proxy::new(Vec::new());
        let slow = proxy.call(move |words| {
            flag.store(1, Ordering::SeqCst);
            let _ = held.recv();
            words.push("slow");
        });
        give_up_once(&started, slow).await;
        let proxy = proxy.into_inner().expect_err("it is in use");
        let mut next = pin!(proxy.call(|words| words.push("next")));
        settle().await;
        assert!(poll!(&mut next).is_pending());
        drop(release);
        next.await;
        assert_eq!(proxy.call(|words| words.clone()).await, ["slow", "next"]);
    });
}

#[test]
fn several_hubs_share_one_object() {
    let _turn = alone();
    let count = Proxy::new(0);
    let hubs: Vec<_> = (0..4)
        .map(|_| {
            let count = count.clone();
            thread::spawn(move || {
                run(async move {
                    let calls = (0..100).map(|_| count.call(|count| *count += 1));
                    join_all(calls).await;
                });
            })
        })
        .collect();
    hubs.into_iter().for_each(|hub| hub.join().unwrap());
    assert_eq!(count.into_inner().unwrap(), 400);
}

#[test]
fn the_virtual_clock_waits_for_the_turn_too() {
    let _turn = alone();
    virtually(async {
        let start = now();
        let proxy = Proxy::new(());
        let slow = |()| (0..200).for_each(|_| thread::yield_now());
        let first = spawn(proxy.call(move |&mut object| slow(object)));
        let second = spawn(proxy.call(move |&mut object| slow(object)));
        with_timeout(3600 * SECOND, first).await.unwrap().unwrap();
        with_timeout(3600 * SECOND, second).await.unwrap().unwrap();
        assert_eq!(now(), start);
    });
}

#[test]
fn without_threads_calls_run_here() {
    let _turn = alone();
    run(async {
        tpool::set_num_threads(0);
        let here = thread::current().id();
        let proxy = Proxy::new(());
        let on = with_timeout(MS, proxy.call(|()| thread::current().id()));
        assert_eq!(on.await.unwrap(), here);
        let failing = proxy.call(|()| panic!("here"));
        assert!(AssertUnwindSafe(failing).catch_unwind().await.is_err());
        assert_eq!(proxy.call(|()| 1).await, 1, "the turn was passed on");
    });
}

// proves E-5
#[test]
fn a_call_inside_a_call_of_the_same_object_is_refused_and_not_waited_for() {
    let _turn = alone();
    run(async {
        let (outer, other) = (Proxy::new(1), Proxy::new(2));
        let (own, inside) = (outer.clone(), other.clone());
        // Another object may be used inside.
        let nested = outer.call(move |first| {
            *first += run(inside.call(|second| *second));
            run(own.call(|first| *first))
        });
        let failing = spawn(nested);
        let exit = failing.await.unwrap_err();
        let message = exit.panic_message().unwrap_or_default();
        assert!(
            message.contains("inside a call of the same proxy"),
            "{message}"
        );
        assert_eq!(outer.call(|first| *first).await, 3);
        assert_eq!(other.call(|second| *second).await, 2);
    });
}
