//! Unix sockets: streams, listeners and datagrams between programs of one machine.
//!
//! They are named by a path or, on Linux, by an abstract name ([`UnixAddr`]), know who is at the
//! other end ([`PeerCredentials`]), and carry descriptors from one process to another
//! (`rights.rs`).

mod addr;
mod connect;
mod credentials;
mod datagram;
mod error;
mod listen;
mod listener;
mod path;
mod rights;
mod send_to;
mod stream;

pub use self::addr::{ToUnixAddr, UnixAddr};
pub use self::connect::ConnectUnix;
pub use self::credentials::PeerCredentials;
pub use self::datagram::UnixDatagram;

pub use self::error::{UnixError, UnixStep};
pub use self::listen::UnixListenOptions;
pub use self::listener::UnixListener;
pub use self::rights::{FDS_AT_ONCE, RecvFds, SendFds};
pub use self::send_to::SendToUnix;
pub use self::stream::UnixStream;
