//! Copying between streams: what a proxy needs.

use std::io::ErrorKind;
use std::net::Shutdown;

use evlet_hub::{Hub, spawn, timeout};
use evlet_net::testing::duplex_with_capacity;
use evlet_net::{copy, copy_bidirectional, wrap_ssl};

use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, noise, pair, read_all, reset, run, small_pair};
use crate::tls::configs;

#[test]
fn everything_is_copied_to_the_end_and_the_writer_stays_open() {
    run(async {
        let (client, mut server) = small_pair().await;
        let (mut other, end) = small_pair().await;
        let data = noise(300_000);
        let sent = data.clone();
        let sender = spawn(async move { client.send_all(&sent).await.unwrap() });
        let reader = spawn(async move { read_all(&end).await.unwrap() });
        let copied = copy(&mut server, &mut other).await.unwrap();
        assert_eq!(copied, 300_000);
        sender.await.unwrap();
        other.send_all(b"after").await.unwrap();
        drop(other);
        let mut expected = data;
        expected.extend_from_slice(b"after");
        assert!(reader.await.unwrap() == expected);
    });
}

// A proxy in the middle: both ways at once, and a half close goes through it.
#[test]
fn both_ways_with_a_half_close() {
    run(async {
        let (client, mut left) = small_pair().await;
        let (mut right, server) = small_pair().await;
        let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
        let data = noise(200_000);
        let answer = noise(150_000);
        let (question, reply) = (data.clone(), answer.clone());
        let server = spawn(async move {
            let got = read_all(&server).await.unwrap(); // needs the half close to end
            assert!(got == question);
            server.send_all(&reply).await.unwrap();
        });
        client.send_all(&data).await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(read_all(&client).await.unwrap() == answer);
        server.await.unwrap();
        assert_eq!(proxy.await.unwrap().unwrap(), (200_000, 150_000));
    });
}

// What is copied reaches a writer that gathers (TLS) although the reader only pauses.
#[test]
fn a_pause_flushes() {
    run(async {
        let (for_server, for_client) = configs();
        let (plain, mut left) = pair().await;
        let (right, server) = pair().await;
        let mut right = wrap_ssl(right, &for_client);
        let mut server = wrap_ssl(server, &for_server);
        let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
        plain.send_all(b"question").await.unwrap();
        let mut buf = [0; 100];
        let n = timeout(1000 * MS, server.recv(&mut buf))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&buf[..n], b"question");
        server.send_all(b"answer").await.unwrap();
        assert_eq!(plain.recv(&mut buf).await.unwrap(), 6);
        server.close().await.unwrap();
        drop((plain, server));
        drop(proxy.await.unwrap());
    });
}

#[test]
fn an_error_ends_both_directions() {
    run(async {
        let (client, mut left) = pair().await;
        let (mut right, server) = pair().await;
        let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
        client.send_all(b"hello").await.unwrap();
        assert_eq!(server.recv(&mut [0; 10]).await.unwrap(), 5);
        reset(client);
        let error = proxy.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.recv(&mut [0; 10]).await.unwrap(), 0);
    });
}

// One who keeps the future knows how much went each way before the error.
#[test]
fn the_counts_stay_after_an_error() {
    run(async {
        let (client, mut near) = pair().await;
        let (mut far, server) = pair().await;
        client.send_all(b"question").await.unwrap();
        let proxy = spawn(async move {
            let mut copying = copy_bidirectional(&mut near, &mut far);
            let error = (&mut copying).await.unwrap_err();
            (error, copying.copied())
        });
        assert_eq!(server.recv(&mut [0; 100]).await.unwrap(), 8);
        reset(server);
        let (error, copied) = proxy.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(copied, (8, 0));
    });
}

// A direction that never has to wait does not keep the other one from its turns.
#[test]
fn a_busy_direction_does_not_starve_the_other() {
    run(async {
        const ALL: usize = 16 << 20;
        let (mut client, mut left) = duplex_with_capacity(ALL);
        let (mut right, mut server) = duplex_with_capacity(ALL);
        let to_server = right.wire();
        client.write_all(&vec![7; ALL]).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
        assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 6);
        let before = to_server.carried();
        assert!(before < ALL as u64 / 2, "{before} bytes went before");
        drop(proxy.kill());
    });
}

#[test]
fn with_a_budget_of_one_both_directions_get_on() {
    let hub = Hub::builder().budget(1).build().unwrap();
    hub.run(async {
        let (client, mut left) = pair().await;
        let (mut right, server) = pair().await;
        let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
        server.send_all(b"hello").await.unwrap();
        let greeted = timeout(10_000 * MS, client.recv(&mut [0; 10])).await;
        assert_eq!(greeted.expect("in time").unwrap(), 5);
        client.send_all(b"hi").await.unwrap();
        let answered = timeout(10_000 * MS, server.recv(&mut [0; 10])).await;
        assert_eq!(answered.expect("in time").unwrap(), 2);
        drop((client, server));
        assert_eq!(proxy.await.unwrap().unwrap(), (2, 5));
    });
}
