//! Green threads: what one is made of.
//!
//! The memory of a task, its state machine and its waker are `async-task`'s. Around them stand:
//!
//! | file | holds |
//! |---|---|
//! | `id` | the number of a green thread, and the little that `async-task` carries for us |
//! | `slot` | everything evlet can say about a green thread |
//! | `slots` | all of them, in one table of the hub |
//! | `spawn` | making one |
//! | `tied` | making one later, unless its maker ends before |
//! | `unchecked` | the one call that makes the task, and why it may leave out checks |
//! | `body` | the future that `async-task` polls: the user's future, and its end, however it ends |
//! | `ending` | kill, end, and who is told of it |
//! | `exit` | why there is no result |
//! | `green_thread` | the handle: wait, kill, cancel, link |
//! | `peer` | a name that is only an address |
//! | `killed` | kill: the mark, and why, by whom and where |
//! | `kill` | waiting until a killed one is gone |
//!
//! A kill is a mark in the slot and a wake-up: the body sees the mark at its next turn and drops
//! the user's future instead of polling it. So a kill keeps the order of turns, a killed future is
//! dropped on the hub's thread and outside any other green thread's poll, and there is one way out
//! of a body, which tells links and waiters.

mod body;
mod ending;
mod exit;
mod green_thread;
mod id;
mod info;
mod kill;
mod killed;
mod peer;
mod slot;
mod slots;
mod spawn;
mod tied;
#[allow(
    unsafe_code,
    reason = "spares each poll a look at the thread's number; see the file's page"
)]
mod unchecked;

pub use exit::{Ended, Exit, Outcome};
pub use green_thread::{GreenThread, LinkId, Wait};
pub use id::GreenThreadId;
pub use info::GreenThreadInfo;
pub use kill::Kill;
pub use killed::KillReport;
pub use spawn::{
    current, set_name, set_name_to_peer, spawn, spawn_after, spawn_at, spawn_n, spawn_n_at,
};

pub use tied::spawn_after_local;

pub(crate) use ending::Who;
pub(crate) use id::{HubId, IdSource, Key, Meta, Task};
pub(crate) use peer::Peer;
pub(crate) use slot::{Cold, Extra, Flags, Hot, Link};
pub(crate) use slots::{Birth, Slots};
pub(crate) use spawn::{ROOT_NAME, start, start_in};
