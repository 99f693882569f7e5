//! Who we are: a certificate with its key, checked when it is loaded and exchangeable while it is used.
//!
//! A server asks for its certificate at each handshake, so exchanging it touches no connection. The
//! new one is checked in full before it takes the old one's place: a bad file keeps the old one.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::config::provider;
use super::pem::{Pem, certificates, private_key};

/// A certificate chain and the key to it, fit for use today.
///
/// # Errors
/// Those of reading the files; `InvalidData` when they hold nothing usable, do not belong together,
/// or are out of date.
pub(super) fn load(cert: &impl Pem, key: &impl Pem) -> io::Result<Arc<CertifiedKey>> {
    let chain = certificates(cert)?;
    let key_der = private_key(key)?;
    let bad = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    if let Some(problem) = out_of_date(&chain) {
        return Err(bad(format!("the certificate in {} {problem}", cert.name())));
    }
    match CertifiedKey::from_der(chain, key_der, &provider()) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(error) => Err(bad(format!(
            "the certificate in {} and the key in {} cannot be used together: {error}",
            cert.name(),
            key.name()
        ))),
    }
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

/// A server's certificate of the moment.
pub(super) struct Exchangeable {
    now: RwLock<Arc<CertifiedKey>>,
    /// Where it was read, if both were files.
    files: Option<(PathBuf, PathBuf)>,
}

impl Exchangeable {
    pub(super) fn new(cert: &impl Pem, key: &impl Pem) -> io::Result<Exchangeable> {
        let files = cert.path().zip(key.path());
        Ok(Exchangeable {
            now: RwLock::new(load(cert, key)?),
            files: files.map(|(cert, key)| (cert.to_owned(), key.to_owned())),
        })
    }

    /// Reads the files again.
    pub(super) fn reload(&self) -> io::Result<()> {
        let Some((cert, key)) = &self.files else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this certificate was not read from files, so it cannot be read again: give the \
                 new one to TlsConfig::replace_certificate",
            ));
        };
        self.replace(cert, key)
    }

    pub(super) fn replace(&self, cert: &impl Pem, key: &impl Pem) -> io::Result<()> {
        let new = load(cert, key)?;
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = new;
        Ok(())
    }
}

impl ResolvesServerCert for Exchangeable {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&now))
    }
}

impl fmt::Debug for Exchangeable {
    /// No keys (promise G-5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchangeable")
            .field("files", &self.files.as_ref().map(|(cert, _)| cert))
            .finish_non_exhaustive()
    }
}
