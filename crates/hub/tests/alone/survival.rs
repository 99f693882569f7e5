//! What would end the process if it went wrong: panics upon panics, and destructors without end.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_hub::{Exit, Hub, Io, RunError, sleep, spawn, spawn_n, yield_now};

pub(crate) const SCENARIOS: &[Scenario] = &[
    #[cfg(panic = "unwind")]
    (
        "a_future_that_panics_twice_is_contained",
        a_future_that_panics_twice_is_contained,
    ),
    #[cfg(panic = "unwind")]
    (
        "the_hub_survives_its_root_and_a_destructor",
        the_hub_survives_its_root_and_a_destructor,
    ),
    #[cfg(panic = "unwind")]
    (
        "a_bad_waker_in_a_join_is_contained",
        a_bad_waker_in_a_join_is_contained,
    ),
    #[cfg(panic = "unwind")]
    (
        "a_bad_waker_in_a_kill_and_in_a_read_is_contained",
        a_bad_waker_in_a_kill_and_in_a_read_is_contained,
    ),
    (
        "nothing_that_could_wake_anybody_is_a_deadlock",
        nothing_that_could_wake_anybody_is_a_deadlock,
    ),
    (
        "a_hub_in_a_thread_local_goes_with_its_thread",
        a_hub_in_a_thread_local_goes_with_its_thread,
    ),
    ("a_chain_of_destructors_ends", a_chain_of_destructors_ends),
    (
        "a_million_kills_in_a_chain_need_no_stack",
        a_million_kills_in_a_chain_need_no_stack,
    ),
    (
        "a_million_joins_in_a_chain_need_no_stack",
        a_million_joins_in_a_chain_need_no_stack,
    ),
];

fn hub() -> Hub {
    Hub::builder()
        .virtual_time(true)
        .on_report(|_| ())
        .build()
        .expect("a hub")
}

/// Panics when polled, and again when dropped.
struct Twice;

impl Future for Twice {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("in poll");
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

// proves A-4: if the second panic met the first on its way, the language would end the process
#[cfg(panic = "unwind")]
fn a_future_that_panics_twice_is_contained() {
    let hub = hub();
    hub.run(async {
        let waited = spawn(Twice);
        spawn_n(Twice);
        let Err(Exit::Panicked(payload)) = waited.await else {
            panic!("it panicked");
        };
        let said = payload.downcast_ref::<&str>().copied();
        assert!(
            said == Some("in poll") || said == Some("in drop"),
            "{said:?}"
        );
        spawn(async { 1 }).await.unwrap();
        // Left for the shutdown, unpolled: one panic there.
        spawn_n(Twice);
    });
    drop(hub);
}

// proves
#[cfg(panic = "unwind")]
fn the_hub_survives_its_root_and_a_destructor() {
    let hub = hub();
    for _ in 0..10 {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            hub.run(async {
                spawn_n(Twice);
                yield_now().await;
                panic!("the root");
            })
        }));
        assert!(caught.is_err());
    }
    assert_eq!(hub.run(async { spawn(async { 4 }).await.unwrap() }), 4);
}

/// A waker that panics, when woken or when the last of it is dropped.
#[cfg(panic = "unwind")]
struct BadWaker {
    on_wake: bool,
}

#[cfg(panic = "unwind")]
impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        assert!(!self.on_wake, "in wake");
    }
}

#[cfg(panic = "unwind")]
impl Drop for BadWaker {
    fn drop(&mut self) {
        assert!(self.on_wake, "in drop");
    }
}

/// Polls the future once with a waker that panics.
#[cfg(panic = "unwind")]
fn poll_badly<F: Future + Unpin>(on_wake: bool, future: &mut F) {
    let waker = Waker::from(Arc::new(BadWaker { on_wake }));
    let polled = Pin::new(future).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    // The copy that the hub keeps is the last one.
    drop(waker);
}

// proves A-4, in a waker's vtable function: of the first waiter, and of those after it
#[cfg(panic = "unwind")]
fn a_bad_waker_in_a_join_is_contained() {
    for on_wake in [true, false] {
        let reports = Rc::new(Cell::new(0));
        let count = reports.clone();
        let hub = Hub::builder()
            .virtual_time(true)
            .on_report(move |_| count.set(count.get() + 1))
            .build()
            .expect("a hub");
        hub.run(async {
            let task = spawn(sleep(Duration::from_secs(1)));
            let mut waits = [task.wait(), task.wait(), task.wait()];
            for wait in &mut waits {
                poll_badly(on_wake, wait);
            }
            let bystander = spawn(sleep(Duration::from_secs(2)));
            bystander.await.unwrap();
            assert!(task.is_finished());
            drop(waits);
            task.await.unwrap();
        });
        assert_eq!(reports.get(), 3, "each is reported");
    }
}

// proves A-4, in a waker's vtable function
#[cfg(panic = "unwind")]
fn a_bad_waker_in_a_kill_and_in_a_read_is_contained() {
    for on_wake in [true, false] {
        hub().run(async {
            let task = spawn(std::future::pending::<()>());
            let mut kill = task.kill();
            poll_badly(on_wake, &mut kill);
            assert!(task.await.is_err());
            let (reader, mut writer) = std::io::pipe().unwrap();
            let io = Io::new(reader).unwrap();
            let mut readable = Box::pin(io.readable());
            poll_badly(on_wake, &mut readable);
            writer.write_all(b"x").unwrap();
            sleep(Duration::from_secs(1)).await;
            drop(readable);
            io.readable().await.unwrap();
        });
    }
}

// proves A-11: the root kept no waker at all, so there is nothing that could wake it
fn nothing_that_could_wake_anybody_is_a_deadlock() {
    let result = hub().try_run(std::future::pending::<()>());
    assert!(matches!(result, Err(RunError::Deadlock(_))));
    let result = hub().try_run(async {
        let task = spawn(std::future::pending::<()>());
        task.await.unwrap();
    });
    assert!(matches!(result, Err(RunError::Deadlock(_))));
}

// proves: a hub, and what belongs to it, may be kept where its thread's end drops it
fn a_hub_in_a_thread_local_goes_with_its_thread() {
    type Kept = (
        Option<Hub>,
        Option<evlet_hub::GreenThread<()>>,
        Option<evlet_hub::Sleep>,
    );
    thread_local! {
        static KEPT: RefCell<Kept> = const { RefCell::new((None, None, None)) };
    }
    for early in [true, false] {
        let (send, dropped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            if early {
                // Decides which thread local is made first, and so dropped last.
                KEPT.with(|_| ());
            }
            let hub = hub();
            let (task, timer) = hub.run(async {
                struct Tells(std::sync::mpsc::Sender<()>);
                impl Drop for Tells {
                    fn drop(&mut self) {
                        let _ = self.0.send(());
                        spawn_n(async {});
                    }
                }
                let tells = Tells(send);
                let task = spawn(async move {
                    let _tells = tells;
                    sleep(Duration::from_secs(60)).await;
                });
                yield_now().await;
                let mut timer = sleep(Duration::from_secs(60));
                assert!(futures::poll!(&mut timer).is_pending());
                (task, timer)
            });
            KEPT.with_borrow_mut(|kept| *kept = (Some(hub), Some(task), Some(timer)));
        });
        assert!(thread.join().is_ok());
        assert_eq!(dropped.recv(), Ok(()), "its tasks are dropped");
    }
}

/// Spawns its successor when it is dropped.
struct Chain {
    left: u32,
    dropped: Rc<Cell<u32>>,
}

impl Future for Chain {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        if self.left > 0 {
            spawn_n(Chain {
                left: self.left - 1,
                dropped: self.dropped.clone(),
            });
        }
    }
}

// proves A-7: neither by running out of stack nor by running for ever; what is spawned is dropped once
fn a_chain_of_destructors_ends() {
    let dropped = Rc::new(Cell::new(0));
    let hub = hub();
    hub.run(async {
        spawn_n(Chain {
            left: u32::MAX,
            dropped: dropped.clone(),
        });
        yield_now().await;
    });
    drop(hub);
    assert!(dropped.get() >= 2);
    // A chain that does end is dropped to its end.
    let dropped = Rc::new(Cell::new(0));
    let hub = self::hub();
    hub.run(async {
        for _ in 0..10 {
            spawn_n(Chain {
                left: 20,
                dropped: dropped.clone(),
            });
        }
    });
    drop(hub);
    assert_eq!(dropped.get(), 210);
}

// proves D-4: each destructor kills the next; none is inside the other
fn a_million_kills_in_a_chain_need_no_stack() {
    struct KillsNext(Option<evlet_hub::GreenThread<()>>);
    impl Drop for KillsNext {
        fn drop(&mut self) {
            if let Some(next) = &self.0 {
                next.kill();
            }
        }
    }
    let hub = hub();
    hub.run(async {
        let mut next = None;
        for _ in 0..200_000 {
            let guard = KillsNext(next.take());
            next = Some(spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }));
        }
        yield_now().await;
        let first = next.unwrap();
        first.kill().await;
        while evlet_hub::stats().green_threads > 0 {
            yield_now().await;
        }
    });
}

// Each waits for the one before; the end runs through all of them, one turn after the other.
fn a_million_joins_in_a_chain_need_no_stack() {
    let hub = hub();
    let sum = hub.run(async {
        let mut last = spawn(async { 0_u64 });
        for _ in 0..200_000 {
            let before = last;
            last = spawn(async move { before.await.unwrap() + 1 });
        }
        last.await.unwrap()
    });
    assert_eq!(sum, 200_000);
}
