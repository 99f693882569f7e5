//! Greenlets that end: returned, thrown into, panicked, killed, left behind; and who hears of it.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;

use evlet_green::Event;
use evlet_green::greenlet::{Greenlet, GreenletError};
use evlet_hub::{sleep, spawn, spawn_n, yield_now};
use futures::FutureExt;

use crate::stage::{SECOND, reports_of, settle, virtually};
use crate::trace::Trace;

/// A greenlet that has handed control back to its parent and waits for a value to return.
async fn parked() -> Greenlet<u8> {
    let greenlet = Greenlet::new(|n: u8| async move {
        let parent = Greenlet::<u8>::current().parent().unwrap();
        parent.switch(n).await.unwrap()
    });
    assert_eq!(greenlet.switch(0).await.unwrap(), 0);
    greenlet
}

fn thrown<T: std::fmt::Debug>(result: Result<T, GreenletError>) -> String {
    match result {
        Err(GreenletError::Thrown(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn panicked<T: std::fmt::Debug>(result: Result<T, GreenletError>) -> String {
    match result {
        Err(GreenletError::Panicked(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_body_returns_goes_to_its_parent_whoever_switched_to_it_last() {
    virtually(async {
        let short = Greenlet::new(|n: u8| async move { n + 1 });
        let other = short.clone();
        let middle = Greenlet::new(move |n: u8| async move {
            // The parent of the short one is the main greenlet, so this is not answered by its end.
            other.switch(n + 10).await.unwrap() + 100
        });
        assert_eq!(middle.switch(1).await.unwrap(), 12);
        assert!(short.is_dead() && !middle.is_dead());
        assert_eq!(middle.switch(50).await.unwrap(), 150);
    });
}

#[test]
fn an_error_thrown_by_a_stranger_is_the_parents_and_the_stranger_waits() {
    virtually(async {
        let unborn = Greenlet::new(|_: u8| async { unreachable!("it never runs") });
        let victim = unborn.clone();
        let stranger =
            Greenlet::new(move |_: u8| async move { victim.throw("a spanner").await.unwrap() * 2 });
        assert_eq!(thrown(stranger.switch(0).await), "a spanner");
        assert!(unborn.is_dead() && !stranger.is_dead());
        assert_eq!(stranger.switch(21).await.unwrap(), 42);
    });
}

#[test]
fn an_error_that_is_caught_is_over_and_can_be_thrown_again() {
    virtually(async {
        let patient = Greenlet::new(|mut caught: u8| async move {
            let main = Greenlet::<u8>::current().parent().unwrap();
            loop {
                match main.switch(caught).await {
                    Ok(n) => return n,
                    Err(error) => assert_eq!(error.source().unwrap().to_string(), "ouch"),
                }
                caught += 1;
            }
        });
        assert_eq!(patient.switch(0).await.unwrap(), 0);
        for times in 1..4 {
            assert_eq!(patient.throw("ouch").await.unwrap(), times);
        }
        assert_eq!(patient.switch(99).await.unwrap(), 99);
    });
}

// The mistake to let an error go with `unwrap` is the parent's to see.
#[test]
fn an_error_that_is_not_caught_ends_the_greenlet_and_its_parent_hears_of_it() {
    virtually(async {
        let careless = parked().await;
        let message = panicked(careless.throw("a spanner").await);
        assert!(message.contains("a spanner"), "{message}");
        assert!(careless.is_dead());
    });
}

#[test]
fn an_error_thrown_at_oneself_comes_back_at_once() {
    virtually(async {
        assert_eq!(
            thrown(Greenlet::<u8>::current().throw("ouch").await),
            "ouch"
        );
        let own = Greenlet::new(|_: u8| async {
            assert_eq!(
                thrown(Greenlet::<u8>::current().throw("ouch").await),
                "ouch"
            );
            7
        });
        assert_eq!(own.switch(0).await.unwrap(), 7);
    });
}

#[test]
fn what_is_refused_is_dropped_and_changes_nothing() {
    virtually(async {
        let sleeper = Greenlet::new(|value: Rc<Cell<u8>>| async move {
            sleep(SECOND).await;
            value
        });
        let value = Rc::new(Cell::new(5));
        let (own, given) = (sleeper.clone(), value.clone());
        let outsider = spawn(async move {
            let refused = own.switch(given.clone()).await;
            assert!(matches!(refused, Err(GreenletError::Busy)), "{refused:?}");
            let refused = own.throw("ouch").await;
            assert!(matches!(refused, Err(GreenletError::Busy)), "{refused:?}");
            // One's own greenlet was not left waiting by the refusal.
            let echo = Greenlet::new(|value: Rc<Cell<u8>>| async move { value });
            assert_eq!(echo.switch(given).await.unwrap().get(), 5);
        });
        let back = sleeper.switch(value.clone()).await.unwrap();
        outsider.await.unwrap();
        assert!(Rc::ptr_eq(&back, &value));
        let refused = sleeper.switch(back).await;
        assert!(matches!(refused, Err(GreenletError::Dead)), "{refused:?}");
        assert_eq!(Rc::strong_count(&value), 1);
    });
}

#[test]
fn a_panic_says_what_it_said_in_any_words_and_goes_past_dead_parents() {
    virtually(async {
        let n = 7;
        let formatted = Greenlet::new(move |()| async move { panic!("number {n}") });
        assert_eq!(panicked(formatted.switch(()).await), "number 7");
        let wordless = Greenlet::new(|()| async { std::panic::panic_any(7_u8) });
        panicked(wordless.switch(()).await);
        // Before its first await, in the function that makes the body's future.
        let early = Greenlet::new(|()| -> std::future::Ready<()> { panic!("at once") });
        assert_eq!(panicked(early.switch(()).await), "at once");

        let child = Rc::new(RefCell::new(None));
        let handed_up = child.clone();
        let parent = Greenlet::new(move |()| async move {
            let failing = Greenlet::new(|()| async { panic!("orphaned") });
            handed_up.replace(Some(failing));
        });
        parent.switch(()).await.unwrap();
        let orphan: Greenlet<()> = child.take().unwrap();
        assert_eq!(panicked(orphan.switch(()).await), "orphaned");
    });
}

#[test]
fn of_two_ends_that_nobody_waited_for_the_first_is_lost_and_reported() {
    let reports = reports_of(async {
        let main = Greenlet::<u8>::current();
        for n in [1, 2] {
            let late = Greenlet::new(move |_: u8| async move { (n, sleep(3 * SECOND).await).0 });
            let given_up = evlet_green::with_timeout(SECOND / 2, late.switch(0)).await;
            assert!(given_up.is_err());
        }
        sleep(5 * SECOND).await;
        let echo = Greenlet::new(|n: u8| async move { n });
        assert_eq!(echo.switch(9).await.unwrap(), 2, "the second end");
        drop(main);
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains("the value of the first is lost"),
        "{reports:?}"
    );
}

#[test]
#[should_panic(expected = "hub")]
fn a_switch_outside_of_a_hub_panics_as_its_page_says() {
    let greenlet = Greenlet::new(|n: u8| async move { n });
    let _ = greenlet.switch(1).now_or_never();
}

#[test]
fn outside_of_a_hub_one_is_a_main_greenlet_of_no_family() {
    let current = Greenlet::<u8>::current();
    assert!(current.parent().is_none() && !current.is_dead());
    assert_ne!(current, Greenlet::current());
    assert!(format!("{current:?}").contains("Running"));
}

// A child holds its parent: it may return to it.
#[test]
fn a_parent_that_waits_lives_as_long_as_its_children() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("dropped");
        let child = Rc::new(RefCell::new(None));
        let handed_up = child.clone();
        let parent = Greenlet::new(move |n: u8| async move {
            let main = Greenlet::<u8>::current().parent().unwrap();
            handed_up.replace(Some(Greenlet::new(|n: u8| async move { n })));
            let from_child = main.switch(n).await.unwrap();
            drop(mark);
            from_child + 1
        });
        parent.switch(0).await.unwrap();
        drop(parent);
        settle().await;
        assert_eq!(trace.text(), "");
        let child = child.take().unwrap();
        assert_eq!(child.switch(4).await.unwrap(), 5, "up through its parent");
        assert_eq!(trace.text(), "dropped");
    });
}

#[test]
fn greenlets_that_hold_each_other_keep_each_other_until_their_hub_goes() {
    let trace = Trace::default();
    let hub = crate::stage::builder().build().unwrap();
    hub.run(async {
        let mark = trace.on_drop("dropped");
        let handle = Rc::new(RefCell::new(None));
        let own = handle.clone();
        let knot = Greenlet::new(move |n: u8| async move {
            let main = Greenlet::<u8>::current().parent().unwrap();
            main.switch(n).await.unwrap();
            drop((own, mark));
            n
        });
        handle.replace(Some(knot.clone()));
        knot.switch(1).await.unwrap();
        drop((knot, handle));
        settle().await;
        assert_eq!(trace.text(), "");
    });
    drop(hub);
    assert_eq!(trace.text(), "dropped");
}

// A main greenlet has no body: it ends with its green thread.
#[test]
fn a_main_greenlet_whose_green_thread_has_ended_is_dead() {
    let trace = Trace::default();
    virtually(async {
        let (handed_up, words) = (Event::new(), trace.clone());
        let sent = handed_up.clone();
        let main = spawn(async move {
            let main = Greenlet::<u8>::current();
            let child = Greenlet::new(move |_: u8| async move {
                sleep(2 * SECOND).await;
                let parent = Greenlet::<u8>::current().parent().unwrap();
                assert!(parent.is_dead());
                let refused = parent.switch(1).await;
                assert!(matches!(refused, Err(GreenletError::Dead)), "{refused:?}");
                words.add("ended");
                2 // for nobody
            });
            sent.send((main, child.clone())).unwrap();
            child.switch(0).await.unwrap();
            unreachable!("it is killed meanwhile");
        });
        let (greenlet, child) = handed_up.wait().await;
        assert!(!greenlet.is_dead());
        sleep(SECOND).await;
        main.kill().await;
        assert!(greenlet.is_dead() && !child.is_dead());
        sleep(5 * SECOND).await;
        assert!(child.is_dead());
    });
    assert_eq!(trace.text(), "ended");
}

#[test]
fn a_hub_that_goes_leaves_dead_greenlets_to_the_next() {
    let old = crate::stage::builder().build().unwrap();
    let (main, greenlet) = old.run(async { (Greenlet::<u8>::current(), parked().await) });
    drop(old);
    virtually(async {
        assert_ne!(
            main,
            Greenlet::current(),
            "another hub, another main greenlet"
        );
        for gone in [&main, &greenlet] {
            let refused = gone.switch(1).await;
            assert!(matches!(refused, Err(GreenletError::Dead)), "{refused:?}");
        }
    });
}

#[test]
fn others_have_their_turns_while_greenlets_switch() {
    virtually(async {
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        spawn_n(async move {
            for _ in 0..100 {
                yield_now().await;
                count.set(count.get() + 1);
            }
        });
        let echo = Greenlet::new(|mut n: u32| async move {
            let main = Greenlet::<u32>::current().parent().unwrap();
            while n > 0 {
                n = main.switch(n).await.unwrap();
            }
            n
        });
        for n in (0..200).rev() {
            echo.switch(n).await.unwrap();
        }
        assert_eq!(turns.get(), 100);
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn a_line_of_dead_ancestors_of_any_length_goes_without_a_deep_stack() {
    virtually(async {
        type Next = Rc<RefCell<Option<Greenlet<u32>>>>;
        fn heir(next: Next) -> Greenlet<u32> {
            Greenlet::new(move |n: u32| async move {
                let child = heir(next.clone());
                next.replace(Some(child));
                n
            })
        }
        let next: Next = Rc::default();
        let mut greenlet = heir(next.clone());
        for n in 0..200_000 {
            // Each is the child of the one before it, which is dead: the value goes up to here.
            assert_eq!(greenlet.switch(n).await.unwrap(), n);
            greenlet = next.take().unwrap();
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn greenlets_nested_however_deep_go_with_their_hub() {
    let hub = crate::stage::builder().build().unwrap();
    fn nest(depth: u32) -> Greenlet<u32> {
        Greenlet::new(move |n: u32| async move {
            if depth > 0 {
                return nest(depth - 1).switch(n + 1).await.unwrap();
            }
            sleep(2 * SECOND).await;
            n
        })
    }
    hub.run(async {
        assert_eq!(nest(50_000).switch(0).await.unwrap(), 50_000);
        let unfinished = nest(50_000);
        let given_up = evlet_green::with_timeout(SECOND, unfinished.switch(0)).await;
        assert!(given_up.is_err());
    });
    drop(hub);
}
