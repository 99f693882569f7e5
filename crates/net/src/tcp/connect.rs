//! Making a connection: addresses race for it (RFC 8305, "Happy Eyeballs").
//!
//! The next address is tried when the one before has failed or has not answered for a while; none
//! is given up for that. The first that answers wins and the others are closed. A socket is
//! registered with the hub only if the kernel needs time: on loopback it usually answers within the
//! call.
//!
//! RFC 8305 also has rules for answers of the name server that come one family at a time; the
//! system's resolver gives both at once, in the order of RFC 6724, so those have no place here.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{self, WaitKind, WaitsOn};
use evlet_hub::{Io, Sleep, sleep};

use super::attempt::{Attempt, Start, start};
use super::connect_options::ConnectOptions;
use super::interleave::interleave;
use crate::addr::Addr;
use crate::connect_error::ConnectError;
use crate::resolve::ResolveAddr;
use crate::socket::Plug;
use crate::tcp_stream::TcpStream;
use crate::tries::Try;

/// Future of [`connect`](crate::connect), [`connect_from`](crate::connect_from) and
/// [`ConnectOptions::connect`].
#[must_use = "no connection is made until this is awaited"]
pub struct Connect {
    given: String,
    options: ConnectOptions,
    at: &'static Location<'static>,
    /// The end of everything, if there is one.
    deadline: Option<Box<Sleep>>,
    /// It has spent of the budget, from which the tries spend at each poll.
    is_counted: bool,
    state: State,
}

enum State {
    Failed(io::Error),
    Resolving(ResolveAddr),
    Racing(Race),
    Done,
}

struct Race {
    left: std::vec::IntoIter<std::net::SocketAddr>,
    /// Those that the kernel has not decided yet, in the order in which they began.
    attempts: Vec<Attempt>,
    /// Until the next one begins beside them.
    delay: Option<Box<Sleep>>,
    tries: Vec<Try>,
}

impl Connect {
    pub(super) fn new(addr: Addr, options: ConnectOptions, at: &'static Location<'static>) -> Self {
        Connect {
            given: addr.to_string(),
            options,
            at,
            deadline: None,
            is_counted: false,
            state: State::Resolving(ResolveAddr::new(addr, at)),
        }
    }

    pub(super) fn failed(error: io::Error, at: &'static Location<'static>) -> Self {
        Connect {
            given: String::new(),
            options: ConnectOptions::default(),
            at,
            deadline: None,
            is_counted: false,
            state: State::Failed(error),
        }
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Io<Plug>>> {
        loop {
            match &mut self.state {
                State::Resolving(resolving) => {
                    let addrs = ready!(Pin::new(resolving).poll(cx));
                    self.state = match addrs {
                        Ok(addrs) => State::Racing(Race::new(interleave(addrs))),
                        Err(error) => State::Failed(error),
                    };
                }
                State::Racing(race) => {
                    let won = ready!(race.poll(cx, &self.options, self.at));
                    return Poll::Ready(won.ok_or_else(|| {
                        let tries = std::mem::take(&mut race.tries);
                        ConnectError::new(std::mem::take(&mut self.given), tries).into()
                    }));
                }
                State::Failed(_) | State::Done => {
                    let error = match std::mem::replace(&mut self.state, State::Done) {
                        State::Failed(error) => error,
                        _ => io::Error::other("this connect is over: make a new one"),
                    };
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Whether the time for everything is over.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(limit) = self.options.timeout else {
            return Poll::Pending;
        };
        let deadline = self.deadline.get_or_insert_with(|| Box::new(sleep(limit)));
        ready!(Pin::new(&mut **deadline).poll(cx));
        let given = std::mem::take(&mut self.given);
        let tries = match &mut self.state {
            State::Racing(race) => race.give_up(),
            _ => Vec::new(),
        };
        Poll::Ready(ConnectError::timed_out(given, limit, tries).into())
    }
}

impl Race {
    fn new(addrs: Vec<std::net::SocketAddr>) -> Race {
        Race {
            left: addrs.into_iter(),
            attempts: Vec::new(),
            delay: None,
            tries: Vec::new(),
        }
    }

    /// The winner, or `None` when all have failed.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        options: &ConnectOptions,
        at: &'static Location<'static>,
    ) -> Poll<Option<Io<Plug>>> {
        loop {
            // The delay first, so that what the hub shows is the descriptor that is waited for.
            let mut next = self.attempts.is_empty() || self.delay.is_none();
            if let Some(delay) = &mut self.delay
                && Pin::new(&mut **delay).poll(cx).is_ready()
            {
                next = true;
            }
            let mut i = 0;
            while i < self.attempts.len() {
                let decided = match self.attempts[i].poll(cx, at) {
                    Poll::Pending => {
                        i += 1;
                        continue;
                    }
                    Poll::Ready(decided) => decided,
                };
                let attempt = self.attempts.remove(i);
                match decided {
                    Ok(()) => return Poll::Ready(Some(attempt.into_io())),
                    Err(error) => {
                        let addr = attempt.addr;
                        self.tries.push(Try { addr, error });
                        next = true;
                    }
                }
            }
            if next {
                self.delay = None;
                if let Some(addr) = self.left.next() {
                    match start(addr, options) {
                        Ok(Start::Connected(io)) => return Poll::Ready(Some(io)),
                        Ok(Start::Undecided(attempt)) => {
                            self.attempts.push(attempt);
                            if self.left.len() > 0 {
                                self.delay = Some(Box::new(sleep(options.attempt_delay)));
                            }
                        }
                        Err(error) => self.tries.push(Try { addr, error }),
                    }
                    continue;
                }
            }
            return match self.attempts.is_empty() {
                true => Poll::Ready(None),
                false => Poll::Pending,
            };
        }
    }

    /// The tries, with those that were under way.
    fn give_up(&mut self) -> Vec<Try> {
        let mut tries = std::mem::take(&mut self.tries);
        tries.extend(self.attempts.drain(..).map(|attempt| Try {
            addr: attempt.addr,
            error: io::Error::new(io::ErrorKind::TimedOut, "no answer so far"),
        }));
        tries.extend(self.left.by_ref().map(|addr| Try {
            addr,
            error: io::Error::new(io::ErrorKind::TimedOut, "not tried any more"),
        }));
        tries
    }
}

impl Future for Connect {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.is_counted {
            ready!(wait::poll_budget(cx));
            this.is_counted = true;
        }
        // An answer that is there counts, also at the last moment.
        let connected = match this.poll_connect(cx) {
            Poll::Ready(connected) => connected,
            Poll::Pending => {
                let late = this.poll_deadline(cx);
                if late.is_pending() {
                    this.park();
                }
                ready!(late.map(Err))
            }
        };
        this.is_counted = false; // whoever polls it for ever is counted
        this.state = State::Done; // and those that lost are closed
        this.deadline = None;
        Poll::Ready(connected.map(|io| TcpStream::new(io, this.at)))
    }
}

impl Connect {
    /// Says what is waited for, after timers have put themselves down.
    fn park(&self) {
        let waits_on = match &self.state {
            State::Racing(race) => match race.attempts.last() {
                Some(attempt) => WaitsOn::new(WaitKind::Writable, attempt.fd()),
                None => return,
            },
            _ => WaitsOn::new(WaitKind::Blocking, 0),
        };
        wait::park(waits_on, self.at);
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Failed(_) => "failed",
            State::Resolving(_) => "resolving",
            State::Racing(_) => "trying",
            State::Done => "done",
        };
        f.debug_struct("Connect")
            .field("to", &self.given)
            .field("state", &state)
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
