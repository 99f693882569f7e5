//! TLS taken off again: both sides go on in plain text, and no byte is lost.

use std::io::ErrorKind;

use evlet_hub::{sleep, spawn, timeout};
use evlet_net::testing::duplex;
use evlet_net::wrap_ssl;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use rustls::version::TLS13;

use crate::loopback::{MS, noise, pair, run};
use crate::tls::{configs, wrapped};
use crate::tls_by_hand::serving;
use crate::tls_errors::says;

// conformance 139
#[test]
fn plain_then_tls_then_plain_then_tls_on_one_connection() {
    run(async {
        let (for_server, for_client) = configs();
        let (client, server) = pair().await;
        let again = for_server.clone();
        let other = spawn(async move {
            let mut buf = [0; 100];
            assert_eq!(server.recv(&mut buf).await.unwrap(), 8);
            server.send_all(b"go ahead").await.unwrap();
            let mut server = wrap_ssl(server, &for_server);
            assert_eq!(server.recv(&mut buf).await.unwrap(), 6);
            assert_eq!(server.recv(&mut buf).await.unwrap(), 0);
            let mut plain = server.unwrap().await.unwrap();
            let n = plain.recv(&mut buf).await.unwrap();
            plain.send_all(&buf[..n]).await.unwrap();
            let mut server = wrap_ssl(plain, &again);
            server.send_all(b"hidden again").await.unwrap();
            server.close().await.unwrap();
        });
        client.send_all(b"STARTTLS").await.unwrap();
        assert_eq!(client.recv(&mut [0; 8]).await.unwrap(), 8);
        let mut client = wrap_ssl(client, &for_client);
        client.send_all(b"hidden").await.unwrap();
        let mut plain = client.unwrap().await.unwrap();
        assert!(plain.get_ref().peer_addr().is_ok());
        plain.send_all(b"in the open").await.unwrap();
        let mut buf = [0; 11];
        plain.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"in the open");
        let mut again = wrap_ssl(plain, &for_client);
        let mut text = String::new();
        again.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hidden again");
        other.await.unwrap();
        // What TLS was taken off is no TLS stream any more.
        let error = client.send_all(b"x").await.unwrap_err();
        says(&error, ErrorKind::NotConnected, &["localhost", "unwrap"]);
        assert!(client.get_ref().is_none());
        assert_eq!(
            client.unwrap().await.unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}

/// What follows a goodbye looks like anything, also like a record.
const PLAIN: [&[u8]; 4] = [b"220 go on", b"\x17\x03\x03\x00\x02", b".", b""];

// A peer that goes on at once: its last record, its goodbye and its plain text come in one read, or cut
// anywhere.
#[test]
fn plain_text_right_behind_the_goodbye_is_kept() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (size, pieces) in [
            (10, &[1, 3, 5, 7, 19, 24, 25, 29, 100][..]),
            (40_000, &[1000, 5000, 16_406, 16_640, 100_000]),
        ] {
            let text = noise(size);
            for (piece, plain) in pieces.iter().flat_map(|n| PLAIN.map(|plain| (*n, plain))) {
                run(kept(version, &text, piece, plain));
            }
        }
    }
}

async fn kept(
    version: &'static rustls::SupportedProtocolVersion,
    text: &[u8],
    piece: usize,
    plain: &'static [u8],
) {
    let (client, server) = duplex();
    server.wire().set_piece(piece);
    let sent = text.to_vec();
    let (for_client, other) = serving(version, server, async move |mut by_hand, mut server| {
        let mut bytes = by_hand.record(&sent);
        bytes.extend(by_hand.goodbye());
        bytes.extend(plain);
        server.write_all(&bytes).await.unwrap();
        // Nothing but a goodbye comes back.
        while by_hand.hear(&mut server).await {}
    });
    let mut client = wrap_ssl(client, &for_client);
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.unwrap();
    assert!(all == text, "{} of {} bytes", all.len(), text.len());
    let mut unwrapped = client.unwrap().await.unwrap();
    let mut got = vec![0; plain.len()];
    unwrapped.read_exact(&mut got).await.unwrap();
    assert_eq!(got, plain, "in pieces of {piece}");
    let (stream, early) = unwrapped.into_parts();
    assert_eq!(early, b"");
    drop(stream);
    other.await.unwrap();
}

// The stream may be taken apart instead: what has arrived comes with it.
#[test]
fn the_parts_are_the_stream_and_what_came_early() {
    run(async {
        let (client, server) = duplex();
        let (for_client, other) = serving(&TLS13, server, async |mut by_hand, mut server| {
            let mut bytes = by_hand.goodbye();
            bytes.extend(b"early");
            server.write_all(&bytes).await.unwrap();
            sleep(MS).await;
            server.write_all(b", late").await.unwrap();
        });
        let mut client = wrap_ssl(client, &for_client);
        let mut plain = client.unwrap().await.unwrap();
        let mut buf = [0; 2];
        assert_eq!(plain.recv(&mut buf).await.unwrap(), 2);
        let (mut stream, early) = plain.into_parts();
        assert_eq!((&buf, &early[..]), (b"ea", &b"rly"[..]));
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, ", late");
        other.await.unwrap();
    });
}

// What the peer sent before its goodbye is text, and not for the dustbin: it is read first.
#[test]
fn unread_text_is_an_error_that_loses_nothing() {
    run(async {
        let (mut client, mut server) = wrapped(duplex());
        let other = spawn(async move {
            server.send_all(b"a last word").await.unwrap();
            let mut plain = server.unwrap().await.unwrap();
            plain.send_all(b"plain").await.unwrap();
        });
        for _ in 0..2 {
            let error = client.unwrap().await.unwrap_err();
            says(
                &error,
                ErrorKind::InvalidInput,
                &["read until zero", "unwrap"],
            );
        }
        let error = client.send_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "a last word");
        let mut plain = client.unwrap().await.unwrap();
        text.clear();
        plain.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "plain");
        other.await.unwrap();
    });
}

// proves D-1: given up while the peer is silent, and called again.
#[test]
fn an_unwrap_that_is_given_up_may_be_called_again() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let other = spawn(async move {
            server.handshake().await.unwrap();
            sleep(20 * MS).await; // so long the other side's unwrap waits
            assert_eq!(server.recv(&mut [0; 1]).await.unwrap(), 0);
            server.unwrap().await.unwrap().into_parts()
        });
        let mut given_up = 0;
        let plain = loop {
            match timeout(3 * MS, client.unwrap()).await {
                Ok(done) => break done.unwrap(),
                Err(_) => given_up += 1,
            }
        };
        assert!(given_up > 3, "{given_up}");
        let (server, early) = other.await.unwrap();
        assert_eq!(early, b"");
        server.send_all(b"x").await.unwrap();
        let (client, early) = plain.into_parts();
        assert_eq!(early, b"");
        assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 1);
    });
}

#[test]
fn a_peer_that_leaves_without_its_goodbye_is_told_apart() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        let other = spawn(async move { server.handshake().await.map(|()| drop(server)) });
        let error = client.unwrap().await.unwrap_err();
        says(&error, ErrorKind::UnexpectedEof, &["close_notify"]);
        other.await.unwrap().unwrap();
    });
}
