//! Connections that come and go: connect, one message, its answer, close.
//!
//! The load closes with a reset, so that no port stays in TIME_WAIT and the run can go on for ever. What
//! that costs the server is the same for all.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};

use super::load::again;
use super::server::Server;
use super::windows::Windows;
use crate::measure::Outcome;

/// Connections under way at any moment.
const AT_ONCE: usize = 32;
const MESSAGE: [u8; 64] = [7; 64];
const PATIENCE: Timespec = Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

/// Opens and closes so many connections in each window.
pub(crate) fn measure(server: &Server, connections: usize) -> Outcome {
    let mut churn = Churn::new(server.addr).map_err(super::no_load)?;
    Windows::of(2 * AT_ONCE as u64, connections as u64)
        .measure(server, |connections| churn.run(connections))
        .map_err(super::no_load)
}

struct Churn {
    server: SocketAddr,
    epoll: OwnedFd,
    under_way: Vec<Option<UnderWay>>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct UnderWay {
    socket: OwnedFd,
    sent: bool,
    received: usize,
}

impl Churn {
    fn new(server: SocketAddr) -> io::Result<Churn> {
        Ok(Churn {
            server,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            under_way: (0..AT_ONCE).map(|_| None).collect(),
            events: Vec::with_capacity(AT_ONCE),
        })
    }

    fn run(&mut self, connections: u64) -> io::Result<()> {
        let (mut left, mut open) = (connections, 0);
        for at in 0..AT_ONCE {
            if left == 0 {
                break;
            }
            (left, open) = (left - 1, open + 1);
            self.begin(at)?;
        }
        while open > 0 {
            self.events.clear();
            again(|| {
                epoll::wait(
                    &self.epoll,
                    spare_capacity(&mut self.events),
                    Some(&PATIENCE),
                )
            })?;
            if self.events.is_empty() {
                let text = format!("{open} connections got no answer");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            for event in std::mem::take(&mut self.events) {
                let at = event.data.u64() as usize;
                let Some(under_way) = &mut self.under_way[at] else {
                    continue;
                };
                if !under_way.proceed(event.flags)? {
                    continue;
                }
                self.under_way[at] = None; // closes it
                if left > 0 {
                    left -= 1;
                    self.begin(at)?;
                } else {
                    open -= 1;
                }
            }
            self.events.reserve(AT_ONCE);
        }
        Ok(())
    }

    fn begin(&mut self, at: usize) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        match connect(&socket, &self.server) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let watched = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(&self.epoll, &socket, EventData::new_u64(at as u64), watched)?;
        self.under_way[at] = Some(UnderWay {
            socket,
            sent: false,
            received: 0,
        });
        Ok(())
    }
}

impl UnderWay {
    /// True when the answer is complete.
    fn proceed(&mut self, flags: EventFlags) -> io::Result<bool> {
        if flags.contains(EventFlags::OUT) && !self.sent {
            send(&self.socket, &MESSAGE, SendFlags::NOSIGNAL)?;
            self.sent = true;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::ERR | EventFlags::HUP) {
            return Ok(false);
        }
        match recv(&self.socket, &mut [0; 128], RecvFlags::empty()) {
            Ok((_, 0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, count)) => {
                self.received += count;
                Ok(self.received >= MESSAGE.len())
            }
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
