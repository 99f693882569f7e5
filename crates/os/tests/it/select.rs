//! Waiting for the first of several descriptors.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Hub, now, run, sleep, spawn, spawn_n, stats, timeout};
use evlet_os::select::{SelectError, select};
use evlet_os::signal::{Signal, signal};
use futures::FutureExt;

use crate::signal::PATIENCE;
use crate::terminate::send_to_myself;

#[test]
fn the_first_that_is_ready_ends_the_wait_and_all_that_are_get_told() {
    run(async {
        let pairs: Vec<_> = (0..5).map(|_| UnixStream::pair().unwrap()).collect();
        let read: Vec<BorrowedFd<'_>> = pairs.iter().map(|(ours, _)| ours.as_fd()).collect();
        let mut peers: Vec<_> = pairs.iter().map(|p| p.1.try_clone().unwrap()).collect();
        let sources = stats().sources;
        spawn_n(async move {
            sleep(Duration::from_millis(2)).await;
            peers[3].write_all(b"x").unwrap();
            peers[1].write_all(b"x").unwrap();
        });
        let ready = timeout(PATIENCE, select(&read, &[], None)).await;
        let ready = ready.unwrap().unwrap();
        assert_eq!((ready.read, ready.write), (vec![1, 3], vec![]));
        assert_eq!(stats().sources, sources, "they are off the hub again");
        (&pairs[1].0).read_exact(&mut [0]).unwrap();
        let ready = select(&read, &[], None).await.unwrap();
        assert_eq!(ready.read, [3]);
    });
}

// conformance 136
#[test]
fn what_can_be_written_is_told_each_time() {
    run(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for _ in 0..2 {
            let write = [ours.as_fd(), theirs.as_fd()];
            let ready = select(&[ours.as_fd()], &write, Some(Duration::ZERO)).await;
            let ready = ready.unwrap();
            assert_eq!((ready.read, ready.write), (vec![], vec![0, 1]));
        }
        drop(theirs);
        let ready = select(&[ours.as_fd()], &[], None).await.unwrap();
        assert_eq!(ready.read, [0], "an end is something to read");
        let file = std::fs::File::open("Cargo.toml").unwrap();
        let ready = select(&[file.as_fd()], &[], None).await.unwrap();
        assert_eq!(ready.read, [0]);
    });
}

#[test]
fn a_limit_is_no_error_and_giving_up_leaves_nothing() {
    run(async {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let sources = stats().sources;
        let fds = [ours.as_fd()];
        for limit in [Duration::ZERO, Duration::from_millis(2)] {
            assert!(select(&fds, &[], Some(limit)).await.unwrap().is_empty());
        }
        let soon = Duration::from_millis(2);
        assert!(timeout(soon, select(&fds, &[], None)).await.is_err());
        assert_eq!(stats().sources, sources);
    });
}

#[test]
fn a_descriptor_that_cannot_be_asked_about_is_named() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let number = ours.as_raw_fd();
    let outside = select(&[ours.as_fd()], &[], None).now_or_never();
    let error = outside.unwrap().unwrap_err();
    assert_eq!(inside(&error).descriptor(), Some(number));
    let text = error.to_string();
    assert!(text.contains(&format!("descriptor {number}")), "{text}");
    assert!(text.contains("hub"), "{text}");
}

fn inside(error: &std::io::Error) -> &SelectError {
    let inner = error.get_ref().expect("a typed error is inside");
    inner.downcast_ref().expect("it is a SelectError")
}

#[test]
fn the_same_descriptor_many_times_is_told_as_often() {
    run(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (full, _other_end) = full_pair();
        let again = ours.try_clone().unwrap();
        let (fd, full) = (ours.as_fd(), full.as_fd());
        spawn_n(async move {
            sleep(Duration::from_millis(2)).await;
            theirs.write_all(b"x").unwrap();
            sleep(Duration::from_secs(1)).await;
        });
        // Twice for reading, once under another number; one that is in both lists.
        let wait = select(&[fd, full, fd, again.as_fd()], &[full, full], None);
        let ready = timeout(PATIENCE, wait).await.unwrap().unwrap();
        assert_eq!((ready.read, ready.write), (vec![0, 2, 3], vec![]));
    });
}

/// A socket into which nothing more can be written.
fn full_pair() -> (UnixStream, UnixStream) {
    let (full, other_end) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while (&full).write(&[0; 4096]).is_ok() {}
    full.set_nonblocking(false).unwrap();
    (full, other_end)
}

#[test]
fn a_socket_in_both_lists_is_told_where_it_is_ready() {
    run(async {
        let (full, other_end) = full_pair();
        let mut peer = other_end.try_clone().unwrap();
        spawn_n(async move {
            sleep(Duration::from_millis(2)).await;
            peer.write_all(b"x").unwrap();
        });
        let wait = select(&[full.as_fd()], &[full.as_fd()], None);
        let ready = timeout(PATIENCE, wait).await.unwrap().unwrap();
        assert_eq!((ready.read, ready.write), (vec![0], vec![]));
        (&full).read_exact(&mut [0]).unwrap();
        let drained = spawn(async move {
            sleep(Duration::from_millis(2)).await;
            let mut piece = vec![0; 1 << 20];
            other_end.set_nonblocking(true).unwrap();
            while (&other_end).read(&mut piece).is_ok() {}
            other_end
        });
        let wait = select(&[full.as_fd()], &[full.as_fd()], None);
        let ready = timeout(PATIENCE, wait).await.unwrap().unwrap();
        assert_eq!((ready.read, ready.write), (vec![], vec![0]));
        drained.await.unwrap();
    });
}

#[test]
fn without_descriptors_it_is_a_sleep_and_without_a_limit_an_error() {
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    hub.run(async {
        let limit = Duration::from_secs(3600);
        let start = now();
        let none = select(&[], &[], Some(limit)).await.unwrap();
        assert!(none.is_empty() && now() - start >= limit);
        assert!(
            select(&[], &[], Some(Duration::ZERO))
                .await
                .unwrap()
                .is_empty()
        );
        let never = select(&[], &[], None).await.unwrap_err();
        assert_eq!(never.kind(), ErrorKind::InvalidInput);
        assert_eq!(inside(&never).descriptor(), None);
        assert!(never.to_string().contains("never end"), "{never}");
    });
}

// It asks once and does not wait, but others have their turn all the same.
#[test]
fn a_limit_of_zero_asks_and_lets_others_run() {
    run(async {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let other = spawn(async {});
        while !other.is_finished() {
            let ready = select(&[ours.as_fd()], &[], Some(Duration::ZERO)).await;
            assert!(ready.unwrap().is_empty());
        }
    });
}

#[test]
fn who_waits_for_the_same_already_is_in_the_way_and_named() {
    run(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let shared = ours.try_clone().unwrap();
        let number = shared.as_raw_fd();
        let first = Rc::new(shared);
        let mine = first.clone();
        let waiting = spawn(async move { select(&[mine.as_fd()], &[], None).await });
        sleep(Duration::from_millis(1)).await;
        let busy = select(&[first.as_fd()], &[], None).await.unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        assert_eq!(inside(&busy).descriptor(), Some(number));
        theirs.write_all(b"x").unwrap();
        assert_eq!(waiting.await.unwrap().unwrap().read, [0]);
    });
}

const STORM: Signal = Signal::from_raw(22); // SIGTTOU, which no other test uses

// proves C-7
#[test]
fn many_descriptors_and_a_storm_of_signals() {
    run(async {
        let mut storm = signal(STORM).unwrap();
        let pairs: Vec<_> = (0..200).map(|_| UnixStream::pair().unwrap()).collect();
        let read: Vec<BorrowedFd<'_>> = pairs.iter().map(|(ours, _)| ours.as_fd()).collect();
        let mut peer = pairs[150].1.try_clone().unwrap();
        spawn_n(async move {
            for _ in 0..50 {
                send_to_myself(STORM);
                storm.recv().await.unwrap();
            }
            peer.write_all(b"x").unwrap();
        });
        let ready = timeout(PATIENCE, select(&read, &[], None)).await.unwrap();
        assert_eq!(ready.unwrap().read, [150]);
    });
}
