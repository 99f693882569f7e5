//! One hub a thread at a time: a second is refused, with the places of both.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{
    Hub, Io, RunError, current, is_running, now, run, sleep, spawn, stats, timeout, yield_now,
};
use futures::FutureExt;

use crate::bell::{Ear, poll_with};
use crate::stage::virtual_hub;
use crate::trace::OnDrop;

/// Where something stands in this file.
fn place(line: u32) -> String {
    format!("nested.rs:{line}")
}

// proves A-8
#[test]
fn a_hub_in_a_hub_is_refused_with_both_places() {
    let outer = virtual_hub();
    let (error, inner_line, outer_line) = outer.run(async {
        let outer_line = line!() - 1;
        let inner = virtual_hub();
        let (refused, inner_line) = (inner.try_run(async { 1 }), line!());
        yield_now().await;
        (refused.unwrap_err(), inner_line, outer_line)
    });
    assert!(matches!(error, RunError::Nested(_)));
    let text = error.to_string();
    assert!(text.contains(&place(inner_line)), "{text}");
    assert!(text.contains(&place(outer_line)), "{text}");
    let error: Box<dyn std::error::Error> = Box::new(error);
    drop(error);
}

// proves A-8: the same hub again is refused as well
#[test]
fn a_hub_cannot_be_run_by_its_own_tasks() {
    let hub = Rc::new(virtual_hub());
    let again = hub.clone();
    let refused = hub.run(async move {
        spawn(async move { matches!(again.try_run(async {}), Err(RunError::Nested(_))) })
            .await
            .unwrap()
    });
    assert!(refused);
}

// proves A-8
#[test]
#[cfg(panic = "unwind")]
fn run_in_a_hub_panics_with_both_places() {
    let outer = virtual_hub();
    let dropped = Rc::new(Cell::new(false));
    let seen = dropped.clone();
    let mark = OnDrop::new(move || seen.set(true));
    let mut inner_line = 0;
    let payload = outer.run(async {
        let task = std::panic::AssertUnwindSafe(async {
            inner_line = line!() + 1;
            run(async move { drop(mark) });
        });
        task.catch_unwind().await.unwrap_err()
    });
    let outer_line = line!() - 7;
    let text = payload.downcast_ref::<String>().expect("a message");
    assert!(text.contains(&place(inner_line)), "{text}");
    assert!(text.contains(&place(outer_line)), "{text}");
    assert!(dropped.get(), "the refused root is not kept");
}

// proves A-8: a refusal harms nobody
#[test]
fn the_outer_hub_goes_on_after_a_refusal() {
    let outer = virtual_hub();
    let seconds = outer.run(async {
        let start = now();
        let child = spawn(async {
            sleep(Duration::from_secs(2)).await;
            virtual_hub().try_run(async {}).is_err()
        });
        let inner = virtual_hub();
        assert!(inner.try_run(async {}).is_err());
        drop(inner);
        assert!(is_running());
        assert!(child.await.unwrap());
        sleep(Duration::from_secs(1)).await;
        (now() - start).as_secs()
    });
    assert_eq!(seconds, 3);
    assert!(!is_running());
}

#[test]
fn a_thread_without_a_hub_knows_it() {
    assert!(!is_running());
    assert!(current().is_none());
    assert_eq!(stats().green_threads, 0);
    let before = now();
    assert!(now() >= before);
    let hub = virtual_hub();
    assert!(!is_running(), "a hub that does not run is not running");
    let inside = hub.run(async { (is_running(), spawn(async { current() }).await.unwrap()) });
    assert!(inside.0);
    assert!(inside.1.is_some());
    assert!(!is_running());
    assert!(current().is_none());
}

/// What a panic said.
#[cfg(panic = "unwind")]
fn said(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .expect("a message")
}

// proves A-8: a primitive outside any hub says so, and says what to do
#[test]
#[cfg(panic = "unwind")]
fn primitives_outside_a_hub_say_so() {
    let about_a_hub = |text: String| {
        assert!(text.contains("hub"), "{text}");
        assert!(text.contains("run"), "says what to do: {text}");
    };
    about_a_hub(said(|| drop(spawn(async {}))));
    about_a_hub(said(|| evlet_hub::spawn_n(async {})));
    about_a_hub(said(|| {
        drop(evlet_hub::spawn_after(Duration::ZERO, async {}));
    }));
    about_a_hub(said(|| drop(evlet_hub::handle())));
    let (reader, _writer) = std::io::pipe().unwrap();
    about_a_hub(Io::new(reader).unwrap_err().to_string());
}

// proves A-8: a sleep that is polled where no hub runs says so; it does not wait for ever
#[test]
#[cfg(panic = "unwind")]
fn a_sleep_outside_a_hub_says_so() {
    let text = said(|| {
        let _ = poll_with(Ear::new(), &mut sleep(Duration::from_secs(1)));
    });
    assert!(text.contains("hub"), "{text}");
}

// proves B-7: a timeout around what is ready asks no hub for anything
#[test]
fn a_timeout_around_a_ready_future_needs_no_hub() {
    let done = timeout(Duration::from_secs(1), async { 4 }).now_or_never();
    assert_eq!(done.unwrap().unwrap(), 4);
}

#[test]
fn a_hub_can_run_many_times() {
    let hub = Hub::new().unwrap();
    for n in 0..100 {
        assert_eq!(
            hub.run(async move { spawn(async move { n }).await.unwrap() }),
            n
        );
    }
    assert_eq!(hub.stats().spawned, 100);
    assert_eq!(hub.stats().finished, 100);
}
