//! Input is written, both outputs are read, the end is awaited: all at once, so that no full pipe
//! makes the two processes wait for each other.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::{Sleep, sleep};
use futures::io::{AsyncRead, AsyncWrite};

use super::child::Child;
use super::error::{CommandError, CommandProblem};
use crate::pipe::PipeReader;

/// The future of [`Child::wait_with_output`] and [`Child::communicate`].
#[must_use = "futures do nothing unless awaited"]
pub struct Gather {
    child: Child,
    input: Vec<u8>,
    written: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    limit: Option<(Duration, Sleep)>,
    /// Why it was killed: told when its end has come.
    killed: Option<CommandProblem>,
    at: &'static Location<'static>,
}

impl Gather {
    #[track_caller]
    pub(super) fn new(
        mut child: Child,
        input: Vec<u8>,
        limit: Option<Duration>,
        at: &'static Location<'static>,
    ) -> Self {
        for pipe in [&mut child.stdout, &mut child.stderr].into_iter().flatten() {
            pipe.waits_at(at);
        }
        if let Some(pipe) = &mut child.stdin {
            pipe.waits_at(at);
        }
        Gather {
            child,
            input,
            written: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            limit: limit.map(|limit| (limit, sleep(limit))),
            killed: None,
            at,
        }
    }

    fn poll_streams(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        let written = self.poll_write(cx);
        let keep = self.child.output_limit;
        let out = poll_read(cx, &mut self.child.stdout, &mut self.stdout, keep)?;
        let err = poll_read(cx, &mut self.child.stderr, &mut self.stderr, keep)?;
        if written.is_ready() && out.is_ready() && err.is_ready() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// A child that does not want its input is no error: its status tells what came of it.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(pipe) = &mut self.child.stdin {
            let left = &self.input[self.written..];
            if left.is_empty() {
                self.child.stdin = None;
                break;
            }
            match ready!(Pin::new(pipe).poll_write(cx, left)) {
                Ok(count) => self.written += count,
                Err(_) => self.child.stdin = None,
            }
        }
        Poll::Ready(())
    }

    /// Reading ends: others may hold the pipes for ever.
    fn give_up(&mut self, why: CommandProblem) -> io::Result<()> {
        self.killed = Some(why);
        self.limit = None;
        self.child.stdin = None;
        self.child.stdout = None;
        self.child.stderr = None;
        self.child.kill()
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let streams = match self.poll_streams(cx) {
            Poll::Ready(Err(Trouble::TooMuch)) => {
                let keep = self.child.output_limit;
                self.give_up(CommandProblem::OutputLimit(keep))?;
                Poll::Ready(())
            }
            Poll::Ready(Err(Trouble::Broken(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        };
        ready!(streams);
        self.child.process.poll_wait(cx, self.at)
    }
}

impl Future for Gather {
    type Output = io::Result<Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut ended = this.poll_end(cx);
        if ended.is_pending()
            && let Some((limit, sleep)) = &mut this.limit
        {
            ready!(Pin::new(sleep).poll(cx));
            let limit = *limit;
            this.give_up(CommandProblem::TimeLimit(limit))?;
            ended = this.poll_end(cx);
        }
        let status = ready!(ended)?;
        Poll::Ready(match this.killed.take() {
            Some(why) => {
                let keep = this.child.output_limit;
                let [out, err] = [&mut this.stdout, &mut this.stderr].map(|read| {
                    read.truncate(keep);
                    std::mem::take(read)
                });
                let command = &this.child.process.command;
                Err(CommandError::with_output(command, why, out, err))
            }
            None => Ok(Output {
                status,
                stdout: std::mem::take(&mut this.stdout),
                stderr: std::mem::take(&mut this.stderr),
            }),
        })
    }
}

impl fmt::Debug for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("child", &self.child)
            .field("stdout", &self.stdout.len())
            .field("stderr", &self.stderr.len())
            .finish_non_exhaustive()
    }
}

enum Trouble {
    TooMuch,
    Broken(io::Error),
}

/// How much is read at once: what a pipe holds on Linux.
const PIECE: usize = 64 << 10;

/// Reads to the end, which closes the pipe.
fn poll_read(
    cx: &mut Context<'_>,
    pipe: &mut Option<PipeReader>,
    kept: &mut Vec<u8>,
    keep: usize,
) -> Result<Poll<()>, Trouble> {
    while let Some(reader) = pipe {
        let before = kept.len();
        // Doubling, by the vector itself; never all of `keep` before it is needed.
        kept.resize(before + PIECE.min(before.max(4096)), 0);
        let read = Pin::new(reader).poll_read(cx, &mut kept[before..]);
        let count = match &read {
            Poll::Ready(Ok(count)) => *count,
            _ => 0,
        };
        kept.truncate(before + count);
        match read {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(Err(error)) => return Err(Trouble::Broken(error)),
            Poll::Ready(Ok(0)) => *pipe = None,
            Poll::Ready(Ok(_)) if kept.len() > keep => return Err(Trouble::TooMuch),
            Poll::Ready(Ok(_)) => {}
        }
    }
    Ok(Poll::Ready(()))
}
