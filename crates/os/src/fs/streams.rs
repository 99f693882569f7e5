//! futures' traits for a file, and what a file remembers of a call that was given up.
//!
//! A trait's method that returned `Pending` does not know whether the next call of it continues the
//! same operation or is a new one after that was given up. A file therefore keeps the call under
//! way, whoever asks next waits for it first, and the answer is used where it fits: bytes that were
//! read are the next reader's, and a write answers the one who brings the same bytes.

use std::fs;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncSeek, AsyncWrite};

use super::blocking::Blocking;
use super::error::FsError;
use super::file::File;

/// The most that one call moves.
const PIECE: usize = 1 << 20;

pub(super) struct Streams {
    /// `None` once closed.
    pub(super) file: Option<Arc<fs::File>>,
    pub(super) path: Arc<Path>,
    /// Read, and not taken yet: the kernel's position is that far ahead.
    ahead: Vec<u8>,
    under_way: Option<Blocking<Done>>,
}

/// What a call has done; its own error is inside, since the bytes must come back with it.
enum Done {
    Read(io::Result<Vec<u8>>),
    Wrote(Vec<u8>, io::Result<usize>),
    Sought(SeekFrom, io::Result<u64>),
    Closed,
}

pub(super) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the file was closed before")
}

impl Streams {
    pub(super) fn new(file: fs::File, path: PathBuf) -> Streams {
        Streams {
            file: Some(Arc::new(file)),
            path: path.into(),
            ahead: Vec::new(),
            under_way: None,
        }
    }

    /// Hands a call to the pool; what was read ahead is forgotten, and the call is told how much.
    fn begin(&mut self, call: impl FnOnce(&fs::File, i64) -> Done + Send + 'static) {
        let ahead = std::mem::take(&mut self.ahead).len() as i64;
        if let Some(file) = self.file.clone() {
            self.under_way = Some(Blocking::new(move || Ok(call(&file, ahead))));
        }
    }

    /// The answer of the call under way; `None` when there is none.
    fn poll_under_way(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Done>>> {
        let Some(call) = &mut self.under_way else {
            if self.file.is_none() {
                return Poll::Ready(Err(self.named("use", closed())));
            }
            return Poll::Ready(Ok(None));
        };
        let done = ready!(Pin::new(call).poll(cx));
        self.under_way = None;
        Poll::Ready(done.map(Some))
    }

    fn named(&self, action: &'static str, error: io::Error) -> io::Error {
        FsError::io(action, &self.path, error)
    }

    /// Keeps what a call that was given up has left: bytes, or an error for who comes next.
    fn keep(&mut self, done: Done) -> io::Result<()> {
        match done {
            Done::Read(Ok(bytes)) => {
                self.ahead = bytes;
                Ok(())
            }
            Done::Read(Err(error)) => Err(self.named("read", error)),
            Done::Wrote(_, Err(error)) => Err(self.named("write to", error)),
            Done::Sought(_, Err(error)) => Err(self.named("seek in", error)),
            Done::Wrote(..) | Done::Sought(..) | Done::Closed => Ok(()),
        }
    }
}

/// Puts the position back to where the user believes it is.
fn step_back(mut file: &fs::File, ahead: i64) -> io::Result<()> {
    match ahead {
        0 => Ok(()),
        _ => file.seek(SeekFrom::Current(-ahead)).map(drop),
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut self.streams;
        loop {
            if !this.ahead.is_empty() || buf.is_empty() {
                let count = this.ahead.len().min(buf.len());
                buf[..count].copy_from_slice(&this.ahead[..count]);
                this.ahead.drain(..count);
                return Poll::Ready(Ok(count));
            }
            match ready!(this.poll_under_way(cx))? {
                None => {
                    let size = buf.len().min(PIECE);
                    this.begin(move |mut file, _| {
                        let mut bytes = vec![0; size];
                        Done::Read(retry(|| file.read(&mut bytes)).map(|count| {
                            bytes.truncate(count);
                            bytes
                        }))
                    });
                }
                Some(Done::Read(Ok(bytes))) if bytes.is_empty() => return Poll::Ready(Ok(0)),
                Some(done) => this.keep(done)?,
            }
        }
    }
}

impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut self.streams;
        let data = &data[..data.len().min(PIECE)];
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            match ready!(this.poll_under_way(cx))? {
                Some(Done::Wrote(bytes, result)) if bytes == data => {
                    return Poll::Ready(result.map_err(|e| this.named("write to", e)));
                }
                Some(done) => this.keep(done)?,
                None => {
                    let bytes = data.to_vec();
                    this.begin(move |mut file, ahead| {
                        let result = step_back(file, ahead);
                        let result = result.and_then(|()| retry(|| file.write(&bytes)));
                        Done::Wrote(bytes, result)
                    });
                }
            }
        }
    }

    /// Waits for a write that was given up; others are with the kernel already. See
    /// [`File::sync_all`] for the disk.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut self.streams;
        while let Some(done) = match this.file {
            Some(_) => ready!(this.poll_under_way(cx))?,
            None => None,
        } {
            this.keep(done)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes and closes, on the pool: a network file system may take its time. Closing twice does
    /// nothing.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let this = &mut self.streams;
        if let Some(file) = this.file.take() {
            this.under_way = Some(Blocking::new(move || {
                drop(file);
                Ok(Done::Closed)
            }));
        }
        if this.under_way.is_some() {
            ready!(this.poll_under_way(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for File {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let this = &mut self.streams;
        loop {
            match ready!(this.poll_under_way(cx))? {
                Some(Done::Sought(asked, result)) if asked == to => {
                    return Poll::Ready(result.map_err(|e| this.named("seek in", e)));
                }
                Some(done) => this.keep(done)?,
                None => this.begin(move |mut file, ahead| {
                    let there = step_back(file, ahead).and_then(|()| file.seek(to));
                    Done::Sought(to, there)
                }),
            }
        }
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
