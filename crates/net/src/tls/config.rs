//! Settings of TLS, for either side.
//!
//! Built on rustls with the ring provider named explicitly: the process-wide default provider is
//! not touched, so that two crates in one program cannot disagree about it. TLS 1.2 (authenticated
//! ciphers with forward secrecy) and 1.3, nothing older: that is all rustls has (promise G-5).

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::{ClientConfig, ClientConnection, ResolvesClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::{ServerConfig, ServerConnection, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{Connection, RootCertStore};

use super::error::{Cause, Side};
use super::identity::{Exchangeable, load};
use super::pem::{Pem, certificates};
use super::places::{HANDSHAKES_AT_ONCE, Places};

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
    /// Of a server; its clones share them.
    places: Option<Arc<Places>>,
    cut_is_end: bool,
}

#[derive(Clone)]
enum Kind {
    Client {
        /// `None`: the system's roots.
        config: Option<Arc<ClientConfig>>,
        server_name: Option<String>,
        alpn: Option<Vec<Vec<u8>>>,
        /// One for all connections: rustls resumes a session only where the very same has been asked.
        identity: Option<Arc<dyn ResolvesClientCert>>,
    },
    Server {
        config: Arc<ServerConfig>,
        /// `None`: rustls' own settings have it.
        identity: Option<Arc<Exchangeable>>,
    },
}

/// What a stream needs of it.
pub(super) enum Ready {
    Client(Arc<ClientConfig>, ServerName<'static>),
    Server(Arc<ServerConfig>),
}

impl Ready {
    pub(super) fn connection(self) -> Result<Connection, rustls::Error> {
        match self {
            Ready::Client(config, name) => ClientConnection::new(config, name).map(Into::into),
            Ready::Server(config) => ServerConnection::new(config).map(Into::into),
        }
    }
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
            identity: None,
        })
    }

    /// For a server with a certificate chain (its own first) and the private key to it, each as
    /// the path of a PEM file or as PEM text ([`Pem`]). Clients are not asked for certificates unless
    /// [`require_client_certificates`](Self::require_client_certificates) says so.
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
        let identity = Arc::new(Exchangeable::new(&cert, &key)?);
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let config = builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&identity) as _);
        Ok(TlsConfig::new(Kind::Server {
            config: Arc::new(config),
            identity: Some(identity),
        }))
    }

    /// For a client with settings made with rustls itself.
    pub fn from_client_config(config: Arc<ClientConfig>) -> TlsConfig {
        TlsConfig::new(Kind::Client {
            config: Some(config),
            server_name: None,
            alpn: None,
            identity: None,
        })
    }

    /// For a server with settings made with rustls itself.
    pub fn from_server_config(config: Arc<ServerConfig>) -> TlsConfig {
        TlsConfig::new(Kind::Server {
            config,
            identity: None,
        })
    }

    fn new(kind: Kind) -> TlsConfig {
        let places = match kind {
            Kind::Client { .. } => None,
            Kind::Server { .. } => Some(Places::new(HANDSHAKES_AT_ONCE)),
        };
        TlsConfig {
            kind,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            places,
            cut_is_end: false,
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
        let roots = trusted(&pem)?;
        if let Kind::Client { config, .. } = &mut self.kind {
            let builder = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?;
            let made = builder.with_root_certificates(roots).with_no_client_auth();
            *config = Some(Arc::new(made));
        }
        Ok(self)
    }

    /// What a client shows to a server that asks for a certificate: a chain (its own first) and the
    /// key to it. Servers have theirs from [`server`](Self::server) and keep it.
    ///
    /// # Errors
    /// As for [`server`](Self::server).
    pub fn client_certificate(mut self, cert: impl Pem, key: impl Pem) -> io::Result<TlsConfig> {
        let certified = load(&cert, &key)?;
        if let Kind::Client { identity, .. } = &mut self.kind {
            *identity = Some(Arc::new(SingleCertAndKey::from(certified)));
        }
        Ok(self)
    }

    /// Lets a server take only clients with a certificate that somebody in `roots` has signed; the
    /// others' handshakes fail. [`TlsStream::peer_certificates`](crate::TlsStream::peer_certificates)
    /// tells who it is.
    ///
    /// # Errors
    /// Those of reading the file; `InvalidData` when it holds no usable certificate; `InvalidInput`
    /// for a client, and for settings made with rustls itself, which have their own verifier.
    pub fn require_client_certificates(self, roots: impl Pem) -> io::Result<TlsConfig> {
        self.verify_clients(&roots, true)
    }

    /// As [`require_client_certificates`](Self::require_client_certificates), but clients without any
    /// certificate are taken too. One that shows a bad certificate is not.
    ///
    /// # Errors
    /// The same.
    pub fn ask_client_certificates(self, roots: impl Pem) -> io::Result<TlsConfig> {
        self.verify_clients(&roots, false)
    }

    fn verify_clients(mut self, roots: &impl Pem, required: bool) -> io::Result<TlsConfig> {
        let Kind::Server {
            config,
            identity: Some(identity),
        } = &mut self.kind
        else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "client certificates are verified by servers made with TlsConfig::server; settings \
                 made with rustls itself have their verifier from there",
            ));
        };
        let bad = |error| {
            let text = format!("clients cannot be verified by {}: {error}", roots.name());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let trusted = Arc::new(trusted(roots)?);
        let builder = WebPkiClientVerifier::builder_with_provider(trusted, provider());
        let builder = match required {
            true => builder,
            false => builder.allow_unauthenticated(),
        };
        let verifier = builder.build().map_err(bad)?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut made = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(identity) as _);
        made.alpn_protocols.clone_from(&config.alpn_protocols);
        *config = Arc::new(made);
        Ok(self)
    }

    /// Reads the files of a server's certificate and key again, for this value and all its clones.
    /// Handshakes from now on use the new ones; connections that are open go on. When the new files
    /// are of no use, the old certificate stays and the error says why.
    ///
    /// Call it when the files have changed, usually at SIGHUP. It reads two small files and blocks
    /// for that long.
    ///
    /// # Errors
    /// As for [`server`](Self::server); `InvalidInput` when they were not files, and for a client.
    pub fn reload(&self) -> io::Result<()> {
        self.exchangeable()?.reload()
    }

    /// As [`reload`](Self::reload), with a certificate and key from elsewhere.
    ///
    /// # Errors
    /// As for [`reload`](Self::reload).
    pub fn replace_certificate(&self, cert: impl Pem, key: impl Pem) -> io::Result<()> {
        self.exchangeable()?.replace(&cert, &key)
    }

    fn exchangeable(&self) -> io::Result<&Exchangeable> {
        match &self.kind {
            Kind::Server {
                identity: Some(identity),
                ..
            } => Ok(identity),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "only a server made with TlsConfig::server has a certificate to exchange",
            )),
        }
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
            Kind::Server { config, .. } => Arc::make_mut(config).alpn_protocols = protocols,
        }
        self
    }

    /// How long a handshake may take: 15 s unless set.
    pub fn handshake_timeout(mut self, limit: Duration) -> TlsConfig {
        self.handshake_timeout = limit;
        self
    }

    /// How many handshakes a server does at once, [`HANDSHAKES_AT_ONCE`](crate::HANDSHAKES_AT_ONCE) unless set;
    /// zero counts as one. This value and its clones have them together; a client has no such bound.
    ///
    /// More wait in line, within their own [`handshake_timeout`](Self::handshake_timeout). A client that has
    /// sent nothing yet takes no place, and neither accepting nor open connections ever wait for one.
    pub fn handshakes_at_once(mut self, bound: usize) -> TlsConfig {
        if let Kind::Server { .. } = self.kind {
            self.places = Some(Places::new(bound));
        }
        self
    }

    /// Takes the end of the connection for an orderly end even when the peer has not said so
    /// (close_notify). Only for protocols that know by themselves when they are complete, as HTTP
    /// does: otherwise somebody in between can cut off a message unseen.
    pub fn cut_is_end(mut self, yes: bool) -> TlsConfig {
        self.cut_is_end = yes;
        self
    }

    pub(super) fn takes_cut_for_end(&self) -> bool {
        self.cut_is_end
    }

    pub(super) fn places(&self) -> Option<&Arc<Places>> {
        self.places.as_ref()
    }

    pub(super) fn limit(&self) -> Duration {
        self.handshake_timeout
    }

    /// Whom a stream made with this talks to, for messages.
    pub(super) fn side(&self) -> Side {
        match &self.kind {
            Kind::Client { server_name, .. } => Side::Client(server_name.clone()),
            Kind::Server { .. } => Side::Server,
        }
    }

    pub(super) fn ready(&self) -> Result<Ready, Cause> {
        let (config, name, alpn, identity) = match &self.kind {
            Kind::Server { config, .. } => return Ok(Ready::Server(Arc::clone(config))),
            Kind::Client {
                config,
                server_name,
                alpn,
                identity,
            } => (config, server_name, alpn, identity),
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
        if let Some(identity) = identity {
            Arc::make_mut(&mut config).client_auth_cert_resolver = Arc::clone(identity);
        }
        Ok(Ready::Client(config, name))
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || Arc::new(rustls::crypto::ring::default_provider());
    Arc::clone(PROVIDER.get_or_init(make))
}

/// Everybody in `pem`, to trust.
fn trusted(pem: &impl Pem) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| {
            let text = format!("a certificate in {} cannot be trusted: {error}", pem.name());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
    }
    Ok(roots)
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

impl fmt::Debug for TlsConfig {
    /// No keys, no certificates (promise G-5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TlsConfig");
        match &self.kind {
            Kind::Client { server_name, .. } => debug
                .field("side", &"client")
                .field("server_name", server_name),
            Kind::Server { .. } => debug.field("side", &"server"),
        };
        debug
            .field("handshake_timeout", &self.handshake_timeout)
            .finish_non_exhaustive()
    }
}
