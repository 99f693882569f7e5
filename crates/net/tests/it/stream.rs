//! Receiving and sending.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{CallKind, Fault, sleep, spawn, timeout, yield_now};

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

// Conformance case 129, proves C-4: a second reader is an error that names the first.
#[test]
fn a_second_reader_gets_an_error_that_names_the_first() {
    run(async {
        let (client, server) = pair().await;
        let client = Rc::new(client);
        let shared = Rc::clone(&client);
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
        let client = Rc::new(client);
        let shared = Rc::clone(&client);
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
        let client = Rc::new(client);
        let shared = Rc::clone(&client);
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
        let ticks = Rc::new(Cell::new(0));
        let count = Rc::clone(&ticks);
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

// One system call for each message: a short read says that there is no more, so the next one waits
// without asking. The same for a short write.
#[test]
fn a_short_transfer_saves_a_call() {
    let (reads, writes) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (r, w) = (Rc::clone(&reads), Rc::clone(&writes));
    let (hub, _) = faulty_hub(move |call| {
        match call.kind {
            CallKind::Read => r.set(r.get() + 1),
            CallKind::Write => w.set(w.get() + 1),
            _ => {}
        }
        None
    });
    hub.run(async {
        let (client, server) = pair().await;
        let receiver = spawn(async move {
            let mut buf = [0; 100];
            for _ in 0..50 {
                assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
            }
            server
        });
        sleep(MS).await;
        for _ in 0..50 {
            client.send_all(b"hello").await.unwrap();
            sleep(MS).await;
        }
        let server = receiver.await.unwrap();
        // Not even the first of them asked in vain: being accepted, it waited to be told.
        assert_eq!((reads.get(), writes.get()), (50, 50));

        writes.set(0);
        let big = vec![0; 50_000_000];
        let sent = client.send(&big).await.unwrap();
        assert!(sent < big.len());
        assert!(timeout(MS, client.send(&big)).await.is_err());
        assert_eq!(writes.get(), 1);
        drop(server);
    });
}
