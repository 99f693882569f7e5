//! How many handshakes a server does at once (promise G-1).
//!
//! A handshake is the dearest thing that a stranger can ask for. The bound is on those whose peer has
//! begun to speak: a client that connects and says nothing takes no place, so no number of silent ones
//! keeps the others out. One that stops in the middle holds its place until its handshake's time is up.
//! Who finds no place waits in line, with its own time running; no more is read from it meanwhile. Who gives its
//! operation up and keeps the stream leaves the line, so that no place is free in vain, and has its turn again when it
//! comes back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How many at once unless [`TlsConfig::handshakes_at_once`](crate::TlsConfig::handshakes_at_once)
/// says otherwise.
pub const HANDSHAKES_AT_ONCE: usize = 256;

/// The places of one server.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    bound: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Who waits, in the order of their numbers, the first at the front.
    line: VecDeque<(u64, Waker)>,
    next: u64,
}

/// A place among the handshakes, or the wait for one. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    stands: Stands,
    /// Its turn, from the first wait on.
    number: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Outside,
    InLine,
    Inside,
}

impl Places {
    /// Zero counts as one.
    pub(super) fn new(bound: usize) -> Arc<Places> {
        let bound = bound.max(1);
        Arc::new(Places {
            state: Mutex::new(State {
                free: bound,
                line: VecDeque::new(),
                next: 0,
            }),
            bound,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn new(places: &Arc<Places>) -> Place {
        Place {
            places: Arc::clone(places),
            stands: Stands::Outside,
            number: None,
        }
    }

    /// How many there are, if this one still waits for one of them.
    pub(super) fn waits_among(&self) -> Option<usize> {
        (self.stands == Stands::InLine).then_some(self.places.bound)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.stands == Stands::Inside
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_taken() {
            return Poll::Ready(());
        }
        let mut state = self.places.lock();
        let number = *self.number.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        let at = state
            .line
            .binary_search_by_key(&number, |(number, _)| *number);
        let (Ok(before) | Err(before)) = at;
        // As many as are free may go in, in their order.
        if before < state.free {
            state.free -= 1;
            let left = at.ok().and_then(|at| state.line.remove(at));
            self.stands = Stands::Inside;
            drop(state);
            drop(left); // a waker is anybody's code: outside the lock
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let old = match at {
            Ok(at) => state
                .line
                .get_mut(at)
                .map(|(_, known)| std::mem::replace(known, waker)),
            Err(at) => {
                state.line.insert(at, (number, waker));
                self.stands = Stands::InLine;
                None
            }
        };
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Leaves the line, if it stands there.
    pub(super) fn leave_the_line(&mut self) {
        if self.stands == Stands::InLine {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        let mut state = self.places.lock();
        let mut left = None;
        match std::mem::replace(&mut self.stands, Stands::Outside) {
            Stands::Outside => return,
            Stands::Inside => state.free += 1,
            Stands::InLine => {
                let number = self.number.unwrap_or_default();
                let at = state
                    .line
                    .binary_search_by_key(&number, |(number, _)| *number);
                left = at.ok().and_then(|at| state.line.remove(at));
            }
        }
        // Also when somebody in line gives up: it may have been called already.
        let called = state.line.iter().take(state.free);
        let called: Vec<Waker> = called.map(|(_, waker)| waker.clone()).collect();
        drop(state);
        drop(left);
        called.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_up();
    }
}
