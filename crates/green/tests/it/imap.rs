//! `imap` and `starmap`: a function over many inputs, results in order.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::{Event, GreenPool, with_timeout};
use evlet_hub::{now, random_u64, sleep, spawn, yield_now};
use futures::stream::FusedStream;
use futures::{FutureExt, StreamExt, poll};

use crate::stage::{MS, SECOND, an_hour, builder, settle, virtually};
use crate::trace::Trace;

async fn pow(a: u64, b: u32) -> u64 {
    a.pow(b)
}

const POWERS: [(u64, u32); 3] = [(2, 5), (3, 2), (10, 3)];

// The seed systems' numbers.
#[test]
fn imap_and_starmap_give_32_9_1000() {
    virtually(async {
        let pool = GreenPool::default();
        let zipped = std::iter::zip([2, 3, 10], [5, 2, 3]);
        let imap = pool.imap(|(a, b)| pow(a, b), zipped);
        assert_eq!(imap.collect::<Vec<_>>().await, [32, 9, 1000]);
        let starmap = pool.starmap(pow, POWERS);
        assert_eq!(starmap.collect::<Vec<_>>().await, [32, 9, 1000]);
    });
}

#[test]
fn starmap_takes_functions_of_one_tuple_or_of_many_arguments() {
    virtually(async {
        let pool = GreenPool::new(2);
        let whole = pool.starmap(|(a, b): (u64, u32)| async move { a.pow(b) }, POWERS);
        assert_eq!(whole.collect::<Vec<_>>().await, [32, 9, 1000]);
        let spread = pool.starmap(|a: u64, b: u32| async move { a.pow(b) }, POWERS);
        assert_eq!(spread.collect::<Vec<_>>().await, [32, 9, 1000]);
        let called = pool.starmap(|a: u32, b| pow(a.into(), b), [(2, 5), (3, 2), (10, 3)]);
        assert_eq!(called.collect::<Vec<_>>().await, [32, 9, 1000]);

        async fn three(a: u8, b: u8, c: u8) -> u8 {
            a + b + c
        }
        async fn six(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) -> u8 {
            a + b + c + d + e + f
        }
        assert_eq!(pool.starmap(three, [(1, 2, 3)]).next().await, Some(6));
        assert_eq!(
            pool.starmap(six, [(1, 2, 3, 4, 5, 6)]).next().await,
            Some(21)
        );
        let four = pool.starmap(
            |a: u8, b: u8, c: u8, d: u8| async move { a + b + c + d },
            [(1, 2, 3, 4)],
        );
        assert_eq!(four.collect::<Vec<_>>().await, [10]);
        let five = pool.starmap(
            |a: u8, b: u8, c: u8, d: u8, e: u8| async move { a + b + c + d + e },
            [(1, 2, 3, 4, 5)],
        );
        assert_eq!(five.collect::<Vec<_>>().await, [15]);
    });
}

// conformance 66
#[test]
fn results_come_in_the_order_of_the_inputs() {
    virtually(async {
        let pool = GreenPool::new(4);
        let start = now();
        let results = pool.imap(
            |n: u64| async move {
                sleep(MS * (random_u64() % 100) as u32).await;
                n
            },
            0..100,
        );
        assert_eq!(
            results.collect::<Vec<_>>().await,
            (0..100).collect::<Vec<_>>()
        );
        assert!(now() - start < 100 * 50 * MS, "several at once");
    });
}

#[test]
fn as_many_run_at_once_as_the_pool_has_places() {
    virtually(async {
        let pool = GreenPool::new(5);
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let start = now();
        let results = pool.imap(
            |_| {
                let (running, most) = (running.clone(), most.clone());
                async move {
                    running.set(running.get() + 1);
                    most.set(most.get().max(running.get()));
                    sleep(SECOND).await;
                    running.set(running.get() - 1);
                }
            },
            0..20,
        );
        assert_eq!(results.count().await, 20);
        assert_eq!(most.get(), 5);
        assert_eq!(now() - start, 4 * SECOND);
    });
}

#[test]
fn jobs_take_places_of_this_pool() {
    virtually(async {
        let pool = GreenPool::new(3);
        let end = Event::new();
        let wait = end.clone();
        pool.spawn_n(async move { wait.wait().await }).await;
        let mut results = pool.imap(|n| async move { (n, sleep(SECOND).await).0 }, 0..4);
        {
            let mut next = pin!(results.next());
            assert!(poll!(&mut next).is_pending());
            assert_eq!((pool.running(), pool.waiting()), (3, 1));
            assert_eq!(next.await, Some(0));
        }
        end.send(()).unwrap();
        assert_eq!(results.collect::<Vec<_>>().await, [1, 2, 3]);
        pool.waitall().await;
    });
}

fn panicking(
    bad: &'static [u32],
) -> impl FnMut(u32) -> futures::future::LocalBoxFuture<'static, u32> {
    move |n| {
        async move {
            yield_now().await;
            assert!(!bad.contains(&n), "bad {n}");
            n
        }
        .boxed_local()
    }
}

/// The results of a stream, with `r` for each panic.
async fn results(mut next: impl AsyncFnMut() -> Option<u32>) -> String {
    let mut all = Vec::new();
    loop {
        match AssertUnwindSafe(next()).catch_unwind().await {
            Ok(Some(n)) => all.push(n.to_string()),
            Ok(None) => return all.join(""),
            Err(_) => all.push("r".to_owned()),
        }
    }
}

// conformance 67
#[test]
fn a_panic_comes_at_its_position_and_the_rest_goes_on() {
    virtually(async {
        let pool = GreenPool::new(3);
        let mut stream = pool.imap(panicking(&[1, 7]), 0..10);
        assert_eq!(results(async || stream.next().await).await, "0r23456r89");
        pool.waitall().await;
        assert_eq!(pool.free(), 3);
    });
}

#[test]
fn a_panic_of_the_function_itself_comes_at_its_position_too() {
    virtually(async {
        let pool = GreenPool::new(2);
        let mut stream = pool.imap(
            |n: u32| {
                assert_ne!(n, 2, "before there is a future");
                async move { n }
            },
            0..5,
        );
        assert_eq!(results(async || stream.next().await).await, "01r34");
        assert_eq!((pool.running(), pool.free()), (0, 2));
    });
}

// proves A-9
#[test]
fn a_budget_however_small_is_enough() {
    for budget in 1..6 {
        let hub = builder().budget(budget).build().unwrap();
        hub.run(async {
            let pool = GreenPool::new(3);
            for job in [0_u32, 1] {
                let own = pool.clone();
                let double = move |n: u32| async move { (n * 2, sleep(MS * (n * job)).await).0 };
                let doubles = own.imap(double, 0..20).collect::<Vec<_>>().await;
                assert!(doubles.into_iter().eq((0..20).map(|n| n * 2)));
                let member = pool.spawn(async move { own.imap(double, 0..20).count().await });
                assert_eq!(member.await.await.unwrap(), 20);
            }
        });
    }
}

// Defect D5 of eventlet: there the consumer hangs.
#[test]
fn a_panic_of_the_inputs_comes_after_the_results_before_it_and_ends_the_stream() {
    virtually(async {
        let pool = GreenPool::new(10);
        let inputs = (0..10).inspect(|n| assert_ne!(*n, 3, "no more inputs"));
        let mut stream = pool.imap(|n: u32| async move { n }, inputs);
        assert_eq!(results(async || stream.next().await).await, "012r");
        assert!(stream.is_terminated());
    });
}

// conformance 68; defect D5 of eventlet: there it hangs after the end
#[test]
fn imap_over_nothing_ends_at_once_and_stays_at_its_end() {
    virtually(async {
        let pool = GreenPool::new(1);
        let mut stream = pool.imap(|n: u32| async move { n }, []);
        assert!(poll!(pin!(stream.next())).is_ready());
        assert_eq!(stream.next().await, None);
        assert_eq!(StreamExt::next(&mut stream).await, None);

        let end = Event::<()>::new();
        let wait = end.clone();
        pool.spawn_n(async move { wait.wait().await }).await;
        let mut on_full_pool = pool.imap(|n: u32| async move { n }, []);
        assert_eq!(on_full_pool.next().await, None, "an end needs no place");
        end.send(()).unwrap();
        pool.waitall().await;
    });
}

// conformance 69
#[test]
fn two_inputs_are_zipped() {
    virtually(async {
        let pool = GreenPool::new(2);
        let zipped = std::iter::zip("abc".chars(), 1..);
        let stream = pool.starmap(
            |c: char, n: usize| async move { c.to_string().repeat(n) },
            zipped,
        );
        assert_eq!(stream.collect::<Vec<_>>().await, ["a", "bb", "ccc"]);
    });
}

#[test]
fn inputs_are_taken_only_as_far_as_needed() {
    virtually(async {
        let pool = GreenPool::new(4);
        let taken = Cell::new(0);
        let inputs = (0..).inspect(|_| taken.set(taken.get() + 1));
        let mut stream = pool.imap(|n| async move { n }, inputs);
        settle().await;
        assert_eq!(taken.get(), 0, "nothing before the first poll");
        for n in 0..10 {
            assert_eq!(stream.next().await, Some(n));
            an_hour().await;
            assert!(taken.get() <= n + 1 + 4, "{} taken after {n}", taken.get());
        }
    });
}

#[test]
fn inputs_and_function_may_borrow() {
    virtually(async {
        let pool = GreenPool::new(2);
        let hosts = ["one".to_owned(), "three".to_owned()];
        let called = Cell::new(0);
        let lengths = pool.imap(
            |host: String| {
                called.set(called.get() + 1);
                async move { host.len() }
            },
            hosts.iter().cloned(),
        );
        assert_eq!(lengths.collect::<Vec<_>>().await, [3, 5]);
        assert_eq!(called.get(), 2);
    });
}

#[test]
fn dropping_the_stream_kills_what_it_has_started() {
    let trace = Trace::default();
    virtually(async {
        let pool = GreenPool::new(3);
        let mut stream = pool.imap(
            |n| {
                let mark = trace.on_drop(n);
                async move {
                    an_hour().await;
                    drop(mark);
                }
            },
            0..,
        );
        assert!(with_timeout(SECOND, stream.next()).await.is_err());
        assert_eq!((pool.running(), trace.text()), (3, String::new()));
        let start = now();
        drop(stream);
        pool.waitall().await;
        assert_eq!(now(), start);
    });
    assert_eq!(trace.text(), "0 1 2");
}

// proves D-1
#[test]
fn a_next_that_was_given_up_keeps_nothing_from_the_others() {
    virtually(async {
        let pool = GreenPool::new(1);
        let end = Event::<()>::new();
        let wait = end.clone();
        pool.spawn_n(async move { wait.wait().await }).await;
        let mut stream = pool.imap(|n| async move { n }, 0..3);
        assert!(with_timeout(SECOND, stream.next()).await.is_err());
        assert_eq!(pool.waiting(), 0, "it has left the line");
        end.send(()).unwrap();
        pool.waitall().await;
        assert_eq!(
            stream.by_ref().collect::<Vec<_>>().await,
            [0, 1, 2],
            "and no input is lost"
        );
        assert_eq!(pool.waiting(), 0);
    });
}

#[test]
fn between_two_results_the_stream_stands_in_no_line() {
    virtually(async {
        let pool = GreenPool::new(3);
        let end = Event::<()>::new();
        for _ in 0..2 {
            let wait = end.clone();
            pool.spawn_n(async move { wait.wait().await }).await;
        }
        let mut stream = pool.imap(|n| async move { n }, 0..3);
        // Not its own `next`, which would leave the line for it.
        assert_eq!(StreamExt::next(&mut stream).await, Some(0));
        assert_eq!(pool.waiting(), 0);
        end.send(()).unwrap();
        pool.waitall().await;
        assert_eq!(pool.free(), 3);
    });
}

#[test]
fn a_stream_that_is_held_and_not_polled_does_not_keep_waitall() {
    virtually(async {
        let pool = GreenPool::new(2);
        let mut stream = pool.imap(|n| async move { n }, 0..100);
        assert_eq!(stream.next().await, Some(0));
        pool.waitall().await;
        assert_eq!(pool.free(), 2);
        assert_eq!(stream.next().await, Some(1));
    });
}

#[test]
fn a_member_of_the_full_pool_runs_the_jobs_itself() {
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let job = pool.spawn(async move {
            let mut stream = own.imap(panicking(&[2]), 0..4);
            results(async || stream.next().await).await
        });
        assert_eq!(job.await.await.unwrap(), "01r3");
        pool.waitall().await;
        assert_eq!(pool.free(), 1);
    });
}

#[test]
fn a_pool_that_is_resized_changes_how_many_run() {
    virtually(async {
        let pool = GreenPool::new(1);
        let start = now();
        let mut stream = pool.imap(|n| async move { (n, sleep(SECOND).await).0 }, 0..9);
        assert_eq!(stream.next().await, Some(0));
        assert_eq!(now() - start, SECOND);
        pool.resize(4);
        assert_eq!(stream.collect::<Vec<_>>().await, (1..9).collect::<Vec<_>>());
        assert_eq!(now() - start, 3 * SECOND);
    });
}

#[test]
fn two_streams_share_a_pool() {
    virtually(async {
        let pool = GreenPool::new(2);
        let consumer = |base: u32| {
            let pool = pool.clone();
            spawn(async move {
                let job =
                    move |n| async move { (base + n, sleep(Duration::from_millis(7)).await).0 };
                pool.imap(job, 0..50).collect::<Vec<_>>().await
            })
        };
        let consumers = [consumer(0), consumer(1000)];
        for (consumer, base) in consumers.into_iter().zip([0, 1000]) {
            assert_eq!(
                consumer.await.unwrap(),
                (base..base + 50).collect::<Vec<_>>()
            );
        }
        assert_eq!(pool.free(), 2);
    });
}

#[test]
fn outside_a_hub_a_job_cannot_be_started_and_no_place_is_lost() {
    let pool = GreenPool::new(1);
    let mut stream = pool.imap(|n: u8| async move { n }, [1]);
    let polled = catch_unwind(AssertUnwindSafe(|| stream.next().now_or_never()));
    assert!(polled.is_err(), "there is nobody to run it");
    assert_eq!(pool.free(), 1);
}
