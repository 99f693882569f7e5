//! Finding out that a silent peer is gone.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;

/// When the kernel asks a silent peer whether it is still there, and when it gives it up: the
/// connection ends with `TimedOut` then. The kernel counts in whole seconds; what is between is
/// rounded up.
///
/// ```
/// use std::time::Duration;
/// use evlet_net::{KeepAlive, connect, listen};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let stream = connect(listener.local_addr()?).await?;
///     assert_eq!(stream.keep_alive()?, None);
///     let often = KeepAlive {
///         idle: Duration::from_secs(20),
///         ..KeepAlive::default()
///     };
///     stream.set_keep_alive(often)?;
///     assert_eq!(stream.keep_alive()?, Some(often));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// After how long a silence it asks first: a minute by default.
    pub idle: Duration,
    /// How long after that it asks again: ten seconds by default.
    pub interval: Duration,
    /// How many questions without an answer end the connection: six by default.
    pub count: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        KeepAlive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 6,
        }
    }
}

/// Zero counts as the shortest that the kernel knows.
pub(super) fn set(fd: &OwnedFd, keep_alive: Option<KeepAlive>) -> rustix::io::Result<()> {
    if let Some(KeepAlive {
        idle,
        interval,
        count,
    }) = keep_alive
    {
        const LEAST: Duration = Duration::from_secs(1);
        sockopt::set_tcp_keepidle(fd, idle.max(LEAST))?;
        sockopt::set_tcp_keepintvl(fd, interval.max(LEAST))?;
        sockopt::set_tcp_keepcnt(fd, count.max(1))?;
    }
    sockopt::set_socket_keepalive(fd, keep_alive.is_some())
}

pub(super) fn get(fd: &OwnedFd) -> io::Result<Option<KeepAlive>> {
    if !sockopt::socket_keepalive(fd)? {
        return Ok(None);
    }
    Ok(Some(KeepAlive {
        idle: sockopt::tcp_keepidle(fd)?,
        interval: sockopt::tcp_keepintvl(fd)?,
        count: sockopt::tcp_keepcnt(fd)?,
    }))
}
