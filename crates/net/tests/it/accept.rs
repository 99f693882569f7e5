//! Accepting, and what errors of accept mean (promise F-1).

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;

use evlet_hub::{Call, CallKind, Fault, now, spawn, timeout, yield_now};
use evlet_net::{connect, listen};
use libc::{
    EBADF, ECONNABORTED, EFAULT, EHOSTUNREACH, EINTR, EINVAL, ENETDOWN, ENOMEM, ENOSPC, ENOTCONN,
    ENOTSOCK, EPERM, EPROTO,
};

use crate::loopback::{MS, faulty_hub, listener, run, text};

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    connections_are_accepted_in_the_order_they_came,
    accept_times_out,
    broken_connections_are_passed_over_at_once,
    what_ends_the_listener_is_an_error_that_names_it,
    endless_errors_starve_nobody_and_end_in_waiting,
    closing_the_listener_wakes_the_acceptor,
    a_second_acceptor_gets_an_error_that_names_the_first,
    an_accepted_connection_that_cannot_be_watched_yet_is_kept,
];

/// Fails the first `times` calls of accept with `errno`.
fn fail_accept(errno: i32, times: u32) -> impl FnMut(Call) -> Option<Fault> {
    let mut left = times;
    move |call| {
        if call.kind != CallKind::Accept || left == 0 {
            return None;
        }
        left -= 1;
        Some(Fault::Errno(errno))
    }
}

#[test]
fn connections_are_accepted_in_the_order_they_came() {
    run(async {
        let listener = listener();
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(connect(listener.local_addr().unwrap()).await.unwrap());
        }
        for client in &clients {
            let (_stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
}

// An accept that finds nothing makes a descriptor and takes it apart: one per connection, plus the first try.
#[test]
fn no_accept_asks_in_vain_behind_a_connection() {
    let calls = Rc::new(Cell::new(0_u32));
    let count = Rc::clone(&calls);
    let (hub, _) = faulty_hub(move |call| {
        count.set(count.get() + u32::from(call.kind == CallKind::Accept));
        None
    });
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            let mut accepted = Vec::new();
            while accepted.len() < 23 {
                accepted.push(listener.accept().await.unwrap());
            }
        });
        yield_now().await;
        for _ in 0..20 {
            let _client = connect(addr).await.unwrap();
            evlet_hub::sleep(MS).await;
        }
        // Three that wait together are all taken.
        let _clients = [
            connect(addr).await.unwrap(),
            connect(addr).await.unwrap(),
            connect(addr).await.unwrap(),
        ];
        server.await.unwrap();
    });
    assert_eq!(calls.get(), 1 + 23);
}

// Conformance case 122: accept times out, and the listener is as good as before.
#[test]
fn accept_times_out() {
    run(async {
        let listener = listener();
        let start = now();
        assert!(timeout(100 * MS, listener.accept()).await.is_err());
        assert_eq!(now() - start, 100 * MS);
        let client = connect(listener.local_addr().unwrap()).await.unwrap();
        let (_stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

// proves F-1, first class: one connection's error is that connection's, at once and unreported.
#[test]
fn broken_connections_are_passed_over_at_once() {
    for errno in [
        ECONNABORTED,
        EPROTO,
        EPERM,
        ENOTCONN,
        ENETDOWN,
        EHOSTUNREACH,
        EINTR,
    ] {
        let (hub, reports) = faulty_hub(fail_accept(errno, 100));
        hub.run(async {
            let listener = listener();
            let start = now();
            let client = connect(listener.local_addr().unwrap()).await.unwrap();
            let (_stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(now(), start, "errno {errno} must not make it wait");
        });
        assert!(reports.borrow().is_empty(), "{reports:?}");
    }
}

// proves F-1, last class.
#[test]
fn what_ends_the_listener_is_an_error_that_names_it() {
    for errno in [EBADF, EINVAL, ENOTSOCK, EFAULT] {
        let (hub, _) = faulty_hub(fail_accept(errno, 1));
        hub.run(async {
            let listener = listener();
            let error = listener.accept().await.unwrap_err();
            let addr = listener.local_addr().unwrap();
            assert!(text(&error).contains(&addr.to_string()), "{error}");
            assert!(text(&error).contains("accept.rs") || text(&error).contains("loopback.rs"));
        });
    }
}

// proves A-9 and F-1: a kernel that gives one error for ever starves nobody and spins for no
// longer than a while.
#[test]
fn endless_errors_starve_nobody_and_end_in_waiting() {
    let calls = Rc::new(Cell::new(0_u32));
    let count = Rc::clone(&calls);
    let (hub, reports) = faulty_hub(move |call| {
        (call.kind == CallKind::Accept).then(|| {
            count.set(count.get() + 1);
            Fault::Errno(ECONNABORTED)
        })
    });
    hub.run(async {
        let listener = listener();
        let server = spawn(async move { listener.accept().await.map(drop) });
        for _ in 0..3 {
            yield_now().await; // others get their turns while it tries
        }
        assert!(calls.get() < 1000, "{}", calls.get());
        evlet_hub::sleep(10_000 * MS).await;
        let before = calls.get();
        evlet_hub::sleep(10_000 * MS).await;
        assert!(
            (9..=11).contains(&(calls.get() - before)),
            "once a second by now"
        );
        server.kill().await;
    });
    assert_eq!(reports.borrow().len(), 1, "{reports:?}");
}

// proves C-1: closing wakes who waits in accept.
#[test]
fn closing_the_listener_wakes_the_acceptor() {
    run(async {
        // An address that no other test uses: its port is free as soon as nobody listens.
        let listener = Rc::new(listen("127.0.0.44:0").unwrap());
        let addr = listener.local_addr().unwrap();
        let shared = Rc::clone(&listener);
        let waits = spawn(async move { shared.accept().await.map(drop) });
        yield_now().await;
        listener.close();
        let error = waits.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert!(text(&error).contains(&addr.to_string()), "{error}");
        // Nobody listens there any more, although the value still lives.
        let error = connect(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(listener.accept().await.is_err());
        listener.close();
    });
}

// proves C-4.
#[test]
fn a_second_acceptor_gets_an_error_that_names_the_first() {
    run(async {
        let listener = Rc::new(listener());
        let shared = Rc::clone(&listener);
        let first = spawn(async move { shared.accept().await.map(drop) }).named("acceptor");
        yield_now().await;
        let error = listener.accept().await.unwrap_err();
        assert!(text(&error).contains("acceptor"), "{error}");
        let _client = connect(listener.local_addr().unwrap()).await.unwrap();
        first.await.unwrap().unwrap();
    });
}

// An accepted connection that the kernel cannot watch yet is kept, not dropped.
#[test]
fn an_accepted_connection_that_cannot_be_watched_yet_is_kept() {
    for errno in [ENOSPC, ENOMEM] {
        let failing = Rc::new(Cell::new(0));
        let left = Rc::clone(&failing);
        let (hub, reports) = faulty_hub(move |call| {
            if call.kind != CallKind::Register || left.get() == 0 {
                return None;
            }
            left.set(left.get() - 1);
            Some(Fault::Errno(errno))
        });
        hub.run(async {
            let listener = listener();
            let client = connect(listener.local_addr().unwrap()).await.unwrap();
            failing.set(3);
            // Given up in the middle of it: still not lost.
            assert!(timeout(MS, listener.accept()).await.is_err());
            let start = now();
            let (stream, peer) = listener.accept().await.unwrap();
            assert!(now() > start);
            assert_eq!(peer, client.local_addr().unwrap());
            stream.send_all(b"kept").await.unwrap();
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 4);
        });
        assert_eq!(reports.borrow().len(), 2, "{reports:?}"); // began, over
    }
}
