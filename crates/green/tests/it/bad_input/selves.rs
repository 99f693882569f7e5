//! A kill of oneself, waiting on oneself.
//!
//! Who waits for what only it can bring about waits for ever: Rust's own mutexes do no better, and a typed
//! error would need somebody who knows what other code will do. But nothing hangs unseen: when nobody else
//! can run either, the hub gives a deadlock report that names the wait. Where it can be known, it is an
//! error at once.

use std::cell::{OnceCell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;

use evlet_green::greenlet::Greenlet;
use evlet_green::scope::Child;
use evlet_green::{
    ConnectionPool, DagPool, Event, FixedIntervalLoopingCall, GreenPile, GreenPool, LoopError,
    Mutex, Pool, Queue, RwLock, Semaphore, on_cancel, scope, tpool, with_timeout,
};
use evlet_hub::{Exit, GreenThread, RunError, current, run, sleep, spawn, yield_now};

use crate::stage::{SECOND, builder, settle, virtually};
use crate::threads::alone;

/// A green thread that knows its own handle.
fn with_handle<T: 'static>(
    body: impl AsyncFnOnce(&GreenThread<T>) -> T + 'static,
) -> Rc<GreenThread<T>> {
    let me: Rc<OnceCell<Rc<GreenThread<T>>>> = Rc::default();
    let own = me.clone();
    let thread = Rc::new(spawn(async move { body(own.get().unwrap()).await }));
    me.set(thread.clone()).unwrap();
    thread
}

/// Nobody can end this wait: the hub says so, and who waits.
#[track_caller]
fn is_a_deadlock<F: Future>(root: F) {
    match builder().build().unwrap().try_run(root) {
        Err(RunError::Deadlock(report)) => assert!(!report.waiting.is_empty()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nobody could end this"),
    }
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

#[test]
fn who_kills_itself_gives_back_what_it_holds() {
    virtually(async {
        let (semaphore, mutex) = (Semaphore::new(1), Rc::new(Mutex::new(0)));
        let pool = Pool::new(1, async || 1);
        let (permits, lock, items) = (semaphore.clone(), mutex.clone(), pool.clone());
        let thread = with_handle(async move |me: &GreenThread<()>| {
            let _permit = permits.acquire().await;
            let _guard = lock.lock().await;
            let _item = items.item().await.unwrap();
            me.kill();
            yield_now().await;
            unreachable!("it was killed");
        });
        assert!(matches!(thread.wait().await, Err(Exit::Killed)));
        assert_eq!(
            (semaphore.available(), mutex.is_locked(), pool.idle()),
            (1, false, 1)
        );
    });
}

#[test]
fn a_kill_of_oneself_runs_the_clean_up() {
    virtually(async {
        let done = Event::new();
        let told = done.clone();
        let thread = with_handle(async move |me: &GreenThread<()>| {
            let _leave = on_cancel(async move { told.send(7).unwrap() });
            me.kill();
            yield_now().await;
        });
        assert!(matches!(thread.wait().await, Err(Exit::Killed)));
        assert_eq!(done.wait().await, 7);
    });
}

#[test]
fn a_loop_may_stop_itself_and_a_job_may_end_itself() {
    virtually(async {
        let pool = DagPool::<&str, u8>::new();
        let own = pool.clone();
        pool.spawn("a", [], async move |key, _| {
            own.kill(&key).unwrap();
            yield_now().await;
            unreachable!("it was killed");
        })
        .unwrap();
        settle().await;
        assert_eq!(pool.running(), 0);
        pool.post("a", 3).unwrap(); // the key is free again
        assert_eq!(pool.value("a").await.unwrap(), 3);

        let me: Rc<OnceCell<evlet_green::LoopingCall<u8>>> = Rc::default();
        let own = me.clone();
        let looping = FixedIntervalLoopingCall::new(move || {
            own.get().unwrap().stop();
            async { ControlFlow::Break(1) }
        });
        let looping = looping.start(SECOND);
        me.set(looping.clone()).unwrap();
        assert!(matches!(looping.wait().await, Err(LoopError::Stopped)));
    });
}

#[test]
fn a_child_that_cancels_itself_ends_at_its_next_await_and_the_scope_goes_on() {
    virtually(async {
        let me: RefCell<Option<Child<'_, ()>>> = RefCell::default();
        let own = &me;
        let done = scope(|s| async move {
            own.replace(Some(s.spawn(async {
                own.borrow().as_ref().unwrap().cancel();
                yield_now().await;
                assert!(own.borrow().is_none(), "it was cancelled and went on");
            })));
            s.spawn(sleep(SECOND));
            Ok::<_, ()>(5)
        });
        assert_eq!(done.await, Ok(5));
    });
}

#[test]
fn a_child_that_waits_for_itself_is_told() {
    virtually(async {
        let me: RefCell<Option<Child<'_, ()>>> = RefCell::default();
        let own = &me;
        let told = &std::cell::Cell::new(None);
        let done = scope(|s| async move {
            own.replace(Some(s.spawn(async {
                let me = own.take().unwrap();
                told.set(me.await.unwrap_err().panic_message());
            })));
            Ok::<_, ()>(5)
        });
        assert_eq!(done.await, Ok(5));
        assert!(told.take().unwrap().contains("waited for its own end"));
    });
}

#[test]
fn who_waits_for_its_own_end_is_in_a_deadlock_report() {
    is_a_deadlock(async {
        let thread = with_handle(async |me: &GreenThread<()>| drop(me.wait().await));
        thread.wait().await
    });
    is_a_deadlock(async {
        let pile = Rc::new(GreenPile::<()>::new(1));
        let own = pile.clone();
        pile.spawn(async move { own.next().await.unwrap() }).await;
        pile.next().await
    });
    is_a_deadlock(async {
        let queue = Queue::unbounded();
        queue.put(1).await;
        queue.get().await;
        queue.join().await; // before its own `task_done`
    });
}

#[test]
fn who_waits_for_what_it_holds_is_in_a_deadlock_report() {
    is_a_deadlock(async {
        let mutex = Mutex::new(());
        let _first = mutex.lock().await;
        drop(mutex.lock().await);
    });
    is_a_deadlock(async {
        let lock = RwLock::new(());
        let _reading = lock.read().await;
        drop(lock.write().await);
    });
    is_a_deadlock(async {
        let semaphore = Semaphore::new(1);
        let _first = semaphore.acquire().await;
        drop(semaphore.acquire().await);
    });
    is_a_deadlock(async {
        let pool = Pool::new(1, async || 1);
        let _first = pool.item().await;
        drop(pool.item().await);
    });
    is_a_deadlock(async {
        let pool = ConnectionPool::builder().max_size(1);
        let pool = pool.connect(async || Ok::<_, ()>(1));
        let _first = pool.get().await;
        drop(pool.get().await);
    });
}

// With a limit around it, the wait ends like any other and what was held is still held.
#[test]
fn a_limit_ends_a_wait_for_oneself() {
    virtually(async {
        let mutex = Mutex::new(1);
        let first = mutex.lock().await;
        assert!(with_timeout(SECOND, mutex.lock()).await.is_err());
        assert_eq!((*first, mutex.waiting()), (1, 0));
        let thread = with_handle(async |me: &GreenThread<bool>| {
            with_timeout(SECOND, me.wait()).await.is_err()
        });
        assert!(thread.wait().await.unwrap());
    });
}

#[test]
fn a_full_pool_and_a_pool_of_threads_run_a_members_job_themselves() {
    let _turn = alone();
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let outer = pool.spawn(async move { own.spawn(async { 1 }).await.await.unwrap() });
        assert_eq!(outer.await.await.unwrap(), 1);
        tpool::set_num_threads(1);
        let inner = || run(tpool::execute(|| 2));
        assert_eq!(tpool::execute(inner).await, 2);
        assert_eq!(Greenlet::current().switch(3).await.unwrap(), 3);
    });
}
