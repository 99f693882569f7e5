//! The table of the hub's green threads: their tasks, each with its [`Slot`](crate::task::Slot).
//!
//! They stand in an [`Arena`], which gives out the indices and knows which are taken; what few of them have
//! stands [`Beside`] it.

use std::sync::Arc;

use crate::arena::{Arena, Vacated};
use crate::beside::Beside;
use crate::task::{Cold, Flags, Key, MOST_GREEN_THREADS, Number, Peer, Peers, Slot, TaskRef};

const FULL: &str = "this hub holds as many green threads as there are numbers for them";

/// See the module's page.
pub(crate) struct Slots {
    tasks: Arena<Option<TaskRef>>,
    cold: Beside<Cold>,
    peers: Arc<Peers>,
}

impl Slots {
    /// An empty table; the watchdog, if there is one, looks at `peers` too.
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Slots {
            tasks: Arena::new(),
            cold: Beside::default(),
            peers,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Puts a task in; tells its place.
    ///
    /// # Panics
    /// When the table is full.
    #[inline]
    pub(crate) fn insert(&mut self, task: TaskRef) -> u32 {
        let index = self.tasks.insert(|place| *place = Some(task));
        assert!(index < MOST_GREEN_THREADS, "{FULL}");
        index
    }

    /// The one with this number, if it lives.
    #[inline]
    pub(crate) fn named(&self, number: Number) -> Option<&TaskRef> {
        let task = self.tasks.place(number.index())?.as_ref();
        task.filter(|task| number.names(task.slot.id()))
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&TaskRef> {
        let task = self.tasks.place(key.index)?.as_ref();
        task.filter(|task| task.slot.id() == key.id)
    }

    /// The part of its slot that most never need; `None` if nobody's in its chunk was ever used.
    pub(crate) fn cold(&self, key: Key) -> Option<&Cold> {
        self.cold.get(key.index)
    }

    /// Both parts of its slot, if the green thread lives. Whoever puts something into the second says so in
    /// the flags of the first.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<(&Slot, &mut Cold)> {
        let task = self.tasks.place(key.index)?.as_ref();
        let task = task.filter(|task| task.slot.id() == key.id)?;
        Some((&task.slot, self.cold.get_or_make(key.index)))
    }

    /// Gives the place of a green thread back, and its task.
    ///
    /// # Panics
    /// When it does not live.
    #[inline]
    pub(crate) fn vacate(&mut self, index: u32) -> Option<TaskRef> {
        let mut task = None;
        let vacated = self.tasks.vacate_if(index, |place| {
            task = place.take();
            true
        });
        if let Vacated::WithChunk(number) = vacated {
            self.free(number);
        }
        task
    }

    #[cold]
    fn free(&mut self, number: usize) {
        let chunks = self.tasks.chunks();
        self.cold.free(number, chunks);
        self.peers.free(number, chunks);
    }

    /// Names it after a peer, until it is given a name.
    pub(crate) fn set_peer(&self, key: Key, peer: Peer) {
        if let Some(task) = self.get(key) {
            task.slot.set(Flags::HAS_PEER);
            self.peers.set(key.index, peer);
        }
    }

    /// The peer it is named after.
    pub(crate) fn peer(&self, key: Key) -> Option<Peer> {
        match self.get(key)?.slot.has(Flags::HAS_PEER) {
            true => self.peers.get(key.index),
            false => None,
        }
    }

    /// The same of one that ends.
    pub(crate) fn take_peer(&self, key: Key) -> Option<Peer> {
        match self.get(key)?.slot.has(Flags::HAS_PEER) {
            true => self.peers.take(key.index),
            false => None,
        }
    }

    /// Its name: the one it was given, or its peer's.
    pub(crate) fn name(&self, key: Key) -> Option<String> {
        self.get(key)?;
        let given = self.cold(key).and_then(Cold::name);
        let given = given.map(|name| name.to_string());
        given.or_else(|| Some(self.peer(key)?.name()))
    }

    /// Takes all that live out of the table.
    pub(crate) fn take_all(&mut self) -> Vec<TaskRef> {
        let all = self.tasks.take_all();
        all.into_iter().flatten().collect()
    }

    /// All that live, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TaskRef> {
        self.tasks.iter().filter_map(|(_, task)| task.as_ref())
    }
}
