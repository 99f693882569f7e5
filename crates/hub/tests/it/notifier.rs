//! What the hub's wait on Linux takes for granted about `polling`.
//!
//! The hub registers and notifies through `Poller` and waits on its epoll descriptor directly. That
//! rests on three things that `polling` does not promise. If a new version changes one of them, it is
//! this file that says so, before the hub hangs.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use polling::{Events, Poller};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::bell::RemoteBell;
use crate::stage::really;

/// What an epoll wait without any waiting finds, as keys.
fn look(poller: &Poller) -> Vec<u64> {
    let mut events: Vec<epoll::Event> = Vec::with_capacity(16);
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    epoll::wait(poller, spare_capacity(&mut events), Some(&now)).unwrap();
    events.iter().map(|event| event.data.u64()).collect()
}

/// Clears and re-arms, as the hub does.
fn clear(poller: &Poller) {
    let mut events = Events::new();
    poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty(), "the notifier's event is not shown");
}

#[test]
fn a_notification_has_the_key_that_the_hub_looks_for() {
    let poller = Poller::new().unwrap();
    assert_eq!(look(&poller), []);
    poller.notify().unwrap();
    assert_eq!(look(&poller), [usize::MAX as u64]);
}

#[test]
fn a_wait_of_polling_clears_and_arms_the_notifier_again() {
    let poller = Poller::new().unwrap();
    for round in 0..5 {
        poller.notify().unwrap();
        poller.notify().unwrap();
        assert_eq!(look(&poller), [usize::MAX as u64], "round {round}");
        clear(&poller);
        assert_eq!(look(&poller), [], "round {round}");
    }
}

#[test]
fn nothing_else_of_polling_shows_up() {
    // A timer of `polling` that was set by an earlier wait must not end ours.
    let poller = Poller::new().unwrap();
    clear(&poller);
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        assert_eq!(look(&poller), []);
    }
    poller.notify().unwrap();
    clear(&poller);
    assert_eq!(look(&poller), []);
}

#[test]
fn descriptors_registered_beside_it_are_seen() {
    let poller = Poller::new().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = EventFlags::IN | EventFlags::ET;
    epoll::add(&poller, reader.as_fd(), EventData::new_u64(42), flags).unwrap();
    assert_eq!(look(&poller), []);
    writer.write_all(b"x").unwrap();
    assert_eq!(look(&poller), [42]);
    assert_eq!(look(&poller), [], "an edge is told once");
    poller.notify().unwrap();
    writer.write_all(b"y").unwrap();
    let mut seen = look(&poller);
    seen.sort_unstable();
    assert_eq!(seen, [42, usize::MAX as u64]);
}

// proves A-2: the whole way, many times in a row, so that a notifier that is not re-armed shows
#[test]
fn the_hub_is_woken_again_and_again() {
    really(async {
        let bell = RemoteBell::new();
        for round in 1..=200 {
            let ringer = bell.clone();
            let thread = thread::spawn(move || ringer.ring());
            bell.wait_for(round).await;
            thread.join().unwrap();
        }
    });
}
