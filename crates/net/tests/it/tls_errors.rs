//! TLS that must not be: certificates, settings and peers with something wrong.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use evlet_hub::{now, spawn};
use evlet_net::{TlsConfig, TlsError, wrap_ssl};

use crate::loopback::{pair, run, text};
use crate::tls::{certificate, configs};

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    a_certificate_that_does_not_verify_names_the_server_and_what_to_do,
    an_expired_certificate_is_found_on_both_sides,
    a_peer_that_does_not_speak_tls_is_found_at_once,
    what_is_wrong_with_the_settings_is_the_first_operations_error,
    certificates_and_keys_are_checked_when_they_are_loaded,
    debug_output_has_no_keys,
];

/// How a client's handshake with `for_client` against `for_server` fails.
pub(crate) async fn failing(
    for_server: &TlsConfig,
    for_client: &TlsConfig,
) -> (io::Error, io::Error) {
    let (client, server) = pair().await;
    let mut server = wrap_ssl(server, for_server);
    let server = spawn(async move {
        let result = server.handshake().await;
        // In TLS 1.3 the server may be done before the client refuses.
        result
            .and(server.recv(&mut [0; 1]).await.map(drop))
            .unwrap_err()
    });
    let mut client = wrap_ssl(client, for_client);
    let error = client.handshake().await.unwrap_err();
    drop(client);
    (error, server.await.unwrap())
}

#[track_caller]
pub(crate) fn says(error: &io::Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.get_ref().unwrap().is::<TlsError>());
    for word in words {
        assert!(text(error).contains(word), "{error} should say {word:?}");
    }
}

#[test]
fn a_certificate_that_does_not_verify_names_the_server_and_what_to_do() {
    run(async {
        let (for_server, for_client) = configs();
        let (other_cert, _) = certificate(&["localhost"]);

        let stranger = TlsConfig::client().roots_pem(other_cert).unwrap();
        let stranger = stranger.server_name("localhost");
        let (client, server) = failing(&for_server, &stranger).await;
        says(&client, ErrorKind::InvalidData, &["localhost", "roots_pem"]);
        says(&server, ErrorKind::InvalidData, &["refused", "trust"]);
        let inside = client
            .get_ref()
            .unwrap()
            .downcast_ref::<TlsError>()
            .unwrap();
        assert_eq!(inside.server_name(), Some("localhost"));
        assert!(inside.rustls_error().is_some());

        let wrong_name = for_client.clone().server_name("example.com");
        let (client, _) = failing(&for_server, &wrong_name).await;
        says(
            &client,
            ErrorKind::InvalidData,
            &["example.com", "server_name", "other names"],
        );

        // The system does not know a certificate that was made here.
        let system = TlsConfig::client().server_name("localhost");
        let (client, server) = pair().await;
        drop(server);
        let error = wrap_ssl(client, &system).handshake().await.unwrap_err();
        assert!(text(&error).contains("localhost"), "{error}");
    });
}

// An expired certificate: the client says so, and a server refuses to start with one (G-5).
#[test]
fn an_expired_certificate_is_found_on_both_sides() {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let (cert, key) = (cert.pem(), key.serialize_pem());

    let error = TlsConfig::server(&cert, &key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(text(&error).contains("expired"), "{error}");

    // A server that does not look goes through rustls itself.
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let careless = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let careless = TlsConfig::from_server_config(Arc::new(careless));
    run(async {
        let for_client = TlsConfig::client().roots_pem(&cert).unwrap();
        let for_client = for_client.server_name("localhost");
        let (client, _) = failing(&careless, &for_client).await;
        says(
            &client,
            ErrorKind::InvalidData,
            &["localhost", "expired", "renew"],
        );
    });
}

// proves G-7: what is not TLS ends at once, on both sides.
#[test]
fn a_peer_that_does_not_speak_tls_is_found_at_once() {
    run(async {
        let (for_server, for_client) = configs();
        let start = now();
        for banner in ["SSH-2.0-OpenSSH_9\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let (client, plain) = pair().await;
            plain.send_all(banner.as_bytes()).await.unwrap();
            let error = wrap_ssl(client, &for_client).handshake().await.unwrap_err();
            says(&error, ErrorKind::InvalidData, &["localhost", "not TLS"]);
        }
        for request in ["GET / HTTP/1.0\r\n\r\n", "\0\0\0\0\0\0\0\0\0\0"] {
            let (plain, server) = pair().await;
            plain.send_all(request.as_bytes()).await.unwrap();
            let error = wrap_ssl(server, &for_server).handshake().await.unwrap_err();
            says(&error, ErrorKind::InvalidData, &["with a client"]);
            drop(plain);
        }
        let (client, gone) = pair().await;
        drop(gone);
        let error = wrap_ssl(client, &for_client).handshake().await.unwrap_err();
        says(
            &error,
            ErrorKind::UnexpectedEof,
            &["localhost", "speak TLS"],
        );
        assert_eq!(now(), start);
    });
}

#[test]
fn what_is_wrong_with_the_settings_is_the_first_operations_error() {
    run(async {
        let (_, for_client) = configs();
        let (client, _server) = pair().await;
        let error = wrap_ssl(client, &TlsConfig::client())
            .send_all(b"x")
            .await
            .unwrap_err();
        says(&error, ErrorKind::InvalidInput, &["TlsConfig::server_name"]);
        let (client, _server) = pair().await;
        let mut client = wrap_ssl(client, &for_client.server_name("two words"));
        let error = client.recv(&mut [0; 1]).await.unwrap_err();
        says(&error, ErrorKind::InvalidInput, &["two words"]);
        client.close().await.unwrap(); // nothing to say goodbye to
    });
}

#[test]
fn certificates_and_keys_are_checked_when_they_are_loaded() {
    let (cert, key) = certificate(&["localhost"]);
    let (_, other_key) = certificate(&["localhost"]);
    let fails = |cert: &str, key: &str, words: &[&str]| {
        let error = TlsConfig::server(cert, key).unwrap_err();
        for word in words {
            assert!(text(&error).contains(word), "{error} should say {word:?}");
        }
        let secret = key.lines().nth(1).unwrap_or("-");
        assert!(secret == "-" || !text(&error).contains(secret), "{error}");
        error.kind()
    };
    let kind = fails(
        "no/such/cert.pem",
        &key,
        &["no/such/cert.pem", "check the path"],
    );
    assert_eq!(kind, ErrorKind::NotFound);
    let kind = fails(&cert, &other_key, &["together"]);
    assert_eq!(kind, ErrorKind::InvalidData);
    fails(&key, &key, &["no certificate"]);
    fails(&cert, &cert, &["no private key"]);
    let cut = &key[..key.len() - 30];
    fails(&cert, cut, &["cut off"]);
    let damaged = key.replace('a', "%");
    fails(&cert, &damaged, &["damaged"]);
    assert!(TlsConfig::client().roots_pem(&key).is_err());
    assert!(TlsConfig::client().roots_pem(b"").is_err());
    // Every way to give them.
    TlsConfig::server(cert.as_bytes(), key.as_bytes().to_vec()).unwrap();
    TlsConfig::server(cert.clone(), &key).unwrap();
    let dir = std::env::temp_dir().join(format!("evlet-net-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (cert_path, key_path) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&cert_path, &cert).unwrap();
    std::fs::write(&key_path, &key).unwrap();
    TlsConfig::server(cert_path.as_path(), key_path.clone()).unwrap();
    TlsConfig::server(cert_path.to_str().unwrap(), key_path.to_str().unwrap()).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}

// proves G-5: keys are never in debug output.
#[test]
fn debug_output_has_no_keys() {
    run(async {
        let (cert, key) = certificate(&["localhost"]);
        let config = TlsConfig::server(&cert, &key).unwrap();
        let (client, _server) = pair().await;
        let stream = wrap_ssl(client, &config);
        let shown = format!("{config:#?} {stream:#?}");
        assert!(shown.len() < 500, "{shown}");
        for line in key.lines().chain(cert.lines()) {
            assert!(!shown.contains(line), "{shown}");
        }
    });
}
