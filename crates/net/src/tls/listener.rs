//! A listener whose connections speak TLS.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;

use futures::io::{AsyncRead, AsyncWrite};

use super::config::TlsConfig;
use super::stream::{TlsStream, wrap_ssl};
use crate::listener::Listener;

/// Accepts connections from another listener and puts TLS on each, as [`wrap_ssl`] does: for
/// [`serve`](crate::serve), and for servers that take any [`Listener`].
///
/// Accepting does no handshake, which is part of a connection's first operation: a client that never
/// finishes it is in nobody's way.
///
/// ```no_run
/// use evlet_net::{TlsConfig, TlsListener, listen, serve};
/// # evlet_hub::run(async {
/// let config = TlsConfig::server("cert.pem", "key.pem")?;
/// let listener = TlsListener::new(listen(":443")?, &config);
/// serve(listener, |mut stream, _peer| async move {
///     stream.send_all(b"welcome\n").await?;
///     stream.close().await
/// })
/// .await?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct TlsListener<L> {
    below: L,
    config: TlsConfig,
}

impl<L> TlsListener<L> {
    /// Connections of `below`, given by value or by reference, get TLS with a clone of `config`.
    pub fn new(below: L, config: &TlsConfig) -> TlsListener<L> {
        TlsListener {
            below,
            config: config.clone(),
        }
    }

    /// The listener below: its address, for instance.
    pub fn get_ref(&self) -> &L {
        &self.below
    }

    /// The listener below, to be served without TLS.
    pub fn into_inner(self) -> L {
        self.below
    }
}

impl<L> TlsListener<L>
where
    L: Listener<Stream: AsyncRead + AsyncWrite + Unpin>,
{
    /// Waits for a connection. Its handshake is still to come.
    ///
    /// # Errors
    /// Those that end the listener below.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    #[track_caller]
    pub fn accept(
        &self,
    ) -> impl Future<Output = io::Result<(TlsStream<L::Stream>, L::Peer)>> + use<'_, L> {
        self.accept_at(Location::caller())
    }
}

impl<L> Listener for TlsListener<L>
where
    L: Listener<Stream: AsyncRead + AsyncWrite + Unpin>,
{
    type Stream = TlsStream<L::Stream>;
    type Peer = L::Peer;

    async fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> io::Result<(TlsStream<L::Stream>, L::Peer)> {
        let (stream, peer) = self.below.accept_at(at).await?;
        Ok((wrap_ssl(stream, &self.config), peer))
    }

    fn name_after(peer: &L::Peer) {
        L::name_after(peer);
    }
}

impl<L: fmt::Debug> fmt::Debug for TlsListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("below", &self.below)
            .field("config", &self.config)
            .finish()
    }
}
