//! The table of slots: the three parts of each under one index.
//!
//! The hot parts stand in an [`Arena`], which gives out the indices and knows which are taken; the
//! others [`Beside`] it.

use std::panic::Location;
use std::task::Waker;

use crate::arena::{Arena, Vacated};
use crate::beside::Beside;
use crate::clock::Nanos;
use crate::task::slot::{Cold, Hot};
use crate::task::{Flags, GreenThreadId, Key, Peer};

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    hot: Arena<Hot>,
    wakers: Beside<Option<Waker>>,
    cold: Beside<Cold>,
    peers: Beside<Option<Peer>>,
}

/// What is known of a green thread when it is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) since: Nanos,
    pub(crate) bytes: usize,
    pub(crate) flags: Flags,
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.hot.len()
    }

    #[inline]
    pub(crate) fn insert(&mut self, id: GreenThreadId, birth: Birth) -> Key {
        let index = self.hot.insert(|hot| hot.begin(id, birth));
        Key { id, index }
    }

    #[inline]
    pub(crate) fn is_live(&self, key: Key) -> bool {
        self.hot(key).is_some()
    }

    #[inline]
    pub(crate) fn hot(&self, key: Key) -> Option<&Hot> {
        self.hot.get(key.index).filter(|hot| hot.id == key.id)
    }

    #[inline]
    pub(crate) fn hot_mut(&mut self, key: Key) -> Option<&mut Hot> {
        let hot = self.hot.get_mut(key.index);
        hot.filter(|hot| hot.id == key.id)
    }

    /// That of one that is known to live: its task is at hand.
    ///
    /// # Panics
    /// When its chunk is not there.
    #[inline]
    pub(crate) fn hot_of_live(&mut self, key: Key) -> &mut Hot {
        let hot = self.hot.at(key.index);
        debug_assert_eq!(hot.id, key.id);
        hot
    }

    /// Hot and cold part, if the green thread lives; the second only if anybody's in its chunk was ever used.
    pub(crate) fn get(&self, key: Key) -> Option<(&Hot, Option<&Cold>)> {
        Some((self.hot(key)?, self.cold.get(key.index)))
    }

    /// Hot and cold part, if the green thread lives. Whoever puts something into the second says so in
    /// the flags of the first.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<(&mut Hot, &mut Cold)> {
        let hot = self.hot.get_mut(key.index);
        let hot = hot.filter(|hot| hot.id == key.id)?;
        Some((hot, self.cold.get_or_make(key.index)))
    }

    /// The green thread's waker, if it was kept.
    #[inline]
    pub(crate) fn waker_of(&self, key: Key) -> Option<&Waker> {
        self.hot(key)?;
        self.wakers.get(key.index)?.as_ref()
    }

    /// A copy of it.
    pub(crate) fn waker(&self, key: Key) -> Option<Waker> {
        self.waker_of(key).cloned()
    }

    /// Keeps the waker of a green thread; the one before comes back, or `waker` if it does not live.
    pub(crate) fn keep_waker(&mut self, key: Key, waker: Waker) -> Option<Waker> {
        match self.hot_mut(key) {
            Some(hot) => hot.flags.set(Flags::HAS_WAKER),
            None => return Some(waker),
        }
        self.wakers.get_or_make(key.index).replace(waker)
    }

    pub(crate) fn take_waker(&mut self, key: Key) -> Option<Waker> {
        self.wakers.get_or_make(key.index).take()
    }

    /// Gives the place of a green thread back, if `looks` says that nothing is left in its other parts.
    ///
    /// # Panics
    /// When it does not live.
    #[inline]
    pub(crate) fn vacate_if(&mut self, index: u32, looks: impl FnOnce(&Hot) -> bool) -> bool {
        let vacated = self.hot.vacate_if(index, |hot| {
            let is_wanted = looks(hot);
            if is_wanted {
                hot.id = GreenThreadId(0);
            }
            is_wanted
        });
        if let Vacated::WithChunk(number) = vacated {
            self.free(number);
        }
        vacated != Vacated::No
    }

    #[cold]
    fn free(&mut self, number: usize) {
        let chunks = self.hot.chunks();
        self.wakers.free(number, chunks);
        self.cold.free(number, chunks);
        self.peers.free(number, chunks);
    }

    /// Names it after a peer, until it is given a name.
    pub(crate) fn set_peer(&mut self, key: Key, peer: Peer) {
        if let Some(hot) = self.hot_mut(key) {
            hot.flags.set(Flags::HAS_PEER);
            *self.peers.get_or_make(key.index) = Some(peer);
        }
    }

    /// The peer it is named after.
    pub(crate) fn peer(&self, key: Key) -> Option<Peer> {
        let hot = self.hot(key)?;
        match hot.flags.has(Flags::HAS_PEER) {
            true => *self.peers.get(key.index)?,
            false => None,
        }
    }

    /// Its name: the one it was given, or its peer's.
    pub(crate) fn name(&self, key: Key) -> Option<String> {
        let (_, cold) = self.get(key)?;
        let given = cold.and_then(Cold::name).map(|name| name.to_string());
        given.or_else(|| Some(self.peer(key)?.name()))
    }

    /// All that live, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Hot, Option<&Cold>)> {
        self.hot.iter().map(|(index, hot)| {
            let key = Key { id: hot.id, index };
            (key, hot, self.cold.get(index))
        })
    }
}
