//! Under miri: a wait without descriptors.
//!
//! Miri interprets the program and knows few system calls. So that it can check everything else, the
//! hub then waits on a condition variable and refuses descriptors.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::driver::{Driver, Event, Notifier, Watched};

#[derive(Debug, Default)]
pub(crate) struct Parked {
    notified: Arc<(Mutex<bool>, Condvar)>,
}

impl Driver for Parked {
    fn add(&self, _fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _fd: BorrowedFd<'_>, _key: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn delete(&self, _fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }

    fn is_still(&self, _fd: BorrowedFd<'_>) -> bool {
        true
    }

    fn wait(
        &self,
        _watched: &[Watched],
        timeout: Option<Duration>,
        _events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let (flag, changed) = &*self.notified;
        let flag = flag.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = Duration::from_secs(3600);
        let waited = changed.wait_timeout_while(flag, timeout.unwrap_or(longest), |set| !*set);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
        Ok(())
    }

    fn notifier(&self) -> Notifier {
        let notified = Arc::clone(&self.notified);
        Notifier::new(move || {
            let (flag, changed) = &*notified;
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_one();
        })
    }
}
