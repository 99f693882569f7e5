//! An open file.

use std::fmt;
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocking::Blocking;
use super::error::FsError;
use super::open_options::OpenOptions;
use super::streams::Streams;

/// An open file, with `AsyncRead`, `AsyncWrite` and `AsyncSeek` of `futures::io`.
///
/// Every operation is one call on the pool; put a `BufReader` or `BufWriter` of `futures::io` around
/// it for small ones. A write is done when the kernel has it, so an error comes from the write that
/// caused it and nothing waits for a flush.
///
/// ```
/// use evlet_os::fs::{self, File};
/// use futures::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// evlet_hub::run(async {
///     let path = std::env::temp_dir().join(format!("evlet-file-{}", std::process::id()));
///     let mut file = File::options().read(true).write(true).create(true).open(&path).await?;
///     file.write_all(b"one two").await?;
///     file.seek(std::io::SeekFrom::Start(4)).await?;
///     let mut word = String::new();
///     file.read_to_string(&mut word).await?;
///     assert_eq!(word, "two");
///     fs::remove_file(&path).await
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Cancel safety
/// * A **read** that is given up loses nothing: what it has read is what the next one gets.
/// * A **write** that is given up may happen all the same. If the next write brings the same bytes it
///   takes over that one's result, so trying again never writes twice; otherwise it is made after
///   it, and gets its error if it had one.
/// * A **seek** that is given up may happen all the same.
///
/// Dropping the file closes it; a call that a thread has begun is finished first.
pub struct File {
    pub(super) streams: Streams,
}

impl File {
    /// Opens a file to read it.
    ///
    /// # Errors
    /// Those of [`std::fs::File::open`], with the path.
    ///
    /// # Cancel safety
    /// See [`OpenOptions::open`].
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> Blocking<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file to write it: made if it is not there, emptied if it is.
    ///
    /// # Errors
    /// Those of [`std::fs::File::create`], with the path.
    ///
    /// # Cancel safety
    /// See [`OpenOptions::open`].
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> Blocking<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
    }

    /// Other ways to open one.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// A file that was opened elsewhere. `path` is for messages only.
    pub fn from_std(file: std::fs::File, path: impl Into<PathBuf>) -> File {
        File {
            streams: Streams::new(file, path.into()),
        }
    }

    /// The path with which it was opened.
    pub fn path(&self) -> &Path {
        &self.streams.path
    }

    /// What is known about it.
    ///
    /// # Errors
    /// Those of [`std::fs::File::metadata`], with the path; when it was closed before.
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn metadata(&self) -> Blocking<Metadata> {
        self.call("look at", std::fs::File::metadata)
    }

    /// Waits until content and metadata are on the disk.
    ///
    /// # Errors
    /// Those of [`std::fs::File::sync_all`]: what was written before may not be on the disk then.
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn sync_all(&self) -> Blocking<()> {
        self.call("sync", std::fs::File::sync_all)
    }

    /// Waits until the content is on the disk.
    ///
    /// # Errors
    /// As [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn sync_data(&self) -> Blocking<()> {
        self.call("sync", std::fs::File::sync_data)
    }

    /// Cuts it, or makes it longer with zeros.
    ///
    /// # Errors
    /// Those of [`std::fs::File::set_len`], with the path.
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn set_len(&self, size: u64) -> Blocking<()> {
        self.call("set the length of", move |file| file.set_len(size))
    }

    /// Sets its permissions.
    ///
    /// # Errors
    /// Those of [`std::fs::File::set_permissions`], with the path.
    ///
    /// # Cancel safety
    /// See [`Blocking`].
    #[track_caller]
    pub fn set_permissions(&self, permissions: Permissions) -> Blocking<()> {
        self.call("set the permissions of", move |file| {
            file.set_permissions(permissions)
        })
    }

    #[track_caller]
    fn call<T: Send + 'static>(
        &self,
        action: &'static str,
        op: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> Blocking<T> {
        let (file, path) = (self.streams.file.clone(), Arc::clone(&self.streams.path));
        Blocking::new(move || {
            let done = file.ok_or_else(super::streams::closed);
            done.and_then(|file| op(&file))
                .map_err(|error| FsError::io(action, &path, error))
        })
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path())
            .field("open", &self.streams.file.is_some())
            .finish()
    }
}
