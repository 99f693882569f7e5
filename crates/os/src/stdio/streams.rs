//! The three streams.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

use super::open::{Taken, reader, writer};
use crate::pipe::{PipeReader, PipeWriter};

/// Standard input, to be read on this hub.
///
/// # Errors
/// Outside a running hub, and when there are no descriptors left.
#[track_caller]
pub fn stdin() -> io::Result<Stdin> {
    let at = Location::caller();
    reader(io::stdin().as_fd(), "standard input", at).map(Stdin)
}

/// Standard output, to be written on this hub. What `print!` has kept so far is written first.
///
/// # Errors
/// As [`stdin`].
#[track_caller]
pub fn stdout() -> io::Result<Stdout> {
    let at = Location::caller();
    let std = io::stdout();
    std.lock().flush()?;
    writer(std.as_fd(), "standard output", at).map(Stdout)
}

/// Standard error, to be written on this hub.
///
/// # Errors
/// As [`stdin`].
#[track_caller]
pub fn stderr() -> io::Result<Stderr> {
    let at = Location::caller();
    writer(io::stderr().as_fd(), "standard error", at).map(Stderr)
}

/// Standard input: see [`stdin`] and the [module](super).
///
/// # Cancel safety
/// A read that is given up has taken nothing.
pub struct Stdin(Taken<PipeReader>);

/// Standard output: see [`stdout`] and the [module](super).
///
/// # Cancel safety
/// A write that is given up has written nothing, or, to a file, what
/// [`fs::File`](crate::fs::File) says.
pub struct Stdout(Taken<PipeWriter>);

/// Standard error: see [`stderr`] and the [module](super).
///
/// # Cancel safety
/// As [`Stdout`].
pub struct Stderr(Taken<PipeWriter>);

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Taken::Stream(stream) => Pin::new(stream).poll_read(cx, buf),
            Taken::File(file) => Pin::new(file).poll_read(cx, buf),
        }
    }
}

macro_rules! shown {
    ($type:ident) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let inner: &dyn fmt::Debug = match &self.0 {
                    Taken::Stream(stream) => stream,
                    Taken::File(file) => file,
                };
                f.debug_tuple(stringify!($type)).field(inner).finish()
            }
        }
    };
}

macro_rules! written {
    ($type:ident) => {
        impl AsyncWrite for $type {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                data: &[u8],
            ) -> Poll<io::Result<usize>> {
                match &mut self.0 {
                    Taken::Stream(stream) => Pin::new(stream).poll_write(cx, data),
                    Taken::File(file) => Pin::new(file).poll_write(cx, data),
                }
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match &mut self.0 {
                    Taken::Stream(stream) => Pin::new(stream).poll_flush(cx),
                    Taken::File(file) => Pin::new(file).poll_flush(cx),
                }
            }

            /// Closes this stream; the process's own descriptor stays open.
            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match &mut self.0 {
                    Taken::Stream(stream) => Pin::new(stream).poll_close(cx),
                    Taken::File(file) => Pin::new(file).poll_close(cx),
                }
            }
        }

        shown!($type);
    };
}

shown!(Stdin);
written!(Stdout);
written!(Stderr);
