//! Values of which each green thread has its own: what `thread_local!` is to OS threads.
//!
//! | file | holds |
//! |---|---|
//! | `key` | what [`green_local!`](crate::green_local) makes, and how its value is reached |
//! | `cells` | shorter ways for values in a `Cell` or a `RefCell` |
//! | `macros` | the macro |
//! | `table` | the values of one green thread |
//!
//! The values stand in the part of the slot that few green threads have ([`crate::task`]), so one that
//! uses none pays nothing for them: neither memory, nor anything in its polls. A spawn looks at one bit of
//! the poll in progress, which says whether the spawner has anything to inherit.

mod cells;
mod key;
mod macros;
mod table;

pub use key::{GreenLocal, LocalError};
pub(crate) use table::{Locals, inherited};
