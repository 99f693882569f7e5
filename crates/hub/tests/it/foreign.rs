//! Futures that are not ours: they give what they give, and are dropped with whoever waits for them.
//!
//! What eventlet needs a bridge to asyncio for: here any future runs on the hub.

use std::future::{pending, ready};
use std::thread;

use evlet_hub::{Exit, run, spawn, spawn_n, yield_now};
use futures::FutureExt;
use futures::channel::oneshot;

use crate::stage::virtually;
use crate::trace::Trace;

// conformance 189
#[test]
fn a_future_from_elsewhere_gives_its_result_or_its_error() {
    virtually(async {
        assert_eq!(spawn(ready(13)).await.unwrap(), 13);
        let (answer, asked) = oneshot::channel();
        let asking = spawn(asked);
        yield_now().await;
        answer.send(13).unwrap();
        assert_eq!(asking.await.unwrap(), Ok(13));
        let (answer, asked) = oneshot::channel::<u8>();
        let asking = spawn(asked);
        drop(answer);
        assert_eq!(asking.await.unwrap(), Err(oneshot::Canceled));
        let (task, handle) = async { 13 }.remote_handle();
        spawn(task).await.unwrap();
        assert_eq!(handle.await, 13);
    });
}

// conformance 189: also if another thread has it
#[test]
fn a_future_from_another_thread_gives_its_result() {
    run(async {
        let (answer, asked) = oneshot::channel();
        let other = thread::spawn(move || answer.send(13).unwrap());
        assert_eq!(spawn(asked).await.unwrap(), Ok(13));
        other.join().unwrap();
    });
}

// conformance 190
#[test]
fn killing_who_waits_for_a_future_drops_it_and_its_rest_never_runs() {
    let trace = Trace::new();
    virtually(async {
        let (rest, mark) = (trace.clone(), trace.on_drop("dropped"));
        let (answer, asked) = oneshot::channel::<u8>();
        let asking = spawn(async move {
            let _mark = mark;
            let _ = asked.await;
            rest.add("rest");
        });
        yield_now().await;
        asking.kill().await;
        assert!(answer.is_canceled());
        assert!(matches!(asking.await, Err(Exit::Killed)));
    });
    assert_eq!(trace.text(), "dropped");
}

// conformance 191: what a green thread shall take along it must own, as a future
#[test]
fn a_kill_is_told_to_who_waits_and_reaches_what_the_victim_owns() {
    let trace = Trace::new();
    virtually(async {
        let awaited = spawn(pending::<()>());
        let kill = awaited.kill();
        assert!(matches!(awaited.await, Err(Exit::Killed)));
        kill.await;

        let mark = trace.on_drop("the owned one");
        let (owned, handle) = async move {
            let _mark = mark;
            pending::<()>().await;
        }
        .remote_handle();
        spawn_n(owned);
        let waiting = spawn(handle);
        yield_now().await;
        waiting.kill().await;
        yield_now().await;
    });
    assert_eq!(trace.text(), "the owned one");
}
