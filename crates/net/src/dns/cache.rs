//! What the servers have said, for as long as they said it is true.
//!
//! Bounded by count. When it is full, what is over goes first, then what would be over next.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::message::{Family, Reply};

/// Longer than this nothing is believed, whatever its owner says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// That something does not exist is believed for a shorter time: it is about to be made.
const LONGEST_NO: Duration = Duration::from_secs(5 * 60);

pub(super) struct Cache {
    entries: HashMap<(String, Family), Entry>,
    capacity: usize,
}

struct Entry {
    reply: Reply,
    until: Instant,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Cache {
        Cache {
            entries: HashMap::new(),
            capacity,
        }
    }

    pub(super) fn get(&self, name: &str, family: Family) -> Option<Reply> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = self.entries.get(&(name.to_owned(), family))?;
        (evlet_hub::now() < entry.until).then(|| entry.reply.clone())
    }

    pub(super) fn put(&mut self, name: &str, family: Family, reply: &Reply) {
        let lasts = match reply {
            Reply::Addresses(_, ttl) => (*ttl).min(LONGEST),
            Reply::NoAddress(ttl) | Reply::NoSuchName(ttl) => (*ttl).min(LONGEST_NO),
            Reply::Truncated | Reply::Refused(_) => Duration::ZERO,
        };
        if lasts.is_zero() || self.capacity == 0 {
            return;
        }
        let now = evlet_hub::now();
        let key = (name.to_owned(), family);
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        let until = now + lasts;
        let reply = reply.clone();
        self.entries.insert(key, Entry { reply, until });
    }

    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| entry.until > now);
        if self.entries.len() < self.capacity {
            return;
        }
        let next = self.entries.iter().min_by_key(|(_, entry)| entry.until);
        if let Some(key) = next.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
