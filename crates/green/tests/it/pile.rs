//! `GreenPile`: results in the order of spawning.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;

use evlet_green::{Event, GreenPile, GreenPool, with_timeout};
use evlet_hub::{now, random_u64, sleep, spawn, spawn_n, yield_now};
use futures::{FutureExt, StreamExt, poll};

use crate::stage::{MS, SECOND, builder, settle, virtually};

async fn after(seconds: u32, value: u32) -> u32 {
    sleep(SECOND * seconds).await;
    value
}

#[test]
fn results_come_in_the_order_of_spawning() {
    virtually(async {
        let mut pile = GreenPile::new(3);
        for (n, seconds) in [3, 1, 2, 1].into_iter().enumerate() {
            pile.spawn(after(seconds, n as u32)).await;
        }
        assert_eq!(pile.by_ref().collect::<Vec<_>>().await, [0, 1, 2, 3]);
        assert_eq!(pile.outstanding(), 0);
    });
}

#[test]
fn an_empty_pile_ends_at_once_and_may_be_filled_again() {
    virtually(async {
        let pile = GreenPile::new(2);
        assert_eq!(pile.next().await, None);
        for round in 0..3 {
            pile.spawn(after(1, round)).await;
            assert_eq!(pile.outstanding(), 1);
            assert_eq!(pile.next().await, Some(round));
            assert_eq!(pile.next().await, None);
        }
    });
}

#[test]
fn a_panic_comes_at_its_position_and_the_rest_goes_on() {
    virtually(async {
        let pile = GreenPile::new(4);
        for n in 0..4 {
            pile.spawn(async move {
                assert_ne!(n, 1, "bad {n}");
                n
            })
            .await;
        }
        assert_eq!(pile.next().await, Some(0));
        let panicked = AssertUnwindSafe(pile.next()).catch_unwind().await;
        assert!(panicked.is_err());
        assert_eq!((pile.next().await, pile.next().await), (Some(2), Some(3)));
        assert_eq!(pile.next().await, None);
        assert_eq!(pile.pool().free(), 4);
    });
}

// conformance 71; proves D-1
#[test]
fn a_spawn_that_was_given_up_leaves_the_order_intact() {
    virtually(async {
        let pile = GreenPile::new(4);
        for n in 0..4 {
            pile.spawn(after(2, n)).await;
        }
        assert!(
            with_timeout(SECOND, pile.spawn(after(2, 99)))
                .await
                .is_err()
        );
        assert_eq!(pile.outstanding(), 4);
        for n in 4..6 {
            pile.spawn(after(2, n)).await;
        }
        assert_eq!(pile.clone().collect::<Vec<_>>().await, [0, 1, 2, 3, 4, 5]);
    });
}

// conformance 72
#[test]
fn two_piles_on_one_pool_each_give_their_own_in_order() {
    virtually(async {
        let pool = GreenPool::new(2);
        let piles = [GreenPile::with_pool(&pool), GreenPile::with_pool(&pool)];
        let start = now();
        for n in 0..4 {
            piles[0].spawn(after(1, n)).await;
            piles[1].spawn(after(1, 10 + n)).await;
            assert!(pool.running() <= 2);
        }
        let [first, second] = piles;
        assert_eq!(first.collect::<Vec<_>>().await, [0, 1, 2, 3]);
        assert_eq!(second.collect::<Vec<_>>().await, [10, 11, 12, 13]);
        assert_eq!(
            now() - start,
            4 * SECOND,
            "two at once, both piles together"
        );
    });
}

// conformance 73
#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn many_producers_into_one_pile_each_find_their_own_in_order() {
    const JOBS: u32 = 1000;
    for size in [5, 50] {
        virtually(async {
            let pile = GreenPile::new(size);
            let producers: Vec<_> = (0..3)
                .map(|producer| {
                    let pile = pile.clone();
                    spawn(async move {
                        for n in 0..JOBS {
                            let delay = MS * (random_u64() % 10) as u32;
                            let fails = random_u64().is_multiple_of(10);
                            pile.spawn(async move {
                                sleep(delay).await;
                                assert!(!fails, "{producer} {n}");
                                (producer, n)
                            })
                            .await;
                        }
                    })
                })
                .collect();
            yield_now().await;
            let mut got = [const { Vec::new() }; 3];
            let mut failed = 0;
            loop {
                match AssertUnwindSafe(pile.next()).catch_unwind().await {
                    Ok(Some((producer, n))) => got[producer as usize].push(n),
                    Ok(None) if producers.iter().all(|producer| producer.is_finished()) => break,
                    Ok(None) => yield_now().await,
                    Err(_) => failed += 1,
                }
            }
            let total: usize = got.iter().map(Vec::len).sum();
            assert_eq!(total + failed, 3 * JOBS as usize);
            assert!(failed > 0);
            for numbers in got {
                assert!(numbers.is_sorted(), "in the order of spawning");
            }
        });
    }
}

#[test]
fn spawning_never_waits_for_a_consumer() {
    virtually(async {
        let pile = GreenPile::new(2);
        for n in 0..100 {
            pile.spawn(async move { n }).await;
        }
        pile.pool().waitall().await;
        assert_eq!(pile.outstanding(), 100);
        assert_eq!(pile.count().await, 100);
    });
}

// proves A-9
#[test]
fn a_consumer_that_runs_out_of_budget_loses_nothing() {
    for budget in 1..6 {
        let hub = builder().budget(budget).build().unwrap();
        hub.run(async {
            let pile = GreenPile::new(10);
            for n in 0..10 {
                pile.spawn(async move { n }).await;
            }
            pile.pool().waitall().await;
            assert!(pile.collect::<Vec<_>>().await.into_iter().eq(0..10));
        });
    }
}

#[test]
fn a_consumer_waits_for_a_job_that_waits_for_its_place() {
    virtually(async {
        let pool = GreenPool::new(1);
        let end = Event::<()>::new();
        let wait = end.clone();
        pool.spawn_n(async move { wait.wait().await }).await;
        let pile = GreenPile::with_pool(&pool);
        let own = pile.clone();
        spawn_n(async move { own.spawn(after(0, 7)).await });
        yield_now().await;
        let own = pile.clone();
        let consumer = spawn(async move { own.next().await });
        settle().await;
        assert!(!consumer.is_finished());
        end.send(()).unwrap();
        assert_eq!(consumer.await.unwrap(), Some(7));
    });
}

#[test]
fn a_consumer_is_told_when_the_only_spawner_gives_up() {
    virtually(async {
        let pool = GreenPool::new(0);
        let pile = GreenPile::with_pool(&pool);
        let own = pile.clone();
        let spawner = spawn(async move { own.spawn(after(0, 7)).await });
        yield_now().await;
        let own = pile.clone();
        let consumers = [(); 2].map(|()| {
            let own = own.clone();
            spawn(async move { own.next().await })
        });
        yield_now().await;
        spawner.kill();
        for consumer in consumers {
            assert_eq!(consumer.await.unwrap(), None);
        }
    });
}

#[test]
fn several_consumers_are_served_in_order() {
    virtually(async {
        let pile = GreenPile::new(5);
        for n in 0..5 {
            pile.spawn(after(5 - n, n)).await;
        }
        let consumers: Vec<_> = (0..6)
            .map(|_| {
                let pile = pile.clone();
                spawn(async move { pile.next().await })
            })
            .collect();
        for (n, consumer) in (0..5).zip(consumers) {
            assert_eq!(consumer.await.unwrap(), Some(n));
        }
    });
}

// proves D-1
#[test]
fn a_consumer_that_gives_up_leaves_its_result_to_the_next() {
    virtually(async {
        let mut pile = GreenPile::new(2);
        pile.spawn(after(2, 1)).await;
        pile.spawn(after(2, 2)).await;
        let own = pile.clone();
        let behind = spawn(async move { own.next().await });
        assert!(with_timeout(SECOND, pile.next()).await.is_err());
        {
            let mut polled = pin!(StreamExt::next(&mut pile));
            assert!(poll!(&mut polled).is_pending());
        }
        assert_eq!(behind.await.unwrap(), Some(1));
        assert_eq!(pile.next().await, Some(2));
    });
}

#[test]
fn a_member_of_the_full_pool_that_spawns_into_its_pile_runs_the_job_itself() {
    virtually(async {
        let pile = GreenPile::new(1);
        let own = pile.clone();
        pile.spawn(async move {
            own.spawn(after(5, 2)).await;
            assert_eq!(own.outstanding(), 2, "it has ended, and was not fetched");
            1
        })
        .await;
        assert_eq!(pile.next().await, Some(1), "in the order of starting");
        assert_eq!(pile.next().await, Some(2));
        assert_eq!((pile.next().await, pile.pool().free()), (None, 1));
    });
}

#[test]
fn jobs_go_on_when_the_pile_is_dropped() {
    let done = Rc::new(Cell::new(false));
    virtually(async {
        let pool = GreenPool::new(1);
        let pile = GreenPile::with_pool(&pool);
        let own = done.clone();
        pile.spawn(async move {
            sleep(SECOND).await;
            own.set(true);
        })
        .await;
        drop(pile);
        pool.waitall().await;
    });
    assert!(done.get());
}

#[test]
fn a_pile_may_outlive_its_hub() {
    let hub = builder().build().unwrap();
    let pile = hub.run(async {
        let pile = GreenPile::new(1);
        pile.spawn(after(1, 1)).await;
        pile
    });
    drop(hub);
    assert_eq!((pile.outstanding(), pile.pool().running()), (1, 0));
}
