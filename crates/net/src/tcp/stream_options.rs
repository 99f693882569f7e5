//! What can be set on a connection.

use std::io;
use std::time::Duration;

use evlet_hub::sys::CallKind;
use rustix::net::sockopt;

use super::keep_alive::{self, KeepAlive};
use super::socket_options::user_timeout;
use crate::descriptor;
use crate::tcp_stream::TcpStream;

impl TcpStream {
    /// Whether the kernel asks a silent peer if it is still there, and how often: see
    /// [`KeepAlive`]. Off (`None`) unless set here or in [`ListenOptions`](crate::ListenOptions)
    /// or [`ConnectOptions`](crate::ConnectOptions).
    ///
    /// # Errors
    /// The kernel's: Linux takes up to 32,767 seconds, and 127 questions.
    pub fn set_keep_alive(&self, keep_alive: impl Into<Option<KeepAlive>>) -> io::Result<()> {
        let (fd, keep_alive) = (self.handle.fd(), keep_alive.into());
        descriptor::again(CallKind::SetOption, Some(fd), || {
            keep_alive::set(fd, keep_alive)
        })
    }

    /// What was set with [`set_keep_alive`](Self::set_keep_alive).
    ///
    /// # Errors
    /// The kernel's.
    pub fn keep_alive(&self) -> io::Result<Option<KeepAlive>> {
        keep_alive::get(self.handle.fd())
    }

    /// How long what was sent may go without the peer's acknowledgement until the kernel gives the
    /// connection up with `TimedOut` (`TCP_USER_TIMEOUT`). `None` is the system's choice, a quarter
    /// of an hour and more. It counts in milliseconds.
    ///
    /// # Errors
    /// [`UnsupportedOption`](crate::UnsupportedOption) on other systems than Linux; `InvalidInput`
    /// above 49 days.
    pub fn set_user_timeout(&self, limit: impl Into<Option<Duration>>) -> io::Result<()> {
        user_timeout::set(self.handle.fd(), limit.into())
    }

    /// What was set with [`set_user_timeout`](Self::set_user_timeout).
    ///
    /// # Errors
    /// The kernel's.
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        user_timeout::get(self.handle.fd())
    }

    /// What closing does with bytes that are not sent yet. `None`, the default: the kernel sends
    /// them in its own time. Zero: they are thrown away and the peer gets a reset. A positive time,
    /// in whole seconds, rounded up: closing takes until the peer's kernel has them, that long at
    /// the most.
    ///
    /// The hub is never held: the peer gets its end of stream when the stream is dropped, as ever,
    /// and a thread of [`evlet_green::tpool`] does the closing. Four are closed at a time, so that peers who never read cannot take all threads;
    /// others stand in line. Where no thread takes it (a pool without threads, a full queue, no
    /// descriptor left for a copy) the descriptor is closed at once, as without the option, and the
    /// operator is told. When the process exits the kernel does not wait:
    /// [`tpool::shutdown`](evlet_green::tpool::shutdown) does.
    ///
    /// Nobody learns from it whether the peer has read what was sent. To know that, shut down the
    /// writing and read to the end, under a limit.
    ///
    /// # Errors
    /// `InvalidInput` above 68 years; the kernel's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use evlet_net::{connect, listen};
    /// evlet_hub::run(async {
    ///     let listener = listen("127.0.0.1:0")?;
    ///     let stream = connect(listener.local_addr()?).await?;
    ///     stream.set_linger(Duration::from_secs(5))?;
    ///     stream.send_all(b"goodbye").await?;
    ///     drop(stream); // does not wait
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_linger(&self, limit: impl Into<Option<Duration>>) -> io::Result<()> {
        let (fd, limit) = (self.handle.fd(), limit.into());
        descriptor::again(CallKind::SetOption, Some(fd), || {
            sockopt::set_socket_linger(fd, limit)
        })?;
        self.handle
            .closes_elsewhere(limit.is_some_and(|limit| !limit.is_zero()));
        Ok(())
    }

    /// What was set with [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// The kernel's.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(sockopt::socket_linger(self.handle.fd())?)
    }

    /// The size of the kernel's buffer for what has arrived, in bytes. Unless set, Linux lets it
    /// grow and shrink by itself; set it in [`ConnectOptions`](crate::ConnectOptions) or
    /// [`ListenOptions`](crate::ListenOptions) to have it in effect from the first byte.
    ///
    /// # Errors
    /// The kernel's. More than its upper limit is no error: the limit is taken.
    pub fn set_recv_buffer(&self, bytes: usize) -> io::Result<()> {
        let fd = self.handle.fd();
        descriptor::again(CallKind::SetOption, Some(fd), || {
            sockopt::set_socket_recv_buffer_size(fd, bytes)
        })
    }

    /// The size of the kernel's buffer for what has arrived, as the kernel counts it: Linux takes
    /// twice what was asked for, for its own books.
    ///
    /// # Errors
    /// The kernel's.
    pub fn recv_buffer(&self) -> io::Result<usize> {
        Ok(sockopt::socket_recv_buffer_size(self.handle.fd())?)
    }

    /// The size of the kernel's buffer for what is to be sent, in bytes.
    ///
    /// # Errors
    /// As for [`set_recv_buffer`](Self::set_recv_buffer).
    pub fn set_send_buffer(&self, bytes: usize) -> io::Result<()> {
        let fd = self.handle.fd();
        descriptor::again(CallKind::SetOption, Some(fd), || {
            sockopt::set_socket_send_buffer_size(fd, bytes)
        })
    }

    /// The size of the kernel's buffer for what is to be sent, as the kernel counts it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send_buffer(&self) -> io::Result<usize> {
        Ok(sockopt::socket_send_buffer_size(self.handle.fd())?)
    }

    /// How many routers may pass its packets on: 64 on most systems.
    ///
    /// # Errors
    /// The kernel's: it takes 1 to 255.
    pub fn set_ttl(&self, hops: u8) -> io::Result<()> {
        let (fd, v6) = (self.handle.fd(), self.local_addr()?.is_ipv6());
        descriptor::again(CallKind::SetOption, Some(fd), || match v6 {
            true => sockopt::set_ipv6_unicast_hops(fd, Some(hops)),
            false => sockopt::set_ip_ttl(fd, hops.into()),
        })
    }

    /// How many routers may pass its packets on.
    ///
    /// # Errors
    /// The kernel's.
    pub fn ttl(&self) -> io::Result<u32> {
        let fd = self.handle.fd();
        Ok(match self.local_addr()?.is_ipv6() {
            true => sockopt::ipv6_unicast_hops(fd)?.into(),
            false => sockopt::ip_ttl(fd)?,
        })
    }
}
