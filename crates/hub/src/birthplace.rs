//! Which process something was made in.
//!
//! A fork copies a hub, but not what the hub stands on: the kernel's set of descriptors stays one, shared by
//! both processes. What the copy took out of it would be gone for the original. So the copy is
//! refused where it is used, and leaves the set alone where it is dropped (K-7).

use std::process;

/// The process in which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birthplace(u32);

impl Birthplace {
    pub(crate) fn here() -> Self {
        Birthplace(process::id())
    }

    /// A system call, and a cheap one: not for each turn, but for each run, registration's end and handle.
    pub(crate) fn is_here(self) -> bool {
        self.0 == process::id()
    }

    pub(crate) fn id(self) -> u32 {
        self.0
    }
}
