//! What a TLS connection can tell, what the next one saves, and how it may end.

use std::io::ErrorKind;
use std::sync::Arc;

use evlet_hub::spawn;
use evlet_net::testing::duplex;
use evlet_net::{TlsConfig, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, pair, run, text};
use crate::tls::{certificate, configs, wrapped};

/// One exchange of a byte each way, in memory: whether it was resumed, as each side sees it.
async fn resumed(for_server: &TlsConfig, for_client: &TlsConfig) -> (bool, bool) {
    let (client, server) = duplex();
    let mut client = wrap_ssl(client, for_client);
    let mut server = wrap_ssl(server, for_server);
    let other = spawn(async move {
        assert_eq!(server.recv(&mut [0; 9]).await.unwrap(), 1);
        server.send_all(b"s").await.unwrap();
        server.close().await.unwrap();
        server.is_resumed()
    });
    client.send_all(b"c").await.unwrap();
    let mut all = Vec::new(); // to the end: tickets come with the data
    client.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"s");
    (client.is_resumed(), other.await.unwrap())
}

#[test]
fn the_second_connection_goes_on_where_the_first_has_been() {
    run(async {
        let (for_server, for_client) = configs();
        assert_eq!(resumed(&for_server, &for_client).await, (false, false));
        for _ in 0..3 {
            assert_eq!(resumed(&for_server, &for_client).await, (true, true));
        }
        // Clones remember together, also where they differ in what does not matter.
        let clone = for_client.clone().handshake_timeout(MS * 500);
        assert_eq!(resumed(&for_server, &clone).await, (true, true));
    });
}

#[test]
fn settings_that_never_met_the_server_begin_anew() {
    run(async {
        let (cert, key) = certificate(&["localhost"]);
        let for_server = TlsConfig::server(&cert, &key).unwrap();
        let for_client = || {
            let config = TlsConfig::client().roots_pem(&cert).unwrap();
            config.server_name("localhost")
        };
        resumed(&for_server, &for_client()).await;
        assert_eq!(resumed(&for_server, &for_client()).await, (false, false));
        // Nor does a server that has forgotten, for instance because it was started again.
        let known = for_client();
        resumed(&for_server, &known).await;
        let started_again = TlsConfig::server(&cert, &key).unwrap();
        assert_eq!(resumed(&started_again, &known).await, (false, false));
    });
}

#[test]
fn a_connection_tells_its_version_once_it_is_agreed_on() {
    run(async {
        let (mut client, mut server) = wrapped(pair().await);
        assert_eq!((client.version(), client.is_resumed()), (None, false));
        assert_eq!(client.peer_certificates().count(), 0);
        let other = spawn(async move {
            server.handshake().await.unwrap();
            server.version()
        });
        client.handshake().await.unwrap();
        assert_eq!(client.version(), Some("TLSv1.3"));
        assert_eq!(other.await.unwrap(), Some("TLSv1.3"));
    });
}

#[test]
fn an_older_peer_gets_the_older_version() {
    run(async {
        let (cert, key) = certificate(&["localhost"]);
        let for_client = TlsConfig::client().roots_pem(&cert).unwrap();
        let for_client = for_client.server_name("localhost");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]);
        use rustls::pki_types::pem::PemObject;
        let cert = rustls::pki_types::CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let builder = builder.unwrap().with_no_client_auth();
        let made = builder.with_single_cert(vec![cert], key).unwrap();
        let for_server = TlsConfig::from_server_config(Arc::new(made));
        assert_eq!(resumed(&for_server, &for_client).await, (false, false));
        assert_eq!(resumed(&for_server, &for_client).await, (true, true));
        // What rustls has set up, rustls has to change.
        assert!(for_server.clone().ask_client_certificates("x").is_err());
        let error = for_server.reload().unwrap_err();
        assert!(text(&error).contains("TlsConfig::server"), "{error}");
    });
}

// proves G-2: where framing decides, a cut is an end; what came before it is there either way.
#[test]
fn a_cut_may_count_as_an_end() {
    run(async {
        for cut_is_end in [false, true] {
            let (for_server, for_client) = configs();
            let (client, server) = duplex();
            let mut client = wrap_ssl(client, &for_client.cut_is_end(cut_is_end));
            let mut server = wrap_ssl(server, &for_server);
            let other = spawn(async move {
                server.send_all(b"complete by itself").await.unwrap();
                drop(server); // no close_notify
            });
            let mut all = Vec::new();
            let read = client.read_to_end(&mut all).await;
            assert_eq!(all, b"complete by itself");
            match cut_is_end {
                true => assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0),
                false => assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof),
            }
            other.await.unwrap();
        }
    });
}

// proves G-2, at every byte: wherever in a conversation the line is cut, nobody hangs, and nobody
// takes a part for the whole.
#[test]
fn a_cut_anywhere_is_told() {
    run(async {
        let (for_server, for_client) = configs();
        let message = [b'm'; 100];
        let mut whole = 0;
        for cut in (0..4000).step_by(37) {
            let (client, server) = duplex();
            server.wire().cut_after(cut);
            let mut client = wrap_ssl(client, &for_client);
            let mut server = wrap_ssl(server, &for_server);
            let other = spawn(async move {
                server.write_all(&message).await?;
                server.close().await
            });
            let mut all = Vec::new();
            match client.read_to_end(&mut all).await {
                Ok(_) => {
                    assert_eq!(all, message, "cut after {cut} bytes");
                    whole += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}"),
            }
            drop(client);
            let _ = other.await.unwrap(); // it may have failed, and has ended
        }
        assert!((1..100).contains(&whole), "{whole} of 109 got through");
    });
}

// proves G-3: garbage at any place is an error, at once, and never data.
#[test]
fn a_damaged_record_is_an_error_and_no_data() {
    run(async {
        let (for_server, for_client) = configs();
        let (client, mut raw_server) = duplex();
        let (raw_client, server) = duplex();
        let mut server = wrap_ssl(server, &for_server);
        // A man in the middle, who changes one byte after the handshake.
        let middle = spawn(async move {
            let (mut up, mut up_write) = raw_client.split();
            let (mut down, mut down_write) = (&mut raw_server).split();
            let forth = async {
                let mut buf = [0; 1000];
                while let Ok(n @ 1..) = down.read(&mut buf).await {
                    if up_write.write_all(&buf[..n]).await.is_err() {
                        break;
                    }
                }
            };
            let back = async {
                let mut buf = [0; 5000];
                let mut passed = 0;
                while let Ok(n @ 1..) = up.read(&mut buf).await {
                    if passed > 1200 {
                        buf[n - 1] ^= 1;
                    }
                    passed += n;
                    if down_write.write_all(&buf[..n]).await.is_err() {
                        break;
                    }
                }
            };
            futures::future::join(forth, back).await
        });
        let other = spawn(async move {
            let mut buf = [0; 10];
            server.read_exact(&mut buf[..1]).await?;
            for _ in 0..50 {
                server.send_all(&[b'x'; 100]).await?;
            }
            server.read(&mut buf).await.map(drop)
        });
        let mut client = wrap_ssl(client, &for_client);
        client.send_all(b"?").await.unwrap();
        let mut all = Vec::new();
        let error = client.read_to_end(&mut all).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(all.iter().all(|byte| *byte == b'x'));
        drop(client);
        assert!(other.await.unwrap().is_err());
        middle.kill().await;
    });
}
