//! The list of contestants.
//!
//! Each has an adapter in `contestants/NAME/`: `mod.rs` for the scenarios without sockets, `net.rs` for those
//! with. What is not compiled in (feature `peers`) is not in the list.

use std::process::Command;

use crate::contestants;
use crate::measure::{Absent, Outcome};
use crate::micro;
use crate::net::Servers;

/// Runs a scenario, named, with so many operations or connections if the caller says so.
pub(crate) type Run = fn(scenario: &str, size: Option<u64>) -> Outcome;

/// The command that makes a contestant of another language `one` (one measurement) or `serve`; what it is to
/// do follows.
pub(crate) type Program = fn(what: &str) -> Result<Command, Absent>;

/// One contestant.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// One line for the report.
    pub(crate) what: &'static str,
    pub(crate) role: Role,
    /// The scenarios without sockets.
    pub(crate) micro: Option<Run>,
    /// Its servers, for those with.
    pub(crate) net: Option<Servers>,
    /// How to start it where it is a program of its own.
    pub(crate) program: Option<Program>,
}

/// Which comparisons a contestant takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// evlet.
    Ours,
    /// A runtime that evlet is to be ahead of.
    Peer,
    /// Shows what is possible; nobody's peer.
    Floor,
}

/// Everybody, in the order of the report's columns.
pub(crate) const ALL: &[Contestant] = &[
    Contestant {
        name: "evlet",
        what: "evlet's hub, the watchdog on",
        role: Role::Ours,
        micro: Some(micro::run::<contestants::evlet::Evlet>),
        net: Some(contestants::evlet::SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "tokio",
        what: "tokio, current_thread, tokio::spawn",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::tokio::Tokio>),
        net: Some(contestants::tokio::SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "tokio-local",
        what: "tokio's LocalRuntime, spawn_local",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::tokio::Tokio<contestants::tokio::Local>>),
        net: Some(contestants::tokio::LOCAL_SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "smol",
        what: "smol's LocalExecutor, async-io",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::smol::Smol>),
        net: Some(contestants::smol::SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "monoio-epoll",
        what: "monoio on epoll, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::monoio::Monoio<contestants::monoio::Epoll>>),
        net: Some(contestants::monoio::EPOLL_SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "monoio-uring",
        what: "monoio on io_uring, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::monoio::Monoio<contestants::monoio::Uring>>),
        net: Some(contestants::monoio::URING_SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "glommio",
        what: "glommio (io_uring)",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::glommio::Glommio>),
        net: Some(contestants::glommio::SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "compio-poll",
        what: "compio on polling, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::compio::Compio<contestants::compio::Polling>>),
        net: Some(contestants::compio::POLLING_SERVERS),
        program: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "compio-uring",
        what: "compio on io_uring, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::compio::Compio<contestants::compio::Uring>>),
        net: Some(contestants::compio::URING_SERVERS),
        program: None,
    },
    Contestant {
        name: "eventlet",
        what: "eventlet (Python): hub on epoll, greenlets",
        role: Role::Peer,
        micro: None,
        net: None,
        program: Some(contestants::programs::eventlet),
    },
    Contestant {
        name: "gevent",
        what: "gevent (Python): libev, greenlets",
        role: Role::Peer,
        micro: None,
        net: None,
        program: Some(contestants::programs::gevent),
    },
    Contestant {
        name: "uvloop",
        what: "asyncio on uvloop (Python)",
        role: Role::Peer,
        micro: None,
        net: None,
        program: Some(contestants::programs::uvloop),
    },
    Contestant {
        name: "go",
        what: "Go, GOMAXPROCS=1",
        role: Role::Peer,
        micro: None,
        net: None,
        program: Some(contestants::programs::go),
    },
    Contestant {
        name: "floor",
        what: "async-task, a VecDeque, Rc primitives, raw epoll",
        role: Role::Floor,
        micro: Some(micro::run::<contestants::floor::Floor>),
        net: None,
        program: None,
    },
    Contestant {
        name: "bare",
        what: "a loop over epoll, written by hand",
        role: Role::Floor,
        micro: None,
        net: Some(contestants::bare::SERVERS),
        program: None,
    },
];

/// The contestant of that name.
pub(crate) fn find(name: &str) -> Option<&'static Contestant> {
    ALL.iter().find(|contestant| contestant.name == name)
}
