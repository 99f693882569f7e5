//! The functions that a `Pool` may be given: what they decide, and what happens when they fail.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use evlet_green::Pool;
use evlet_hub::{now, sleep, spawn};
use futures::FutureExt;

use crate::stage::{SECOND, reports_of, virtually};
use crate::trace::Trace;

async fn get(pool: &Pool<u32>) -> u32 {
    let Ok(item) = pool.get().await;
    item
}

// proves D-7: as for a pool's places
#[test]
fn a_panic_in_a_function_of_the_pool_gives_the_place_back() {
    virtually(async {
        let pool = Pool::builder()
            .max_size(1)
            .check(async |n: &mut u32| if *n == 1 { panic!("a bad one") } else { true })
            .create(async || -> Result<u32, Infallible> { panic!("no paper") });
        let failed = AssertUnwindSafe(pool.get()).catch_unwind().await;
        assert!(failed.is_err());
        assert_eq!(pool.free(), 1);
        pool.put(1);
        let failed = AssertUnwindSafe(pool.get()).catch_unwind().await;
        assert!(failed.is_err());
        assert_eq!((pool.free(), pool.idle()), (1, 0));
        pool.put(2);
        assert_eq!(get(&pool).await, 2);
    });
}

#[test]
fn what_recycle_refuses_is_disposed_of() {
    let trace = Trace::default();
    let own = trace.clone();
    virtually(async {
        let made = Cell::new(0);
        let pool = Pool::builder()
            .max_size(1)
            .recycle(|n: &mut u32| {
                *n += 100;
                *n != 101
            })
            .dispose(move |n| own.add(format!("gone{n}")))
            .create(async move || {
                made.set(made.get() + 1);
                Ok::<_, Infallible>(made.get())
            });
        drop(pool.item().await);
        assert_eq!((pool.idle(), pool.free()), (0, 1));
        drop(pool.item().await);
        assert_eq!((pool.idle(), pool.free()), (1, 1));
        assert_eq!(get(&pool).await, 102);
        pool.put(5);
    });
    assert_eq!(trace.text(), "gone101 gone105");
}

#[test]
fn what_the_check_refuses_is_replaced_before_anybody_sees_it() {
    let trace = Trace::default();
    let own = trace.clone();
    virtually(async {
        let pool = Pool::builder()
            .check(async |n: &mut u32| {
                sleep(SECOND).await; // asks the other side
                n.is_multiple_of(2)
            })
            .dispose(move |n| own.add(n))
            .create(async || Ok::<_, Infallible>(100));
        (1..=3).for_each(|n| pool.put(n));
        let start = now();
        assert_eq!(get(&pool).await, 2);
        assert_eq!(now() - start, 2 * SECOND);
        assert_eq!(get(&pool).await, 100, "3 is refused, and one is made");
        assert_eq!(trace.text(), "1 3");
    });
}

#[test]
fn a_hook_that_panics_where_an_item_is_dropped_is_reported() {
    let reports = reports_of(async {
        let pool = Pool::builder()
            .max_size(1)
            .recycle(|_: &mut u32| panic!("no soap"))
            .dispose(|_| panic!("no bin"))
            .create(async || Ok::<_, Infallible>(1));
        let own = pool.clone();
        let unwinding = spawn(async move {
            let Ok(_item) = own.item().await;
            panic!("a panic in which the item is dropped");
        });
        assert!(unwinding.await.is_err());
        assert_eq!((pool.free(), pool.size()), (1, 0));
    });
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("no soap") && reports[0].contains("resource_hooks.rs"));
    assert!(reports[1].contains("no bin"));
}

// proves D-4
#[test]
fn functions_of_the_pool_may_use_it() {
    virtually(async {
        let place: Rc<RefCell<Option<Pool<u32>>>> = Rc::default();
        let (recycling, disposing) = (Rc::clone(&place), Rc::clone(&place));
        let ask = |place: &RefCell<Option<Pool<u32>>>| {
            let pool = place.borrow().clone();
            pool.map_or(0, |pool| pool.clear() + pool.idle() + pool.waiting())
        };
        let pool = Pool::builder()
            .recycle(move |n: &mut u32| ask(&recycling) < 100 && *n < 3)
            .dispose(move |_| _ = ask(&disposing))
            .create(async || Ok::<_, Infallible>(0));
        place.replace(Some(pool.clone()));
        (1..=5).for_each(|n| pool.put(n));
        assert!(pool.retain(|n| pool.idle() == 0 && *n != 2) <= 2);
        pool.resize(0);
        assert_eq!(pool.idle(), 0);
        place.take();
    });
}
