//! The third sheet of `every_await.rs`: scopes and their children, and errors thrown into greenlets
//! (promise D-1).

use std::cell::Cell;
use std::rc::Rc;

use evlet_green::greenlet::{Greenlet, GreenletError};
use evlet_green::testing::{Moment, cancel_at_every_await_in};
use evlet_green::{LightQueue, Semaphore, scope};
use evlet_hub::{sleep, spawn_n, stats, yield_now};

use crate::stage::{SECOND, settle};

/// A semaphore that somebody holds for a second, and a queue into which somebody puts an item then.
async fn busy() -> (Semaphore, LightQueue<u8>, Rc<Cell<u32>>) {
    let (semaphore, queue) = (Semaphore::new(1), LightQueue::unbounded());
    let (permit, own) = (semaphore.acquire().await, queue.clone());
    spawn_n(async move {
        sleep(SECOND).await;
        drop(permit);
        own.put(1).await;
    });
    (semaphore, queue, Rc::default())
}

#[test]
fn a_scope_with_children() {
    let awaits = cancel_at_every_await_in(
        busy,
        async |(semaphore, queue, alive)| {
            let done = scope(|s| async move {
                s.spawn(async {
                    let _here = Alive::new(alive);
                    let _permit = semaphore.acquire().await;
                    sleep(SECOND).await;
                });
                let getter = s.spawn(async {
                    let _here = Alive::new(alive);
                    Ok(queue.get().await)
                });
                Ok::<_, ()>(getter.await.ok())
            });
            done.await.unwrap().unwrap()
        },
        async |(semaphore, queue, alive), attempt| {
            let at_once = alive.get();
            assert_eq!(at_once, 0, "{attempt}: children go with their scope");
            sleep(5 * SECOND).await;
            settle().await;
            assert_eq!(
                (semaphore.available(), semaphore.waiting()),
                (1, 0),
                "{attempt}"
            );
            // What a child had got was its own, and went with it.
            assert!(queue.qsize() + usize::from(attempt.output.is_some()) <= 1);
            assert_eq!((queue.getting(), stats().timers), (0, 0), "{attempt}");
        },
    );
    assert!(awaits.run().len() >= 2);
}

/// How many children there are.
struct Alive<'a>(&'a Cell<u32>);

impl<'a> Alive<'a> {
    fn new(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Alive(count)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

// The wait for a child may be given up and taken up again: the value stays.
#[test]
fn the_wait_for_a_child() {
    for polls in 0..3 {
        crate::stage::virtually(async {
            let done = scope(|s| async move {
                let mut child = s.spawn(async { Ok((yield_now().await, yield_now().await, 7).2) });
                for _ in 0..polls {
                    let _ = futures::poll!(&mut child);
                    yield_now().await;
                }
                Ok::<_, ()>(child.await.ok())
            });
            assert_eq!(done.await, Ok(Some(7)), "after {polls} polls");
        });
    }
}

#[test]
fn throw() {
    let awaits = cancel_at_every_await_in(
        async || {
            let careful = Greenlet::new(async |_: u32| {
                let main = Greenlet::<u32>::current().parent().unwrap();
                match main.switch(0).await {
                    Err(GreenletError::Thrown(error)) => assert_eq!(error.to_string(), "ouch"),
                    other => panic!("{other:?}"),
                }
                sleep(SECOND).await;
                5
            });
            assert_eq!(careful.switch(0).await.unwrap(), 0);
            careful
        },
        async |careful| careful.throw("ouch").await.unwrap(),
        async |careful, attempt| {
            assert!(matches!(attempt.output, None | Some(5)), "{attempt}");
            sleep(10 * SECOND).await;
            let was_begun = attempt.polls > 0 || attempt.moment == Moment::WhenWoken;
            assert_eq!(
                careful.is_dead(),
                was_begun,
                "{attempt}: it goes on to its end"
            );
            if !was_begun {
                assert_eq!(
                    careful.throw("ouch").await.unwrap(),
                    5,
                    "nothing had happened"
                );
            }
        },
    );
    assert_eq!(awaits.run().len(), 1);
}
