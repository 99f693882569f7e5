//! The futures that wait for the end of a child.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use evlet_hub::{Sleep, sleep};

use super::child::Child;
use super::error::CommandProblem;
use crate::signal::Signal;

/// The future of [`Child::wait`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a> {
    child: &'a mut Child,
    at: &'static Location<'static>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(child: &'a mut Child, at: &'static Location<'static>) -> Self {
        Wait { child, at }
    }
}

impl Future for Wait<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at;
        self.child.stdin = None;
        self.child.process.poll_wait(cx, at)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.child.process.is_not_awaited();
    }
}

/// The future of [`Child::wait_timeout`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WaitTimeout<'a> {
    wait: Wait<'a>,
    limit: Duration,
    sleep: Sleep,
}

impl<'a> WaitTimeout<'a> {
    #[track_caller]
    pub(super) fn new(
        child: &'a mut Child,
        limit: Duration,
        at: &'static Location<'static>,
    ) -> Self {
        WaitTimeout {
            wait: Wait { child, at },
            limit,
            sleep: sleep(limit),
        }
    }
}

impl Future for WaitTimeout<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(ended) = Pin::new(&mut this.wait).poll(cx) {
            return Poll::Ready(ended);
        }
        ready!(Pin::new(&mut this.sleep).poll(cx));
        let process = &this.wait.child.process;
        Poll::Ready(Err(process.failed(CommandProblem::TimeLimit(this.limit))))
    }
}

/// The future of [`Child::terminate`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Terminate<'a> {
    wait: Wait<'a>,
    is_asked: bool,
    /// `None` once it has been killed.
    grace: Option<Sleep>,
}

impl<'a> Terminate<'a> {
    #[track_caller]
    pub(super) fn new(
        child: &'a mut Child,
        grace: Duration,
        at: &'static Location<'static>,
    ) -> Self {
        Terminate {
            wait: Wait { child, at },
            is_asked: false,
            grace: Some(sleep(grace)),
        }
    }
}

impl Future for Terminate<'_> {
    type Output = io::Result<ExitStatus>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.is_asked {
            this.wait.child.signal(Signal::TERM)?;
            this.is_asked = true;
        }
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut this.wait).poll(cx) {
                return Poll::Ready(ended);
            }
            let Some(grace) = &mut this.grace else {
                return Poll::Pending;
            };
            ready!(Pin::new(grace).poll(cx));
            this.grace = None;
            this.wait.child.kill()?;
        }
    }
}
