//! `Pool`: things that are dear to make, shared by green threads.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use evlet_green::{GreenPool, Pool, with_timeout};
use evlet_hub::{GreenThread, sleep, spawn, yield_now};

use crate::stage::{MS, SECOND, settle, virtually};
use crate::trace::Trace;

/// A pool of numbers: the first item is 1, the next 2.
fn numbers(max_size: usize) -> Pool<u32> {
    let made = Cell::new(0);
    Pool::new(max_size, async move || {
        made.set(made.get() + 1);
        made.get()
    })
}

async fn get(pool: &Pool<u32>) -> u32 {
    let Ok(item) = pool.get().await;
    item
}

fn getter(pool: &Pool<u32>, trace: &Trace, name: &'static str) -> GreenThread<u32> {
    let (pool, trace) = (pool.clone(), trace.clone());
    spawn(async move {
        let item = get(&pool).await;
        trace.add(format!("{name}{item}"));
        item
    })
}

// conformance 74
#[test]
fn one_more_than_there_are_waits_for_the_first_that_comes_back() {
    virtually(async {
        let pool = numbers(4);
        for n in 1..=4 {
            assert_eq!(get(&pool).await, n);
        }
        assert_eq!((pool.free(), pool.size()), (0, 4));
        let own = pool.clone();
        let fifth = spawn(async move { get(&own).await });
        settle().await;
        assert!(!fifth.is_finished());
        assert_eq!(pool.waiting(), 1);
        pool.put(3);
        assert_eq!(pool.waiting(), 0, "it is promised the item");
        assert_eq!(pool.free(), 0);
        assert_eq!(fifth.await.unwrap(), 3);
    });
}

// conformance 75
#[test]
fn items_come_out_oldest_first_or_newest_first() {
    for (as_stack, expected) in [(false, [1, 2]), (true, [2, 1])] {
        virtually(async {
            let made = Cell::new(0);
            let pool = Pool::builder()
                .order_as_stack(as_stack)
                .create(async move || {
                    made.set(made.get() + 1);
                    Ok::<u32, Infallible>(made.get())
                });
            let (one, two) = (get(&pool).await, get(&pool).await);
            pool.put(one);
            pool.put(two);
            assert_eq!([get(&pool).await, get(&pool).await], expected);
        });
    }
}

// conformance 76
#[test]
fn a_pool_made_smaller_drops_what_comes_back_too_many() {
    virtually(async {
        let pool = numbers(2);
        let (one, two) = (get(&pool).await, get(&pool).await);
        pool.resize(1);
        assert_eq!((pool.free(), pool.max_size()), (-1, 1));
        pool.put(one);
        assert_eq!((pool.free(), pool.idle(), pool.size()), (0, 0, 1));
        pool.put(two);
        assert_eq!((pool.free(), pool.idle()), (1, 1));
        pool.resize(2);
        assert_eq!(pool.free(), 2);
        assert_eq!(get(&pool).await, 2);
    });
}

#[test]
fn a_pool_made_smaller_drops_free_items_at_once_the_longest_free_first() {
    let trace = Trace::default();
    let own = trace.clone();
    virtually(async {
        let pool = Pool::builder()
            .dispose(move |n: u32| own.add(n))
            .create(async || Ok::<_, Infallible>(0));
        (1..=4).for_each(|n| pool.put(n));
        pool.resize(2);
        assert_eq!((pool.idle(), trace.text().as_str()), (2, "1 2"));
        pool.resize(0);
        assert_eq!((pool.idle(), pool.free()), (0, 0));
    });
    assert_eq!(trace.text(), "1 2 3 4");
}

#[test]
fn a_pool_made_smaller_keeps_the_items_of_those_who_were_promised_them() {
    virtually(async {
        let pool = numbers(3);
        let [one, two, three] = [get(&pool).await, get(&pool).await, get(&pool).await];
        let trace = Trace::default();
        let waiting = ["a", "b"].map(|name| getter(&pool, &trace, name));
        settle().await;
        pool.put(one);
        pool.put(two);
        pool.put(three);
        assert_eq!((pool.waiting(), pool.idle(), pool.free()), (0, 3, 1));
        pool.resize(0);
        assert_eq!((pool.idle(), pool.free()), (2, -2), "one was nobody's");
        assert_eq!(pool.retain(|_| true), 0);
        for thread in waiting {
            pool.put(thread.await.unwrap());
        }
        assert_eq!(trace.text(), "a2 b3", "no new ones are made for them");
        assert_eq!((pool.size(), pool.free()), (0, 0));
    });
}

#[test]
fn an_item_that_was_promised_in_vain_is_one_too_many_in_a_pool_made_smaller() {
    virtually(async {
        let pool = numbers(1);
        let only = get(&pool).await;
        let waiting = getter(&pool, &Trace::default(), "a");
        settle().await;
        pool.put(only);
        pool.resize(0);
        assert_eq!((pool.idle(), pool.free()), (1, -1));
        waiting.kill().await;
        assert_eq!((pool.size(), pool.free(), pool.waiting()), (0, 0, 0));
    });
}

// conformance 77
#[test]
fn no_more_are_made_than_there_may_be_though_making_takes_time() {
    virtually(async {
        let made = Rc::new(Cell::new(0));
        let own = Rc::clone(&made);
        let pool = Pool::new(4, async move || {
            own.set(own.get() + 1);
            sleep(MS).await;
        });
        let users = GreenPool::new(100);
        for _ in 0..100 {
            let pool = pool.clone();
            users
                .spawn_n(async move {
                    let Ok(_item) = pool.item().await;
                    yield_now().await;
                })
                .await;
        }
        users.waitall().await;
        assert_eq!((made.get(), pool.idle(), pool.free()), (4, 4, 4));
    });
}

// conformance 78
#[test]
fn an_item_put_when_all_who_waited_have_given_up_is_kept() {
    virtually(async {
        let pool = numbers(1);
        let only = get(&pool).await;
        let getters: Vec<_> = (0..5)
            .map(|_| {
                let pool = pool.clone();
                spawn(async move {
                    let item = with_timeout(100 * MS, pool.item()).await;
                    yield_now().await; // uses it for a turn
                    item.is_ok()
                })
            })
            .collect();
        // In the very turn in which their limits are reached; the first to be asked still gets it.
        sleep(100 * MS).await;
        pool.put(only);
        let mut got = Vec::new();
        for getter in getters {
            got.push(getter.await.unwrap());
        }
        assert_eq!(got, [true, false, false, false, false]);
        assert_eq!((pool.free(), pool.idle(), pool.waiting()), (1, 1, 0));
        assert_eq!(get(&pool).await, only);
    });
}

// conformance 79
#[test]
fn a_failed_creation_gives_its_place_back() {
    virtually(async {
        let pool = Pool::builder()
            .max_size(1)
            .create(async || Err::<u32, _>("no power"));
        assert_eq!(pool.item().await.unwrap_err(), "no power");
        assert_eq!((pool.free(), pool.size()), (1, 0));
    });
}

#[test]
fn a_failed_creation_lets_the_next_in_line_try() {
    virtually(async {
        let tries = Cell::new(0);
        let pool = Pool::builder().max_size(1).create(async move || {
            tries.set(tries.get() + 1);
            let is_first = tries.get() == 1;
            sleep(SECOND).await;
            if is_first { Err("no power") } else { Ok(7) }
        });
        let users = [(); 3].map(|()| {
            let pool = pool.clone();
            spawn(async move { pool.item().await.map(|item| *item) })
        });
        let mut got = Vec::new();
        for user in users {
            got.push(user.await.unwrap());
        }
        assert_eq!(got, [Err("no power"), Ok(7), Ok(7)]);
    });
}

// proves D-2
#[test]
fn first_come_first_served_and_a_newcomer_does_not_overtake() {
    let trace = Trace::default();
    virtually(async {
        let pool = numbers(1);
        let only = get(&pool).await;
        let waiting = ["a", "b", "c"].map(|name| getter(&pool, &trace, name));
        settle().await;
        assert_eq!(pool.waiting(), 3);
        pool.put(only);
        // The item is a's by now, and is still there.
        let newcomer = getter(&pool, &trace, "late");
        for thread in waiting {
            pool.put(thread.await.unwrap());
        }
        newcomer.await.unwrap();
    });
    assert_eq!(trace.text(), "a1 b1 c1 late1");
}

#[test]
fn a_newcomer_does_not_take_the_item_of_one_who_waited() {
    let trace = Trace::default();
    virtually(async {
        let pool = numbers(2);
        let (one, two) = (get(&pool).await, get(&pool).await);
        let waiting = getter(&pool, &trace, "first");
        settle().await;
        pool.discard(one); // a place for the one who waits
        pool.put(two); // and an item
        let newcomer = get(&pool).await; // has a place too, and goes on at once
        trace.add(format!("late{newcomer}"));
        waiting.await.unwrap();
    });
    assert_eq!(trace.text(), "late3 first2");
}

#[test]
fn an_item_goes_back_by_itself_also_in_a_panic() {
    virtually(async {
        let pool = numbers(1);
        let own = pool.clone();
        let careless = spawn(async move {
            let Ok(mut item) = own.item().await;
            *item += 10;
            panic!("with an item in hand");
        });
        assert!(careless.await.is_err());
        assert_eq!((pool.free(), pool.idle()), (1, 1));
        let Ok(item) = pool.item().await;
        assert_eq!(*item, 11);
        item.discard();
        assert_eq!((pool.free(), pool.idle()), (1, 0));
        let Ok(item) = pool.item().await;
        assert_eq!(item.detach(), 2);
        assert_eq!((pool.free(), pool.size()), (1, 0));
        let three = get(&pool).await;
        pool.discard(three);
        assert_eq!((pool.free(), pool.size()), (1, 0));
    });
}

// proves that defect D6 is not repeated
#[test]
fn growing_lets_those_who_wait_go_on() {
    virtually(async {
        let pool = numbers(0);
        let trace = Trace::default();
        let waiting = ["a", "b", "c"].map(|name| getter(&pool, &trace, name));
        settle().await;
        assert_eq!(pool.waiting(), 3);
        pool.resize(2);
        settle().await;
        assert_eq!(
            (trace.text().as_str(), pool.waiting(), pool.free()),
            ("a1 b2", 1, 0)
        );
        pool.resize(usize::MAX);
        for thread in waiting {
            thread.await.unwrap();
        }
        assert_eq!(trace.text(), "a1 b2 c3");
    });
}

#[test]
fn filling_makes_items_ahead_of_time() {
    virtually(async {
        let made = Rc::new(Cell::new(0));
        let own = Rc::clone(&made);
        let pool = Pool::builder()
            .min_size(3)
            .max_size(4)
            .create(async move || {
                own.set(own.get() + 1);
                sleep(SECOND).await;
                match own.get() {
                    2 => Err("no power"),
                    n => Ok(n),
                }
            });
        assert_eq!((made.get(), pool.min_size()), (0, 3));
        assert_eq!(pool.fill().await, Err("no power"));
        assert_eq!((pool.idle(), pool.free()), (1, 4));
        let in_use = pool.item().await.unwrap();
        assert_eq!(pool.fill().await, Ok(()));
        assert_eq!((pool.idle(), pool.size()), (2, 3), "one is in use");
        drop(in_use);
        assert_eq!(pool.fill().await, Ok(()));
        assert_eq!(made.get(), 4);
        pool.resize(0);
        assert_eq!((pool.fill().await, made.get()), (Ok(()), 4));
    });
}

#[test]
fn filling_ends_whatever_recycle_thinks_of_new_items() {
    virtually(async {
        let pool = Pool::builder()
            .min_size(2)
            .recycle(|_: &mut u32| false) // each is used once
            .create(async || {
                sleep(MS).await;
                Ok::<_, Infallible>(1)
            });
        let filled = with_timeout(SECOND, pool.fill()).await;
        assert!(filled.is_ok(), "it makes one after the other");
        assert_eq!((pool.idle(), pool.size()), (2, 2));
        drop(pool.item().await);
        assert_eq!((pool.idle(), pool.size()), (1, 1));
    });
}

#[test]
fn items_from_elsewhere_are_taken_as_far_as_there_is_room() {
    virtually(async {
        let pool = numbers(2);
        (11..=13).for_each(|n| pool.put(n));
        assert_eq!((pool.idle(), pool.free()), (2, 2));
        assert_eq!((get(&pool).await, get(&pool).await), (11, 12));
        assert_eq!(pool.free(), 0);
    });
}

#[test]
fn an_item_from_elsewhere_does_not_free_the_place_of_one_in_use() {
    virtually(async {
        let pool = numbers(2);
        let (Ok(one), Ok(two)) = (pool.item().await, pool.item().await);
        let two = two.detach();
        pool.put(two); // back again, for the place that is free
        assert_eq!((pool.free(), pool.idle(), pool.size()), (1, 1, 2));
        pool.put(13); // for which there is no room
        assert_eq!((pool.free(), pool.idle(), pool.size()), (1, 1, 2));
        pool.discard(14);
        assert_eq!((pool.free(), pool.size()), (1, 2));
        let by_hand = get(&pool).await;
        assert_eq!((by_hand, pool.free()), (2, 0));
        pool.put(by_hand);
        drop(one);
        assert_eq!((pool.free(), pool.idle(), pool.size()), (2, 2, 2));
    });
}

#[test]
fn clearing_leaves_alone_what_is_in_use() {
    virtually(async {
        let pool = numbers(3);
        let (Ok(in_use), Ok(one), Ok(two)) =
            (pool.item().await, pool.item().await, pool.item().await);
        drop((one, two));
        assert_eq!((pool.clear(), pool.size()), (2, 1));
        drop(in_use);
        assert_eq!((pool.clear(), pool.size()), (1, 0));
    });
}

#[test]
fn an_item_may_outlive_the_pool_and_the_hub() {
    let trace = Trace::default();
    let own = trace.clone();
    let item = virtually(async move {
        let pool = Pool::builder()
            .dispose(move |n: u32| own.add(n))
            .create(async || Ok::<_, Infallible>(1));
        pool.put(2);
        pool.put(3);
        pool.item().await
    });
    assert_eq!(trace.text(), "");
    drop(item);
    assert_eq!(trace.text(), "3 2");
}

#[test]
fn a_pool_can_be_looked_at() {
    virtually(async {
        let pool = numbers(1);
        let Ok(item) = pool.item().await;
        assert_eq!(format!("{item:?}"), "Item(1)");
        let waits = pool.item();
        assert!(format!("{waits:?}").contains("resource_pool.rs"));
        assert_eq!(
            format!("{pool:?}"),
            "Pool { max_size: 1, size: 1, idle: 0, waiting: 0 }"
        );
    });
}
