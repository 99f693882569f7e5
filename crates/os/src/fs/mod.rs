//! Files and directories, without holding the hub: the names of [`std::fs`].
//!
//! A regular file cannot be waited on; the kernel just lets a thread stand until the disk has
//! answered. So every call here runs on a thread of [`tpool`](evlet_green::tpool), and the green
//! thread waits for its answer.
//!
//! ```
//! use evlet_os::fs;
//!
//! evlet_hub::run(async {
//!     let folder = std::env::temp_dir().join(format!("evlet-doc-{}", std::process::id()));
//!     fs::create_dir_all(folder.join("sub")).await?;
//!     fs::write(folder.join("note"), "remember").await?;
//!     assert_eq!(fs::read_to_string(folder.join("note")).await?, "remember");
//!     fs::remove_dir_all(&folder).await?;
//!     let gone = fs::read(folder.join("note")).await.unwrap_err();
//!     assert!(gone.to_string().starts_with("cannot read "), "{gone}");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! A [`File`] has the traits of `futures::io`:
//!
//! ```
//! use evlet_os::fs::File;
//! use futures::{AsyncBufReadExt, StreamExt, io::BufReader};
//!
//! evlet_hub::run(async {
//!     let mut lines = BufReader::new(File::open("Cargo.toml").await?).lines();
//!     assert_eq!(lines.next().await.unwrap()?, "[package]");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # What one may rely on
//! * **Bounded.** The pool has as many threads as [`set_num_threads`](evlet_green::tpool::set_num_threads)
//!   says and a bounded queue; more callers wait for room, as green threads. A [`File`] has one call
//!   under way at a time, of at most 1 MiB. Whole-file calls ([`read`], [`read_to_string`]) take the
//!   memory that the file needs, as in the standard library.
//! * **Errors name the path** ([`FsError`], inside an [`io::Error`](std::io::Error) of the kernel's
//!   kind).
//! * **Giving a call up** before a thread has taken it means that it never happens. One that a
//!   thread has begun goes on, and nobody sees its result: a file may be written, renamed or removed
//!   all the same. What that means for a [`File`], which remembers, is told there.
//!
//! # What one should know
//! A call that never returns keeps its thread of the pool: opening a FIFO waits for the other end, a
//! network file system may not answer. For FIFOs, terminals and pipes use [`pipe`](mod@crate::pipe).

mod blocking; // Blocking: one call on the pool, with the path in its error
mod directory; // ReadDir, DirEntry
mod error; // FsError: what could not be done to which path
mod file; // File: opened, asked, changed
mod open_options; // how to open one
mod paths; // the functions
mod streams; // futures' traits for File, and what a file remembers

pub use blocking::Blocking;
pub use directory::{DirEntry, ReadDir};
pub use error::FsError;
pub use file::File;
pub use open_options::OpenOptions;
pub use paths::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_dir, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
pub use std::fs::{FileType, Metadata, Permissions};
