//! `LightQueue` and `Queue`: eventlet's cases, and what ours add to them.
//!
//! One file with all of the reference's cases for the queue, in their order, so that each is found by
//! its number; that takes it over 450 lines.

use std::pin::pin;
use std::time::Duration;

use evlet_green::{Empty, Full, LightQueue, Queue, TooManyDone, with_timeout};
use evlet_hub::{GreenThread, now, sleep, spawn, spawn_n, yield_now};
use futures::poll;

use crate::stage::{MS, SECOND, settle, virtually};
use crate::trace::Trace;

fn getter<T: 'static>(queue: &LightQueue<T>) -> GreenThread<T> {
    let queue = queue.clone();
    spawn(async move { queue.get().await })
}

fn putter<T: 'static>(queue: &LightQueue<T>, item: T) -> GreenThread<()> {
    let queue = queue.clone();
    spawn(async move { queue.put(item).await })
}

// conformance 36
#[test]
fn what_was_put_first_is_got() {
    virtually(async {
        let queue = LightQueue::unbounded();
        queue.put("hi").await;
        assert_eq!(queue.get().await, "hi");
    });
}

// conformance 37
#[test]
fn a_getter_that_waits_gets_what_is_put() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let waiter = getter(&queue);
        yield_now().await;
        queue.put("hi").await;
        assert_eq!(waiter.await.unwrap(), "hi");
    });
}

// conformance 38
#[test]
fn a_full_queue_blocks_the_next_putter_until_a_get() {
    virtually(async {
        let queue = LightQueue::bounded(2);
        let trace = Trace::default();
        let (own, words) = (queue.clone(), trace.clone());
        let putting = spawn(async move {
            for item in ["a", "b", "c"] {
                own.put(item).await;
                words.add(item);
            }
        });
        settle().await;
        assert_eq!(trace.text(), "a b");
        assert!(queue.is_full());
        assert_eq!((queue.qsize(), queue.putting()), (2, 1));
        assert_eq!(queue.get().await, "a");
        putting.await.unwrap();
        assert_eq!(trace.text(), "a b c");
        assert_eq!((queue.get().await, queue.get().await), ("b", "c"));
    });
}

// conformance 39
#[test]
fn a_rendezvous_blocks_the_putter_until_a_getter_comes() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let putting = putter(&queue, "ok");
        settle().await;
        assert!(!putting.is_finished());
        assert!(
            queue.is_empty() && queue.is_full(),
            "a rendezvous is always both"
        );
        assert_eq!(queue.get().await, "ok");
        putting.await.unwrap();
    });
}

// conformance 40
#[test]
fn growing_lets_a_blocked_putter_go_on() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let putting = putter(&queue, "ok");
        yield_now().await;
        queue.resize(1);
        putting.await.unwrap();
        assert_eq!((queue.qsize(), queue.maxsize()), (1, Some(1)));
        assert_eq!(queue.get_nowait(), Ok("ok"));
    });
}

// conformance 41
#[test]
fn shrinking_drops_nothing() {
    virtually(async {
        let queue = LightQueue::bounded(5);
        for item in 0..5 {
            queue.put(item).await;
        }
        queue.resize(1);
        assert_eq!(queue.qsize(), 5);
        let putting = putter(&queue, 5);
        for item in 0..5 {
            settle().await;
            assert!(!putting.is_finished(), "it is still over-full");
            assert_eq!(queue.get().await, item);
        }
        putting.await.unwrap();
        assert_eq!(queue.get().await, 5);
    });
}

// conformance 42
#[test]
fn growing_without_limit_lets_all_blocked_putters_go_on() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let putting = [1, 2, 3].map(|item| putter(&queue, item));
        yield_now().await;
        queue.resize(None);
        for thread in putting {
            thread.await.unwrap();
        }
        assert_eq!([1, 2, 3].map(|_| queue.get_nowait().unwrap()), [1, 2, 3]);
    });
}

#[test]
fn shrinking_to_a_rendezvous_keeps_items_and_putters_in_order() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put(1).await;
        let putting = putter(&queue, 2);
        yield_now().await;
        queue.resize(0);
        assert_eq!((queue.get().await, queue.get().await), (1, 2));
        putting.await.unwrap();
        assert_eq!((queue.qsize(), queue.putting()), (0, 0));
    });
}

// conformance 43; proves D-2: ours are served in order
#[test]
fn getters_are_served_first_come_first_served() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let waiting = [0, 1, 2, 3].map(|_| getter(&queue));
        yield_now().await;
        for item in 0..4 {
            queue.put(item).await;
        }
        for (item, thread) in waiting.into_iter().enumerate() {
            assert_eq!(thread.await.unwrap(), item);
        }
    });
}

// proves D-2
#[test]
fn putters_are_served_first_come_first_served() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        for item in 0..10 {
            drop(putter(&queue, item));
        }
        yield_now().await;
        for item in 0..10 {
            assert_eq!(queue.get().await, item);
        }
    });
}

// conformance 44
#[test]
fn what_a_getter_that_gave_up_would_have_got_goes_to_the_next() {
    virtually(async {
        let queue = LightQueue::unbounded();
        assert!(with_timeout(MS, queue.get()).await.is_err());
        queue.put("hi").await;
        assert_eq!(with_timeout(MS, queue.get()).await.unwrap(), "hi");
    });
}

// conformance 45
#[test]
fn of_a_doomed_and_a_live_getter_the_live_one_gets_the_item() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let doomed = queue.clone();
        let doomed = spawn(async move { with_timeout(MS, doomed.get()).await });
        let live = getter(&queue);
        sleep(10 * MS).await;
        assert!(doomed.await.unwrap().is_err());
        queue.put("hi").await;
        assert_eq!(live.await.unwrap(), "hi");

        // Killed in the turn of the put, before it and after it.
        for kill_first in [true, false] {
            let (doomed, live) = (getter(&queue), getter(&queue));
            yield_now().await;
            if kill_first {
                doomed.kill();
            }
            queue.put_nowait("ho").unwrap();
            doomed.kill();
            assert!(doomed.await.is_err());
            assert_eq!(live.await.unwrap(), "ho");
        }
        assert_eq!((queue.qsize(), queue.getting()), (0, 0));
    });
}

// conformance 46
#[test]
fn with_only_doomed_getters_the_item_stays() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let doomed = [(); 2].map(|()| getter(&queue));
        yield_now().await;
        queue.put("hi").await;
        let kills = doomed.map(|thread| thread.kill());
        for kill in kills {
            kill.await;
        }
        assert_eq!((queue.qsize(), queue.getting()), (1, 0));
        assert_eq!(queue.get_nowait(), Ok("hi"));
    });
}

// conformance 47
#[test]
fn a_put_on_a_rendezvous_is_done_after_the_receiver_has_the_item() {
    let trace = Trace::default();
    virtually(async {
        let channel = LightQueue::rendezvous();
        let (own, words) = (channel.clone(), trace.clone());
        spawn_n(async move {
            words.add(own.get().await);
            words.add(own.get().await);
        });
        trace.add("sending");
        channel.put("hello").await;
        trace.add("sent-hello");
        channel.put("world").await;
        trace.add("sent-world");
    });
    assert_eq!(trace.text(), "sending hello sent-hello world sent-world");
}

// conformance 48
#[test]
fn getters_and_putters_of_a_rendezvous_pair_up() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let getting = [(); 3].map(|()| getter(&channel));
        yield_now().await;
        assert_eq!(channel.getting(), 3);
        let putting = [1, 2, 3].map(|item| putter(&channel, item));
        for (n, thread) in getting.into_iter().enumerate() {
            assert_eq!(thread.await.unwrap(), n + 1);
        }
        for thread in putting {
            thread.await.unwrap();
        }
        assert_eq!((channel.getting(), channel.putting()), (0, 0));
    });
}

// conformance 49
#[test]
fn a_put_on_a_rendezvous_that_times_out_leaves_nothing() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        assert!(with_timeout(MS, channel.put("lost")).await.is_err());
        assert_eq!(channel.get_nowait(), Err(Empty));
        assert_eq!(channel.putting(), 0);
    });
}

// conformance 50
#[test]
fn an_item_is_unfinished_until_it_is_reported_done() {
    virtually(async {
        let channel = Queue::rendezvous();
        let own = channel.clone();
        let sending = spawn(async move { own.put("job").await });
        assert_eq!(channel.get().await, "job");
        sending.await.unwrap();
        assert_eq!(channel.unfinished_tasks(), 1);
        channel.task_done().unwrap();
        assert_eq!(channel.unfinished_tasks(), 0);
        assert_eq!(channel.task_done(), Err(TooManyDone));
        assert_eq!(channel.unfinished_tasks(), 0, "an error changes nothing");
    });
}

// conformance 51
#[test]
fn a_rendezvous_takes_items_without_waiting_for_getters_that_live() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let (doomed, live): (Vec<_>, Vec<_>) = (0..10)
            .map(|_| (getter(&channel), getter(&channel)))
            .unzip();
        yield_now().await;
        for thread in doomed {
            thread.kill().await;
        }
        for item in 0..10 {
            channel.put_nowait(item).unwrap();
        }
        assert_eq!(
            channel.put_nowait(10),
            Err(Full(10)),
            "every getter has its item"
        );
        for (item, thread) in live.into_iter().enumerate() {
            assert_eq!(thread.await.unwrap(), item);
        }
        assert_eq!((channel.qsize(), channel.getting()), (0, 0));
    });
}

#[test]
fn an_item_put_into_a_rendezvous_for_a_getter_that_then_dies_is_kept() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let doomed = getter(&channel);
        yield_now().await;
        channel.put_nowait("kept").unwrap();
        doomed.kill().await;
        let putting = putter(&channel, "later");
        yield_now().await;
        assert_eq!(
            (channel.get().await, channel.get().await),
            ("kept", "later")
        );
        putting.await.unwrap();
    });
}

#[test]
fn put_nowait_on_a_rendezvous_does_not_overtake_a_putter() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let getting = [(); 2].map(|()| getter(&channel));
        yield_now().await;
        let mut early = pin!(channel.put("early"));
        assert!(
            poll!(&mut early).is_pending(),
            "its getter has been called, and not yet run"
        );
        assert_eq!(channel.put_nowait("late"), Err(Full("late")));
        early.await;
        channel.put_nowait("late").unwrap();
        for (thread, item) in getting.into_iter().zip(["early", "late"]) {
            assert_eq!(thread.await.unwrap(), item);
        }
    });
}

#[test]
fn get_nowait_on_a_rendezvous_takes_from_a_putter_that_waits() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let putting = putter(&channel, "hi");
        yield_now().await;
        assert_eq!(channel.get_nowait(), Ok("hi"));
        assert_eq!(channel.get_nowait(), Err(Empty));
        putting.await.unwrap();
    });
}

// A getter that was called because a putter offered an item finds none when the putter has gone
// meanwhile. It is first in line again.
#[test]
fn a_getter_called_in_vain_keeps_its_place() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let first = getter(&channel);
        let second = getter(&channel);
        yield_now().await;
        {
            let mut offer = pin!(channel.put("withdrawn"));
            assert!(poll!(&mut offer).is_pending());
        }
        yield_now().await;
        assert!(!first.is_finished());
        assert_eq!(channel.getting(), 2);
        channel.put("a").await;
        channel.put("b").await;
        assert_eq!(first.await.unwrap(), "a");
        assert_eq!(second.await.unwrap(), "b");
    });
}

// proves D-2: nobody overtakes
#[test]
fn an_item_promised_to_a_waiter_cannot_be_snatched() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let waiter = getter(&queue);
        yield_now().await;
        queue.put_nowait("promised").unwrap();
        assert_eq!(queue.qsize(), 1);
        assert_eq!(queue.get_nowait(), Err(Empty));
        queue.put_nowait("free").unwrap();
        assert_eq!(queue.get_nowait(), Ok("promised"), "items keep their order");
        assert_eq!(waiter.await.unwrap(), "free");
    });
}

// proves D-2: nobody overtakes
#[test]
fn room_promised_to_a_putter_cannot_be_snatched() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put(1).await;
        let waiter = putter(&queue, 2);
        yield_now().await;
        assert_eq!(queue.get_nowait(), Ok(1));
        assert_eq!(queue.put_nowait(3), Err(Full(3)));
        waiter.await.unwrap();
        assert_eq!(queue.get_nowait(), Ok(2));
    });
}

#[test]
fn put_and_get_do_not_yield_when_they_need_not() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        let trace = Trace::default();
        let other = trace.clone();
        spawn_n(async move { other.add("other") });
        queue.put(1).await;
        queue.get().await;
        trace.add("me");
        yield_now().await;
        assert_eq!(trace.text(), "me other");
    });
}

// proves A-9
#[test]
fn a_loop_over_a_queue_that_is_always_ready_lets_others_run() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let stop = LightQueue::unbounded();
        let stopper = stop.clone();
        spawn_n(async move { stopper.put_nowait(()).unwrap() });
        let mut rounds = 0;
        while stop.is_empty() {
            queue.put(()).await;
            queue.get().await;
            rounds += 1;
            assert!(rounds < 10_000, "the other never runs");
        }
    });
}

#[test]
fn waiters_are_counted() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        assert_eq!((queue.getting(), queue.putting()), (0, 0));
        let first = getter(&queue);
        yield_now().await;
        let second = getter(&queue);
        yield_now().await;
        assert_eq!(queue.getting(), 2);
        queue.put("hi").await;
        first.await.unwrap();
        assert_eq!(queue.getting(), 1);
        queue.put("ho").await;
        second.await.unwrap();
        assert_eq!(queue.getting(), 0);
    });
}

#[test]
fn join_waits_for_everything_that_is_unfinished() {
    virtually(async {
        let jobs = Queue::bounded(3);
        for _ in 0..2 {
            let jobs = jobs.clone();
            spawn_n(async move {
                while jobs.get().await != u64::MAX {
                    sleep(SECOND).await;
                    jobs.task_done().unwrap();
                }
                jobs.task_done().unwrap();
            });
        }
        let start = now();
        for job in 0..10 {
            jobs.put(job).await;
        }
        jobs.join().await;
        assert_eq!(now() - start, 5 * SECOND);
        assert_eq!(jobs.unfinished_tasks(), 0);
        jobs.join().await; // at once when nothing is unfinished
        for _ in 0..2 {
            jobs.put(u64::MAX).await;
        }
        jobs.join().await; // and again after later puts
    });
}

#[test]
fn joiners_go_on_even_if_more_is_put_before_they_run() {
    virtually(async {
        let jobs = Queue::unbounded();
        jobs.put(1).await;
        let own = jobs.clone();
        let joiner = spawn(async move { own.join().await });
        yield_now().await;
        jobs.task_done().unwrap();
        jobs.put(2).await;
        joiner.await.unwrap();
        assert_eq!(jobs.unfinished_tasks(), 2 - 1);
    });
}

#[test]
fn a_joinable_queue_is_a_queue() {
    virtually(async {
        let queue = Queue::<u8>::default();
        assert_eq!(queue.maxsize(), None);
        queue.resize(2);
        queue.put_nowait(1).unwrap();
        queue.put_nowait(2).unwrap();
        assert_eq!(queue.put_nowait(3), Err(Full(3)));
        assert!(queue.is_full() && !queue.is_empty());
        assert_eq!((queue.qsize(), queue.putting(), queue.getting()), (2, 0, 0));
        assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Ok(2)));
        assert_eq!(queue.get_nowait(), Err(Empty));
        assert_eq!(queue.unfinished_tasks(), 2, "got is not finished");
    });
}

#[test]
fn items_are_dropped_with_their_queue() {
    let trace = Trace::default();
    virtually(async {
        let queue = LightQueue::unbounded();
        queue.put(trace.on_drop("first")).await;
        queue.put(trace.on_drop("second")).await;
        let other = queue.clone();
        drop(queue);
        assert_eq!(trace.text(), "");
        drop(other);
    });
    assert_eq!(trace.text(), "first second");
}

// proves D-5
#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn a_million_waits_that_were_given_up_leave_nothing() {
    virtually(async {
        let queue = LightQueue::<u8>::unbounded();
        for _ in 0..1_000_000 {
            let mut get = pin!(queue.get());
            assert!(poll!(&mut get).is_pending());
        }
        assert_eq!(queue.getting(), 0);
        let size = format!("{queue:?}").len();
        assert!(size < 200);
    });
}

#[test]
fn a_producer_is_held_back_by_its_consumer() {
    virtually(async {
        let queue = LightQueue::bounded(4);
        let own = queue.clone();
        spawn_n(async move {
            for item in 0..1000 {
                own.put(item).await;
                assert!(own.qsize() <= 4);
            }
        });
        for item in 0..1000 {
            sleep(Duration::from_micros(10)).await;
            assert_eq!(queue.get().await, item);
        }
    });
}
