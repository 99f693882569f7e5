//! Why no connection was made, and what to do about it.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use crate::tries::{Tries, Try, telling};

/// No address led to a connection.
///
/// It comes inside an [`io::Error`] that keeps the kind of the most telling try:
///
/// ```
/// use evlet_net::{ConnectError, connect, listen};
/// evlet_hub::run(async {
///     let free = listen("127.0.0.9:0")?.local_addr()?; // and closed again
///     let error = connect(free).await.unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
///
///     let inside = error.get_ref().unwrap().downcast_ref::<ConnectError>().unwrap();
///     assert_eq!(inside.tries()[0].addr(), free);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ConnectError {
    addr: String,
    tries: Vec<Try>,
    limit: Option<Duration>,
}

impl ConnectError {
    pub(crate) fn new(addr: String, tries: Vec<Try>) -> Self {
        ConnectError {
            addr,
            tries,
            limit: None,
        }
    }

    pub(crate) fn timed_out(addr: String, limit: Duration, tries: Vec<Try>) -> Self {
        ConnectError {
            addr,
            tries,
            limit: Some(limit),
        }
    }

    /// The address as it was given.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// The limit of [`ConnectOptions::timeout`](crate::ConnectOptions::timeout), if that ended it.
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    fn kind(&self) -> io::ErrorKind {
        match self.limit {
            Some(_) => io::ErrorKind::TimedOut,
            None => telling(&self.tries),
        }
    }

    /// Every address that was tried, in order.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tries = Tries {
            given: &self.addr,
            tries: &self.tries,
        };
        write!(f, "cannot connect to {}", self.addr)?;
        match (self.limit, self.tries.is_empty()) {
            (Some(limit), true) => {
                write!(f, " within {limit:?}: its name was still being looked up")?;
                return Ok(());
            }
            (Some(limit), false) => write!(f, " within {limit:?}: {tries}")?,
            (None, _) => write!(f, ": {tries}")?,
        }
        match advice(self.kind()) {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.tries.last().map(|one| &one.error as _)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        io::Error::new(error.kind(), error)
    }
}

fn advice(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind::*;
    Some(match kind {
        ConnectionRefused => "Nothing listens there: is the server up, and is the port right?",
        TimedOut => "Nobody answers: is the host up, and does a firewall drop the packets?",
        NetworkUnreachable | HostUnreachable => {
            "There is no way there from here: check this machine's network and routes"
        }
        PermissionDenied => "A firewall rule on this machine, or a broadcast address, forbids it",
        AddrNotAvailable => {
            "No local address or port is free for it: check the address to connect from, and \
             how many connections are open already"
        }
        AddrInUse => "The address to connect from is in use: give port 0 to take any",
        _ => return None,
    })
}
