//! A file of lines over a stream, as `socket.makefile()` gives in eventlet.
//!
//! Reading keeps what has arrived in the file and hands out whole lines, so a read that is given up
//! (by a timeout, by `select`) loses nothing: the next one goes on with what is there. Lines are
//! bounded: a peer that never ends its line gets an error, not our memory.
//!
//! Writing gathers small pieces and sends them with [`flush`](MakeFile::flush), or when 8 KiB are
//! full. Nothing is flushed by itself: not before a read, and not on drop, which cannot wait.
//!
//! The buffer for what arrives is lent ([`crate::Chunk`]) and comes back when a file that has nothing unread waits for more:
//! ten thousand idle connections hold none.

mod input;
mod mode;
mod traits;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait;
use futures::io::{AsyncRead, AsyncWrite};

use self::input::Input;
pub use self::mode::{FileMode, FileModeError, WrongMode};
use crate::operation_error::HandleClosed;

/// How long a line may be unless [`MakeFile::set_line_limit`] says otherwise: 64 KiB.
pub const LINE_LIMIT: usize = 64 * 1024;

/// What is asked of the stream at once, and gathered for it.
const CHUNK: usize = 8 * 1024;

/// What was gathered in less memory leaves it to the next that is gathered.
const SMALL: usize = 512;

/// A buffered file of lines over any stream: [`TcpStream::makefile`](crate::TcpStream::makefile)
/// or `MakeFile::new(tls_stream)`.
///
/// ```
/// use evlet_net::{connect, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     evlet_hub::spawn_n(async move {
///         let (stream, _) = listener.accept().await.unwrap();
///         let mut file = stream.makefile();
///         while let Some(line) = file.next_line().await.unwrap() {
///             file.write(format!("you said {line}\n")).await.unwrap();
///             file.flush().await.unwrap();
///         }
///     });
///
///     let mut file = connect(addr).await?.makefile();
///     file.write("hello\n").await?;
///     file.flush().await?;
///     assert_eq!(file.next_line().await?.as_deref(), Some("you said hello"));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct MakeFile<S> {
    stream: S,
    input: Input,
    output: Vec<u8>,
    /// How much of `output` the stream has taken.
    taken: usize,
    /// How much is gathered before it is sent.
    gather: usize,
    mode: FileMode,
    closed: bool,
}

impl<S> MakeFile<S> {
    /// A file over `stream`.
    pub fn new(stream: S) -> Self {
        MakeFile {
            stream,
            input: Input::new(LINE_LIMIT),
            output: Vec::new(),
            taken: 0,
            gather: CHUNK,
            mode: FileMode::ReadWrite,
            closed: false,
        }
    }

    /// How many bytes a line may have, its ending included: [`LINE_LIMIT`] unless set. Also what
    /// [`read_until`](Self::read_until) collects at most. Zero counts as one.
    pub fn set_line_limit(&mut self, bytes: usize) {
        self.input.limit = bytes.max(1);
    }

    /// How many bytes are gathered before they are sent without [`flush`](Self::flush): 8 KiB unless
    /// set. Zero sends each [`write`](Self::write) at once, as `buffering=0` does in Python.
    pub fn set_write_buffer(&mut self, bytes: usize) {
        self.gather = bytes;
    }

    /// What it may be used for.
    pub fn mode(&self) -> FileMode {
        self.mode
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, to set it up. What is read from it past the file is missing in the file.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// What has arrived and was not read yet.
    pub fn buffered(&self) -> &[u8] {
        self.input.unread()
    }

    /// The stream, and what had arrived but was not read. What was written and not flushed is
    /// dropped.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let unread = self.input.unread().to_vec();
        (self.stream, unread)
    }
}

impl<S> MakeFile<S> {
    fn check_read(&self) -> io::Result<()> {
        match (self.closed, self.mode) {
            (true, _) => Err(HandleClosed.into()),
            (false, FileMode::Write) => Err(WrongMode::new(self.mode).into()),
            _ => Ok(()),
        }
    }

    fn check_write(&self) -> io::Result<()> {
        match (self.closed, self.mode) {
            (true, _) => Err(HandleClosed.into()),
            (false, FileMode::Read) => Err(WrongMode::new(self.mode).into()),
            _ => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> MakeFile<S> {
    /// Appends the next line to `line`, with its ending, and returns its length in bytes. Zero is
    /// the end of the stream; a last line without an ending counts as a line.
    ///
    /// # Errors
    /// [`LineError`](crate::LineError) inside an [`io::Error`] (`InvalidData`) when the line is longer than the limit
    /// or not UTF-8; the bytes stay in the file and `line` as it was, so
    /// [`read_until`](Self::read_until) or [`read`](Self::read) can still have them. Errors of the
    /// stream.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: what has arrived stays for the next call.
    pub async fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let len = self.await_end(b'\n').await?;
        let text = self.input.text(len)?;
        line.push_str(text);
        self.input.consume(len);
        Ok(len)
    }

    /// The next line without its ending (`\n` or `\r\n`), or `None` at the end of the stream.
    ///
    /// # Errors
    /// As for [`read_line`](Self::read_line).
    ///
    /// # Cancel safety
    /// As for [`read_line`](Self::read_line).
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        let len = self.await_end(b'\n').await?;
        if len == 0 {
            return Ok(None);
        }
        let text = self.input.text(len)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let line = text.strip_suffix('\r').unwrap_or(text).to_owned();
        self.input.consume(len);
        Ok(Some(line))
    }

    /// Appends everything up to and with the next `end` to `bytes`, and returns how much that was.
    /// Less comes only at the end of the stream, zero at last.
    ///
    /// # Errors
    /// [`LineError`](crate::LineError) when `end` does not come within the limit
    /// ([`set_line_limit`](Self::set_line_limit)). Errors of the stream.
    ///
    /// # Cancel safety
    /// As for [`read_line`](Self::read_line).
    pub async fn read_until(&mut self, end: u8, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let len = self.await_end(end).await?;
        bytes.extend_from_slice(&self.input.unread()[..len]);
        self.input.consume(len);
        Ok(len)
    }

    /// Reads what is there, up to the size of `buf`, and waits if nothing is. Zero is the end of
    /// the stream.
    ///
    /// # Errors
    /// Those of the stream.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_read()?;
        if buf.is_empty() {
            return Ok(0);
        }
        if self.input.unread().is_empty() {
            if buf.len() >= CHUNK {
                let stream = &mut self.stream;
                return poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buf)).await;
            }
            poll_fn(|cx| self.poll_fill(cx)).await?;
        } else {
            poll_fn(wait::poll_budget).await;
        }
        let unread = self.input.unread();
        let len = unread.len().min(buf.len());
        buf[..len].copy_from_slice(&unread[..len]);
        self.input.consume(len);
        Ok(len)
    }

    /// Waits until `end` has arrived, or the stream's own end, and returns how many bytes there are
    /// up to and with it.
    async fn await_end(&mut self, end: u8) -> io::Result<usize> {
        self.check_read()?;
        poll_fn(wait::poll_budget).await;
        loop {
            if let Some(len) = self.input.find(end)? {
                return Ok(len);
            }
            if poll_fn(|cx| self.poll_fill(cx)).await? == 0 {
                return Ok(self.input.unread().len());
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = self.input.room();
        let polled = Pin::new(&mut self.stream).poll_read(cx, room);
        match polled {
            Poll::Ready(Ok(got)) => self.input.end += got,
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.waits(),
        }
        polled
    }

    /// Nothing comes for now, and mostly nothing is to be sent either: a file that waits holds no memory.
    fn waits(&mut self) {
        self.input.give_back();
        if self.output.is_empty() && self.output.capacity() > SMALL {
            self.output = Vec::new();
        }
    }
}

impl<S: AsyncWrite + Unpin> MakeFile<S> {
    /// Takes all of `data` to be sent with the next [`flush`](Self::flush), or now if it does not
    /// fit beside what was written before. Returns its length.
    ///
    /// # Errors
    /// Those of the stream, and `NotConnected` after [`close`](Self::close). What had been taken
    /// before stays to be flushed.
    ///
    /// # Cancel safety
    /// Up to 8 KiB (or what [`set_write_buffer`](Self::set_write_buffer) says) are taken whole or not at all. Of more a part may have been sent.
    pub async fn write(&mut self, data: impl AsRef<[u8]>) -> io::Result<usize> {
        let data = data.as_ref();
        self.check_write()?;
        if self.output.len() + data.len() > self.gather {
            self.drain().await?;
        }
        if data.len() <= self.gather {
            poll_fn(wait::poll_budget).await;
            self.output.extend_from_slice(data);
            return Ok(data.len());
        }
        let mut sent = 0;
        while sent < data.len() {
            let stream = &mut self.stream;
            sent += poll_fn(|cx| poll_some(&mut *stream, cx, &data[sent..])).await?;
        }
        if self.gather == 0 {
            // A stream that keeps something of what it takes (TLS) is not asked by anybody else to send it.
            let stream = &mut self.stream;
            poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await?;
        }
        Ok(data.len())
    }

    /// [`write`](Self::write) without the count.
    ///
    /// # Errors
    /// As for `write`.
    ///
    /// # Cancel safety
    /// As for `write`.
    pub async fn write_all(&mut self, data: impl AsRef<[u8]>) -> io::Result<()> {
        self.write(data).await.map(drop)
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// Those of the stream. What it did not take stays.
    ///
    /// # Cancel safety
    /// A part may have been sent; the rest stays for the next call.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.check_write()?;
        self.drain().await?;
        let stream = &mut self.stream;
        poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
    }

    /// Flushes and closes the file. The stream it was made from lives on; when that is closed too,
    /// the peer gets its end of stream. On a TLS stream this says goodbye properly.
    ///
    /// Doing it twice is doing it once. Reading and writing give `NotConnected` from then on.
    ///
    /// # Errors
    /// Those of the stream. It is closed all the same.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn close(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let drained = self.drain().await;
        let stream = &mut self.stream;
        let closed = poll_fn(|cx| Pin::new(&mut *stream).poll_close(cx)).await;
        self.closed = true;
        self.output = Vec::new();
        drained.and(closed)
    }

    async fn drain(&mut self) -> io::Result<()> {
        while self.taken < self.output.len() {
            let (stream, rest) = (&mut self.stream, &self.output[self.taken..]);
            self.taken += poll_fn(|cx| poll_some(&mut *stream, cx, rest)).await?;
        }
        self.output.clear();
        self.taken = 0;
        Ok(())
    }
}

/// Writes some of `data`, which is not empty.
fn poll_some<S: AsyncWrite + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    data: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(stream).poll_write(cx, data))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        taken => Poll::Ready(Ok(taken)),
    }
}

impl<S: fmt::Debug> fmt::Debug for MakeFile<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MakeFile")
            .field("stream", &self.stream)
            .field("unread", &self.input.unread().len())
            .field("unflushed", &(self.output.len() - self.taken))
            .field("closed", &self.closed)
            .finish()
    }
}
