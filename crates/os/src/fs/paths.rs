//! The functions that take a path: the standard library's, each on the pool.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use super::blocking::Blocking;
use super::directory::ReadDir;
use super::error::FsError;

/// A function of one path.
macro_rules! of_a_path {
    ($($(#[$doc:meta])* $name:ident -> $output:ty, $action:literal, $call:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of the function of this name in [`std::fs`], with the path.
        ///
        /// # Cancel safety
        /// See [`Blocking`].
        #[track_caller]
        pub fn $name(path: impl AsRef<Path>) -> Blocking<$output> {
            let path = path.as_ref().to_owned();
            Blocking::new(move || {
                let call: fn(&Path) -> io::Result<$output> = $call;
                call(&path).map_err(|error| FsError::io($action, &path, error))
            })
        }
    )*};
}

of_a_path! {
    /// The whole content of a file.
    read -> Vec<u8>, "read", |path| fs::read(path);
    /// The whole content of a file, which must be UTF-8.
    read_to_string -> String, "read", |path| fs::read_to_string(path);
    /// Makes a directory; its parent must be there.
    create_dir -> (), "create", |path| fs::create_dir(path);
    /// Makes a directory with all its parents; none of them need be missing.
    create_dir_all -> (), "create", |path| fs::create_dir_all(path);
    /// Removes a file.
    remove_file -> (), "remove", |path| fs::remove_file(path);
    /// Removes an empty directory.
    remove_dir -> (), "remove", |path| fs::remove_dir(path);
    /// Removes a directory and everything in it; symbolic links are not followed.
    remove_dir_all -> (), "remove", |path| fs::remove_dir_all(path);
    /// What is known about a file or directory; symbolic links are followed.
    metadata -> Metadata, "look at", |path| fs::metadata(path);
    /// What is known about a file, directory or symbolic link itself.
    symlink_metadata -> Metadata, "look at", |path| fs::symlink_metadata(path);
    /// The absolute path without symbolic links.
    canonicalize -> PathBuf, "look at", |path| fs::canonicalize(path);
    /// Where a symbolic link points.
    read_link -> PathBuf, "read the link", |path| fs::read_link(path);
    /// Whether something is there. A failure to find out is an error, not "no".
    try_exists -> bool, "look at", |path| path.try_exists();
    /// The entries of a directory, as a stream, in the order in which the system has them.
    read_dir -> ReadDir, "list", ReadDir::open;
}

/// A function of two paths.
macro_rules! of_two_paths {
    ($($(#[$doc:meta])* $name:ident -> $output:ty, $action:literal, $call:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of the standard library's function of this name, with both paths.
        ///
        /// # Cancel safety
        /// See [`Blocking`].
        #[track_caller]
        pub fn $name(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Blocking<$output> {
            let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
            Blocking::new(move || {
                $call(&from, &to)
                    .map_err(|error| FsError::of_two($action, &from, Some(&to), error))
            })
        }
    )*};
}

of_two_paths! {
    /// Copies the content and the permissions of a file: how many bytes.
    copy -> u64, "copy", fs::copy;
    /// Gives a file or directory another name, in the place of what has that name.
    rename -> (), "rename", fs::rename;
    /// Makes `to` another name of the file `from`.
    hard_link -> (), "link", fs::hard_link;
    /// Makes `to` a symbolic link that points to `from`.
    symlink -> (), "link", std::os::unix::fs::symlink;
}

/// Writes a whole file: made if it is not there, replaced if it is.
///
/// # Errors
/// Those of [`std::fs::write`], with the path. A part may have been written.
///
/// # Cancel safety
/// See [`Blocking`].
#[track_caller]
pub fn write(path: impl AsRef<Path>, contents: impl Into<Vec<u8>>) -> Blocking<()> {
    let (path, contents) = (path.as_ref().to_owned(), contents.into());
    Blocking::new(move || {
        fs::write(&path, contents).map_err(|error| FsError::io("write to", &path, error))
    })
}

/// Sets the permissions of a file or directory.
///
/// # Errors
/// Those of [`std::fs::set_permissions`], with the path.
///
/// # Cancel safety
/// See [`Blocking`].
#[track_caller]
pub fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> Blocking<()> {
    let path = path.as_ref().to_owned();
    Blocking::new(move || {
        fs::set_permissions(&path, permissions)
            .map_err(|error| FsError::io("set the permissions of", &path, error))
    })
}
