//! How many handshakes a server does at once (promise G-1).
//!
//! A handshake is the dearest thing that a stranger can ask for. The bound is on those whose peer has
//! begun to speak: a client that connects and says nothing takes no place, so no number of silent ones
//! keeps the others out. One that stops in the middle holds its place until its handshake's time is up.
//! Who finds no place waits in line, with its own time running; no more is read from it meanwhile.

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
    /// Who waits, the first at the front.
    line: VecDeque<(u64, Waker)>,
    next: u64,
}

/// A place among the handshakes, or the wait for one. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    stands: Stands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Outside,
    InLine(u64),
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
        }
    }

    /// How many there are, if this one still waits for one of them.
    pub(super) fn waits_among(&self) -> Option<usize> {
        matches!(self.stands, Stands::InLine(_)).then_some(self.places.bound)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.stands == Stands::Inside
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_taken() {
            return Poll::Ready(());
        }
        let mut state = self.places.lock();
        let before = match self.stands {
            Stands::InLine(number) => state.line.iter().position(|(other, _)| *other == number),
            _ => None,
        };
        // As many as are free may go in, in their order.
        if before.unwrap_or(state.line.len()) < state.free {
            state.free -= 1;
            let left = before.and_then(|at| state.line.remove(at));
            self.stands = Stands::Inside;
            drop(state);
            drop(left); // a waker is anybody's code: outside the lock
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let old = match before.and_then(|at| state.line.get_mut(at)) {
            Some((_, known)) => Some(std::mem::replace(known, waker)),
            None => {
                let number = state.next;
                state.next += 1;
                state.line.push_back((number, waker));
                self.stands = Stands::InLine(number);
                None
            }
        };
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        let left = match self.stands {
            Stands::Outside => None,
            Stands::Inside => {
                state.free += 1;
                None
            }
            Stands::InLine(number) => {
                let at = state.line.iter().position(|(other, _)| *other == number);
                at.and_then(|at| state.line.remove(at))
            }
        };
        // Also when somebody in line gives up: it may have been called already.
        let free = state.free;
        let called: Vec<Waker> = match self.stands {
            Stands::Outside => Vec::new(),
            _ => state
                .line
                .iter()
                .take(free)
                .map(|(_, w)| w.clone())
                .collect(),
        };
        drop(state);
        drop(left);
        called.into_iter().for_each(Waker::wake);
    }
}
