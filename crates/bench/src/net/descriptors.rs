//! The limit on descriptors: raised as far as the system lets us.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the largest scenario.
const WANTED: u64 = 200_000;

/// Raises this process's limit, which its children inherit, to [`WANTED`] or as far as it goes; returns it.
pub(crate) fn raise_limit() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let allowed = now.maximum.unwrap_or(WANTED);
    let attempts = [WANTED.max(allowed), allowed];
    for limit in attempts {
        let wanted = Rlimit {
            current: Some(limit.min(WANTED).max(now.current.unwrap_or(0))),
            maximum: Some(limit),
        };
        if setrlimit(Resource::Nofile, wanted).is_ok() {
            return limit;
        }
    }
    now.current.unwrap_or(WANTED)
}
