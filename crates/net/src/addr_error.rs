//! What is wrong with an address that could not be read.

use std::error::Error;
use std::net::Ipv6Addr;
use std::{fmt, io};

/// An address that could not be read. It quotes the text and says what was expected.
///
/// As an [`io::Error`] it has the kind [`InvalidInput`](io::ErrorKind::InvalidInput).
///
/// ```
/// use evlet_net::{AddrProblem, ToAddr};
/// let error = "localhost".to_addr().unwrap_err();
/// assert_eq!(error.problem(), AddrProblem::NoPort);
/// assert_eq!(error.text(), "localhost");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddrError {
    text: String,
    problem: AddrProblem,
}

/// The mistakes that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddrProblem {
    /// The text is empty.
    Empty,
    /// A list without an address.
    NoAddress,
    /// There is no port.
    NoPort,
    /// The port is not a number from 0 to 65535.
    BadPort,
    /// A URL was given.
    Url,
    /// An IPv6 address without brackets and without a port.
    BareV6,
    /// Too many colons, and not an IPv6 address.
    Colons,
    /// Brackets that do not hold an IPv6 address, or with something odd behind them.
    Brackets,
    /// Numbers and dots that are not an IPv4 address.
    BadV4,
    /// Not a possible host name.
    BadName,
    /// A name with letters outside ASCII.
    NotAscii,
    /// "Every address of this machine", where one peer or one name is needed.
    NoHost,
    /// A name, where only a numeric address can be used.
    NotNumeric,
}

impl AddrError {
    pub(crate) fn new(text: &str, problem: AddrProblem) -> Self {
        AddrError {
            text: text.to_owned(),
            problem,
        }
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it.
    pub fn problem(&self) -> AddrProblem {
        self.problem
    }
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Quoted(&self.text);
        match self.problem {
            AddrProblem::Empty => {
                write!(
                    f,
                    "the address is empty: expected host:port, as in localhost:8080"
                )
            }
            AddrProblem::NoAddress => {
                write!(f, "the list of addresses is empty: give at least one")
            }
            AddrProblem::NoPort => write!(
                f,
                "{text} has no port: expected host:port, as in localhost:8080 or [::1]:8080"
            ),
            AddrProblem::BadPort => {
                write!(f, "{text}: the port must be a number from 0 to 65535")
            }
            AddrProblem::Url => write!(
                f,
                "{text} looks like a URL: expected only its host and port, as in example.com:80"
            ),
            AddrProblem::BareV6 => write!(
                f,
                "{text} is an IPv6 address, and whether it ends in a port nobody can tell: \
                 write {}",
                BracketGuess(&self.text)
            ),
            AddrProblem::Colons => write!(
                f,
                "{text} has too many colons: expected host:port; an IPv6 address goes in \
                 brackets, as in [::1]:8080"
            ),
            AddrProblem::Brackets => write!(
                f,
                "{text}: brackets hold an IPv6 address and a port follows them, as in [::1]:8080"
            ),
            AddrProblem::BadV4 => write!(
                f,
                "{text} is not an IPv4 address: expected four numbers from 0 to 255, as in \
                 127.0.0.1:8080"
            ),
            AddrProblem::BadName => write!(
                f,
                "{text} is not a host name: expected letters, digits, hyphens and dots, at most \
                 253 in all and 63 between two dots"
            ),
            AddrProblem::NotAscii => write!(
                f,
                "{text} has letters outside ASCII: give the name in its xn-- form"
            ),
            AddrProblem::NoHost => write!(
                f,
                "{text} names no host: give the one to talk to, as in localhost:8080"
            ),
            AddrProblem::NotNumeric => write!(
                f,
                "{text} is a name, and this call never asks for names: call resolve() or \
                 resolve_addr() first and give it a result, or write the numeric address"
            ),
        }
    }
}

impl Error for AddrError {}

impl From<AddrError> for io::Error {
    fn from(error: AddrError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

const SHOWN: usize = 100;

/// Text from outside inside a message: control characters made visible, length bounded.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN) {
            None => write!(f, "{:?}", self.0),
            Some((cut, _)) => {
                write!(f, "{:?}… ({} bytes)", &self.0[..cut], self.0.len())
            }
        }
    }
}

/// How to write an IPv6 address whose last group may have been meant as a port. The text was read
/// as an IPv6 address before: it is short and has nothing odd in it.
struct BracketGuess<'a>(&'a str);

impl fmt::Display for BracketGuess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        if let Some((host, port)) = text.rsplit_once(':')
            && host.parse::<Ipv6Addr>().is_ok()
            && port.parse::<u16>().is_ok()
        {
            write!(f, "[{host}]:{port} or ")?;
        }
        write!(f, "[{text}]:PORT")
    }
}
