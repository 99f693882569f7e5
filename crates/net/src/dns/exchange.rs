//! One question to one server.

use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use evlet_hub::Io;
use evlet_hub::sys::{self, Call, CallKind};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use rustix::net::RecvFlags;

use super::message::{Bad, Query, Reply};
use crate::descriptor;

/// Larger than any datagram that we have said we take.
const DATAGRAM: usize = 4096;

/// So much may come that is not the answer before the server counts as broken: somebody floods us.
const OTHERS: usize = 1000;

/// A number that nobody can foresee.
///
/// Not from the hub's generator: that one is for tests to repeat, and its next number follows from
/// those before. A hash map's keys are the system's own randomness, and a hash under them is one.
pub(super) fn new_id() -> u16 {
    RandomState::new().hash_one(()) as u16
}

/// Asks over UDP, and over TCP when the answer did not fit. Has no limit in time.
pub(super) async fn ask(server: SocketAddr, query: &Query) -> io::Result<Reply> {
    match over_udp(server, query).await? {
        Reply::Truncated => match over_tcp(server, query).await? {
            Reply::Truncated => Err(bad("its answer over TCP is truncated as well")),
            reply => Ok(reply),
        },
        reply => Ok(reply),
    }
}

async fn over_udp(server: SocketAddr, query: &Query) -> io::Result<Reply> {
    let io = Io::new_nonblocking(socket(server)?)?;
    // A socket that has just been made has room.
    descriptor::send(io.get_ref(), &query.bytes)?;
    let mut datagram = [0; DATAGRAM];
    for _ in 0..OTHERS {
        let received = io.read_with(|fd| descriptor::recv(fd, &mut datagram, RecvFlags::empty()));
        let len = received.await?;
        match query.read(&datagram[..len]) {
            Ok(reply) => return Ok(reply),
            Err(Bad::Damaged) => return Err(bad("its answer is damaged")),
            Err(Bad::NotOurs) => {}
        }
    }
    Err(bad("it sends answers that nobody has asked for"))
}

/// A socket of its own for each question: the kernel picks its port at random, and takes nothing
/// from anybody but the server.
fn socket(server: SocketAddr) -> io::Result<OwnedFd> {
    sys::gate(Call::new(CallKind::Socket, -1))?;
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(server)?;
    Ok(OwnedFd::from(socket))
}

/// Two bytes of length, then the message, both ways.
async fn over_tcp(server: SocketAddr, query: &Query) -> io::Result<Reply> {
    let mut stream = crate::connect(server).await?;
    let len = u16::try_from(query.bytes.len()).map_err(io::Error::other)?;
    let mut message = len.to_be_bytes().to_vec();
    message.extend_from_slice(&query.bytes);
    stream.write_all(&message).await?;
    let mut len = [0; 2];
    stream.read_exact(&mut len).await?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut reply).await?;
    // Nobody but the server is at the other end, so what is not ours is its mistake.
    query
        .read(&reply)
        .map_err(|_| bad("its answer over TCP is to another question, or damaged"))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Gives the others a turn: between two servers that both fail at once.
pub(super) async fn turn() {
    poll_fn(evlet_hub::wait::poll_budget).await;
}
