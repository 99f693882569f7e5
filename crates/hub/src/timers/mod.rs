//! Timers: one structure, owned by the hub.
//!
//! The common life of a timer is to be set and cancelled (a timeout around each read), so both are
//! O(1): a hierarchical wheel (Varghese and Lauck, 1987) of eight levels with 64 slots each, linked
//! by indices. A tick of the lowest level is 2¹⁶ ns, about 66 µs; eight levels reach over the whole
//! range of `u64` nanoseconds.
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
//! A cancelled entry leaves at once and its memory goes back with its chunk ([`crate::arena`]).

mod wheel;

pub(crate) use wheel::{Due, TimerKey, Timers};

#[cfg(test)]
mod tests;
