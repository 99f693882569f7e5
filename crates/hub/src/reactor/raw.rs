//! The only place that turns a descriptor's number into a borrowed descriptor.
//!
//! The table of sources knows descriptors by number: their owners are elsewhere, in `Io` values of
//! many types. Two system calls need to name them from the table: `poll`, which tells about many at
//! once, and the removal from the kernel's set.

use std::os::fd::{BorrowedFd, RawFd};

/// Borrows descriptor `fd` to name it in `poll` or in a removal from the kernel's set.
///
/// Not for reading, writing or closing.
pub(crate) fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    debug_assert!(fd >= 0, "descriptor numbers in the table are not negative");
    // SAFETY: `borrow_raw` asks that the descriptor is open and that the number is not -1. The
    // number was taken from an `AsFd` value that its `Io` owns, and the `Io` takes the source out
    // of the table before it drops that value; so it is open unless somebody closed it behind the
    // owner's back. That case is the very reason to ask: the two calls made with it report a
    // closed number (POLLNVAL, EBADF) and neither reads, writes nor closes what it may have
    // become, so no owner of a reused number can be hurt.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
