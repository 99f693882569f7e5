//! The entries of a directory.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{FileType, Metadata};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::blocking::Blocking;
use super::error::FsError;
use super::paths::symlink_metadata;

/// How many entries one call to the pool fetches.
const BATCH: usize = 128;

/// The entries of a directory, made by [`read_dir`](super::read_dir): a [`Stream`] that is read a
/// batch at a time, so that a directory of millions takes no memory.
///
/// ```
/// use evlet_os::fs;
/// use futures::TryStreamExt;
///
/// evlet_hub::run(async {
///     let entries = fs::read_dir("src").await?;
///     let names: Vec<_> = entries.map_ok(|entry| entry.file_name().to_owned()).try_collect().await?;
///     assert!(names.contains(&"lib.rs".into()));
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancel safety
/// Giving up a wait for the next entry loses none.
pub struct ReadDir {
    path: PathBuf,
    batch: VecDeque<io::Result<DirEntry>>,
    /// `None` at the end, and while a batch is fetched.
    rest: Option<std::fs::ReadDir>,
    fetching: Option<Blocking<Fetched>>,
}

type Fetched = (VecDeque<io::Result<DirEntry>>, Option<std::fs::ReadDir>);

impl ReadDir {
    pub(super) fn open(path: &Path) -> io::Result<ReadDir> {
        Ok(ReadDir {
            path: path.to_owned(),
            batch: VecDeque::new(),
            rest: Some(std::fs::read_dir(path)?),
            fetching: None,
        })
    }
}

/// On a thread of the pool.
fn fetch(mut rest: std::fs::ReadDir, path: &Path) -> Fetched {
    let mut batch = VecDeque::new();
    while batch.len() < BATCH {
        match rest.next() {
            Some(entry) => batch.push_back(
                entry
                    .and_then(DirEntry::new)
                    .map_err(|error| FsError::io("list", path, error)),
            ),
            None => return (batch, None),
        }
    }
    (batch, Some(rest))
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(entry) = this.batch.pop_front() {
                return Poll::Ready(Some(entry));
            }
            if let Some(rest) = this.rest.take() {
                let path = this.path.clone();
                this.fetching = Some(Blocking::new(move || Ok(fetch(rest, &path))));
            }
            let Some(fetching) = &mut this.fetching else {
                return Poll::Ready(None);
            };
            let fetched = ready!(Pin::new(fetching).poll(cx));
            this.fetching = None;
            (this.batch, this.rest) = fetched?;
        }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.path).finish()
    }
}

/// One entry of a directory.
#[derive(Debug, Clone)]
pub struct DirEntry {
    path: PathBuf,
    name: OsString,
    file_type: FileType,
}

impl DirEntry {
    fn new(entry: std::fs::DirEntry) -> io::Result<DirEntry> {
        Ok(DirEntry {
            path: entry.path(),
            name: entry.file_name(),
            file_type: entry.file_type()?,
        })
    }

    /// The directory's path with the entry's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name alone.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// Whether it is a file, a directory, a symbolic link (which is not followed).
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// What is known about it; a symbolic link is not followed.
    ///
    /// # Errors
    /// Those of [`symlink_metadata`].
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn metadata(&self) -> Blocking<Metadata> {
        symlink_metadata(&self.path)
    }
}
