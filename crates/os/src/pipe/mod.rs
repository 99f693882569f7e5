//! Pipes, and any other descriptor that is read or written as a stream of bytes.
//!
//! [`pipe`] makes a pair of ends. [`PipeReader::from_fd`] and [`PipeWriter::from_fd`] take over a
//! descriptor that came from elsewhere: a pipe, a terminal, a FIFO, an inherited socket. The streams
//! of a child process ([`process`](crate::process)) are these types too. After eventlet's
//! `GreenPipe`.
//!
//! ```
//! use evlet_os::pipe::pipe;
//! use futures::{AsyncReadExt, AsyncWriteExt};
//!
//! evlet_hub::run(async {
//!     let (mut reader, mut writer) = pipe()?;
//!     evlet_hub::spawn_n(async move {
//!         writer.write_all(b"through the pipe").await.unwrap();
//!         // The writer is dropped here: the reader comes to the end.
//!     });
//!     let mut text = String::new();
//!     reader.read_to_string(&mut text).await?;
//!     assert_eq!(text, "through the pipe");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # What one may rely on
//! * Reading and writing are those of `futures::io`. The end of the other side is an end of stream
//!   to the reader and [`BrokenPipe`](std::io::ErrorKind::BrokenPipe) to the writer, never a signal
//!   (Rust's runtime ignores SIGPIPE before `main`).
//! * A read or a write that is given up has moved no byte. `read_exact`, `write_all` and other
//!   combinations of several may have moved some.
//! * `O_NONBLOCK` belongs to what a descriptor was duplicated from, and so to every process that
//!   shares it. What `from_fd` has set it takes back when the stream is dropped or handed out. While
//!   it lives, others who share the descriptor see "would block": for a terminal that may be the
//!   parent's shell, which copes; a C program that writes there may not.
//! * Regular files cannot be waited on: `from_fd` refuses them and names [`fs`](crate::fs).

mod ends; // PipeReader, PipeWriter
mod kept; // a descriptor and the mode it is given back in
mod pair; // two new ends
mod streams; // futures' AsyncRead and AsyncWrite

pub use ends::{PipeReader, PipeWriter, pipe};
pub(crate) use pair::pair;
