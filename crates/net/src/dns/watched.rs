//! A small file that is read again when it has changed.
//!
//! It is looked at when it is needed, at most every ten seconds, and read when its time or length is
//! another one. That blocks for as long as the system needs for a local file of a few kilobytes; more
//! than a megabyte of it is not read.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

const INTERVAL: Duration = Duration::from_secs(10);
const MOST: u64 = 1 << 20;

/// What was made of a file.
pub(super) struct Watched<T> {
    path: Option<PathBuf>,
    parse: fn(&[u8]) -> T,
    seen: RefCell<Option<Seen<T>>>,
}

struct Seen<T> {
    looked: Instant,
    mark: Option<Mark>,
    content: Rc<T>,
}

/// What changes when a file does.
type Mark = (Option<SystemTime>, u64);

impl<T> Watched<T> {
    /// Without a path: an empty file.
    pub(super) fn new(path: Option<PathBuf>, parse: fn(&[u8]) -> T) -> Watched<T> {
        Watched {
            path,
            parse,
            seen: RefCell::new(None),
        }
    }

    /// What the file says now. One that is missing or cannot be read is empty, as for the system.
    pub(super) fn get(&self) -> Rc<T> {
        let now = evlet_hub::now();
        let mut seen = self.seen.borrow_mut();
        if let Some(seen) = &mut *seen {
            if now.saturating_duration_since(seen.looked) < INTERVAL {
                return Rc::clone(&seen.content);
            }
            seen.looked = now;
            if seen.mark == self.mark() {
                return Rc::clone(&seen.content);
            }
        }
        let mark = self.mark();
        let content = Rc::new((self.parse)(&self.read()));
        *seen = Some(Seen {
            looked: now,
            mark,
            content: Rc::clone(&content),
        });
        content
    }

    fn mark(&self) -> Option<Mark> {
        let metadata = std::fs::metadata(self.path.as_ref()?).ok()?;
        Some((metadata.modified().ok(), metadata.len()))
    }

    fn read(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(file) = self.path.as_ref().and_then(|path| File::open(path).ok()) {
            let _ = file.take(MOST).read_to_end(&mut bytes); // what came before an error counts
        }
        bytes
    }
}
