//! Groups of receivers, and everybody at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use evlet_hub::sys::CallKind;
use rustix::net::sockopt;

use super::socket::UdpSocket;
use crate::descriptor;

impl UdpSocket {
    /// Receives what is sent to the multicast group `group` from now on. `interface` is the
    /// number of the network interface to join it on, as `ip link` tells it; 0 leaves the choice
    /// to the kernel, which takes the one with a route to the group.
    ///
    /// # Errors
    /// `InvalidInput` when `group` is no multicast address; the kernel's: "no such device" when it
    /// finds no interface, `AddrInUse` when the socket has joined already.
    ///
    /// ```
    /// # use evlet_net::UdpSocket;
    /// evlet_hub::run(async {
    ///     let socket = UdpSocket::bind("0.0.0.0:0")?;
    ///     let error = socket.join_multicast("10.0.0.1".parse().unwrap(), 0).unwrap_err();
    ///     assert!(error.to_string().contains("10.0.0.1"));
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast(&self, group: IpAddr, interface: u32) -> io::Result<()> {
        check(group)?;
        let fd = self.fd();
        descriptor::again(CallKind::SetOption, Some(fd), || match group {
            IpAddr::V4(group) => {
                let index = interface;
                let any = Ipv4Addr::UNSPECIFIED;
                v4_with_index::join(fd, &group, &any, index)
            }
            IpAddr::V6(group) => sockopt::set_ipv6_add_membership(fd, &group, interface),
        })
    }

    /// Receives nothing from the multicast group `group` any more. `interface` is what was given
    /// to [`join_multicast`](Self::join_multicast).
    ///
    /// # Errors
    /// `InvalidInput` when `group` is no multicast address; the kernel's, `AddrNotAvailable` when
    /// the socket has not joined.
    pub fn leave_multicast(&self, group: IpAddr, interface: u32) -> io::Result<()> {
        check(group)?;
        let fd = self.fd();
        descriptor::again(CallKind::SetOption, Some(fd), || match group {
            IpAddr::V4(group) => {
                let index = interface;
                let any = Ipv4Addr::UNSPECIFIED;
                v4_with_index::leave(fd, &group, &any, index)
            }
            IpAddr::V6(group) => sockopt::set_ipv6_drop_membership(fd, &group, interface),
        })
    }

    /// The interface through which it sends to multicast groups, by its number; 0 gives the choice
    /// back to the kernel.
    ///
    /// # Errors
    /// The kernel's, when there is no such interface.
    pub fn set_multicast_interface(&self, interface: u32) -> io::Result<()> {
        let (fd, v6) = (self.fd(), self.is_v6()?);
        descriptor::again(CallKind::SetOption, Some(fd), || match v6 {
            true => sockopt::set_ipv6_multicast_if(fd, interface),
            false => v4_with_index::send_through(fd, interface),
        })
    }

    /// How many routers may pass on what this sends to multicast groups: 1 unless set, which is
    /// this network only. (`IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`.)
    ///
    /// # Errors
    /// The kernel's: it takes 0 to 255.
    pub fn set_multicast_ttl(&self, hops: u32) -> io::Result<()> {
        let (fd, v6) = (self.fd(), self.is_v6()?);
        descriptor::again(CallKind::SetOption, Some(fd), || match v6 {
            true => sockopt::set_ipv6_multicast_hops(fd, hops),
            false => sockopt::set_ip_multicast_ttl(fd, hops),
        })
    }

    /// How many routers may pass on what this sends to multicast groups.
    ///
    /// # Errors
    /// The kernel's.
    pub fn multicast_ttl(&self) -> io::Result<u32> {
        Ok(match self.is_v6()? {
            true => sockopt::ipv6_multicast_hops(self.fd())?,
            false => sockopt::ip_multicast_ttl(self.fd())?,
        })
    }

    /// Whether what this sends to multicast groups comes back to receivers on this machine. On
    /// unless set.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_multicast_loop(&self, on: bool) -> io::Result<()> {
        let (fd, v6) = (self.fd(), self.is_v6()?);
        descriptor::again(CallKind::SetOption, Some(fd), || match v6 {
            true => sockopt::set_ipv6_multicast_loop(fd, on),
            false => sockopt::set_ip_multicast_loop(fd, on),
        })
    }

    /// Whether what this sends to multicast groups comes back to receivers on this machine.
    ///
    /// # Errors
    /// The kernel's.
    pub fn multicast_loop(&self) -> io::Result<bool> {
        Ok(match self.is_v6()? {
            true => sockopt::ipv6_multicast_loop(self.fd())?,
            false => sockopt::ip_multicast_loop(self.fd())?,
        })
    }

    /// Whether it may send to a broadcast address. Off unless set: `PermissionDenied` then.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        let fd = self.fd();
        descriptor::again(CallKind::SetOption, Some(fd), || {
            sockopt::set_socket_broadcast(fd, on)
        })
    }

    /// Whether it may send to a broadcast address.
    ///
    /// # Errors
    /// The kernel's.
    pub fn broadcast(&self) -> io::Result<bool> {
        Ok(sockopt::socket_broadcast(self.fd())?)
    }

    /// How many routers may pass on what this sends to a single address: 64 on most systems.
    ///
    /// # Errors
    /// The kernel's: it takes 1 to 255.
    pub fn set_ttl(&self, hops: u8) -> io::Result<()> {
        let (fd, v6) = (self.fd(), self.is_v6()?);
        descriptor::again(CallKind::SetOption, Some(fd), || match v6 {
            true => sockopt::set_ipv6_unicast_hops(fd, Some(hops)),
            false => sockopt::set_ip_ttl(fd, hops.into()),
        })
    }

    /// How many routers may pass on what this sends to a single address.
    ///
    /// # Errors
    /// The kernel's.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(match self.is_v6()? {
            true => sockopt::ipv6_unicast_hops(self.fd())?.into(),
            false => sockopt::ip_ttl(self.fd())?,
        })
    }

    fn is_v6(&self) -> io::Result<bool> {
        Ok(self.local_addr()?.is_ipv6())
    }
}

fn check(group: IpAddr) -> io::Result<()> {
    match group.is_multicast() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{group} is no multicast address: those are 224.0.0.0 to 239.255.255.255, and all \
                 that begin with ff in IPv6"
            ),
        )),
    }
}

/// Interfaces by number, which not every system offers for IPv4.
mod v4_with_index {
    use super::*;
    use std::os::fd::OwnedFd;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn join(
        fd: &OwnedFd,
        group: &Ipv4Addr,
        any: &Ipv4Addr,
        index: u32,
    ) -> rustix::io::Result<()> {
        sockopt::set_ip_add_membership_with_ifindex(fd, group, any, index)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn leave(
        fd: &OwnedFd,
        group: &Ipv4Addr,
        any: &Ipv4Addr,
        index: u32,
    ) -> rustix::io::Result<()> {
        sockopt::set_ip_drop_membership_with_ifindex(fd, group, any, index)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn send_through(fd: &OwnedFd, index: u32) -> rustix::io::Result<()> {
        let any = Ipv4Addr::UNSPECIFIED;
        sockopt::set_ip_multicast_if_with_ifindex(fd, &any, &any, index)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn only_the_kernels_choice(index: u32) -> rustix::io::Result<()> {
        match index {
            0 => Ok(()),
            _ => Err(rustix::io::Errno::OPNOTSUPP),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn join(
        fd: &OwnedFd,
        group: &Ipv4Addr,
        any: &Ipv4Addr,
        index: u32,
    ) -> rustix::io::Result<()> {
        only_the_kernels_choice(index)?;
        sockopt::set_ip_add_membership(fd, group, any)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn leave(
        fd: &OwnedFd,
        group: &Ipv4Addr,
        any: &Ipv4Addr,
        index: u32,
    ) -> rustix::io::Result<()> {
        only_the_kernels_choice(index)?;
        sockopt::set_ip_drop_membership(fd, group, any)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn send_through(fd: &OwnedFd, index: u32) -> rustix::io::Result<()> {
        only_the_kernels_choice(index)?;
        sockopt::set_ip_multicast_if(fd, &Ipv4Addr::UNSPECIFIED)
    }
}
