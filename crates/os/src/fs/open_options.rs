//! How to open a file.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::blocking::Blocking;
use super::error::FsError;
use super::file::File;

/// How to open a file: the builder of [`std::fs::OpenOptions`], with its names.
///
/// ```
/// use evlet_os::fs::OpenOptions;
///
/// evlet_hub::run(async {
///     let log = OpenOptions::new().append(true).open("/dev/null").await?;
///     assert_eq!(log.path(), std::path::Path::new("/dev/null"));
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions(std::fs::OpenOptions);

macro_rules! as_in_std {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $name: $type) -> &mut Self {
            self.0.$name($name);
            self
        }
    )*};
}

impl OpenOptions {
    /// Nothing is asked for yet.
    pub fn new() -> OpenOptions {
        OpenOptions(std::fs::OpenOptions::new())
    }

    as_in_std! {
        /// To be read.
        read: bool;
        /// To be written.
        write: bool;
        /// To be written at its end, wherever that is at that moment.
        append: bool;
        /// Emptied.
        truncate: bool;
        /// Made if it is not there.
        create: bool;
        /// Made; an error if it is there.
        create_new: bool;
        /// The permissions of a file that is made, less those that the process's umask takes away.
        mode: u32;
        /// More flags of the system's `open`.
        custom_flags: i32;
    }

    /// Opens it.
    ///
    /// # Errors
    /// Those of [`std::fs::OpenOptions::open`], with the path.
    ///
    /// # Cancel safety
    /// See [`Blocking`]: a file may be made or emptied; it is closed again.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> Blocking<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        Blocking::new(move || match options.open(&path) {
            Ok(file) => Ok(File::from_std(file, path)),
            Err(error) => Err(FsError::io("open", &path, error)),
        })
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions::new()
    }
}
