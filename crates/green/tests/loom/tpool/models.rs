//! What must hold in every order. A wake-up that is lost is a caller that waits for ever, which loom
//! reports as a deadlock.

use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{self, ThreadId};

use crate::tpool::answer::Answer;
use crate::tpool::sync::HubHandle;

/// What a job gives: it knows where it is to be dropped, and counts that.
struct Value {
    home: ThreadId,
    drops: Arc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.home, "dropped away from home");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// The waker of a caller who can do nothing but wait.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.rings.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// The standard library's `Arc`, since a `Waker` is made of one.
struct Rings(Arc<Bell>);

impl Wake for Rings {
    fn wake(self: std::sync::Arc<Self>) {
        *self.0.rung.lock().unwrap() = true;
        self.0.rings.notify_one();
    }
}

/// A caller on its hub's thread, and a pool thread that answers it.
struct Stage {
    answer: Arc<Answer<Value>>,
    hub: HubHandle,
    bell: Arc<Bell>,
    drops: Arc<AtomicUsize>,
    thread: thread::JoinHandle<()>,
}

fn waker(bell: &Arc<Bell>) -> Waker {
    Waker::from(std::sync::Arc::new(Rings(bell.clone())))
}

impl Stage {
    /// The job has been started when this returns.
    fn new() -> Self {
        let (hub, bell): (HubHandle, Arc<Bell>) = Default::default();
        let drops = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Answer::new(waker(&bell), Some(hub.clone())));
        let value = Value {
            home: thread::current().id(),
            drops: drops.clone(),
        };
        let theirs = answer.clone();
        let thread = thread::spawn(move || theirs.give(Ok(value)));
        Stage {
            answer,
            hub,
            bell,
            drops,
            thread,
        }
    }

    fn poll(&self, waker: &Waker) -> Option<Value> {
        match self.answer.poll(&mut Context::from_waker(waker)) {
            Poll::Ready(result) => result.ok(),
            Poll::Pending => None,
        }
    }

    /// Lets everybody finish; the value has been dropped, once.
    fn ends(self) {
        self.thread.join().unwrap();
        self.hub.look();
        assert_eq!(self.drops.load(Ordering::Relaxed), 1);
    }
}

// proves E-1
#[test]
fn a_result_reaches_who_waits_for_it() {
    loom::model(|| {
        let stage = Stage::new();
        let waker = waker(&stage.bell);
        let value = loop {
            match stage.poll(&waker) {
                Some(value) => break value,
                None => stage.bell.wait(),
            }
        };
        drop(value);
        stage.ends();
    });
}

// proves E-1: it is the waker of the last poll that counts
#[test]
fn a_result_reaches_who_came_with_another_waker() {
    loom::model(|| {
        let stage = Stage::new();
        let bell = Arc::new(Bell::default());
        let value = stage.poll(&waker(&stage.bell)).unwrap_or_else(|| {
            loop {
                match stage.poll(&waker(&bell)) {
                    Some(value) => break value,
                    None => bell.wait(),
                }
            }
        });
        drop(value);
        stage.ends();
    });
}

// proves E-4: given up before, while or after the result comes, it is dropped on the hub's thread
#[test]
fn a_result_that_nobody_wants_is_dropped_at_home() {
    loom::model(|| {
        let stage = Stage::new();
        stage.answer.forget();
        stage.ends();
    });
}

// proves E-4
#[test]
fn a_result_that_was_waited_for_and_then_given_up_is_dropped_at_home() {
    loom::model(|| {
        let stage = Stage::new();
        let value = stage.poll(&waker(&stage.bell));
        stage.answer.forget();
        drop(value);
        stage.ends();
    });
}
