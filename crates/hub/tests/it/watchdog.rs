//! Who holds the hub for too long is named, while it does, and is not stopped.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evlet_hub::{Hub, Report, set_name_to_peer, sleep, spawn, spawn_n, yield_now};

use crate::stage::play;

const LIMIT: Duration = Duration::from_millis(40);

/// Reports of the watchdog, whichever thread they come from.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(Report, Instant)>>>);

impl Seen {
    fn hub(&self, limit: Duration) -> Hub {
        let seen = self.0.clone();
        Hub::builder()
            .watchdog(limit)
            .on_report(move |report| seen.lock().unwrap().push((report.clone(), Instant::now())))
            .build()
            .unwrap()
    }

    fn held(&self) -> Vec<Report> {
        let all = self.0.lock().unwrap();
        let held = all.iter().filter(|(r, _)| matches!(r, Report::Held { .. }));
        held.map(|(report, _)| report.clone()).collect()
    }

    #[track_caller]
    fn assert_named(&self, name: &str) {
        let held = self.held();
        let is_named = held.iter().any(|report| report.to_string().contains(name));
        assert!(is_named, "{name} is not among {held:?}");
    }
}

/// Holds the thread for so long.
fn hold(time: Duration) -> u32 {
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < time {
        rounds = rounds.wrapping_add(1);
        std::hint::spin_loop();
    }
    rounds
}

// proves A-10; conformance 120: a report instead of an injected error
#[test]
fn the_one_that_holds_the_hub_is_named() {
    let seen = Seen::default();
    let line = line!() + 4;
    play(&seen.hub(LIMIT), async {
        yield_now().await;
        yield_now().await;
        let greedy = spawn(async { hold(LIMIT * 4) }).named("greedy");
        assert!(greedy.await.unwrap() > 0, "it is not stopped");
    });
    let held = seen.held();
    assert!(!held.is_empty(), "nothing was reported");
    for report in &held {
        let text = report.to_string();
        assert!(text.contains("greedy"), "{text}");
        assert!(text.contains(&format!("watchdog.rs:{line}")), "{text}");
        let Report::Held {
            name,
            spawned_at,
            held,
            limit,
            ..
        } = report
        else {
            unreachable!()
        };
        assert_eq!(name.as_deref(), Some("greedy"));
        assert_eq!(spawned_at.unwrap().line(), line);
        assert_eq!(*limit, LIMIT);
        assert!(*held >= LIMIT, "{held:?}");
    }
}

// proves A-10: a task that yields in time is not blamed, however much it works in all
#[test]
fn one_that_is_named_after_its_peer_is_named_too() {
    let seen = Seen::default();
    let serve = |port, then_waits| async move {
        set_name_to_peer(([192, 0, 2, 1], port).into());
        yield_now().await;
        assert!(hold(LIMIT * 4) > 0);
        if then_waits {
            yield_now().await;
        }
    };
    play(&seen.hub(LIMIT), async move {
        spawn(serve(81, true)).await.unwrap();
        spawn(serve(82, false)).await.unwrap();
        spawn_n(serve(83, false));
        yield_now().await;
        yield_now().await;
        // In the place of one of those.
        spawn(async { hold(LIMIT * 4) }).await.unwrap();
    });
    for port in [81, 82, 83] {
        seen.assert_named(&format!("'192.0.2.1:{port}'"));
    }
    let held = seen.held();
    let named = held.iter().filter(|r| r.to_string().contains("192.0.2.1"));
    assert_eq!((held.len(), named.count()), (4, 3), "{held:?}");
}

#[test]
fn who_yields_in_time_is_not_named() {
    let limit = LIMIT * 5;
    let seen = Seen::default();
    let longest = play(&seen.hub(limit), async {
        let polite = spawn(async move {
            let mut longest = Duration::ZERO;
            for _ in 0..100 {
                let start = Instant::now();
                hold(limit / 50);
                longest = longest.max(start.elapsed());
                yield_now().await;
            }
            longest
        });
        let longest = polite.await.unwrap();
        // A hub that sleeps is not held by anybody.
        sleep(limit * 2).await;
        longest
    });
    let held = seen.held();
    // A busy machine may take the processor away from it for longer than the limit.
    assert!(held.is_empty() || longest > limit / 2, "{held:?}");
}

// proves A-10: zero turns it off
#[test]
fn without_a_limit_nobody_is_named() {
    let seen = Seen::default();
    let reports = seen.0.clone();
    let hub = Hub::builder()
        .watchdog(Duration::ZERO)
        .on_report(move |report| {
            reports
                .lock()
                .unwrap()
                .push((report.clone(), Instant::now()))
        })
        .build()
        .unwrap();
    play(&hub, async { hold(Duration::from_millis(60)) });
    assert!(seen.0.lock().unwrap().is_empty());
}

// proves A-10: the second time is reported as well, and the right one each time
#[test]
fn each_one_that_holds_the_hub_is_named() {
    let seen = Seen::default();
    play(&seen.hub(LIMIT), async {
        for name in ["first", "second"] {
            spawn(async { hold(LIMIT * 4) }).named(name).await.unwrap();
            hold(Duration::from_millis(1));
            yield_now().await;
        }
    });
    let texts: Vec<String> = seen.held().iter().map(ToString::to_string).collect();
    for name in ["first", "second"] {
        assert!(texts.iter().any(|t| t.contains(name)), "{name}: {texts:?}");
    }
}

// On by default, at a second.
#[test]
fn a_hub_is_watched_unless_it_is_told_otherwise() {
    let seen = Seen::default();
    let reports = seen.0.clone();
    let hub = Hub::builder()
        .on_report(move |report| {
            reports
                .lock()
                .unwrap()
                .push((report.clone(), Instant::now()))
        })
        .build()
        .unwrap();
    play(&hub, async {
        spawn(async { hold(Duration::from_millis(1600)) })
            .named("greedy")
            .await
            .unwrap()
    });
    seen.assert_named("greedy");
}

// A hub that was idle, and so left alone, is watched again when it goes on.
#[test]
fn who_holds_the_hub_after_a_long_rest_is_named() {
    let seen = Seen::default();
    play(&seen.hub(LIMIT), async {
        sleep(LIMIT * 6).await;
        spawn(async { hold(LIMIT * 4) })
            .named("greedy")
            .await
            .unwrap();
    });
    seen.assert_named("greedy");
}

// All hubs have one thread between them.
#[test]
fn a_hundred_hubs_are_watched_by_one_thread() {
    let watchdogs = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        let ours = names.filter(|name| matches!(name, Ok(name) if name.trim() == "evlet-watchdog"));
        ours.count()
    };
    let hubs: Vec<Hub> = (0..100).map(|_| Seen::default().hub(LIMIT)).collect();
    hubs.iter()
        .for_each(|hub| hub.run(async { yield_now().await }));
    assert_eq!(watchdogs(), 1);
}
