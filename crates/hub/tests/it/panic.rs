//! A panic ends its green thread, reaches who waits for it, and never the hub.
//!
//! All of this needs unwinding; `main.rs` leaves the module out where panics abort.

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use evlet_hub::{
    Exit, Hub, Report, green_local, is_running, now, sleep, spawn, spawn_n, stats, yield_now,
};

use crate::bell::poll_with;
use crate::stage::{assert_nothing_left, play, virtual_hub, virtually};
use crate::trace::{OnDrop, Trace};

const SECOND: Duration = Duration::from_secs(1);

/// A hub in virtual time, and a trace with one word for each report.
fn reporting_hub() -> (Hub, Trace) {
    let reports = Trace::new();
    let told = reports.clone();
    let hub = Hub::builder()
        .virtual_time(true)
        .on_report(move |report| {
            told.add(match report {
                Report::Panicked { .. } => "panicked",
                Report::Held { .. } => "held",
                _ => "notice",
            });
        })
        .build()
        .unwrap();
    (hub, reports)
}

/// The payload of a task that panicked.
fn payload<T>(ended: Result<T, Exit>) -> Box<dyn Any + Send> {
    match ended {
        Err(Exit::Panicked(payload)) => payload,
        Err(Exit::Killed) => panic!("killed, not panicked"),
        Ok(_) => panic!("returned, not panicked"),
    }
}

// proves A-4
#[test]
fn the_payload_reaches_the_one_who_waits() {
    let (hub, reports) = reporting_hub();
    play(&hub, async {
        let task = spawn(async { panic!("boom") });
        assert_eq!(payload::<()>(task.await).downcast_ref(), Some(&"boom"));
        let seven = reports.words().len() + 7;
        let task = spawn(async move { panic!("number {seven}") });
        let text = payload::<()>(task.wait().await);
        assert_eq!(text.downcast_ref(), Some(&String::from("number 7")));
        let task = spawn(async { panic_any(42_u32) });
        yield_now().await;
        assert!(task.is_finished());
        assert_eq!(payload::<()>(task.await).downcast_ref(), Some(&42_u32));
    });
    assert_eq!(reports.text(), "", "told to the waiter, so not reported");
}

// proves A-4
#[test]
fn the_error_says_what_the_panic_said() {
    virtually(async {
        let exit = spawn(async { panic!("the pump is dry") }).await;
        let exit: Exit = Result::<(), _>::unwrap_err(exit);
        assert!(exit.to_string().contains("the pump is dry"), "{exit}");
        let error: Box<dyn std::error::Error> = Box::new(exit);
        assert!(format!("{error:?}").contains("Panicked"));
    });
}

// proves A-4; conformance 16
#[test]
fn the_others_go_on_in_time() {
    virtually(async {
        let start = now();
        let sleepers: Vec<_> = (1..=5)
            .map(|n| {
                spawn(async move {
                    sleep(SECOND * n).await;
                    now()
                })
            })
            .collect();
        let panicking = spawn(async {
            sleep(SECOND).await;
            panic!("in the middle");
        });
        assert!(panicking.await.is_err());
        let after = spawn(async {
            sleep(SECOND / 2).await;
            now()
        });
        assert_eq!(after.await.unwrap() - start, SECOND + SECOND / 2);
        for (n, sleeper) in (1..).zip(sleepers) {
            assert_eq!(sleeper.await.unwrap() - start, SECOND * n);
        }
    });
}

// proves A-4: a detached task's panic is reported, once
#[test]
fn a_detached_panic_is_reported_once() {
    let (hub, reports) = reporting_hub();
    play(&hub, async {
        drop(spawn(async { panic!("nobody holds my handle") }));
        spawn_n(async { panic!("nobody ever held it") });
        yield_now().await;
        assert_eq!(reports.text(), "panicked panicked");
        sleep(SECOND).await;
    });
    drop(hub);
    assert_eq!(reports.text(), "panicked panicked");
}

// proves A-4: a handle that is dropped unread hands the panic to the report
#[test]
fn a_panic_that_nobody_asked_about_is_reported_when_the_handle_goes() {
    let (hub, reports) = reporting_hub();
    play(&hub, async {
        let task = spawn(async { panic!("unread") });
        yield_now().await;
        assert!(task.is_finished());
        drop(task);
        yield_now().await;
    });
    drop(hub);
    assert_eq!(reports.text(), "panicked");
}

// proves A-4, in the destructor of a future that has returned
#[test]
fn a_destructor_that_panics_after_the_return_is_contained() {
    struct Returns {
        _bomb: OnDrop<fn()>,
    }
    impl Future for Returns {
        type Output = u8;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
            Poll::Ready(1)
        }
    }
    let (hub, reports) = reporting_hub();
    let told = Cell::new(0);
    play(&hub, async {
        let bomb: fn() = || panic!("in the destructor");
        let task = spawn(Returns {
            _bomb: OnDrop::new(bomb),
        });
        spawn_n(async {});
        if let Err(Exit::Panicked(payload)) = task.await {
            assert_eq!(payload.downcast_ref(), Some(&"in the destructor"));
            told.set(1);
        }
        assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
    });
    assert_eq!(told.get() + reports.count("panicked"), 1, "told once");
}

// proves A-4, in the destructor of a result that nobody takes
#[test]
fn a_result_whose_destructor_panics_is_contained() {
    let (hub, reports) = reporting_hub();
    play(&hub, async {
        drop(spawn(async { OnDrop::new(|| panic!("unwanted result")) }));
        yield_now().await;
        yield_now().await;
        assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
    });
    assert_eq!(reports.text(), "panicked");
}

// proves A-4: the payload of a detached panic is dropped by us, and may itself panic
#[test]
fn a_payload_whose_destructor_panics_is_contained() {
    let (hub, reports) = reporting_hub();
    play(&hub, async {
        spawn_n(async { panic_any(Payload) });
        yield_now().await;
        assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
    });
    assert!(reports.count("panicked") >= 1);
}

/// The payload of a panic whose drop panics.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("in the payload");
    }
}

// proves A-4: the same of a panic in a link, in a local's destructor, in a waker and in the report function
#[test]
fn a_payload_whose_destructor_panics_is_contained_wherever_the_panic_was_caught() {
    struct WakesWithPayload;
    impl Wake for WakesWithPayload {
        fn wake(self: Arc<Self>) {
            panic_any(Payload);
        }
    }
    green_local! { static LOCAL: Cell<Option<OnDrop<fn()>>> = Cell::new(None) }

    let trace = Trace::new();
    let told = trace.clone();
    let hub = Hub::builder().virtual_time(true).on_report(move |_| {
        told.add("told");
        panic_any(Payload);
    });
    let hub = hub.build().unwrap();
    play(&hub, async {
        let task = spawn(async {
            let bomb: fn() = || panic_any(Payload);
            LOCAL.set(Some(OnDrop::new(bomb)));
        });
        let after = trace.clone();
        task.link(|_| panic_any(Payload));
        task.link(move |_| after.add("linked"));
        task.await.unwrap();

        let waker = Waker::from(Arc::new(WakesWithPayload));
        let mut bad = sleep(SECOND);
        assert!(poll_with(waker, &mut bad).is_pending());
        sleep(SECOND).await;
        trace.add("woken");
    });
    assert_eq!(trace.text(), "told told linked told woken");
}

/// A waker that panics when it is woken.
struct PanicsOnWake;

impl Wake for PanicsOnWake {
    fn wake(self: Arc<Self>) {
        panic!("in wake");
    }
}

/// A waker that panics when the last of it is dropped.
struct PanicsOnDrop;

impl Wake for PanicsOnDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("in the drop of the waker");
    }
}

/// Leaves bad wakers in two timers, and sees that the others do not notice. (In a join:
/// `tests/alone/survival.rs`.)
fn with_a_bad_waker(waker: fn() -> Waker) {
    let (hub, reports) = reporting_hub();
    let trace = Trace::new();
    play(&hub, async {
        let mut bad = [sleep(SECOND), sleep(SECOND)];
        for sleep in &mut bad {
            assert!(poll_with(waker(), sleep).is_pending());
        }
        let mut tasks = Vec::new();
        for word in ["a", "b"] {
            let trace = trace.clone();
            tasks.push(spawn(async move {
                sleep(SECOND).await;
                trace.add(word);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(trace.text(), "a b");
    assert_eq!(reports.words().len(), 2, "{}", reports.text());
}

// proves A-4, in a waker's vtable function
#[test]
fn a_waker_that_panics_is_contained() {
    with_a_bad_waker(|| Arc::new(PanicsOnWake).into());
}

// proves A-4, in a waker's vtable function
#[test]
fn a_waker_that_panics_when_dropped_is_contained() {
    with_a_bad_waker(|| Arc::new(PanicsOnDrop).into());
}

// proves D-4: the report function may use the hub
#[test]
fn a_report_function_may_use_the_hub() {
    let trace = Trace::new();
    let told = trace.clone();
    let hub = Hub::builder()
        .virtual_time(true)
        .on_report(move |_| {
            let told = told.clone();
            assert!(is_running());
            spawn_n(async move { told.add("spawned by the report") });
        })
        .build()
        .unwrap();
    play(&hub, async {
        spawn_n(async { panic!("first") });
        yield_now().await;
        yield_now().await;
        assert_eq!(trace.text(), "spawned by the report");
    });
}

// proves A-4: a report function that panics ends nothing
#[test]
fn a_report_function_that_panics_is_contained() {
    let calls = Rc::new(Cell::new(0));
    let count = calls.clone();
    let hub = Hub::builder()
        .virtual_time(true)
        .on_report(move |_| {
            count.set(count.get() + 1);
            panic!("while reporting");
        })
        .build()
        .unwrap();
    play(&hub, async {
        spawn_n(async { panic!("first") });
        spawn_n(async { panic!("second") });
        yield_now().await;
        assert_eq!(spawn(async { 2 }).await.unwrap(), 2);
    });
    assert_eq!(calls.get(), 2);
}

// proves A-4: the root is the caller's own code, so its panic is the caller's
#[test]
fn a_panic_of_the_root_leaves_run_and_the_hub_is_usable() {
    let hub = virtual_hub();
    let trace = Trace::new();
    let payload = catch_unwind(AssertUnwindSafe(|| {
        hub.run(async {
            let ours = trace.clone();
            spawn_n(async move {
                yield_now().await;
                ours.add("child");
            });
            yield_now().await;
            panic!("in the root");
        })
    }))
    .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the root"));
    assert!(!is_running());
    play(&hub, async { sleep(SECOND).await });
    assert_eq!(trace.text(), "child");
}

// proves A-4
#[test]
fn a_thousand_panics_leave_nothing_behind() {
    let (hub, reports) = reporting_hub();
    let drops = Rc::new(Cell::new(0));
    play(&hub, async {
        for n in 0..1_000_u32 {
            let drops = drops.clone();
            let mark = OnDrop::new(move || drops.set(drops.get() + 1));
            spawn_n(async move {
                let _mark = mark;
                if n % 2 == 0 {
                    sleep(SECOND).await;
                }
                panic!("number {n}");
            });
        }
        sleep(SECOND * 2).await;
        assert_eq!(stats().green_threads, 0);
    });
    assert_eq!(drops.get(), 1_000);
    assert_eq!(reports.words().len(), 1_000);
    assert_nothing_left(&hub.stats());
}

// proves A-4: killed while it unwinds is not a case, but a panic after a self kill is
#[test]
fn a_task_may_panic_after_it_was_killed() {
    virtually(async {
        let task = Rc::new(std::cell::RefCell::new(None::<evlet_hub::GreenThread<()>>));
        let own = task.clone();
        *task.borrow_mut() = Some(spawn(async move {
            own.borrow().as_ref().unwrap().kill();
            panic!("too late to matter");
        }));
        sleep(SECOND).await;
        let task = task.borrow_mut().take().unwrap();
        assert!(task.await.is_err());
        spawn(pending::<()>()).kill().await;
    });
}
