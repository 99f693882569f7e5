//! TLS operations dropped at every poll, on a line that is late and cuts everything to pieces
//! (promise D-1).

use evlet_hub::{sleep, spawn, timeout};
use evlet_net::testing::{Duplex, duplex_with_capacity};
use evlet_net::{TlsConfig, TlsStream, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::cancel::poll_times;
use crate::loopback::{MS, noise, run};
use crate::tls::configs;

fn slow_pair(configs: &(TlsConfig, TlsConfig)) -> (TlsStream<Duplex>, TlsStream<Duplex>) {
    let (client, server) = duplex_with_capacity(3_000);
    for wire in [client.wire(), server.wire()] {
        wire.set_piece(211);
        wire.set_delay(MS / 3);
    }
    let (for_server, for_client) = configs;
    (wrap_ssl(client, for_client), wrap_ssl(server, for_server))
}

#[test]
fn a_handshake_goes_on_where_it_was_dropped() {
    run(async {
        let configs = configs();
        for polls in 0..25 {
            let (mut client, mut server) = slow_pair(&configs);
            let other = spawn(async move {
                while poll_times(server.handshake(), 25 - polls).await.is_none() {}
                server.send_all(b"hello").await.unwrap();
                assert_eq!(server.recv(&mut [0; 9]).await.unwrap(), 2);
            });
            drop(poll_times(client.handshake(), polls).await);
            drop(poll_times(client.recv(&mut [0; 0]), polls).await);
            drop(poll_times(client.write(b""), polls).await);
            let mut buf = [0; 5];
            client.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"hello");
            client.send_all(b"hi").await.unwrap();
            other.await.unwrap();
        }
    });
}

// A write that was dropped before it was done has taken nothing; what others have taken arrives, once.
#[test]
fn writes_and_reads_that_are_dropped_lose_and_repeat_nothing() {
    run(async {
        let (mut client, mut server) = slow_pair(&configs());
        let data = noise(100_000);
        let sent = data.clone();
        let writer = spawn(async move {
            let mut at = 0;
            let mut given_up = 0;
            while at < sent.len() {
                let part = &sent[at..sent.len().min(at + 9_000)];
                match timeout(MS / 7, client.write(part)).await {
                    Ok(count) => at += count.unwrap(),
                    Err(_) => given_up += 1,
                }
                // One that is given up in the middle of a record, too.
                drop(timeout(MS / 9, client.flush()).await);
            }
            while timeout(MS / 5, client.close()).await.is_err() {
                given_up += 1;
            }
            assert!(given_up > 10, "{given_up}");
            client
        });
        let mut all = Vec::new();
        let mut buf = [0; 1_777];
        loop {
            match timeout(MS / 8, server.recv(&mut buf)).await {
                Ok(Ok(0)) => break,
                Ok(Ok(count)) => all.extend_from_slice(&buf[..count]),
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => {}
            }
        }
        assert!(all == data, "{} of {} bytes", all.len(), data.len());
        drop(writer.await.unwrap());
    });
}

#[test]
fn close_and_unwrap_that_are_dropped_may_be_called_again() {
    run(async {
        let configs = configs();
        for polls in 0..8 {
            let (mut client, mut server) = slow_pair(&configs);
            let other = spawn(async move {
                let mut all = Vec::new();
                server.read_to_end(&mut all).await.unwrap();
                let plain = loop {
                    if let Some(done) = poll_times(server.unwrap(), polls + 1).await {
                        break done.unwrap();
                    }
                };
                (all, plain)
            });
            client.write_all(&[7; 2_000]).await.unwrap();
            let mut plain = match poll_times(client.unwrap(), polls).await {
                Some(plain) => plain.unwrap(),
                None => client.unwrap().await.unwrap(),
            };
            plain.send_all(b"plain").await.unwrap();
            let (all, mut server) = other.await.unwrap();
            assert_eq!(all, [7; 2_000]);
            let mut buf = [0; 5];
            server.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"plain");

            let (mut client, mut server) = slow_pair(&configs);
            let other = spawn(async move {
                let mut all = Vec::new();
                server.read_to_end(&mut all).await.map(|_| all)
            });
            client.write_all(&[8; 2_000]).await.unwrap();
            drop(poll_times(client.close(), polls).await);
            client.close().await.unwrap();
            client.close().await.unwrap();
            assert_eq!(other.await.unwrap().unwrap(), [8; 2_000]);
            sleep(MS).await;
        }
    });
}
