//! Who is who: clients that show certificates, and servers that exchange theirs.

use std::io::{Error, ErrorKind};
use std::path::PathBuf;

use evlet_hub::spawn;
use evlet_net::{TcpStream, TlsConfig, TlsStream, connect, serve, wrap_ssl};

use crate::loopback::{listener, pair, run, text};
use crate::tls::{certificate, configs};
use crate::tls_errors::says;

/// An authority, and a certificate that it has signed for a client: PEM of the first, then of the
/// second with its key.
fn authority_and_client(name: &str) -> (String, String, String) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("authority of {name}"));
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let authority = rcgen::Issuer::new(params, key);

    let mut client = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let client_key = rcgen::KeyPair::generate().unwrap();
    let signed = client.signed_by(&client_key, &authority).unwrap();
    (cert.pem(), signed.pem(), client_key.serialize_pem())
}

/// Both ends, after a byte each way: with TLS 1.3 a client learns only then that it was refused.
async fn met(
    for_server: &TlsConfig,
    for_client: &TlsConfig,
) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
    let (client, server) = pair().await;
    let mut client = wrap_ssl(client, for_client);
    let mut server = wrap_ssl(server, for_server);
    let other = spawn(async move {
        server.send_all(b"s").await.unwrap();
        assert_eq!(server.recv(&mut [0; 9]).await.unwrap(), 1);
        server
    });
    client.send_all(b"c").await.unwrap();
    assert_eq!(client.recv(&mut [0; 9]).await.unwrap(), 1);
    (client, other.await.unwrap())
}

/// The errors of both ends where the server refuses the client.
async fn refused(for_server: &TlsConfig, for_client: &TlsConfig) -> (Error, Error) {
    let (client, server) = pair().await;
    let mut client = wrap_ssl(client, for_client);
    let mut server = wrap_ssl(server, for_server);
    let other = spawn(async move { server.recv(&mut [0; 1]).await.unwrap_err() });
    let error = client.recv(&mut [0; 1]).await.unwrap_err();
    (error, other.await.unwrap())
}

#[test]
fn a_server_knows_its_clients_by_their_certificates() {
    run(async {
        let (authority, cert, key) = authority_and_client("agent-7");
        let (for_server, for_client) = configs();
        let for_server = for_server.alpn(["a"]);
        let for_server = for_server.require_client_certificates(&authority).unwrap();
        let for_client = for_client.alpn(["a"]);
        let for_client = for_client.client_certificate(&cert, &key).unwrap();
        let (client, server) = met(&for_server, &for_client).await;
        let shown: Vec<_> = server.peer_certificates().collect();
        assert_eq!(shown.len(), 1);
        let name = b"agent-7";
        assert!(shown[0].windows(name.len()).any(|part| part == name));
        assert_eq!(client.peer_certificates().count(), 1); // the server's
        assert_eq!(server.alpn(), Some(&b"a"[..])); // kept although it was set before
    });
}

// The next connection goes on where the last has been, and the server knows the client as before; another
// certificate is another client.
#[test]
fn a_client_with_a_certificate_saves_the_next_handshake() {
    run(async {
        let (authority, cert, key) = authority_and_client("agent-7");
        let (for_server, for_client) = configs();
        let for_server = for_server.require_client_certificates(&authority).unwrap();
        let agent = for_client.clone().client_certificate(&cert, &key).unwrap();
        let (client, server) = met(&for_server, &agent).await;
        assert!(!client.is_resumed() && !server.is_resumed());
        for config in [&agent, &agent.clone()] {
            let (client, server) = met(&for_server, config).await;
            assert!(client.is_resumed() && server.is_resumed());
            assert_eq!(server.peer_certificates().count(), 1);
        }
        let another = for_client.client_certificate(&cert, &key).unwrap();
        let (client, server) = met(&for_server, &another).await;
        assert!(!client.is_resumed() && !server.is_resumed());
    });
}

#[test]
fn strangers_are_refused_and_both_sides_say_what_to_do() {
    run(async {
        let (authority, _, _) = authority_and_client("friend");
        let (_, cert, key) = authority_and_client("stranger");
        let (for_server, for_client) = configs();
        let required = for_server.clone().require_client_certificates(&authority);
        let required = required.unwrap();

        let (client, server) = refused(&required, &for_client).await;
        says(&server, ErrorKind::InvalidData, &["client_certificate"]);
        says(&client, ErrorKind::InvalidData, &["client_certificate"]);

        let stranger = for_client.clone().client_certificate(cert, key).unwrap();
        let (client, server) = refused(&required, &stranger).await;
        let words = ["require_client_certificates"];
        says(&server, ErrorKind::InvalidData, &words);
        says(&client, ErrorKind::InvalidData, &["refused"]);

        // Where certificates are welcome and not required, no certificate is fine, a bad one not.
        let asked = for_server.ask_client_certificates(&authority).unwrap();
        let (_, server) = met(&asked, &for_client).await;
        assert_eq!(server.peer_certificates().count(), 0);
        let (_, server) = refused(&asked, &stranger).await;
        says(&server, ErrorKind::InvalidData, &words);
    });
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let (authority, cert, key) = authority_and_client("a");
    let client = TlsConfig::client();
    let error = client.clone().require_client_certificates(&authority);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.reload().unwrap_err().kind(), ErrorKind::InvalidInput);
    let error = client.replace_certificate(&cert, &key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(client.client_certificate(&cert, &cert).is_err());
    let (server_cert, server_key) = certificate(&["localhost"]);
    let server = TlsConfig::server(&server_cert, &server_key).unwrap();
    let error = server.reload().unwrap_err();
    assert!(text(&error).contains("replace_certificate"), "{error}");
    let error = server.ask_client_certificates("no certificate-----BEGIN");
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
}

/// A folder with cert.pem and key.pem; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let name = format!("evlet-net-reload-{}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }
    fn write(&self, (cert, key): &(String, String)) {
        std::fs::write(self.0.join("cert.pem"), cert).unwrap();
        std::fs::write(self.0.join("key.pem"), key).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// proves G-5: the new certificate serves who comes, the old connections go on, a bad reload changes
// nothing.
#[test]
fn a_certificate_is_exchanged_under_open_connections() {
    run(async {
        let (old, new) = (certificate(&["localhost"]), certificate(&["localhost"]));
        let trusting = |(cert, _): &(String, String)| {
            let config = TlsConfig::client().roots_pem(cert).unwrap();
            config.server_name("localhost")
        };
        let folder = Folder::new();
        folder.write(&old);
        let cert = folder.0.join("cert.pem");
        let config = TlsConfig::server(&cert, folder.0.join("key.pem")).unwrap();
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let for_server = config.clone();
        let server = spawn(serve(listener, move |stream, _| {
            let mut stream = wrap_ssl(stream, &for_server);
            async move {
                let mut buf = [0; 100];
                while let Ok(n @ 1..) = stream.recv(&mut buf).await {
                    stream.send_all(&buf[..n]).await?;
                }
                stream.close().await
            }
        }));
        async fn echoes(stream: &mut TlsStream<TcpStream>) -> std::io::Result<()> {
            stream.send_all(b"hello").await?;
            assert_eq!(stream.recv(&mut [0; 100]).await?, 5);
            Ok(())
        }
        let open = async |config: TlsConfig| wrap_ssl(connect(addr).await.unwrap(), &config);

        let (to_old, to_new) = (trusting(&old), trusting(&new));
        let mut first = open(to_old).await;
        echoes(&mut first).await.unwrap();
        assert!(echoes(&mut open(to_new.clone()).await).await.is_err());

        // Useless files: an error that names the file, and the old certificate stays.
        folder.write(&(new.0.clone(), old.1.clone()));
        let error = config.reload().unwrap_err();
        assert!(text(&error).contains("cert.pem"), "{error}");
        std::fs::remove_file(&cert).unwrap();
        assert_eq!(config.reload().unwrap_err().kind(), ErrorKind::NotFound);
        echoes(&mut open(trusting(&old)).await).await.unwrap();

        folder.write(&new);
        config.reload().unwrap();
        echoes(&mut open(to_new.clone()).await).await.unwrap();
        assert!(echoes(&mut open(trusting(&old)).await).await.is_err());
        echoes(&mut first).await.unwrap(); // it never noticed

        config.replace_certificate(&old.0, &old.1).unwrap();
        echoes(&mut open(trusting(&old)).await).await.unwrap();
        server.kill().await;
    });
}
