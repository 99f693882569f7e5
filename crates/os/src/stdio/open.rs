//! What stands behind a standard stream, and how it is taken without disturbing others.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;

use rustix::fs::{FileType, fstat};

use crate::fs::File;
use crate::pipe::{PipeReader, PipeWriter};

/// A standard stream as something green.
pub(super) enum Taken<S> {
    Stream(S),
    File(File),
}

pub(super) fn reader(
    fd: BorrowedFd<'_>,
    name: &'static str,
    at: &'static Location<'static>,
) -> io::Result<Taken<PipeReader>> {
    take(fd, name, Way::Read, |fd, is_socket| match is_socket {
        true => PipeReader::of_socket(fd, at),
        false => PipeReader::take_over(fd, at),
    })
}

pub(super) fn writer(
    fd: BorrowedFd<'_>,
    name: &'static str,
    at: &'static Location<'static>,
) -> io::Result<Taken<PipeWriter>> {
    take(fd, name, Way::Write, |fd, is_socket| match is_socket {
        true => PipeWriter::of_socket(fd, at),
        false => PipeWriter::take_over(fd, at),
    })
}

#[derive(Clone, Copy)]
enum Way {
    Read,
    Write,
}

fn take<S>(
    fd: BorrowedFd<'_>,
    name: &'static str,
    way: Way,
    stream: impl Fn(OwnedFd, bool) -> io::Result<S>,
) -> io::Result<Taken<S>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    if !evlet_hub::is_running() {
        return Err(named(io::Error::other("no hub runs on this thread")));
    }
    let kind = FileType::from_raw_mode(fstat(fd).map_err(|e| named(e.into()))?.st_mode);
    let copy = || fd.try_clone_to_owned().map_err(named);
    let mine = match kind {
        FileType::RegularFile | FileType::Directory | FileType::BlockDevice => {
            return Ok(Taken::File(File::from_std(copy()?.into(), name)));
        }
        FileType::Socket => copy()?,
        _ => match again(fd, way) {
            Ok(mine) => mine,
            Err(_) => copy()?,
        },
    };
    match stream(mine, kind == FileType::Socket) {
        // A device that cannot be waited on, such as /dev/null: it answers at once.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(Taken::File(File::from_std(copy()?.into(), name)))
        }
        taken => taken.map(Taken::Stream).map_err(named),
    }
}

/// Opens the same terminal or pipe once more, non-blocking.
#[cfg(target_os = "linux")]
fn again(fd: BorrowedFd<'_>, way: Way) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open};
    let way = match way {
        Way::Read => OFlags::RDONLY,
        Way::Write => OFlags::WRONLY,
    };
    let flags = way | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(open(path, flags, Mode::empty())?)
}

/// Here it would be another number for the same open file.
#[cfg(not(target_os = "linux"))]
fn again(_: BorrowedFd<'_>, _: Way) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
