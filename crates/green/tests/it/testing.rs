//! `testing::cancel_at_every_await`: what it tries, what it tells, and when it refuses.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use evlet_green::testing::{Attempt, Moment, cancel_at_every_await, cancel_at_every_await_in};
use evlet_green::{Event, LightQueue};
use evlet_hub::{Exit, WaitKind, now, sleep, spawn_n, stats, yield_now};

use crate::stage::{SECOND, virtually};
use crate::trace::Trace;

/// What somebody panics with.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    Exit::Panicked(payload).panic_message().unwrap()
}

#[test]
fn every_await_is_tried_at_both_moments_and_none_before_the_first_poll() {
    let seen = RefCell::new(Vec::new());
    let awaits = cancel_at_every_await(
        async || {
            yield_now().await;
            sleep(SECOND).await;
            "done"
        },
        async |attempt| {
            let line = attempt.place.and_then(|place| Some(place.at?.line()));
            let Attempt {
                output,
                polls,
                moment,
                ..
            } = attempt;
            seen.borrow_mut().push((polls, moment, output, line));
        },
    )
    .run();
    let kinds: Vec<_> = awaits.iter().map(|place| place.on.kind).collect();
    assert_eq!(kinds, [WaitKind::Turn, WaitKind::Timer]);
    let lines: Vec<_> = awaits
        .iter()
        .map(|place| place.at.unwrap().line())
        .collect();
    assert_eq!(lines[1], lines[0] + 1);
    let [first, second] = [Some(lines[0]), Some(lines[1])];
    assert_eq!(
        seen.into_inner(),
        [
            (0, Moment::AtOnce, None, None),
            (1, Moment::AtOnce, None, first),
            (1, Moment::WhenWoken, None, first),
            (2, Moment::AtOnce, None, second),
            (2, Moment::WhenWoken, None, second),
            (3, Moment::AtOnce, Some("done"), None),
        ]
    );
}

#[test]
fn at_once_is_before_the_event_and_when_woken_is_in_its_turn() {
    let start = Cell::new(None);
    let at = RefCell::new(Vec::new());
    cancel_at_every_await(
        || {
            start.set(Some(now()));
            sleep(SECOND)
        },
        async |attempt| {
            let passed = now() - start.get().unwrap();
            at.borrow_mut().push((attempt.moment, passed));
        },
    )
    .run();
    let (early, late) = (Moment::AtOnce, Moment::WhenWoken);
    let expected = [
        (early, Duration::ZERO),
        (early, Duration::ZERO),
        (late, SECOND),
        (early, SECOND),
    ];
    assert_eq!(at.into_inner(), expected);
}

#[test]
fn the_future_is_gone_when_the_check_runs() {
    let trace = Trace::default();
    cancel_at_every_await(
        || {
            let mark = trace.on_drop("dropped");
            async move {
                sleep(SECOND).await;
                drop(mark);
            }
        },
        async |_| {
            trace.add("checked");
            assert_eq!(stats().timers, 0, "nor is there a timer of ours");
        },
    )
    .run();
    assert_eq!(trace.text(), ["dropped checked"; 4].join(" "));
}

#[test]
fn a_failed_check_names_the_await() {
    let message = panic_of(|| {
        let balance = Cell::new(0);
        cancel_at_every_await(
            async || {
                sleep(SECOND).await;
                balance.set(balance.get() + 1);
                sleep(SECOND).await;
                balance.set(balance.get() - 1);
            },
            async |_| assert_eq!(balance.get(), 0, "the books do not balance"),
        )
        .run();
    });
    let line = line!() - 7; // of the second sleep
    assert!(
        message.contains("the check failed after the future had been dropped right after poll 2"),
        "{message}"
    );
    let place = format!("while it waited at {}:{line}:", file!());
    assert!(message.contains(&place), "{message}");
    assert!(message.contains("the books do not balance"), "{message}");
    assert!(message.contains("called at"), "{message}");
}

#[test]
fn a_future_that_panics_says_when() {
    let message = panic_of(|| {
        cancel_at_every_await(async || panic!("out of paper"), async |_| {}).run();
    });
    assert!(message.contains("the future panicked"), "{message}");
    assert!(message.contains("out of paper"), "{message}");
}

#[test]
fn a_future_that_is_never_done_is_refused_after_so_many_polls() {
    let message = panic_of(|| {
        let endless = async || {
            loop {
                yield_now().await;
            }
        };
        cancel_at_every_await(endless, async |_: Attempt<()>| {})
            .at_most(7)
            .run();
    });
    assert!(message.contains("not done after 7 polls"), "{message}");
    assert!(message.contains("at_most"), "{message}");
}

#[test]
fn as_many_polls_as_are_allowed_are_enough() {
    let three = async || {
        yield_now().await;
        yield_now().await;
    };
    let awaits = cancel_at_every_await(three, async |_| {}).at_most(3).run();
    assert_eq!(awaits.len(), 2);
}

#[test]
fn a_future_that_waits_for_what_never_comes_is_refused_with_its_await() {
    for others_live in [false, true] {
        let event = Event::<()>::new();
        let message = panic_of(|| {
            cancel_at_every_await(
                || {
                    if others_live {
                        spawn_n(async {
                            loop {
                                sleep(SECOND).await;
                            }
                        });
                    }
                    event.wait()
                },
                async |_| {},
            )
            .patience(60 * SECOND)
            .run();
        });
        assert!(message.contains("not done within 60s"), "{message}");
        assert!(message.contains("for event"), "{message}");
        assert!(message.contains(file!()), "{message}");
    }
}

#[test]
fn it_plays_among_the_green_threads_of_the_hub_that_runs() {
    virtually(async {
        let queue = LightQueue::rendezvous();
        let feeding = queue.clone();
        let feeder = evlet_hub::spawn(async move {
            for n in 0_u32.. {
                feeding.put(n).await;
            }
        });
        let taken = Cell::new(0);
        let awaits = cancel_at_every_await(
            async || {
                let pair = (queue.get().await, queue.get().await);
                taken.set(taken.get() + 2);
                pair
            },
            async |attempt| {
                if let Some((one, other)) = attempt.output {
                    assert_eq!(other, one + 1);
                }
            },
        )
        .await;
        assert!(taken.get() == 2 && !awaits.is_empty());
        feeder.kill().await;
    });
}

#[test]
fn each_attempt_has_a_world_of_its_own_that_lives_until_its_check_is_over() {
    let trace = Trace::default();
    let awaits = cancel_at_every_await_in(
        async || {
            yield_now().await;
            (Cell::new(0), trace.on_drop("gone"))
        },
        async |(count, _)| {
            count.set(count.get() + 1);
            yield_now().await;
            count.set(count.get() + 1);
        },
        async |(count, _), attempt| {
            yield_now().await;
            assert_eq!(count.get(), attempt.polls);
            trace.add(count.get());
        },
    )
    .run();
    assert_eq!(awaits.len(), 1);
    assert_eq!(trace.text(), "0 gone 1 gone 1 gone 2 gone");
}

#[test]
fn an_attempt_tells_its_story() {
    let stories = RefCell::new(Vec::new());
    cancel_at_every_await(yield_now, async |attempt| {
        stories.borrow_mut().push(attempt.to_string());
    })
    .run();
    let stories = stories.into_inner();
    assert_eq!(stories[0], "dropped before its first poll");
    let waited = "while it waited at ";
    assert!(stories[1].starts_with(&format!("dropped right after poll 1, {waited}")));
    assert!(stories[1].ends_with(" for its turn"));
    assert!(stories[2].starts_with(&format!("dropped when it was woken after poll 1, {waited}")));
    assert_eq!(stories[3], "done in poll 2");
}

#[test]
fn what_other_libraries_wait_for_has_no_place_and_is_tried_all_the_same() {
    let awaits = cancel_at_every_await(
        async || {
            let (tell, told) = futures::channel::oneshot::channel();
            spawn_n(async move { tell.send(5).unwrap_or(()) });
            told.await
        },
        async |attempt| assert!(matches!(attempt.output, None | Some(Ok(5)))),
    )
    .run();
    let [place] = awaits[..] else {
        panic!("{awaits:?}")
    };
    assert_eq!((place.at, place.on.kind), (None, WaitKind::Unknown));
}

// Its own cancel safety.
#[test]
fn given_up_itself_it_drops_what_it_tries() {
    let trace = Trace::default();
    virtually(async {
        let mark = trace.on_drop("dropped");
        let mark = Cell::new(Some(mark));
        let trial = cancel_at_every_await(
            || {
                let mark = mark.take();
                async move {
                    sleep(SECOND).await;
                    drop(mark);
                }
            },
            async |_| sleep(SECOND).await,
        );
        let limited = evlet_hub::timeout(SECOND / 2, trial.into_future());
        assert!(limited.await.is_err());
        assert_eq!(stats().timers, 0);
    });
    assert_eq!(trace.text(), "dropped");
}
