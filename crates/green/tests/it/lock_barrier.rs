//! `Barrier`: nobody goes on before all are there.

use std::rc::Rc;

use evlet_green::Barrier;
use evlet_hub::{sleep, spawn, yield_now};

use crate::stage::{MS, settle, virtually};
use crate::trace::Trace;

#[test]
fn all_go_on_together_and_the_last_one_leads() {
    let trace = Trace::default();
    virtually(async {
        let barrier = Rc::new(Barrier::new(3));
        let all = [3, 1, 2].map(|n| {
            let (barrier, trace) = (barrier.clone(), trace.clone());
            spawn(async move {
                sleep(MS * n).await;
                trace.add(format!("{n} is here"));
                let result = barrier.wait().await;
                let led = if result.is_leader() { " and led" } else { "" };
                trace.add(format!("{n} goes on{led}"));
            })
        });
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(barrier.waiting(), 0);
    });
    let expected = [
        "1 is here",
        "2 is here",
        "3 is here",
        "3 goes on and led",
        "1 goes on",
        "2 goes on",
    ];
    assert_eq!(trace.text(), expected.join(" "));
}

// A group that has been let go and has not run yet does not count for the next one.
#[test]
fn it_is_used_again_and_again() {
    virtually(async {
        let barrier = Rc::new(Barrier::new(2));
        let rounds: Vec<_> = (0..2)
            .map(|_| {
                let barrier = barrier.clone();
                spawn(async move {
                    let mut led = 0;
                    for _ in 0..10 {
                        led += u32::from(barrier.wait().await.is_leader());
                    }
                    led
                })
            })
            .collect();
        let mut led = 0;
        for round in rounds {
            led += round.await.unwrap();
        }
        assert_eq!(led, 10, "one leader for each round");
    });
}

#[test]
fn one_that_gives_up_is_not_counted() {
    virtually(async {
        let barrier = Rc::new(Barrier::new(2));
        let own = barrier.clone();
        let doomed = spawn(async move { own.wait().await.is_leader() });
        yield_now().await;
        assert_eq!(barrier.waiting(), 1);
        doomed.kill().await;
        let own = barrier.clone();
        let other = spawn(async move { own.wait().await.is_leader() });
        settle().await;
        assert!(!other.is_finished(), "it needs another one still");
        assert!(barrier.wait().await.is_leader());
        assert!(!other.await.unwrap());
    });
}

#[test]
fn of_size_zero_or_one_nobody_waits() {
    virtually(async {
        for size in [0, 1] {
            let barrier = Barrier::new(size);
            assert!(barrier.wait().await.is_leader());
            assert!(barrier.wait().await.is_leader());
        }
    });
}
