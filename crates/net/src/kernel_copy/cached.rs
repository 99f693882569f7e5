//! Whether a piece of a file is in memory, and bringing it there.
//!
//! `sendfile` reads what is missing from the disk while the caller waits, and the caller is the hub.
//! So it is asked first: a read that may not wait tells whether the piece is there. If not, a thread
//! of the pool reads it, and the kernel keeps it for the moment that follows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Reads a piece of `file`, on another OS thread.
pub(super) fn read_piece(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; len];
    let mut got = 0;
    while got < len {
        match file.read_at(&mut piece[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if got > 0 => break, // the next piece begins with it
            Err(error) => return Err(error),
        }
    }
    piece.truncate(got);
    Ok(piece)
}

/// Whether the first and the last byte of the piece can be read without waiting for the disk. Not
/// sure counts as no.
#[cfg(target_os = "linux")]
pub(super) fn is_cached(file: &File, offset: u64, len: usize) -> bool {
    let there = |at: u64| {
        let mut byte = [0];
        let mut bufs = [io::IoSliceMut::new(&mut byte)];
        let no_wait = rustix::io::ReadWriteFlags::NOWAIT;
        // Behind the end there is nothing to wait for.
        rustix::io::preadv2(file, &mut bufs, at, no_wait).is_ok()
    };
    there(offset) && there(offset + (len as u64).saturating_sub(1))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_cached(_: &File, _: u64, _: usize) -> bool {
    false
}
