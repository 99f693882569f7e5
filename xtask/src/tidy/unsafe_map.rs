//! The one table of files that may say `unsafe`, each with its reason.
//!
//! Everywhere else the compiler forbids it too (`unsafe_code` is denied for the workspace); this
//! table is what makes opening another file a change that a reviewer sees.

use super::Source;
use super::code::{lines_with_word, only_code};
use crate::steps::{Verdict, verdict_of};

/// (file, why it cannot do without).
const ALLOWED: &[(&str, &str)] = &[
    (
        "crates/bench/src/contestants/floor/executor.rs",
        "the floor of the benchmarks: async-task without its checks",
    ),
    (
        "crates/bench/src/contestants/tokio/assert_send.rs",
        "tokio::spawn wants Send of scenarios that are generic over primitives",
    ),
    (
        "crates/hub/src/reactor/old_wait.rs",
        "epoll_wait for kernels without epoll_pwait2; rustix has only the newer call",
    ),
    (
        "crates/hub/src/reactor/portable.rs",
        "polling registers a descriptor that must be deleted before it closes",
    ),
    (
        "crates/hub/src/reactor/raw.rs",
        "the table of sources knows descriptors by number, system calls want them borrowed",
    ),
    (
        "crates/hub/src/sys/beyond_rustix.rs",
        "recvmmsg and TCP Fast Open; rustix has no safe call for them",
    ),
    (
        "crates/hub/src/task/blocks/mod.rs",
        "memory of tasks that ended is kept and used again, whatever type was in it",
    ),
    (
        "crates/hub/src/task/blocks/tests.rs",
        "writes into that memory and gives it back, which is what it tests",
    ),
    (
        "crates/hub/src/task/cell.rs",
        "a counted pointer of one word to a future whose type is not known",
    ),
    (
        "crates/hub/src/task/waker.rs",
        "a Waker that is a number can only be made of its parts",
    ),
    (
        "crates/hub/src/watchdog/site.rs",
        "a source line crosses to the watchdog's thread as a pointer in an atomic",
    ),
    (
        "crates/hub/tests/alone/allocated.rs",
        "a global allocator that counts cannot be written without",
    ),
    (
        "crates/hub/tests/alone/forked.rs",
        "forks, which is what it tests",
    ),
    (
        "crates/hub/tests/alone/underneath.rs",
        "closes descriptors behind the hub's back, which is what it tests",
    ),
    (
        "crates/net/tests/alone/underneath.rs",
        "closes descriptors behind their owners' backs, which is what it tests",
    ),
    (
        "crates/os/tests/alone/fork.rs",
        "forks, which is what its tests are about",
    ),
    (
        "crates/os/tests/alone/underneath.rs",
        "closes descriptors behind their owners' backs, which is what it tests",
    ),
];

pub(super) fn check(sources: &[Source]) -> Verdict {
    let offences = sources.iter().filter_map(|source| {
        let lines = lines_with_word(&only_code(&source.text), "unsafe");
        let allowed = ALLOWED.iter().any(|(path, _)| *path == source.path);
        match (lines.first(), allowed) {
            (None, false) => None,
            (Some(line), false) => Some(Err(format!(
                "{}:{line}: unsafe outside the table in xtask/src/tidy/unsafe_map.rs",
                source.path
            ))),
            (Some(_), true) => Some(Ok(())),
            (None, true) => Some(Err(format!(
                "{}: in the table of unsafe files, but holds no unsafe: take it out of the table",
                source.path
            ))),
        }
    });
    let missing = ALLOWED
        .iter()
        .filter(|(path, _)| !sources.iter().any(|source| source.path == *path))
        .map(|(path, _)| {
            Err(format!(
                "{path}: in the table of unsafe files, but does not exist"
            ))
        });
    verdict_of(offences.chain(missing))
}
