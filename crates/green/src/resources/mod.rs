//! Pools of things that are dear to make: connections, sessions, buffers. After eventlet's `pools`
//! and `db_pool`.
//!
//! | file | idea |
//! | --- | --- |
//! | `pool` | [`Pool`]: the handle |
//! | `builder` | [`PoolBuilder`]: its options, and the function that makes items |
//! | `places` | who has a place, who waits for one, which items are free |
//! | `get` | waiting for an item: [`Get`], [`GetItem`] |
//! | `item` | [`Item`]: an item that goes back when it is dropped |
//! | `connections` | [`ConnectionPool`] and [`ConnectionPools`]: items that grow old |
//! | `shared` | what all handles share, and the way of an item back into the pool |
//!
//! What is counted and waited for is *places*, not items. Whoever has a place takes a free item if
//! there is one and makes one otherwise, so an item that turns out to be useless costs nobody a
//! turn: its place stays, and a new item is made for it. A place is held by a guard from the moment
//! at which it is given, so that whatever happens to its holder (it is cancelled while it makes the
//! item, making it fails or panics), the place goes to the next who waits.

mod builder;
mod connections;
mod get;
mod item;
mod places;
mod pool;
mod shared;

pub use builder::PoolBuilder;
pub use connections::{
    ConnectionPool, ConnectionPoolBuilder, ConnectionPools, GetConnection, NoConnection,
    PooledConnection,
};
pub use get::{Get, GetItem};
pub use item::Item;
pub use pool::Pool;
