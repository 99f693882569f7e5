//! Certificates and keys as people have them: a file, or the text itself.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::addr_error::Quoted;

/// PEM: the path of a file that holds it, or the text itself.
///
/// Text (`&str`, `String`) that contains `-----BEGIN` is PEM; other text is a path, as is `&Path`
/// and `PathBuf`. Bytes (`&[u8]`, `Vec<u8>`) are PEM. A path is read once, at once: certificates are
/// loaded when a program starts, and again by [`TlsConfig::reload`](crate::TlsConfig::reload).
pub trait Pem {
    /// The PEM text.
    ///
    /// # Errors
    /// Those of reading the file, with its path in the message.
    fn pem(&self) -> io::Result<Cow<'_, [u8]>>;

    /// How to call it in messages. Never any of its contents.
    fn name(&self) -> String;

    /// The file that it is read from, if it is: what a reload reads again.
    fn path(&self) -> Option<&Path> {
        None
    }
}

impl<T: Pem + ?Sized> Pem for &T {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        (**self).pem()
    }
    fn name(&self) -> String {
        (**self).name()
    }
    fn path(&self) -> Option<&Path> {
        (**self).path()
    }
}

impl Pem for str {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        match is_pem(self) {
            true => Ok(Cow::Borrowed(self.as_bytes())),
            false => read(Path::new(self)).map(Cow::Owned),
        }
    }
    fn name(&self) -> String {
        match is_pem(self) {
            true => GIVEN.to_owned(),
            false => Path::new(self).name(),
        }
    }
    fn path(&self) -> Option<&Path> {
        (!is_pem(self)).then(|| Path::new(self))
    }
}

impl Pem for String {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        self.as_str().pem()
    }
    fn name(&self) -> String {
        self.as_str().name()
    }
    fn path(&self) -> Option<&Path> {
        self.as_str().path()
    }
}

impl Pem for Path {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        read(self).map(Cow::Owned)
    }
    fn name(&self) -> String {
        format!("the file {}", Quoted(&self.to_string_lossy()))
    }
    fn path(&self) -> Option<&Path> {
        Some(self)
    }
}

impl Pem for PathBuf {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        self.as_path().pem()
    }
    fn name(&self) -> String {
        self.as_path().name()
    }
    fn path(&self) -> Option<&Path> {
        Some(self)
    }
}

impl Pem for [u8] {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(self))
    }
    fn name(&self) -> String {
        GIVEN.to_owned()
    }
}

impl Pem for Vec<u8> {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        self.as_slice().pem()
    }
    fn name(&self) -> String {
        GIVEN.to_owned()
    }
}

impl<const N: usize> Pem for [u8; N] {
    fn pem(&self) -> io::Result<Cow<'_, [u8]>> {
        self.as_slice().pem()
    }
    fn name(&self) -> String {
        GIVEN.to_owned()
    }
}

const GIVEN: &str = "the PEM text";

fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN")
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        let path = path.to_string_lossy();
        let text = format!("cannot read {}: {error}; check the path", Quoted(&path));
        io::Error::new(error.kind(), text)
    })
}

/// Every certificate in `pem`; there must be one at least.
pub(super) fn certificates(pem: &impl Pem) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = pem.pem()?;
    let read: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(bad(
            pem,
            "a certificate (-----BEGIN CERTIFICATE-----)",
            None,
        )),
        Err(error) => Err(bad(pem, "a certificate", Some(error))),
    }
}

/// The first private key in `pem`.
pub(super) fn private_key(pem: &impl Pem) -> io::Result<PrivateKeyDer<'static>> {
    let text = pem.pem()?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) => Err(bad(
            pem,
            "a private key (-----BEGIN PRIVATE KEY-----, not encrypted)",
            None,
        )),
        Err(error) => Err(bad(pem, "a private key", Some(error))),
    }
}

fn bad(pem: &impl Pem, wanted: &str, error: Option<PemError>) -> io::Error {
    let name = pem.name();
    let text = match error {
        // The library's text may quote the line it stumbled over; in a key that would be secret.
        Some(PemError::MissingSectionEnd { .. }) => {
            format!("{name} is cut off: {wanted} in it has no end line")
        }
        Some(_) => format!("{name} is damaged where {wanted} should be: is it PEM?"),
        None => format!(
            "{name} holds no {wanted}",
            wanted = wanted.trim_start_matches("a ")
        ),
    };
    io::Error::new(io::ErrorKind::InvalidData, text)
}
