//! What `cargo xtask instructions` counts: evlet's hot paths, so many operations of one and then the end.
//!
//! `evlet-bench path NAME N` runs it; valgrind counts the instructions of two numbers of operations, and the
//! difference is theirs alone. So nothing here may depend on the time that it takes: the watchdog's thread sleeps
//! an hour, and a path has one batch of warming up, whose tables are then large enough. Nor may it use what
//! valgrind does not know: the hub waits in poll(2) here, since valgrind 3.19 has no `epoll_pwait2`.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evlet::{Backend, Event, Hub, LightQueue, Semaphore, TcpStream};

use crate::micro::turns;

/// Green threads in a batch.
const BATCH: u64 = 100;
/// Longer than any run.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// A path's name in `instructions.txt`, and what one operation is.
pub(crate) const ALL: &[(&str, &str)] = &[
    ("spawn-join", "spawn, its poll, its result waited for"),
    ("spawn-n", "spawn_n and its poll"),
    ("wake", "a green thread that waits is woken and polled"),
    ("yield", "yield_now among 100"),
    ("timer", "a timeout set, waited for once, cancelled"),
    ("queue", "an item put and got, queue of one place"),
    (
        "fan-in",
        "an item from one of 100 putters that wait, queue of 64 places",
    ),
    ("event", "an Event made, waited for, sent"),
    ("semaphore", "a free permit taken and given back"),
    (
        "echo",
        "a message of 64 B there and back on one hub: two turns",
    ),
];

/// Runs a path for so many operations; false when there is none of that name.
pub(crate) fn run(path: &str, number: u64) -> bool {
    if !ALL.iter().any(|(name, _)| *name == path) {
        return false;
    }
    let hub = Hub::builder()
        .watchdog(AN_HOUR)
        .backend(Backend::Poll)
        .build()
        .expect("a hub can be had");
    hub.run(walk(path.to_owned(), BATCH));
    hub.run(walk(path.to_owned(), number));
    true
}

async fn walk(path: String, number: u64) {
    let walked = evlet::spawn(async move {
        match &*path {
            "spawn-join" => spawn_join(number).await,
            "spawn-n" => spawn_n(number).await,
            "wake" => wake(number).await,
            "yield" => yields(number).await,
            "timer" => timer(number).await,
            "queue" => queue(number).await,
            "fan-in" => fan_in(number).await,
            "event" => event(number).await,
            "semaphore" => semaphore(number).await,
            "echo" => echo(number).await,
            other => unreachable!("{other} is not in the list"),
        }
    });
    let _ = walked.await; // a panic has been reported, and fails the run by its message
}

async fn spawn_join(number: u64) {
    let mut threads = Vec::with_capacity(BATCH as usize);
    for _ in 0..number / BATCH {
        threads.extend((0..BATCH).map(|n| evlet::spawn(async move { n })));
        for thread in threads.drain(..) {
            assert!(thread.await.is_ok());
        }
    }
}

async fn spawn_n(number: u64) {
    let done = Rc::new(Cell::new(0));
    for _ in 0..number / BATCH {
        for _ in 0..BATCH {
            let done = done.clone();
            evlet::spawn_n(async move { done.set(done.get() + 1) });
        }
        evlet::yield_now().await;
    }
    assert_eq!(done.get(), number / BATCH * BATCH);
}

/// One green thread waits for a waker again and again; this one wakes it and lets it run.
async fn wake(number: u64) {
    let parked = Rc::new(Cell::new(None::<Waker>));
    let woken = {
        let parked = parked.clone();
        evlet::spawn(async move {
            for _ in 0..number {
                let mut was_parked = false;
                poll_fn(|cx| {
                    if was_parked {
                        return Poll::Ready(());
                    }
                    was_parked = true;
                    parked.set(Some(cx.waker().clone()));
                    Poll::Pending
                })
                .await;
            }
        })
    };
    while !woken.is_finished() {
        evlet::yield_now().await;
        if let Some(waker) = parked.take() {
            waker.wake();
        }
    }
}

async fn yields(number: u64) {
    let threads: Vec<_> = (0..BATCH)
        .map(|_| {
            evlet::spawn(async move {
                for _ in 0..number / BATCH {
                    evlet::yield_now().await;
                }
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.await.is_ok());
    }
}

async fn timer(number: u64) {
    for _ in 0..number {
        let waits = WaitsOnce { waited: false };
        assert!(evlet::timeout(AN_HOUR, waits).await.is_ok());
    }
}

async fn queue(number: u64) {
    let there = LightQueue::bounded(1);
    let items = there.clone();
    let sum = evlet::spawn(async move {
        let mut sum = 0;
        for _ in 0..number {
            sum += items.get().await;
        }
        sum
    });
    for _ in 0..number {
        there.put(1).await;
    }
    assert!(sum.await.is_ok_and(|sum| sum == number));
}

async fn fan_in(number: u64) {
    let items = LightQueue::bounded(64);
    for _ in 0..BATCH {
        let there = items.clone();
        evlet::spawn_n(async move {
            for _ in 0..number / BATCH {
                there.put(1).await;
            }
        });
    }
    let mut sum = 0;
    for _ in 0..number / BATCH * BATCH {
        sum += items.get().await;
    }
    assert_eq!(sum, number / BATCH * BATCH);
}

async fn event(number: u64) {
    let events = LightQueue::<Event<u64>>::bounded(1);
    let to_send = events.clone();
    evlet::spawn_n(async move {
        for n in 0..number {
            assert!(to_send.get().await.send(n).is_ok());
        }
    });
    for n in 0..number {
        let event = Event::new();
        events.put(event.clone()).await;
        assert_eq!(event.wait().await, n);
    }
}

async fn semaphore(number: u64) {
    let semaphore = Semaphore::new(1);
    for _ in 0..number {
        drop(semaphore.acquire().await);
    }
}

async fn echo(number: u64) {
    let (here, there) = turns::pair();
    here.set_nonblocking(true).expect("a socket of ours");
    let take = |socket| TcpStream::from_std(socket).expect("a hub takes a socket");
    let (here, there) = (take(here), take(there));
    let server = evlet::spawn(async move {
        let mut bytes = [0; 4096];
        for _ in 0..number {
            let count = there.recv(&mut bytes).await.expect("a message");
            there.send_all(&bytes[..count]).await.expect("room for it");
        }
    });
    let mut bytes = [0; 4096];
    for _ in 0..number {
        here.send_all(&[7; 64]).await.expect("room for it");
        assert_eq!(here.recv(&mut bytes).await.expect("its echo"), 64);
    }
    assert!(server.await.is_ok());
}

/// Wakes its own task and waits, once.
struct WaitsOnce {
    waited: bool,
}

impl Future for WaitsOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
