//! Virtual time: it stands still while anybody works, and jumps when nobody does.

use std::cell::Cell;
use std::future::pending;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{
    Hub, Io, hold_clock, now, sleep, sleep_until, spawn, spawn_n, stats, timeout, yield_now,
};

use crate::bell::RemoteBell;
use crate::deadline::Deadline;
use crate::stage::{play, really, virtual_hub, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Holds the thread, without sleeping, for at least so long.
fn be_busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn an_hour_takes_no_time() {
    let real = Instant::now();
    let took = virtually(async {
        let start = now();
        sleep(HOUR).await;
        now() - start
    });
    assert_eq!(took, HOUR);
    assert!(real.elapsed() < SECOND, "took {:?}", real.elapsed());
}

#[test]
fn a_year_of_seconds_takes_little_time() {
    let real = Instant::now();
    virtually(async {
        let start = now();
        let beats = Rc::new(Cell::new(0));
        let count = beats.clone();
        let heart = spawn(async move {
            loop {
                sleep(SECOND * 60).await;
                count.set(count.get() + 1);
            }
        });
        sleep(HOUR * 24 * 7 + SECOND).await;
        assert_eq!(beats.get(), 7 * 24 * 60);
        assert_eq!(now() - start, HOUR * 24 * 7 + SECOND);
        heart.kill().await;
    });
    assert!(real.elapsed() < SECOND * 10, "took {:?}", real.elapsed());
}

#[test]
fn time_stands_still_while_a_task_runs() {
    virtually(async {
        let before = now();
        be_busy(Duration::from_millis(5));
        assert_eq!(now(), before);
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert_eq!(now(), before, "turns take no time either");
        sleep(Duration::ZERO).await;
        assert_eq!(now(), before);
    });
}

#[test]
fn it_jumps_from_deadline_to_deadline() {
    let trace = Trace::new();
    virtually(async {
        let start = now();
        for (word, seconds) in [("c", 30), ("a", 10), ("b", 20)] {
            let trace = trace.clone();
            spawn_n(async move {
                sleep(SECOND * seconds).await;
                trace.add(format!("{word}{}", (now() - start).as_secs()));
            });
        }
        sleep_until(start + SECOND * 25).await;
        trace.add("root25");
        sleep(SECOND * 10).await;
    });
    assert_eq!(trace.text(), "a10 b20 root25 c30");
}

// A dropped timer is not a deadline any more.
#[test]
fn it_does_not_jump_to_what_was_cancelled() {
    virtually(async {
        let start = now();
        let short = spawn(sleep(SECOND));
        yield_now().await;
        short.kill().await;
        let task = spawn(sleep(SECOND * 5));
        task.await.unwrap();
        assert_eq!(now() - start, SECOND * 5);
    });
}

// Bytes that are already there come before any jump.
#[test]
fn it_does_not_jump_over_input_that_is_there() {
    virtually(async {
        let start = now();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        for n in 0..50 {
            let mut byte = [0];
            {
                let read = io.read_with(|mut p| p.read(&mut byte));
                let mut read = std::pin::pin!(timeout(SECOND, read));
                assert!(futures::poll!(&mut read).is_pending());
                writer.write_all(&[n]).unwrap();
                assert_eq!(read.await.unwrap().unwrap(), 1);
            }
            assert_eq!(byte, [n]);
        }
        assert_eq!(now(), start);
    });
}

#[test]
fn a_held_clock_does_not_jump() {
    virtually(async {
        let start = now();
        let sleeper = spawn(sleep(HOUR));
        yield_now().await;
        let bell = RemoteBell::new();
        let ringer = bell.clone();
        let hold = hold_clock();
        let worker = thread::spawn(move || {
            be_busy(Duration::from_millis(20));
            ringer.ring();
            hold
        });
        bell.wait_for(1).await;
        assert_eq!(now(), start, "work was under way elsewhere");
        assert!(!sleeper.is_finished());
        drop(worker.join().unwrap());
        sleeper.await.unwrap();
        assert_eq!(now() - start, HOUR);
    });
}

// The hub waits, with nothing but a timer, for the hold to end: the end must wake it.
#[test]
fn the_end_of_the_hold_wakes_the_hub() {
    virtually(async {
        let start = now();
        let hold = hold_clock();
        let worker = thread::spawn(move || {
            be_busy(Duration::from_millis(20));
            drop(hold);
        });
        let real = Instant::now();
        sleep(HOUR).await;
        assert!(real.elapsed() < SECOND * 60);
        assert_eq!(now() - start, HOUR);
        worker.join().unwrap();
    });
}

// What never ends is not a deadline: with nothing else to wait for, the hub sleeps; it does not spin.
#[test]
fn a_sleep_without_end_is_no_deadline() {
    virtually(async {
        let start = now();
        for never in [Duration::MAX, SECOND * u32::MAX * 100] {
            let sleeper = spawn(sleep(never));
            let bell = RemoteBell::new();
            let ringer = bell.clone();
            let hold = (never < Duration::MAX).then(hold_clock);
            let waits = stats().waits;
            let worker = thread::spawn(move || {
                be_busy(Duration::from_millis(30));
                ringer.ring();
            });
            bell.wait_for(1).await;
            worker.join().unwrap();
            let waits = stats().waits - waits;
            assert!(waits < 100, "{waits} waits: it spins");
            assert!(!sleeper.is_finished());
            sleeper.kill().await;
            drop(hold);
        }
        assert_eq!(now(), start);
    });
}

#[test]
fn all_holds_must_end() {
    virtually(async {
        let start = now();
        let (first, second) = (hold_clock(), hold_clock());
        let (go, wait) = mpsc::channel::<()>();
        let released = spawn(sleep(SECOND));
        drop(first);
        let worker = thread::spawn(move || {
            wait.recv().unwrap();
            be_busy(Duration::from_millis(10));
            drop(second);
        });
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(now(), start);
        go.send(()).unwrap();
        released.await.unwrap();
        worker.join().unwrap();
        assert_eq!(now() - start, SECOND);
    });
}

#[test]
fn a_hold_means_nothing_elsewhere() {
    let hold = hold_clock();
    really(async {
        let inner = hold_clock();
        sleep(Duration::from_millis(1)).await;
        drop(inner);
    });
    virtually(async { sleep(HOUR).await });
    drop(hold);
}

// A hold may outlive its hub.
#[test]
fn a_hold_may_outlive_its_hub() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let hold = hub.run(async { hold_clock() });
    drop(hub);
    thread::spawn(move || drop(hold)).join().unwrap();
}

#[test]
fn time_goes_on_from_run_to_run() {
    let _limit = Deadline::new();
    let hub = virtual_hub();
    let (start, sleeper) = hub.run(async {
        let sleeper = spawn(sleep(HOUR * 2));
        yield_now().await;
        (now(), sleeper)
    });
    let later = hub.run(async {
        sleep(HOUR).await;
        now()
    });
    assert_eq!(later - start, HOUR);
    let end = hub.run(async {
        sleeper.await.unwrap();
        now()
    });
    assert_eq!(end - start, HOUR * 2);
}

#[test]
fn the_real_clock_is_the_default() {
    let hub = Hub::new().unwrap();
    play(&hub, async {
        let (real, ours) = (Instant::now(), now());
        assert!(ours >= real);
        be_busy(Duration::from_millis(2));
        assert!(now() - ours >= Duration::from_millis(2));
        assert!(
            timeout(Duration::from_millis(1), pending::<()>())
                .await
                .is_err()
        );
        assert!(stats().timers == 0);
    });
}
