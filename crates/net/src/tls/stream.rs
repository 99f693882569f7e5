//! A TLS connection over any stream.
//!
//! The handshake is part of the first operation (or of [`TlsStream::handshake`]), so wrapping a
//! connection never waits: in eventlet's early days one silent client in the middle of its
//! handshake stopped a whole server. It runs under a time limit of its own.
//!
//! What TLS has to say while we only read (answers to key updates, alerts) is sent as we read, and
//! so is the tail of an earlier write that the socket had no room for (promise G-4).

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::Sleep;
use futures::io::{AsyncRead, AsyncWrite};
use rustls::{Connection, HandshakeKind, ProtocolVersion};

use super::config::{Ready, TlsConfig};
use super::duplex_waker::{DuplexWaker, Half};
use super::error::{Cause, Side, TlsError};
use super::handshake::{Handshake, InHand, Until};
use super::link::Link;
use super::places::Place;
use super::unwrapped::Unwrapped;
use crate::chunk::Chunk;

/// Puts TLS on a stream, as the side that `config` says. The handshake happens with the first
/// operation.
///
/// A server does [`HANDSHAKES_AT_ONCE`](crate::HANDSHAKES_AT_ONCE) at a time at most
/// ([`TlsConfig::handshakes_at_once`]), each under a limit ([`TlsConfig::handshake_timeout`]); a client that
/// says nothing keeps neither a place nor anybody waiting.
///
/// It never fails by itself: what is wrong with the settings (no server name, no certificates to
/// trust) is the error of the first operation.
///
/// ```
/// # fn config() -> std::io::Result<(evlet_net::TlsConfig, evlet_net::TlsConfig)> {
/// #     let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
/// #     let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
/// #     let client = evlet_net::TlsConfig::client().roots_pem(&cert)?;
/// #     Ok((evlet_net::TlsConfig::server(cert, key)?, client.server_name("localhost")))
/// # }
/// use evlet_net::{connect, listen, wrap_ssl};
/// # let (for_server, for_client) = config()?;
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     evlet_hub::spawn_n(async move {
///         let (stream, _) = listener.accept().await.unwrap();
///         let mut stream = wrap_ssl(stream, &for_server);
///         stream.send_all(b"secret").await.unwrap();
///         stream.close().await.unwrap();
///     });
///
///     let mut stream = wrap_ssl(connect(addr).await?, &for_client);
///     let mut buf = [0; 100];
///     let n = stream.recv(&mut buf).await?;
///     assert_eq!(&buf[..n], b"secret");
///     assert_eq!(stream.recv(&mut buf).await?, 0); // an orderly end
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wrap_ssl<S>(stream: S, config: &TlsConfig) -> TlsStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let side = config.side();
    let state = match config.ready() {
        Ok(ready) => State::Fresh(stream, ready),
        Err(cause) => State::Failed(TlsError::new(side.clone(), true, cause)),
    };
    TlsStream {
        state,
        wakers: DuplexWaker::new(),
        timer: None,
        place: config.places().map(Place::new),
        limit: config.limit(),
        cut_is_end: config.takes_cut_for_end(),
        side,
    }
}

/// A TLS connection over a stream `S`. Made by [`wrap_ssl`].
///
/// It is used through `futures::io::{AsyncRead, AsyncWrite}`, a
/// [`MakeFile`](crate::MakeFile::new), or [`recv`](Self::recv) and [`send_all`](Self::send_all).
/// `futures::io::AsyncReadExt::split` makes two halves for two green threads.
///
/// Reading gives zero after the peer's orderly end and `UnexpectedEof` when the connection ends
/// without one, since what should have come may have been cut off. [`close`](Self::close) says
/// goodbye properly; dropping does not, and drops what the socket had no room for yet.
/// [`unwrap`](Self::unwrap) ends TLS alone and gives the stream below back.
///
/// A write is encrypted in records of 16 KiB, and up to 64 KiB of them go out in one system call; parts
/// that are written together (`write_vectored`) share records. A read takes all that has arrived and
/// that there is room for. While nothing arrives, a connection keeps no buffer for it.
///
/// An error is final: the handshake's is given again by each later operation.
pub struct TlsStream<S> {
    pub(super) state: State<S>,
    pub(super) wakers: DuplexWaker,
    /// The handshake's.
    pub(super) timer: Option<Sleep>,
    /// Among the handshakes at once, if those are counted.
    pub(super) place: Option<Place>,
    pub(super) limit: Duration,
    pub(super) cut_is_end: bool,
    pub(super) side: Side,
}

pub(super) enum State<S> {
    /// Nothing was sent or received yet.
    Fresh(S, Ready),
    InHandshake(Box<Link<S>>),
    Open(Box<Link<S>>),
    Failed(TlsError),
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Does the handshake, if it is not done yet.
    ///
    /// # Errors
    /// [`TlsError`] inside an [`io::Error`]. The stream below is closed then.
    ///
    /// # Cancel safety
    /// May be called again: what was done is kept in the stream.
    pub fn handshake(&mut self) -> Handshake<'_, S> {
        let stream = InHand(self);
        Handshake { stream }
    }

    /// Receives what has arrived, up to the size of `buf`, and waits if nothing has. Zero is the
    /// peer's orderly end.
    ///
    /// # Errors
    /// [`TlsError`] inside an [`io::Error`]; `UnexpectedEof` when the connection ended without the
    /// peer saying so.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    pub async fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let stream = InHand(self);
        poll_fn(|cx| Pin::new(&mut *stream.0).poll_read(cx, buf)).await
    }

    /// As [`TcpStream::recv_chunk`](crate::TcpStream::recv_chunk): into a buffer that is lent when there are bytes. An empty
    /// chunk is the peer's orderly end.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    pub async fn recv_chunk(&mut self, max: usize) -> io::Result<Chunk> {
        let stream = InHand(self);
        poll_fn(|cx| {
            let mut chunk = Chunk::room(max);
            let received = ready!(Pin::new(&mut *stream.0).poll_read(cx, &mut chunk))?;
            Poll::Ready(Ok(chunk.filled(received)))
        })
        .await
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// [`TlsError`] inside an [`io::Error`]; a part may have been sent.
    ///
    /// # Cancel safety
    /// A part may have been sent, and more may be kept to be sent with the next operation.
    pub async fn send_all(&mut self, data: &[u8]) -> io::Result<()> {
        let stream = InHand(self);
        let mut sent = 0;
        while sent < data.len() {
            sent += poll_fn(|cx| Pin::new(&mut *stream.0).poll_write(cx, &data[sent..])).await?;
        }
        poll_fn(|cx| Pin::new(&mut *stream.0).poll_flush(cx)).await
    }

    /// Sends what is left, says goodbye (close_notify), and ends the writing side of the stream
    /// below. It does not wait for the peer's goodbye; reading goes on until that comes.
    ///
    /// # Errors
    /// Those of the stream below.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut *self).poll_close(cx)).await
    }

    /// Ends TLS and gives the stream below back, to go on in plain text: sends what is left, says goodbye
    /// (close_notify), and waits for the peer's goodbye, which it owes us. What the peer has sent after
    /// that comes first from the stream that is given back: no byte is lost.
    ///
    /// It waits as long as the peer takes; put a [`timeout`](evlet_hub::timeout) around it. Like any other
    /// operation, it does the handshake if it is the first.
    ///
    /// # Errors
    /// [`TlsError`] inside an [`io::Error`]: `InvalidInput` when the peer has sent text that was not read yet
    /// (read until zero, then call again), `UnexpectedEof` when it left without its goodbye. The TlsStream keeps
    /// the stream then. After a success, each operation on the TlsStream fails with `NotConnected`.
    ///
    /// # Cancel safety
    /// May be called again. Nothing can be written after the first call.
    ///
    /// ```
    /// # fn config() -> std::io::Result<(evlet_net::TlsConfig, evlet_net::TlsConfig)> {
    /// #     let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    /// #     let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// #     let client = evlet_net::TlsConfig::client().roots_pem(&cert)?;
    /// #     Ok((evlet_net::TlsConfig::server(cert, key)?, client.server_name("localhost")))
    /// # }
    /// use evlet_net::{testing::duplex, wrap_ssl};
    /// # let (for_server, for_client) = config()?;
    /// evlet_hub::run(async {
    ///     let (near, far) = duplex();
    ///     evlet_hub::spawn_n(async move {
    ///         let mut stream = wrap_ssl(far, &for_server);
    ///         stream.send_all(b"secret").await.unwrap();
    ///         let mut plain = stream.unwrap().await.unwrap();
    ///         plain.send_all(b"public").await.unwrap();
    ///     });
    ///
    ///     let mut stream = wrap_ssl(near, &for_client);
    ///     let mut buf = [0; 100];
    ///     assert_eq!(stream.recv(&mut buf).await?, 6);
    ///     assert_eq!(stream.recv(&mut buf).await?, 0); // the peer's goodbye
    ///     let mut plain = stream.unwrap().await?;
    ///     let n = plain.recv(&mut buf).await?;
    ///     assert_eq!(&buf[..n], b"public");
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn unwrap(&mut self) -> io::Result<Unwrapped<S>> {
        let stream = InHand(self);
        poll_fn(|cx| stream.0.poll_unwrap(cx)).await
    }

    /// The stream below; not after the handshake has failed, which closes it, nor after
    /// [`unwrap`](Self::unwrap).
    pub fn get_ref(&self) -> Option<&S> {
        match &self.state {
            State::Fresh(stream, _) => Some(stream),
            State::InHandshake(link) | State::Open(link) => Some(link.io()),
            State::Failed(_) => None,
        }
    }

    /// The protocol agreed on (ALPN), once the handshake is done.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.session()?.alpn_protocol()
    }

    /// The name that the client asked for (SNI), on the server's side once the handshake is done.
    pub fn sni(&self) -> Option<&str> {
        match &self.state {
            State::Open(link) => match link.tls() {
                Connection::Server(server) => server.server_name(),
                Connection::Client(_) => None,
            },
            _ => None,
        }
    }

    /// What the peer has shown to prove who it is, once the handshake is done: its certificate, then
    /// those of its issuers, each as DER. Nothing when it was not asked or had none.
    pub fn peer_certificates(&self) -> impl Iterator<Item = &[u8]> {
        let shown = self.session().and_then(|tls| tls.peer_certificates());
        shown.into_iter().flatten().map(|cert| cert.as_ref())
    }

    /// The version agreed on, `TLSv1.3` or `TLSv1.2`, once the handshake is done.
    pub fn version(&self) -> Option<&'static str> {
        match self.session()?.protocol_version()? {
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            other => other.as_str(),
        }
    }

    /// Whether the handshake went on with what was agreed on in an earlier connection, which saves
    /// both sides most of the work. Clients made with one [`TlsConfig`] (or its clones) do so when the
    /// server lets them.
    pub fn is_resumed(&self) -> bool {
        let kind = self.session().and_then(|tls| tls.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }

    fn session(&self) -> Option<&rustls::CommonState> {
        match &self.state {
            State::Open(link) => Some(link.tls()),
            _ => None,
        }
    }

    /// Runs `op` on the open connection, after the handshake.
    pub(super) fn poll_open<R>(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        op: impl FnOnce(&mut Link<S>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        // A server waits for the last that a client has to say, and who only reads may say no more.
        let until = match (half, &self.side) {
            (Half::Reader, Side::Client(_)) => Until::Said,
            _ => Until::Agreed,
        };
        ready!(self.poll_handshake(half, until, cx))?;
        let State::Open(link) = &mut self.state else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let side = &self.side;
        let polled = self.wakers.poll(half, cx, |cx| op(link, cx));
        polled.map_err(|error| TlsError::of(side, false, error).into())
    }

    fn poll_unwrap(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Unwrapped<S>>> {
        let all_read = ready!(self.poll_open(Half::Reader, cx, |link, cx| {
            ready!(link.poll_goodbye(cx))?;
            link.poll_peer_goodbye(cx)
        }))?;
        if !all_read {
            let unread = TlsError::new(self.side.clone(), false, Cause::Unread);
            return Poll::Ready(Err(unread.into()));
        }
        let taken = TlsError::new(self.side.clone(), false, Cause::TakenBack);
        Poll::Ready(match mem::replace(&mut self.state, State::Failed(taken)) {
            State::Open(link) => {
                let (stream, early) = link.into_parts();
                Ok(Unwrapped::new(stream, early))
            }
            State::Failed(error) => Err(error.into()),
            State::Fresh(..) | State::InHandshake(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    /// No keys (promise G-5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Fresh(..) => "fresh",
            State::InHandshake(_) => "in its handshake",
            State::Open(_) => "open",
            State::Failed(_) => "failed",
        };
        f.debug_struct("TlsStream")
            .field("side", &self.side)
            .field("state", &state)
            .finish()
    }
}
