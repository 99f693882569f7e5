//! The list of contestants.
//!
//! Each has an adapter in `contestants/NAME/`: `mod.rs` for the scenarios without sockets, `net.rs` for those
//! with. What is not compiled in (feature `peers`) is not in the list.

use crate::contestants;
use crate::measure::Outcome;
use crate::micro;

/// Runs a scenario, named, with so many operations or connections if the caller says so.
pub(crate) type Run = fn(scenario: &str, size: Option<u64>) -> Outcome;

/// One contestant.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// One line for the report.
    pub(crate) what: &'static str,
    pub(crate) role: Role,
    /// The scenarios without sockets.
    pub(crate) micro: Option<Run>,
    /// Those with.
    pub(crate) net: Option<Run>,
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
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "tokio",
        what: "tokio, current_thread, tokio::spawn",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::tokio::Tokio>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "tokio-local",
        what: "tokio's LocalRuntime, spawn_local",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::tokio::Tokio<contestants::tokio::Local>>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "smol",
        what: "smol's LocalExecutor, async-io",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::smol::Smol>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "monoio-epoll",
        what: "monoio on epoll, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::monoio::Monoio<contestants::monoio::Epoll>>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "monoio-uring",
        what: "monoio on io_uring, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::monoio::Monoio<contestants::monoio::Uring>>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "glommio",
        what: "glommio (io_uring)",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::glommio::Glommio>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "compio-poll",
        what: "compio on polling, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::compio::Compio<contestants::compio::Polling>>),
        net: None,
    },
    #[cfg(feature = "peers")]
    Contestant {
        name: "compio-uring",
        what: "compio on io_uring, local-sync",
        role: Role::Peer,
        micro: Some(micro::run::<contestants::compio::Compio<contestants::compio::Uring>>),
        net: None,
    },
    Contestant {
        name: "floor",
        what: "async-task, a VecDeque, Rc primitives, raw epoll",
        role: Role::Floor,
        micro: Some(micro::run::<contestants::floor::Floor>),
        net: None,
    },
];

/// The contestant of that name.
pub(crate) fn find(name: &str) -> Option<&'static Contestant> {
    ALL.iter().find(|contestant| contestant.name == name)
}
