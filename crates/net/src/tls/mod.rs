//! TLS over any stream, by rustls.
//!
//! In reading order: what certificates and keys are given as (`pem`), our own certificate (`identity`),
//! the settings (`config`), the stream (`stream`, `stream_traits`), its handshake and how many of them a
//! server does at once (`handshake`, `places`), the waker its two directions share (`duplex_waker`), rustls
//! between it and the stream below (`link`), what was read for rustls (`incoming`), the stream that TLS was
//! taken off again (`unwrapped`), a listener that puts it on each connection (`listener`), what can go
//! wrong (`error`).

mod config;
mod duplex_waker;
mod error;
mod handshake;
mod identity;
mod incoming;
mod link;
mod listener;
mod pem;
mod places;
mod stream;
mod stream_traits;
mod unwrapped;

pub use config::TlsConfig;
pub use error::TlsError;
pub use handshake::Handshake;
pub use listener::TlsListener;
pub use pem::Pem;
pub use places::HANDSHAKES_AT_ONCE;
pub use stream::{TlsStream, wrap_ssl};
pub use unwrapped::Unwrapped;
