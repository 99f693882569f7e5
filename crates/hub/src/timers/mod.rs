//! Timers: one structure, owned by the hub.
//!
//! The common life of a timer is to be set and cancelled (a timeout around each read), so both are
//! O(1): a hierarchical wheel (Varghese and Lauck, 1987) of eight levels with 64 slots each. A tick of the lowest level is 2¹⁶ ns, about 66 µs; eight levels reach over the whole
//! range of `u64` nanoseconds.
//!
//! A slot is an array of deadlines and indices, not a list through the entries: moving a slot's timers down a
//! level then reads them one after the other, where a list waits for memory at each step. With a hundred
//! thousand sleeps that wait was a fifth of everything.
//!
//! A wheel is coarse and unordered by nature. This one is neither:
//!
//! - Every entry keeps its deadline to the nanosecond. What is due is decided by it, never by the
//!   tick, so nothing fires early.
//! - What is due in one turn is sorted by deadline and, for equal ones, by order of creation.
//! - Every slot keeps a lower bound of its entries' deadlines. The hub sleeps until that bound, not
//!   until the slot's tick, so an entry far away costs no wake-ups on its way down the levels. A
//!   bound may be too low after a cancel: that costs one early wake-up, which finds nothing.
//!
//! A timeout does not read the clock when it is set: a reading costs 23 ns, a third of setting and
//! cancelling it. It stands in a list until the hub reads the clock at the end of the batch of polls, as it
//! does anyway while there are timers, and counts from that reading. So it is never early, and it does not
//! run while a greedy green thread keeps everybody from answering. One that is cancelled
//! before that has never been in the wheel. A sleep does read the clock: it may be a heartbeat, which
//! is to be on time although a greedy one runs in the same batch.
//!
//! A cancelled entry leaves at once and its memory goes back with its chunk ([`crate::arena`]).

mod wheel;

pub(crate) use wheel::{Due, TimerKey, Timers};

#[cfg(test)]
mod tests;
