//! How long an operation may wait: `set_timeout`, as eventlet's `settimeout`.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Hub, now, sleep, spawn, timeout};
use evlet_net::OperationTimedOut;

use crate::loopback::{MS, noise, pair, run, small_pair, text};

// Conformance case 123: recv times out. The zero-sized one returns at once here, which is what
// every Rust reader expects; eventlet waits.
#[test]
fn recv_times_out_and_says_the_limit() {
    run(async {
        let (client, _server) = pair().await;
        client.set_timeout(100 * MS);
        assert_eq!(client.timeout(), Some(100 * MS));
        let start = now();
        let error = client.recv(&mut [0; 8192]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - start, 100 * MS);
        assert!(text(&error).contains("100ms"), "{error}");
        let inside = error.get_ref().unwrap().downcast_ref::<OperationTimedOut>();
        assert_eq!(inside.unwrap().limit(), 100 * MS);
        assert_eq!(client.recv(&mut []).await.unwrap(), 0);
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

// Conformance case 124: send and send_all time out on a full buffer.
#[test]
fn send_and_send_all_time_out_on_a_full_buffer() {
    run(async {
        let (client, _server) = small_pair().await;
        client.set_timeout(50 * MS);
        let data = noise(10_000_000);
        let mut sending = client.send_all(&data);
        let error = (&mut sending).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(text(&error).contains("took nothing"), "{error}");
        assert!(0 < sending.sent() && sending.sent() < data.len());
        // The kernel may still find room for a little when it moves things about.
        let (start, error) = loop {
            let start = now();
            if let Err(error) = client.send(&data).await {
                break (start, error);
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - start, 50 * MS);
    });
}

// As in eventlet, each internal wait of send_all has the whole limit.
#[test]
fn the_limit_of_send_all_starts_anew_with_each_part() {
    run(async {
        let (client, server) = small_pair().await;
        client.set_timeout(50 * MS);
        let data = noise(1_000_000);
        server.set_timeout(Duration::ZERO);
        let slow = spawn(async move {
            let mut all = 0;
            let mut buf = vec![0; 100_000];
            loop {
                // All that is there, but seldom.
                match server.recv(&mut buf).await {
                    Ok(0) => return all,
                    Ok(n) => all += n,
                    Err(_) => sleep(40 * MS).await,
                }
            }
        });
        let start = now();
        client.send_all(&data).await.unwrap();
        assert!(now() - start > 50 * MS);
        drop(client);
        assert_eq!(slow.await.unwrap(), data.len());
    });
}

// Conformance case 125: 0.05, then 0, then 0.05: timeout, would-block, timeout.
#[test]
fn zero_timeout_and_back() {
    run(async {
        let (client, server) = pair().await;
        for (limit, kind) in [
            (Some(50 * MS), ErrorKind::TimedOut),
            (Some(Duration::ZERO), ErrorKind::WouldBlock),
            (Some(50 * MS), ErrorKind::TimedOut),
        ] {
            client.set_timeout(limit);
            let error = client.recv(&mut [0; 10]).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
        // With nothing to wait for, zero is as good as any.
        client.set_timeout(Duration::ZERO);
        server.send_all(b"here").await.unwrap();
        assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 4);
        assert_eq!(client.send(b"x").await.unwrap(), 1);
        // And zero on a full buffer would block.
        let full = loop {
            match client.send(&[0; 65536]).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        client.set_timeout(None);
        assert!(
            timeout(Duration::from_secs(3600), client.recv(&mut [0; 1]))
                .await
                .is_err()
        );
    });
}

// Conformance case 130: a timed-out reader gets no stray wake-up later.
#[test]
fn a_reader_that_timed_out_is_not_woken_by_late_data() {
    run(async {
        let (client, server) = pair().await;
        client.set_timeout(10 * MS);
        assert!(client.recv(&mut [0; 1]).await.is_err());
        let polls = Rc::new(Cell::new(0));
        let seen = Rc::clone(&polls);
        let waits = spawn(async move {
            let mut sleep = std::pin::pin!(sleep(1000 * MS));
            std::future::poll_fn(|cx| {
                seen.set(seen.get() + 1);
                sleep.as_mut().poll(cx)
            })
            .await;
        });
        use std::future::Future;
        server.send_all(b"late").await.unwrap();
        waits.await.unwrap();
        assert_eq!(polls.get(), 2);
        assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 4);
    });
}

// The read path: no timer and no registration more, whatever happens.
#[test]
fn reading_sets_no_timer_unless_it_has_to_wait() {
    run(async {
        let (client, server) = pair().await;
        client.set_timeout(Duration::from_secs(60));
        for _ in 0..10 {
            server.send_all(b"x").await.unwrap();
            assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 1);
            assert_eq!(evlet_hub::stats().timers, 0);
        }
    });
}

// Real time and a real wait: the limit is kept by the system's clock too.
#[test]
fn a_limit_holds_in_real_time() {
    Hub::new().unwrap().run(async {
        let (client, _server) = pair().await;
        client.set_timeout(20 * MS);
        let start = now();
        assert_eq!(
            client.recv(&mut [0; 1]).await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        let took = now() - start;
        assert!(20 * MS <= took && took < Duration::from_secs(5), "{took:?}");
    });
}
