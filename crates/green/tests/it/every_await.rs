//! Every public future of this crate, given up at each of its awaits by the tool that we give to users
//! (`evlet_green::testing`): nothing is lost (promise D-1).
//!
//! Each world has somebody who brings what is waited for, a turn or a second later, and a check that
//! counts. `cancel.rs` and its siblings play the same with rivals in line; here is the one list in
//! which no future is missing, and for that it is over 450 lines.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evlet_green::greenlet::Greenlet;
use evlet_green::queue::{BaseQueue, Lifo, Order, Smallest};
use evlet_green::testing::{Attempt, Moment, cancel_at_every_await_in};
use evlet_green::{
    Closed, ConnectionPool, DagPool, DynamicLoopingCall, Event, FixedIntervalLoopingCall,
    GreenPile, GreenPool, LightQueue, Pool, Queue, Semaphore, retry, tpool, with_timeout,
    with_timeout_or,
};
use evlet_hub::{sleep, spawn, spawn_n, stats, yield_now};
use futures::{SinkExt, StreamExt};

use crate::stage::{SECOND, settle};
use crate::threads::alone;

/// A queue into which somebody puts 1, 2 and 3, a turn from now.
async fn soon_full() -> LightQueue<u8> {
    let queue = LightQueue::unbounded();
    let own = queue.clone();
    spawn_n(async move {
        yield_now().await;
        for item in 1..=3 {
            own.put(item).await;
        }
    });
    queue
}

/// A queue with room for one, which holds 0 and is emptied a turn from now, once.
async fn soon_with_room() -> LightQueue<u8> {
    let queue = LightQueue::bounded(1);
    queue.put(0).await;
    let own = queue.clone();
    spawn_n(async move {
        yield_now().await;
        assert_eq!(own.get().await, 0);
    });
    queue
}

/// What is in the queue once everybody has had their turns, after what was taken out before.
async fn all_of(queue: &LightQueue<u8>, taken: impl IntoIterator<Item = u8>) -> Vec<u8> {
    settle().await;
    let mut all = Vec::from_iter(taken);
    while let Ok(item) = queue.get_nowait() {
        all.push(item);
        settle().await;
    }
    assert_eq!((queue.getting(), queue.putting()), (0, 0));
    all
}

#[test]
fn get() {
    let awaits = cancel_at_every_await_in(
        soon_full,
        async |queue| queue.get().await,
        async |queue, attempt| assert_eq!(all_of(queue, attempt.output).await, [1, 2, 3]),
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn recv() {
    let awaits = cancel_at_every_await_in(
        soon_full,
        async |queue| queue.recv().await,
        async |queue, attempt| {
            let taken = attempt.output.flatten();
            assert_eq!(all_of(queue, taken).await, [1, 2, 3]);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn get_timeout() {
    let awaits = cancel_at_every_await_in(
        soon_full,
        async |queue| queue.get_timeout(SECOND).await.unwrap(),
        async |queue, attempt| {
            assert_eq!(stats().timers, 0);
            assert_eq!(all_of(queue, attempt.output).await, [1, 2, 3]);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn put() {
    let awaits = cancel_at_every_await_in(
        soon_with_room,
        async |queue| queue.put(7).await,
        async |queue, attempt| {
            let expected: &[u8] = if attempt.was_cut() { &[] } else { &[7] };
            assert_eq!(all_of(queue, None).await, expected);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn send() {
    let awaits = cancel_at_every_await_in(
        soon_with_room,
        async |queue| queue.send(7).await,
        async |queue, attempt| {
            assert_ne!(attempt.output, Some(Err(Closed(7))));
            let expected: &[u8] = if attempt.was_cut() { &[] } else { &[7] };
            assert_eq!(all_of(queue, None).await, expected);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn put_timeout() {
    let awaits = cancel_at_every_await_in(
        soon_with_room,
        async |queue| queue.put_timeout(7, SECOND).await.unwrap(),
        async |queue, attempt| {
            assert_eq!(stats().timers, 0);
            let expected: &[u8] = if attempt.was_cut() { &[] } else { &[7] };
            assert_eq!(all_of(queue, None).await, expected);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

// A put that meets a get: the item is on one side or on the other.
#[test]
fn rendezvous() {
    let awaits = cancel_at_every_await_in(
        async || {
            let channel = LightQueue::rendezvous();
            let own = channel.clone();
            let getter = spawn(async move {
                yield_now().await;
                own.get().await
            });
            (channel, getter)
        },
        async |(channel, _)| channel.put(7).await,
        async |(channel, getter), attempt| {
            settle().await;
            // Woken means: it has been taken.
            let was_taken = !attempt.was_cut() || attempt.moment == Moment::WhenWoken;
            assert_eq!((getter.is_finished(), channel.putting()), (was_taken, 0));
            getter.kill().await;
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

/// Two items are put a turn from now; taken and left, they come out in order.
fn get_in<O: Order<Item = u8> + 'static>(put: [u8; 2], in_order: [u8; 2]) {
    let awaits = cancel_at_every_await_in(
        async || {
            let queue = BaseQueue::<O>::unbounded();
            let own = queue.clone();
            spawn_n(async move {
                put.into_iter()
                    .for_each(|item| own.put_nowait(item).unwrap());
            });
            queue
        },
        async |queue| queue.get().await,
        async |queue, attempt| {
            settle().await;
            let rest = std::iter::from_fn(|| queue.get_nowait().ok());
            let all: Vec<u8> = attempt.output.into_iter().chain(rest).collect();
            assert_eq!(all, in_order);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn get_from_queues_of_other_orders() {
    get_in::<Lifo<u8>>([1, 2], [2, 1]);
    get_in::<Smallest<u8>>([2, 1], [1, 2]);
}

#[test]
fn join() {
    let awaits = cancel_at_every_await_in(
        async || {
            let queue = Queue::unbounded();
            queue.put(1).await;
            let own = queue.clone();
            spawn_n(async move {
                sleep(SECOND).await;
                own.task_done().unwrap();
            });
            queue
        },
        async |queue| queue.join().await,
        async |queue, _| {
            queue.join().await; // the next one is not left waiting
            assert_eq!(queue.unfinished_tasks(), 0);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn next_of_a_queues_stream() {
    let awaits = cancel_at_every_await_in(
        soon_full,
        async |queue| queue.stream().next().await,
        async |queue, attempt| {
            let taken = attempt.output.flatten();
            assert_eq!(all_of(queue, taken).await, [1, 2, 3]);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

// What a sink has taken and not yet passed on goes with the sink.
#[test]
fn send_into_a_queues_sink() {
    let awaits = cancel_at_every_await_in(
        soon_with_room,
        async |queue| queue.sink().send(7).await,
        async |queue, attempt| {
            let expected: &[u8] = if attempt.was_cut() { &[] } else { &[7] };
            assert_eq!(all_of(queue, None).await, expected);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn wait_for_an_event() {
    let awaits = cancel_at_every_await_in(
        async || {
            let event = Event::new();
            let own = event.clone();
            spawn_n(async move {
                sleep(SECOND).await;
                own.send(5).unwrap();
            });
            event
        },
        async |event| event.wait().await,
        async |event, attempt| {
            assert_eq!(event.waiting(), 0);
            assert!(matches!(attempt.output, None | Some(5)));
            assert_eq!(event.wait().await, 5);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn acquire() {
    for needed in [1, 3] {
        let awaits = cancel_at_every_await_in(
            async || {
                let semaphore = Semaphore::new(needed);
                let held = semaphore.acquire_many(needed).await;
                spawn_n(async move {
                    sleep(SECOND).await;
                    drop(held);
                });
                semaphore
            },
            async |semaphore| semaphore.acquire_many(needed).await,
            async |semaphore, attempt| {
                drop(attempt.output);
                assert_eq!(semaphore.waiting(), 0);
                drop(semaphore.acquire_many(needed).await);
                assert_eq!(semaphore.available(), needed);
            },
        );
        assert_eq!(awaits.run().len(), 1);
    }
}

#[test]
fn limits() {
    let never = Event::<()>::new();
    let awaits = cancel_at_every_await_in(
        async || Event::<()>::new(),
        async |event| with_timeout(SECOND, event.wait()).await.is_err(),
        async |event, attempt| {
            assert!(attempt.output.unwrap_or(true));
            assert_eq!((stats().timers, event.waiting()), (0, 0));
        },
    );
    assert_eq!(awaits.run().len(), 1);
    let awaits = cancel_at_every_await_in(
        async || Arc::new(()),
        async |mark| {
            let (instead, late) = (Some(mark.clone()), async { (never.wait().await, None).1 });
            with_timeout_or(SECOND, instead, late).await.is_some()
        },
        async |mark, attempt| {
            assert!(attempt.output.unwrap_or(true));
            assert_eq!((stats().timers, Arc::strong_count(mark)), (0, 1));
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

/// A pool for one, taken for a second from now.
async fn soon_free() -> (GreenPool, Event<()>) {
    let pool = GreenPool::new(1);
    pool.spawn_n(sleep(SECOND)).await;
    (pool, Event::new())
}

/// Once all have ended, the whole pool is free; whether the job has run.
async fn ran((pool, ran): &(GreenPool, Event<()>)) -> bool {
    pool.waitall().await;
    assert_eq!((pool.free(), pool.running(), pool.waiting()), (1, 0, 0));
    ran.ready()
}

#[test]
fn spawn_into_a_pool() {
    let awaits = cancel_at_every_await_in(
        soon_free,
        async |(pool, ran)| {
            let ran = ran.clone();
            drop(pool.spawn(async move { ran.send(()).is_ok() }).await);
        },
        async |world, attempt| assert_eq!(ran(world).await, !attempt.was_cut()),
    );
    assert_eq!(awaits.run().len(), 1);
    let awaits = cancel_at_every_await_in(
        soon_free,
        async |(pool, ran)| {
            let ran = ran.clone();
            pool.spawn_n(async move { ran.send(()).unwrap() }).await;
        },
        async |world, attempt| assert_eq!(ran(world).await, !attempt.was_cut()),
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn waitall() {
    let awaits = cancel_at_every_await_in(
        soon_free,
        async |(pool, _)| {
            pool.waitall().await;
            pool.running()
        },
        async |world, attempt| {
            assert!(matches!(attempt.output, None | Some(0)));
            assert!(!ran(world).await);
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn next_of_imap_and_of_starmap() {
    let awaits = cancel_at_every_await_in(
        async || GreenPool::new(2),
        async |pool| {
            let mut squares = pool.imap(async |n: u32| (sleep(SECOND).await, n * n).1, 0..3);
            let first = squares.next().await;
            let mut powers = pool.starmap(
                async |n: u32, power| (yield_now().await, n.pow(power)).1,
                [(2, 5), (3, 2)],
            );
            (first, powers.next().await, powers.next().await)
        },
        async |pool, attempt| {
            let all = Some((Some(0), Some(32), Some(9)));
            assert!(attempt.was_cut() || attempt.output == all);
            settle().await; // dropping a stream kills what it has started
            assert_eq!((pool.free(), pool.running(), pool.waiting()), (2, 0, 0));
            assert_eq!((stats().green_threads, stats().timers), (0, 0));
        },
    );
    assert!(awaits.run().len() >= 2);
}

#[test]
fn spawn_into_a_pile_and_next() {
    let awaits = cancel_at_every_await_in(
        async || (GreenPile::new(1), Cell::new(0), Cell::new(0)),
        async |(pile, spawned, taken)| {
            for n in 0..3 {
                pile.spawn(async move { (sleep(SECOND).await, n).1 }).await;
                spawned.set(n + 1);
            }
            while let Some(n) = pile.next().await {
                assert_eq!(n, taken.get());
                taken.set(n + 1);
            }
        },
        async |(pile, spawned, taken), _| {
            while let Some(n) = pile.next().await {
                assert_eq!(n, taken.get(), "in the order of spawning, each once");
                taken.set(n + 1);
            }
            assert_eq!(taken.get(), spawned.get());
            assert_eq!((pile.outstanding(), pile.pool().free()), (0, 1));
        },
    );
    assert_eq!(awaits.run().len(), 3, "for room twice, for the last result");
}

/// A pool whose items take a second to make and a second to check, and whose only one comes back a
/// turn from now.
async fn soon_with_an_item() -> Pool<u32> {
    let pool = Pool::builder()
        .max_size(1)
        .min_size(1)
        .check(async |n: &mut u32| (sleep(SECOND).await, *n > 0).1)
        .create(async || Ok((sleep(SECOND).await, 7).1));
    let Ok(item) = pool.item().await;
    spawn_n(async move { drop(item) });
    pool
}

/// Whoever comes next gets one.
async fn has_an_item(pool: &Pool<u32>) {
    settle().await;
    assert_eq!((pool.waiting(), pool.free(), stats().timers), (0, 1, 0));
    let Ok(item) = pool.item().await;
    assert_eq!((*item, pool.free(), pool.size()), (7, 0, 1));
}

#[test]
fn get_from_a_pool() {
    let awaits = cancel_at_every_await_in(
        soon_with_an_item,
        async |pool| {
            let Ok(item) = pool.get().await;
            pool.put(item);
        },
        async |pool, _| has_an_item(pool).await,
    );
    assert_eq!(awaits.run().len(), 2, "its turn, the check");
    let awaits = cancel_at_every_await_in(
        soon_with_an_item,
        async |pool| drop(pool.item().await),
        async |pool, _| has_an_item(pool).await,
    );
    assert_eq!(awaits.run().len(), 2);
}

#[test]
fn get_and_put_a_connection() {
    let awaits = cancel_at_every_await_in(
        async || {
            let step = async || sleep(SECOND).await;
            let pool = ConnectionPool::builder()
                .max_size(1)
                .min_size(1)
                .max_idle(20 * SECOND)
                .check(async move |_: &mut u32| (step().await, true).1)
                .cleanup(async move |_: &mut u32| (step().await, Ok::<_, &str>(())).1)
                .connect(async move || Ok::<_, &str>((step().await, 7).1));
            pool.fill().await.unwrap();
            pool
        },
        async |pool| {
            pool.get().await.unwrap().put().await; // check, clean-up
            pool.get().await.unwrap().discard(); // check
            pool.fill().await.unwrap(); // connect
            drop(pool.get().await); // check, and a clean-up beside it
        },
        async |pool, _| {
            settle().await;
            sleep(SECOND).await;
            assert_eq!((pool.waiting(), pool.free()), (0, 1));
            assert!(stats().timers <= 1, "the one that closes what is idle");
            assert_eq!(*pool.get().await.unwrap(), 7);
            sleep(100 * SECOND).await;
            assert_eq!((pool.size(), stats().timers), (0, 0));
        },
    );
    assert_eq!(awaits.run().len(), 5);
}

#[test]
fn make_an_item_for_a_pool() {
    let world = async || {
        let pool = soon_with_an_item().await;
        settle().await;
        pool.clear();
        pool
    };
    let awaits = cancel_at_every_await_in(
        world,
        async |pool| drop(pool.item().await),
        async |pool, _| has_an_item(pool).await,
    );
    assert_eq!(awaits.run().len(), 1);
    let awaits = cancel_at_every_await_in(
        world,
        async |pool| pool.fill().await,
        async |pool, _| has_an_item(pool).await,
    );
    assert_eq!(awaits.run().len(), 1);
}

/// A graph in which b depends on a, both of which take a second.
async fn soon_with_values() -> DagPool<char, u32> {
    let pool = DagPool::new();
    pool.spawn_many([('a', vec![]), ('b', vec!['a'])], async |_, inputs| {
        let inputs = inputs.all().await?;
        sleep(SECOND).await;
        Ok(inputs.into_values().sum::<u32>() + 1)
    })
    .unwrap();
    pool
}

async fn all_get_values<T>(pool: &DagPool<char, u32>, _: Attempt<T>) {
    assert_eq!(pool.waitall().await.unwrap().len(), 2);
    assert_eq!((pool.running(), pool.waiting()), (0, 0));
}

#[test]
fn wait_for_keys() {
    let value = async |pool: &DagPool<char, u32>| pool.value('b').await.unwrap();
    let awaits = cancel_at_every_await_in(soon_with_values, value, all_get_values);
    assert_eq!(awaits.run().len(), 1);
    let all = async |pool: &DagPool<char, u32>| pool.waitall().await.unwrap().len();
    let awaits = cancel_at_every_await_in(soon_with_values, all, all_get_values);
    assert_eq!(awaits.run().len(), 1, "woken by the last");
    let each = async |pool: &DagPool<char, u32>| {
        let mut results = pool.wait_each(pool.known_keys());
        while let Some(result) = results.next().await {
            result.unwrap();
        }
        assert!(pool.wait_each_exception(['a']).next().await.is_none());
        pool.wait_each_success(['a']).next().await.unwrap()
    };
    let awaits = cancel_at_every_await_in(soon_with_values, each, all_get_values);
    assert_eq!(awaits.run().len(), 2);
}

#[test]
fn wait_for_a_loop() {
    let awaits = cancel_at_every_await_in(
        async || {
            let rounds = Cell::new(0);
            FixedIntervalLoopingCall::new(move || {
                rounds.set(rounds.get() + 1);
                let is_over = rounds.get() == 3;
                async move {
                    match is_over {
                        true => std::ops::ControlFlow::Break("done"),
                        false => std::ops::ControlFlow::Continue(()),
                    }
                }
            })
            .start(SECOND)
        },
        async |looping| looping.wait().await.unwrap(),
        async |looping, _| {
            assert_eq!(looping.wait().await.unwrap(), "done");
            assert!(!looping.is_running());
        },
    );
    assert_eq!(awaits.run().len(), 1);
    let awaits = cancel_at_every_await_in(
        async || {
            let looping = DynamicLoopingCall::new(async || SECOND).start();
            let own = looping.clone();
            spawn_n(async move {
                sleep(10 * SECOND).await;
                own.stop();
            });
            looping
        },
        async |looping| looping.wait().await.is_ok(),
        async |looping, _| assert!(looping.wait().await.is_ok()),
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn retrying() {
    let awaits = cancel_at_every_await_in(
        async || (Cell::new(0), Arc::new(())),
        async |(tries, mark)| {
            retry(async || {
                let _held = mark.clone();
                tries.set(tries.get() + 1);
                yield_now().await;
                if tries.get() < 3 {
                    Err("not yet")
                } else {
                    Ok(tries.get())
                }
            })
            .await
        },
        async |(tries, mark), attempt| {
            assert!(matches!(attempt.output, None | Some(Ok(3))));
            let so_far = tries.get();
            assert_eq!((stats().timers, Arc::strong_count(mark)), (0, 1));
            sleep(1000 * SECOND).await;
            assert_eq!(tries.get(), so_far, "nothing is tried any more");
        },
    );
    assert_eq!(awaits.run().len(), 5, "three attempts, two pauses");
}

#[test]
fn switch() {
    let awaits = cancel_at_every_await_in(
        async || {
            Greenlet::new(async |first: u32| {
                let main = Greenlet::<u32>::current().parent().unwrap();
                sleep(SECOND).await;
                match main.switch(first + 1).await {
                    Ok(second) => second * 10,
                    // Who switched here has given up and goes on by itself.
                    Err(_) => 0,
                }
            })
        },
        async |other| {
            let second = other.switch(1).await.unwrap();
            other.switch(second + 3).await.unwrap()
        },
        async |other, attempt| {
            assert!(matches!(attempt.output, None | Some(50)), "{attempt}");
            sleep(10 * SECOND).await;
            let was_begun = attempt.polls > 0;
            let is_back = attempt.polls > 1 || attempt.moment == Moment::WhenWoken;
            if was_begun && !is_back {
                assert!(other.is_dead(), "{attempt}: it was refused, and ended");
            }
        },
    );
    assert_eq!(awaits.run().len(), 2);
}

#[test]
fn execute() {
    let _turn = alone();
    let awaits = cancel_at_every_await_in(
        async || Arc::new(AtomicUsize::new(0)),
        async |runs| {
            let runs = runs.clone();
            tpool::execute(move || runs.fetch_add(1, Ordering::SeqCst)).await
        },
        async |runs, attempt| {
            let was_polled = attempt.polls > 0;
            assert!(matches!(attempt.output, None | Some(0)));
            // Under way or not: once nobody holds the job, it has run at most once.
            while Arc::strong_count(runs) > 1 {
                yield_now().await;
            }
            assert!(runs.load(Ordering::SeqCst) <= usize::from(was_polled));
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn a_call_of_a_proxy() {
    let _turn = alone();
    let awaits = cancel_at_every_await_in(
        async || tpool::Proxy::new(0),
        async |proxy| {
            proxy
                .call(|runs| {
                    *runs += 1;
                    *runs
                })
                .await
        },
        async |proxy, attempt| {
            assert!(matches!(attempt.output, None | Some(1)));
            // Its turn comes when the call before is over, wherever that was given up.
            let runs = proxy.call(|runs| *runs).await;
            assert!(runs <= i32::from(attempt.polls > 0), "{attempt}");
        },
    );
    assert_eq!(awaits.run().len(), 1);
}

#[test]
fn killall() {
    let _turn = alone();
    let awaits = cancel_at_every_await_in(
        async || tpool::execute(|| ()).await,
        async |()| tpool::killall().await,
        async |(), attempt| {
            // The kill stands, wherever its wait was given up.
            while attempt.polls > 0 && tpool::stats().threads > 0 {
                yield_now().await;
            }
            tpool::execute(|| ()).await;
        },
    );
    // The thread may be gone before anybody looks.
    assert!(awaits.run().len() <= 1);
}
