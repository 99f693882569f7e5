//! Taking them.

use std::fmt;
use std::io;
use std::net::{TcpListener as StdTcp, UdpSocket as StdUdp};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram as StdUnixDatagram, UnixListener as StdUnix};

use listenfd::ListenFd;
use rustix::net::sockopt;

use super::error::InheritError;
use crate::{TcpListener, UdpSocket, UnixDatagram, UnixListener};

/// More than anybody hands over; what is more is a mistake, and would be memory.
const MOST: usize = 1024;

/// The sockets that this program was started with: by systemd (`.socket` units), or by any parent that
/// puts them where systemd does, from descriptor 3 on, and says so with `LISTEN_FDS` (how many),
/// `LISTEN_PID` (for whom; may be left out) and `LISTEN_FDNAMES` (what they are called). They survive a
/// restart: connections wait in the backlog meanwhile.
///
/// A parent that hands one to a child that already runs sends it over a Unix socket:
/// [`UnixStream::send_fds`](crate::UnixStream::send_fds).
///
/// ```no_run
/// use evlet_net::{Inherited, listen, serve};
/// # async fn handle(_: evlet_net::TcpStream, _: std::net::SocketAddr) {}
/// # evlet_hub::run(async {
/// let mut inherited = Inherited::take()?; // at the beginning of the program
/// let listener = match inherited.tcp_named("web")? {
///     Some(listener) => listener,
///     None => listen(":8080")?, // started by hand
/// };
/// serve(listener, handle).await
/// # }).unwrap();
/// ```
///
/// Those that are not asked for are closed when this is dropped.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(String, Socket)>,
}

enum Socket {
    Tcp(StdTcp),
    Unix(StdUnix),
    Udp(StdUdp),
    UnixDatagram(StdUnixDatagram),
}

impl Inherited {
    /// Takes all of them, once in a process: it unsets the variables, so that neither a second call
    /// nor a child takes them for its own. None is fine: most programs are started without.
    ///
    /// Call it at the beginning, before there are other threads: the environment belongs to all of
    /// them, and so do descriptors. All are close-on-exec from then on.
    ///
    /// # Errors
    /// [`InheritError`] inside an [`io::Error`]: a count that cannot be, a descriptor that is not
    /// open, no socket, of an unknown kind, or does not listen. All descriptors are closed then,
    /// except those that are not sockets.
    pub fn take() -> io::Result<Inherited> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        check("LISTEN_FDS", MOST)?;
        check("LISTEN_FDS_FIRST_FD", i32::MAX as usize - MOST)?;
        let mut handed = ListenFd::from_env();
        let mut names = names.split(':');
        let mut sockets = Vec::new();
        let mut bad = None;
        for index in 0..handed.len() {
            // systemd's own word for one without a name.
            let name = names.next().filter(|name| !name.is_empty());
            let name = name.unwrap_or("unknown").to_owned();
            match one(&mut handed, index) {
                Ok(socket) => sockets.push((name, socket)),
                Err(problem) => {
                    bad.get_or_insert(InheritError::BadDescriptor {
                        index,
                        name,
                        problem,
                    });
                }
            }
        }
        match bad {
            Some(bad) => Err(bad.into()),
            None => Ok(Inherited { sockets }),
        }
    }

    /// How many have not been asked for.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none left.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// How those are called that have not been asked for, in the order in which they were handed over.
    /// One without a name is called `unknown`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sockets.iter().map(|(name, _)| name.as_str())
    }

    fn find<T>(
        &mut self,
        name: Option<&str>,
        is: fn(&Socket) -> bool,
        get: fn(Socket) -> Option<T>,
    ) -> Option<T> {
        let fits = |(known, socket): &(String, Socket)| {
            name.is_none_or(|name| name == known) && is(socket)
        };
        let place = self.sockets.iter().position(fits)?;
        get(self.sockets.remove(place).1)
    }
}

/// Asking for one of a kind.
macro_rules! kinds {
    ($($kind:ident, $type:ident, $any:ident, $named:ident, $what:literal;)*) => {
        impl Inherited {
            $(
                #[doc = concat!("The next ", $what, " that was not asked for yet, whatever it is called.")]
                ///
                /// # Errors
                /// Outside a running hub, and when the kernel cannot watch one more descriptor. The
                /// socket is closed then.
                #[track_caller]
                pub fn $any(&mut self) -> io::Result<Option<$type>> {
                    let found = self.find(
                        None,
                        |socket| matches!(socket, Socket::$kind(_)),
                        |socket| match socket { Socket::$kind(found) => Some(found), _ => None },
                    );
                    found.map($type::from_std).transpose()
                }

                #[doc = concat!("The next ", $what, " of this name.")]
                ///
                /// # Errors
                #[doc = concat!("As for [`", stringify!($any), "`](Self::", stringify!($any), ").")]
                #[track_caller]
                pub fn $named(&mut self, name: &str) -> io::Result<Option<$type>> {
                    let found = self.find(
                        Some(name),
                        |socket| matches!(socket, Socket::$kind(_)),
                        |socket| match socket { Socket::$kind(found) => Some(found), _ => None },
                    );
                    found.map($type::from_std).transpose()
                }
            )*
        }
    };
}

kinds! {
    Tcp, TcpListener, tcp, tcp_named, "TCP listener";
    Unix, UnixListener, unix, unix_named, "Unix listener";
    Udp, UdpSocket, udp, udp_named, "UDP socket";
    UnixDatagram, UnixDatagram, unix_datagram, unix_datagram_named, "Unix datagram socket";
}

/// Whether a variable, if it is set, is a number that can be. The library takes any, and sets memory
/// aside by it.
fn check(variable: &'static str, most: usize) -> io::Result<()> {
    let Some(says) = std::env::var_os(variable) else {
        return Ok(());
    };
    let says = says.to_string_lossy().into_owned();
    match says.parse::<usize>() {
        Ok(count) if count <= most => Ok(()),
        _ => Err(InheritError::BadCount(variable, says).into()),
    }
}

/// The library checks that each is a socket and makes it close-on-exec; it hands out owned ones.
fn one(handed: &mut ListenFd, index: usize) -> io::Result<Socket> {
    // It tells a stream of either family from a datagram by the kind that it is asked for.
    if let Ok(Some(tcp)) = handed.take_tcp_listener(index) {
        return listening(tcp).map(Socket::Tcp);
    }
    if let Ok(Some(unix)) = handed.take_unix_listener(index) {
        return listening(unix).map(Socket::Unix);
    }
    if let Ok(Some(udp)) = handed.take_udp_socket(index) {
        return Ok(Socket::Udp(udp));
    }
    match handed.take_unix_datagram(index) {
        Ok(Some(datagram)) => Ok(Socket::UnixDatagram(datagram)),
        Ok(None) => Err(io::Error::other("it was taken already")),
        Err(_) => Err(io::Error::other(
            "it is no socket of TCP, UDP or the Unix kind, or is not open",
        )),
    }
}

fn listening<S: AsFd>(socket: S) -> io::Result<S> {
    match sockopt::socket_acceptconn(&socket)? {
        true => Ok(socket),
        false => Err(io::Error::other("it does not listen")),
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Socket::Tcp(socket) => socket.fmt(f),
            Socket::Unix(socket) => socket.fmt(f),
            Socket::Udp(socket) => socket.fmt(f),
            Socket::UnixDatagram(socket) => socket.fmt(f),
        }
    }
}
