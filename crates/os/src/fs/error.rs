//! What could not be done to which path.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file or a directory could not be used, inside an [`io::Error`] of the same kind.
#[derive(Debug)]
pub struct FsError {
    action: &'static str,
    path: PathBuf,
    to: Option<PathBuf>,
    source: io::Error,
}

impl FsError {
    /// What was to be done: a verb, as in "cannot *read* /etc/shadow".
    pub fn action(&self) -> &str {
        self.action
    }

    /// The path it was to be done to; of two, the first.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the system said, with its error number.
    pub fn os_error(&self) -> &io::Error {
        &self.source
    }

    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> io::Error {
        Self::of_two(action, path, None, source)
    }

    pub(super) fn of_two(
        action: &'static str,
        path: &Path,
        to: Option<&Path>,
        source: io::Error,
    ) -> io::Error {
        io::Error::new(
            source.kind(),
            FsError {
                action,
                path: path.to_owned(),
                to: to.map(Path::to_owned),
                source,
            },
        )
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.action, Shown(&self.path))?;
        if let Some(to) = &self.to {
            write!(f, " to {}", Shown(to))?;
        }
        write!(f, ": {}", self.source)
    }
}

impl Error for FsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Bare where that is clear, quoted where something in it could mislead.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_control());
        match self.0.to_str() {
            Some(text) if is_plain(text) && text.trim() == text => f.write_str(text),
            _ => write!(f, "{:?}", self.0),
        }
    }
}
