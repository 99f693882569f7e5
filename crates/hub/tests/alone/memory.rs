//! What things cost, and that it comes back: measured as the resident size of a process that does
//! nothing else.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use evlet_alone::Scenario;
use evlet_hub::{GreenThread, Hub, Sleep, now, sleep, spawn, spawn_n, stats, yield_now};

use crate::allocated::allocated;

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a_task_costs_at_most_256_bytes",
        a_task_costs_at_most_256_bytes,
    ),
    (
        "a_million_alive_tasks_give_back",
        a_million_alive_tasks_give_back,
    ),
    (
        "a_million_tasks_in_turn_give_back",
        a_million_tasks_in_turn_give_back,
    ),
    (
        "a_million_timers_are_cheap_and_give_back",
        a_million_timers_are_cheap_and_give_back,
    ),
    (
        "a_million_cancelled_sleeps_in_turn_keep_nothing",
        a_million_cancelled_sleeps_in_turn_keep_nothing,
    ),
    (
        "a_million_dropped_waits_keep_nothing",
        a_million_dropped_waits_keep_nothing,
    ),
    ("a_thousand_hubs_keep_nothing", a_thousand_hubs_keep_nothing),
    (
        "names_of_the_ended_are_not_kept",
        names_of_the_ended_are_not_kept,
    ),
];

const MILLION: usize = 1_000_000;

/// The resident size of this process, in bytes.
fn resident() -> usize {
    // Not `statm`: its count may lag by some pages for each processor.
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let line = text.lines().find(|line| line.starts_with("Rss:"));
    let kib: usize = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .expect("a number of kibibytes");
    kib * 1024
}

/// At most a twentieth more than at first.
#[track_caller]
fn assert_back(first: usize, now: usize) {
    println!("resident: {first} at first, {now} now");
    assert!(now <= first + first / 20, "{first} at first, {now} now");
}

fn hub() -> Hub {
    Hub::builder().virtual_time(true).build().expect("a hub")
}

/// Touches everything once, so that the first size is that of a program at work.
async fn warm_up() {
    for _ in 0..3 {
        for _ in 0..1_000 {
            spawn_n(async { sleep(Duration::from_millis(1)).await });
        }
        sleep(Duration::from_secs(1)).await;
    }
}

// proves A-12: besides its future
fn a_task_costs_at_most_256_bytes() {
    hub().run(async {
        warm_up().await;
        let first = resident();
        let mut size = 0;
        for _ in 0..MILLION {
            let future = pending::<()>();
            size = size_of_val(&future);
            spawn_n(future);
        }
        yield_now().await;
        let each = (resident() - first) / MILLION;
        println!("{each} bytes a task whose future has {size}");
        assert!(each - size <= 256, "{each} bytes a task");
        // The same with handles that are kept: the handle is the keeper's own.
        let first = resident();
        let mut handles = Vec::with_capacity(MILLION);
        for _ in 0..MILLION {
            handles.push(spawn(pending::<()>()));
        }
        yield_now().await;
        let each = (resident() - first) / MILLION - size_of_val(&handles[0]);
        println!("{each} bytes a task besides its handle");
        assert!(each - size <= 256, "{each} bytes a task");
    });
}

// proves A-12: a million at once, then none
fn a_million_alive_tasks_give_back() {
    hub().run(async {
        warm_up().await;
        let (first, at_first) = (resident(), allocated());
        let mut peaks = Vec::new();
        for _ in 0..6 {
            let tasks: Vec<_> = (0..MILLION).map(|_| spawn(pending::<()>())).collect();
            yield_now().await;
            peaks.push(resident());
            for task in &tasks {
                task.kill();
            }
            drop(tasks);
            while stats().green_threads > 0 {
                yield_now().await;
            }
            for _ in 0..100 {
                yield_now().await;
            }
            // By what was freed, not by the resident size: small pieces that were freed one by one
            // stay with the allocator of the system, for the next million.
            let kept = allocated().saturating_sub(at_first);
            println!("{kept} bytes are not freed");
            assert!(kept <= first / 20, "{kept} bytes are not freed");
        }
        println!("resident: {first} at first, then {peaks:?}");
        assert!(peaks[0] > first * 5, "the measurement sees them");
        // The allocator of the system cuts the freed pieces up anew for the next million, and needs a
        // few rounds until what it cut fits. A leak would go on.
        let (early, late) = peaks.split_at(3);
        let (early, late) = (early.iter().max(), late.iter().max());
        let (Some(early), Some(late)) = (early, late) else {
            unreachable!("six rounds")
        };
        assert!(*late <= early + early / 50, "it grows: {peaks:?}");
    });
}

// proves A-12: a million one after the other
fn a_million_tasks_in_turn_give_back() {
    hub().run(async {
        warm_up().await;
        let first = resident();
        for n in 0..MILLION {
            spawn_n(async move {
                let room = [n; 16];
                yield_now().await;
                assert_eq!(room[0], room[15]);
            });
            if n % 100 == 0 {
                yield_now().await;
            }
        }
        while stats().green_threads > 0 {
            yield_now().await;
        }
        assert_back(first, resident());
    });
}

struct Deaf;

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {}
}

fn arm(timer: &mut Sleep, waker: &Waker) {
    let polled = Pin::new(timer).poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending());
}

// proves B-4: set, cancel and fire under 2 µs each, 96 bytes each, and the memory comes back
fn a_million_timers_are_cheap_and_give_back() {
    // Without optimization everything is an order slower; the promise is about release builds.
    let limit = Duration::from_micros(if cfg!(debug_assertions) { 40 } else { 2 });
    hub().run(async {
        warm_up().await;
        let waker = Waker::from(Arc::new(Deaf));
        // All of the test's own memory is touched before it counts.
        let start = now();
        let mut timers: Vec<Sleep> = (0..MILLION as u64)
            .map(|n| sleep(Duration::from_micros(1_000_000 + n * 7_919 % 3_600_000_000)))
            .collect();
        let (first, at_first) = (resident(), allocated());
        let clock = Instant::now();
        timers.iter_mut().for_each(|timer| arm(timer, &waker));
        let set = clock.elapsed() / MILLION as u32;
        assert_eq!(stats().timers, MILLION);
        let each = (resident() - first) / MILLION;
        println!("{each} bytes a timer, set in {set:?}");
        assert!(each <= 96, "{each} bytes a timer");
        let last = timers.swap_remove(MILLION / 2);
        let clock = Instant::now();
        timers.drain(..).for_each(drop);
        let cancel = clock.elapsed() / MILLION as u32;
        println!("cancelled in {cancel:?}");
        assert_eq!(stats().timers, 1);
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(now(), start, "without waiting for their deadlines");
        // Not by the resident size: pages before the one that is left are the allocator's to keep.
        let kept = allocated().saturating_sub(at_first);
        assert!(kept <= MILLION, "{kept} bytes are not freed");
        drop(last);
        let mut timers: Vec<Sleep> = (0..MILLION as u64)
            .map(|n| sleep(Duration::from_micros(1 + n * 7_919 % 3_600_000_000)))
            .collect();
        timers.iter_mut().for_each(|timer| arm(timer, &waker));
        let clock = Instant::now();
        sleep(Duration::from_secs(3_601)).await;
        let fire = clock.elapsed() / MILLION as u32;
        println!("fired in {fire:?}");
        assert_eq!(stats().timers, 0);
        assert!(
            set < limit && cancel < limit && fire < limit,
            "at most {limit:?}"
        );
    });
}

// proves B-4, D-5: the timeout around each read
fn a_million_cancelled_sleeps_in_turn_keep_nothing() {
    hub().run(async {
        warm_up().await;
        let waker = Waker::from(Arc::new(Deaf));
        let first = resident();
        for n in 0..MILLION as u64 {
            let mut timer = sleep(Duration::from_secs(60) + Duration::from_nanos(n));
            arm(&mut timer, &waker);
        }
        assert_back(first, resident());
    });
}

// proves D-5: a million waits on one task that were given up
fn a_million_dropped_waits_keep_nothing() {
    hub().run(async {
        warm_up().await;
        let task = spawn(pending::<()>());
        let first = resident();
        for n in 0..MILLION {
            let mut waits = [task.wait(), task.wait(), task.wait()].map(Box::pin);
            for wait in &mut waits {
                assert!(futures::poll!(wait).is_pending());
            }
            drop(waits);
            let mut kill = (n == 0).then(|| Box::pin(task.wait()));
            if let Some(wait) = &mut kill {
                assert!(futures::poll!(wait).is_pending());
            }
            if n % 30 == 0 {
                yield_now().await;
            }
        }
        assert_back(first, resident());
    });
}

// proves A-7: each hub gives back all that it had
fn a_thousand_hubs_keep_nothing() {
    let one = || {
        let hub = Hub::new().expect("a hub");
        hub.run(async {
            for _ in 0..500 {
                spawn_n(sleep(Duration::from_secs(60)));
            }
            let task = spawn(async { 1 });
            assert_eq!(task.await.unwrap(), 1);
        });
    };
    (0..20).for_each(|_| one());
    let first = resident();
    (0..1_000).for_each(|_| one());
    assert_back(first, resident());
}

// proves promise 5: one that has ended may be given a name all the same
fn names_of_the_ended_are_not_kept() {
    Hub::new().expect("a hub").run(async {
        let first = allocated();
        for n in 0..100_000 {
            drop(GreenThread::ready(n).named("ready when it was made"));
            let ended = spawn(async {});
            yield_now().await;
            drop(ended.named("named too late"));
        }
        let kept = allocated().saturating_sub(first);
        assert!(kept < 100_000, "{kept} bytes are kept");
    });
}
