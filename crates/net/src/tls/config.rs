//! Settings of TLS, for either side.
//!
//! Built on rustls with the ring provider named explicitly: the process-wide default provider is
//! not touched, so that two crates in one program cannot disagree about it. TLS 1.2 (authenticated
//! ciphers with forward secrecy) and 1.3, nothing older: that is all rustls has (promise G-5).

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ServerConfig;
use rustls::{CertificateError, RootCertStore};

use super::error::{Cause, Side};
use super::pem::{Pem, certificates, private_key};

/// How long a handshake may take unless [`TlsConfig::handshake_timeout`] says otherwise.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// Settings for [`wrap_ssl`](crate::wrap_ssl). Cheap to clone; make it once and keep it.
///
/// ```no_run
/// use evlet_net::{TlsConfig, connect, listen, serve, wrap_ssl};
/// # evlet_hub::run(async {
/// // A client.
/// let config = TlsConfig::client().server_name("example.com");
/// let mut stream = wrap_ssl(connect("example.com:443").await?, &config);
/// stream.send_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n").await?;
///
/// // A server.
/// let config = TlsConfig::server("cert.pem", "key.pem")?;
/// serve(listen(":443")?, move |stream, _peer| {
///     let mut stream = wrap_ssl(stream, &config); // no handshake yet: a silent peer stops nobody
///     async move {
///         stream.send_all(b"welcome\n").await?;
///         stream.close().await
///     }
/// })
/// .await?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct TlsConfig {
    kind: Kind,
    handshake_timeout: Duration,
}

#[derive(Clone)]
enum Kind {
    Client {
        /// `None`: the system's roots.
        config: Option<Arc<ClientConfig>>,
        server_name: Option<String>,
        alpn: Option<Vec<Vec<u8>>>,
    },
    Server(Arc<ServerConfig>),
}

/// What a stream needs of it.
pub(super) enum Ready {
    Client(Arc<ClientConfig>, ServerName<'static>),
    Server(Arc<ServerConfig>),
}

impl TlsConfig {
    /// For a client that trusts who the system trusts. It needs a
    /// [`server_name`](Self::server_name).
    ///
    /// The system's certificates are read once in a process, when the first stream is wrapped.
    pub fn client() -> TlsConfig {
        TlsConfig::new(Kind::Client {
            config: None,
            server_name: None,
            alpn: None,
        })
    }

    /// For a server with a certificate chain (its own first) and the private key to it, each as
    /// the path of a PEM file or as PEM text ([`Pem`]). Clients are not asked for certificates;
    /// [`from_server_config`](Self::from_server_config) can do that and more.
    ///
    /// # Errors
    /// Those of reading the files; `InvalidData` when there is no certificate or key in them, when
    /// the two do not belong together, and when the certificate has expired or is not valid yet.
    ///
    /// ```
    /// use evlet_net::TlsConfig;
    /// let error = TlsConfig::server("no-such-cert.pem", "no-such-key.pem").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// assert!(error.to_string().contains("no-such-cert.pem"));
    /// ```
    pub fn server(cert: impl Pem, key: impl Pem) -> io::Result<TlsConfig> {
        let chain = certificates(&cert)?;
        let key_der = private_key(&key)?;
        let bad = |text| io::Error::new(io::ErrorKind::InvalidData, text);
        if let Some(problem) = out_of_date(&chain) {
            return Err(bad(format!("the certificate in {} {problem}", cert.name())));
        }
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, key_der)
            });
        let config = config.map_err(|error| {
            bad(format!(
                "the certificate in {} and the key in {} cannot be used together: {error}",
                cert.name(),
                key.name()
            ))
        })?;
        Ok(TlsConfig::from_server_config(Arc::new(config)))
    }

    /// For a client with settings made with rustls itself.
    pub fn from_client_config(config: Arc<ClientConfig>) -> TlsConfig {
        TlsConfig::new(Kind::Client {
            config: Some(config),
            server_name: None,
            alpn: None,
        })
    }

    /// For a server with settings made with rustls itself.
    pub fn from_server_config(config: Arc<ServerConfig>) -> TlsConfig {
        TlsConfig::new(Kind::Server(config))
    }

    fn new(kind: Kind) -> TlsConfig {
        TlsConfig {
            kind,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }

    /// The server's name, or its numeric address: what its certificate is checked against. A name
    /// that can be neither gives an error at the handshake. Servers need none.
    pub fn server_name(mut self, name: impl Into<String>) -> TlsConfig {
        if let Kind::Client { server_name, .. } = &mut self.kind {
            *server_name = Some(name.into());
        }
        self
    }

    /// Trusts the certificates in `pem` and nobody else. For a client; a server keeps its settings.
    ///
    /// # Errors
    /// Those of reading the file; `InvalidData` when it holds no usable certificate.
    pub fn roots_pem(mut self, pem: impl Pem) -> io::Result<TlsConfig> {
        let bad = |error: rustls::Error| {
            let text = format!("a certificate in {} cannot be trusted: {error}", pem.name());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&pem)? {
            roots.add(certificate).map_err(bad)?;
        }
        if let Kind::Client { config, .. } = &mut self.kind {
            let builder = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(bad)?;
            let made = builder.with_root_certificates(roots).with_no_client_auth();
            *config = Some(Arc::new(made));
        }
        Ok(self)
    }

    /// The protocols to agree on (ALPN), the preferred first: `["h2", "http/1.1"]`. When the other
    /// side speaks of protocols too and has none of them, the handshake fails.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> TlsConfig {
        let protocols = protocols
            .into_iter()
            .map(|protocol| protocol.as_ref().to_vec())
            .collect();
        match &mut self.kind {
            Kind::Client { alpn, .. } => *alpn = Some(protocols),
            Kind::Server(config) => Arc::make_mut(config).alpn_protocols = protocols,
        }
        self
    }

    /// How long a handshake may take: 15 s unless set.
    pub fn handshake_timeout(mut self, limit: Duration) -> TlsConfig {
        self.handshake_timeout = limit;
        self
    }

    pub(super) fn limit(&self) -> Duration {
        self.handshake_timeout
    }

    /// Whom a stream made with this talks to, for messages.
    pub(super) fn side(&self) -> Side {
        match &self.kind {
            Kind::Client { server_name, .. } => Side::Client(server_name.clone()),
            Kind::Server(_) => Side::Server,
        }
    }

    pub(super) fn ready(&self) -> Result<Ready, Cause> {
        let (config, name, alpn) = match &self.kind {
            Kind::Server(config) => return Ok(Ready::Server(Arc::clone(config))),
            Kind::Client {
                config,
                server_name,
                alpn,
            } => (config, server_name, alpn),
        };
        let name = name.as_deref().ok_or(Cause::NoServerName)?;
        let bare = name.strip_suffix('.').unwrap_or(name);
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| Cause::BadServerName)?;
        let mut config = match config {
            Some(config) => Arc::clone(config),
            None => trusting_the_system().map_err(Cause::NoRoots)?,
        };
        if let Some(alpn) = alpn {
            Arc::make_mut(&mut config).alpn_protocols.clone_from(alpn);
        }
        Ok(Ready::Client(config, name))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || Arc::new(rustls::crypto::ring::default_provider());
    Arc::clone(PROVIDER.get_or_init(make))
}

/// A client's settings with the system's roots. Reading those takes milliseconds, so it is done
/// once in a process; a failure is tried again.
fn trusting_the_system() -> Result<Arc<ClientConfig>, rustls::Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let verifier = rustls_platform_verifier::Verifier::new(provider())?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

/// Whether the first certificate of `chain` is of use today. A server with an expired one should
/// say so when it starts, and not at its first client (promise G-5).
///
/// The only public way to ask is to verify it like a client. Its dates are looked at before
/// anything else, so the issuer and the name do not matter here.
fn out_of_date(chain: &[CertificateDer<'_>]) -> Option<&'static str> {
    let (own, rest) = chain.split_first()?;
    let mut roots = RootCertStore::empty();
    roots.add(own.clone().into_owned()).ok()?;
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let name = ServerName::try_from("any.invalid").ok()?;
    let verifier = builder.build().ok()?;
    let verdict = verifier.verify_server_cert(own, rest, &name, &[], UnixTime::now());
    match verdict {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Some("has expired: renew it"),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Some("is not valid yet: check this machine's clock"),
        _ => None,
    }
}

impl fmt::Debug for TlsConfig {
    /// No keys, no certificates (promise G-5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TlsConfig");
        match &self.kind {
            Kind::Client { server_name, .. } => debug
                .field("side", &"client")
                .field("server_name", server_name),
            Kind::Server(_) => debug.field("side", &"server"),
        };
        debug
            .field("handshake_timeout", &self.handshake_timeout)
            .finish_non_exhaustive()
    }
}
