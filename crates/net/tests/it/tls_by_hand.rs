//! A TLS peer made of rustls alone, one step at a time, for what our own stream would never do.

use std::io::Write;
use std::sync::Arc;

use evlet_hub::{GreenThread, spawn};
use evlet_net::TlsConfig;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, Connection, ServerConnection, SupportedProtocolVersion};

use crate::tls::certificate;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The settings of a client, and a server by hand for it on `stream`: a green thread that shakes hands and goes on
/// with `then`.
pub(crate) fn serving<S, T>(
    version: &'static SupportedProtocolVersion,
    mut stream: S,
    then: impl AsyncFnOnce(ByHand, S) -> T + 'static,
) -> (TlsConfig, GreenThread<T>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    T: 'static,
{
    let (mut by_hand, for_client) = server(version);
    let serving = spawn(async move {
        by_hand.handshake(&mut stream).await;
        then(by_hand, stream).await
    });
    (for_client, serving)
}

/// A server by hand, and the settings of a client that trusts it.
fn server(version: &'static SupportedProtocolVersion) -> (ByHand, TlsConfig) {
    let (cert, key) = certificate(&["localhost"]);
    let client = TlsConfig::client().roots_pem(&cert).unwrap();
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let made = builder
        .with_no_client_auth()
        .with_single_cert(vec![cert], key);
    let tls = ServerConnection::new(Arc::new(made.unwrap())).unwrap();
    (ByHand { tls: tls.into() }, client.server_name("localhost"))
}

/// A client by hand, and the settings of a server that it trusts.
pub(crate) fn client() -> (ByHand, TlsConfig) {
    let (cert, key) = certificate(&["localhost"]);
    let mut roots = rustls::RootCertStore::empty();
    let trusted = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    roots.add(trusted).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let made = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(made), name).unwrap();
    let server = TlsConfig::server(cert, key).unwrap();
    (ByHand { tls: tls.into() }, server)
}

/// One end of a connection; the stream is the test's.
pub(crate) struct ByHand {
    pub(crate) tls: Connection,
}

impl ByHand {
    /// The bytes that rustls wants to send.
    pub(crate) fn said(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// The bytes of a record, or several, that hold `text`.
    pub(crate) fn record(&mut self, text: &[u8]) -> Vec<u8> {
        self.tls.set_buffer_limit(None);
        self.tls.writer().write_all(text).unwrap();
        self.said()
    }

    /// The bytes of a goodbye.
    pub(crate) fn goodbye(&mut self) -> Vec<u8> {
        self.tls.send_close_notify();
        self.said()
    }

    /// Reads once and takes it in; false at the stream's end.
    pub(crate) async fn hear(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> bool {
        let mut buf = [0; 20_000];
        let count = stream.read(&mut buf).await.unwrap();
        let mut bytes = &buf[..count];
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes).unwrap();
            self.tls.process_new_packets().unwrap();
        }
        count > 0
    }

    pub(crate) async fn handshake(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        loop {
            stream.write_all(&self.said()).await.unwrap();
            if !self.tls.is_handshaking() {
                return;
            }
            assert!(self.hear(stream).await, "no handshake");
        }
    }
}

/// The kinds and lengths of the records in `bytes`.
pub(crate) fn records(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut found = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        found.push((*kind, len));
        bytes = &rest[len..];
    }
    assert!(bytes.is_empty());
    found
}
