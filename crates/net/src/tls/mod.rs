//! TLS over any stream, by rustls.
//!
//! In reading order: what certificates and keys are given as (`pem`), our own certificate (`identity`),
//! the settings (`config`), the stream (`stream`), the waker its two directions share (`duplex_waker`), what can go wrong
//! (`error`).

mod config;
mod duplex_waker;
mod error;
mod identity;
mod pem;
mod stream;

pub use config::TlsConfig;
pub use error::TlsError;
pub use pem::Pem;
pub use stream::{Handshake, TlsStream, wrap_ssl};
