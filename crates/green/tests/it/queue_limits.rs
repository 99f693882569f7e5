//! Limits on waiting in a queue, and taking back what was offered.

use std::pin::pin;
use std::time::Duration;

use evlet_green::{Empty, Full, LightQueue};
use evlet_hub::{now, sleep, spawn, stats, yield_now};
use futures::poll;

use crate::stage::{MS, SECOND, virtually};
use crate::trace::Trace;

const CENTURIES: Duration = Duration::from_secs(300 * 365 * 24 * 3600);

#[test]
fn a_limited_get_ends_at_its_limit() {
    virtually(async {
        let queue = LightQueue::<u8>::unbounded();
        let start = now();
        assert_eq!(queue.get_timeout(SECOND).await, Err(Empty));
        assert_eq!(now() - start, SECOND);
        assert_eq!((queue.getting(), stats().timers), (0, 0));
    });
}

// conformance 49
#[test]
fn a_limited_put_ends_at_its_limit_and_hands_its_item_back() {
    virtually(async {
        for queue in [LightQueue::bounded(1), LightQueue::rendezvous()] {
            let _ = queue.put_nowait("inside");
            let start = now();
            assert_eq!(queue.put_timeout("back", SECOND).await, Err(Full("back")));
            assert_eq!(now() - start, SECOND);
            assert_eq!((queue.putting(), stats().timers), (0, 0));
        }
    });
}

#[test]
fn what_comes_in_time_is_got_and_put() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        let other = queue.clone();
        let partner = spawn(async move {
            sleep(MS).await;
            other.put("for the getter").await;
            sleep(MS).await;
            assert_eq!(other.get().await, "from the putter");
        });
        assert_eq!(queue.get_timeout(SECOND).await, Ok("for the getter"));
        queue.put_nowait("inside").unwrap();
        let start = now();
        let own = queue.clone();
        let taking = spawn(async move {
            sleep(MS / 2).await;
            own.get().await
        });
        queue.put_timeout("from the putter", SECOND).await.unwrap();
        assert_eq!(now() - start, MS / 2);
        assert_eq!(taking.await.unwrap(), "inside");
        partner.await.unwrap();
        assert_eq!(stats().timers, 0, "their timers are freed at once");
    });
}

#[test]
fn no_timer_is_set_for_what_need_not_wait() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let mut put = pin!(queue.put_timeout(1, SECOND));
        assert!(poll!(&mut put).is_ready());
        let mut get = pin!(queue.get_timeout(SECOND));
        assert!(poll!(&mut get).is_ready());
        assert_eq!(stats().timers, 0);
    });
}

// The reference: a limit of zero gives up after one turn.
#[test]
fn a_limit_of_zero_gives_the_others_one_turn() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        let trace = Trace::default();
        let (other, words) = (queue.clone(), trace.clone());
        let partner = spawn(async move {
            words.add("other");
            other.put("item").await;
        });
        let got = queue.get_timeout(Duration::ZERO).await;
        trace.add("me");
        assert_eq!(got, Ok("item"), "it came in that turn");
        assert_eq!(queue.get_timeout(Duration::ZERO).await, Err(Empty));
        queue.put("inside").await;
        let refused = queue.put_timeout("back", Duration::ZERO).await;
        assert_eq!(refused, Err(Full("back")));
        assert_eq!(trace.text(), "other me");
        partner.await.unwrap();
    });
}

#[test]
fn a_limit_of_centuries_is_waited_for_and_one_beyond_the_clock_is_none() {
    virtually(async {
        let queue = LightQueue::<u8>::unbounded();
        let start = now();
        assert_eq!(queue.get_timeout(CENTURIES).await, Err(Empty));
        assert_eq!(now() - start, CENTURIES);
        let own = queue.clone();
        let endless = spawn(async move { own.get_timeout(Duration::MAX).await });
        sleep(SECOND).await;
        assert!(!endless.is_finished());
        queue.put(7).await;
        assert_eq!(endless.await.unwrap(), Ok(7));
    });
}

// Promise B-7: what comes in the turn in which the limit is reached is kept.
#[test]
fn an_item_and_a_limit_at_the_same_instant_lose_nothing() {
    for put_at in [9, 10, 11] {
        virtually(async {
            let queue = LightQueue::unbounded();
            let own = queue.clone();
            let putter = spawn(async move {
                sleep(MS * put_at).await;
                own.put("item").await;
            });
            yield_now().await;
            let got = queue.get_timeout(10 * MS).await;
            putter.await.unwrap();
            assert_eq!(queue.qsize(), usize::from(got.is_err()));
            assert_eq!(got.is_ok(), put_at <= 10, "{put_at}");
        });
    }
}

#[test]
fn room_and_a_limit_at_the_same_instant_lose_nothing() {
    for got_at in [9, 10, 11] {
        virtually(async {
            let queue = LightQueue::bounded(1);
            queue.put("old").await;
            let own = queue.clone();
            let getter = spawn(async move {
                sleep(MS * got_at).await;
                own.get().await
            });
            yield_now().await;
            let put = queue.put_timeout("new", 10 * MS).await;
            assert_eq!(getter.await.unwrap(), "old");
            assert_eq!(put.is_ok(), got_at <= 10, "{got_at}");
            match put {
                Ok(()) => assert_eq!(queue.get_nowait(), Ok("new")),
                Err(Full(item)) => assert_eq!((item, queue.qsize()), ("new", 0)),
            }
        });
    }
}

#[test]
fn a_put_that_waits_can_be_taken_back() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        queue.put("inside").await;
        let mut put = queue.put("in line");
        assert!(poll!(&mut put).is_pending());
        let mut behind = queue.send("behind");
        assert!(poll!(&mut behind).is_pending());
        assert_eq!(queue.putting(), 2);
        assert_eq!(queue.get_nowait(), Ok("inside"));
        // It has been called for the room, which goes to the next.
        assert_eq!(put.into_item(), Some("in line"));
        assert!(poll!(&mut behind).is_ready());
        assert_eq!(behind.into_item(), None, "the queue has it");
        assert_eq!((queue.qsize(), queue.putting()), (1, 0));
    });
}

#[test]
fn a_put_that_a_getter_has_met_cannot_be_taken_back() {
    virtually(async {
        let channel = LightQueue::rendezvous();
        let mut put = channel.put("met");
        assert!(poll!(&mut put).is_pending());
        assert_eq!(channel.get_nowait(), Ok("met"));
        assert_eq!(put.into_item(), None);
    });
}
