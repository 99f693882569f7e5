//! Why a listener could not be opened, and what to do about it.

use std::error::Error;
use std::{fmt, io};

use crate::tries::{Tries, Try, telling};

/// No address could be listened on.
///
/// It comes inside an [`io::Error`] that keeps the kind of the most telling try:
///
/// ```
/// use evlet_net::{ListenError, listen};
/// evlet_hub::run(async {
///     let first = listen("127.0.0.1:0")?;
///     let error = listen(first.local_addr()?).unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
///     assert!(error.get_ref().unwrap().is::<ListenError>());
///     assert!(error.to_string().contains(&first.local_addr()?.to_string()));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ListenError {
    addr: String,
    tries: Vec<Try>,
}

impl ListenError {
    pub(crate) fn new(addr: String, tries: Vec<Try>) -> Self {
        ListenError { addr, tries }
    }

    /// The address as it was given.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Every address that was tried, in order.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tries = Tries {
            given: &self.addr,
            tries: &self.tries,
        };
        write!(f, "cannot listen on {}: {tries}", self.addr)?;
        match advice(telling(&self.tries)) {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.tries.last().map(|one| &one.error as _)
    }
}

impl From<ListenError> for io::Error {
    fn from(error: ListenError) -> Self {
        io::Error::new(telling(&error.tries), error)
    }
}

fn advice(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind::*;
    Some(match kind {
        AddrInUse => {
            "Somebody listens there already: stop that program, choose another port (0 takes any \
             that is free), or share it with reuse_port on both sides"
        }
        PermissionDenied => "Ports below 1024 need a privilege: choose a higher one",
        AddrNotAvailable => "This machine has no such address: 0.0.0.0 and [::] are all it has",
        _ => return None,
    })
}
