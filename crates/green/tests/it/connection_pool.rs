//! `ConnectionPool`: connections that are clean, fresh, and never more than there may be.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::{
    ConnectionPool, ConnectionPoolBuilder, NoConnection, PooledConnection, tpool, with_timeout,
};
use evlet_hub::{now, run, sleep, spawn, stats};
use futures::FutureExt;

use crate::stage::{MS, SECOND, reports_of, settle, virtually};
use crate::trace::Trace;

/// A connection with a number, a transaction that is open or not, and a trace of its end.
pub(crate) struct Line {
    pub(crate) number: u32,
    dirty: bool,
    trace: Trace,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.trace.add(format!("-{}", self.number));
    }
}

pub(crate) type Lines = ConnectionPool<Line, &'static str>;

pub(crate) fn options() -> ConnectionPoolBuilder<Line> {
    ConnectionPool::builder()
}

/// A pool whose connections take 10 ms to make; each is traced as it comes and goes.
pub(crate) fn lines(options: ConnectionPoolBuilder<Line>, trace: &Trace) -> Lines {
    let (trace, made) = (trace.clone(), Cell::new(0));
    options.connect(async move || {
        sleep(10 * MS).await;
        made.set(made.get() + 1);
        let number = made.get();
        trace.add(format!("+{number}"));
        Ok(Line {
            number,
            dirty: false,
            trace: trace.clone(),
        })
    })
}

pub(crate) async fn get(pool: &Lines) -> PooledConnection<Line, &'static str> {
    pool.get().await.unwrap()
}

// conformance 80
#[test]
fn a_connection_that_is_dropped_goes_back() {
    let trace = Trace::default();
    virtually(async {
        let pool = lines(options().max_size(1), &trace);
        let connection = get(&pool).await;
        assert_eq!((pool.free(), pool.idle(), pool.size()), (0, 0, 1));
        drop(connection); // and cannot be used any more: the compiler sees to that
        assert_eq!((pool.free(), pool.idle(), pool.size()), (1, 1, 1));
        assert_eq!(get(&pool).await.number, 1);
        get(&pool).await.put_as_it_is();
        get(&pool).await.put().await;
        assert_eq!((pool.free(), pool.idle()), (1, 1));
    });
    assert_eq!(trace.text(), "+1 -1");
}

// conformance 81
#[test]
fn what_was_begun_is_rolled_back_before_the_next_user() {
    let trace = Trace::default();
    virtually(async {
        let rollback = async |line: &mut Line| {
            sleep(5 * MS).await;
            line.dirty = false;
            Ok::<_, &str>(())
        };
        let pool = lines(options().max_size(1).cleanup(rollback), &trace);
        let mut connection = get(&pool).await;
        connection.dirty = true;
        let before = now();
        drop(connection);
        let mut connection = get(&pool).await;
        assert_eq!((connection.number, connection.dirty), (1, false));
        assert_eq!(now() - before, 5 * MS, "the next waits until it is clean");
        connection.dirty = true;
        connection.put().await;
        assert_eq!((pool.free(), pool.idle()), (1, 1));
        let mut connection = get(&pool).await;
        assert!(!connection.dirty);
        connection.dirty = true;
        connection.put_as_it_is();
        assert!(get(&pool).await.dirty, "it was asked to leave it");
        sleep(SECOND).await;
    });
}

// conformance 82
#[test]
fn with_a_limit_of_zero_nothing_is_kept() {
    let zero = Duration::ZERO;
    for options in [options().max_age(zero), options().max_idle(zero)] {
        let trace = Trace::default();
        virtually(async {
            let pool = lines(options, &trace);
            drop(get(&pool).await);
            assert_eq!((pool.idle(), pool.size(), pool.free()), (0, 0, 4));
            assert_eq!(stats().timers, 0);
            drop(get(&pool).await);
            assert_eq!(trace.text(), "+1 -1 +2 -2");
        });
    }
}

// conformance 83
#[test]
fn an_expired_connection_that_comes_back_wakes_who_waits_and_makes_a_new_one() {
    let trace = Trace::default();
    virtually(async {
        let pool = lines(options().max_size(1).max_age(SECOND), &trace);
        let connection = get(&pool).await;
        let own = pool.clone();
        let waiter = spawn(async move { get(&own).await.number });
        sleep(2 * SECOND).await;
        assert_eq!(pool.waiting(), 1);
        drop(connection);
        assert_eq!(waiter.await.unwrap(), 2);
        assert_eq!(trace.text(), "+1 -1 +2");
    });
}

// conformance 84
#[test]
fn a_failed_connect_gives_its_place_back() {
    virtually(async {
        let pool = ConnectionPool::<(), _>::builder()
            .max_size(1)
            .connect(async || Err("refused"));
        let failed = pool.get().await.map(drop).unwrap_err();
        assert_eq!(failed, NoConnection::Failed("refused"));
        assert_eq!((pool.free(), pool.size()), (1, 0));
    });
}

// conformance 85
#[test]
fn a_cleanup_that_fails_costs_the_connection() {
    let (trace, cleanups) = (Trace::default(), Rc::new(Cell::new(0)));
    let (own, pool_trace) = (Rc::clone(&cleanups), trace.clone());
    let reports = reports_of(async move {
        let cleanup = async move |line: &mut Line| {
            own.set(own.get() + 1);
            match line.number {
                1 => Ok(()),
                2 => Err("no broom"),
                _ => panic!("no water"),
            }
        };
        let pool = lines(options().max_size(1).cleanup(cleanup), &pool_trace);
        get(&pool).await.put().await;
        assert_eq!((cleanups.get(), pool.idle()), (1, 1));
        get(&pool).await.discard();
        assert_eq!((cleanups.get(), pool.free(), pool.idle()), (1, 1, 0));

        get(&pool).await.put().await;
        assert_eq!((cleanups.get(), pool.free(), pool.size()), (2, 1, 0));

        let put = get(&pool).await.put();
        assert!(AssertUnwindSafe(put).catch_unwind().await.is_err());
        assert_eq!((cleanups.get(), pool.free(), pool.size()), (3, 1, 0));
        drop(get(&pool).await); // the same, where nobody can be told but the operator
        settle().await;
        assert_eq!((cleanups.get(), pool.free(), pool.size()), (4, 1, 0));
    });
    assert_eq!(trace.text(), "+1 -1 +2 -2 +3 -3 +4 -4");
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("no broom") && reports[0].contains("connection_pool.rs"));
    assert!(reports[1].contains("no water"));
}

#[test]
fn connecting_has_a_limit() {
    virtually(async {
        let pool = ConnectionPool::builder()
            .connect_timeout(SECOND)
            .connect(async || {
                std::future::pending::<()>().await;
                Ok::<_, &str>(())
            });
        let before = now();
        let failed = pool.get().await.map(drop).unwrap_err();
        assert_eq!(failed, NoConnection::TimedOut(SECOND));
        assert_eq!((now() - before, pool.free(), pool.size()), (SECOND, 4, 0));
    });
}

#[test]
fn what_nobody_uses_is_closed_in_time_by_a_timer() {
    let trace = Trace::default();
    virtually(async {
        let limits = options().max_idle(10 * SECOND).max_age(30 * SECOND);
        let pool = lines(limits, &trace);
        let (one, two) = (get(&pool).await, get(&pool).await);
        drop(one);
        sleep(4 * SECOND).await;
        drop(two);
        sleep(6 * SECOND).await;
        assert_eq!((trace.text().as_str(), pool.idle()), ("+1 +2 -1", 1));
        assert_eq!(get(&pool).await.number, 2, "used again, it is not idle");
        for _ in 0..3 {
            sleep(9 * SECOND).await;
            if pool.idle() == 1 {
                drop(get(&pool).await);
            }
        }
        // It was used all the time, and is 30 s old nevertheless.
        assert_eq!((trace.text().as_str(), pool.idle()), ("+1 +2 -1 -2", 0));
        assert_eq!((stats().timers, stats().green_threads), (0, 0));
    });
}

#[test]
fn an_older_connection_that_comes_back_later_is_closed_when_it_is_due() {
    let trace = Trace::default();
    virtually(async {
        let limits = options().max_idle(Duration::MAX).max_age(10 * SECOND);
        let pool = lines(limits, &trace);
        let old = get(&pool).await;
        sleep(5 * SECOND).await;
        drop(get(&pool).await); // the timer is set for this one, in 10 s
        drop(old); // due in 5
        sleep(5 * SECOND).await;
        assert_eq!(trace.text(), "+1 +2 -1");
        sleep(5 * SECOND).await;
        assert_eq!(trace.text(), "+1 +2 -1 -2");
        assert_eq!(stats().timers, 0);
    });
}

#[test]
fn the_timer_keeps_neither_the_pool_nor_the_hub() {
    let trace = Trace::default();
    virtually(async {
        let pool = lines(options(), &trace);
        drop(get(&pool).await);
        settle().await;
        assert_eq!((stats().timers, trace.text().as_str()), (1, "+1"));
        drop(pool);
        assert_eq!(trace.text(), "+1 -1");
        settle().await;
        assert_eq!((stats().timers, stats().green_threads), (0, 0));
    });
    // Here the hub is dropped first, an hour before the timer.
    let trace = Trace::default();
    let pool = lines(options().max_idle(3600 * SECOND), &trace);
    run(async { drop(get(&pool).await) });
    assert_eq!(pool.idle(), 1);
    virtually(async {
        drop(get(&pool).await);
        settle().await;
        assert_eq!(stats().timers, 1, "another hub, another timer");
        drop(pool);
    });
    assert_eq!(trace.text(), "+1 -1");
}

// proves D-4
#[test]
fn one_that_puts_another_back_as_it_is_closed_leaves_that_to_the_timer() {
    type Knot = Rc<RefCell<Option<Box<dyn std::any::Any>>>>;
    virtually(async {
        let pool = ConnectionPool::builder().connect(async || Ok::<_, &str>(Knot::default()));
        let (one, two) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        one.replace(Some(Box::new(two)));
        drop(one);
        sleep(11 * SECOND).await;
        assert_eq!(pool.idle(), 1, "the first is closed, the second came back");
        sleep(10 * SECOND).await;
        assert_eq!(pool.idle(), 0);
    });
}

#[test]
fn the_one_used_last_is_given_first_and_a_stale_one_to_nobody() {
    let trace = Trace::default();
    let pool = lines(options().max_idle(20 * MS), &trace);
    let (one, two) = run(async { (get(&pool).await, get(&pool).await) });
    drop((one, two)); // no hub runs, so there is no timer
    run(async { assert_eq!(get(&pool).await.number, 2) });
    std::thread::sleep(30 * MS); // no hub runs whose time could be virtual
    run(async { assert_eq!(get(&pool).await.number, 3) });
    assert_eq!(trace.text(), "+1 +2 -2 -1 +3");
}

#[test]
fn a_connection_that_fails_its_check_is_replaced() {
    let trace = Trace::default();
    virtually(async {
        let check = async |line: &mut Line| {
            sleep(MS).await;
            line.number != 1
        };
        let pool = lines(options().check(check), &trace);
        drop(get(&pool).await);
        assert_eq!(get(&pool).await.number, 2);
        assert_eq!(trace.text(), "+1 -1 +2");
        assert_eq!(get(&pool).await.number, 2);
    });
}

#[test]
fn goodbyes_are_said_beside_the_work() {
    let trace = Trace::default();
    virtually(async {
        let own = trace.clone();
        let close = async move |line: Line| {
            sleep(SECOND).await;
            own.add(format!("quit{}", line.number));
        };
        let pool = lines(options().close(close), &trace);
        let (one, two) = (get(&pool).await, get(&pool).await);
        one.discard();
        drop(two);
        assert_eq!(pool.clear(), 1);
        assert_eq!((pool.size(), trace.text().as_str()), (0, "+1 +2"));
        sleep(2 * SECOND).await;
        assert_eq!(trace.text(), "+1 +2 quit1 -1 quit2 -2");
    });
}

#[test]
fn where_no_hub_runs_what_is_not_clean_is_closed() {
    let trace = Trace::default();
    let cleanup = async |_: &mut Line| Ok::<_, &str>(());
    let pool = lines(options().cleanup(cleanup), &trace);
    let connection = virtually(get(&pool));
    drop(connection);
    assert_eq!((trace.text().as_str(), pool.size()), ("+1 -1", 0));
}

#[test]
fn connections_can_be_made_ahead_and_taken_out() {
    let trace = Trace::default();
    virtually(async {
        let pool = lines(options().min_size(2), &trace);
        pool.fill().await.unwrap();
        assert_eq!((pool.idle(), pool.min_size(), pool.max_size()), (2, 2, 4));
        settle().await;
        assert_eq!(stats().timers, 1, "they grow old as well");
        let line = get(&pool).await.detach();
        assert_eq!((pool.size(), pool.free(), line.number), (1, 4, 2));
        pool.resize(0);
        assert_eq!((pool.size(), pool.free()), (0, 0));
    });
}

#[test]
fn filling_a_pool_that_keeps_nothing_ends() {
    let zero = Duration::ZERO;
    for options in [options().max_age(zero), options().max_idle(zero)] {
        let trace = Trace::default();
        virtually(async {
            let pool = lines(options.min_size(2), &trace);
            let filled = with_timeout(SECOND, pool.fill()).await;
            assert!(filled.is_ok(), "it connects for ever: {}", trace.text());
            assert_eq!((trace.text().as_str(), pool.size()), ("+1 +2 -1 -2", 0));
        });
    }
}

#[test]
fn what_was_made_before_filling_was_given_up_grows_old_as_well() {
    let trace = Trace::default();
    virtually(async {
        let pool = lines(options().min_size(3), &trace);
        assert!(with_timeout(25 * MS, pool.fill()).await.is_err());
        assert_eq!(pool.idle(), 2);
        sleep(60 * SECOND).await;
        assert_eq!((trace.text().as_str(), pool.idle()), ("+1 +2 -1 -2", 0));
    });
}

// A driver that blocks connects on another OS thread.
#[test]
fn a_blocking_driver_connects_through_tpool() {
    virtually(async {
        let pool = ConnectionPool::builder().connect(async || {
            let id = tpool::execute(|| std::thread::current().id()).await;
            Ok::<_, &str>(id)
        });
        assert_ne!(*pool.get().await.unwrap(), std::thread::current().id());
    });
}

// proves D-4
#[test]
fn functions_of_the_pool_may_use_it() {
    virtually(async {
        let place: Rc<RefCell<Option<Lines>>> = Rc::default();
        let own = Rc::clone(&place);
        let cleanup = async move |_: &mut Line| {
            let pool = own.borrow().clone();
            if let Some(pool) = pool {
                pool.clear();
                drop(pool.get().await);
            }
            Ok::<_, &str>(())
        };
        let pool = lines(options().cleanup(cleanup), &Trace::default());
        place.replace(Some(pool.clone()));
        let connection = get(&pool).await;
        place.replace(Some(lines(options(), &Trace::default())));
        connection.put().await;
        assert_eq!(pool.idle(), 1);
        place.take();
    });
}
