//! User code in the middle of everything: destructors, clones and wakers that use the very object
//! that runs them (promise D-4).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use evlet_green::{DagPool, Event, GreenPile, GreenPool, LightQueue, Pool, Semaphore};
use evlet_hub::{spawn, yield_now};
use futures::poll;

use crate::stage::{reports_of, virtually};
use crate::trace::OnDrop;

/// A waker that calls the closure in this thread's pocket when it is woken, and when its last copy
/// is dropped. Each poll gets a new one, so the old copies are dropped in the middle of things.
struct Meddling;

impl Wake for Meddling {
    fn wake(self: Arc<Self>) {
        meddle();
    }
}

impl Drop for Meddling {
    fn drop(&mut self) {
        meddle();
    }
}

fn poll_meddling(wait: &mut Pin<Box<dyn Future<Output = ()> + '_>>) -> bool {
    let waker = Waker::from(Arc::new(Meddling));
    wait.as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
}

thread_local! {
    static POCKET: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

fn meddle() {
    let closure = POCKET.with_borrow(Option::clone);
    if let Some(closure) = closure
        && DEPTH.get() < 3
    {
        DEPTH.set(DEPTH.get() + 1);
        closure();
        DEPTH.set(DEPTH.get() - 1);
    }
}

fn ignore<T>(_: T) {}

/// Polls `waits` with wakers that call `meddle` at every chance, then drops them.
pub(crate) fn check(
    meddle: impl Fn() + 'static,
    mut waits: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>,
    after: impl FnOnce(),
) {
    POCKET.set(Some(Rc::new(meddle)));
    for _ in 0..3 {
        waits.retain_mut(poll_meddling);
    }
    after();
    waits.retain_mut(poll_meddling);
    drop(waits);
    POCKET.set(None);
}

#[test]
fn wakers_may_use_the_queue() {
    let queue = LightQueue::bounded(1);
    let own = queue.clone();
    check(
        move || {
            let _ = own.put_nowait(1);
            let _ = own.get_nowait();
            own.resize(own.maxsize());
        },
        vec![
            Box::pin(async { ignore(queue.get().await) }),
            Box::pin(async { queue.put(2).await }),
            Box::pin(async { queue.put(3).await }),
            Box::pin(async { ignore(queue.get().await) }),
        ],
        || ignore(queue.put_nowait(4)),
    );
    assert_eq!((queue.getting(), queue.putting()), (0, 0));
}

#[test]
fn wakers_may_use_the_rendezvous() {
    let queue = LightQueue::rendezvous();
    let own = queue.clone();
    check(
        move || {
            let _ = own.put_nowait(1);
            let _ = own.get_nowait();
        },
        vec![
            Box::pin(async { ignore(queue.get().await) }),
            Box::pin(async { queue.put(2).await }),
            Box::pin(async { ignore(queue.get().await) }),
        ],
        || ignore(queue.put_nowait(4)),
    );
    assert_eq!((queue.getting(), queue.putting()), (0, 0));
}

#[test]
fn wakers_may_close_the_queue() {
    let queue = LightQueue::bounded(1);
    let own = queue.clone();
    check(
        move || own.close(),
        vec![
            Box::pin(async { ignore(queue.recv().await) }),
            Box::pin(async { ignore(queue.send(2).await) }),
            Box::pin(async { ignore(queue.send(3).await) }),
            Box::pin(async { ignore(queue.recv().await) }),
            Box::pin(async { ignore(queue.recv().await) }),
        ],
        || (),
    );
    assert_eq!((queue.getting(), queue.putting()), (0, 0));
    assert!(queue.is_closed());
}

#[test]
fn an_item_may_use_the_queue_that_refuses_it() {
    let queue = LightQueue::<OnDrop>::bounded(1);
    assert!(queue.put_nowait(OnDrop::new(|| ())).is_ok());
    let (own, seen) = (queue.clone(), Rc::new(Cell::new(0)));
    let count = seen.clone();
    let item = OnDrop::new(move || {
        own.close();
        count.set(1 + own.qsize() + own.putting());
    });
    let mut send = Box::pin(queue.send(item));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(send.as_mut().poll(&mut cx).is_pending());
    queue.close();
    assert!(send.as_mut().poll(&mut cx).is_ready());
    assert_eq!(seen.get(), 2, "one inside; it has left the line");
}

#[test]
fn wakers_may_use_the_event() {
    let event = Event::new();
    let own = event.clone();
    check(
        move || {
            let _ = own.send(1);
            own.reset();
        },
        (0..3)
            .map(|_| Box::pin(async { ignore(event.wait().await) }) as _)
            .collect(),
        || ignore(event.send(2)),
    );
    assert_eq!(event.waiting(), 0);
}

/// Its clone sends, resets and reads the event that it is in.
struct Busy {
    event: Event<Busy>,
    number: u32,
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        let copy = |number| Busy {
            event: self.event.clone(),
            number,
        };
        if self.number == 1 {
            assert!(self.event.send(copy(2)).is_err(), "one is there");
            assert!(self.event.reset());
            assert!(self.event.send(copy(3)).is_ok());
            assert_eq!(self.event.peek().map(|busy| busy.number), Some(3));
        }
        copy(self.number)
    }
}

#[test]
fn the_clone_of_a_value_may_use_its_event() {
    virtually(async {
        let event = Event::new();
        let value = |number| Busy {
            event: event.clone(),
            number,
        };
        let waiting = spawn({
            let event = event.clone();
            async move { event.wait().await.number }
        });
        yield_now().await;
        assert!(event.send(value(1)).is_ok());
        assert_eq!(waiting.await.unwrap(), 1);
        assert_eq!(event.wait().await.number, 3);
        event.reset(); // the value holds its own event
        assert!(event.send(value(1)).is_ok());
        assert_eq!(event.peek().map(|busy| busy.number), Some(1));
        assert!(event.reset());
    });
}

#[test]
fn wakers_may_use_the_semaphore() {
    let semaphore = Semaphore::new(0);
    let own = semaphore.clone();
    check(
        move || drop(own.try_acquire()),
        (0..3)
            .map(|_| Box::pin(async { drop(semaphore.acquire().await) }) as _)
            .collect(),
        || semaphore.release(),
    );
    assert_eq!((semaphore.waiting(), semaphore.available()), (0, 1));
}

#[test]
fn wakers_may_use_the_pool_and_the_pile() {
    virtually(async {
        let pool = GreenPool::new(1);
        let pile = GreenPile::with_pool(&pool);
        pile.spawn(async {}).await;
        let (own, theirs) = (pool.clone(), pile.clone());
        check(
            move || {
                own.resize(own.size());
                drop(own.try_spawn(async {}));
                let mut next = pin!(theirs.next());
                ignore(next.as_mut().poll(&mut Context::from_waker(Waker::noop())));
            },
            vec![
                Box::pin(async { pool.spawn_n(async {}).await }),
                Box::pin(async { pile.spawn(async {}).await }),
                Box::pin(async { ignore(pile.next().await) }),
                Box::pin(async { pool.waitall().await }),
            ],
            || pool.resize(2),
        );
        assert_eq!(pool.waiting(), 0);
        pool.waitall().await;
        assert_eq!(pool.free(), 2);
    });
}

#[test]
fn wakers_may_use_the_resource_pool() {
    let pool = Pool::new(1, async || 0);
    let own = pool.clone();
    check(
        move || {
            own.clear();
            own.resize(own.max_size());
            own.put(7);
        },
        (0..3)
            .map(|_| Box::pin(async { ignore(pool.item().await) }) as _)
            .collect(),
        || pool.put(8),
    );
    assert_eq!((pool.waiting(), pool.free()), (0, 1));
}

#[test]
fn wakers_may_use_the_pool_of_jobs() {
    let pool = DagPool::new();
    let own = pool.clone();
    check(
        move || {
            let _ = own.replace('b', own.known_keys().len());
            ignore(own.wait_each(['a', 'd']));
        },
        vec![
            Box::pin(async { ignore(pool.value('a').await) }),
            Box::pin(async { ignore(pool.wait(['a', 'b']).await) }),
            Box::pin(async { ignore(pool.wait_each(['b', 'c']).next().await) }),
        ],
        || ignore(pool.post('a', 0)),
    );
    assert_eq!(pool.keys(), ['a', 'b']);
}

#[test]
fn a_value_may_use_its_pool_of_jobs_when_it_is_cloned_or_dropped() {
    type Place = RefCell<Option<DagPool<u8, Meddler>>>;
    #[derive(Clone)]
    struct Inner(Rc<Place>);
    impl Inner {
        fn meddle(&self) {
            let pool = self.0.borrow().clone();
            if let Some(pool) = pool {
                assert_eq!(pool.waiting(), 0);
                let _ = pool.post(pool.keys().len() as u8, Meddler(Inner(Rc::default())));
            }
        }
    }
    struct Meddler(Inner);
    impl Clone for Meddler {
        fn clone(&self) -> Self {
            self.0.meddle();
            Meddler(self.0.clone())
        }
    }
    impl Drop for Meddler {
        fn drop(&mut self) {
            self.0.meddle();
        }
    }
    virtually(async {
        let inner = Inner(Rc::default());
        let pool = DagPool::preload([(0, Meddler(inner.clone()))]);
        inner.0.replace(Some(pool.clone()));
        ignore(pool.value(0).await);
        ignore(pool.items());
        pool.replace(0, Meddler(inner.clone())).unwrap();
        ignore(pool.waitall().await);
        assert!(pool.keys().len() > 4);
        inner.0.take();
    });
}

#[test]
fn an_item_may_put_another_when_it_is_dropped() {
    virtually(async {
        let queue = LightQueue::<OnDrop>::bounded(2);
        let own = queue.clone();
        let item = OnDrop::new(move || drop(own.put_nowait(OnDrop::new(|| ()))));
        queue.put(item).await;
        ignore(queue.get().await);
        assert_eq!(queue.qsize(), 1);

        // The item of a put that is given up, in line.
        let (full, count) = (queue.clone(), Rc::new(Cell::new(0)));
        queue.put(OnDrop::new(|| ())).await;
        let seen = count.clone();
        let item = OnDrop::new(move || seen.set(full.qsize() + full.putting()));
        {
            let mut put = pin!(queue.put(item));
            assert!(poll!(&mut put).is_pending());
        }
        assert_eq!(count.get(), 2, "two inside, and it has left the line");
        while let Ok(item) = queue.get_nowait() {
            drop(item);
        }
    });
}

#[test]
fn a_clone_of_the_value_may_use_the_event() {
    struct Meddler(Event<Meddler>, Rc<Cell<u32>>);
    impl Clone for Meddler {
        fn clone(&self) -> Self {
            self.1.set(self.1.get() + 1);
            assert!(self.0.ready());
            self.0.reset();
            let again = self.0.send(Meddler(self.0.clone(), self.1.clone()));
            assert!(again.is_ok());
            Meddler(self.0.clone(), self.1.clone())
        }
    }
    virtually(async {
        let (event, clones) = (Event::new(), Rc::new(Cell::new(0)));
        let waiting = [(); 3].map(|()| {
            let event: Event<Meddler> = event.clone();
            spawn(async move { ignore(event.wait().await) })
        });
        yield_now().await;
        assert!(event.send(Meddler(event.clone(), clones.clone())).is_ok());
        for thread in waiting {
            thread.await.unwrap();
        }
        drop(event.peek());
        assert!(clones.get() >= 3);
        event.reset(); // it held a handle of itself
    });
}

#[test]
fn a_value_may_use_the_event_when_it_is_dropped() {
    virtually(async {
        let event = Event::<Rc<OnDrop>>::new();
        let own = event.clone();
        let value = OnDrop::new(move || {
            assert!(!own.ready());
            assert!(own.send(Rc::new(OnDrop::new(|| ()))).is_ok());
        });
        assert!(event.send(Rc::new(value)).is_ok());
        assert!(event.reset());
        assert!(event.ready(), "the destructor has sent again");
    });
}

#[test]
fn a_job_may_use_its_pool_when_it_is_dropped() {
    virtually(async {
        let pool = GreenPool::new(1);
        let (own, ran) = (pool.clone(), Rc::new(Cell::new(false)));
        let flag = ran.clone();
        let guard = OnDrop::new(move || {
            assert!(own.try_spawn(async {}).is_err(), "its place is still taken");
            own.resize(2);
            drop(own.try_spawn(async move { flag.set(true) }).unwrap());
        });
        let job = pool.spawn(async move {
            drop(guard);
        });
        job.await.await.unwrap();
        pool.waitall().await;
        assert!(ran.get());
    });
}

// proves A-4
#[test]
fn a_waker_that_panics_keeps_nobody_else_from_being_woken() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a foreign waker");
        }
    }
    let reports = reports_of(async {
        let event = Event::new();
        let mut foreign = Box::pin(event.wait());
        let waker = Waker::from(Arc::new(Panics));
        assert!(foreign.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending);
        let own = event.clone();
        let waiting = spawn(async move { own.wait().await });
        yield_now().await;
        event.send(5).unwrap();
        assert_eq!(waiting.await.unwrap(), 5);
    });
    assert_eq!(reports.len(), 1, "{reports:?}");
}
