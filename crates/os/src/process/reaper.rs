//! Takes the children that nobody waits for.
//!
//! The kernel keeps an entry for every child that has ended until its parent has asked for its
//! status. A handle that is dropped before leaves such an entry to come, possibly on a hub that
//! is just ending, or on a thread without one. So it is a thread that asks: started for the first
//! such child, asleep in one `poll` over their pidfds, ended with the last of them.
//!
//! Only children handed over are asked about. A `waitpid` for all would steal those of others.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use evlet_hub::report::{Report, report};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use super::running::{pidfd, uninterrupted};
use crate::pipe::pair;
use crate::signal::registry;

struct Orphan {
    child: Child,
    /// `None`: it is asked about at every SIGCHLD.
    pidfd: Option<OwnedFd>,
}

impl Orphan {
    /// An error means that somebody else has taken it.
    fn is_running(&mut self) -> bool {
        matches!(uninterrupted(&mut self.child), Ok(None))
    }
}

#[derive(Default)]
struct Inbox {
    orphans: Vec<Orphan>,
    /// Wakes the thread; `None` when there is none.
    bell: Option<OwnedFd>,
    /// The process that the thread is in: a fork leaves it behind, with children that are none of
    /// the fork's.
    process: u32,
}

static INBOX: Mutex<Inbox> = Mutex::new(Inbox {
    orphans: Vec::new(),
    bell: None,
    process: 0,
});

fn inbox() -> MutexGuard<'static, Inbox> {
    INBOX.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sees to it that `child` is reaped when it ends.
pub(super) fn hand_over(child: Child, watched: Option<OwnedFd>) {
    let mut orphan = Orphan {
        child,
        pidfd: watched,
    };
    if !orphan.is_running() {
        return;
    }
    if orphan.pidfd.is_none() {
        orphan.pidfd = pidfd(orphan.child.id()).ok();
    }
    let mut inbox = inbox();
    if inbox.process != std::process::id() {
        *inbox = Inbox::default();
        inbox.process = std::process::id();
    }
    inbox.orphans.push(orphan);
    if let Some(bell) = &inbox.bell {
        // A full pipe rings as well.
        let _ = rustix::io::write(bell, &[0]);
        return;
    }
    match start() {
        Ok(bell) => inbox.bell = Some(bell),
        Err(error) => {
            drop(inbox); // a report may run code of the user's
            report(Report::notice(
                "a child process that was dropped before it ended",
                format!("it cannot be reaped now: {error}; the next one dropped tries again"),
            ));
        }
    }
}

fn start() -> io::Result<OwnedFd> {
    let (heard, bell) = pair()?;
    let for_signals = bell.try_clone()?;
    thread::Builder::new()
        .name("evlet-reaper".into())
        .stack_size(128 << 10)
        .spawn(move || reap(&heard, for_signals))?;
    Ok(bell)
}

fn reap(heard: &OwnedFd, for_signals: OwnedFd) {
    let mut orphans = Vec::new();
    let mut for_signals = Some(for_signals);
    let mut listening = None;
    loop {
        orphans.append(&mut inbox().orphans);
        if orphans.iter().any(|orphan: &Orphan| orphan.pidfd.is_none())
            && let Some(bell) = for_signals.take()
        {
            listening = registry::listen(signal_hook::consts::SIGCHLD, bell).ok();
        }
        orphans.retain_mut(Orphan::is_running);
        if orphans.is_empty() {
            let mut inbox = inbox();
            if inbox.orphans.is_empty() {
                inbox.bell = None;
                break;
            }
            continue;
        }
        wait(heard, &orphans);
    }
    if let Some(id) = listening {
        registry::ignore(id);
    }
}

fn wait(heard: &OwnedFd, orphans: &[Orphan]) {
    let pidfds = orphans.iter().filter_map(|orphan| orphan.pidfd.as_ref());
    let mut fds: Vec<PollFd<'_>> = std::iter::once(heard)
        .chain(pidfds)
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    let woken = retry_on_intr(|| poll(&mut fds, None));
    let is_sound = |fd: &PollFd<'_>| !fd.revents().contains(PollFlags::NVAL);
    if woken.is_err() || !fds.iter().all(is_sound) {
        // Closed behind our back: the children are still there to be asked about, now and then.
        thread::sleep(Duration::from_millis(100));
    }
    let _ = rustix::io::read(heard, &mut [0_u8; 64]);
}
