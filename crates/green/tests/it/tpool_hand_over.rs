//! `tpool::hand_over`: a job that nobody waits for, also from outside a hub.

use std::sync::mpsc;

use evlet_green::tpool;

use crate::stage::{reports_of, virtually};
use crate::threads::{alone, occupy};

#[test]
fn it_is_done_on_a_thread_of_the_pool_whether_a_hub_runs_or_not() {
    let _turn = alone();
    let here = std::thread::current().id();
    let (tell, told) = mpsc::channel();
    for _ in 0..2 {
        let tell = tell.clone();
        tpool::hand_over(move || tell.send(std::thread::current().id())).unwrap();
        assert_ne!(told.recv().unwrap(), here);
    }
    virtually(async {
        tpool::hand_over(move || tell.send(std::thread::current().id())).unwrap();
        assert_ne!(told.recv().unwrap(), here);
    });
}

// proves E-2
#[test]
fn a_panic_of_it_ends_nothing() {
    let _turn = alone();
    tpool::set_num_threads(1);
    tpool::hand_over(|| panic!("as ordered")).unwrap();
    virtually(async { assert_eq!(tpool::execute(|| 1).await, 1) });
}

// proves E-2: nor does a panic of its payload's destructor, which would leave the next jobs without a thread
#[test]
#[cfg(panic = "unwind")]
fn a_panic_of_its_payload_ends_nothing() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("in the payload");
        }
    }
    let _turn = alone();
    tpool::set_num_threads(1);
    let (go, may_go) = mpsc::channel();
    tpool::hand_over(move || {
        may_go.recv().unwrap();
        std::panic::panic_any(Payload);
    })
    .unwrap();
    let (tell, told) = mpsc::channel();
    tpool::hand_over(move || tell.send(7)).unwrap();
    go.send(()).unwrap();
    assert_eq!(told.recv_timeout(std::time::Duration::from_secs(20)), Ok(7));
}

#[test]
fn without_threads_it_is_given_back() {
    let _turn = alone();
    tpool::set_num_threads(0);
    let refused = tpool::hand_over(|| 7).unwrap_err();
    assert!(refused.to_string().contains("no threads"), "{refused}");
    assert_eq!((refused.job)(), 7);
}

// A report says that jobs hold the hub: one that is given back does not.
#[test]
fn without_threads_only_a_job_that_runs_here_is_reported() {
    let _turn = alone();
    let reports = reports_of(async {
        tpool::set_num_threads(0);
        tpool::hand_over(|| 7).unwrap_err();
        tpool::execute(|| ()).await;
        tpool::hand_over(|| 7).unwrap_err();
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
    let silent = reports_of(async {
        tpool::set_num_threads(0);
        tpool::hand_over(|| 7).unwrap_err();
    });
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn on_a_thread_of_the_pool_it_is_given_back() {
    let _turn = alone();
    virtually(async {
        let job = tpool::execute(|| tpool::hand_over(|| 7).unwrap_err().job).await;
        assert_eq!(job(), 7);
    });
}

// Those that were handed over have their place in the line like any other.
#[test]
fn it_waits_for_a_thread_behind_those_before_it() {
    let _turn = alone();
    virtually(async {
        let held = occupy(1).await;
        let (tell, told) = mpsc::channel();
        for n in 0..3 {
            let tell = tell.clone();
            tpool::hand_over(move || tell.send(n)).unwrap();
        }
        assert_eq!(tpool::stats().queued, 3);
        drop(held);
        tpool::execute(|| ()).await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    });
}
