//! What must hold in every order. A wake-up that is lost is a hub that sleeps for ever, which loom reports
//! as a deadlock.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::core::Core;
use crate::reactor::Notifier;
use crate::remote::{Item, Remote};
use crate::task::{HubId, Number};
use crate::timers::TimerKey;

/// Tries every order of `body`, in which no thread is interrupted more than three times: orders that
/// need more are many, and show nothing new. The hubs of a process are in one table, so models take turns.
fn in_every_order(body: impl Fn() + Send + Sync + 'static) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

/// A hub that only sleeps and takes.
struct Hub {
    remote: Arc<Remote>,
    notifier: Notifier,
}

impl Hub {
    fn new() -> Self {
        let notifier = Notifier::default();
        let remote = Remote::new(HubId(1), notifier.clone()).unwrap();
        Hub { remote, notifier }
    }

    /// The next item; sleeps while there is none, as `io_turn` does.
    fn next(&self) -> Item {
        loop {
            if let Some(item) = self.remote.take() {
                return item;
            }
            if self.remote.fall_asleep() {
                self.notifier.wait();
                self.remote.wake_up();
            }
        }
    }
}

fn number(item: &Item) -> usize {
    match item {
        Item::Wake(number) => number.0,
        Item::FreeTimer(_) | Item::Job(_) => panic!("nobody sent that"),
    }
}

// proves, E-1
#[test]
fn a_wake_up_reaches_a_hub_that_falls_asleep() {
    in_every_order(|| {
        let hub = Hub::new();
        let remote = hub.remote.clone();
        let sender = thread::spawn(move || remote.send_wake(Number(7)));
        assert_eq!(number(&hub.next()), 7);
        sender.join().unwrap();
    });
}

// proves
#[test]
fn wake_ups_of_two_threads_both_reach_it() {
    in_every_order(|| {
        let hub = Hub::new();
        let senders = [1, 2].map(|n| {
            let remote = hub.remote.clone();
            thread::spawn(move || remote.send_wake(Number(n)))
        });
        let sum = number(&hub.next()) + number(&hub.next());
        assert_eq!(sum, 3);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

// proves A-1: a number is on its way once, and what was done before either wake-up is seen
#[test]
fn what_was_done_before_a_wake_up_is_seen_after_it() {
    in_every_order(|| {
        let hub = Hub::new();
        let done = loom::sync::Arc::new(AtomicUsize::new(0));
        let senders = [1, 1].map(|n| {
            let (remote, done) = (hub.remote.clone(), done.clone());
            thread::spawn(move || {
                done.fetch_add(n, Ordering::Relaxed);
                remote.send_wake(Number(7));
            })
        });
        while done.load(Ordering::Relaxed) < 2 {
            let _ = number(&hub.next());
            hub.remote.has_arrived(Number(7));
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

// proves A-1
#[test]
fn a_stop_reaches_a_hub_that_falls_asleep() {
    in_every_order(|| {
        let hub = Hub::new();
        let remote = hub.remote.clone();
        let stopper = thread::spawn(move || {
            remote.stop.store(true, Ordering::SeqCst);
            remote.notify();
        });
        while !hub.remote.take_stop() {
            if hub.remote.fall_asleep() {
                hub.notifier.wait();
                hub.remote.wake_up();
            }
        }
        stopper.join().unwrap();
    });
}

// proves A-3: whoever comes when the hub goes, nothing is kept and nobody fails
#[test]
fn what_is_sent_while_the_hub_goes_is_dropped_once() {
    in_every_order(|| {
        let hub = Hub::new();
        let mark = Arc::new(());
        let (remote, own) = (hub.remote.clone(), mark.clone());
        let sender = thread::spawn(move || {
            remote.send(Item::Job(Box::new(move |_: &Rc<Core>| drop(own))));
            remote.send(Item::FreeTimer(TimerKey));
            remote.send_wake(Number(7));
        });
        hub.remote.close();
        while let Some(item) = hub.remote.take() {
            drop(item);
        }
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&mark), 1);
        assert!(hub.remote.is_empty());
    });
}
