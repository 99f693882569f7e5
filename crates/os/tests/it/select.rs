//! Waiting for the first of several descriptors.

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use evlet_hub::{run, sleep, spawn_n, stats, timeout};
use evlet_os::select::select;
use futures::FutureExt;

use crate::signal::PATIENCE;

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
    let text = outside.unwrap().unwrap_err().to_string();
    assert!(text.contains(&format!("descriptor {number}")), "{text}");
    assert!(text.contains("hub"), "{text}");
}
