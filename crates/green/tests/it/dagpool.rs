//! `DagPool`: green threads that depend on each other's results.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::rc::Rc;

use evlet_green::dagpool::{Collision, Failure, NotRunning, SpawnError};
use evlet_green::{DagPool, Event, PropagateError};
use evlet_hub::{Hub, sleep, spawn};
use futures::{FutureExt, StreamExt};

use crate::stage::{MS, SECOND, settle, virtually};
use crate::trace::Trace;

type Words = DagPool<&'static str, u32>;

fn set(keys: &str) -> BTreeSet<&str> {
    keys.split_whitespace().collect()
}

// conformance 86
#[test]
fn what_was_given_beforehand_is_there_without_waiting() {
    // Outside a hub: nothing of this waits.
    let pool = DagPool::preload([("a", 1), ("b", 2), ("a", 3)]);
    let all = pool.waitall().now_or_never().unwrap().unwrap();
    assert_eq!(all, BTreeMap::from([("a", 3), ("b", 2)]));
    assert_eq!(pool.value("b").now_or_never().unwrap().unwrap(), 2);
    assert_eq!(pool.keys(), ["a", "b"]);
    let empty = Words::new().waitall().now_or_never().unwrap().unwrap();
    assert!(empty.is_empty());
}

// conformance 87
#[test]
fn values_posted_in_rounds_come_in_rounds() {
    let trace = Trace::default();
    virtually(async {
        let pool = DagPool::preload([("a", 1), ("b", 2)]);
        let (own, seen) = (pool.clone(), trace.clone());
        let reader = spawn(async move {
            let mut results = own.wait_each(["f", "e", "d", "c", "b", "a"]);
            while let Some(result) = results.next().await {
                let (key, value) = result.unwrap();
                seen.add(format!("{key}{value}"));
            }
        });
        settle().await;
        assert_eq!(trace.text(), "a1 b2");
        pool.post("d", 4).unwrap();
        pool.post("c", 3).unwrap();
        settle().await;
        assert_eq!(trace.text(), "a1 b2 d4 c3");
        pool.post("e", 5).unwrap();
        pool.post("f", 6).unwrap();
        reader.await.unwrap();
        let mut nothing = pool.wait_each([]);
        assert!(nothing.next().await.is_none());
    });
    assert_eq!(trace.text(), "a1 b2 d4 c3 e5 f6");
}

// conformance 88
#[test]
fn a_key_in_use_is_refused() {
    virtually(async {
        let pool = DagPool::preload([("preloaded", 1)]);
        pool.post("posted", 2).unwrap();
        pool.spawn("spawned", [], async |_, _| Ok(3)).unwrap();
        let again = |key| pool.spawn(key, [], async |_, _| Ok(0)).unwrap_err();
        for key in ["preloaded", "posted"] {
            let collision = Collision::HasValue(key);
            assert_eq!(again(key), SpawnError::Collision(collision));
        }
        let running = Collision::Running("spawned");
        assert_eq!(again("spawned"), SpawnError::Collision(running.clone()));
        assert_eq!(pool.post("spawned", 0), Err(running.clone()));
        assert_eq!(pool.replace("spawned", 0), Err(running));
        assert_eq!(pool.post("posted", 0), Err(Collision::HasValue("posted")));
        settle().await;
        assert_eq!(
            again("spawned"),
            SpawnError::Collision(Collision::HasValue("spawned"))
        );
        pool.replace("posted", 7).unwrap();
        let all = pool.items().unwrap();
        assert_eq!(all.into_values().collect::<Vec<_>>(), [7, 1, 3]);
    });
}

// conformance 89
#[test]
fn who_waits_for_what_is_exact_at_each_step() {
    virtually(async {
        let pool = DagPool::preload([("a", 0), ("b", 0), ("c", 0)]);
        let events = ["d", "e", "f", "g"].map(|key| (key, Event::<u32>::new()));
        for (key, event) in &events {
            let event = event.clone();
            pool.spawn(*key, ["a", "b"], async move |_, inputs| {
                inputs.all().await?;
                Ok(event.wait().await)
            })
            .unwrap();
        }
        pool.spawn("h", ["c", "d", "e", "f", "g", "b"], async |_, inputs| {
            Ok(inputs.all().await?.into_values().sum())
        })
        .unwrap();
        assert_eq!(pool.waiting(), 1, "the others have all they need");
        settle().await;
        let mut left = set("d e f g");
        assert_eq!(pool.waiting_for(&"h"), Some(left.clone()));
        assert_eq!(pool.waiting_for(&"d"), Some(set("")), "it waits for no key");
        assert_eq!(pool.waiting_for(&"a"), Some(set("")));
        assert_eq!(pool.waiting_for(&"unknown"), None);
        assert_eq!(pool.all_waiting(), BTreeMap::from([("h", left.clone())]));
        assert_eq!((pool.running(), pool.waiting()), (5, 1));
        assert_eq!(pool.running_keys(), ["d", "e", "f", "g", "h"]);
        assert_eq!(pool.keys(), ["a", "b", "c"]);
        for (n, (key, event)) in (1..).zip(&events) {
            event.send(n).unwrap();
            settle().await;
            left.remove(key);
            assert_eq!(pool.waiting_for(&"h"), Some(left.clone()));
            let is_over = left.is_empty();
            assert_eq!(pool.running(), if is_over { 0 } else { left.len() + 1 });
            assert_eq!(pool.get(key).unwrap().unwrap(), n);
        }
        assert_eq!(pool.get(&"h").unwrap().unwrap(), 10);
        assert_eq!((pool.waiting(), pool.known_keys().len()), (0, 8));
    });
}

/// A job that takes as many milliseconds as its key is long, and traces when it begins and ends.
fn traced(trace: &Trace) -> impl AsyncFn(&'static str, u32) -> u32 + 'static {
    let trace = trace.clone();
    async move |key, inputs| {
        trace.add(format!("{key}<"));
        sleep(MS).await;
        trace.add(format!("{key}>"));
        inputs + 1
    }
}

// conformance 90
#[test]
fn in_a_diamond_what_is_depended_on_runs_first() {
    let trace = Trace::default();
    virtually(async {
        let pool = DagPool::new();
        let graph = [("d", "b c"), ("b", "a"), ("c", "a"), ("a", "")];
        let graph = graph.map(|(key, depends)| (key, set(depends)));
        let work = Rc::new(traced(&trace));
        pool.spawn_many(graph, move |key, inputs| {
            let work = Rc::clone(&work);
            async move { Ok(work(key, inputs.all().await?.into_values().sum()).await) }
        })
        .unwrap();
        assert_eq!(pool.running(), 4);
        let (own, seen) = (pool.clone(), trace.clone());
        let waiter = spawn(async move {
            let all = own.waitall().await.unwrap();
            seen.add("all");
            all
        });
        let all = waiter.await.unwrap();
        assert_eq!(
            all,
            BTreeMap::from([("a", 1), ("b", 2), ("c", 2), ("d", 5)])
        );
    });
    assert_eq!(trace.text(), "a< a> b< c< b> c> d< d> all");
}

// conformance 91
#[test]
fn in_a_chain_each_is_seen_as_soon_as_it_is_there() {
    let trace = Trace::default();
    virtually(async {
        let pool = DagPool::preload([(0, 0)]);
        pool.spawn_many((1..=4).map(|n| (n, [n - 1])), async |_, inputs| {
            let sum: u32 = inputs.all().await?.into_values().sum();
            sleep(SECOND).await;
            Ok(sum + 10)
        })
        .unwrap();
        let mut results = pool.wait_each(pool.known_keys());
        while let Some(result) = results.next().await {
            let (key, value) = result.unwrap();
            trace.add(format!("{key}:{value}+{}", pool.running()));
        }
    });
    assert_eq!(trace.text(), "0:0+4 1:10+3 2:20+2 3:30+1 4:40+0");
}

// conformance 92
#[test]
fn an_unstarted_job_can_be_killed_and_its_key_used_again() {
    virtually(async {
        let pool = DagPool::preload([("a", 1)]);
        pool.spawn("b", [], async |_, _| panic!("it never runs"))
            .unwrap();
        pool.spawn("c", ["b"], async |_, inputs| {
            Ok(inputs.all().await?["b"] + 1)
        })
        .unwrap();
        pool.kill(&"b").unwrap();
        assert_eq!(pool.kill(&"b"), Err(NotRunning("b")));
        assert_eq!(pool.kill(&"a"), Err(NotRunning("a")));
        assert_eq!(pool.waiting_for(&"b"), None);
        settle().await;
        assert_eq!(pool.running_keys(), ["c"], "and goes on waiting for b");
        pool.spawn("b", ["a"], async |_, inputs| {
            Ok(inputs.all().await?["a"] + 1)
        })
        .unwrap();
        assert_eq!(pool.value("c").await.unwrap(), 3);
        for unknown_or_finished in ["z", "b", "c"] {
            let refused = pool.kill(&unknown_or_finished);
            assert_eq!(refused, Err(NotRunning(unknown_or_finished)));
        }
        assert_eq!(pool.value("b").await.unwrap(), 2);
    });
}

// conformance 93; defect D7 is not repeated
#[test]
fn a_running_job_keeps_others_from_posting_until_it_is_killed() {
    virtually(async {
        let pool = Words::new();
        let never = Event::<u32>::new();
        let event = never.clone();
        pool.spawn("a", [], async move |_, _| Ok(event.wait().await))
            .unwrap();
        settle().await;
        assert_eq!(pool.post("a", 1), Err(Collision::Running("a")));
        pool.kill(&"a").unwrap();
        assert_eq!((pool.running(), never.waiting()), (0, 1));
        pool.post("a", 2).unwrap();
        settle().await;
        assert_eq!((pool.get(&"a").unwrap().unwrap(), never.waiting()), (2, 0));
    });
}

#[test]
fn a_job_may_post_its_own_value_early_and_then_go_on() {
    virtually(async {
        let pool = Words::new();
        let own = pool.clone();
        pool.spawn("a", [], async move |key, _| {
            own.post(key, 1)?;
            assert_eq!(own.post(key, 2), Err(Collision::HasValue("a")));
            own.replace(key, 3)?;
            sleep(SECOND).await;
            Err("this is not looked at".into())
        })
        .unwrap();
        assert_eq!(pool.value("a").await.unwrap(), 3);
        assert_eq!(pool.running(), 1);
        sleep(2 * SECOND).await;
        assert_eq!((pool.running(), pool.get(&"a").unwrap().unwrap()), (0, 3));
    });
}

// conformance 94
#[test]
fn a_failure_reaches_who_depends_on_it_with_the_way_it_came() {
    virtually(async {
        let pool = Words::new();
        let pass_on = async |_, inputs: evlet_green::dagpool::Results<_, _>| {
            Ok(inputs.all().await?.into_values().sum())
        };
        pool.spawn("c", ["b"], pass_on).unwrap();
        pool.spawn("b", ["a"], pass_on).unwrap();
        pool.spawn("a", [], async |_, _| Err(Failure::from("no power")))
            .unwrap();
        let error = pool.value("c").await.unwrap_err();
        assert_eq!((error.key(), error.path()), (&"c", vec![&"c", &"b", &"a"]));
        let sources: Vec<String> =
            std::iter::successors(Some(&error as &(dyn Error + 'static)), |error| {
                (*error).source()
            })
            .map(ToString::to_string)
            .collect();
        assert_eq!(sources.len(), 4);
        assert_eq!(sources[3], "no power");
        assert_eq!(error.root().to_string(), "no power");
        assert!(error.cause().is::<PropagateError<&str>>());
        assert!(format!("{error:?}").contains("no power"));
        assert_eq!(
            pool.waitall().await.unwrap_err().root().to_string(),
            "no power"
        );
    });
}

// conformance 95
#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn a_failure_may_come_from_as_far_as_there_are_keys() {
    virtually(async {
        let last = 100_000;
        let pool = DagPool::<u32, u32>::new();
        pool.spawn(0, [], async |_, _| Err("no power".into()))
            .unwrap();
        for n in 1..=last {
            pool.spawn(n, [n - 1], async |_, inputs| {
                Ok(inputs.all().await?.into_values().sum())
            })
            .unwrap();
        }
        let error = pool.value(last).await.unwrap_err();
        assert_eq!(error.path().len(), last as usize + 1);
        assert_eq!(error.root().to_string(), "no power");
        assert!(error.to_string().ends_with(r#"no value for 0: no power"#));
        assert!(format!("{error:?}").ends_with(r#"root: "no power" }"#));
        let sources = std::iter::successors(error.source(), |&error| error.source());
        assert_eq!(sources.count(), last as usize + 1);
        drop(pool);
        drop(error); // the whole chain goes with the last handle
    });
}

#[test]
fn an_error_as_a_value_is_a_value_and_a_failure_is_a_failure() {
    virtually(async {
        type Text = Result<u32, &'static str>;
        let pool = DagPool::<&str, Text>::preload([("fine", Ok(1))]);
        pool.post("value", Err("as a value")).unwrap();
        assert_eq!(pool.items().unwrap().len(), 2);
        pool.post_failure("failure", "to propagate").unwrap();
        assert_eq!(pool.get(&"value").unwrap().unwrap(), Err("as a value"));
        assert!(pool.get(&"failure").unwrap().is_err());
        assert!(pool.items().is_err() && pool.waitall().await.is_err());
        assert!(pool.wait(["fine", "value"]).await.is_ok());
        assert!(pool.wait(["fine", "failure"]).await.is_err());
        let successes = pool.wait_each_success(pool.known_keys());
        let successes: Vec<_> = successes.collect().await;
        assert_eq!(successes, [("fine", Ok(1)), ("value", Err("as a value"))]);
        let mut failures = pool.wait_each_exception(pool.known_keys());
        let failure = failures.next().await.unwrap();
        assert_eq!(
            failure.to_string(),
            r#"no value for "failure": to propagate"#
        );
        assert!(failures.next().await.is_none());
    });
}

#[test]
fn waiting_for_all_ends_with_the_first_failure() {
    virtually(async {
        let pool = Words::new();
        let own = pool.clone();
        let waiter = spawn(async move { own.wait(["never", "failing"]).await });
        settle().await;
        pool.post_failure("failing", "no power").unwrap();
        assert_eq!(waiter.await.unwrap().unwrap_err().key(), &"failing");
    });
}

// proves A-4 for these jobs; defect D7 is not repeated
#[test]
fn a_job_that_panics_has_failed() {
    virtually(async {
        let pool = Words::new();
        pool.spawn("b", ["a"], async |_, inputs| Ok(inputs.all().await?["a"]))
            .unwrap();
        pool.spawn("a", [], async |_, _| panic!("no paper"))
            .unwrap();
        let error = pool.value("b").await.unwrap_err();
        assert!(
            error.to_string().ends_with("the job panicked: no paper"),
            "{error}"
        );
        assert_eq!((error.path().len(), pool.running()), (2, 0));
    });
}

#[test]
fn a_job_whose_hub_is_gone_has_failed() {
    let pool = Words::new();
    let hub = Hub::new().unwrap();
    hub.run(async {
        pool.spawn("a", [], async |_, _| std::future::pending().await)
            .unwrap();
        settle().await;
    });
    drop(hub);
    let error = pool.get(&"a").unwrap().unwrap_err();
    assert!(error.to_string().contains("hub"), "{error}");
    assert_eq!(pool.running(), 0);
}

#[test]
fn all_are_spawned_or_none() {
    virtually(async {
        let pool = DagPool::preload([(9, 0)]);
        let job = async |_, _| Ok(1);
        let graph = [(1, vec![]), (2, vec![1]), (9, vec![2])];
        let refused = pool.spawn_many(graph, job).unwrap_err();
        assert_eq!(refused, SpawnError::Collision(Collision::HasValue(9)));
        let refused = pool.spawn_many([(1, [3]), (1, [4])], job).unwrap_err();
        assert_eq!(refused, SpawnError::Collision(Collision::Running(1)));
        assert_eq!((pool.running(), pool.waiting()), (0, 0));
        pool.spawn_many([(1, [9]), (2, [1])], job).unwrap();
        assert_eq!(pool.waitall().await.unwrap().len(), 3);
    });
}

#[test]
fn jobs_go_on_when_nobody_holds_the_pool() {
    virtually(async {
        let seen = Event::new();
        let pool = DagPool::new();
        let own = seen.clone();
        pool.spawn("b", ["a"], async move |_, inputs| {
            own.send(inputs.all().await?["a"]).map_err(|_| "sent")?;
            Ok(0)
        })
        .unwrap();
        pool.spawn("a", [], async |_, _| Ok((sleep(SECOND).await, 7).1))
            .unwrap();
        drop(pool);
        assert_eq!(seen.wait().await, 7);
        settle().await;
    });
}

#[test]
#[should_panic(expected = "inside `evlet::run`")]
fn a_job_needs_a_hub() {
    let pool = Words::new();
    let _ = pool.spawn("a", [], async |_, _| Ok(1));
}
