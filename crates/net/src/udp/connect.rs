//! Fixing a UDP socket's peer.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use evlet_hub::sys::CallKind;

use crate::addr::ToAddr;
use crate::connect_error::ConnectError;
use crate::descriptor;
use crate::resolve::{ResolveAddr, resolve_addr};
use crate::socket::Handle;
use crate::tries::Try;

/// Future of [`UdpSocket::connect`](crate::UdpSocket::connect).
#[must_use = "the peer is fixed when this is awaited"]
pub struct ConnectUdp<'a> {
    handle: &'a Handle,
    given: String,
    resolving: ResolveAddr,
}

impl<'a> ConnectUdp<'a> {
    #[track_caller]
    pub(super) fn new(handle: &'a Handle, addr: impl ToAddr) -> Self {
        let given = addr
            .to_addr()
            .map_or(String::new(), |addr| addr.to_string());
        ConnectUdp {
            handle,
            given,
            resolving: resolve_addr(addr),
        }
    }
}

impl Future for ConnectUdp<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let addrs = ready!(Pin::new(&mut self.resolving).poll(cx))?;
        let fd = self.handle.fd();
        let mut tries = Vec::new();
        for addr in addrs {
            let connected = descriptor::again(CallKind::Connect, Some(fd), || {
                rustix::net::connect(fd, &addr)
            });
            match connected {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(error) => tries.push(Try { addr, error }),
            }
        }
        let given = std::mem::take(&mut self.given);
        Poll::Ready(Err(ConnectError::new(given, tries).into()))
    }
}

impl fmt::Debug for ConnectUdp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectUdp")
            .field("to", &self.given)
            .field("resolving", &self.resolving)
            .finish()
    }
}
