//! A loop over epoll, written by hand for one purpose: what a server costs when nothing stands between it and
//! the kernel.
//!
//! No executor, no tasks, no wakers: a connection is a descriptor, and what could not be sent. One buffer
//! serves all. Descriptors are registered once, edge-triggered; a short read is taken for the last one unless
//! the peer has closed.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};

use crate::net::{Servers, Serving, announce};

pub(crate) const SERVERS: Servers = Servers {
    echo,
    keeping: None,
    tls: None,
};

const LISTENER: u64 = u64::MAX;

fn echo(buffer: usize) -> Serving {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    sockopt::set_tcp_nodelay(&listener, true)?; // accepted ones inherit it
    announce(listener.local_addr()?)?;
    Loop {
        epoll: epoll::create(CreateFlags::CLOEXEC)?,
        connections: Vec::new(),
        free: Vec::new(),
        buffer: vec![0; buffer],
    }
    .run(&listener)
}

#[derive(Debug)]
struct Loop {
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    /// What the peer does not take yet; nothing is read before it does.
    unsent: Vec<u8>,
}

impl Loop {
    fn run(mut self, listener: &TcpListener) -> Serving {
        let watched = EventFlags::IN | EventFlags::ET;
        epoll::add(&self.epoll, listener, EventData::new_u64(LISTENER), watched)?;
        let mut events: Vec<Event> = Vec::with_capacity(1024);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept(listener)?,
                    at => self.ready(at as usize, event.flags),
                }
            }
        }
    }

    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match accept_with(listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::CONNABORTED | Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let at = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let watched = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &socket, EventData::new_u64(at as u64), watched)?;
            self.connections[at] = Some(Connection {
                socket,
                unsent: Vec::new(),
            });
        }
    }

    fn ready(&mut self, at: usize, flags: EventFlags) {
        let Some(connection) = &mut self.connections[at] else {
            return;
        };
        let closing = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if connection
            .echo(&mut self.buffer, flags.intersects(closing))
            .is_err()
        {
            self.connections[at] = None; // closes it
            self.free.push(at);
        }
    }
}

impl Connection {
    /// Sends back what is there. An error means that the connection has ended, in whatever way.
    fn echo(&mut self, buffer: &mut [u8], closing: bool) -> rustix::io::Result<()> {
        if !self.unsent.is_empty() {
            let sent = sent(&self.socket, &self.unsent)?;
            self.unsent.drain(..sent);
            if !self.unsent.is_empty() {
                return Ok(());
            }
        }
        loop {
            let count = match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((_, 0)) => return Err(Errno::PIPE),
                Ok((_, count)) => count,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            };
            let sent = sent(&self.socket, &buffer[..count])?;
            if sent < count {
                self.unsent.extend_from_slice(&buffer[sent..count]);
                return Ok(());
            }
            if count < buffer.len() && !closing {
                return Ok(());
            }
        }
    }
}

/// How much the peer takes now.
fn sent(socket: impl AsFd, bytes: &[u8]) -> rustix::io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match send(&socket, &bytes[sent..], SendFlags::NOSIGNAL) {
            Ok(count) => sent += count,
            Err(Errno::AGAIN) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
