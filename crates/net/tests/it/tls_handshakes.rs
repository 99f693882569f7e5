//! How many handshakes a server does at once, and who never waits for that.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{GreenThread, now, sleep, spawn, timeout, yield_now};
use evlet_net::testing::{Duplex, duplex};
use evlet_net::{HANDSHAKES_AT_ONCE, TlsConfig, connect, serve, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, listener, reporting_hub, run};
use crate::tls::configs;
use crate::tls_errors::says;

/// The first bytes of a handshake, and no more: it has begun and does not go on.
const BEGUN: &[u8] = &[22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3];
const SECOND: Duration = Duration::from_secs(1);

/// A server on one end; gives the client's end, and whether it came through.
fn served(config: &TlsConfig) -> (Duplex, GreenThread<std::io::Result<()>>) {
    let (client, server) = duplex();
    let mut server = wrap_ssl(server, config);
    (
        client,
        spawn(async move { server.send_all(b"hello").await }),
    )
}

async fn greeted(stream: Duplex, config: &TlsConfig) {
    let mut client = wrap_ssl(stream, config);
    let mut buf = [0; 5];
    client.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"hello");
}

// proves G-1: any number of silent clients, and none of them stands in an honest one's way.
#[test]
fn more_silent_clients_than_places_stop_nobody() {
    let (hub, reports) = reporting_hub();
    hub.run(async {
        let (for_server, for_client) = configs();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let accepted = Rc::new(Cell::new(0));
        let count = Rc::clone(&accepted);
        let server = spawn(serve(listener, move |stream, _| {
            count.set(count.get() + 1);
            let mut stream = wrap_ssl(stream, &for_server);
            async move {
                stream.send_all(b"hello").await?;
                stream.close().await
            }
        }));
        let start = now();
        let mut silent = Vec::new();
        while silent.len() < HANDSHAKES_AT_ONCE + 20 {
            silent.push(connect(addr).await.unwrap());
            // All of them are accepted, one by one: the backlog is short.
            while accepted.get() < silent.len() {
                yield_now().await;
            }
        }
        let mut client = wrap_ssl(connect(addr).await.unwrap(), &for_client);
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!((&all[..], now()), (&b"hello"[..], start));
        // The silent ones are sent away when their time is up.
        for stream in &silent {
            assert_eq!(stream.recv(&mut [0; 100]).await.unwrap(), 0);
        }
        assert_eq!(now() - start, 15 * SECOND);
        server.kill().await;
    });
    assert_eq!(reports.borrow().len(), HANDSHAKES_AT_ONCE + 20);
}

// One place: who has begun holds it until it is done or its time is up; the next waits for that.
#[test]
fn a_place_is_held_until_the_handshakes_end() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server
            .handshakes_at_once(1)
            .handshake_timeout(2 * SECOND);
        let (mut stalled, its_server) = served(&for_server);
        stalled.write_all(BEGUN).await.unwrap();
        let start = now();
        sleep(SECOND).await;
        // One that says nothing does not even stand in line.
        let (_silent, _) = served(&for_server);
        let (honest, served) = served(&for_server);
        greeted(honest, &for_client).await;
        assert_eq!(now() - start, 2 * SECOND);
        served.await.unwrap().unwrap();
        let error = its_server.await.unwrap().unwrap_err();
        says(&error, ErrorKind::TimedOut, &["2s", "handshake_timeout"]);
    });
}

// With one place, many still come through one after the other, and those that stay take none.
#[test]
fn open_connections_take_no_place() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server.handshakes_at_once(0); // counts as one
        let start = now();
        let mut open = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..20 {
            let (client, server) = duplex();
            let mut server = wrap_ssl(server, &for_server);
            open.push(spawn(async move {
                server.send_all(b"hello").await.unwrap();
                server
            }));
            let for_client = for_client.clone();
            clients.push(spawn(async move { greeted(client, &for_client).await }));
        }
        for client in clients {
            client.await.unwrap();
        }
        let mut kept = Vec::new();
        for server in open {
            kept.push(server.await.unwrap());
        }
        assert_eq!(now(), start);
    });
}

// Who finds no place in its own time is told so, by the name of the setting; clones share the places.
#[test]
fn who_finds_no_place_is_told_why() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server.handshakes_at_once(1);
        let (mut stalled, _its_server) = served(&for_server);
        stalled.write_all(BEGUN).await.unwrap();
        sleep(MS).await;
        let (client, server) = served(&for_server.clone().handshake_timeout(3 * SECOND));
        let asking = spawn(async move { wrap_ssl(client, &for_client).handshake().await });
        let error = server.await.unwrap().unwrap_err();
        says(
            &error,
            ErrorKind::TimedOut,
            &["3s", "among 1 handshakes", "handshakes_at_once"],
        );
        assert!(asking.await.unwrap().is_err());
    });
}

// proves D-1: however a handshake is given up, its place and its place in line are free again.
#[test]
fn a_handshake_that_is_given_up_frees_its_place() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server.handshakes_at_once(1);
        let begin = async || {
            let (mut client, server) = duplex();
            client.write_all(BEGUN).await.unwrap();
            (client, wrap_ssl(server, &for_server))
        };
        // Dropped in the middle.
        let (_client, mut server) = begin().await;
        assert!(timeout(MS, server.handshake()).await.is_err());
        let (_second, mut waits) = begin().await;
        assert!(timeout(MS, waits.handshake()).await.is_err());
        drop(waits); // in line
        drop(server);
        // Closed in the middle.
        let (_client, mut server) = begin().await;
        assert!(timeout(MS, server.handshake()).await.is_err());
        server.close().await.unwrap();
        // Failed: that is no TLS.
        let (mut client, mut other) = begin().await;
        client.write_all(&[0; 300]).await.unwrap();
        assert!(other.handshake().await.is_err());
        // Killed while it stands in line, with one behind it.
        let (_client, mut holder) = begin().await;
        assert!(timeout(MS, holder.handshake()).await.is_err());
        let (_killed, mut first) = begin().await;
        let first = spawn(async move { first.handshake().await });
        sleep(MS).await;
        let (client, second) = served(&for_server);
        let greeting = spawn(async move { greeted(client, &for_client).await });
        sleep(MS).await;
        let start = now();
        drop(holder); // the first's place now, which is killed before it knows
        first.kill().await;
        greeting.await.unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(now(), start);
        drop(server);
    });
}

// proves D-1: who gives up in line, and keeps the stream, stands in nobody's way, and has lost no turn.
#[test]
fn one_who_is_given_up_in_line_lets_the_next_in() {
    run(async {
        let (for_server, for_client) = configs();
        let for_server = for_server.handshakes_at_once(1);
        let begin = async || {
            let (mut client, server) = duplex();
            client.write_all(BEGUN).await.unwrap();
            (client, wrap_ssl(server, &for_server))
        };
        for operation in 0..5 {
            let (_first, mut holder) = begin().await;
            assert!(timeout(MS, holder.handshake()).await.is_err());
            let (_second, mut given_up) = begin().await;
            let waits = async {
                match operation {
                    0 => given_up.handshake().await,
                    1 => given_up.recv(&mut [0]).await.map(drop),
                    2 => given_up.recv_chunk(1).await.map(drop),
                    3 => given_up.send_all(b"x").await,
                    _ => given_up.unwrap().await.map(drop),
                }
            };
            assert!(timeout(MS, waits).await.is_err());
            let (client, next) = served(&for_server);
            let greeting = spawn({
                let for_client = for_client.clone();
                async move { greeted(client, &for_client).await }
            });
            sleep(MS).await;
            let start = now();
            drop(holder);
            greeting.await.unwrap();
            next.await.unwrap().unwrap();
            assert_eq!(now(), start, "operation {operation}");
        }
        // Back before the place was free, it is the first again.
        let (_first, mut holder) = begin().await;
        assert!(timeout(MS, holder.handshake()).await.is_err());
        let (_second, mut comes_back) = begin().await;
        assert!(timeout(MS, comes_back.handshake()).await.is_err());
        let (client, next) = served(&for_server);
        let greeting = spawn(async move { greeted(client, &for_client).await });
        sleep(MS).await;
        let back = spawn(async move { comes_back.handshake().await });
        sleep(MS).await;
        drop(holder);
        sleep(MS).await;
        assert!(!next.is_finished() && !back.is_finished());
        back.kill().await;
        greeting.await.unwrap();
        next.await.unwrap().unwrap();
    });
}
