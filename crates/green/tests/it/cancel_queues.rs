//! Giving up a wait in a queue that has an end or a limit, or that is not first in, first out, loses
//! nothing (promise D-1). The scenes are played as in `cancel.rs`.

use evlet_green::queue::{BaseQueue, Fifo, Joinable, Lifo, Order, Smallest};
use evlet_green::{Closed, Full, LightQueue};
use evlet_hub::{spawn, yield_now};
use futures::{SinkExt, StreamExt};

use crate::cancel::{doubter, in_every_way, killed_with};
use crate::fickle::fickle;
use crate::stage::{SECOND, settle, virtually};

type Queue<O> = BaseQueue<O, Joinable>;

/// Every item that was not handed back or given up comes out, once, in the order of its queue.
fn a_get_given_up<O: Order<Item = u8> + 'static>(in_order: [u8; 3]) {
    in_every_way(async |way| {
        let queue = Queue::<O>::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.get().await }, way);
        let steady = spawn(async move { second.get().await });
        yield_now().await;
        for item in [2, 1, 3] {
            queue.put(item).await;
        }
        let mut got = Vec::from_iter(doubter.await.unwrap());
        got.push(steady.await.unwrap());
        while let Ok(item) = queue.get_nowait() {
            got.push(item);
        }
        assert_eq!(got, in_order);
        assert_eq!((queue.getting(), queue.unfinished_tasks()), (0, 3));
    });
}

#[test]
fn a_get_given_up_leaves_its_item_where_it_belongs() {
    a_get_given_up::<Fifo<u8>>([2, 1, 3]);
    a_get_given_up::<Lifo<u8>>([3, 1, 2]);
    a_get_given_up::<Smallest<u8>>([1, 2, 3]);
}

fn a_put_given_up<O: Order<Item = u8> + 'static>() {
    in_every_way(async |way| {
        let queue = Queue::<O>::bounded(1);
        queue.put(2).await;
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.put(1).await }, way);
        let steady = spawn(async move { second.put(3).await });
        yield_now().await;
        let mut got = vec![queue.get().await];
        settle().await;
        let stored = doubter.await.unwrap().is_some();
        while got.len() < 2 + usize::from(stored) {
            got.push(queue.get().await);
        }
        steady.await.unwrap();
        assert_eq!(got, if stored { vec![2, 1, 3] } else { vec![2, 3] });
        assert_eq!((queue.qsize(), queue.putting()), (0, 0));
        assert_eq!(queue.unfinished_tasks(), got.len());
    });
}

#[test]
fn a_put_given_up_was_never_inside_whatever_the_order() {
    a_put_given_up::<Fifo<u8>>();
    a_put_given_up::<Lifo<u8>>();
    a_put_given_up::<Smallest<u8>>();
}

#[test]
fn a_recv_given_up_at_the_end_leaves_the_rest_to_the_others() {
    in_every_way(async |way| {
        let queue = LightQueue::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.recv().await }, way);
        let steady = spawn(async move { second.recv().await });
        yield_now().await;
        queue.put_nowait("last").unwrap();
        queue.close();
        let got = doubter.await.unwrap();
        let mut all = vec![got.flatten(), steady.await.unwrap(), queue.recv().await];
        all.retain(Option::is_some);
        assert_eq!(all, [Some("last")]);
        assert_eq!(queue.getting(), 0);
    });
}

#[test]
fn a_send_given_up_or_refused_was_never_inside() {
    in_every_way(async |way| {
        let queue = LightQueue::bounded(1);
        queue.put("inside").await;
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.send("doubtful").await }, way);
        let steady = spawn(async move { second.send("steady").await });
        yield_now().await;
        queue.close();
        assert_eq!(steady.await.unwrap(), Err(Closed("steady")));
        let sent = doubter.await.unwrap();
        assert!(matches!(sent, None | Some(Err(Closed("doubtful")))));
        assert_eq!(queue.recv().await, Some("inside"));
        assert_eq!((queue.recv().await, queue.putting()), (None, 0));
    });
}

#[test]
fn a_limited_get_given_up_loses_no_item_and_frees_its_timer() {
    in_every_way(async |way| {
        let queue = LightQueue::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let doubter = doubter(async move { first.get_timeout(SECOND).await }, way);
        let steady = spawn(async move { second.get().await });
        yield_now().await;
        queue.put("a").await;
        queue.put("b").await;
        let got = doubter.await.unwrap().and_then(Result::ok);
        assert_eq!(steady.await.unwrap(), if got.is_some() { "b" } else { "a" });
        assert_eq!(queue.qsize(), usize::from(got.is_none()));
        assert_eq!((queue.getting(), evlet_hub::stats().timers), (0, 0));
    });
}

#[test]
fn a_limited_put_given_up_was_never_inside_and_frees_its_timer() {
    in_every_way(async |way| {
        let queue = LightQueue::bounded(1);
        queue.put("inside").await;
        let (first, second) = (queue.clone(), queue.clone());
        let put = async move { first.put_timeout("doubtful", SECOND).await };
        let doubter = doubter(put, way);
        let steady = spawn(async move { second.put("steady").await });
        yield_now().await;
        assert_eq!(queue.get().await, "inside");
        settle().await;
        let stored = doubter.await.unwrap().is_some();
        if stored {
            assert_eq!(queue.get().await, "doubtful");
        }
        assert_eq!(queue.get().await, "steady");
        steady.await.unwrap();
        assert_eq!((queue.putting(), evlet_hub::stats().timers), (0, 0));
    });
}

// The limit is the event: whoever drops it in that turn, the item is handed back or gone.
#[test]
fn limits_given_up_when_they_fire_leave_nothing() {
    in_every_way(async |way| {
        let queue = LightQueue::rendezvous();
        let (first, second) = (queue.clone(), LightQueue::<u8>::unbounded());
        let own = second.clone();
        let putting = doubter(async move { first.put_timeout(1, SECOND).await }, way);
        let getting = doubter(async move { own.get_timeout(SECOND).await }, way);
        let put = putting.await.unwrap();
        assert!(matches!(put, None | Some(Err(Full(1)))));
        assert!(getting.await.unwrap().is_none_or(|got| got.is_err()));
        assert_eq!((queue.putting(), second.getting()), (0, 0));
    });
}

#[test]
fn a_next_of_a_queues_stream_given_up_leaves_its_item_to_the_following() {
    in_every_way(async |way| {
        let queue = LightQueue::unbounded();
        let mut stream = queue.stream();
        let own = queue.clone();
        let putting = spawn(async move {
            yield_now().await;
            for n in 0..3 {
                own.put(n).await;
            }
            own.close();
        });
        let mut got = Vec::from_iter(fickle(stream.next(), way.0, way.1).await.flatten());
        got.extend(stream.by_ref().collect::<Vec<_>>().await);
        assert_eq!(got, [0, 1, 2]);
        putting.await.unwrap();
    });
}

#[test]
fn a_send_into_a_queues_sink_given_up_goes_in_whole_or_not_at_all() {
    in_every_way(async |way| {
        let queue = LightQueue::bounded(1);
        let (mut sink, own) = (queue.sink(), queue.clone());
        sink.send(0).await.unwrap();
        let getting = spawn(async move {
            yield_now().await;
            let mut got = vec![own.get().await];
            settle().await;
            while let Ok(item) = own.get_nowait() {
                got.push(item);
                settle().await;
            }
            got
        });
        let sent = fickle(sink.send(1), way.0, way.1).await;
        sink.flush().await.unwrap();
        let got = getting.await.unwrap();
        // Not polled: not sent. Polled and dropped: the sink has it, and goes on with it.
        let expected: &[_] = if way.0 == 0 { &[0] } else { &[0, 1] };
        assert_eq!(got, expected, "{sent:?}");
    });
}

// A getter is killed in the turn of the close.
#[test]
fn killed_in_the_turn_of_the_close() {
    for kill_first in [false, true] {
        virtually(async {
            let queue = LightQueue::unbounded();
            let (first, second) = (queue.clone(), queue.clone());
            let doomed = spawn(async move { first.recv().await });
            let steady = spawn(async move { second.recv().await });
            yield_now().await;
            queue.put_nowait(1).unwrap();
            killed_with(&doomed, kill_first, || queue.close());
            assert_eq!(steady.await.unwrap(), Some(1));
            assert_eq!((queue.recv().await, queue.getting()), (None, 0));
        });
    }
}
