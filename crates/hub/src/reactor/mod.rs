//! Descriptors: who is registered, who waits, and how readiness is kept.
//!
//! A descriptor is registered once, for both directions, edge-triggered. From then on readiness is
//! two bits of its source:
//!
//! - A bit is set when the descriptor is registered (nothing is known, so the first operation just
//!   tries) and whenever the kernel reports an edge.
//! - An operation makes its system call while the bit is set, and clears the bit when the kernel
//!   says "would block". Then it waits for the edge.
//! - A short read of a stream means that the kernel's buffer is empty, so the bit is cleared
//!   without asking again ([`Io::drained`](crate::Io::drained)). Not so after a hang-up: the end of
//!   the stream follows, and no edge will announce it. That is why the peer's hang-up is asked for
//!   when the descriptor is registered. Nor with urgent data in a stream, where the kernel ends a read.
//!
//! The hub is one thread: between a "would block" and the note that somebody waits, no edge can
//! slip through. It stays in the kernel until the hub's next wait.
//!
//! A key carries a generation, so an event for a descriptor that has gone never reaches the one
//! that took over its number (C-2).
//!
//! | file | holds |
//! |---|---|
//! | `source` | one registered descriptor: bits, its waiter, its end |
//! | `spot` | all who wait on it |
//! | `waiter` | one who waits on it, and how it is known |
//! | `gone` | why it serves no more |
//! | `place` | where sources stand, and how their users reach them |
//! | `chunks` | which place a descriptor has |
//! | `sources` | all of them: how they come and go |
//! | `driver` | the little a backend has to do; which one is chosen |
//! | `epoll` | Linux: one system call a wait |
//! | `old_wait` | Linux without `epoll_pwait2` |
//! | `portable` | other systems, through `polling` |
//! | `poll` | poll(2), anywhere: what eventlet's `use_hub('poll')` chose |
//! | `parked` | miri: no descriptors at all |
//! | `raw` | the only place that turns a descriptor's number into a borrowed descriptor |

mod chunks;
mod driver;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[cfg_attr(miri, allow(dead_code, reason = "miri waits without descriptors"))]
mod epoll;
mod gone;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[cfg_attr(miri, allow(dead_code, reason = "miri waits without descriptors"))]
#[allow(
    unsafe_code,
    reason = "calls epoll_wait, which no safe crate of ours has"
)]
mod old_wait;
#[cfg(miri)]
mod parked;
mod place;
#[cfg_attr(miri, allow(dead_code, reason = "miri waits without descriptors"))]
mod poll;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod portable;
#[allow(
    unsafe_code,
    reason = "borrows descriptors by number; see the file's page"
)]
mod raw;
mod source;
mod sources;
mod spot;
mod waiter;

pub use driver::Backend;

pub(crate) use driver::Notifier;
pub(crate) use gone::Gone;
pub(crate) use place::{Place, TICKETS};
pub(crate) use raw::borrow;
pub(crate) use sources::Reactor;
pub(crate) use waiter::{Direction, Owner, Waiter};
