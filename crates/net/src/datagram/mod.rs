//! What UDP and Unix datagrams have in common: the futures, and the error of one that was cut.
//!
//! A datagram comes whole or it is an error ([`DatagramCut`], promise F-8): what the kernel cuts off
//! is gone, and a program that does not hear of it works on half a message. A datagram without a
//! byte is one all the same, and no end.

mod cut;
mod recv;
mod send;

pub use self::cut::DatagramCut;
pub(crate) use self::recv::{FromKernel, recv_one};
pub use self::recv::{RecvDatagram, RecvFrom};
pub use self::send::{SendDatagram, SendTo};
