//! `tpool`: blocking work on OS threads. One pool serves the process, so these tests take turns.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use evlet_green::{tpool, with_timeout};
use evlet_hub::{Hub, now, run, spawn, spawn_n, yield_now};
use futures::future::join_all;
use futures::{FutureExt, poll};

use crate::stage::{MS, SECOND, reports_of, virtually};
use crate::threads::{alone, give_up_once, in_a_process, occupy};

// conformance 100
#[test]
fn others_run_while_a_call_blocks() {
    let _turn = alone();
    run(async {
        let (tell, told) = mpsc::channel();
        let blocked = spawn(tpool::execute(move || told.recv().unwrap()));
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(!blocked.is_finished());
        tell.send("at last").unwrap();
        assert_eq!(blocked.await.unwrap(), "at last");
    });
}

#[test]
fn jobs_run_on_threads_of_the_pool() {
    let _turn = alone();
    run(async {
        let name = tpool::execute(|| thread::current().name().map(str::to_owned)).await;
        assert!(name.unwrap().starts_with("evlet-tpool-"));
        assert!(tpool::stats().threads >= 1);
    });
}

// conformance 101; proves E-2
#[test]
fn a_panic_of_the_job_is_the_callers_and_the_thread_lives_on() {
    let _turn = alone();
    run(async {
        tpool::set_num_threads(1);
        for _ in 0..3 {
            let failing = tpool::execute(|| panic!("no such file"));
            let payload = AssertUnwindSafe(failing).catch_unwind().await.unwrap_err();
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"no such file"));
        }
        assert_eq!(tpool::execute(|| 5).await, 5);
        let thread = spawn(tpool::execute(|| panic!("in a green thread")));
        assert_eq!(
            thread.await.unwrap_err().panic_message().as_deref(),
            Some("in a green thread")
        );
    });
}

// conformance 102
#[test]
fn a_caller_may_give_up_a_job_that_goes_on() {
    let _turn = alone();
    run(async {
        let (release, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let started = Arc::new(AtomicUsize::new(0));
        let flag = started.clone();
        let slow = tpool::execute(move || {
            flag.store(1, Ordering::SeqCst);
            let _ = held.recv();
            tell.send("done all the same").unwrap();
        });
        let mut slow = Box::pin(slow);
        while started.load(Ordering::SeqCst) == 0 {
            assert!(poll!(&mut slow).is_pending());
            yield_now().await;
        }
        let start = now();
        assert!(with_timeout(MS, slow).await.is_err());
        assert!(now() - start >= MS);
        drop(release);
        assert_eq!(
            tpool::execute(move || told.recv()).await,
            Ok("done all the same")
        );
    });
}

// proves D-1, E-4
#[test]
fn the_result_of_a_job_that_was_given_up_is_dropped_on_the_hubs_thread() {
    struct Tells(mpsc::Sender<thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    let _turn = alone();
    run(async {
        let (tell, told) = mpsc::channel();
        let (release, held) = mpsc::channel::<()>();
        let started = Arc::new(AtomicUsize::new(0));
        let flag = started.clone();
        let slow = tpool::execute(move || {
            flag.store(1, Ordering::SeqCst);
            let _ = held.recv();
            Tells(tell)
        });
        give_up_once(&started, slow).await;
        drop(release);
        let dropped_on = loop {
            match told.try_recv() {
                Ok(id) => break id,
                Err(_) => yield_now().await,
            }
        };
        assert_eq!(dropped_on, thread::current().id());
    });
}

// proves D-1
#[test]
fn a_job_that_was_given_up_before_it_started_never_runs() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        {
            let (ran, held) = (ran.clone(), dropped.clone());
            let mut queued = pin!(tpool::execute(move || {
                let _held = held;
                ran.fetch_add(1, Ordering::SeqCst);
            }));
            assert!(poll!(&mut queued).is_pending());
            assert_eq!(tpool::stats().queued, 1);
        }
        assert_eq!(tpool::stats().queued, 0);
        assert_eq!(Arc::strong_count(&dropped), 1, "its captures are gone too");
        drop(release);
        tpool::execute(|| ()).await;
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn jobs_start_in_the_order_of_submission() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let jobs: Vec<_> = (0..100)
            .map(|n| {
                let order = order.clone();
                tpool::execute(move || order.lock().unwrap().push(n))
            })
            .collect();
        let all = spawn(join_all(jobs));
        yield_now().await;
        drop(release);
        all.await.unwrap();
        assert!(order.lock().unwrap().is_sorted());
        assert_eq!(order.lock().unwrap().len(), 100);
    });
}

// conformance 104
#[test]
fn as_many_jobs_run_at_once_as_there_are_threads() {
    let _turn = alone();
    run(async {
        tpool::set_num_threads(40);
        // Each waits for all the others.
        let barrier = Arc::new(Barrier::new(40));
        let jobs = (0..40).map(|_| {
            let barrier = barrier.clone();
            tpool::execute(move || barrier.wait().is_leader())
        });
        join_all(jobs).await;
        assert!(tpool::stats().threads <= 40);
        tpool::set_num_threads(2);
        assert_eq!(tpool::stats().size, 2);
        while tpool::stats().threads > 2 {
            yield_now().await;
        }
        assert_eq!(tpool::execute(|| 1).await, 1);
    });
}

// proves E-3
#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn more_jobs_than_the_queue_takes_wait_for_room() {
    let _turn = alone();
    run(async {
        let release = occupy(1).await;
        let done = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..10_010)
            .map(|_| {
                let done = done.clone();
                spawn(tpool::execute(move || done.fetch_add(1, Ordering::SeqCst)))
            })
            .collect();
        while tpool::stats().waiting < 10 {
            yield_now().await;
        }
        assert_eq!(
            (tpool::stats().queued, tpool::stats().waiting),
            (10_000, 10)
        );
        jobs[10_009].kill().await;
        assert_eq!(tpool::stats().waiting, 9);
        jobs[0].kill().await;
        while tpool::stats().waiting > 8 {
            yield_now().await;
        }
        assert_eq!(
            tpool::stats().queued,
            10_000,
            "the room went to the first who waited"
        );
        drop(release);
        let mut finished = 0;
        for job in jobs {
            finished += u32::from(job.await.is_ok());
        }
        assert_eq!((finished, done.load(Ordering::SeqCst)), (10_008, 10_008));
        assert_eq!((tpool::stats().queued, tpool::stats().waiting), (0, 0));
    });
}

// conformance 105
#[test]
fn without_threads_jobs_run_here_which_is_said_once() {
    let _turn = alone();
    let reports = reports_of(async {
        tpool::set_num_threads(0);
        let here = thread::current().id();
        for _ in 0..3 {
            assert_eq!(tpool::execute(|| thread::current().id()).await, here);
        }
    });
    tpool::set_num_threads(20);
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("no threads"), "{reports:?}");
}

// proves E-5
#[test]
fn a_job_of_a_job_is_run_by_the_same_thread() {
    let _turn = alone();
    run(async {
        tpool::set_num_threads(1);
        let nested = tpool::execute(|| {
            let outer = thread::current().id();
            run(async move { tpool::execute(move || thread::current().id() == outer).await })
        });
        assert!(nested.await);
    });
}

// Virtual time stands still while a job is under way.
#[test]
fn the_virtual_clock_waits_for_the_answer() {
    let _turn = alone();
    virtually(async {
        let start = now();
        let slow = tpool::execute(|| {
            // Long enough for a hub that does not wait to run through an hour.
            (0..200).for_each(|_| thread::yield_now());
            7
        });
        assert_eq!(with_timeout(3600 * SECOND, slow).await.unwrap(), 7);
        assert_eq!(now(), start);
    });
}

#[test]
fn hubs_on_many_threads_share_the_pool() {
    let _turn = alone();
    let hubs: Vec<_> = (0..4)
        .map(|base| {
            thread::spawn(move || {
                run(async move {
                    let jobs = (0..100).map(|n| tpool::execute(move || base * 1000 + n));
                    join_all(jobs).await
                })
            })
        })
        .collect();
    for (base, hub) in hubs.into_iter().enumerate() {
        let expected: Vec<_> = (0..100).map(|n| base * 1000 + n).collect();
        assert_eq!(hub.join().unwrap(), expected);
    }
}

#[test]
fn a_job_may_outlive_its_hub() {
    let _turn = alone();
    let hub = Hub::new().unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    hub.run(async {
        spawn_n(tpool::execute(move || {
            let _ = held.recv();
            tell.send(()).unwrap();
        }));
        while tpool::stats().queued > 0 || tpool::stats().threads == 0 {
            yield_now().await;
        }
        yield_now().await;
    });
    drop(hub);
    drop(release);
    // Either it was under way, and ends, or it had not been submitted and is gone.
    let _ = told.recv();
}

#[test]
fn what_is_not_send_stays_on_this_side() {
    let _turn = alone();
    run(async {
        let here = Rc::new(Cell::new(0));
        let value = tpool::execute(|| 3).await;
        here.set(value);
        assert_eq!(here.get(), 3);
    });
}

// conformance 104
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn the_environment_sets_the_size() {
    in_a_process("tpool::child_has_forty_threads", "40");
}

#[test]
#[ignore = "run by the_environment_sets_the_size"]
fn child_has_forty_threads() {
    assert_eq!(tpool::stats().size, 40);
    assert_eq!(
        tpool::stats().threads,
        0,
        "nothing is started before the first job"
    );
    run(async {
        let barrier = Arc::new(Barrier::new(40));
        join_all((0..40).map(|_| {
            let barrier = barrier.clone();
            tpool::execute(move || barrier.wait().is_leader())
        }))
        .await;
    });
}

// conformance 105: a bad size is said, and the default taken
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_size_that_is_no_number_is_said_and_not_taken() {
    let said = in_a_process("tpool::child_has_twenty_threads", "-3");
    assert!(said.contains("EVLET_THREADPOOL_SIZE"), "{said}");
    assert!(said.contains("-3"), "{said}");
}

#[test]
#[ignore = "run by a_size_that_is_no_number_is_said_and_not_taken"]
fn child_has_twenty_threads() {
    assert_eq!(tpool::stats().size, 20);
}
