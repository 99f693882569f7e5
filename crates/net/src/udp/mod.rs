//! UDP: one datagram at a time or many in a turn, to one peer, to many, to all.

mod address;
mod batch;
mod connect;
mod multicast;
mod options;
mod socket;

pub use self::batch::{DatagramBatch, Datagrams, RecvBatch};
pub use self::connect::ConnectUdp;
pub use self::options::UdpOptions;
pub use self::socket::UdpSocket;
