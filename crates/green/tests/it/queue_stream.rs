//! A queue as a stream and as a sink.

use std::pin::pin;

use evlet_green::{Closed, LightQueue, PriorityQueue};
use evlet_hub::{sleep, spawn, spawn_n, yield_now};
use futures::stream::FusedStream;
use futures::{FutureExt, Sink, SinkExt, StreamExt, poll, stream};

use crate::stage::{MS, settle, virtually};

#[test]
fn a_stream_gives_what_is_put_and_ends_when_the_queue_does() {
    virtually(async {
        let queue = LightQueue::bounded(2);
        let producer = queue.clone();
        spawn_n(async move {
            for n in 0..10 {
                sleep(MS).await;
                producer.send(n).await.unwrap();
            }
            producer.close();
        });
        let mut stream = queue.stream();
        let all: Vec<_> = stream.by_ref().collect().await;
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert!(stream.is_terminated());
        assert_eq!(stream.next().await, None, "and again");
    });
}

#[test]
fn a_stream_gives_items_in_the_order_of_its_queue() {
    virtually(async {
        let queue = PriorityQueue::unbounded();
        for n in [3, 1, 2] {
            queue.put(n).await;
        }
        queue.close();
        assert_eq!(queue.stream().collect::<Vec<_>>().await, [1, 2, 3]);
    });
}

// proves D-2
#[test]
fn a_stream_is_one_getter_among_others() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let own = queue.clone();
        let first = spawn(async move { own.get().await });
        yield_now().await;
        let mut stream = queue.stream();
        assert!(poll!(stream.next()).is_pending());
        let own = queue.clone();
        let third = spawn(async move { own.get().await });
        yield_now().await;
        assert_eq!(queue.getting(), 3, "it keeps its place without its `next`");
        for n in 1..=3 {
            queue.put(n).await;
        }
        assert_eq!(first.await.unwrap(), 1);
        assert_eq!(stream.next().await, Some(2));
        assert_eq!(third.await.unwrap(), 3);
    });
}

#[test]
fn a_stream_that_was_called_and_is_dropped_passes_its_item_on() {
    virtually(async {
        let queue = LightQueue::unbounded();
        let mut stream = queue.stream();
        assert!(poll!(stream.next()).is_pending());
        let own = queue.clone();
        let second = spawn(async move { own.get().await });
        yield_now().await;
        queue.put("item").await;
        drop(stream);
        assert_eq!(second.await.unwrap(), "item");
        assert_eq!(queue.getting(), 0);
    });
}

#[test]
fn a_sink_is_held_back_by_its_queue() {
    virtually(async {
        let queue = LightQueue::bounded(2);
        let own = queue.clone();
        let feeding = spawn(async move {
            let mut sink = own.sink();
            for n in 0..10 {
                sink.feed(n).await.unwrap();
            }
            sink.close().await
        });
        settle().await;
        assert_eq!(
            (queue.qsize(), queue.putting()),
            (2, 1),
            "one item more is held"
        );
        for n in 0..10 {
            assert_eq!(queue.get().await, n);
        }
        feeding.await.unwrap().unwrap();
        assert!(!queue.is_closed(), "closing a sink leaves the queue open");
    });
}

#[test]
fn a_stream_can_be_forwarded_into_a_queue() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let sink = queue.sink();
        let forwarding = spawn(stream::iter(0..5).map(Ok).forward(sink));
        for n in 0..5 {
            assert_eq!(queue.get().await, n);
        }
        forwarding.await.unwrap().unwrap();
    });
}

#[test]
fn a_sink_of_a_closed_queue_hands_items_back() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        let mut sink = queue.sink();
        sink.send(1).await.unwrap();
        sink.feed(2).await.unwrap();
        assert!(poll!(sink.flush()).is_pending());
        queue.close();
        assert_eq!(sink.flush().await, Err(Closed(2)), "what it held");
        assert_eq!(sink.send(3).await, Err(Closed(3)), "what comes later");
        assert_eq!(queue.recv().await, Some(1));
        assert_eq!(queue.recv().await, None);
    });
}

#[test]
fn a_sink_can_be_asked_for_the_item_it_holds() {
    virtually(async {
        let queue = LightQueue::bounded(1);
        let mut sink = queue.sink();
        sink.feed(1).await.unwrap();
        sink.feed(2).await.unwrap();
        assert_eq!(sink.into_item(), Some(2));
        let mut sink = queue.sink();
        sink.feed(3).await.unwrap();
        assert!(poll!(sink.flush()).is_pending());
        assert_eq!(queue.putting(), 1);
        assert_eq!(sink.into_item(), Some(3));
        assert_eq!((queue.qsize(), queue.putting()), (1, 0));
    });
}

#[test]
fn an_item_that_comes_before_the_sink_is_ready_is_handed_back() {
    let queue = LightQueue::rendezvous();
    let mut sink = pin!(queue.sink());
    sink.as_mut().start_send(1).unwrap();
    assert_eq!(sink.as_mut().start_send(2), Err(Closed(2)));
}

#[test]
fn an_item_in_a_sink_that_is_dropped_never_was() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let mut sink = queue.sink();
        sink.feed("gone").await.unwrap();
        assert!(sink.flush().now_or_never().is_none());
        drop(sink);
        assert_eq!(queue.putting(), 0);
        assert!(queue.get_nowait().is_err());
    });
}

// proves A-9
#[test]
fn feeding_and_draining_without_waiting_lets_others_run() {
    virtually(async {
        let (queue, stop) = (LightQueue::unbounded(), LightQueue::unbounded());
        let stopper = stop.clone();
        spawn_n(async move { stopper.put_nowait(()).unwrap() });
        let (mut sink, mut stream) = (queue.sink(), queue.stream());
        let mut rounds = 0;
        while stop.is_empty() {
            sink.send(()).await.unwrap();
            stream.next().await.unwrap();
            rounds += 1;
            assert!(rounds < 10_000, "the other never runs");
        }
        let stopper = stop.clone();
        spawn_n(async move { stopper.put_nowait(()).unwrap() });
        let (mut sink, mut rounds) = (queue.sink(), 0);
        while stop.qsize() < 2 {
            sink.feed(()).await.unwrap();
            rounds += 1;
            assert!(rounds < 10_000, "the other never runs");
        }
    });
}
