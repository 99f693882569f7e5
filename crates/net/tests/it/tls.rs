//! TLS: with certificates made here, both ways.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn, spawn_n, timeout};
use evlet_net::{MakeFile, TcpListener, TlsConfig, TlsStream, connect, serve, wrap_ssl};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::loopback::{MS, listener, noise, pair, reporting_hub, run, small_pair, text};
use crate::tls_errors::{failing, says};

/// A certificate for `names`, with its key, as PEM.
pub(crate) fn certificate(names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    // A name of its own: two issuers of one name would be taken for each other.
    let issuer = format!("made for a test, {:?}", &key.public_key_raw()[1..9]);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, issuer);
    let cert = params.self_signed(&key).unwrap();
    (cert.pem(), key.serialize_pem())
}

/// Settings for both sides of `localhost`.
pub(crate) fn configs() -> (TlsConfig, TlsConfig) {
    let (cert, key) = certificate(&["localhost"]);
    let client = TlsConfig::client().roots_pem(&cert).unwrap();
    let server = TlsConfig::server(cert, key).unwrap();
    (server, client.server_name("localhost"))
}

/// A client and a server over the two ends of one stream; the handshake is still to come.
pub(crate) fn wrapped<C, S>((client, server): (C, S)) -> (TlsStream<C>, TlsStream<S>)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (for_server, for_client) = configs();
    (wrap_ssl(client, &for_client), wrap_ssl(server, &for_server))
}

#[test]
fn both_ways_with_an_orderly_end() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let echo = spawn(async move {
            let mut buf = [0; 1000];
            loop {
                match server.recv(&mut buf).await.unwrap() {
                    0 => break server.close().await.unwrap(),
                    n => server.send_all(&buf[..n]).await.unwrap(),
                }
            }
        });
        client.send_all(b"secret").await.unwrap();
        let mut buf = [0; 100];
        assert_eq!(client.recv(&mut buf).await.unwrap(), 6);
        assert_eq!(&buf[..6], b"secret");
        client.close().await.unwrap();
        assert_eq!(client.recv(&mut buf).await.unwrap(), 0);
        assert_eq!(client.recv(&mut buf).await.unwrap(), 0);
        echo.await.unwrap();
    });
}

#[test]
fn what_goes_over_the_wire_is_not_the_text() {
    run(async {
        let (for_server, for_client) = configs();
        let (client, middle_left) = pair().await;
        let (middle_right, server) = pair().await;
        let seen = spawn(async move {
            let mut seen = Vec::new();
            let (read_left, write_left) = middle_left.split();
            let (read_right, write_right) = middle_right.split();
            spawn_n(async move {
                let mut buf = [0; 1000];
                while let Ok(n @ 1..) = read_right.recv(&mut buf).await {
                    write_left.send_all(&buf[..n]).await.unwrap();
                }
            });
            let mut buf = [0; 1000];
            while let Ok(n @ 1..) = read_left.recv(&mut buf).await {
                seen.extend_from_slice(&buf[..n]);
                write_right.send_all(&buf[..n]).await.unwrap();
            }
            seen
        });
        let mut client = wrap_ssl(client, &for_client);
        let mut server = wrap_ssl(server, &for_server);
        let reader = spawn(async move {
            let mut text = String::new();
            server.read_to_string(&mut text).await.unwrap();
            text
        });
        client.send_all(b"attack at dawn").await.unwrap();
        client.close().await.unwrap();
        drop(client);
        assert_eq!(reader.await.unwrap(), "attack at dawn");
        let seen = seen.await.unwrap();
        assert!(!seen.windows(6).any(|part| part == b"attack"));
    });
}

// Large data both ways at once, through small sockets, with the two halves in two green threads.
#[test]
fn full_duplex_through_two_halves() {
    run(async {
        let (for_server, for_client) = configs();
        let (client, server) = small_pair().await;
        let data = noise(300_000);
        let mut ends = Vec::new();
        for end in [wrap_ssl(client, &for_client), wrap_ssl(server, &for_server)] {
            let (mut read, mut write) = end.split();
            let sent = data.clone();
            let sender = spawn(async move {
                write.write_all(&sent).await.unwrap();
                write.close().await.unwrap();
            });
            let receiver = spawn(async move {
                let mut all = Vec::new();
                read.read_to_end(&mut all).await.unwrap();
                all
            });
            ends.push((sender, receiver));
        }
        for (sender, receiver) in ends {
            sender.await.unwrap();
            assert!(receiver.await.unwrap() == data);
        }
    });
}

#[test]
fn a_file_of_lines_over_tls() {
    run(async {
        let (client, server) = wrapped(pair().await);
        spawn_n(async move {
            let mut file = MakeFile::new(server);
            while let Some(line) = file.next_line().await.unwrap() {
                file.write(format!("you said {line}\n")).await.unwrap();
                file.flush().await.unwrap();
            }
            file.close().await.unwrap();
        });
        let mut file = MakeFile::new(client);
        for word in ["one", "two"] {
            file.write(format!("{word}\n")).await.unwrap();
            file.flush().await.unwrap();
            assert_eq!(
                file.next_line().await.unwrap().unwrap(),
                format!("you said {word}")
            );
        }
        file.close().await.unwrap();
    });
}

// Conformance case 137, proves G-1: a silent client in its handshake stops nobody, and is cut off.
#[test]
fn a_silent_client_stops_nobody() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let (for_server, for_client) = configs();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, move |stream, _| {
            let mut stream = wrap_ssl(stream, &for_server);
            async move {
                stream.send_all(b"hello").await?;
                stream.close().await
            }
        }));
        let silent = connect(addr).await.unwrap();
        let start = now();
        let mut client = wrap_ssl(connect(addr).await.unwrap(), &for_client);
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
        assert_eq!(now(), start);
        assert_eq!(silent.recv(&mut [0; 100]).await.unwrap(), 0);
        assert_eq!(now() - start, Duration::from_secs(15));
        server.kill().await;
    });
    assert_eq!(reports.borrow().len(), 1);
    assert!(reports.borrow()[0].contains("15s"), "{reports:?}");
}

// proves G-1: the limit is the configuration's, the error names the server.
#[test]
fn a_handshake_that_gets_no_answer_times_out() {
    run(async {
        let (_, for_client) = configs();
        let for_client = for_client.handshake_timeout(500 * MS);
        let (client, _silent) = pair().await;
        let mut client = wrap_ssl(client, &for_client);
        let start = now();
        let error = client.handshake().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(now() - start, 500 * MS);
        assert!(text(&error).contains("localhost"), "{error}");
        assert!(text(&error).contains("500ms"), "{error}");
        // It is final, and the socket is closed.
        assert_eq!(
            client.send_all(b"x").await.unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(evlet_hub::stats().timers, 0);
        assert_eq!(evlet_hub::stats().sources, 1);
    });
}

// Conformance case 138: two bytes arrive in one record; the second read does not wait.
#[test]
fn buffered_plaintext_is_read_without_waiting() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let sender = spawn(async move {
            client.send_all(b"ab").await.unwrap();
            client
        });
        let mut byte = [0; 1];
        assert_eq!(server.recv(&mut byte).await.unwrap(), 1);
        let start = now();
        let second = timeout(1000 * MS, server.recv(&mut byte)).await;
        assert_eq!(second.unwrap().unwrap(), 1);
        assert_eq!((byte, now()), ([b'b'], start));
        drop(sender.await.unwrap());
    });
}

// Conformance case 140: sending to a slow reader keeps the hub idle in between.
#[test]
fn sending_to_a_slow_reader_does_not_spin() {
    run(async {
        let (mut client, mut server) = wrapped(small_pair().await);
        let data = noise(200_000);
        let size = data.len();
        let sender = spawn(async move { client.send_all(&data).await.map(|()| client) });
        let before = evlet_hub::stats().polls;
        let mut buf = vec![0; 1000];
        let mut received = 0;
        while received < size {
            sleep(10 * MS).await;
            received += server.recv(&mut buf).await.unwrap();
        }
        sender.await.unwrap().unwrap();
        let polls = evlet_hub::stats().polls - before;
        assert!(polls < 2000, "{polls} polls for {size} bytes");
    });
}

// What a write left because the socket was full is sent while the same green thread only reads.
#[test]
fn the_tail_of_a_write_goes_out_while_reading() {
    run(async {
        let (mut client, mut server) = wrapped(small_pair().await);
        let data = noise(40_000);
        let expected = data.clone();
        let other = spawn(async move {
            let mut all = vec![0; 40_000];
            sleep(10 * MS).await;
            server.read_exact(&mut all).await.unwrap();
            assert!(all == expected);
            server.send_all(b"got it").await.unwrap();
            server
        });
        client.write_all(&data).await.unwrap(); // no flush
        let mut buf = [0; 10];
        let answer = timeout(1000 * MS, client.recv(&mut buf)).await;
        assert_eq!(answer.expect("the tail was never sent").unwrap(), 6);
        other.await.unwrap();
    });
}

// proves G-2: an end without close_notify is told apart.
#[test]
fn an_end_without_goodbye_is_an_error() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let reader = spawn(async move {
            let mut all = Vec::new();
            let mut buf = [0; 100];
            loop {
                match client.recv(&mut buf).await {
                    Ok(0) => return (all, None),
                    Ok(n) => all.extend_from_slice(&buf[..n]),
                    Err(error) => return (all, Some(error)),
                }
            }
        });
        server.send_all(b"half of it").await.unwrap();
        drop(server); // no close_notify
        let (all, error) = reader.await.unwrap();
        assert_eq!(all, b"half of it");
        let error = error.expect("a cut connection is not an end");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(text(&error).contains("close_notify"), "{error}");
        assert!(text(&error).contains("localhost"), "{error}");
    });
}

#[test]
fn protocols_are_agreed_on() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server.alpn(["h2", "http/1.1"]);
        let (client, server) = pair().await;
        let mut server = wrap_ssl(server, &for_server);
        let accepted = spawn(async move {
            server.handshake().await.unwrap();
            server
        });
        let mut client = wrap_ssl(client, &for_client.clone().alpn(["http/1.1"]));
        assert!(client.get_ref().is_some());
        client.handshake().await.unwrap();
        client.handshake().await.unwrap(); // done already
        assert_eq!(client.alpn(), Some(&b"http/1.1"[..]));
        let server = accepted.await.unwrap();
        assert_eq!(server.alpn(), Some(&b"http/1.1"[..]));
        assert_eq!(server.sni(), Some("localhost"));
        assert!(client.get_ref().unwrap().peer_addr().is_ok());

        let (client, server) = failing(&for_server, &for_client.alpn(["gopher"])).await;
        says(&client, ErrorKind::InvalidData, &["ALPN"]);
        says(&server, ErrorKind::InvalidData, &["ALPN"]);
    });
}

// proves D-1 for TLS: a read or a handshake that is given up loses nothing.
#[test]
fn operations_that_are_given_up_lose_nothing() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        assert!(timeout(MS, client.handshake()).await.is_err());
        assert!(timeout(MS, client.recv(&mut [0; 1])).await.is_err());
        let data = noise(100_000);
        let sent = data.clone();
        let sender = spawn(async move {
            for part in sent.chunks(9_000) {
                server.send_all(part).await.unwrap();
                sleep(3 * MS).await;
            }
            server.close().await.unwrap();
        });
        let mut all = Vec::new();
        let mut buf = [0; 700];
        loop {
            match timeout(MS, client.recv(&mut buf)).await {
                Ok(Ok(0)) => break,
                Ok(Ok(n)) => all.extend_from_slice(&buf[..n]),
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => {}
            }
        }
        assert!(all == data);
        sender.await.unwrap();
    });
}

// One half is killed in the middle of the handshake; the other finishes it.
#[test]
fn a_half_that_is_killed_in_the_handshake_does_not_strand_the_other() {
    run(async {
        let (client, mut server) = wrapped(pair().await);
        let (mut read, mut write) = client.split();
        let reader = spawn(async move { read.read(&mut [0; 10]).await });
        sleep(MS).await;
        let writer = spawn(async move {
            write.write_all(b"alone").await.unwrap();
            write.flush().await.unwrap();
            write
        });
        sleep(MS).await;
        reader.kill().await;
        let mut buf = [0; 10];
        let got = timeout(1000 * MS, server.recv(&mut buf)).await;
        assert_eq!(got.expect("nobody finished the handshake").unwrap(), 5);
        drop(writer.await.unwrap());
    });
}

// A hundred clients at once, some silent, some rude: everybody honest is served.
#[test]
fn many_clients_at_once() {
    run(async {
        let (for_server, for_client) = configs();
        let listener: TcpListener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(serve(listener, move |stream, _| {
            let mut file = MakeFile::new(wrap_ssl(stream, &for_server));
            async move {
                // The rude ones' errors are not what this is about.
                while let Ok(Some(line)) = file.next_line().await {
                    file.write(format!("{line}\n")).await?;
                    file.flush().await?;
                }
                file.close().await
            }
        }));
        let for_client = Rc::new(for_client);
        let mut honest = Vec::new();
        let mut others = Vec::new();
        for n in 0..60 {
            let stream = connect(addr).await.unwrap();
            match n % 3 {
                0 => others.push(stream),
                1 => drop(stream),
                _ => {
                    let for_client = Rc::clone(&for_client);
                    honest.push(spawn(async move {
                        let mut file = MakeFile::new(wrap_ssl(stream, &for_client));
                        for round in 0..5 {
                            let line = format!("client {n}, round {round}");
                            file.write(format!("{line}\n")).await.unwrap();
                            file.flush().await.unwrap();
                            assert_eq!(file.next_line().await.unwrap().unwrap(), line);
                        }
                        file.close().await.unwrap();
                    }));
                }
            }
        }
        for client in honest {
            client.await.unwrap();
        }
        server.kill().await;
    });
}
