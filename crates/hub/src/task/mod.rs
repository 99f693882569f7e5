//! Green threads: what one is made of.
//!
//! | file | holds |
//! |---|---|
//! | `id` | the number of a green thread in the process, and where its slot is |
//! | `slot` | everything evlet can say about a green thread |
//! | `slots` | all green threads, in one table of the hub |
//! | `spawn` | making one |
//! | `tied` | making one later, unless its maker ends before |
//! | `cell` | the memory of a task, and the counted pointers to it |
//! | `blocks` | the memory of tasks: pages of blocks |
//! | `stage` | what is in it: the user's future, and its end, however it ends; then the result |
//! | `number` | a green thread as one word |
//! | `waker` | a waker that is that word |
//! | `wake` | who is woken, from wherever |
//! | `run` | one turn of one green thread |
//! | `ending` | kill, end, and who is told of it |
//! | `links` | calling those who are told |
//! | `exit` | why there is no result |
//! | `green_thread` | the handle: wait, kill, cancel, link |
//! | `peer` | a name that is only an address |
//! | `peers` | who has one |
//! | `killed` | kill: the mark, and why, by whom and where |
//! | `kill` | waiting until a killed one is gone |
//!
//! A kill is a mark in the slot and a wake-up: the task sees the mark at its next turn and drops
//! the user's future instead of polling it. So a kill keeps the order of turns, a killed future is
//! dropped on the hub's thread and outside any other green thread's poll, and there is one way out
//! of a task, which tells links and waiters.

#[allow(
    unsafe_code,
    reason = "keeps memory that is nobody's; see the file's page"
)]
mod blocks;
#[allow(
    unsafe_code,
    reason = "a counted pointer of one word; see the file's page"
)]
mod cell;
mod ending;
mod exit;
mod green_thread;
mod id;
mod info;
mod kill;
mod killed;
mod links;
mod number;
mod peer;
mod peers;
mod run;
mod slot;
mod slots;
mod spawn;
mod stage;
mod tied;
mod wake;
#[allow(unsafe_code, reason = "makes a Waker of a number; see the file's page")]
mod waker;

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

pub(crate) use blocks::give_all_back;
pub(crate) use cell::{Joinable, TaskRef};
pub(crate) use ending::Who;
pub(crate) use id::{HubId, IdSource, Key};
pub(crate) use links::Calling;
pub(crate) use number::{MOST_GREEN_THREADS, MOST_HUBS, Number};
pub(crate) use peer::Peer;
pub(crate) use peers::Peers;
pub(crate) use run::Turn;
pub(crate) use slot::{Birth, Cold, Extra, Flags, Link, Slot};
pub(crate) use slots::Slots;
pub(crate) use spawn::{ROOT_NAME, start};
pub(crate) use wake::wake;
