//! TLS on whatever can be read and written, and listeners that put it on.

use std::rc::Rc;

use evlet_hub::{now, spawn};
use evlet_net::testing::duplex;
use evlet_net::{TlsListener, UnixListener, UnixStream, connect, serve, wrap_ssl};
use futures::FutureExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{listener, noise, run};
use crate::tls::configs;

// A tunnel in a tunnel: each layer has its own certificate, and reads in the middle of the other's.
#[test]
fn tls_in_tls() {
    run(async {
        let (outer_server, outer_client) = configs();
        let (inner_server, inner_client) = configs();
        let (client, server) = duplex();
        let data = noise(200_000);
        let back = data.clone();
        let other = spawn(async move {
            let mut server = wrap_ssl(wrap_ssl(server, &outer_server), &inner_server);
            let mut all = vec![0; back.len()];
            server.read_exact(&mut all).await.unwrap();
            assert!(all == back);
            server.write_all(&all).await.unwrap();
            server.close().await.unwrap();
        });
        let mut client = wrap_ssl(wrap_ssl(client, &outer_client), &inner_client);
        client.send_all(&data).await.unwrap();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert!(all == data);
        other.await.unwrap();
        // The outer layer is a TLS stream like any other.
        assert_eq!(client.get_ref().unwrap().version(), Some("TLSv1.3"));
    });
}

#[test]
fn tls_on_a_unix_socket() {
    run(async {
        let (for_server, for_client) = configs();
        let path = std::env::temp_dir().join(format!("evlet-tls-{}.sock", std::process::id()));
        let listener = TlsListener::new(UnixListener::bind(&path).unwrap(), &for_server);
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.send_all(b"over a path").await.unwrap();
            stream.close().await.unwrap();
        });
        let stream = UnixStream::connect(&path).await.unwrap();
        let mut text = String::new();
        wrap_ssl(stream, &for_client)
            .read_to_string(&mut text)
            .await
            .unwrap();
        assert_eq!(text, "over a path");
        server.await.unwrap();
    });
}

// conformance 137; proves G-1: a listener with TLS accepts whoever comes while others say nothing.
#[test]
fn a_listener_puts_tls_on_each_connection() {
    run(async {
        let (for_server, for_client) = configs();
        let listener = Rc::new(TlsListener::new(listener(), &for_server));
        let addr = listener.get_ref().local_addr().unwrap();
        let server = spawn(serve(Rc::clone(&listener), |mut stream, peer| async move {
            stream.send_all(peer.to_string().as_bytes()).await?;
            stream.close().await
        }));
        let start = now();
        let _silent = connect(addr).await.unwrap();
        let stream = connect(addr).await.unwrap();
        let local = stream.local_addr().unwrap().to_string();
        let mut said = String::new();
        let mut client = wrap_ssl(stream, &for_client);
        client.read_to_string(&mut said).await.unwrap();
        assert_eq!((said, now()), (local, start));
        server.kill().await;
        assert!(format!("{listener:?}").contains("TlsConfig"));
    });
}

#[test]
fn outside_of_a_hub_a_handshake_is_an_error() {
    let (for_server, for_client) = configs();
    let (client, server) = duplex();
    let mut client = wrap_ssl(client, &for_client);
    let mut server = wrap_ssl(server, &for_server);
    for ended in [
        client.handshake().now_or_never(),
        server.send_all(b"x").now_or_never(),
    ] {
        let error = ended.expect("at once").unwrap_err();
        assert!(error.to_string().contains("needs a hub"), "{error}");
    }
}
