//! Messages to and fro: every connection sends one, waits until all of it has come back, sends the next.
//!
//! A loop over epoll without a runtime, so that it is nobody's home ground: sockets registered once,
//! edge-triggered, a short read taken for the last one.
//!
//! It never sleeps. A load that does is woken by the server's answers whenever the server is the slower of
//! both, and the server pays for that: half a microsecond a message, on a cliff that a server of 4.6 µs
//! does not reach and one of 4.9 falls from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send,
    socket_with, sockopt,
};

/// Connections that are opened before their first messages are waited for: fewer than any backlog.
const AT_ONCE: usize = 64;
/// Of one source address, well below the number of ports it has to lend.
const CONNECTIONS_OF_ADDRESS: usize = 20_000;
/// When nothing comes back for so long, the server is taken for dead.
const PATIENCE: Duration = Duration::from_secs(20);
const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Open connections and one message for all of them.
pub(crate) struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    message: Vec<u8>,
    arrived: Vec<u8>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    sent: usize,
    received: usize,
}

impl Load {
    /// Opens connections; each has had its first answer when this returns.
    pub(crate) fn connect(
        server: SocketAddr,
        connections: usize,
        length: usize,
    ) -> io::Result<Load> {
        let mut load = Load {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(connections),
            message: (0..length).map(|at| at as u8).collect(),
            arrived: vec![0; 64 * 1024],
            events: Vec::with_capacity(1024),
        };
        load.add(server, connections)?;
        Ok(load)
    }

    /// Opens `more` connections.
    pub(crate) fn add(&mut self, server: SocketAddr, more: usize) -> io::Result<()> {
        let wanted = self.connections.len() + more;
        while self.connections.len() < wanted {
            let old = self.connections.len();
            for at in old..wanted.min(old + AT_ONCE) {
                let socket = open(server, at)?;
                let watched = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
                epoll::add(&self.epoll, &socket, EventData::new_u64(at as u64), watched)?;
                self.connections.push(Connection::new(socket));
            }
            self.run_on(old, (self.connections.len() - old) as u64)?;
        }
        Ok(())
    }

    /// Sends so many messages, spread over all connections, and waits for every answer.
    pub(crate) fn run(&mut self, messages: u64) -> io::Result<()> {
        self.run_on(0, messages)
    }

    fn run_on(&mut self, first: usize, messages: u64) -> io::Result<()> {
        let (mut left, mut in_flight) = (messages, 0);
        for connection in &mut self.connections[first..] {
            if left == 0 {
                break;
            }
            (left, in_flight) = (left - 1, in_flight + 1);
            connection.begin(&self.message)?;
        }
        while in_flight > 0 {
            self.events.clear();
            self.spin()?;
            if self.events.is_empty() {
                let text = format!("{in_flight} answers did not come");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            for event in &self.events {
                let connection = &mut self.connections[event.data.u64() as usize];
                if !connection.proceed(&self.message, &mut self.arrived)? {
                    continue;
                }
                if left > 0 {
                    left -= 1;
                    connection.begin(&self.message)?;
                } else {
                    in_flight -= 1;
                }
            }
        }
        Ok(())
    }
}

impl Load {
    /// Waits for events without going to sleep.
    fn spin(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while self.events.is_empty() && begun.elapsed() < PATIENCE {
            again(|| epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&NOW)))?;
        }
        Ok(())
    }
}

impl Connection {
    fn new(socket: OwnedFd) -> Connection {
        Connection {
            socket,
            sent: usize::MAX,
            received: usize::MAX,
        }
    }

    fn begin(&mut self, message: &[u8]) -> io::Result<()> {
        (self.sent, self.received) = (0, 0);
        self.send(message)
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        while self.sent < message.len() {
            match send(&self.socket, &message[self.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// True when the last byte of an answer has come.
    fn proceed(&mut self, message: &[u8], arrived: &mut [u8]) -> io::Result<bool> {
        if self.received >= message.len() {
            return Ok(false); // the event of an earlier time
        }
        self.send(message)?;
        loop {
            let (_, count) = match recv(&self.socket, &mut *arrived, RecvFlags::empty()) {
                Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            self.received += count;
            if self.received >= message.len() {
                return Ok(true);
            }
            if count < arrived.len() {
                return Ok(false);
            }
        }
    }
}

/// A connected socket. Addresses of loopback take turns as its source, since each has 28,000 ports.
fn open(server: SocketAddr, at: usize) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    let host = 1 + (at / CONNECTIONS_OF_ADDRESS) as u8;
    if host > 1 {
        // Others load other servers at the same time: these addresses are of this one's.
        let [high, low] = server.port().to_be_bytes();
        let source = Ipv4Addr::new(127, high, low, host);
        bind(&socket, &SocketAddr::V4(SocketAddrV4::new(source, 0)))?;
    }
    connect(&socket, &server)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

/// Repeats a call that a signal interrupted.
pub(crate) fn again<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
