//! One's turn in a race: this side of it.
//!
//! In a race all contestants of a scenario are alive at the same time, each with its own load, and
//! [`orchestrate::race`](crate::orchestrate) calls them by turns, window by window. Who is called
//! (`evlet-bench one … --called`) says [`READY`] once it has warmed up, and then waits for a line on its standard input before
//! each window, for which it says [`DONE`]. When its standard input ends there are no more windows: it
//! prints its figures, as it does where nobody calls.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Said once, when the first window could begin.
pub(crate) const READY: &str = "ready";
/// Said after each window.
pub(crate) const DONE: &str = "done";

static CALLED: AtomicBool = AtomicBool::new(false);

/// From now on this process waits for its turns.
pub(crate) fn be_called() {
    CALLED.store(true, Ordering::Relaxed);
}

/// Whether it does.
pub(crate) fn is_called() -> bool {
    CALLED.load(Ordering::Relaxed)
}

/// As many turns as there are calls, or `alone` at once where nobody calls.
pub(crate) fn turns(alone: usize) -> Turns {
    Turns { taken: 0, alone }
}

/// This contestant's turns.
#[derive(Debug)]
pub(crate) struct Turns {
    taken: usize,
    alone: usize,
}

impl Turns {
    /// Waits for the next one, the one before being over; false when there is none.
    pub(crate) fn next(&mut self) -> bool {
        let is_first = self.taken == 0;
        self.taken += 1;
        if is_called() {
            say(if is_first { READY } else { DONE }) && is_wanted()
        } else {
            self.taken <= self.alone
        }
    }
}

fn say(word: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).is_ok()
}

fn is_wanted() -> bool {
    let called = io::stdin().lock().read_line(&mut String::new());
    called.is_ok_and(|count| count > 0)
}
