//! What the hub's wait on Linux takes for granted.
//!
//! The hub waits on the epoll descriptor of a `Poller` directly, and other threads wake it by an eventfd
//! that is registered edge-triggered and never read. If a new `polling` puts events of its own into our
//! waits, or a kernel tells fewer edges than writes, it is this file that says so, before the hub hangs.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use polling::{Events, Poller};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

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

/// A poller with a bell in its set, whose events have the key 7.
fn with_bell() -> (Poller, OwnedFd) {
    let poller = Poller::new().unwrap();
    let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
    let flags = EventFlags::IN | EventFlags::ET;
    epoll::add(&poller, &bell, EventData::new_u64(7), flags).unwrap();
    (poller, bell)
}

fn ring(bell: &OwnedFd) {
    rustix::io::write(bell, &1_u64.to_ne_bytes()).unwrap();
}

#[test]
fn each_ring_of_a_bell_that_is_never_read_is_an_edge() {
    let (poller, bell) = with_bell();
    for round in 0..100 {
        assert_eq!(look(&poller), [], "round {round}");
        ring(&bell);
        assert_eq!(look(&poller), [7], "round {round}");
    }
    ring(&bell);
    ring(&bell);
    assert_eq!(look(&poller), [7], "two rings before a look are one event");
    assert_eq!(look(&poller), []);
}

#[test]
fn a_bell_that_has_counted_to_its_end_is_read_and_rung_again() {
    let (poller, bell) = with_bell();
    rustix::io::write(&bell, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    assert_eq!(look(&poller), [7]);
    let full = rustix::io::write(&bell, &1_u64.to_ne_bytes());
    assert_eq!(full, Err(rustix::io::Errno::AGAIN));
    rustix::io::read(&bell, &mut [0; 8]).unwrap();
    ring(&bell);
    assert_eq!(look(&poller), [7]);
}

#[test]
fn nothing_of_polling_shows_up() {
    // A timer of `polling` that was set by an earlier wait must not end ours.
    let (poller, bell) = with_bell();
    poller
        .wait(&mut Events::new(), Some(Duration::ZERO))
        .unwrap();
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        assert_eq!(look(&poller), []);
    }
    ring(&bell);
    assert_eq!(look(&poller), [7]);
}

#[test]
fn descriptors_registered_beside_it_are_seen() {
    let (poller, bell) = with_bell();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = EventFlags::IN | EventFlags::ET;
    epoll::add(&poller, reader.as_fd(), EventData::new_u64(42), flags).unwrap();
    assert_eq!(look(&poller), []);
    writer.write_all(b"x").unwrap();
    assert_eq!(look(&poller), [42]);
    assert_eq!(look(&poller), [], "an edge is told once");
    ring(&bell);
    writer.write_all(b"y").unwrap();
    let mut seen = look(&poller);
    seen.sort_unstable();
    assert_eq!(seen, [7, 42]);
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
