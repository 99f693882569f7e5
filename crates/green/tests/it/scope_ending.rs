//! How a scope ends early: a failure, a panic, a drop, a leak.

use std::cell::RefCell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use evlet_green::{Scope, scope};
use evlet_hub::{Exit, sleep, spawn, stats, timeout, yield_now};
use futures::FutureExt;

use crate::stage::{SECOND, reports_of, virtually};
use crate::trace::Trace;

#[test]
fn the_first_failure_cancels_the_rest_and_is_the_result() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let failed = scope(|s| async move {
            let _body = trace.on_drop("body");
            for (n, wait) in [(1, 5), (2, 1), (3, 2)] {
                s.spawn(async move {
                    let _mark = trace.on_drop(format!("gone{n}"));
                    sleep(SECOND * wait).await;
                    trace.add(format!("failing{n}"));
                    Err::<(), _>(n)
                });
            }
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(failed.await, Err(2));
        trace.add("told");
        assert_eq!(stats().timers, 0);
    });
    assert_eq!(trace.text(), "failing2 gone2 gone3 gone1 body told");
}

#[test]
fn a_failing_body_cancels_the_children() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let failed = scope(|s| async move {
            s.spawn(async {
                let _mark = trace.on_drop("child");
                pending::<()>().await;
            });
            yield_now().await;
            Err::<(), _>("no")
        });
        assert_eq!(failed.await, Err("no"));
    });
    assert_eq!(trace.text(), "child");
}

// proves A-4: siblings go first, then the panic goes on in who waits for the scope
#[test]
fn a_panic_cancels_the_rest_and_goes_on_from_the_scope() {
    let trace = Trace::default();
    let child = trace.clone();
    virtually(async {
        let task = spawn(async move {
            let child = &child;
            let panicked = scope(|s| async move {
                s.spawn(async {
                    let _mark = child.on_drop("sibling");
                    pending::<()>().await;
                });
                s.spawn(runs_dry());
                pending::<()>().await;
                Ok::<_, ()>(())
            });
            let panicked = AssertUnwindSafe(panicked).catch_unwind().await;
            child.add("caught");
            std::panic::resume_unwind(panicked.unwrap_err());
        });
        let exit = task.await.unwrap_err();
        assert_eq!(exit.panic_message().as_deref(), Some("no fuel"));
    });
    assert_eq!(trace.text(), "sibling caught");
}

// proves A-4, D-4
#[test]
fn a_destructor_that_panics_keeps_no_sibling_from_being_dropped() {
    let trace = Trace::default();
    let reports = reports_of(async {
        let trace = &trace;
        let failed = scope(|s| async move {
            for n in 0..3 {
                s.spawn(async move {
                    let _mark = trace.on_drop(format!("{n}"));
                    let _bomb = Bomb;
                    pending::<()>().await;
                });
            }
            yield_now().await;
            Err::<(), _>("the result")
        });
        assert_eq!(failed.await, Err("the result"));
    });
    assert_eq!(trace.text(), "2 1 0");
    assert_eq!(reports.len(), 3);
    assert!(reports[0].contains("boom"), "{}", reports[0]);
}

async fn runs_dry() {
    panic!("no fuel");
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

#[test]
fn dropping_it_drops_the_children_youngest_first() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let endless = scope(|s| async move {
            let _body = trace.on_drop("body");
            for n in 0..3 {
                s.spawn(async move {
                    let _mark = trace.on_drop(format!("{n}"));
                    // Whoever ran last changes nothing about the order.
                    sleep(SECOND / (n + 1)).await;
                    pending::<()>().await;
                });
            }
            pending::<()>().await;
            Ok::<_, ()>(())
        });
        assert!(timeout(SECOND * 2, endless).await.is_err());
    });
    assert_eq!(trace.text(), "2 1 0 body");
}

#[test]
fn a_kill_of_the_green_thread_ends_the_children() {
    let trace = Trace::default();
    let mark = trace.on_drop("child");
    virtually(async {
        let task = spawn(scope(|s| async move {
            s.spawn(async {
                let _mark = mark;
                pending::<()>().await;
            });
            Ok::<_, ()>(())
        }));
        yield_now().await;
        task.kill();
        assert!(task.wait().await.is_err());
    });
    assert_eq!(trace.text(), "child");
}

#[test]
fn one_that_is_leaked_never_runs_its_children_again() {
    let trace = Trace::default();
    virtually(async {
        let text = String::from("borrowed");
        {
            let (text, trace) = (&text, trace.clone());
            let mut leaked = Box::pin(scope(|s| async move {
                s.spawn(async move {
                    sleep(SECOND).await;
                    trace.add(text.as_str());
                });
                Ok::<_, ()>(())
            }));
            assert!(futures::poll!(leaked.as_mut()).is_pending());
            std::mem::forget(leaked);
        }
        drop(text);
        sleep(SECOND * 2).await;
    });
    assert_eq!(trace.text(), "");
}

#[test]
fn one_that_was_never_polled_runs_nothing() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("gone");
        let unused = scope(|s| async move {
            let _mark = mark;
            s.spawn(async {});
            Ok::<_, ()>(())
        });
        drop(unused);
    });
    assert_eq!(trace.text(), "gone");
}

#[test]
fn nothing_can_be_spawned_into_one_that_is_over() {
    let token = Rc::new(());
    virtually(async {
        let smuggled: Rc<RefCell<Option<Scope<'static, ()>>>> = Rc::default();
        let place = Rc::clone(&smuggled);
        let done = scope(|s| async move {
            place.replace(Some(s));
            Ok(())
        });
        done.await.unwrap();
        let late = smuggled.borrow().clone().unwrap();
        assert!(late.is_over());
        let held = Rc::clone(&token);
        let child = late.spawn(async move { drop(held) });
        assert_eq!(Rc::strong_count(&token), 1);
        assert!(matches!(child.await, Err(Exit::Killed)));
        drop(late);
        smuggled.take();
    });
}

// proves D-4: what a destructor spawns while the scope ends is dropped
#[test]
fn a_destructor_may_spawn_into_the_ending_scope() {
    struct Phoenix<'env>(Scope<'env, ()>);
    impl Drop for Phoenix<'_> {
        fn drop(&mut self) {
            let next = Phoenix(self.0.clone());
            if !self.0.is_over() {
                self.0.spawn(async move {
                    let _next = next;
                });
            } else {
                std::mem::forget(next);
            }
        }
    }
    virtually(async {
        let failed = scope(|s| async move {
            let phoenix = Phoenix(s.clone());
            s.spawn(async move {
                let _phoenix = phoenix;
                pending::<()>().await;
            });
            yield_now().await;
            Err::<(), ()>(())
        });
        assert!(failed.await.is_err());
    });
}
