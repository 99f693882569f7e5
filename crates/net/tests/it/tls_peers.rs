//! TLS peers that do what is allowed and seldom done, and some that do what is not: bounded work, no spin,
//! no lost byte.

use std::io::ErrorKind;

use evlet_hub::{sleep, spawn, timeout};
use evlet_net::testing::{duplex, duplex_with_capacity};
use evlet_net::wrap_ssl;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use rustls::version::TLS13;

use crate::loopback::{MS, noise, run};
use crate::tls::{configs, wrapped};
use crate::tls_by_hand::serving;

// proves G-3, G-4: keys may change at any time, on either side's wish.
#[test]
fn a_peer_may_change_its_keys_at_any_time() {
    run(async {
        let (client, server) = duplex();
        let (for_client, other) = serving(&TLS13, server, async |mut by_hand, mut server| {
            for round in 0..20_u8 {
                let mut bytes = by_hand.record(&[round; 3]);
                by_hand.tls.refresh_traffic_keys().unwrap();
                bytes.extend(by_hand.record(&[round; 3]));
                server.write_all(&bytes).await.unwrap();
                // Their answer is encrypted with new keys, which rustls would say if they were not.
                let mut heard = 0;
                while heard < 6 {
                    assert!(by_hand.hear(&mut server).await);
                    let mut buf = [0; 6];
                    let text = std::io::Read::read(&mut by_hand.tls.reader(), &mut buf);
                    heard += text.unwrap_or(0);
                    assert!(buf[..heard].iter().all(|byte| *byte == round));
                }
            }
            by_hand
        });
        let mut client = wrap_ssl(client, &for_client);
        for round in 0..20 {
            let mut buf = [0; 6];
            client.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, [round; 6]);
            client.send_all(&buf).await.unwrap();
        }
        other.await.unwrap();
    });
}

// proves G-3: what comes after a goodbye is no text, and a socket that stays open and full costs nothing.
#[test]
fn what_follows_a_goodbye_is_no_text_and_does_not_spin() {
    run(async {
        let (client, server) = duplex();
        let (for_client, other) = serving(&TLS13, server, async |mut by_hand, mut server| {
            let mut bytes = by_hand.record(b"last");
            bytes.extend(by_hand.goodbye());
            bytes.extend(noise(5_000));
            server.write_all(&bytes).await.unwrap();
            // Half closed: the other direction is as good as before.
            while by_hand.hear(&mut server).await {}
            let mut buf = [0; 20];
            let count = std::io::Read::read(&mut by_hand.tls.reader(), &mut buf);
            assert_eq!(&buf[..count.unwrap()], b"still heard");
        });
        let mut client = wrap_ssl(client, &for_client);
        let mut buf = [0; 100];
        assert_eq!(client.recv(&mut buf).await.unwrap(), 4);
        let before = evlet_hub::stats().polls;
        for _ in 0..10 {
            assert_eq!(client.recv(&mut buf).await.unwrap(), 0);
            sleep(100 * MS).await;
        }
        let polls = evlet_hub::stats().polls - before;
        assert!(polls < 40, "{polls} polls");
        client.send_all(b"still heard").await.unwrap();
        client.close().await.unwrap();
        drop(client);
        other.await.unwrap();
    });
}

// proves G-3: floods of what says nothing end the handshake.
#[test]
fn floods_of_nothing_end_in_an_error() {
    run(async {
        let (for_server, _) = configs();
        let warning = [21, 3, 3, 0, 2, 1, 90]; // "user cancelled"
        let empty = [22, 3, 3, 0, 0];
        for flood in [&warning[..], &empty] {
            let (mut raw, server) = duplex();
            let mut server = wrap_ssl(server, &for_server);
            let flooding = spawn({
                let bytes = flood.repeat(2_000);
                async move {
                    let _ = raw.write_all(&bytes).await;
                    raw
                }
            });
            let before = evlet_hub::stats().polls;
            let error = timeout(MS, server.handshake()).await;
            let error = error.expect("it goes on for ever").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
            assert!(evlet_hub::stats().polls - before < 100);
            // It is final, for either direction.
            let read = server.recv(&mut [0; 1]).await.unwrap_err();
            let write = server.send_all(b"x").await.unwrap_err();
            assert_eq!((read.kind(), write.kind()), (error.kind(), error.kind()));
            drop(flooding.await.unwrap());
        }
    });
}

// The error of a broken connection is given again, in both directions, and nothing waits for more.
#[test]
fn what_broke_a_connection_is_told_each_time() {
    run(async {
        let (client, server) = duplex();
        let (for_client, other) = serving(&TLS13, server, async |mut by_hand, mut server| {
            let mut bytes = by_hand.record(b"good");
            let mut bad = by_hand.record(b"bad");
            *bad.last_mut().unwrap() ^= 1;
            bytes.extend(bad);
            server.write_all(&bytes).await.unwrap();
            // They say what was wrong with it.
            let mut heard = Vec::new();
            let _ = timeout(10 * MS, server.read_to_end(&mut heard)).await;
            assert!(!heard.is_empty());
            (by_hand, server)
        });
        let mut client = wrap_ssl(client, &for_client);
        let mut buf = [0; 100];
        assert_eq!(client.recv(&mut buf).await.unwrap(), 4); // what came before is good
        for _ in 0..3 {
            let read = timeout(MS, client.recv(&mut buf)).await.unwrap();
            assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidData);
            let write = timeout(MS, client.send_all(b"x")).await.unwrap();
            assert_eq!(write.unwrap_err().kind(), ErrorKind::InvalidData);
        }
        drop(other.await.unwrap());
    });
}

// proves G-6: a peer that reads nothing makes the writer wait, and one that is not read from, its peer.
#[test]
fn what_is_buffered_is_bounded() {
    run(async {
        let (client, server) = duplex_with_capacity(10_000);
        let (out, back) = (client.wire(), server.wire());
        let (mut client, mut server) = wrapped((client, server));
        let shaken = spawn(async move { server.handshake().await.map(|()| server) });
        client.handshake().await.unwrap();
        let mut server = shaken.await.unwrap().unwrap();
        drop(timeout(MS, server.recv(&mut [0; 1])).await);
        let mut taken = 0;
        while let Ok(count) = timeout(MS, client.write(&[1; 50_000])).await {
            taken += count.unwrap();
        }
        assert!((10_000..150_000).contains(&taken), "{taken}");
        assert!(out.waiting() >= 9_000);
        // And the other way: who does not read leaves it in the stream below.
        let carried = back.carried();
        drop(timeout(MS, server.write(&[2; 50_000])).await);
        assert!(back.carried() - carried < 11_000);
        let sending = spawn(async move { server.flush().await.map(|()| server) });
        assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 1);
        sleep(MS).await;
        sending.kill().await;
        assert!(
            back.carried() - carried < 40_000,
            "{}",
            back.carried() - carried
        );
    });
}
