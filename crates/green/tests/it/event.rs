//! `Event`: eventlet's cases, and what ours add to them.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use evlet_green::{AlreadySent, Event, with_timeout};
use evlet_hub::{Exit, GreenThread, now, sleep, spawn, yield_now};
use futures::poll;

use crate::stage::{MS, SECOND, reports_of, virtually};
use crate::trace::Trace;

fn waiter<T: Clone + 'static>(event: &Event<T>) -> GreenThread<T> {
    let event = event.clone();
    spawn(async move { event.wait().await })
}

// conformance 28
#[test]
fn a_waiter_gets_what_is_sent() {
    virtually(async {
        let event = Event::new();
        let waiting = waiter(&event);
        yield_now().await;
        assert!(!event.ready());
        event.send("arg").unwrap();
        assert!(event.ready());
        assert_eq!(waiting.await.unwrap(), "arg");
        assert_eq!(event.wait().await, "arg", "as often as one likes");
    });
}

// conformance 29; proves D-2
#[test]
fn all_waiters_wake_in_the_order_in_which_they_came() {
    let trace = Trace::default();
    virtually(async {
        let event = Event::new();
        for n in 0..5 {
            let (event, trace) = (event.clone(), trace.clone());
            drop(spawn(async move {
                event.wait().await;
                trace.add(n);
            }));
        }
        yield_now().await;
        assert_eq!(event.waiting(), 5);
        event.send(()).unwrap();
        yield_now().await;
        assert_eq!(event.waiting(), 0);
    });
    assert_eq!(trace.text(), "0 1 2 3 4");
}

// conformance 30
#[test]
fn a_waiter_that_fails_does_not_disturb_the_others() {
    virtually(async {
        let event = Event::new();
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let event = event.clone();
                spawn(async move {
                    event.wait().await;
                    panic!("it fails after waking");
                })
            })
            .collect();
        yield_now().await;
        event.send(()).unwrap();
        for thread in waiting {
            assert!(matches!(thread.await, Err(Exit::Panicked(_))));
        }
    });
}

// conformance 31; proves D-6
#[test]
fn a_second_send_is_refused_until_a_reset() {
    virtually(async {
        let event = Event::new();
        assert!(!event.reset(), "there is nothing to forget");
        event.send(1).unwrap();
        assert_eq!(event.send(2), Err(AlreadySent(2)));
        assert_eq!((event.wait().await, event.wait().await), (1, 1));
        assert_eq!(event.peek(), Some(1));
        assert!(event.reset());
        assert!(!event.ready());
        assert_eq!(event.peek(), None);
        event.send(3).unwrap();
        assert_eq!(event.wait().await, 3);
    });
}

// conformance 32, 35
#[test]
fn a_failure_is_sent_as_a_result_and_is_the_same_for_all() {
    virtually(async {
        let event = Event::<Result<(), Arc<str>>>::new();
        let waiting = [(); 3].map(|()| waiter(&event));
        yield_now().await;
        let error: Arc<str> = "it broke".into();
        event.send(Err(Arc::clone(&error))).unwrap();
        for thread in waiting {
            let got = thread.await.unwrap().unwrap_err();
            assert!(Arc::ptr_eq(&got, &error));
        }
        assert!(Arc::ptr_eq(&event.wait().await.unwrap_err(), &error));
        event.reset();
        event.send(Ok(())).unwrap();
        assert_eq!(event.wait().await, Ok(()), "the old failure is forgotten");
    });
}

// conformance 33
#[test]
fn a_limited_wait_gets_what_comes_in_time() {
    virtually(async {
        let event = Event::new();
        let sender = event.clone();
        let start = now();
        let sending = spawn(async move {
            sleep(100 * MS).await;
            sender.send("hi").unwrap();
        });
        assert_eq!(with_timeout(200 * MS, event.wait()).await.unwrap(), "hi");
        assert_eq!(now() - start, 100 * MS);
        sending.await.unwrap();
    });
}

// conformance 34; defect D2 of eventlet: no timer outlives the wait
#[test]
fn a_limited_wait_ends_at_its_limit() {
    virtually(async {
        let event = Event::new();
        let start = now();
        assert!(with_timeout(100 * MS, event.wait()).await.is_err());
        assert_eq!(now() - start, 100 * MS);
        assert_eq!(event.waiting(), 0);
        let sender = event.clone();
        let sending = spawn(async move {
            sleep(SECOND).await;
            sender.send("hi").unwrap();
        });
        assert_eq!(event.wait().await, "hi");
        sending.await.unwrap();
    });
}

#[test]
fn waiters_get_the_value_that_was_sent_while_they_waited_even_after_a_reset() {
    virtually(async {
        let event = Event::new();
        let waiting = waiter(&event);
        yield_now().await;
        event.send("old").unwrap();
        event.reset();
        event.send("new").unwrap();
        let late = waiter(&event);
        assert_eq!(waiting.await.unwrap(), "old");
        assert_eq!(late.await.unwrap(), "new");
    });
}

// proves D-6
#[test]
fn a_reset_leaves_those_who_wait_waiting() {
    virtually(async {
        let event = Event::new();
        let waiting = waiter(&event);
        yield_now().await;
        assert!(!event.reset());
        yield_now().await;
        assert_eq!(event.waiting(), 1);
        event.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), 7);
    });
}

// proves D-5
#[test]
#[cfg_attr(miri, ignore = "too long for an interpreter")]
fn a_million_waits_that_were_given_up_leave_nothing() {
    virtually(async {
        let event = Event::<()>::new();
        for _ in 0..1_000_000 {
            let mut wait = pin!(event.wait());
            assert!(poll!(&mut wait).is_pending());
        }
        assert_eq!(event.waiting(), 0);
    });
}

#[test]
fn the_value_is_dropped_with_the_event_and_at_reset() {
    let trace = Trace::default();
    virtually(async {
        let event = Event::new();
        event.send(Rc::new(trace.on_drop("first"))).unwrap();
        event.reset();
        assert_eq!(trace.text(), "first");
        event.send(Rc::new(trace.on_drop("second"))).unwrap();
    });
    assert_eq!(trace.text(), "first second");
}

#[test]
fn each_generation_gets_its_own_value_which_goes_with_its_last_reader() {
    let trace = Trace::default();
    virtually(async {
        let event = Event::new();
        let mut waits = Vec::new();
        for name in ["first", "second", "third"] {
            for _ in 0..2 {
                let mut wait = Box::pin(event.wait());
                assert!(poll!(&mut wait).is_pending());
                waits.push(wait);
            }
            assert!(event.send(Rc::new(trace.on_drop(name))).is_ok());
            assert!(event.reset());
        }
        assert_eq!(trace.text(), "", "all are promised");
        drop(waits.pop());
        for wait in waits.drain(1..) {
            drop(wait.await);
        }
        assert_eq!(trace.text(), "second third");
        drop(waits);
        assert_eq!(trace.text(), "second third first", "it was given up");
        assert_eq!((event.waiting(), event.ready()), (0, false));
    });
}

// proves A-4 and B-2: neither the panic of a waker nor that of its payload's destructor costs others their turn
#[test]
#[cfg(panic = "unwind")]
fn a_waker_whose_panic_panics_keeps_nobody_from_being_woken() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("in the payload");
        }
    }
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Payload);
        }
    }
    let reports = reports_of(async {
        let event = Event::new();
        let other = event.clone();
        let mut bad = Box::pin(event.wait());
        let waker = Waker::from(Arc::new(Bad));
        let polled = bad.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        let waits = spawn(async move { other.wait().await });
        let own = event.clone();
        let mut foreign = Box::pin(async move { own.wait().await });
        assert!(poll!(foreign.as_mut()).is_pending());
        yield_now().await;
        event.send(7).unwrap();
        assert_eq!(waits.await.unwrap(), 7);
        assert_eq!((foreign.await, bad.await), (7, 7));
    });
    assert_eq!(reports.len(), 1);
}
