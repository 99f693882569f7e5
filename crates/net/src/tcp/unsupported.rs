//! An option that this system has not.

use std::error::Error;
use std::{fmt, io};

use rustix::io::Errno;

/// An option of a socket that was asked for and that this system has not, or has switched off.
///
/// It comes inside an [`io::Error`] of the kind [`Unsupported`](io::ErrorKind::Unsupported).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedOption {
    option: &'static str,
    advice: &'static str,
}

impl UnsupportedOption {
    pub(super) const USER_TIMEOUT: UnsupportedOption = UnsupportedOption {
        option: "TCP_USER_TIMEOUT",
        advice: "only Linux has it: limit each operation with set_timeout instead",
    };
    pub(super) const FAST_OPEN_CONNECT: UnsupportedOption = UnsupportedOption {
        option: "TCP_FASTOPEN_CONNECT",
        advice: "only Linux has it, where the first bit of net.ipv4.tcp_fastopen switches it on: \
                 leave fast_open out to connect in the usual way",
    };
    pub(super) const FAST_OPEN: UnsupportedOption = UnsupportedOption {
        option: "TCP_FASTOPEN",
        advice: "only Linux has it: leave fast_open out to listen in the usual way",
    };

    /// Its name, as the system's manual has it.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// Names the option in what the kernel answers to one it has not; other errors stay as they are.
    pub(super) fn name(self, error: io::Error) -> io::Error {
        match Errno::from_io_error(&error) {
            Some(Errno::OPNOTSUPP | Errno::NOPROTOOPT) => self.into(),
            _ => error,
        }
    }
}

impl fmt::Display for UnsupportedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnsupportedOption { option, advice } = self;
        write!(
            f,
            "this system has no {option}, or not switched on; {advice}"
        )
    }
}

impl Error for UnsupportedOption {}

impl From<UnsupportedOption> for io::Error {
    fn from(error: UnsupportedOption) -> Self {
        io::Error::new(io::ErrorKind::Unsupported, error)
    }
}
