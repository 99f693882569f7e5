//! The hub's numbers: right while things go on, and back at nothing when they are over.

use std::future::pending;
use std::time::Duration;

use evlet_hub::{
    Hub, Stats, is_running, now, sleep, spawn, spawn_after, stats, timeout, yield_now,
};

use crate::bell::{Ear, RemoteBell, poll_with};
use crate::pairs;
use crate::stage::{assert_nothing_left, really, virtual_hub, virtually};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_new_hub_has_nothing() {
    let hub = Hub::new().unwrap();
    let stats = hub.stats();
    assert_nothing_left(&stats);
    assert_eq!((stats.spawned, stats.finished, stats.polls), (0, 0, 0));
    assert!(!is_running());
}

#[test]
fn green_threads_are_counted_while_they_live() {
    virtually(async {
        assert_eq!(stats().green_threads, 0, "the root is none");
        let tasks: Vec<_> = (0..10).map(|_| spawn(sleep(SECOND))).collect();
        let late = spawn_after(SECOND, async {});
        assert_eq!(stats().green_threads, 11);
        assert!(stats().ready >= 10);
        yield_now().await;
        assert_eq!(stats().ready, 0);
        assert_eq!(stats().timers, 11);
        tasks[0].kill().await;
        assert_eq!(stats().green_threads, 10);
        assert_eq!(stats().timers, 10);
        for task in tasks {
            let _ = task.await;
        }
        late.await.unwrap();
        assert_eq!(stats().green_threads, 0);
    });
}

#[test]
fn spawned_and_finished_count_all_ways_to_end() {
    let hub = virtual_hub();
    hub.run(async {
        let before = stats();
        let returned = spawn(async {});
        let killed = spawn(pending::<()>());
        let cancelled = spawn(async {});
        assert!(cancelled.cancel());
        killed.kill();
        #[cfg(panic = "unwind")]
        let panicked = spawn(async { panic!("as ordered") });
        #[cfg(not(panic = "unwind"))]
        let panicked = spawn(async {});
        let _ = (
            returned.await,
            killed.await,
            cancelled.await,
            panicked.await,
        );
        let after = stats();
        assert_eq!(after.spawned - before.spawned, 4);
        assert_eq!(after.finished - before.finished, 4);
    });
    assert_nothing_left(&hub.stats());
}

#[test]
fn polls_and_turns_and_waits_go_up_by_what_happens() {
    really(async {
        let before = stats();
        for _ in 0..610 {
            yield_now().await;
        }
        let after = stats();
        assert_eq!(after.polls - before.polls, 610);
        let turns = after.turns - before.turns;
        assert!((9..=11).contains(&turns), "{turns} turns of 61 polls");
        let before = stats();
        sleep(Duration::from_millis(2)).await;
        let waits = stats().waits - before.waits;
        assert!((1..=4).contains(&waits), "{waits}");
    });
}

#[test]
fn remote_wakes_count_what_comes_from_other_threads_only() {
    really(async {
        for _ in 0..100 {
            yield_now().await;
        }
        spawn(sleep(Duration::from_millis(1))).await.unwrap();
        let before: Stats = stats();
        assert_eq!(before.remote_wakes, 0);
        let bell = RemoteBell::new();
        let ringer = bell.clone();
        let thread = std::thread::spawn(move || ringer.ring());
        bell.wait_for(1).await;
        thread.join().unwrap();
        assert!(stats().remote_wakes <= 1);
    });
}

// Bad settings are made good, or do what they say; none hangs or panics.
#[test]
fn extreme_settings_work() {
    let hubs = [
        Hub::builder().batch(0),
        Hub::builder().batch(u32::MAX),
        Hub::builder().budget(0),
        Hub::builder().budget(u32::MAX),
        Hub::builder().time_slice(Duration::ZERO),
        Hub::builder().time_slice(Duration::MAX),
        Hub::builder().timer_slack(Duration::ZERO),
        Hub::builder().watchdog(Duration::ZERO),
        Hub::builder().watchdog(Duration::MAX),
    ];
    for builder in hubs {
        let hub = builder.build().unwrap();
        crate::stage::play(&hub, async {
            let (reader, writer) = pairs::pipe();
            let reading = spawn(async move { reader.readable().await });
            sleep(Duration::from_millis(1)).await;
            writer
                .write_with(|mut p| std::io::Write::write(&mut p, b"x"))
                .await
                .unwrap();
            reading.await.unwrap().unwrap();
            for _ in 0..300 {
                evlet_hub::checkpoint().await;
                yield_now().await;
            }
        });
    }
}

// The leak check of every other test rests on this: a bit of everything at once, then nothing.
#[test]
fn nothing_is_left_after_a_bit_of_everything() {
    let hub = virtual_hub();
    hub.run(async {
        let (reader, _writer) = pairs::pipe();
        let reading = spawn(async move { timeout(SECOND, reader.readable()).await.is_err() });
        let sleepers: Vec<_> = (0..100).map(|n| spawn(sleep(SECOND * n))).collect();
        let mut kept = sleep(SECOND * 1_000);
        assert!(poll_with(Ear::new(), &mut kept).is_pending());
        sleep(SECOND * 50).await;
        for task in &sleepers {
            task.kill();
        }
        for task in sleepers {
            let _ = task.await;
        }
        assert!(reading.await.unwrap());
        let start = now();
        drop(kept);
        sleep(SECOND).await;
        assert_eq!(now() - start, SECOND);
    });
    assert_nothing_left(&hub.stats());
}
