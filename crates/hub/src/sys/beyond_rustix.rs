//! Linux: system calls that rustix 1.1 has no safe form of, made safe here.
//!
//! They are here and not in net because `unsafe` stays in a few files of the hub (decision 0097). None of
//! them passes the gate: their callers do, as for every other call.

use std::ffi::{c_int, c_uint};
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::Received;

/// How many datagrams one [`recv_many`] takes at most.
pub const RECV_AT_ONCE: usize = 64;

/// The size of `sockaddr_in6`, the longest address that a UDP socket tells.
const NAME: usize = size_of::<libc::sockaddr_in6>();

/// Receives the datagrams that have arrived, one system call for all of them (`recvmmsg`): each goes to the
/// next `size` bytes of `room`, and `each` hears of it. At most [`RECV_AT_ONCE`], and as many as there is room
/// for. Never waits. Returns how many.
///
/// # Errors
/// The kernel's: `WouldBlock` when nothing has arrived; `InvalidInput` when there is room for none.
pub fn recv_many(
    fd: impl AsFd,
    room: &mut [u8],
    size: usize,
    mut each: impl FnMut(Received),
) -> io::Result<usize> {
    // Only as many as are asked for are made, since most batches are small.
    let mut names = [const { MaybeUninit::<[u8; NAME]>::uninit() }; RECV_AT_ONCE];
    let mut slices = [const { MaybeUninit::<libc::iovec>::uninit() }; RECV_AT_ONCE];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; RECV_AT_ONCE];
    let mut wanted = 0;
    let places = room.chunks_exact_mut(size.max(1));
    let parts = names.iter_mut().zip(&mut slices).zip(&mut headers);
    for (place, ((name, slice), header)) in places.zip(parts) {
        let name = name.write([0; NAME]);
        let slice = slice.write(libc::iovec {
            iov_base: place.as_mut_ptr().cast(),
            iov_len: place.len(),
        });
        // SAFETY: a C struct of numbers and pointers, for all of which zero is a value.
        let mut one: libc::mmsghdr = unsafe { std::mem::zeroed() };
        one.msg_hdr.msg_name = name.as_mut_ptr().cast();
        one.msg_hdr.msg_namelen = NAME as libc::socklen_t;
        one.msg_hdr.msg_iov = slice;
        one.msg_hdr.msg_iovlen = 1;
        header.write(one);
        wanted += 1;
    }
    if wanted == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // With MSG_TRUNC the length of a datagram is told as it was before it was cut.
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: the first `wanted` headers were written above; each points to its own name and its own slice, and
    // that to its own part of `room`, which nobody else sees while we hold it. None of them moves before the
    // call is over. A descriptor that is no socket is an error, no harm.
    let got = unsafe {
        libc::recvmmsg(
            fd.as_fd().as_raw_fd(),
            headers.as_mut_ptr().cast(),
            wanted as c_uint,
            flags as _,
            std::ptr::null_mut(),
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (name, header) in names.iter().zip(&headers).take(got.min(wanted)) {
        // SAFETY: no more than `wanted` are looked at, and those were written above.
        let (name, header) = unsafe { (name.assume_init_ref(), header.assume_init_ref()) };
        each(Received {
            len: header.msg_len as usize,
            cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            from: address(name, header.msg_hdr.msg_namelen as usize),
        });
    }
    Ok(got)
}

/// What the kernel wrote as `sockaddr_in` or `sockaddr_in6`.
fn address(name: &[u8; NAME], len: usize) -> Option<SocketAddr> {
    let part = |from: usize| -> [u8; 4] { std::array::from_fn(|i| name[from + i]) };
    let family = c_int::from(u16::from_ne_bytes([name[0], name[1]]));
    let port = u16::from_be_bytes([name[2], name[3]]);
    if family == libc::AF_INET && len >= size_of::<libc::sockaddr_in>() {
        return Some((Ipv4Addr::from(part(4)), port).into());
    }
    if family == libc::AF_INET6 && len >= NAME {
        let ip: [u8; 16] = std::array::from_fn(|i| name[8 + i]);
        let (flow, scope) = (u32::from_ne_bytes(part(4)), u32::from_ne_bytes(part(24)));
        return Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, flow, scope).into());
    }
    None
}

/// How many connections of a listener may be under way whose first bytes came with the first packet
/// (`TCP_FASTOPEN`, RFC 7413). Zero is none. To be set before or after `listen`.
///
/// # Errors
/// The kernel's.
pub fn set_fast_open_queue(fd: impl AsFd, length: u32) -> io::Result<()> {
    let length = c_int::try_from(length).unwrap_or(c_int::MAX);
    set_tcp_option(fd.as_fd(), libc::TCP_FASTOPEN, length)
}

/// Whether `connect` waits for the first bytes that are sent, to send them along (`TCP_FASTOPEN_CONNECT`).
///
/// # Errors
/// The kernel's: `EOPNOTSUPP` when it is switched off for the machine.
pub fn set_fast_open_connect(fd: impl AsFd, on: bool) -> io::Result<()> {
    set_tcp_option(fd.as_fd(), libc::TCP_FASTOPEN_CONNECT, on.into())
}

fn set_tcp_option(fd: BorrowedFd<'_>, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the kernel reads one `c_int` from the address of `value`, which lives until the call is over, and
    // is told that this is its size. An option or a descriptor it does not know is an error, no harm.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let mut name = [0; NAME];
        name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        name[2..8].copy_from_slice(&[0x1f, 0x90, 127, 0, 0, 1]);
        let from = address(&name, 16);
        assert_eq!(from, Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(address(&name, 8), None);

        name[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
        name[4..].fill(0);
        name[23] = 1;
        name[24..].copy_from_slice(&7_u32.to_ne_bytes());
        let from = address(&name, NAME);
        assert_eq!(from, Some("[::1%7]:8080".parse().unwrap()));
        assert_eq!(address(&name, 16), None);
        assert_eq!(address(&[0; NAME], NAME), None);
    }
}
