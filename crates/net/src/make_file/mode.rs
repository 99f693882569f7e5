//! What a file may be used for, as Python's `makefile(mode)` has it.

use std::error::Error;
use std::panic::Location;
use std::str::FromStr;
use std::{fmt, io};

use super::MakeFile;
use crate::tcp_stream::TcpStream;
use crate::unix::UnixStream;

/// What a [`MakeFile`] may be used for.
///
/// From text it reads what Python's `makefile` takes: `"r"`, `"w"`, `"rw"`, each with or without a
/// `b`. (The `b` makes no difference here: lines are text, everything else is bytes.)
///
/// ```
/// use evlet_net::FileMode;
/// assert_eq!("rb".parse(), Ok(FileMode::Read));
/// assert_eq!("rw".parse(), Ok(FileMode::ReadWrite));
/// let error = "a".parse::<FileMode>().unwrap_err();
/// assert!(error.to_string().contains("\"a\""));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileMode {
    /// Reading only. It does not keep the peer from getting its end of stream when the others have
    /// ended their writing.
    Read,
    /// Writing only.
    Write,
    /// Both.
    #[default]
    ReadWrite,
}

impl FromStr for FileMode {
    type Err = FileModeError;

    fn from_str(mode: &str) -> Result<FileMode, FileModeError> {
        let mut letters: Vec<char> = mode.chars().collect();
        letters.sort_unstable();
        match letters.as_slice() {
            ['r'] | ['b', 'r'] => Ok(FileMode::Read),
            ['w'] | ['b', 'w'] => Ok(FileMode::Write),
            ['r', 'w'] | ['b', 'r', 'w'] => Ok(FileMode::ReadWrite),
            _ => Err(FileModeError(mode.to_owned())),
        }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileMode::Read => "r",
            FileMode::Write => "w",
            FileMode::ReadWrite => "rw",
        })
    }
}

/// Text that is no [`FileMode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileModeError(String);

impl fmt::Display for FileModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no mode of a file over a stream: \"r\", \"w\" or \"rw\" is, each with or \
             without \"b\"",
            self.0
        )
    }
}

impl Error for FileModeError {}

impl From<FileModeError> for io::Error {
    fn from(error: FileModeError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// A file was used for what its mode does not allow.
///
/// It comes inside an [`io::Error`] of the kind [`Unsupported`](io::ErrorKind::Unsupported).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongMode(FileMode);

impl WrongMode {
    pub(super) fn new(mode: FileMode) -> WrongMode {
        WrongMode(mode)
    }

    /// The file's mode.
    pub fn mode(&self) -> FileMode {
        self.0
    }
}

impl fmt::Display for WrongMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.0 {
            FileMode::Read => "writing",
            _ => "reading",
        };
        write!(
            f,
            "this file was made with the mode \"{}\", which does not allow {wanted}",
            self.0
        )
    }
}

impl Error for WrongMode {}

impl From<WrongMode> for io::Error {
    fn from(error: WrongMode) -> Self {
        io::Error::new(io::ErrorKind::Unsupported, error)
    }
}

impl<S> MakeFile<S> {
    /// A file over `stream` for `mode` only: what it does not allow gives [`WrongMode`].
    pub fn with_mode(stream: S, mode: FileMode) -> Self {
        MakeFile {
            mode,
            ..MakeFile::new(stream)
        }
    }
}

impl TcpStream {
    /// As [`makefile`](Self::makefile), for reading or for writing only: one green thread has a
    /// file to read, another one to write.
    ///
    /// ```
    /// use evlet_net::{FileMode, connect, listen};
    /// # evlet_hub::run(async {
    /// # let listener = listen("127.0.0.1:0")?;
    /// let stream = connect(listener.local_addr()?).await?;
    /// let mut writer = stream.makefile_with(FileMode::Write);
    /// let mut reader = stream.makefile_with("rb".parse()?);
    /// writer.write("hello\n").await?;
    /// assert!(reader.write("hello\n").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn makefile_with(&self, mode: FileMode) -> MakeFile<TcpStream> {
        let handle = self.handle.share(Location::caller());
        if mode == FileMode::Read {
            handle.stop_writing();
        }
        MakeFile::with_mode(TcpStream { handle }, mode)
    }
}

impl UnixStream {
    /// As [`TcpStream::makefile_with`].
    #[track_caller]
    pub fn makefile_with(&self, mode: FileMode) -> MakeFile<UnixStream> {
        let handle = self.handle.share(Location::caller());
        if mode == FileMode::Read {
            handle.stop_writing();
        }
        MakeFile::with_mode(UnixStream { handle }, mode)
    }
}
