//! The fork itself.
#![expect(
    unsafe_code,
    reason = "a fork is what these tests are about, and no safe crate offers one"
)]

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{Pid, WaitOptions, waitpid};

/// A forked child of this process that runs a closure.
pub(crate) struct Forked(Pid);

impl Forked {
    /// Forks; the child runs `body` and ends, with status 1 if it panicked.
    pub(crate) fn new(body: impl FnOnce()) -> Forked {
        // SAFETY: only the calling thread lives on in the child, so a lock that another one held stays locked
        // there for ever. The others here are asleep (the limit, the watchdog, the reaper).
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "{}", io::Error::last_os_error());
        match Pid::from_raw(child) {
            Some(child) => Forked(child),
            None => {
                let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
                // SAFETY: ends the process at once, without what the parent has to do at its end.
                unsafe { libc::_exit(i32::from(!passed)) };
            }
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.0
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn ends_well(self) {
        let ended = waitpid(Some(self.0), WaitOptions::empty()).unwrap();
        let status = ended.map(|(_, status)| status);
        let code = status.and_then(|status| status.exit_status());
        assert_eq!(code, Some(0), "the child failed: {status:?}");
    }
}
