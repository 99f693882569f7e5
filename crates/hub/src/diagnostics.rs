//! Whether the hub keeps what is only there to be told.
//!
//! It always does. To measure what that costs, and for nothing else, the benchmarks build it with
//! `--cfg evlet_diagnostics_off`: then no source line, subject, time or size is written into a slot, and
//! no watchdog is told of a poll. What the hub itself needs (the kind of a wait, for the search for
//! deadlocks; whether one has started, for `cancel`) stays.

/// See the module's page.
pub(crate) const ON: bool = !cfg!(evlet_diagnostics_off);
