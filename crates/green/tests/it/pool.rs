//! `GreenPool`: eventlet's cases, and what ours add to them.
//!
//! One file with all of the reference's cases for the pool, in their order, so that each is found by
//! its number; that takes it over 450 lines.

use std::cell::RefCell;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;

use evlet_green::{Event, GreenPool, LightQueue, PoolFull, Semaphore, with_timeout};
use evlet_hub::{Exit, green_threads, now, sleep, spawn, spawn_n, yield_now};
use futures::poll;

use crate::stage::{MS, SECOND, builder, reports_of, settle, virtually};
use crate::trace::Trace;

/// A pool, and as many of its members as are asked for, which run until the event is sent.
async fn busy(size: usize, members: usize) -> (GreenPool, Event<()>) {
    let (pool, end) = (GreenPool::new(size), Event::new());
    for _ in 0..members {
        let end = end.clone();
        pool.spawn_n(async move { end.wait().await }).await;
    }
    (pool, end)
}

// conformance 58
#[test]
fn results_come_back_from_more_jobs_than_places() {
    virtually(async {
        let pool = GreenPool::new(4);
        let mut waiting = Vec::new();
        for n in 0..10 {
            waiting.push(pool.spawn(async move { n }).await);
        }
        for (n, thread) in waiting.into_iter().enumerate() {
            assert_eq!(thread.await.unwrap(), n);
        }
    });
}

// conformance 59
#[test]
fn those_who_wait_and_those_who_run_are_counted() {
    virtually(async {
        let pool = GreenPool::new(1);
        let done = Event::new();
        let spawner = || {
            let (pool, done) = (pool.clone(), done.clone());
            spawn(async move { pool.spawn_n(async move { done.wait().await }).await })
        };
        assert_eq!((pool.running(), pool.waiting()), (0, 0));
        let mut spawners = Vec::new();
        for waiting in 0..3 {
            spawners.push(spawner());
            yield_now().await;
            assert_eq!((pool.running(), pool.waiting()), (1, waiting));
        }
        done.send(()).unwrap();
        for spawner in spawners {
            spawner.await.unwrap();
        }
        pool.waitall().await;
        assert_eq!((pool.running(), pool.waiting(), pool.free()), (0, 0, 1));
    });
}

// conformance 60
#[test]
fn members_run_in_the_order_of_spawning() {
    let trace = Trace::default();
    virtually(async {
        let (pool, event) = (GreenPool::new(2), Event::new());
        let (wait, words) = (event.clone(), trace.clone());
        let consumer = pool.spawn(async move {
            words.add("cons1");
            wait.wait().await;
            words.add("cons2");
        });
        let consumer = consumer.await;
        let words = trace.clone();
        pool.spawn_n(async move {
            words.add("prod");
            event.send(()).unwrap();
        })
        .await;
        consumer.await.unwrap();
    });
    assert_eq!(trace.text(), "cons1 prod cons2");
}

// conformance 61
#[test]
fn a_member_that_spawns_into_its_full_pool_runs_the_job_itself() {
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let outer = pool.spawn(async move {
            let inner = own.spawn(async {
                sleep(SECOND).await;
                "inner"
            });
            let inner = inner.await;
            assert!(inner.is_finished(), "it was run inline");
            assert_eq!(own.running(), 1, "without a place of its own");
            own.spawn_n(async { yield_now().await }).await;
            inner.await.unwrap()
        });
        let start = now();
        assert_eq!(outer.await.await.unwrap(), "inner");
        assert_eq!(now() - start, SECOND);
        pool.waitall().await;
        assert_eq!(pool.free(), 1);
    });
}

#[test]
fn a_job_run_inline_ends_where_it_is_when_its_spawn_is_given_up() {
    virtually(async {
        let (pool, trace) = (GreenPool::new(1), Trace::default());
        let (own, words) = (pool.clone(), trace.clone());
        let outer = pool.spawn(async move {
            let mark = words.on_drop("dropped");
            let inner = own.spawn(async move {
                let _mark = mark;
                words.add("begun");
                sleep(10 * SECOND).await;
                words.add("ended");
            });
            assert!(with_timeout(SECOND, inner).await.is_err());
            own.running()
        });
        assert_eq!(outer.await.await.unwrap(), 1);
        assert_eq!((trace.text().as_str(), pool.free()), ("begun dropped", 1));
    });
}

#[test]
fn a_panic_of_a_job_run_inline_comes_out_of_spawn() {
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let outer = pool.spawn(async move {
            drop(own.spawn(async { panic!("inline") }).await);
        });
        let exit = outer.await.await.unwrap_err();
        assert_eq!(exit.panic_message().as_deref(), Some("inline"));
        assert_eq!(pool.running(), 0);
    });
}

#[test]
fn a_panic_of_a_job_run_inline_by_spawn_n_is_reported() {
    let reports = reports_of(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let outer = pool.spawn(async move {
            own.spawn_n(async { panic!("nobody cares") }).await;
            "goes on"
        });
        assert_eq!(outer.await.await.unwrap(), "goes on");
    });
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("nobody cares"), "{reports:?}");
    assert!(reports[0].contains(file!()), "{reports:?}");
}

#[test]
fn one_that_a_member_started_elsewhere_is_no_member() {
    virtually(async {
        let pool = GreenPool::new(1);
        let own = pool.clone();
        let outer = pool.spawn(async move {
            let child = spawn(async move { own.spawn(async { "child's" }).await.await.unwrap() });
            yield_now().await;
            assert!(!child.is_finished(), "it waits for a place");
            Some(child)
        });
        let child = outer.await.await.unwrap().unwrap();
        assert_eq!(child.await.unwrap(), "child's");
    });
}

// conformance 62
#[test]
fn a_smaller_pool_lets_its_members_end() {
    virtually(async {
        let (pool, end) = busy(2, 1).await;
        let first = pool.spawn(an_eternity()).await;
        assert_eq!(pool.free(), 0);
        pool.resize(1);
        assert_eq!((pool.free(), pool.size(), pool.is_full()), (-1, 1, true));
        first.kill().await;
        assert_eq!((pool.free(), pool.is_full()), (0, true), "one too many");
        assert!(pool.try_spawn(async {}).is_err());
        end.send(()).unwrap();
        pool.waitall().await;
        assert_eq!(pool.free(), 1);
        pool.resize(2);
        assert_eq!(pool.free(), 2);
    });
}

// Defect D6 of eventlet: growing wakes those who wait.
#[test]
fn a_larger_pool_wakes_blocked_spawners_at_once() {
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        let spawners = [(); 3].map(|()| {
            let (pool, end) = (pool.clone(), end.clone());
            spawn(async move { pool.spawn_n(async move { end.wait().await }).await })
        });
        yield_now().await;
        assert_eq!((pool.running(), pool.waiting()), (1, 3));
        pool.resize(3);
        yield_now().await;
        assert_eq!((pool.running(), pool.waiting()), (3, 1));
        end.send(()).unwrap();
        for spawner in spawners {
            spawner.await.unwrap();
        }
        pool.waitall().await;
    });
}

// conformance 63
#[test]
fn a_wait_that_times_out_inside_a_job_costs_no_place() {
    virtually(async {
        let (pool, tokens) = (GreenPool::new(1), Semaphore::new(1));
        let empty = LightQueue::<u8>::unbounded();
        for _ in 0..3 {
            let (tokens, empty) = (tokens.clone(), empty.clone());
            let job = pool.spawn(async move {
                let _token = tokens.acquire().await;
                with_timeout(MS, empty.get()).await.is_err()
            });
            assert!(job.await.await.unwrap());
        }
        assert_eq!(
            (pool.free(), tokens.available(), empty.getting()),
            (1, 1, 0)
        );

        // The token itself did not come in time: it is neither lost nor given twice.
        let token = tokens.acquire().await;
        let own = tokens.clone();
        let job = pool.spawn(async move { with_timeout(MS, own.acquire()).await.is_err() });
        assert!(job.await.await.unwrap());
        drop(token);
        assert_eq!((pool.free(), tokens.available()), (1, 1));
        let own = tokens.clone();
        let job = pool.spawn(async move { own.try_acquire().is_some() });
        assert!(job.await.await.unwrap());
        assert_eq!((pool.free(), tokens.available()), (1, 1));
    });
}

// conformance 64
#[test]
fn spawn_yields_only_when_the_pool_is_exhausted() {
    let trace = Trace::default();
    virtually(async {
        let pool = GreenPool::new(2);
        for n in 0..4 {
            let job = trace.clone();
            pool.spawn_n(async move { job.add(n) }).await;
            trace.add(format!("s{n}"));
        }
        pool.waitall().await;
    });
    assert_eq!(trace.text(), "s0 s1 0 1 s2 s3 2 3");
}

// conformance 65; proves D-7
#[test]
fn every_way_to_end_gives_the_place_back() {
    let reports = reports_of(async {
        let pool = GreenPool::new(2);
        for _ in 0..5 {
            let failing = pool.spawn(async { panic!("one") }).await;
            let killed = pool.spawn(an_eternity()).await;
            yield_now().await;
            killed.kill();
            assert!(matches!(failing.await, Err(Exit::Panicked(_))));
            assert!(matches!(killed.await, Err(Exit::Killed)));
            assert_eq!(pool.free(), 2, "back before any waiter goes on");
        }
        let unstarted = pool.spawn(an_eternity()).await;
        unstarted.kill().await;
        assert_eq!(pool.free(), 2, "killed before it started");
        pool.spawn_n(async { panic!("nobody waits") }).await;
        pool.waitall().await;
        assert_eq!(pool.free(), 2);
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
}

async fn an_eternity() {
    std::future::pending().await
}

#[test]
fn a_member_dropped_with_its_hub_gives_the_place_back() {
    let hub = builder().build().unwrap();
    let pool = hub.run(async { busy(3, 3).await.0 });
    assert_eq!(pool.running(), 3);
    drop(hub);
    assert_eq!((pool.running(), pool.free()), (0, 3));
}

#[test]
fn the_job_is_dropped_before_its_place_is_given_back() {
    virtually(async {
        let pool = GreenPool::new(1);
        let (own, seen) = (pool.clone(), Rc::new(RefCell::new(None)));
        let (free, place) = (seen.clone(), own.clone());
        let guard = crate::trace::OnDrop::new(move || *free.borrow_mut() = Some(place.free()));
        pool.spawn_n(async move { drop(guard) }).await;
        pool.waitall().await;
        assert_eq!(*seen.borrow(), Some(0));
    });
}

// conformance 70
#[test]
fn waitall_of_an_idle_pool_is_done_at_once() {
    virtually(async {
        let pool = GreenPool::new(1);
        assert!(poll!(pin!(pool.waitall())).is_ready());
        assert!(poll!(pin!(GreenPool::new(0).waitall())).is_ready());
    });
}

// conformance 70: ours resolves
#[test]
fn waitall_of_a_member_waits_for_the_others() {
    let trace = Trace::default();
    virtually(async {
        let pool = GreenPool::new(3);
        let (own, words) = (pool.clone(), trace.clone());
        pool.spawn_n(async move {
            own.waitall().await;
            words.add("member");
        })
        .await;
        let words = trace.clone();
        pool.spawn_n(async move {
            sleep(SECOND).await;
            words.add("other");
        })
        .await;
        pool.waitall().await;
        trace.add("outside");
    });
    assert_eq!(trace.text(), "other member outside");
}

#[test]
fn members_that_wait_for_each_other_all_go_on() {
    virtually(async {
        let pool = GreenPool::new(3);
        let start = now();
        let mut members = Vec::new();
        for busy_afterwards in [0, 0, 3600] {
            let own = pool.clone();
            let member = pool.spawn(async move {
                own.waitall().await;
                let resolved = now();
                sleep(SECOND * busy_afterwards).await;
                resolved
            });
            members.push(member.await);
        }
        pool.waitall().await;
        for member in members {
            assert_eq!(member.await.unwrap(), start);
        }
        let own = pool.clone();
        pool.spawn_n(async move { own.waitall().await }).await;
        pool.waitall().await;
    });
}

#[test]
fn a_member_that_waits_twice_counts_once() {
    virtually(async {
        let (pool, end) = busy(3, 1).await;
        let own = pool.clone();
        let twice = pool.spawn(async move {
            futures::join!(own.waitall(), own.waitall());
        });
        let twice = twice.await;
        let third = pool.spawn(sleep(SECOND)).await;
        third.await.unwrap();
        settle().await;
        assert!(!twice.is_finished(), "the first member still runs");
        end.send(()).unwrap();
        twice.await.unwrap();
    });
}

#[test]
fn a_member_killed_in_waitall_hinders_nobody() {
    virtually(async {
        let (pool, end) = busy(2, 1).await;
        let own = pool.clone();
        let member = pool.spawn(async move { own.waitall().await }).await;
        yield_now().await;
        member.kill().await;
        end.send(()).unwrap();
        pool.waitall().await;
    });
}

// Defect D1 of eventlet: there it hangs when the pool is empty for a moment while somebody waits for
// a place.
#[test]
fn waitall_does_not_hang_when_a_spawner_was_blocked() {
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        let own = pool.clone();
        let spawner = spawn(async move { own.spawn_n(sleep(SECOND)).await });
        let own = pool.clone();
        let waiters = [(); 3].map(|()| {
            let own = own.clone();
            spawn(async move { own.waitall().await })
        });
        yield_now().await;
        assert_eq!((pool.running(), pool.waiting()), (1, 1));
        end.send(()).unwrap();
        let start = now();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(now() - start, SECOND, "the blocked spawner's job counts");
        spawner.await.unwrap();
    });
}

#[test]
fn waitall_is_told_when_the_blocked_spawner_gives_up() {
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        let own = pool.clone();
        let spawner = spawn(async move { own.spawn_n(async {}).await });
        let own = pool.clone();
        let waiter = spawn(async move { own.waitall().await });
        yield_now().await;
        end.send(()).unwrap();
        // The place is promised to the spawner, which is killed before it comes for it.
        spawner.kill();
        waiter.await.unwrap();
        assert_eq!((pool.running(), pool.free()), (0, 1));
    });
}

#[test]
fn waitall_does_not_wait_for_spawners_that_can_never_go_on() {
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        let own = pool.clone();
        let spawner = spawn(async move { own.spawn_n(async {}).await });
        yield_now().await;
        pool.resize(0);
        end.send(()).unwrap();
        pool.waitall().await;
        assert_eq!(pool.waiting(), 1);
        pool.resize(1);
        spawner.await.unwrap();
        pool.waitall().await;
    });
}

// proves D-2
#[test]
fn spawners_are_served_first_come_first_served() {
    let trace = Trace::default();
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        for n in 0..5 {
            let (pool, trace) = (pool.clone(), trace.clone());
            spawn_n(async move { pool.spawn_n(async move { trace.add(n) }).await });
        }
        yield_now().await;
        end.send(()).unwrap();
        settle().await;
        pool.waitall().await;
    });
    assert_eq!(trace.text(), "0 1 2 3 4");
}

#[test]
fn try_spawn_hands_the_job_back_and_does_not_overtake() {
    virtually(async {
        let (pool, end) = busy(1, 1).await;
        let PoolFull(job) = pool.try_spawn(async { "job" }).unwrap_err();
        let own = pool.clone();
        let spawner = spawn(async move { Some(own.spawn(async { "early" }).await) });
        yield_now().await;
        end.send(()).unwrap();
        while pool.running() == 1 {
            yield_now().await;
        }
        assert!(pool.is_full() && pool.free() == 0, "the place is promised");
        let PoolFull(job) = pool.try_spawn(job).unwrap_err();
        let early = spawner.await.unwrap().unwrap();
        assert_eq!(early.await.unwrap(), "early");
        assert_eq!(pool.try_spawn(job).unwrap().await.unwrap(), "job");
    });
}

#[test]
fn the_line_that_spawned_is_the_users() {
    virtually(async {
        let pool = GreenPool::new(3);
        let first = line!() + 1;
        let threads = [
            pool.spawn(async {}).await,
            pool.try_spawn(async {}).unwrap(),
        ];
        let sites: Vec<&'static Location<'static>> = green_threads()
            .into_iter()
            .filter(|info| threads.iter().any(|thread| thread.id() == info.id))
            .map(|info| info.spawned_at)
            .collect();
        assert_eq!(sites.len(), 2);
        for (site, line) in sites.iter().zip(first + 1..) {
            assert!(
                site.file().ends_with("pool.rs") && site.file().contains("tests"),
                "{site}"
            );
            assert_eq!(site.line(), line);
        }
        for thread in threads {
            thread.await.unwrap();
        }
    });
}

#[test]
fn a_pool_of_a_thousand_is_the_default() {
    assert_eq!(GreenPool::default().size(), 1000);
}
