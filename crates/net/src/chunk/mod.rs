//! Bytes that were received into a buffer which nobody had to bring.
//!
//! A green thread that waits in [`TcpStream::recv`](crate::TcpStream::recv) holds its buffer meanwhile: ten thousand
//! idle connections with 16 KiB each hold 160 MB of nothing. eventlet's `sock.recv(size)` makes the bytes when
//! there are some. So does [`TcpStream::recv_chunk`](crate::TcpStream::recv_chunk), and since all green threads of a thread take turns, one
//! buffer goes from hand to hand: it is lent when bytes are there and comes back when the [`Chunk`] is
//! dropped, still in the processor's cache for the next one.

mod lender;
mod recv_chunk;

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};

use self::lender::Size;
pub use self::recv_chunk::RecvChunk;

/// The largest chunk: 64 KiB.
pub const CHUNK_LIMIT: usize = 1 << 16;

/// Received bytes, in a buffer that is lent. Empty at the end of the stream.
///
/// It derefs to the bytes. The buffer comes back when this is dropped, so hold it no longer than the bytes are
/// needed; there is no limit to how many are lent at the same time. To keep the bytes, copy them
/// (`chunk.to_vec()`), or keep the whole buffer (`Vec::from(chunk)`).
///
/// ```
/// # use evlet_net::{connect, listen};
/// # evlet_hub::run(async {
/// # let listener = listen("127.0.0.1:0")?;
/// # let client = connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// client.send_all(b"GET / HTTP/1.1").await?;
/// let chunk = server.recv_chunk(1000).await?;
/// assert!(chunk.starts_with(b"GET "));
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
pub struct Chunk {
    /// As large as the lender makes them; empty where none was needed.
    buffer: Box<[u8]>,
    len: u32,
    size: Size,
}

const _: () = assert!(size_of::<Chunk>() == 24);

impl Chunk {
    /// Room for so many bytes, at most [`CHUNK_LIMIT`]. What is in it is of earlier chunks.
    #[inline]
    pub(crate) fn room(len: usize) -> Chunk {
        let len = len.min(CHUNK_LIMIT);
        let size = Size::of(len);
        Chunk {
            buffer: size.lend(),
            len: len as u32,
            size,
        }
    }

    /// One with these bytes, at most [`CHUNK_LIMIT`].
    pub(crate) fn copy_of(bytes: &[u8]) -> Chunk {
        let mut chunk = Chunk::room(bytes.len());
        chunk.copy_from_slice(bytes);
        chunk
    }

    /// Only the first `len` of them were received.
    #[inline]
    pub(crate) fn filled(mut self, len: usize) -> Chunk {
        self.len = len.min(self.len as usize) as u32;
        self
    }
}

/// Ends the loan of a buffer that was kept ([`Vec::from`]) after all. One of another size than are lent is freed.
pub(crate) fn give_back(bytes: Vec<u8>) {
    if let Some(size) = Size::exactly(bytes.len()) {
        size.give_back(bytes.into_boxed_slice());
    }
}

impl Drop for Chunk {
    #[inline]
    fn drop(&mut self) {
        let buffer = mem::take(&mut self.buffer);
        if !buffer.is_empty() {
            self.size.give_back(buffer);
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.buffer[..self.len as usize]
    }
}

impl DerefMut for Chunk {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.len as usize]
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Takes the whole buffer, which does not come back, and copies nothing.
impl From<Chunk> for Vec<u8> {
    fn from(mut chunk: Chunk) -> Vec<u8> {
        let mut bytes = Vec::from(mem::take(&mut chunk.buffer));
        bytes.truncate(chunk.len as usize);
        bytes
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chunk").field(&&**self).finish()
    }
}
