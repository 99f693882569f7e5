//! One process: its end awaited, signalled, and reaped by whichever path it takes.
//!
//! The standard library's `Child` knows whether it has been reaped and refuses to signal after that,
//! so a number that the kernel has given to another process since is never hit. It is asked without
//! waiting; *when* to ask is told by a pidfd, or by SIGCHLD where there is none.

use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::panic::Location;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll, ready};

use evlet_hub::sys::{self, Call, CallKind};
use evlet_hub::{Io, Ticket};
use rustix::io::{Errno, fcntl_getfd};

use super::error::{CommandError, CommandProblem};
use super::reaper;
use crate::signal::{Signal, SignalStream, signal};

#[derive(Debug)]
pub(super) struct Process {
    /// `None` only while it is dropped.
    child: Option<Child>,
    watch: Option<Watch>,
    status: Option<ExitStatus>,
    pub(super) kill_on_drop: bool,
    pub(super) command: String,
}

/// What tells that it may have ended.
#[derive(Debug)]
enum Watch {
    Pidfd(Io<OwnedFd>, Ticket),
    /// Any child of ours has ended; one asks then.
    Sigchld(SignalStream),
}

impl Process {
    pub(super) fn new(child: Child, command: String, kill_on_drop: bool) -> Process {
        Process {
            child: Some(child),
            watch: None,
            status: None,
            kill_on_drop,
            command,
        }
    }

    fn child(&mut self) -> &mut Child {
        match &mut self.child {
            Some(child) => child,
            None => unreachable!("only a drop takes it"),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    pub(super) fn failed(&self, problem: CommandProblem) -> io::Error {
        CommandError::io(&self.command, problem)
    }

    /// Its status if it has ended; it is reaped then.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let asked = uninterrupted(self.child());
            self.status = asked.map_err(|e| self.failed(CommandProblem::Watch(e)))?;
            if self.status.is_some() {
                self.watch = None; // one descriptor less from the moment it has ended
            }
        }
        Ok(self.status)
    }

    /// Ready when it has ended and was reaped.
    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<ExitStatus>> {
        loop {
            // Asked again after the watch was made: an end before that rings no bell.
            if let Some(status) = self.try_wait()? {
                return Poll::Ready(Ok(status));
            }
            if self.watch.is_none() {
                let made = watch(self.id());
                self.watch = Some(made.map_err(|e| self.failed(CommandProblem::Watch(e)))?);
                continue;
            }
            if let Err(error) = ready!(self.poll_bell(cx, at))
                && !self.forgets_a_closed_watch()
            {
                return Poll::Ready(Err(self.failed(CommandProblem::Watch(error))));
            }
        }
    }

    fn poll_bell(
        &mut self,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        let (child, watch) = (&mut self.child, &self.watch);
        match (watch, child) {
            (Some(Watch::Pidfd(io, ticket)), Some(child)) => {
                io.poll_read_as(*ticket, cx, at, |_| match uninterrupted(child)? {
                    Some(_) => Ok(()), // the standard library keeps it for the next question
                    None => Err(io::ErrorKind::WouldBlock.into()),
                })
            }
            (Some(Watch::Sigchld(signals)), _) => signals.poll_recv(cx, at).map_ok(drop),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Whether somebody has closed the pidfd, which is not told apart by the error. Its number is no
    /// longer ours, so it is not closed; a new one is made.
    fn forgets_a_closed_watch(&mut self) -> bool {
        match self.watch.take() {
            Some(Watch::Pidfd(io, _)) if fcntl_getfd(io.get_ref()) == Err(Errno::BADF) => {
                let _ = io.into_inner().map(IntoRawFd::into_raw_fd);
                true
            }
            other => {
                self.watch = other;
                false
            }
        }
    }

    /// Nobody waits any more. A watch is on the hub of who waited, and the next one may wait on another.
    pub(super) fn is_not_awaited(&mut self) {
        if !self.forgets_a_closed_watch() {
            self.watch = None;
        }
    }

    /// Sends a signal, unless it has been reaped: then nothing happens.
    pub(super) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        send(self.id(), signal).map_err(|e| self.failed(CommandProblem::Signal(e)))
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.signal(Signal::from_raw(signal_hook::consts::SIGKILL))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        if self.kill_on_drop {
            // It may have ended meanwhile, or run under another user: it is reaped in any case.
            let _ = self.kill();
        }
        let pidfd = match self.watch.take() {
            Some(Watch::Pidfd(io, _)) => io.into_inner().ok(),
            _ => None,
        };
        if let Some(child) = self.child.take() {
            reaper::hand_over(child, pidfd);
        }
    }
}

/// The standard library's `try_wait`, which hands on an interruption.
pub(super) fn uninterrupted(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            asked => return asked,
        }
    }
}

fn watch(id: u32) -> io::Result<Watch> {
    match pidfd(id).and_then(Io::new_nonblocking) {
        Ok(io) => {
            let ticket = io.new_ticket();
            Ok(Watch::Pidfd(io, ticket))
        }
        Err(_) => signal(Signal::CHLD).map(Watch::Sigchld),
    }
}

/// A descriptor that becomes readable when the process with this number ends. The number must be
/// that of a child that has not been reaped.
#[cfg(target_os = "linux")]
pub(super) fn pidfd(id: u32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, pidfd_open};
    sys::gate(Call::new(CallKind::Other, -1))?;
    Ok(pidfd_open(pid(id)?, PidfdFlags::empty())?)
}

/// There is none here.
#[cfg(not(target_os = "linux"))]
pub(super) fn pidfd(_: u32) -> io::Result<OwnedFd> {
    sys::gate(Call::new(CallKind::Other, -1))?;
    Err(io::ErrorKind::Unsupported.into())
}

fn send(id: u32, signal: Signal) -> io::Result<()> {
    let Some(signal) = rustix::process::Signal::from_named_raw(signal.as_raw()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("there is no {signal}"),
        ));
    };
    Ok(rustix::process::kill_process(pid(id)?, signal)?)
}

fn pid(id: u32) -> io::Result<rustix::process::Pid> {
    i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
