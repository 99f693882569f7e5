//! Pools of connections: items that grow old, and that must be clean before the next user has them.
//! After eventlet's `db_pool`.
//!
//! | file | idea |
//! | --- | --- |
//! | `pool` | [`ConnectionPool`]: the handle |
//! | `builder` | [`ConnectionPoolBuilder`]: its options |
//! | `connection` | [`PooledConnection`]: a connection that goes back when it is dropped |
//! | `ages` | how old a connection is, and when it is too old |
//! | `keeper` | what all handles share; the clean-up after use, and the timer that closes what grew too old |
//! | `destinations` | [`ConnectionPools`]: one pool for each destination |
//! | `error` | [`NoConnection`] |

mod ages;
mod builder;
mod connection;
mod destinations;
mod error;
mod keeper;
mod pool;

pub use builder::ConnectionPoolBuilder;
pub use connection::{GetConnection, PooledConnection};
pub use destinations::ConnectionPools;
pub use error::NoConnection;
pub use pool::ConnectionPool;
