//! What can go wrong with TLS, to whom, and what to do.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use crate::addr_error::Quoted;

/// A TLS connection that could not be made, or broke.
///
/// It comes inside an [`io::Error`], of the kind `InvalidInput` (settings), `TimedOut`,
/// `UnexpectedEof` (the peer left without saying so), `InvalidData` (certificate or protocol), or
/// that of the stream below. It names the server and says what to do.
#[derive(Debug, Clone)]
pub struct TlsError {
    side: Side,
    during_handshake: bool,
    cause: Cause,
}

/// Which end we are, and of a client, whom it talks to.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Client(Option<String>),
    Server,
}

#[derive(Debug, Clone)]
pub(crate) enum Cause {
    NoServerName,
    BadServerName,
    NoRoots(rustls::Error),
    Tls(rustls::Error),
    /// The peer ended the connection without a close_notify.
    CutOff,
    TimedOut(Duration),
    /// All that time it waited for a place among so many handshakes at once.
    NoPlace(Duration, usize),
    /// The peer has sent text that nobody has read, and the stream below is asked for.
    Unread,
    /// The stream below was given back.
    TakenBack,
    /// We closed it before it was done.
    Closed,
    Stream(Arc<io::Error>),
}

impl TlsError {
    pub(crate) fn new(side: Side, during_handshake: bool, cause: Cause) -> Self {
        TlsError {
            side,
            during_handshake,
            cause,
        }
    }

    /// Sorts an error that came out of rustls or of the stream below it.
    pub(crate) fn of(side: &Side, during_handshake: bool, error: io::Error) -> Self {
        let tls = error
            .get_ref()
            .and_then(|inside| inside.downcast_ref::<rustls::Error>());
        let cause = match tls {
            Some(tls) => Cause::Tls(tls.clone()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Cause::CutOff,
            None => Cause::Stream(Arc::new(error)),
        };
        TlsError::new(side.clone(), during_handshake, cause)
    }

    /// The name of the server, if we are a client.
    pub fn server_name(&self) -> Option<&str> {
        match &self.side {
            Side::Client(name) => name.as_deref(),
            Side::Server => None,
        }
    }

    /// What rustls said, if it was rustls.
    pub fn rustls_error(&self) -> Option<&rustls::Error> {
        match &self.cause {
            Cause::NoRoots(error) | Cause::Tls(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> io::ErrorKind {
        match &self.cause {
            Cause::NoServerName | Cause::BadServerName | Cause::Unread => {
                io::ErrorKind::InvalidInput
            }
            Cause::NoRoots(_) => io::ErrorKind::NotFound,
            Cause::Tls(_) => io::ErrorKind::InvalidData,
            Cause::CutOff => io::ErrorKind::UnexpectedEof,
            Cause::TimedOut(_) | Cause::NoPlace(..) => io::ErrorKind::TimedOut,
            Cause::Closed | Cause::TakenBack => io::ErrorKind::NotConnected,
            Cause::Stream(error) => error.kind(),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.during_handshake {
            true => "TLS handshake",
            false => "TLS connection",
        })?;
        match &self.side {
            Side::Client(Some(name)) => write!(f, " with {}", Quoted(name))?,
            Side::Client(None) => {}
            Side::Server => f.write_str(" with a client")?,
        }
        match &self.cause {
            Cause::NoServerName => f.write_str(
                ": no server name to check the certificate against; give it with \
                 TlsConfig::server_name",
            ),
            Cause::BadServerName => {
                f.write_str(": that is neither a host name nor a numeric address")
            }
            Cause::NoRoots(error) => write!(
                f,
                ": no certificates to trust were found on this system ({error}); install them \
                 (the package ca-certificates) or name some with TlsConfig::roots_pem"
            ),
            Cause::Tls(error) => {
                write!(f, " failed: {error}")?;
                match advice(error, &self.side) {
                    Some(advice) => write!(f, ". {advice}"),
                    None => Ok(()),
                }
            }
            Cause::CutOff if self.during_handshake => f.write_str(
                ": the peer closed the connection in the middle of it; does it speak TLS on this \
                 port?",
            ),
            Cause::CutOff => f.write_str(
                ": the peer ended it without saying so (no close_notify); what came before is \
                 good, but more may be missing",
            ),
            Cause::TimedOut(limit) => write!(
                f,
                ": the peer did not finish it within {limit:?} (TlsConfig::handshake_timeout)"
            ),
            Cause::NoPlace(limit, bound) => write!(
                f,
                ": it found no place among {bound} handshakes at once within {limit:?} \
                 (TlsConfig::handshakes_at_once)"
            ),
            Cause::Unread => f.write_str(
                ": the peer has sent text that was not read yet; read until zero before taking TLS \
                 off (TlsStream::unwrap)",
            ),
            Cause::TakenBack => f.write_str(
                ": TLS was taken off this stream (TlsStream::unwrap); go on with what that gave",
            ),
            Cause::Closed => f.write_str(": closed on this side before it was done"),
            Cause::Stream(error) => write!(f, ": {error}"),
        }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::NoRoots(error) | Cause::Tls(error) => Some(error),
            Cause::Stream(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        io::Error::new(error.kind(), error)
    }
}

fn advice(error: &rustls::Error, side: &Side) -> Option<&'static str> {
    Some(match error {
        rustls::Error::NoCertificatesPresented => {
            "It has to show a certificate: a client made with TlsConfig does so when \
             client_certificate was called"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) if matches!(side, Side::Server) => {
            "Nobody whom we trust with clients has signed its certificate \
             (TlsConfig::require_client_certificates)"
        }
        rustls::Error::InvalidCertificate(problem) => match problem {
            // Another certificate of the same name as its issuer counts as a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "Nobody we trust has signed its certificate: if it is your own, trust its issuer \
                 with TlsConfig::roots_pem; otherwise somebody may stand in between"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "Its certificate is for other names: check the address, or give the right one \
                 with TlsConfig::server_name"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "Its certificate has expired: its owner has to renew it, unless this machine's \
                 clock is wrong"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "Its certificate is not valid yet: check this machine's clock"
            }
            CertificateError::Revoked => "Its certificate was revoked: do not trust it",
            _ => "Its certificate cannot be used: its owner has to replace it",
        },
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => "What came is not TLS: does the peer speak it on this port?",
        rustls::Error::PeerIncompatible(_) => {
            "The peer is too old or set up too narrowly: TLS 1.2 with authenticated ciphers is \
             the least"
        }
        rustls::Error::NoApplicationProtocol
        | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "The two sides have no protocol in common (ALPN): check TlsConfig::alpn on both"
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "The server wants to see a certificate: give one with TlsConfig::client_certificate"
        }
        rustls::Error::AlertReceived(_) => match side {
            Side::Client(_) => "The server refused: its log says why",
            Side::Server => "The client refused: does it trust this certificate, for this name?",
        },
        _ => return None,
    })
}
