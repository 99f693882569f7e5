//! Datagrams over Unix sockets.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{now, spawn, timeout, yield_now};
use evlet_net::{DatagramCut, UnixAddr, UnixDatagram, UnixError};

use crate::loopback::{MS, run, text};
use crate::unix::Dir;

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    datagrams_come_whole_and_in_order_with_their_sender,
    a_datagram_that_was_cut_is_an_error,
    a_full_receiver_makes_the_sender_wait,
    a_receiver_that_is_not_there_is_an_error_that_names_it,
    limits_and_close,
];

#[test]
fn datagrams_come_whole_and_in_order_with_their_sender() {
    run(async {
        let dir = Dir::new();
        let (here, there) = (dir.path("here"), dir.path("there"));
        let one = UnixDatagram::bind(&here).unwrap();
        let other = UnixDatagram::bind(&there).unwrap();
        one.send_to(b"first", &there).await.unwrap();
        one.send_to(b"", &there).await.unwrap(); // data, and no end: F-8
        one.send_to(b"third", &there).await.unwrap();
        let mut buf = [0; 100];
        for expected in [&b"first"[..], b"", b"third"] {
            let (n, from) = other.recv_from(&mut buf).await.unwrap();
            assert_eq!((&buf[..n], from), (expected, UnixAddr::path(&here)));
        }
        drop((one, other));
        assert!(!here.exists() && !there.exists());
    });
}

// proves F-8: a datagram that does not fit is reported as cut, and the next one comes.
#[test]
fn a_datagram_that_was_cut_is_an_error() {
    run(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"0123456789").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut buf = [0; 4];
        let error = other.recv(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let cut = error.get_ref().unwrap().downcast_ref::<DatagramCut>();
        let cut = cut.unwrap();
        assert_eq!(cut.kept(), 4);
        assert_eq!(&buf, b"0123");
        if cfg!(target_os = "linux") {
            assert_eq!(cut.whole(), Some(10));
        }
        assert_eq!(other.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf, b"next");
    });
}

// A queue that is full makes the sender wait, connected or not; the kernel tells only the first
// when there is room.
#[test]
fn a_full_receiver_makes_the_sender_wait() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let connected = UnixDatagram::unbound().unwrap();
        connected.connect(&path).unwrap();
        let named = UnixDatagram::unbound().unwrap();
        named.set_timeout(30 * MS);
        let mut sent = 0;
        let error = loop {
            match named.send_to(b"x", &path).await {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 100_000, "the queue never fills");
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        named.set_timeout(Duration::ZERO);
        let error = named.send_to(b"x", &path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(timeout(MS, connected.send(b"x")).await.is_err());
        named.set_timeout(None);

        let (a, b) = (
            path.clone(),
            spawn(async move { connected.send(b"y").await }),
        );
        let c = spawn(async move { named.send_to(b"z", &a).await });
        yield_now().await;
        let mut last = Vec::new();
        for _ in 0..sent + 2 {
            let mut buf = [0; 9];
            let n = receiver.recv(&mut buf).await.unwrap();
            last.extend_from_slice(&buf[..n]);
        }
        b.await.unwrap().unwrap();
        c.await.unwrap().unwrap();
        assert!(last.contains(&b'y') && last.contains(&b'z'));
    });
}

#[test]
fn a_receiver_that_is_not_there_is_an_error_that_names_it() {
    run(async {
        let dir = Dir::new();
        let socket = UnixDatagram::unbound().unwrap();
        let path = dir.path("nobody");
        let error = socket.send_to(b"x", &path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.get_ref().unwrap().is::<UnixError>());
        assert!(text(&error).contains("nobody"), "{error}");
        assert_eq!(
            socket.connect(&path).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(
            socket.send(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );

        // One that ended without removing its path, and the next one takes it.
        drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
        let error = socket.send_to(b"x", &path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let live = UnixDatagram::bind(&path).unwrap();
        let error = UnixDatagram::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        socket.connect(&path).unwrap();
        socket.send(b"x").await.unwrap();
        assert_eq!(live.recv(&mut [0; 9]).await.unwrap(), 1);
    });
}

#[test]
fn limits_and_close() {
    run(async {
        let (one, _other) = UnixDatagram::pair().unwrap();
        one.set_timeout(40 * MS);
        let before = now();
        let error = one.recv(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - before, 40 * MS);
        one.set_timeout(None);
        let one = std::rc::Rc::new(one);
        let shared = std::rc::Rc::clone(&one);
        let waits = spawn(async move { shared.recv(&mut [0; 9]).await });
        yield_now().await;
        one.close();
        one.close();
        assert_eq!(
            waits.await.unwrap().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        assert_eq!(
            one.send(b"x").await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}
