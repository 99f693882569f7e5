//! Timers: in order, never early, and gone the moment they are dropped.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{
    Hub, Io, Sleep, now, sleep, sleep_until, spawn, spawn_after, spawn_n, stats, timeout, yield_now,
};

use crate::bell::{Ear, poll_with};
use crate::stage::{on_each_backend, play, really, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

/// Numbers that look random and are the same in each run.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1_u64), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    })
    .map(|n| n >> 33)
}

/// 100,000 tasks sleep for as long as `delay` makes of a number: when did which one wake?
fn fire(hub: &Hub, delay: impl Fn(u64) -> Duration) -> Vec<(Duration, Duration, usize)> {
    let fired = Rc::new(RefCell::new(Vec::new()));
    play(hub, async {
        let start = now();
        let mut tasks = Vec::new();
        for (n, number) in numbers().take(100_000).enumerate() {
            let (fired, delay) = (fired.clone(), delay(number));
            tasks.push(spawn(async move {
                sleep(delay).await;
                fired.borrow_mut().push((delay, now() - start, n));
            }));
        }
        yield_now().await;
        assert_eq!(stats().timers, 100_000);
        for task in tasks {
            task.await.unwrap();
        }
    });
    fired.take()
}

/// In order of deadline, equal ones in order of creation, and not early.
fn assert_in_order(fired: &[(Duration, Duration, usize)]) {
    assert_eq!(fired.len(), 100_000);
    assert!(fired.is_sorted_by_key(|(deadline, _, n)| (*deadline, *n)));
    assert!(fired.iter().all(|(deadline, at, _)| at >= deadline));
}

// proves B-2: many equal deadlines
#[test]
fn a_hundred_thousand_timers_with_equal_deadlines_fire_in_order() {
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    let fired = fire(&hub, |n| Duration::from_millis(1 + n % 500));
    assert_in_order(&fired);
    assert!(fired.iter().all(|(deadline, at, _)| at == deadline));
}

// proves B-2: different deadlines, from one nanosecond to a century
#[test]
fn a_hundred_thousand_timers_with_different_deadlines_fire_in_order() {
    let hub = Hub::builder()
        .virtual_time(true)
        .timer_slack(Duration::ZERO)
        .build()
        .unwrap();
    let fired = fire(&hub, |n| match n % 4 {
        0 => Duration::from_nanos(1 + n),
        1 => Duration::from_micros(1 + n),
        2 => Duration::from_millis(1 + n),
        _ => Duration::from_secs(1 + n),
    });
    assert_in_order(&fired);
    assert!(fired.iter().all(|(deadline, at, _)| at == deadline));
}

// proves B-2: the slack joins wake-ups, it changes no order and makes nobody early
#[test]
fn the_slack_changes_no_order() {
    let hub = Hub::builder()
        .virtual_time(true)
        .timer_slack(Duration::from_millis(1))
        .build()
        .unwrap();
    let fired = fire(&hub, |n| Duration::from_nanos(1 + n % 100_000_000));
    assert_in_order(&fired);
    let latest = fired.iter().map(|(deadline, at, _)| *at - *deadline).max();
    assert!(latest.unwrap() <= Duration::from_millis(1));
}

// conformance 115
#[test]
fn equal_deadlines_fire_in_the_order_of_their_creation() {
    let trace = Trace::new();
    virtually(async {
        for (word, delay) in [("3", 2), ("1", 1), ("2", 1)] {
            let trace = trace.clone();
            drop(spawn_after(SECOND * delay, async move { trace.add(word) }));
        }
        sleep(SECOND * 3).await;
    });
    assert_eq!(trace.text(), "1 2 3");
}

// proves B-2 with a real clock
#[test]
fn no_timer_fires_early() {
    on_each_backend(async || {
        let mut tasks = Vec::new();
        for n in numbers().take(300) {
            let delay = Duration::from_nanos(n % 30_000_000);
            tasks.push(spawn(async move {
                let start = Instant::now();
                sleep(delay).await;
                assert!(start.elapsed() >= delay, "{delay:?} ended early");
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

// proves B-2: it counts from the first poll, by the time it is then, not by what the turn last read
#[test]
fn a_sleep_counts_from_its_first_poll() {
    really(async {
        let delay = Duration::from_millis(20);
        for polled_late in [false, true] {
            let timer = sleep(delay);
            let start = Instant::now();
            while start.elapsed() < delay {
                std::hint::spin_loop();
            }
            if polled_late {
                yield_now().await;
            }
            let start = Instant::now();
            timer.await;
            assert!(start.elapsed() >= delay, "{:?}", start.elapsed());
        }
    });
}

// proves B-2: on an idle hub within 2 ms; the best of many, since the machine may be busy
#[test]
fn a_timer_on_an_idle_hub_is_in_time() {
    on_each_backend(async || {
        let mut latest = Duration::MAX;
        for n in 0..20 {
            let delay = Duration::from_micros(1_000 + n * 130);
            let start = Instant::now();
            sleep(delay).await;
            latest = latest.min(start.elapsed() - delay);
        }
        assert!(latest < Duration::from_millis(2), "{latest:?} late at best");
    });
}

// proves B-3
#[test]
fn zero_and_tiny_durations_end_at_once() {
    virtually(async {
        let start = now();
        sleep(Duration::ZERO).await;
        sleep_until(start).await;
        sleep_until(start - Duration::from_nanos(1)).await;
        assert_eq!(now(), start);
        sleep(Duration::from_nanos(1)).await;
        assert!(now() - start < Duration::from_millis(1));
        assert!(now() > start);
    });
}

// proves B-3: huge means never, and overflows nothing
#[test]
fn huge_durations_never_end() {
    virtually(async {
        let years = SECOND * 60 * 60 * 24 * 365 * 50;
        for huge in [
            Duration::MAX,
            Duration::MAX - Duration::from_nanos(1),
            Duration::from_secs(u64::MAX),
            Duration::from_secs(i64::MAX as u64),
            Duration::from_millis(u64::MAX),
            Duration::from_nanos(u64::MAX),
        ] {
            assert!(timeout(years, sleep(huge)).await.is_err(), "{huge:?}");
            assert_eq!(timeout(huge, async { 1 }).await.unwrap(), 1);
            assert!(timeout(huge, sleep(SECOND)).await.is_ok());
        }
        assert_eq!(stats().timers, 0);
    });
}

// proves B-3 with a real clock: the kernel's own limits are not met either
#[test]
fn a_huge_sleep_does_not_disturb_the_wait() {
    on_each_backend(async || {
        for huge in [Duration::MAX, SECOND * u32::MAX, SECOND * 3_000_000] {
            let sleeper = spawn(sleep(huge));
            sleep(Duration::from_millis(2)).await;
            assert!(!sleeper.is_finished());
            sleeper.kill().await;
        }
    });
}

// eventlet, sleep(0): the others get one turn
#[test]
fn a_sleep_of_zero_gives_the_others_one_turn() {
    let trace = Trace::new();
    virtually(async {
        let tasks = ["a", "b"].map(|word| {
            let trace = trace.clone();
            spawn(async move {
                for _ in 0..3 {
                    trace.add(word);
                    sleep(Duration::ZERO).await;
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.text(), "a b a b a b");
}

// proves D-1, `sleep` is class S: the entry is free at once, and only polling makes one
#[test]
fn a_dropped_timer_frees_its_entry_at_once() {
    virtually(async {
        let mut timer = sleep(SECOND);
        assert_eq!(stats().timers, 0, "not polled: nothing set");
        assert!(poll_with(Ear::new(), &mut timer).is_pending());
        assert!(poll_with(Ear::new(), &mut timer).is_pending());
        assert_eq!(stats().timers, 1, "polled twice: one entry");
        drop(timer);
        assert_eq!(stats().timers, 0);
    });
}

// proves B-4; conformance 116
#[test]
fn a_hundred_thousand_cancelled_timers_leave_nothing() {
    virtually(async {
        let ear = Ear::new();
        let set = || {
            let mut timer = sleep(SECOND * 60);
            assert!(poll_with(ear.clone(), &mut timer).is_pending());
            timer
        };
        for _ in 0..100_000 {
            drop(set());
        }
        assert_eq!(stats().timers, 0);
        let mut timers: Vec<Sleep> = (0..100_000).map(|_| set()).collect();
        assert_eq!(stats().timers, 100_000);
        let last = timers.pop();
        drop(timers);
        assert_eq!(stats().timers, 1);
        sleep(SECOND * 61).await;
        assert_eq!(ear.heard(), 1, "the one that was left");
        drop(last);
    });
}

// proves D-1: `Sleep` is `Send`; one that is dropped on another thread does not stay for its time
#[test]
fn a_timer_dropped_on_another_thread_frees_its_entry() {
    really(async {
        let ear = Ear::new();
        let mut timer = sleep(SECOND * 3_600);
        assert!(poll_with(ear.clone(), &mut timer).is_pending());
        thread::spawn(move || drop(timer)).join().unwrap();
        for _ in 0..3 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(stats().timers, 0);
        assert_eq!(Arc::strong_count(&ear), 1, "its waker is gone as well");
    });
}

/// A waker that drops a timer when it is woken.
struct Cancels(Mutex<Option<Sleep>>);

impl Wake for Cancels {
    fn wake(self: Arc<Self>) {
        let timer = self.0.lock().unwrap().take();
        drop(timer);
    }
}

// proves B-6, D-4: a timer's waker cancels another one that is due in the same turn
#[test]
fn a_timer_may_cancel_another_of_the_same_turn() {
    virtually(async {
        let ear = Ear::new();
        let mut third = sleep(SECOND);
        let mut first = sleep(SECOND);
        let mut second = sleep(SECOND);
        let cancels = Arc::new(Cancels(Mutex::new(None)));
        assert!(poll_with(cancels.clone(), &mut first).is_pending());
        assert!(poll_with(ear.clone(), &mut second).is_pending());
        assert!(poll_with(ear.clone(), &mut third).is_pending());
        *cancels.0.lock().unwrap() = Some(second);
        sleep(SECOND).await;
        assert!((1..=2).contains(&ear.heard()), "the third at least");
        assert!(poll_with(ear, &mut third).is_ready());
        assert!(poll_with(Ear::new(), &mut first).is_ready());
        assert_eq!(stats().timers, 0);
    });
}

// proves B-6: a task cancels its neighbour, due in the same turn
#[test]
fn a_sleeper_may_kill_another_of_the_same_turn() {
    let trace = Trace::new();
    virtually(async {
        let victim = Rc::new(Cell::new(None));
        let (target, ours) = (victim.clone(), trace.clone());
        let killer = spawn(async move {
            sleep(SECOND).await;
            let task: Option<evlet_hub::GreenThread<()>> = target.take();
            task.unwrap().kill();
            ours.add("killer");
        });
        let ours = trace.clone();
        victim.set(Some(spawn(async move {
            sleep(SECOND).await;
            ours.add("victim");
        })));
        killer.await.unwrap();
        sleep(SECOND).await;
    });
    assert_eq!(trace.text(), "killer");
}

// proves A-1: the newest waker counts
#[test]
fn a_timer_wakes_the_waker_it_saw_last() {
    virtually(async {
        let (old, new) = (Ear::new(), Ear::new());
        let mut timer = sleep(SECOND);
        assert!(poll_with(old.clone(), &mut timer).is_pending());
        assert!(poll_with(new.clone(), &mut timer).is_pending());
        assert_eq!(Arc::strong_count(&old), 1, "the old one is let go of");
        sleep(SECOND * 2).await;
        assert_eq!((old.heard(), new.heard()), (0, 1));
        let waker: Waker = new.into();
        assert!(poll_with(waker, &mut timer).is_ready());
    });
}

// proves A-9, B-6: timers that are set for "now" again and again do not starve I/O
#[test]
fn timers_for_now_do_not_starve_input() {
    on_each_backend(async || {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        let loops = [0, 1, 2].map(|kind| {
            spawn(async move {
                loop {
                    match kind {
                        0 => sleep(Duration::ZERO).await,
                        1 => sleep_until(now()).await,
                        _ => sleep(Duration::from_nanos(1)).await,
                    }
                }
            })
        });
        let thread = thread::spawn(move || writer.write_all(b"x").unwrap());
        let mut byte = [0];
        let limit = timeout(SECOND * 30, io.read_with(|mut p| p.read(&mut byte)));
        assert_eq!(limit.await.unwrap().unwrap(), 1);
        thread.join().unwrap();
        for task in loops {
            task.kill();
            let ended: Result<(), _> = task.await;
            assert!(ended.is_err());
        }
    });
}

// proves B-6: a task that holds the hub past a deadline makes it late, not lost, and not repeated
#[test]
fn overdue_timers_fire_once_each() {
    really(async {
        let fired = Rc::new(Cell::new(0));
        for n in 1..=10 {
            let fired = fired.clone();
            spawn_n(async move {
                sleep(Duration::from_millis(n)).await;
                fired.set(fired.get() + 1);
            });
        }
        yield_now().await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(15) {
            std::hint::spin_loop();
        }
        assert_eq!(fired.get(), 0);
        sleep(Duration::from_millis(1)).await;
        yield_now().await;
        assert_eq!(fired.get(), 10);
    });
}
