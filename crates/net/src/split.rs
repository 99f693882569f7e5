//! Two halves of one connection, each for a green thread of its own.

use std::error::Error;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::panic::Location;

use crate::chunk::RecvChunk;
use crate::descriptor;
use crate::socket::Handle;
use crate::tcp_stream::TcpStream;
use crate::transfer::{Recv, SendAll, SendOnce};
use crate::unix::UnixStream;

/// The half of a stream that receives. See [`TcpStream::split`].
pub struct OwnedReadHalf<S = TcpStream> {
    pub(crate) handle: Handle,
    of: PhantomData<fn() -> S>,
}

/// The half of a stream that sends. Dropping it tells the peer that no more comes. See
/// [`TcpStream::split`].
pub struct OwnedWriteHalf<S = TcpStream> {
    pub(crate) handle: Handle,
    of: PhantomData<fn() -> S>,
}

pub(crate) fn split<S>(
    handle: Handle,
    at: &'static Location<'static>,
) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let writer = handle.share(at);
    handle.stop_writing(); // the other writes on: the peer sees nothing of this
    let of = PhantomData;
    let read = OwnedReadHalf { handle, of };
    (read, OwnedWriteHalf { handle: writer, of })
}

impl<S> OwnedReadHalf<S> {
    /// As [`TcpStream::recv`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.handle, Location::caller(), buf)
    }

    /// As [`TcpStream::recv_chunk`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    pub fn recv_chunk(&self, max: usize) -> RecvChunk<'_> {
        RecvChunk::new(&self.handle, Location::caller(), max)
    }

    /// As [`TcpStream::peek`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn peek<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::peek(&self.handle, Location::caller(), buf)
    }

    /// The handle of both, if they belong together.
    fn join(self, write: OwnedWriteHalf<S>) -> Result<Handle, ReuniteError<S>> {
        if !self.handle.same_socket(&write.handle) {
            return Err(ReuniteError(self, write));
        }
        self.handle.absorb(&write.handle);
        Ok(self.handle)
    }
}

impl OwnedReadHalf<TcpStream> {
    /// The stream again.
    ///
    /// # Errors
    /// [`ReuniteError`] hands both back when they are halves of two different connections.
    ///
    /// ```
    /// # use evlet_net::{connect, listen};
    /// # evlet_hub::run(async {
    /// # let listener = listen("127.0.0.1:0")?;
    /// let stream = connect(listener.local_addr()?).await?;
    /// let (read, write) = stream.split();
    /// let stream = read.reunite(write).unwrap();
    /// stream.send_all(b"whole again").await?;
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reunite(self, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        let handle = self.join(write)?;
        Ok(TcpStream { handle })
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.handle.fd())
    }
}

impl OwnedReadHalf<UnixStream> {
    /// The stream again.
    ///
    /// # Errors
    /// [`ReuniteError`] hands both back when they are halves of two different connections.
    pub fn reunite(
        self,
        write: OwnedWriteHalf<UnixStream>,
    ) -> Result<UnixStream, ReuniteError<UnixStream>> {
        let handle = self.join(write)?;
        Ok(UnixStream { handle })
    }
}

impl<S> OwnedWriteHalf<S> {
    /// As [`TcpStream::send`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it has sent nothing.
    #[track_caller]
    pub fn send<'a>(&'a self, data: &'a [u8]) -> SendOnce<'a> {
        SendOnce::new(&self.handle, Location::caller(), data)
    }

    /// As [`TcpStream::send_all`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// A part may have been sent; [`SendAll::sent`] tells how much.
    #[track_caller]
    pub fn send_all<'a>(&'a self, data: &'a [u8]) -> SendAll<'a> {
        SendAll::new(&self.handle, Location::caller(), data)
    }

    /// Tells the peer that no more comes. Sending gives `NotConnected` from then on.
    ///
    /// Doing it twice is doing it once; dropping the half does it too.
    pub fn close(&self) {
        self.handle.stop_writing();
    }
}

impl OwnedWriteHalf<TcpStream> {
    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.handle.fd())
    }
}

/// Two halves that do not belong together. They come back in it.
pub struct ReuniteError<S = TcpStream>(
    /// The half that receives.
    pub OwnedReadHalf<S>,
    /// The half that sends.
    pub OwnedWriteHalf<S>,
);

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these halves belong to two different connections: reunite each with its own")
    }
}

impl<S> Error for ReuniteError<S> {}

impl<S> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReuniteError")
            .field(&self.0)
            .field(&self.1)
            .finish()
    }
}

impl<S> fmt::Debug for OwnedReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedReadHalf")
            .field("handle", &self.handle)
            .finish()
    }
}

impl<S> fmt::Debug for OwnedWriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedWriteHalf")
            .field("handle", &self.handle)
            .finish()
    }
}
