//! Bytes that go from a file or a socket to a socket without passing through this program.
//!
//! On Linux the kernel moves them (`sendfile`, `splice`); elsewhere, and where the kernel refuses,
//! they go through a buffer, with the same result.
//!
//! A program of another language that has evlet inside must ignore SIGPIPE: these two calls know no
//! way not to raise it. Rust's own programs do so from their start.

mod cached;
mod kernel_socket;
mod pipe;
mod send_file;
mod splice;

pub use self::kernel_socket::KernelSocket;
pub use self::send_file::{SendFile, send_file};
pub use self::splice::{Splice, SpliceBidirectional, splice, splice_bidirectional};

use std::io;

use rustix::io::Errno;

/// Tells whether the kernel has no way for these two descriptors: a buffer does it then.
fn no_way(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE)
    ) || error.kind() == io::ErrorKind::Unsupported
}
