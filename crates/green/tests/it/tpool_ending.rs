//! The end of the pool's threads: `tpool::killall` for a hub that goes on, `tpool::shutdown` for a
//! process that ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use evlet_green::{tpool, with_timeout};
use evlet_hub::wait::WaitKind;
use evlet_hub::{green_threads, now, run, spawn, yield_now};
use futures::future::join_all;

use crate::stage::{MS, SECOND, settle, virtually};
use crate::threads::{alone, in_a_process, occupy};

/// With no thread left of the tests before.
async fn afresh() {
    tpool::killall().await;
    assert_eq!(tpool::stats().threads, 0);
}

// conformance 103
#[test]
fn a_call_under_way_gives_its_result_although_the_threads_are_told_to_end() {
    let _turn = alone();
    run(async {
        afresh().await;
        let (release, held) = mpsc::channel::<()>();
        let under_way = spawn(tpool::execute(move || {
            let _ = held.recv();
            "the result"
        }));
        while tpool::stats().threads == 0 || tpool::stats().queued > 0 {
            yield_now().await;
        }
        let killed = spawn(tpool::killall());
        settle().await;
        assert!(!killed.is_finished(), "it waits for the job");
        drop(release);
        assert_eq!(under_way.await.unwrap(), "the result");
        killed.await.unwrap();
        assert_eq!(tpool::stats().threads, 0);
    });
}

#[test]
fn jobs_that_were_queued_before_are_done_before() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let done = Arc::new(AtomicUsize::new(0));
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let done = done.clone();
                spawn(tpool::execute(move || done.fetch_add(1, Ordering::SeqCst)))
            })
            .collect();
        settle().await;
        let killed = tpool::killall();
        drop(release);
        killed.await;
        assert_eq!(done.load(Ordering::SeqCst), 10);
        for call in calls {
            call.await.unwrap();
        }
    });
}

// proves E-2: a job that never ends blocks only itself
#[test]
fn later_jobs_have_new_threads_even_if_an_old_one_is_stuck() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let killed = spawn(tpool::killall());
        assert_eq!(tpool::execute(|| 5).await, 5);
        assert!(!killed.is_finished());
        assert!(with_timeout(MS, tpool::killall()).await.is_err());
        assert_eq!(tpool::execute(|| 6).await, 6);
        drop(release);
        killed.await.unwrap();
        tpool::killall().await;
        assert_eq!(tpool::stats().threads, 0);
    });
}

#[test]
fn without_threads_there_is_nothing_to_wait_for() {
    let _turn = alone();
    virtually(async {
        afresh().await;
        tpool::killall().await;
        drop(tpool::killall());
        assert_eq!(tpool::shutdown(Duration::ZERO), Ok(()));
    });
}

#[test]
fn a_job_that_ends_the_threads_does_not_wait_for_itself() {
    let _turn = alone();
    run(async {
        let from_inside = tpool::execute(|| {
            run(tpool::killall());
            tpool::shutdown(Duration::MAX).is_err()
        });
        assert!(from_inside.await);
        tpool::killall().await;
    });
}

#[test]
fn who_waits_for_the_threads_is_listed_and_holds_the_virtual_clock() {
    let _turn = alone();
    virtually(async {
        let start = now();
        let slow = spawn(tpool::execute(|| {
            (0..200).for_each(|_| thread::yield_now());
        }));
        settle().await;
        let killed = spawn(tpool::killall());
        yield_now().await;
        if !killed.is_finished() {
            let all = green_threads();
            let info = all.iter().find(|info| info.id == killed.id()).unwrap();
            assert_eq!(info.waits_on.kind, WaitKind::Blocking, "{info}");
        }
        let hour = 3600 * SECOND;
        with_timeout(hour, killed).await.unwrap().unwrap();
        assert_eq!(now(), start);
        slow.await.unwrap();
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn the_threads_may_be_ended_while_others_submit() {
    let _turn = alone();
    run(async {
        for round in 0..100 {
            let calls = (0..5).map(|n| tpool::execute(move || round * 10 + n));
            let calls = spawn(join_all(calls));
            let first = spawn(tpool::killall());
            yield_now().await;
            let second = spawn(tpool::killall());
            let expected: Vec<_> = (0..5).map(|n| round * 10 + n).collect();
            assert_eq!(calls.await.unwrap(), expected);
            first.await.unwrap();
            second.await.unwrap();
        }
        assert_eq!(tpool::stats().threads, 0);
    });
}

// proves E-2: it returns, and says how many were left
#[test]
fn shutdown_waits_no_longer_than_it_may_and_says_what_is_left() {
    let _turn = alone();
    run(async {
        let release = occupy(2).await;
        let queued = spawn(tpool::execute(|| 7));
        settle().await;
        let error = tpool::shutdown(MS).unwrap_err();
        assert_eq!((error.running, error.queued), (2, 1));
        assert!(
            error.to_string().contains("jobs under way: 2, queued: 1"),
            "{error}"
        );
        drop(release);
        assert_eq!(tpool::shutdown(Duration::MAX), Ok(()));
        assert_eq!(queued.await.unwrap(), 7);
    });
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_stuck_job_does_not_keep_the_process() {
    in_a_process("tpool_ending::child_leaves_a_job_behind", "2");
}

#[test]
#[ignore = "run by a_stuck_job_does_not_keep_the_process"]
fn child_leaves_a_job_behind() {
    run(leave_a_job_behind());
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_stuck_job_costs_a_process_that_waits_its_limit_and_no_more() {
    let said = in_a_process("tpool_ending::child_waits_for_a_job_that_never_ends", "2");
    assert!(said.contains("jobs under way: 1"), "{said}");
}

#[test]
#[ignore = "run by a_stuck_job_costs_a_process_that_waits_its_limit_and_no_more"]
fn child_waits_for_a_job_that_never_ends() {
    run(leave_a_job_behind());
    eprintln!("{}", tpool::shutdown(20 * MS).unwrap_err());
}

async fn leave_a_job_behind() {
    let (tell, told) = mpsc::channel();
    let stuck = tpool::execute(move || {
        tell.send(()).unwrap();
        loop {
            thread::park();
        }
    });
    let stuck = spawn(async move {
        let _: () = stuck.await;
    });
    while told.try_recv().is_err() {
        yield_now().await;
    }
    stuck.kill().await;
}

#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn the_last_jobs_of_a_process_that_waits_are_done() {
    let said = in_a_process("tpool_ending::child_waits_for_its_last_job", "2");
    assert!(said.contains("the last job is done"), "{said}");
}

#[test]
#[ignore = "run by the_last_jobs_of_a_process_that_waits_are_done"]
fn child_waits_for_its_last_job() {
    run(async {
        let (tell, told) = mpsc::channel();
        let last = spawn(tpool::execute(move || {
            tell.send(()).unwrap();
            (0..1000).for_each(|_| thread::yield_now());
            eprintln!("the last job is done");
        }));
        while told.try_recv().is_err() {
            yield_now().await;
        }
        drop(last);
    });
    assert_eq!(tpool::shutdown(60 * SECOND), Ok(()));
}
