//! A TLS connection over any stream.
//!
//! The handshake is part of the first operation (or of [`TlsStream::handshake`]), so wrapping a
//! connection never waits: in eventlet's early days one silent client in the middle of its
//! handshake stopped a whole server. It runs under a time limit of its own.
//!
//! What TLS has to say while we only read (answers to key updates, alerts) is sent as we read, and
//! so is the tail of an earlier write that the socket had no room for (promise G-4).

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::{Sleep, sleep};
use futures::io::{AsyncRead, AsyncWrite};
use futures_rustls::{Accept, Connect, TlsAcceptor, TlsConnector};
use rustls::{HandshakeKind, ProtocolVersion};

use super::config::{Ready, TlsConfig};
use super::duplex_waker::{DuplexWaker, Half};
use super::error::{Cause, Side, TlsError};

/// Puts TLS on a stream, as the side that `config` says. The handshake happens with the first
/// operation.
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
///
/// An error is final: the handshake's is given again by each later operation.
pub struct TlsStream<S> {
    state: State<S>,
    wakers: DuplexWaker,
    /// The handshake's.
    timer: Option<Sleep>,
    limit: Duration,
    cut_is_end: bool,
    side: Side,
}

enum State<S> {
    /// Nothing was sent or received yet.
    Fresh(S, Ready),
    Connecting(Connect<S>),
    Accepting(Accept<S>),
    Open(futures_rustls::TlsStream<S>),
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
        Handshake { stream: self }
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
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, buf)).await
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// [`TlsError`] inside an [`io::Error`]; a part may have been sent.
    ///
    /// # Cancel safety
    /// A part may have been sent, and more may be kept to be sent with the next operation.
    pub async fn send_all(&mut self, data: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            sent += poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, &data[sent..])).await?;
        }
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
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

    /// The stream below; not while the handshake is under way, which has it then, nor after it has
    /// failed, which closes it.
    pub fn get_ref(&self) -> Option<&S> {
        match &self.state {
            State::Fresh(stream, _) => Some(stream),
            State::Open(stream) => Some(stream.get_ref().0),
            State::Connecting(_) | State::Accepting(_) | State::Failed(_) => None,
        }
    }

    /// The protocol agreed on (ALPN), once the handshake is done.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.session()?.alpn_protocol()
    }

    /// The name that the client asked for (SNI), on the server's side once the handshake is done.
    pub fn sni(&self) -> Option<&str> {
        match &self.state {
            State::Open(futures_rustls::TlsStream::Server(stream)) => {
                stream.get_ref().1.server_name()
            }
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
            State::Open(stream) => Some(stream.get_ref().1),
            _ => None,
        }
    }

    /// Goes on with the handshake, for whichever half asks.
    fn poll_handshake(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.state {
            State::Open(_) => return Poll::Ready(Ok(())),
            State::Failed(error) => return Poll::Ready(Err(error.clone().into())),
            State::Fresh(..) => self.begin(),
            State::Connecting(_) | State::Accepting(_) => {}
        }
        let TlsStream {
            state,
            wakers,
            timer,
            limit,
            side,
            ..
        } = self;
        let done = ready!(wakers.poll(half, cx, |cx| {
            // The timer first, so that the hub shows the stream as what is waited for.
            let timer = timer.get_or_insert_with(|| sleep(*limit));
            let late = Pin::new(timer).poll(cx).is_ready();
            let polled = match state {
                State::Connecting(connect) => Pin::new(connect)
                    .poll(cx)
                    .map_ok(futures_rustls::TlsStream::from),
                State::Accepting(accept) => Pin::new(accept)
                    .poll(cx)
                    .map_ok(futures_rustls::TlsStream::from),
                State::Fresh(..) | State::Open(_) | State::Failed(_) => return Poll::Pending,
            };
            match polled {
                Poll::Ready(Ok(stream)) => Poll::Ready(Ok(stream)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(TlsError::of(side, true, error))),
                Poll::Pending if late => {
                    let cause = Cause::TimedOut(*limit);
                    Poll::Ready(Err(TlsError::new(side.clone(), true, cause)))
                }
                Poll::Pending => Poll::Pending,
            }
        }));
        *timer = None;
        let result = match done {
            Ok(stream) => {
                *state = State::Open(stream);
                Ok(())
            }
            Err(error) => {
                *state = State::Failed(error.clone());
                Err(error.into())
            }
        };
        self.wakers.wake_other(half);
        Poll::Ready(result)
    }

    /// Makes the first step of the handshake possible.
    fn begin(&mut self) {
        let closed = State::Failed(TlsError::new(self.side.clone(), true, Cause::Closed));
        self.state = match std::mem::replace(&mut self.state, closed) {
            State::Fresh(stream, Ready::Client(config, name)) => {
                State::Connecting(TlsConnector::from(config).connect(name, stream))
            }
            State::Fresh(stream, Ready::Server(config)) => {
                State::Accepting(TlsAcceptor::from(config).accept(stream))
            }
            other => other,
        };
    }

    /// Runs `op` on the open connection, after the handshake.
    fn poll_open<R>(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        op: impl FnOnce(&mut futures_rustls::TlsStream<S>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        ready!(self.poll_handshake(half, cx))?;
        let State::Open(stream) = &mut self.state else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let side = &self.side;
        let polled = self.wakers.poll(half, cx, |cx| op(stream, cx));
        polled.map_err(|error| TlsError::of(side, false, error).into())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            // Not for rustls: it would take this for the end of a record that is partly read.
            return Poll::Ready(Ok(0));
        }
        let this = self.get_mut();
        let cut_is_end = this.cut_is_end;
        this.poll_open(Half::Reader, cx, |stream, cx| {
            let mut got = Pin::new(&mut *stream).poll_read(cx, buf);
            if stream.get_ref().1.wants_write() {
                // Its failure is the writer's to see: what was read is good all the same. When
                // another green thread waits to write, that one sends this too.
                let _ = Pin::new(&mut *stream).poll_flush(cx);
                if got.is_pending() {
                    got = Pin::new(&mut *stream).poll_read(cx, buf);
                }
            }
            match got {
                Poll::Ready(Err(error))
                    if cut_is_end && error.kind() == io::ErrorKind::UnexpectedEof =>
                {
                    Poll::Ready(Ok(0))
                }
                got => got,
            }
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_open(Half::Writer, cx, |stream, cx| {
            Pin::new(stream).poll_write(cx, data)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_open(Half::Writer, cx, |stream, cx| {
            Pin::new(stream).poll_write_vectored(cx, data)
        })
    }

    /// Sends what a write left. Before the handshake there is nothing to send.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &this.state {
            State::Fresh(..) | State::Connecting(_) | State::Accepting(_) => Poll::Ready(Ok(())),
            _ => this.poll_open(Half::Writer, cx, |stream, cx| {
                Pin::new(stream).poll_flush(cx)
            }),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Fresh(stream, _) => Pin::new(stream).poll_close(cx),
            State::Failed(_) => Poll::Ready(Ok(())),
            State::Open(_) => this.poll_open(Half::Writer, cx, |stream, cx| {
                Pin::new(stream).poll_close(cx)
            }),
            // Nothing to say goodbye to yet: the handshake is given up and its stream closed.
            State::Connecting(_) | State::Accepting(_) => {
                let closed = TlsError::new(this.side.clone(), true, Cause::Closed);
                this.state = State::Failed(closed);
                this.timer = None;
                this.wakers.wake_other(Half::Writer);
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Future of [`TlsStream::handshake`].
#[derive(Debug)]
#[must_use = "the handshake waits for the first operation unless this is awaited"]
pub struct Handshake<'a, S> {
    stream: &'a mut TlsStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Handshake<'_, S> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().stream.poll_handshake(Half::Reader, cx)
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    /// No keys (promise G-5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Fresh(..) => "fresh",
            State::Connecting(_) | State::Accepting(_) => "in its handshake",
            State::Open(_) => "open",
            State::Failed(_) => "failed",
        };
        f.debug_struct("TlsStream")
            .field("side", &self.side)
            .field("state", &state)
            .finish()
    }
}
