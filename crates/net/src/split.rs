//! Two halves of one connection, each for a green thread of its own.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;

use rustix::net::RecvFlags;

use crate::descriptor;
use crate::socket::Handle;
use crate::tcp_stream::TcpStream;
use crate::transfer::{Recv, SendAll, SendOnce};

/// The half that receives. See [`TcpStream::split`].
#[derive(Debug)]
pub struct OwnedReadHalf {
    pub(crate) handle: Handle,
}

/// The half that sends. Dropping it tells the peer that no more comes. See [`TcpStream::split`].
#[derive(Debug)]
pub struct OwnedWriteHalf {
    pub(crate) handle: Handle,
}

pub(crate) fn split(
    stream: TcpStream,
    at: &'static Location<'static>,
) -> (OwnedReadHalf, OwnedWriteHalf) {
    let writer = stream.handle.share(at);
    stream.handle.stop_writing(); // the other writes on: the peer sees nothing of this
    let read = OwnedReadHalf {
        handle: stream.handle,
    };
    (read, OwnedWriteHalf { handle: writer })
}

impl OwnedReadHalf {
    /// As [`TcpStream::recv`].
    ///
    /// # Errors
    /// The same.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    #[track_caller]
    pub fn recv<'a>(&'a self, buf: &'a mut [u8]) -> Recv<'a> {
        Recv::new(&self.handle, Location::caller(), buf, RecvFlags::empty())
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
        Recv::new(&self.handle, Location::caller(), buf, RecvFlags::PEEK)
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.handle.fd())
    }

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
        if !self.handle.same_socket(&write.handle) {
            return Err(ReuniteError(self, write));
        }
        self.handle.absorb(&write.handle);
        Ok(TcpStream {
            handle: self.handle,
        })
    }
}

impl OwnedWriteHalf {
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

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        descriptor::peer_addr(self.handle.fd())
    }
}

/// Two halves that do not belong together. They come back in it.
#[derive(Debug)]
pub struct ReuniteError(
    /// The half that receives.
    pub OwnedReadHalf,
    /// The half that sends.
    pub OwnedWriteHalf,
);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these halves belong to two different connections: reunite each with its own")
    }
}

impl Error for ReuniteError {}
