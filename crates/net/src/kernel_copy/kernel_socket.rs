//! The sockets between which the kernel can move bytes.

use crate::socket::Handle;
use crate::split::{OwnedReadHalf, OwnedWriteHalf};
use crate::tcp_stream::TcpStream;
use crate::unix::UnixStream;

/// A stream that is a socket and nothing more: [`TcpStream`], [`UnixStream`] and their halves. (Not
/// a TLS stream, whose bytes this program has to encrypt.)
pub trait KernelSocket {
    /// How it is used here.
    #[doc(hidden)]
    fn handle(&self) -> Inside<'_>;
}

/// What only this crate can look into.
#[derive(Debug)]
pub struct Inside<'a>(pub(crate) &'a Handle);

macro_rules! sockets {
    ($($type:ty),*) => { $(
        impl KernelSocket for $type {
            fn handle(&self) -> Inside<'_> {
                Inside(&self.handle)
            }
        }
    )* };
}
sockets!(TcpStream, UnixStream);
sockets!(OwnedReadHalf<TcpStream>, OwnedReadHalf<UnixStream>);
sockets!(OwnedWriteHalf<TcpStream>, OwnedWriteHalf<UnixStream>);
