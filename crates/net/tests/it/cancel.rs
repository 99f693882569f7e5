//! Futures dropped at every poll lose nothing and leave nothing behind (promise D-1).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use evlet_hub::{Hub, sleep, spawn, spawn_n};
use evlet_net::{connect, serve};

use crate::loopback::{MS, listener, noise, pair, read_all, run, small_pair};

/// Polls `future` at most `polls` times, once for each turn or wake-up, and drops it.
pub(crate) async fn poll_times<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        sleep(MS).await;
    }
    None
}

#[test]
fn accept_loses_no_connection() {
    run(async {
        for polls in 0..4 {
            // The client comes before, while it waits, or after.
            for when in 0..3 {
                let listener = listener();
                let addr = listener.local_addr().unwrap();
                let client = spawn(async move {
                    sleep(when * MS).await;
                    connect(addr).await.unwrap()
                });
                let first = poll_times(listener.accept(), polls).await;
                let (server, peer) = match first {
                    Some(accepted) => accepted.unwrap(),
                    None => listener.accept().await.unwrap(),
                };
                let client = client.await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
                server.send_all(b"x").await.unwrap();
                assert_eq!(client.recv(&mut [0; 10]).await.unwrap(), 1);
            }
        }
        assert_eq!(evlet_hub::stats().sources, 0);
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn recv_and_peek_lose_no_byte() {
    run(async {
        for polls in 0..4 {
            for when in 0..3 {
                let (client, server) = pair().await;
                let data = noise(1000);
                let sent = data.clone();
                spawn_n(async move {
                    sleep(when * MS).await;
                    client.send_all(&sent).await.unwrap();
                });
                let mut buf = [0; 300];
                drop(poll_times(server.peek(&mut [0; 10]), polls).await);
                let first = poll_times(server.recv(&mut buf), polls).await;
                let n = first.map_or(0, Result::unwrap);
                let mut all = buf[..n].to_vec();
                all.extend(read_all(&server).await.unwrap());
                assert!(
                    all == data,
                    "dropped after {polls} polls, sent at {when} ms"
                );
            }
        }
        assert_eq!(evlet_hub::stats().timers, 0);
    });
}

#[test]
fn what_send_and_send_all_say_is_what_arrives() {
    run(async {
        for polls in 0..6 {
            let (client, server) = small_pair().await;
            let data = noise(3_000_000);
            let reader = spawn(async move { read_all(&server).await.unwrap() });
            let sent = {
                let mut sending = client.send_all(&data);
                let done = poll_times(&mut sending, polls).await;
                assert!(
                    done.is_none(),
                    "three megabytes are too little to be cut in {polls}"
                );
                sending.sent()
            };
            let more = poll_times(client.send(&data[sent..]), 1).await;
            let sent = sent + more.map_or(0, Result::unwrap);
            drop(client);
            assert!(reader.await.unwrap() == data[..sent]);
        }
    });
}

// The socket is closed: the listener sees the connection end, and nothing is registered.
#[test]
fn a_dropped_connect_closes_its_socket() {
    run(async {
        for polls in 0..3 {
            let listener = listener();
            let addr = listener.local_addr().unwrap();
            let made = poll_times(connect(addr), polls).await;
            let was_made = made.is_some();
            drop(made);
            assert_eq!(evlet_hub::stats().sources, 1); // the listener
            let accepted = evlet_hub::timeout(MS, listener.accept()).await;
            if let Ok(accepted) = accepted {
                let (server, _) = accepted.unwrap();
                assert_eq!(server.recv(&mut [0; 1]).await.unwrap_or(0), 0);
            } else {
                assert!(!was_made);
            }
        }
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}

#[test]
fn a_dropped_connect_by_name_leaves_nothing() {
    // Real time: another OS thread answers.
    Hub::new().unwrap().run(async {
        let listener = listener();
        let port = listener.local_addr().unwrap().port();
        for polls in 0..4 {
            drop(poll_times(connect(("localhost", port)), polls).await);
        }
        while evlet_hub::stats().green_threads > 0 {
            sleep(MS).await;
        }
        assert_eq!(evlet_hub::stats().sources, 1);
    });
}

// Dropped mid-way, serve has either not accepted a connection or given it to a handler.
#[test]
fn a_dropped_serve_loses_no_connection() {
    run(async {
        for polls in 0..8 {
            let listener = listener();
            let addr = listener.local_addr().unwrap();
            let mut clients = Vec::new();
            for _ in 0..3 {
                clients.push(connect(addr).await.unwrap());
            }
            let hello =
                |stream: evlet_net::TcpStream, _| async move { stream.send_all(b"hello").await };
            let given_up = poll_times(serve(&listener, hello), polls).await;
            assert!(given_up.is_none());
            evlet_hub::spawn_n(async move { drop(serve(listener, hello).await) });
            for client in clients {
                assert_eq!(read_all(&client).await.unwrap(), b"hello");
            }
        }
    });
}
