//! Ending a conversation with unread input, so that the last answer arrives.

use std::io::ErrorKind;

use evlet_hub::{now, spawn, timeout};
use evlet_net::testing::duplex;
use evlet_net::{FINISH_LIMIT, Finished, finish, wrap_ssl};
use futures::FutureExt;

use crate::loopback::{MS, noise, pair, read_all, reset, run, small_pair};
use crate::tls::configs;

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    an_answer_before_the_end_of_the_request_arrives,
    it_takes_no_longer_than_its_limits,
    any_stream_whose_writing_can_end_alone,
    outside_of_a_hub_its_limit_is_an_error,
];

// proves F-4: the answer arrives though the request was not read; a plain drop destroys it.
#[test]
fn an_answer_before_the_end_of_the_request_arrives() {
    run(async {
        let request = noise(30_000);
        for finishes in [true, false] {
            let (client, server) = pair().await;
            client.send_all(&request).await.unwrap();
            server.recv(&mut [0; 10]).await.unwrap();
            server.send_all(b"too large").await.unwrap();
            if finishes {
                let finished = spawn(finish(server));
                assert_eq!(read_all(&client).await.unwrap(), b"too large");
                drop(client);
                assert_eq!(finished.await.unwrap().unwrap(), Finished::PeerEnded);
            } else {
                drop(server);
                assert!(
                    client.send_all(&request).await.is_err()
                        || client.recv(&mut [0]).await.is_err()
                );
            }
        }
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}

// Neither a peer that sends for ever nor one that says nothing keeps it.
#[test]
fn it_takes_no_longer_than_its_limits() {
    run(async {
        let (client, server) = small_pair().await;
        let floods = spawn(async move { client.send_all(&vec![0; 10_000_000]).await });
        assert_eq!(finish(server).await.unwrap(), Finished::TooMuch);
        assert!(floods.await.unwrap().is_err());

        let (client, server) = pair().await;
        let before = now();
        assert_eq!(finish(server).await.unwrap(), Finished::TooLong);
        assert_eq!(now() - before, FINISH_LIMIT);
        // It is closed.
        assert_eq!(client.recv(&mut [0]).await.unwrap(), 0);
        drop(client);

        // A peer that takes nothing, not even what is still to be written.
        let (client, server) = small_pair().await;
        assert!(
            timeout(MS, server.send_all(&noise(1_000_000)))
                .await
                .is_err()
        );
        assert_eq!(finish(server).await.unwrap(), Finished::TooLong);
        drop(client);

        let (client, server) = pair().await;
        let finished = spawn(finish(server));
        evlet_hub::yield_now().await;
        reset(client);
        let error = finished.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);

        // Given up, it is closed at once.
        let (client, server) = pair().await;
        assert!(timeout(MS, finish(server)).await.is_err());
        assert_eq!(client.recv(&mut [0]).await.unwrap(), 0);
        drop(client);
        assert_eq!(evlet_hub::stats().sources, 0);
    });
}

// Over TLS as well: the goodbye goes first.
#[test]
fn any_stream_whose_writing_can_end_alone() {
    run(async {
        let (for_server, for_client) = configs();
        let (near, far) = duplex();
        let mut client = wrap_ssl(near, &for_client);
        let mut server = wrap_ssl(far, &for_server);
        let served = spawn(async move {
            server.recv(&mut [0; 10]).await.unwrap();
            server.send_all(b"enough").await.unwrap();
            finish(server).await
        });
        client.send_all(&noise(20_000)).await.unwrap();
        let mut answer = [0; 10];
        assert_eq!(client.recv(&mut answer).await.unwrap(), 6);
        assert_eq!(client.recv(&mut answer).await.unwrap(), 0);
        client.close().await.unwrap();
        drop(client);
        assert_eq!(served.await.unwrap().unwrap(), Finished::PeerEnded);
    });
}

#[test]
fn outside_of_a_hub_its_limit_is_an_error() {
    let (client, server) = duplex();
    let error = finish(server).now_or_never().unwrap().unwrap_err();
    assert!(error.to_string().contains("needs a hub"), "{error}");
    drop(client);
    let (client, server) = duplex();
    drop(client);
    let without_waiting = finish(server).now_or_never().unwrap();
    assert_eq!(without_waiting.unwrap(), Finished::PeerEnded);
}
