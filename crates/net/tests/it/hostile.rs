//! Peers that do what they should not, on every kind of stream: slow, silent, rude, half gone. Each
//! has a typed error or an end, and nobody else notices.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn, timeout, yield_now};
use evlet_net::{
    ConnectError, LineError, OperationTimedOut, UdpSocket, UnixListener, UnixStream, connect, serve,
};

use crate::loopback::{
    MS, listener, noise, pair, read_all, reporting_hub, reset, run, small_pair, text,
};
use crate::unix::Dir;

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    one_byte_a_second,
    urgent_data_hides_nothing_behind_it,
    a_peer_that_never_reads,
    half_closed_in_every_order,
    reading_that_was_ended,
    closed_twice_with_waiters_in_both_directions,
    rude_clients_do_not_stop_a_server,
    a_unix_peer_that_vanishes,
    ports_and_names_that_cannot_be,
];

const SECOND: Duration = Duration::from_secs(1);

// The kernel ends a read where urgent data stood, though more has come: that is a short read which does not mean
// that all was read. eventlet asks each time.
#[test]
fn urgent_data_hides_nothing_behind_it() {
    run(async {
        let (client, server) = pair().await;
        let peer = socket2::SockRef::from(&client);
        for begun in [false, true] {
            let mut buf = [0; 100];
            if begun {
                peer.send(b"it reads already").unwrap();
                assert_eq!(server.recv(&mut buf).await.unwrap(), 16);
            }
            peer.send(b"before").unwrap();
            peer.send_out_of_band(b"!").unwrap();
            peer.send(b"behind").unwrap();
            for part in [b"before", b"behind"] {
                let got = timeout(SECOND, server.recv(&mut buf)).await;
                let got = got.expect("it waits for what is there").unwrap();
                assert_eq!(&buf[..got], part);
            }
            assert!(timeout(SECOND, server.recv(&mut buf)).await.is_err());
        }
    });
}

// One byte a second: each read is in time, and the whole has a limit of its own.
#[test]
fn one_byte_a_second() {
    run(async {
        let (client, server) = pair().await;
        let slow = spawn(async move {
            for byte in b"never a whole line".iter().cycle() {
                if client.send_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(SECOND).await;
            }
        });
        server.set_timeout(5 * SECOND); // for each read
        let mut file = server.makefile();
        let before = now();
        let limited = timeout(60 * SECOND, file.next_line()).await;
        assert!(limited.is_err()); // for the line
        assert_eq!(now() - before, 60 * SECOND);
        assert!(file.buffered().len() >= 59, "{}", file.buffered().len());
        // A shorter limit for lines is another way to be rid of it.
        file.set_line_limit(20);
        let error = file.next_line().await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<LineError>());
        slow.kill().await;
    });
}

// A peer that never reads stops its writer and nobody else.
// conformance 124; proves F-5
#[test]
fn a_peer_that_never_reads() {
    run(async {
        let (client, server) = small_pair().await;
        let (other, other_server) = pair().await;
        let stuck = spawn(async move {
            server.set_timeout(SECOND);
            let error = server.send_all(&noise(1_000_000)).await.unwrap_err();
            assert!(error.get_ref().unwrap().is::<OperationTimedOut>());
            error
        });
        yield_now().await;
        other.send_all(b"meanwhile").await.unwrap();
        assert_eq!(other_server.recv(&mut [0; 20]).await.unwrap(), 9);
        assert_eq!(stuck.await.unwrap().kind(), ErrorKind::TimedOut);
        drop(client);
    });
}

// Half closed in each order, also both at once.
// conformance 131; proves F-3
#[test]
fn half_closed_in_every_order() {
    run(async {
        for first_is_client in [true, false] {
            let (client, server) = pair().await;
            let (first, second) = match first_is_client {
                true => (&client, &server),
                false => (&server, &client),
            };
            first.send_all(b"bye").await.unwrap();
            first.shutdown(Shutdown::Write).unwrap();
            first.shutdown(Shutdown::Write).unwrap();
            assert_eq!(
                first.send(b"x").await.unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
            assert_eq!(read_all(second).await.unwrap(), b"bye");
            second.send_all(b"bye you").await.unwrap();
            second.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(first).await.unwrap(), b"bye you");
            assert_eq!(first.recv(&mut [0; 1]).await.unwrap(), 0);
            // Both have ended: shutting down again is no error.
            second.shutdown(Shutdown::Both).unwrap();
            first.shutdown(Shutdown::Both).unwrap();
        }
    });
}

// Reading was ended here: an end for the reader, whatever the peer sends.
#[test]
fn reading_that_was_ended() {
    run(async {
        let (client, server) = pair().await;
        let client = Rc::new(client);
        let shared = Rc::clone(&client);
        let waits = spawn(async move { shared.recv(&mut [0; 1]).await });
        yield_now().await;
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(waits.await.unwrap().unwrap(), 0);
        client.send_all(b"still writing").await.unwrap();
        assert_eq!(server.recv(&mut [0; 20]).await.unwrap(), 13);
    });
}

// Closed twice, by each handle, while others wait in both directions.
// proves C-1
#[test]
fn closed_twice_with_waiters_in_both_directions() {
    run(async {
        let (client, _server) = small_pair().await;
        let client = Rc::new(client);
        let file = client.makefile();
        let (reader, writer) = (Rc::clone(&client), Rc::clone(&client));
        let reading = spawn(async move { reader.recv(&mut [0; 1]).await.map(drop) });
        let writing = spawn(async move { writer.send_all(&noise(1_000_000)).await });
        sleep(MS).await;
        drop(file);
        client.close();
        client.close();
        for error in [
            reading.await.unwrap().unwrap_err(),
            writing.await.unwrap().unwrap_err(),
            client.recv(&mut [0; 1]).await.unwrap_err(),
            client.send(b"x").await.unwrap_err(),
            client.peek(&mut [0; 1]).await.unwrap_err(),
            client.makefile().next_line().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotConnected, "{error}");
        }
    });
}

// A hundred clients that reset, half-close, say nothing or vanish, and one that behaves.
#[test]
fn rude_clients_do_not_stop_a_server() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, |stream, _| async move {
            stream.set_timeout(SECOND);
            let mut file = stream.makefile();
            while let Some(line) = file.next_line().await? {
                file.write(line + "\n").await?;
                file.flush().await?;
            }
            Ok::<(), std::io::Error>(())
        }));
        let mut silent = Vec::new();
        for i in 0..100 {
            let client = connect(addr).await.unwrap();
            match i % 5 {
                0 => reset(client),
                1 => client.shutdown(Shutdown::Write).unwrap(),
                2 => silent.push(client),
                3 => client.send_all(&[0xff; 100_000]).await.unwrap_or_default(),
                _ => client.send_all(b"half a li").await.unwrap(),
            }
        }
        let mut good = connect(addr).await.unwrap().makefile();
        good.write("hello\n").await.unwrap();
        good.flush().await.unwrap();
        assert_eq!(good.next_line().await.unwrap().as_deref(), Some("hello"));
        // The silent ones are let go when their time is over.
        for client in silent {
            assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
        }
        server.kill().await;
    });
    // Garbage and silence are told, each with its peer; those who merely went away are not.
    let reports = reports.borrow();
    // (The one that behaves falls silent in the end, too.)
    assert!((40..=41).contains(&reports.len()), "{reports:#?}");
    assert!(
        reports
            .iter()
            .all(|told| told.contains("connection from 127.0.0.1"))
    );
}

// The same over a Unix socket, whose peers cannot reset but can vanish.
#[test]
fn a_unix_peer_that_vanishes() {
    run(async {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.path("a")).unwrap();
        let client = UnixStream::connect(dir.path("a")).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.send_all(b"unread").await.unwrap();
        server.send_all(b"unread too").await.unwrap();
        drop(client); // with unread input: the kernel calls that a reset
        let mut buf = [0; 3];
        let first = server.recv(&mut buf).await;
        match first {
            Ok(n) => assert_eq!(n, 3),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        let error = server.send_all(b"anybody?").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe); // and no signal: F-11
    });
}

#[test]
fn ports_and_names_that_cannot_be() {
    run(async {
        for addr in [
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "127.0.0.1:+80",
            "127.0.0.1:8o",
            "127.0.0.1:",
            "256.0.0.1:80",
            "host name:80",
            "-.-:80:90",
            "[::1:80",
            "\u{fc}ml\u{e4}ut:80",
        ] {
            let error = connect(addr).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{addr}: {error}");
            let error = UdpSocket::bind(addr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{addr}: {error}");
        }
        // Port 0 can be listened on and not be connected to.
        let error = connect("127.0.0.1:0").await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<ConnectError>());
        assert!(text(&error).contains("127.0.0.1:0"), "{error}");
    });
}
