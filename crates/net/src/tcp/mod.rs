//! TCP: making connections, and what can be set on them.

mod attempt;
mod connect;
mod connect_options;
mod interleave;
mod keep_alive;
mod socket_options;
mod stream_options;
mod unsupported;

pub use self::connect::Connect;
pub use self::connect_options::{ATTEMPT_DELAY, ConnectOptions, connect, connect_from};
pub use self::keep_alive::KeepAlive;
pub(crate) use self::socket_options::{FastOpen, SocketOptions};
pub use self::unsupported::UnsupportedOption;
