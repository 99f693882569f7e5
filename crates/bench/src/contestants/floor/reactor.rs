//! Readiness from epoll: registered once, edge-triggered, remembered in two bits, a short read taken as
//! "drained".

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

thread_local! {
    static REACTOR: Reactor = Reactor {
        epoll: epoll::create(CreateFlags::CLOEXEC).expect("epoll can be had"),
        sources: RefCell::new(Vec::new()),
        events: RefCell::new(Vec::with_capacity(1024)),
    };
}

struct Reactor {
    epoll: OwnedFd,
    /// By descriptor.
    sources: RefCell<Vec<Option<Rc<State>>>>,
    events: RefCell<Vec<epoll::Event>>,
}

#[derive(Debug, Default)]
struct State {
    readable: Direction,
    writable: Direction,
    /// The peer has closed: from then on a short read does not mean that nothing is left.
    is_hung_up: Cell<bool>,
}

#[derive(Debug, Default)]
struct Direction {
    may_be_ready: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Direction {
    fn is_ready(&self) {
        self.may_be_ready.set(true);
        if let Some(waker) = self.waiter.take() {
            waker.wake();
        }
    }
}

/// Waits in the kernel, at most so long, and wakes those whose descriptors are ready.
pub(super) fn wait(longest: Option<Duration>) {
    REACTOR.with(|reactor| {
        let timeout = longest.map(|longest| Timespec {
            tv_sec: longest.as_secs().cast_signed(),
            tv_nsec: longest.subsec_nanos().into(),
        });
        let mut events = reactor.events.borrow_mut();
        events.clear();
        let waited = epoll::wait(
            &reactor.epoll,
            spare_capacity(&mut events),
            timeout.as_ref(),
        );
        if waited.is_err() {
            return; // interrupted
        }
        let sources = reactor.sources.borrow();
        for event in events.drain(..) {
            let Some(Some(state)) = sources.get(event.data.u64() as usize) else {
                continue;
            };
            let flags = event.flags;
            if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
                state.is_hung_up.set(true);
            }
            if flags
                .intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
            {
                state.readable.is_ready();
            }
            if flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
                state.writable.is_ready();
            }
        }
    });
}

/// A descriptor on the reactor; must not outlive it.
#[derive(Debug)]
pub(crate) struct Source {
    state: Rc<State>,
    at: usize,
}

impl Source {
    /// The descriptor must be non-blocking, and be closed after this is dropped.
    pub(crate) fn new(fd: impl AsFd) -> Source {
        let at = fd.as_fd().as_raw_fd() as usize;
        let state = Rc::new(State::default());
        REACTOR.with(|reactor| {
            let mut sources = reactor.sources.borrow_mut();
            if sources.len() <= at {
                sources.resize(at + 1, None);
            }
            sources[at] = Some(state.clone());
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&reactor.epoll, fd, EventData::new_u64(at as u64), flags)
                .expect("it can be waited for");
        });
        Source { state, at }
    }

    /// Tries to read when something may be there. After a short read call [`was_short`](Self::was_short).
    pub(crate) fn read_with<T, F: FnMut() -> io::Result<T>>(&self, read: F) -> With<'_, F> {
        With {
            direction: &self.state.readable,
            operation: read,
        }
    }

    /// A read gave less than was asked for: nothing is left, unless the peer has closed.
    pub(crate) fn was_short(&self) {
        if !self.state.is_hung_up.get() {
            self.state.readable.may_be_ready.set(false);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // Closing the descriptor takes it out of epoll.
        REACTOR.with(|reactor| reactor.sources.borrow_mut()[self.at] = None);
    }
}

/// An operation that is tried when its direction may be ready, and waits when it would block.
#[derive(Debug)]
pub(crate) struct With<'a, F> {
    direction: &'a Direction,
    operation: F,
}

impl<T, F: FnMut() -> io::Result<T> + Unpin> Future for With<'_, F> {
    type Output = io::Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if self.direction.may_be_ready.get() {
            match (self.operation)() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.direction.may_be_ready.set(false);
                }
                done => return Poll::Ready(done),
            }
        }
        *self.direction.waiter.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}
