//! `ConnectionPools`: one pool for each destination, and none for those that nobody uses any more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use evlet_green::{ConnectionPool, ConnectionPools};

use crate::stage::virtually;

fn pools(made: &Rc<Cell<u32>>) -> ConnectionPools<u32, u32, &'static str> {
    let made = Rc::clone(made);
    ConnectionPools::new(move |destination: &u32| {
        made.set(made.get() + 1);
        let destination = *destination;
        ConnectionPool::builder().connect(async move || Ok(destination))
    })
}

#[test]
fn the_same_destination_is_the_same_pool() {
    virtually(async {
        let made = Rc::default();
        let pools = pools(&made);
        assert!(pools.is_empty());
        let connection = pools.pool(&1).get().await.unwrap();
        assert_eq!((*connection, pools.pool(&1).size()), (1, 1));
        assert_eq!(*pools.pool(&2).get().await.unwrap(), 2);
        assert_eq!((made.get(), pools.clone().len()), (2, 2));
        assert!(format!("{pools:?}").starts_with("{1: ConnectionPool {"));
    });
}

#[test]
fn clearing_closes_what_nobody_uses() {
    virtually(async {
        let pools = pools(&Rc::default());
        let in_use = pools.pool(&1).get().await.unwrap();
        drop(pools.pool(&2).get().await);
        assert_eq!((pools.clear(), pools.len()), (1, 0));
        drop(in_use);
    });
}

#[test]
fn destinations_that_nobody_uses_are_forgotten() {
    virtually(async {
        let pools = pools(&Rc::default());
        let kept = pools.pool(&1_000_000);
        let in_use = pools.pool(&2_000_000).get().await.unwrap();
        let many = if cfg!(miri) { 100 } else { 10_000 };
        for destination in 0..many {
            let pool = pools.pool(&destination);
            drop(pool.get().await);
            pool.clear();
        }
        assert!(pools.len() <= 17, "{}", pools.len());
        drop(in_use);
        assert_eq!(pools.pool(&2_000_000).idle(), 1);
        drop(kept);
    });
}

// proves D-4
#[test]
fn the_function_that_makes_pools_may_ask_for_one() {
    virtually(async {
        type Place = Rc<RefCell<Option<ConnectionPools<u32, u32, &'static str>>>>;
        let place = Place::default();
        let own = Rc::clone(&place);
        let pools = ConnectionPools::new(move |destination: &u32| {
            let pools = own.take();
            let inner = pools.map(|pools| pools.pool(destination));
            inner.unwrap_or_else(|| ConnectionPool::builder().connect(async || Ok(7)))
        });
        place.replace(Some(pools.clone()));
        assert_eq!(*pools.pool(&1).get().await.unwrap(), 7);
        assert_eq!((pools.len(), pools.pool(&1).idle()), (1, 1));
    });
}
