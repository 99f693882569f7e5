//! Closing that takes its time (`SO_LINGER`), done by a thread of the pool.
//!
//! With a positive linger `close` waits until the peer's kernel has what was sent, non-blocking or not: on the
//! hub's thread it would hold everybody. So when such a socket is dropped, a copy of its descriptor goes to the
//! pool, the socket's own closes at once, since it is not the last, and the copy's close is the one that waits.
//!
//! Closers take the copies from one line, at most [`CLOSERS`] of them: peers who never read would otherwise
//! take all threads of the pool, and files and names would wait for them. Decision 0062 tells the rest.

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use evlet_green::tpool;
use evlet_hub::report::{Report, report};
use rustix::net::sockopt;

/// How many threads of the pool close at the same time.
const CLOSERS: usize = 4;

static LINE: Mutex<Line> = Mutex::new(Line {
    waiting: VecDeque::new(),
    closers: 0,
    process: 0,
});

struct Line {
    waiting: VecDeque<OwnedFd>,
    closers: usize,
    /// A fork leaves the closers behind.
    process: u32,
}

thread_local! {
    /// The copy of a socket that is being dropped.
    static COPY: Cell<Option<OwnedFd>> = const { Cell::new(None) };
}

/// Leaves the waiting to the pool: whatever it says, closing `fd` does not wait any more. The copy is handed
/// over by [`AfterTheClose`].
pub(super) fn close_elsewhere(fd: &OwnedFd) {
    // The peer's end of stream does not stand in line.
    let _ = rustix::net::shutdown(fd, rustix::net::Shutdown::Write);
    let kept = match rustix::io::fcntl_dupfd_cloexec(fd, 0) {
        Ok(copy) => COPY.try_with(|kept| kept.set(Some(copy))).is_ok(),
        Err(_) => false,
    };
    if !kept {
        forget(fd, "no copy of its descriptor can be had");
    }
}

/// Hands the copy over when it is dropped, which is when the socket's own descriptor has been closed: who closes
/// last waits, and a thread of the pool may be quick.
pub(super) struct AfterTheClose;

impl Drop for AfterTheClose {
    fn drop(&mut self) {
        if let Ok(Some(copy)) = COPY.try_with(Cell::take) {
            close(copy);
        }
    }
}

/// On a thread of the pool.
fn close(copy: OwnedFd) {
    let mut line = lock();
    line.waiting.push_back(copy);
    if line.closers >= CLOSERS {
        return;
    }
    line.closers += 1;
    drop(line);
    let here = thread::current().id();
    if let Err(refused) = tpool::hand_over(move || close_all(here)) {
        let mut line = lock();
        line.closers -= 1;
        let left = match line.closers {
            0 => std::mem::take(&mut line.waiting),
            // Those at work come to it.
            _ => return,
        };
        drop(line);
        for fd in left {
            forget(&fd, &refused.to_string());
        }
    }
}

/// The work of one closer, for `from`, the thread that asked for it.
fn close_all(from: ThreadId) {
    // A pool that cannot start its first thread runs its jobs there.
    let at_home = thread::current().id() == from;
    loop {
        let mut line = lock();
        let Some(fd) = line.waiting.pop_front() else {
            line.closers -= 1;
            return;
        };
        drop(line);
        if at_home {
            forget(&fd, "the pool has no thread");
        }
        drop(fd); // takes as long as the peer does, up to the time that was set
    }
}

/// From now on closing `fd` does not wait: the kernel goes on in its own time.
fn forget(fd: &OwnedFd, why: &str) {
    let message = format!(
        "closed without waiting for the peer to have everything, as set_linger asked: {why}; the kernel goes on \
         sending in its own time"
    );
    report(Report::notice("a lingering close", message));
    let _ = sockopt::set_socket_linger(fd, None);
}

fn lock() -> std::sync::MutexGuard<'static, Line> {
    // Nothing panics under the lock.
    let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    let here = std::process::id();
    if std::mem::replace(&mut line.process, here) != here {
        line.closers = 0;
        // Copies of the parent's, who has its own; but whoever closes last would wait.
        for fd in line.waiting.drain(..) {
            let _ = sockopt::set_socket_linger(&fd, None);
        }
    }
    line
}
