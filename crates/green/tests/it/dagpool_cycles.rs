//! Jobs of a `DagPool` that would wait for each other in a ring are told so.

use evlet_green::dagpool::{Cycle, SpawnError};
use evlet_green::{DagPool, with_timeout};
use evlet_hub::sleep;

use crate::stage::{SECOND, settle, virtually};

type Words = DagPool<&'static str, u32>;

fn depend(
    pool: &Words,
    key: &'static str,
    on: &'static str,
) -> Result<(), SpawnError<&'static str>> {
    pool.spawn(key, on.split_whitespace(), async |_, inputs| {
        Ok(inputs.all().await?.into_values().sum())
    })
}

#[track_caller]
fn assert_cycle(result: Result<(), SpawnError<&'static str>>, path: &[&str]) {
    match result {
        Err(SpawnError::Cycle(cycle)) => assert_eq!(cycle.path(), path),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_that_closes_a_ring_is_not_spawned() {
    virtually(async {
        let pool = Words::new();
        assert_cycle(depend(&pool, "a", "a"), &["a", "a"]);
        depend(&pool, "a", "x b").unwrap();
        depend(&pool, "b", "y c").unwrap();
        assert_cycle(depend(&pool, "c", "z a"), &["c", "a", "b", "c"]);
        assert_eq!(pool.running_keys(), ["a", "b"], "nothing has changed");
        assert_eq!(pool.waiting_for(&"c"), None);
        // Another way of getting c is open.
        for key in ["x", "y", "c"] {
            pool.post(key, 1).unwrap();
        }
        assert_eq!(pool.value("a").await.unwrap(), 3);
    });
}

#[test]
fn a_ring_in_a_whole_graph_is_refused_as_a_whole() {
    virtually(async {
        let pool = DagPool::<u32, ()>::new();
        let graph = [(1, vec![2]), (2, vec![3, 4]), (4, vec![1])];
        let refused = pool.spawn_many(graph, async |_, _| Ok(())).unwrap_err();
        assert!(matches!(refused, SpawnError::Cycle(_)));
        assert_eq!(
            refused.to_string(),
            "not spawned: a cycle, in which all would wait for ever: 4 waits for 1, \
             which waits for 2, which waits for 4"
        );
        assert_eq!((pool.running(), pool.waiting()), (0, 0));
    });
}

#[test]
fn what_has_a_value_closes_no_ring() {
    virtually(async {
        let pool = DagPool::preload([("a", 1)]);
        depend(&pool, "b", "a").unwrap();
        depend(&pool, "c", "b a").unwrap();
        let (one, own) = (pool.clone(), pool.clone());
        // It posts early, so d may depend on it though it waits for d.
        pool.spawn("early", [], async move |key, _| {
            one.post(key, 5)?;
            Ok(own.value("d").await?)
        })
        .unwrap();
        depend(&pool, "d", "early c").unwrap();
        assert_eq!(pool.value("d").await.unwrap(), 7);
        settle().await;
        assert_eq!(pool.running(), 0);
    });
}

// Waiting on oneself.
#[test]
fn a_job_that_waits_for_its_own_key_is_told() {
    virtually(async {
        let pool = Words::new();
        let own = pool.clone();
        pool.spawn("a", [], async move |key, _| Ok(own.value(key).await?))
            .unwrap();
        let error = pool.value("a").await.unwrap_err();
        let cycle = error.root().downcast_ref::<Cycle<&str>>().unwrap();
        assert_eq!(cycle.path(), ["a", "a"]);
    });
}

#[test]
fn a_ring_of_waits_that_were_not_declared_is_found_too() {
    virtually(async {
        let pool = Words::new();
        for (key, other) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let own = pool.clone();
            pool.spawn(key, [], async move |_, _| {
                let wanted = own.wait([other, "late"]).await?;
                Ok(wanted[other])
            })
            .unwrap();
        }
        let error = pool.value("b").await.unwrap_err();
        let cycle = error.root().downcast_ref::<Cycle<&str>>().unwrap();
        assert_eq!(cycle.path(), ["c", "a", "b", "c"]);
        assert_eq!(error.path(), [&"b", &"c", &"a"]);
    });
}

#[test]
fn a_job_that_somebody_waits_for_by_another_name_cannot_close_the_ring() {
    virtually(async {
        let pool = Words::new();
        let own = pool.clone();
        pool.spawn("a", [], async move |_, _| Ok(own.value("b").await?))
            .unwrap();
        settle().await;
        assert_cycle(depend(&pool, "b", "a"), &["b", "a", "b"]);
        pool.post("b", 3).unwrap();
        assert_eq!(pool.value("a").await.unwrap(), 3);
    });
}

#[test]
fn a_wait_that_another_key_can_end_is_no_ring() {
    virtually(async {
        let pool = Words::new();
        depend(&pool, "b", "a").unwrap();
        let own = pool.clone();
        pool.spawn("a", [], async move |key, _| {
            let mut each = own.wait_each(["b", "late"]);
            let (first, value) = each.next().await.ok_or("nothing")??;
            assert_eq!((first, value), ("late", 4));
            // Only b is left now, which waits for this.
            let second = each.next().await.ok_or("nothing")?;
            assert!(second.is_err() && each.next().await.is_none());
            own.post(key, value)?;
            Ok(0)
        })
        .unwrap();
        settle().await;
        pool.post("late", 4).unwrap();
        assert_eq!(pool.value("b").await.unwrap(), 4);
    });
}

#[test]
fn a_wait_that_was_given_up_is_no_edge() {
    virtually(async {
        let pool = Words::new();
        let own = pool.clone();
        pool.spawn("a", [], async move |_, _| {
            assert!(with_timeout(SECOND, own.value("b")).await.is_err());
            sleep(SECOND).await;
            Ok(1)
        })
        .unwrap();
        sleep(SECOND + SECOND / 2).await;
        depend(&pool, "b", "a").unwrap();
        assert_eq!(pool.value("b").await.unwrap(), 1);
    });
}

// A long chain, spawned from its end: each new job is one that others wait for.
#[test]
fn a_long_chain_is_searched_without_recursion() {
    virtually(async {
        let pool = DagPool::<u32, u32>::new();
        let last = if cfg!(miri) { 50 } else { 2000 };
        for n in (1..=last).rev() {
            pool.spawn(n, [n - 1], async |_, inputs| {
                Ok(inputs.all().await?.into_values().sum::<u32>() + 1)
            })
            .unwrap();
        }
        let refused = pool.spawn(0, [last], async |_, _| Ok(0)).unwrap_err();
        let SpawnError::Cycle(cycle) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(cycle.path().len(), last as usize + 2);
        pool.post(0, 0).unwrap();
        assert_eq!(pool.value(last).await.unwrap(), last);
    });
}
