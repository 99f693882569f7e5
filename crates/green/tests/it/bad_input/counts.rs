//! Once too often: a release, a `task_done`, a `send`, a value for a key, an item for a pool, a wait for what was
//! handed out.

use evlet_green::dagpool::SpawnError;
use evlet_green::greenlet::{Greenlet, GreenletError};
use evlet_green::queue::Closed;
use evlet_green::{
    AlreadySent, BoundedSemaphore, CappedSemaphore, DagPool, Event, LightQueue, OverLimit, Pool,
    Queue, Semaphore, TooManyDone, TooManyReleases, scope,
};
use evlet_hub::{Exit, spawn};

use crate::stage::virtually;

#[test]
fn a_release_and_a_task_done_too_many_are_typed_errors_and_change_nothing() {
    virtually(async {
        let semaphore = BoundedSemaphore::new(1);
        assert_eq!(semaphore.release(), Err(TooManyReleases { limit: 1 }));
        assert_eq!(semaphore.available(), 1);
        let queue = Queue::unbounded();
        queue.put(1).await;
        queue.task_done().unwrap();
        assert_eq!(queue.task_done(), Err(TooManyDone));
        queue.join().await;
        assert_eq!((queue.unfinished_tasks(), queue.get().await), (0, 1));
    });
}

#[test]
fn counters_at_the_end_of_their_range_stay_there() {
    let semaphore = Semaphore::new(usize::MAX);
    semaphore.release();
    assert_eq!(semaphore.available(), usize::MAX);
    assert_eq!(semaphore.balance(), isize::MAX);
}

#[test]
fn a_capped_semaphore_refuses_what_it_has_no_room_for() {
    virtually(async {
        assert_eq!(
            CappedSemaphore::new(2, 1).unwrap_err(),
            OverLimit {
                permits: 2,
                limit: 1
            }
        );
        let semaphore = CappedSemaphore::new(1, 1).unwrap();
        assert_eq!(semaphore.try_release(), Err(TooManyReleases { limit: 1 }));
        let permit = semaphore.acquire().await;
        semaphore.try_release().unwrap();
        drop(permit); // one too many by now
        assert_eq!((semaphore.available(), semaphore.releasing()), (1, 0));
    });
}

// proves D-6
#[test]
fn an_event_keeps_its_first_value_and_hands_the_second_back() {
    virtually(async {
        let event = Event::new();
        event.send(1).unwrap();
        assert_eq!(event.send(2), Err(AlreadySent(2)));
        assert_eq!(event.wait().await, 1);
        assert!(event.reset() && !event.reset());
    });
}

#[test]
fn a_queue_that_is_closed_twice_is_closed_and_hands_items_back() {
    virtually(async {
        let queue = LightQueue::unbounded();
        queue.send(1).await.unwrap();
        queue.close();
        queue.close();
        assert_eq!(queue.send(2).await, Err(Closed(2)));
        assert_eq!(queue.put_nowait(3).unwrap_err().0, 3);
        assert_eq!((queue.recv().await, queue.recv().await), (Some(1), None));
    });
}

#[test]
fn a_key_has_one_job_or_one_value() {
    virtually(async {
        let pool = DagPool::<&str, u8>::new();
        pool.spawn("a", [], async |_, _| Ok(1)).unwrap();
        let again = pool.spawn("a", [], async |_, _| Ok(2));
        assert!(matches!(again, Err(SpawnError::Collision(_))), "{again:?}");
        assert!(pool.post("a", 3).is_err());
        assert_eq!(pool.value("a").await.unwrap(), 1);
        assert!(pool.kill(&"a").is_err(), "it has ended");
        assert!(pool.kill(&"z").is_err(), "there is none");
        assert!(pool.post("a", 3).is_err());
        assert_eq!(pool.value("a").await.unwrap(), 1);
    });
}

#[test]
fn a_pool_takes_no_more_items_than_there_may_be() {
    virtually(async {
        let pool = Pool::new(1, async || 1);
        for item in [2, 3, 4] {
            pool.put(item);
        }
        assert_eq!((pool.size(), pool.idle()), (1, 1));
    });
}

#[test]
fn what_is_handed_out_once_is_refused_the_second_time() {
    virtually(async {
        let thread = spawn(async { 1 });
        assert_eq!(thread.wait().await.unwrap(), 1);
        assert!(matches!(thread.wait().await, Err(Exit::Panicked(_))));
        thread.kill().await;
        thread.kill().await;

        let twice = scope(|s| async move {
            let mut child = s.spawn(async { Ok(1) });
            let first = (&mut child).await;
            Ok::<_, ()>((first.ok(), child.await.ok()))
        });
        assert_eq!(twice.await, Ok((Some(1), None)));

        let short = Greenlet::new(|n: u8| async move { n });
        short.switch(1).await.unwrap();
        assert!(matches!(short.switch(1).await, Err(GreenletError::Dead)));
    });
}
