//! Greenlets: control and values passed to and fro.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use evlet_green::greenlet::{Greenlet, GreenletError};
use evlet_green::with_timeout;
use evlet_hub::{sleep, spawn, stats, yield_now};

use crate::stage::{SECOND, builder, settle, virtually};
use crate::trace::Trace;

// The seed systems' example.
#[test]
fn twelve_fifty_six_thirty_four() {
    let trace = Trace::default();
    virtually(async {
        let second = Rc::new(OnceCell::<Greenlet<()>>::new());
        let (gr2, words) = (second.clone(), trace.clone());
        let gr1 = Greenlet::new(move |()| async move {
            words.add("12");
            gr2.get().unwrap().switch(()).await.unwrap();
            words.add("34");
        });
        let (back, words) = (gr1.clone(), trace.clone());
        let gr2 = Greenlet::new(move |()| async move {
            words.add("56");
            back.switch(()).await.unwrap();
            words.add("78");
        });
        second.set(gr2.clone()).unwrap();
        gr1.switch(()).await.unwrap();
        trace.add("main");
        assert!(gr1.is_dead() && !gr2.is_dead());
        drop((gr1, gr2, second));
        yield_now().await;
    });
    assert_eq!(trace.text(), "12 56 34 main");
}

#[test]
fn values_go_to_and_fro() {
    virtually(async {
        let adder = Greenlet::new(|first: u32| async move {
            let main = Greenlet::<u32>::current().parent().unwrap();
            let mut sum = first;
            loop {
                let next = main.switch(sum).await.unwrap();
                if next == 0 {
                    return sum * 1000;
                }
                sum += next;
            }
        });
        assert_eq!(adder.switch(1).await.unwrap(), 1);
        assert_eq!(adder.switch(2).await.unwrap(), 3);
        assert_eq!(adder.switch(3).await.unwrap(), 6);
        assert_eq!(
            adder.switch(0).await.unwrap(),
            6000,
            "what the body returns"
        );
        assert!(adder.is_dead());
    });
}

#[test]
fn nothing_runs_before_the_first_switch_and_exactly_one_runs_at_a_time() {
    virtually(async {
        let running = Rc::new(Cell::new(0));
        let enter = |running: &Cell<i32>| {
            assert_eq!(running.get(), 0, "somebody else runs");
            running.set(1);
        };
        let greenlets: Vec<_> = (0..5)
            .map(|_| {
                let running = running.clone();
                Greenlet::new(move |()| async move {
                    let main = Greenlet::<()>::current().parent().unwrap();
                    for _ in 0..10 {
                        enter(&running);
                        sleep(SECOND).await; // it keeps control meanwhile
                        running.set(0);
                        main.switch(()).await.unwrap();
                    }
                })
            })
            .collect();
        let threads = stats().green_threads;
        settle().await;
        assert_eq!((stats().green_threads, running.get()), (threads, 0));
        for _ in 0..11 {
            for greenlet in &greenlets {
                greenlet.switch(()).await.unwrap();
            }
        }
        assert!(greenlets.iter().all(Greenlet::is_dead));
    });
}

#[test]
fn the_green_thread_outside_is_the_main_greenlet() {
    virtually(async {
        let main = Greenlet::<u8>::current();
        assert_eq!(main, Greenlet::current());
        assert!(main.parent().is_none() && !main.is_dead());
        let child = Greenlet::new(|n: u8| async move { n });
        assert_eq!(child.parent(), Some(main.clone()));
        let other = spawn(async { Greenlet::<u8>::current() }).await.unwrap();
        assert_ne!(other, main, "each green thread is one of its own");
        let inner = Greenlet::new(|n: u8| async move {
            let grandchild = Greenlet::new(|n: u8| async move { n + 1 });
            assert_eq!(grandchild.parent(), Some(Greenlet::current()));
            grandchild.switch(n).await.unwrap() + 1
        });
        assert_eq!(inner.switch(1).await.unwrap(), 3);
        assert_eq!(child.switch(9).await.unwrap(), 9);
    });
}

#[test]
fn switching_to_oneself_gives_the_value_back() {
    virtually(async {
        assert_eq!(Greenlet::current().switch(5).await.unwrap(), 5);
    });
}

#[test]
fn a_dead_greenlet_cannot_be_switched_to() {
    virtually(async {
        let short = Greenlet::new(|n: u8| async move { n });
        short.switch(1).await.unwrap();
        let again = short.switch(2).await;
        assert!(matches!(again, Err(GreenletError::Dead)), "{again:?}");
        let thrown = short.throw("late").await;
        assert!(matches!(thrown, Err(GreenletError::Dead)), "{thrown:?}");
    });
}

#[test]
fn a_greenlet_that_does_something_else_is_busy() {
    virtually(async {
        let sleeper = Greenlet::new(|()| async { sleep(SECOND).await });
        let own = sleeper.clone();
        let outsider = spawn(async move { own.switch(()).await });
        sleeper.switch(()).await.unwrap();
        let refused = outsider.await.unwrap();
        assert!(matches!(refused, Err(GreenletError::Busy)), "{refused:?}");
    });
}

#[test]
fn an_error_is_thrown_where_the_greenlet_waits() {
    virtually(async {
        let careful = Greenlet::new(|_| async {
            let main = Greenlet::<String>::current().parent().unwrap();
            match main.switch("ready".to_owned()).await {
                Err(GreenletError::Thrown(error)) => format!("caught {error}"),
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(careful.switch(String::new()).await.unwrap(), "ready");
        assert_eq!(
            careful.throw("a spanner").await.unwrap(),
            "caught a spanner"
        );
    });
}

#[test]
fn an_error_thrown_into_one_that_has_not_begun_is_its_parents() {
    virtually(async {
        let unborn = Greenlet::new(|()| async { panic!("it never runs") });
        let thrown = unborn.throw("a spanner").await;
        assert!(
            matches!(thrown, Err(GreenletError::Thrown(_))),
            "{thrown:?}"
        );
        assert!(unborn.is_dead());
    });
}

#[test]
fn a_panic_is_the_parents() {
    virtually(async {
        let failing = Greenlet::new(|()| async { panic!("out of paper") });
        let result = failing.switch(()).await;
        let Err(GreenletError::Panicked(message)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(message, "out of paper");
        assert!(failing.is_dead());
    });
}

#[test]
fn the_value_of_an_orphan_goes_to_its_grandparent() {
    virtually(async {
        let child = Rc::new(RefCell::new(None));
        let handed_up = child.clone();
        let parent = Greenlet::new(move |n: u8| async move {
            let grandchild = Greenlet::new(|n: u8| async move { n * 2 });
            handed_up.replace(Some(grandchild));
            n
        });
        assert_eq!(parent.switch(1).await.unwrap(), 1);
        let grandchild = child.take().unwrap();
        assert!(grandchild.parent().unwrap().is_dead());
        assert_eq!(grandchild.switch(21).await.unwrap(), 42);
    });
}

// What dropping the last handle means.
#[test]
fn a_greenlet_that_nobody_can_switch_to_is_killed() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("dropped");
        let waiting = Greenlet::new(move |()| async move {
            let main = Greenlet::<()>::current().parent().unwrap();
            main.switch(()).await.unwrap();
            drop(mark);
            panic!("nobody switched here");
        });
        waiting.switch(()).await.unwrap();
        let other = waiting.clone();
        drop(waiting);
        settle().await;
        assert_eq!(trace.text(), "");
        drop(other);
        yield_now().await;
        assert_eq!(trace.text(), "dropped");
        assert_eq!(stats().green_threads, 0);
    });
}

#[test]
fn a_greenlet_whose_handles_go_while_it_runs_ends_when_it_hands_control_on() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("dropped");
        let main = Greenlet::<u8>::current();
        let runner = Greenlet::new(move |n: u8| async move {
            sleep(2 * SECOND).await;
            let back = main.switch(n).await;
            drop(mark);
            unreachable!("{back:?}");
        });
        assert!(with_timeout(SECOND, runner.switch(1)).await.is_err());
        drop(runner);
        let sleeper = Greenlet::new(|n: u8| async move { (n, sleep(3 * SECOND).await).0 });
        assert_eq!(
            sleeper.switch(9).await.unwrap(),
            1,
            "it was the runner who switched back"
        );
        yield_now().await;
        assert_eq!(trace.text(), "dropped");
        sleep(5 * SECOND).await;
        assert!(sleeper.is_dead());
    });
}

#[test]
fn a_new_greenlet_is_dropped_with_its_handle() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("dropped");
        drop(Greenlet::new(move |()| async move { drop(mark) }));
        assert_eq!(trace.text(), "dropped");
    });
}

// The cancel safety of a switch.
#[test]
fn a_switch_that_was_given_up_leaves_the_other_running_and_keeps_its_end() {
    virtually(async {
        let slow = Greenlet::new(|n: u8| async move {
            sleep(2 * SECOND).await;
            n + 1
        });
        {
            let _unpolled = slow.switch(0);
        }
        assert!(!slow.is_dead(), "nothing has happened");
        assert!(with_timeout(SECOND, slow.switch(1)).await.is_err());
        let busy = slow.switch(9).await;
        assert!(matches!(busy, Err(GreenletError::Busy)), "{busy:?}");
        sleep(2 * SECOND).await;
        assert!(slow.is_dead());
        let other = Greenlet::new(|n: u8| async move { n });
        assert_eq!(
            other.switch(50).await.unwrap(),
            2,
            "what came meanwhile, first"
        );
    });
}

#[test]
fn a_switch_back_to_one_who_gave_up_is_refused() {
    virtually(async {
        let main = Greenlet::<u8>::current();
        let told = Rc::new(RefCell::new(None));
        let note = told.clone();
        let slow = Greenlet::new(move |_| async move {
            sleep(2 * SECOND).await;
            note.replace(Some(main.switch(1).await));
            2
        });
        assert!(with_timeout(SECOND, slow.switch(0)).await.is_err());
        sleep(2 * SECOND).await;
        let told = told.take();
        assert!(matches!(told, Some(Err(GreenletError::Busy))), "{told:?}");
        assert!(slow.is_dead());
    });
}

#[test]
fn greenlets_go_with_their_hub() {
    let trace = Trace::default();
    let hub = builder().build().unwrap();
    let greenlet = hub.run(async {
        let mark = trace.on_drop("dropped");
        let main = Greenlet::<()>::current();
        let greenlet = Greenlet::new(move |()| async move {
            main.switch(()).await.unwrap();
            drop(mark);
        });
        greenlet.switch(()).await.unwrap();
        greenlet
    });
    drop(hub);
    assert_eq!(trace.text(), "dropped");
    assert!(greenlet.is_dead());
}

#[test]
fn one_created_outside_a_hub_belongs_to_who_switches_to_it_first() {
    let greenlet = Greenlet::new(|n: u8| async move { n + 1 });
    assert!(greenlet.parent().is_none());
    virtually(async {
        assert_eq!(greenlet.switch(1).await.unwrap(), 2);
        assert_eq!(greenlet.parent(), Some(Greenlet::current()));
    });
}

#[test]
fn families_of_different_types_do_not_meet() {
    virtually(async {
        let words = Greenlet::new(|word: String| async move {
            let doubled = Greenlet::new(|n: usize| async move { n * 2 });
            let n = doubled.switch(word.len()).await.unwrap();
            word.repeat(n)
        });
        assert_eq!(words.switch("ab".to_owned()).await.unwrap(), "abababab");
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn a_long_game_of_table_tennis() {
    virtually(async {
        let other = Rc::new(OnceCell::<Greenlet<u64>>::new());
        let (opponent, main) = (other.clone(), Greenlet::<u64>::current());
        let ping = Greenlet::new(move |mut ball: u64| async move {
            while ball < 100_000 {
                ball = opponent.get().unwrap().switch(ball + 1).await.unwrap();
            }
            ball
        });
        let back = ping.clone();
        let pong = Greenlet::new(move |mut ball: u64| async move {
            loop {
                ball = back.switch(ball + 1).await.unwrap();
            }
        });
        other.set(pong.clone()).unwrap();
        assert_eq!(ping.switch(0).await.unwrap(), 100_000);
        drop((ping, pong, other, main));
        yield_now().await;
    });
}
