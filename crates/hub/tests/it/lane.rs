//! Lanes: more turns for some, some turns for all.

use std::time::Duration;

use evlet_hub::{Exit, Hub, Lane, green_threads, sleep, spawn, spawn_in, stats, yield_now};

use crate::stage::{really, run_and_drop, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

/// Adds its letter each time it has a turn.
async fn busy(trace: Trace, letter: &'static str, turns: usize) {
    for _ in 0..turns {
        trace.add(letter);
        yield_now().await;
    }
}

fn turns(trace: &Trace, from: usize, to: usize) -> String {
    trace.words()[from..to].concat()
}

// proves: the shares are fixed, and nobody starves
#[test]
fn each_lane_has_its_share_of_the_turns() {
    let trace = Trace::new();
    virtually(async {
        let spawned = [
            spawn_in(Lane::Background, busy(trace.clone(), "b", 1000)),
            spawn(busy(trace.clone(), "n", 1000)),
            spawn_in(Lane::Urgent, busy(trace.clone(), "u", 1000)),
        ];
        for task in spawned {
            task.await.unwrap();
        }
    });
    // The root waits in the normal lane only at first; then the rounds are all the same.
    let first = trace.words().iter().position(|word| word == "b").unwrap() + 1;
    let round = "uuuuuuuunnnnb";
    assert_eq!(turns(&trace, first, first + 13), round);
    assert_eq!(turns(&trace, first + 13, first + 13 * 9), round.repeat(8));
}

#[test]
fn within_a_lane_it_is_first_come_first_served() {
    let trace = Trace::new();
    virtually(async {
        for (lane, letters) in [
            (Lane::Background, ["b1", "b2", "b3"]),
            (Lane::Normal, ["n1", "n2", "n3"]),
            (Lane::Urgent, ["u1", "u2", "u3"]),
        ] {
            for letter in letters {
                drop(spawn_in(lane, busy(trace.clone(), letter, 2)));
            }
        }
        sleep(SECOND).await;
    });
    for lane in ["b", "n", "u"] {
        let words = trace.words().into_iter();
        let turns: Vec<_> = words
            .filter_map(|word| Some(word.strip_prefix(lane)?.to_owned()))
            .collect();
        assert_eq!(turns.concat(), "123123", "{lane}");
    }
}

#[test]
fn an_urgent_wake_up_goes_before_the_bulk() {
    let trace = Trace::new();
    virtually(async {
        let urgent = trace.clone();
        let beat = spawn_in(Lane::Urgent, async move {
            sleep(SECOND).await;
            urgent.add("beat");
        });
        for _ in 0..1000 {
            let trace = trace.clone();
            drop(spawn(async move {
                sleep(SECOND).await;
                trace.add("work");
            }));
        }
        beat.await.unwrap();
        sleep(SECOND).await;
    });
    let place = trace.words().iter().position(|word| word == "beat");
    assert!(place.unwrap() <= 5, "{place:?}");
}

#[test]
fn a_lane_alone_has_all_turns() {
    virtually(async {
        let task = spawn_in(Lane::Background, async {
            for _ in 0..100 {
                yield_now().await;
            }
            7
        });
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn it_is_seen_and_not_inherited() {
    virtually(async {
        let urgent = spawn_in(Lane::Urgent, async {
            let child = spawn(std::future::pending::<()>());
            yield_now().await;
            let lanes: Vec<_> = green_threads().iter().map(|info| info.lane).collect();
            assert_eq!(lanes, [Lane::Normal, Lane::Urgent, Lane::Normal]);
            child.kill().await;
        });
        assert_eq!(stats().ready, 1);
        urgent.await.unwrap();
        assert_eq!(stats().ready, 0);
    });
}

#[test]
fn one_in_a_lane_is_killed_and_cancelled_like_any_other() {
    virtually(async {
        for lane in [Lane::Urgent, Lane::Background] {
            let task = spawn_in(lane, sleep(SECOND));
            yield_now().await;
            task.kill().await;
            assert!(matches!(task.await, Err(Exit::Killed)));
            let unstarted = spawn_in(lane, async {});
            assert!(unstarted.cancel());
            assert!(unstarted.await.is_err());
        }
    });
}

// proves A-1: a wake-up from another thread finds the lane too
#[test]
fn one_in_a_lane_is_woken_from_another_thread() {
    really(async {
        for lane in [Lane::Urgent, Lane::Background] {
            let (give, answer) = futures::channel::oneshot::channel();
            let task = spawn_in(lane, async move { answer.await.unwrap() });
            yield_now().await;
            std::thread::spawn(move || give.send(5))
                .join()
                .unwrap()
                .unwrap();
            assert_eq!(task.await.unwrap(), 5);
        }
    });
}

// proves A-7
#[test]
fn the_hubs_end_drops_them_in_the_order_of_spawning() {
    let trace = Trace::new();
    run_and_drop(async {
        for (lane, name) in [
            (Lane::Background, "1"),
            (Lane::Urgent, "2"),
            (Lane::Normal, "3"),
        ] {
            let mark = trace.on_drop(name);
            drop(spawn_in(lane, async move {
                let _mark = mark;
                sleep(SECOND).await;
            }));
        }
    });
    assert_eq!(trace.text(), "1 2 3");
}

#[test]
fn a_shuffled_hub_runs_them_all() {
    let hub = Hub::builder()
        .virtual_time(true)
        .shuffle(true)
        .seed(3)
        .build()
        .unwrap();
    let sum = hub.run(async {
        let lanes = [Lane::Urgent, Lane::Normal, Lane::Background].into_iter();
        let tasks: Vec<_> = lanes
            .cycle()
            .take(30)
            .map(|lane| {
                spawn_in(lane, async {
                    yield_now().await;
                    1
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 30);
}
