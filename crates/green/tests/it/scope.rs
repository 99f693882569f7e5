//! A scope: children that may borrow, and end with it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;

use evlet_green::{Event, LightQueue, scope};
use evlet_hub::{Exit, remaining, sleep, spawn, within, yield_now};

use crate::stage::{SECOND, virtually};
use crate::trace::Trace;

#[test]
fn children_borrow_from_around_the_scope() {
    virtually(async {
        let words = vec![String::from("one"), String::from("three")];
        let mut longest = 0;
        let (all, place) = (&words, &mut longest);
        let done = scope(|s| async move {
            let lengths = all
                .iter()
                .map(|word| s.spawn(async move { Ok(word.len()) }));
            for child in lengths.collect::<Vec<_>>() {
                *place = (*place).max(child.await.unwrap());
            }
            Ok::<_, Infallible>("done")
        });
        assert_eq!(done.await, Ok("done"));
        assert_eq!(longest, 5);
        drop(words);
    });
}

#[test]
fn it_is_done_when_all_children_are() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let done = scope(|s| async move {
            for n in [3, 1, 2] {
                s.spawn(async move {
                    sleep(SECOND * n).await;
                    trace.add(format!("{n}"));
                });
            }
            trace.add("body");
            Ok::<_, Infallible>(7)
        });
        assert_eq!(done.await, Ok(7));
        trace.add("after");
    });
    assert_eq!(trace.text(), "body 1 2 3 after");
}

#[test]
fn children_run_in_the_order_in_which_they_became_ready() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let queue: &LightQueue<u32> = &LightQueue::unbounded();
        let done = scope(|s| async move {
            for n in 0..3 {
                s.spawn(async move {
                    trace.add(format!("s{n}"));
                    let got = queue.get().await;
                    trace.add(format!("{n}got{got}"));
                });
            }
            trace.add("body");
            yield_now().await;
            for n in 0..3 {
                queue.put_nowait(n).unwrap();
            }
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
    });
    assert_eq!(trace.text(), "body s0 s1 s2 0got0 1got1 2got2");
}

#[test]
fn a_wake_up_polls_the_child_that_it_is_for() {
    /// Counts the polls of a future.
    async fn counted<F: Future>(polls: &Cell<u32>, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            polls.set(polls.get() + 1);
            future.as_mut().poll(cx)
        })
        .await
    }
    let quiet = Cell::new(0);
    let busy = Cell::new(0);
    virtually(async {
        let (quiet, busy) = (&quiet, &busy);
        let done = scope(|s| async move {
            s.spawn(counted(quiet, sleep(SECOND * 100)));
            s.spawn(counted(busy, async {
                for _ in 0..50 {
                    sleep(SECOND).await;
                }
            }));
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
    });
    assert_eq!((quiet.get(), busy.get()), (2, 51));
}

#[test]
fn a_child_may_spawn_siblings() {
    virtually(async {
        let depth = Cell::new(0);
        let count = &depth;
        fn dig<'env>(
            s: evlet_green::Scope<'env, Infallible>,
            count: &'env Cell<u32>,
        ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'env>> {
            Box::pin(async move {
                count.set(count.get() + 1);
                if count.get() < 1000 {
                    let sibling = s.clone();
                    s.spawn(dig(sibling, count));
                }
            })
        }
        let done = scope(|s| async move {
            s.spawn(dig(s.clone(), count));
            Ok(())
        });
        done.await.unwrap();
        assert_eq!(depth.get(), 1000);
    });
}

// proves A-9: neither green threads beside it nor siblings starve
#[test]
fn a_child_that_is_always_ready_starves_nobody() {
    virtually(async {
        let stop = &Cell::new(false);
        let turns = &Cell::new(0_u32);
        let event = Event::new();
        let beside = {
            let event = event.clone();
            spawn(async move { event.send(()).unwrap() })
        };
        let done = scope(|s| async move {
            s.spawn(async {
                while !stop.get() {
                    yield_now().await;
                }
            });
            s.spawn(async {
                // Ready at each await, but for the budget.
                let queue = LightQueue::unbounded();
                while !stop.get() {
                    queue.put(1).await;
                    queue.get().await;
                    turns.set(turns.get() + 1);
                }
            });
            event.wait().await;
            stop.set(true);
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
        beside.await.unwrap();
        assert!(turns.get() < 10_000, "{}", turns.get());
    });
}

#[test]
fn one_child_may_be_cancelled() {
    let trace = Trace::default();
    virtually(async {
        let trace = &trace;
        let done = scope(|s| async move {
            let slow = s.spawn(async {
                let _mark = trace.on_drop("gone");
                pending::<()>().await;
            });
            let never = s.spawn(async { trace.add("never") });
            never.cancel();
            yield_now().await;
            assert!(!slow.is_finished());
            slow.cancel();
            slow.cancel();
            assert!(matches!(slow.await, Err(Exit::Killed)));
            assert!(never.is_finished());
            never.cancel();
            trace.add("on");
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
    });
    assert_eq!(trace.text(), "gone on");
}

#[test]
fn a_value_is_handed_out_once_and_dropped_if_nobody_wants_it() {
    virtually(async {
        let token = Rc::new(());
        let held = &token;
        let done = scope(|s| async move {
            let mut child = s.spawn(async { Ok(Rc::clone(held)) });
            assert!((&mut child).await.is_ok());
            assert!((&mut child).await.is_err());
            drop(s.spawn(async { Ok(Rc::clone(held)) }));
            Ok::<_, Infallible>(())
        });
        done.await.unwrap();
        assert_eq!(Rc::strong_count(&token), 1);
    });
}

#[test]
fn a_child_knows_the_deadline_around_its_spawn() {
    virtually(async {
        let seen = RefCell::new(Vec::new());
        let notes = &seen;
        let done = within(
            SECOND * 9,
            scope(|s| async move {
                let look = |label: &'static str| async move {
                    notes.borrow_mut().push((label, remaining()));
                };
                let sibling = s.clone();
                let inner = within(SECOND, async move {
                    drop(sibling.spawn(look("inner")));
                    yield_now().await;
                });
                inner.await.unwrap();
                s.spawn(look("outer")).await.unwrap();
                Ok::<_, Infallible>(())
            }),
        );
        done.await.unwrap().unwrap();
        let expected = [("inner", Some(SECOND)), ("outer", Some(SECOND * 9))];
        assert_eq!(*seen.borrow(), expected);
    });
}

#[test]
fn children_are_woken_from_other_threads() {
    let hub = evlet_hub::Hub::new().unwrap();
    let sum = hub.run(scope(|s| async move {
        let jobs = (1..=20).map(|n| s.spawn(async move { Ok(answer_of_a_thread(n).await) }));
        let mut sum = 0;
        for job in jobs.collect::<Vec<_>>() {
            sum += job.await.unwrap();
        }
        Ok::<_, Infallible>(sum)
    }));
    assert_eq!(sum, Ok(210));
}

async fn answer_of_a_thread(n: u32) -> u32 {
    let (give, answer) = futures::channel::oneshot::channel();
    let thread = std::thread::spawn(move || give.send(n));
    let answer = answer.await.unwrap();
    thread.join().unwrap().unwrap();
    answer
}
