//! Receiving and sending.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, Hub, now, sleep, spawn, timeout, yield_now};
use evlet_net::OperationTimedOut;

use crate::loopback::{MS, faulty_hub, noise, pair, read_all, reset, run, small_pair, text};

#[test]
fn bytes_arrive_in_order() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(b"one ").await.unwrap();
        client.send_all(b"two").await.unwrap();
        drop(client);
        assert_eq!(read_all(&server).await.unwrap(), b"one two");
    });
}

// Conformance case 127: a large sender and a reader on the same socket; both directions finish.
// A million bytes each way over one connection, with one green thread for each direction and end.
#[test]
fn full_duplex_with_a_million_bytes_each_way() {
    run(async {
        let (client, server) = small_pair().await;
        let data = noise(1_000_000);
        let mut ends = Vec::new();
        for end in [client, server] {
            let (read, write) = end.split();
            let sent = data.clone();
            let sender = spawn(async move {
                write.send_all(&sent).await.unwrap();
                drop(write);
            });
            let receiver = spawn(async move {
                let mut all = Vec::new();
                let mut buf = [0; 5000];
                loop {
                    match read.recv(&mut buf).await.unwrap() {
                        0 => return all,
                        n => all.extend_from_slice(&buf[..n]),
                    }
                }
            });
            ends.push((sender, receiver));
        }
        for (sender, receiver) in ends {
            sender.await.unwrap();
            assert!(receiver.await.unwrap() == data);
        }
    });
}

// Conformance case 128: 1e3 to 1e6 bytes through tiny buffers.
#[test]
fn send_all_delivers_all() {
    run(async {
        for size in [1_000, 10_000, 100_000, 1_000_000] {
            let (client, server) = small_pair().await;
            let data = noise(size);
            let received = spawn(async move { read_all(&server).await.unwrap() });
            {
                let mut sending = client.send_all(&data);
                (&mut sending).await.unwrap();
                assert_eq!(sending.sent(), size);
            }
            drop(client);
            assert!(received.await.unwrap() == data);
        }
    });
}

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
        let polls = std::rc::Rc::new(std::cell::Cell::new(0));
        let seen = std::rc::Rc::clone(&polls);
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

// Conformance case 129, proves C-4: a second reader is an error that names the first.
#[test]
fn a_second_reader_gets_an_error_that_names_the_first() {
    run(async {
        let (client, server) = pair().await;
        let client = std::rc::Rc::new(client);
        let shared = std::rc::Rc::clone(&client);
        let first = spawn(async move { shared.recv(&mut [0; 10]).await }).named("first reader");
        yield_now().await;
        let error = client.recv(&mut [0; 10]).await.unwrap_err();
        assert!(text(&error).contains("first reader"), "{error}");
        // Writing meanwhile is fine, and the first gets its bytes.
        client.send_all(b"question").await.unwrap();
        server.send_all(b"answer").await.unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 6);
    });
}

// The same while each of them has a limit of its own, which also waits.
#[test]
fn a_second_reader_is_refused_also_when_limits_run() {
    run(async {
        let (client, server) = pair().await;
        client.set_timeout(1000 * MS);
        let client = std::rc::Rc::new(client);
        let shared = std::rc::Rc::clone(&client);
        let first = spawn(async move { shared.recv(&mut [0; 10]).await });
        yield_now().await;
        let error = client.recv(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{error}");
        server.send_all(b"answer").await.unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 6);
    });
}

// And under a timeout around the whole, which waits for a timer as well.
#[test]
fn a_second_reader_is_refused_also_under_a_timeout() {
    run(async {
        let (client, server) = pair().await;
        let client = std::rc::Rc::new(client);
        let shared = std::rc::Rc::clone(&client);
        let first = spawn(async move { timeout(1000 * MS, shared.recv(&mut [0; 10])).await });
        yield_now().await;
        let second = timeout(1000 * MS, client.recv(&mut [0; 10])).await;
        let error = second.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{error}");
        server.send_all(b"answer").await.unwrap();
        assert_eq!(first.await.unwrap().unwrap().unwrap(), 6);
    });
}

#[test]
fn peek_leaves_the_bytes() {
    run(async {
        let (client, server) = pair().await;
        server.send_all(b"abc").await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(client.peek(&mut buf).await.unwrap(), 3);
        assert_eq!(client.peek(&mut buf).await.unwrap(), 3);
        assert_eq!(client.recv(&mut buf).await.unwrap(), 3);
        assert_eq!(&buf[..3], b"abc");
    });
}

// proves F-3: half close.
#[test]
fn after_the_peers_end_reading_gives_zero_for_ever_and_writing_goes_on() {
    run(async {
        let (client, server) = pair().await;
        client.send_all(b"request").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Write).unwrap(); // once is enough, twice does no harm
        assert_eq!(read_all(&server).await.unwrap(), b"request");
        for _ in 0..3 {
            assert_eq!(server.recv(&mut [0; 10]).await.unwrap(), 0);
        }
        server.send_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(read_all(&client).await.unwrap(), b"answer");
        let error = client.send(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe); // and no signal: F-11
    });
}

// proves F-3: a reset is an error, not an end; what came before it is delivered.
#[test]
fn a_reset_is_an_error_and_not_an_end() {
    run(async {
        let (client, server) = pair().await;
        reset(client);
        let error = server.recv(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.recv(&mut [0; 10]).await.unwrap(), 0); // once

        // A reader that waits hears of it too.
        let (client, server) = pair().await;
        let waits = spawn(async move { server.recv(&mut [0; 10]).await });
        yield_now().await;
        reset(client);
        let error = waits.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

// proves F-11: writing to a peer that is gone is an error, never a signal.
#[test]
fn writing_to_a_peer_that_is_gone_is_an_error() {
    run(async {
        let (client, server) = pair().await;
        drop(server);
        let error = loop {
            match client.send(b"anybody?").await {
                Ok(_) => yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(
            matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            ),
            "{error}"
        );
    });
}

// Conformance case 131: a socket that is gone is safely shut down.
#[test]
fn shutting_down_what_is_gone_is_no_error() {
    run(async {
        let (client, server) = pair().await;
        reset(server);
        assert!(client.recv(&mut [0; 1]).await.is_err());
        client.shutdown(Shutdown::Both).unwrap();
        client.close();
        client.shutdown(Shutdown::Both).unwrap();
    });
}

// proves C-7: interrupted calls are invisible.
#[test]
fn interrupted_calls_are_repeated() {
    const EINTR: i32 = 4;
    let mut calls = 0;
    let (hub, _) = faulty_hub(move |call| {
        let io = matches!(
            call.kind,
            CallKind::Read | CallKind::Write | CallKind::Accept
        );
        calls += u32::from(io);
        (io && !calls.is_multiple_of(3)).then_some(Fault::Errno(EINTR))
    });
    hub.run(async {
        let (client, server) = pair().await;
        let data = noise(100_000);
        let expected = data.clone();
        let sender = spawn(async move { client.send_all(&data).await.unwrap() });
        assert!(read_all(&server).await.unwrap() == expected);
        sender.await.unwrap();
        server.set_timeout(Duration::ZERO);
        assert_eq!(server.recv(&mut [0; 1]).await.unwrap(), 0);
    });
}

// The kernel's errors of the calls themselves come through as they are.
#[test]
fn errors_of_recv_and_send_keep_their_number() {
    const ECONNRESET: i32 = 104;
    const ENOBUFS: i32 = 105;
    let (hub, _) = faulty_hub(move |call| match call.kind {
        CallKind::Read => Some(Fault::Errno(ECONNRESET)),
        CallKind::Write => Some(Fault::Errno(ENOBUFS)),
        _ => None,
    });
    hub.run(async {
        let (client, _server) = pair().await;
        let error = client.recv(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ECONNRESET));
        let mut sending = client.send_all(b"x");
        let error = (&mut sending).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ENOBUFS));
        assert_eq!(sending.sent(), 0);
    });
}

// proves A-9: a loop over a socket that is always ready lets others run.
#[test]
fn a_busy_socket_lets_others_run() {
    run(async {
        let (client, server) = pair().await;
        let sender = spawn(async move { client.send_all(&noise(1_000_000)).await });
        let ticks = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&ticks);
        let ticker = spawn(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let mut buf = [0; 10];
        let mut received = 0;
        while received < 1_000_000 {
            let n = server.recv(&mut buf).await.unwrap();
            assert_ne!(n, 0);
            received += n;
        }
        sender.await.unwrap().unwrap();
        assert!(ticks.get() > 500, "{}", ticks.get()); // 100,000 reads, 128 a turn
        ticker.kill().await;
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
