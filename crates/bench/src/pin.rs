//! Which cpu a thread runs on.
//!
//! Whoever is measured runs on cpu 0; what loads it (clients, threads that wake) on the last one. On a
//! machine with one cpu that is the same.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cpu of whoever is measured.
pub(crate) const MEASURED: usize = 0;

/// The cpu of whoever puts load on it.
pub(crate) fn load() -> usize {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    // A child of a pinned process sees one cpu only; where the machine has a second one, it is this.
    if all > 1 { all - 1 } else { 1 }
}

/// Pins the calling thread, and the threads it will start, to `cpu`. Where the system refuses, it stays
/// where it is.
pub(crate) fn to(cpu: usize) -> bool {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).is_ok()
}

/// The cpus that the calling thread may run on.
pub(crate) fn allowed() -> usize {
    sched_getaffinity(None).map_or(1, |set| set.count() as usize)
}
