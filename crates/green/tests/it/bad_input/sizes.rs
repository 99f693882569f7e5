//! Sizes of zero: nothing goes in, what does not wait says so, and what waits ends at its limit. Sizes without
//! end: memory is taken for what is there, and not for what might be.

use std::cell::Cell;
use std::rc::Rc;

use evlet_green::{
    Barrier, BoundedSemaphore, CappedSemaphore, ConnectionPool, GreenPile, GreenPool, LifoQueue,
    LightQueue, Pool, PriorityQueue, Queue, Semaphore, tpool, with_timeout,
};
use evlet_hub::{sleep, spawn, yield_now};
use futures::StreamExt;

use crate::stage::{SECOND, virtually};
use crate::threads::alone;

// Size zero: nothing goes in, what does not wait says so, and what waits ends at its limit.
#[test]
fn a_pool_of_size_zero_admits_nobody_until_it_grows() {
    virtually(async {
        let pool = GreenPool::new(0);
        assert!(pool.is_full() && pool.try_spawn(async {}).is_err());
        let spawning = with_timeout(SECOND, pool.spawn_n(async {})).await;
        assert!(spawning.is_err());
        pool.waitall().await;
        let own = pool.clone();
        let waiting = spawn(async move { own.spawn(async { 7 }).await.await });
        yield_now().await;
        assert_eq!(pool.waiting(), 1);
        pool.resize(1);
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
    });
}

#[test]
fn a_pile_of_size_zero_ends_at_once_and_admits_nobody() {
    virtually(async {
        let pile = GreenPile::<u8>::new(0);
        assert_eq!(pile.next().await, None);
        let spawning = with_timeout(SECOND, pile.spawn(async { 1 })).await;
        assert!(spawning.is_err());
        assert_eq!(pile.next().await, None);
    });
}

#[test]
fn a_pool_that_shrinks_to_zero_lets_its_members_end_and_admits_nobody() {
    virtually(async {
        let pool = GreenPool::new(2);
        let member = pool.spawn(async { (sleep(SECOND).await, 5).1 }).await;
        pool.resize(0);
        assert!(pool.try_spawn(async {}).is_err());
        assert_eq!(member.await.unwrap(), 5);
        pool.waitall().await;
        assert_eq!((pool.size(), pool.free(), pool.running()), (0, 0, 0));
    });
}

#[test]
fn other_sizes_of_zero_do_what_their_pages_say() {
    virtually(async {
        let queue = Queue::bounded(0);
        assert!(queue.put_nowait(1).is_err() && queue.get_nowait().is_err());
        assert!(queue.is_full() && queue.is_empty());
        queue.resize(1);
        queue.put(1).await;
        queue.resize(0);
        assert_eq!(
            (queue.qsize(), queue.get().await),
            (1, 1),
            "nothing is dropped"
        );

        assert!(Semaphore::new(0).try_acquire().is_none());
        assert!(BoundedSemaphore::new(0).try_acquire().is_none());
        assert!(CappedSemaphore::new(0, 0).unwrap().try_acquire().is_none());
        assert!(Barrier::new(0).wait().await.is_leader());
        // No permits are wanted, so none are waited for.
        drop(Semaphore::new(0).acquire_many(0).await);
        assert!(Semaphore::new(0).try_acquire_many(0).is_some());
    });
}

#[test]
fn streams_over_a_pool_of_size_zero_wait_until_it_grows() {
    virtually(async {
        let pool = GreenPool::new(0);
        let mut stream = pool.imap(async |n: u32| n * 2, [1, 2, 3]);
        assert!(with_timeout(SECOND, stream.next()).await.is_err());
        pool.resize(2);
        assert_eq!(stream.collect::<Vec<_>>().await, [2, 4, 6]);
        pool.resize(0);
        let nothing = pool.imap(async |n: u32| n, []);
        assert_eq!(
            nothing.collect::<Vec<u32>>().await,
            [],
            "nothing needs no place"
        );
    });
}

#[test]
fn resource_pools_of_size_zero_wait_until_they_grow_and_shrink_to_nothing() {
    virtually(async {
        let pool = Pool::new(0, async || 7);
        assert!(with_timeout(SECOND, pool.item()).await.is_err());
        assert!(pool.fill().await.is_ok(), "there is room for none");
        pool.put(8); // there is no room for it
        assert_eq!((pool.size(), pool.idle()), (0, 0));
        pool.resize(1);
        let item = pool.item().await.unwrap();
        pool.resize(0);
        assert_eq!(*item, 7, "what is out stays out");
        drop(item);
        assert_eq!((pool.size(), pool.idle(), pool.free()), (0, 0, 0));

        let connections = ConnectionPool::builder().max_size(0);
        let connections = connections.connect(async || Ok::<_, ()>(7));
        assert!(with_timeout(SECOND, connections.get()).await.is_err());
        connections.resize(1);
        let connection = connections.get().await.unwrap();
        connections.resize(0);
        drop(connection);
        assert_eq!((connections.size(), connections.idle()), (0, 0));
    });
}

#[test]
fn queues_of_every_order_shrink_to_nothing_and_drop_nothing() {
    virtually(async {
        fn shrink<O: evlet_green::queue::Order<Item = u8>>(
            queue: &evlet_green::queue::BaseQueue<O, evlet_green::queue::Joinable>,
        ) {
            for item in [2, 1, 3] {
                queue.put_nowait(item).unwrap();
            }
            queue.resize(0);
            assert!(queue.put_nowait(4).is_err() && queue.is_full());
            let mut got: Vec<_> = std::iter::from_fn(|| queue.get_nowait().ok()).collect();
            got.sort_unstable();
            assert_eq!(got, [1, 2, 3]);
        }
        shrink(&Queue::bounded(3));
        shrink(&LifoQueue::bounded(3));
        shrink(&PriorityQueue::bounded(3));
    });
}

#[test]
fn sizes_without_end_take_memory_for_what_is_there() {
    virtually(async {
        let pool = GreenPool::new(usize::MAX);
        assert!(!pool.is_full());
        assert_eq!(pool.free(), isize::MAX);
        assert_eq!(pool.spawn(async { 1 }).await.await.unwrap(), 1);
        pool.resize(0);
        pool.resize(usize::MAX);
        let doubled = pool
            .imap(async |n: u32| n * 2, 0..10)
            .collect::<Vec<_>>()
            .await;
        assert_eq!(doubled.len(), 10);

        let pile = GreenPile::new(usize::MAX);
        pile.spawn(async { 2 }).await;
        assert_eq!(pile.next().await, Some(2));

        let queue = LightQueue::bounded(usize::MAX);
        queue.put(3).await;
        queue.resize(usize::MAX);
        assert_eq!((queue.get().await, queue.is_full()), (3, false));
        let queue = PriorityQueue::bounded(usize::MAX);
        queue.put(3).await;
        assert_eq!(queue.get().await, 3);

        let pool = Pool::new(usize::MAX, async || 4);
        assert_eq!(pool.free(), isize::MAX);
        assert_eq!(*pool.item().await.unwrap(), 4);
        pool.resize(usize::MAX);
    });
}

#[test]
fn permits_without_end_are_counted_as_far_as_there_are_numbers() {
    virtually(async {
        let semaphore = Semaphore::new(usize::MAX);
        drop(semaphore.acquire_many(usize::MAX).await);
        assert_eq!(semaphore.available(), usize::MAX);
        let semaphore = Semaphore::new(1);
        let too_many = semaphore.acquire_many(usize::MAX);
        assert!(with_timeout(SECOND, too_many).await.is_err());
        assert!(semaphore.try_acquire().is_some(), "it waits for no more");
        assert!(semaphore.try_acquire_many(usize::MAX).is_none());

        let bounded = BoundedSemaphore::new(usize::MAX);
        drop(bounded.acquire().await);
        assert_eq!(
            (bounded.balance(), bounded.limit()),
            (isize::MAX, usize::MAX)
        );
        let capped = CappedSemaphore::new(usize::MAX, usize::MAX).unwrap();
        assert!(capped.try_release().is_err());
        drop(capped.acquire().await);
        assert_eq!(
            (capped.available(), capped.balance()),
            (usize::MAX, isize::MAX)
        );
        let empty = CappedSemaphore::new(0, usize::MAX).unwrap();
        assert_eq!(empty.balance(), -isize::MAX);

        let barrier = Barrier::new(usize::MAX);
        assert!(with_timeout(SECOND, barrier.wait()).await.is_err());
        assert_eq!(barrier.waiting(), 0);
    });
}

#[test]
fn a_thread_pool_without_end_has_as_many_threads_as_jobs() {
    let _turn = alone();
    virtually(async {
        tpool::set_num_threads(usize::MAX);
        assert_eq!(tpool::execute(|| 1).await, 1);
        assert!(tpool::stats().threads < 100);
    });
}

#[test]
fn a_pool_may_change_its_size_from_inside_its_members() {
    virtually(async {
        let pool = GreenPool::new(1);
        let done = Rc::new(Cell::new(0));
        let (own, count) = (pool.clone(), done.clone());
        pool.spawn_n(async move {
            own.resize(0);
            yield_now().await;
            own.resize(usize::MAX);
            count.set(count.get() + 1);
        })
        .await;
        let count = done.clone();
        pool.spawn_n(async move { count.set(count.get() + 1) })
            .await;
        pool.waitall().await;
        assert_eq!(done.get(), 2);
    });
}
