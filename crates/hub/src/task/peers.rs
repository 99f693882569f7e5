//! Which green threads are named after a peer, by their places in the hub's table.
//!
//! The watchdog's thread reads it too, when it is about to name the one who holds the hub. So it stands behind a lock,
//! and no poll has to say more than its place: a hub that told the watchdog each time which peer is served spent
//! forty instructions of each message on it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::beside::Beside;
use crate::task::Peer;

/// See the module's page. Who ends is taken out, so that a place says nothing of its next user.
#[derive(Debug, Default)]
pub(crate) struct Peers(Mutex<Beside<Option<Peer>>>);

impl Peers {
    /// Of the one at this place.
    pub(crate) fn get(&self, index: u32) -> Option<Peer> {
        *self.lock().get(index)?
    }

    pub(crate) fn set(&self, index: u32, peer: Peer) {
        *self.lock().get_or_make(index) = Some(peer);
    }

    /// Takes out the one at this place, who was set.
    pub(crate) fn take(&self, index: u32) -> Option<Peer> {
        self.lock().get_or_make(index).take()
    }

    /// As [`Beside::free`].
    pub(crate) fn free(&self, number: usize, chunks: usize) {
        self.lock().free(number, chunks);
    }

    fn lock(&self) -> MutexGuard<'_, Beside<Option<Peer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
