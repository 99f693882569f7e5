//! The waker of a green thread: its number, and no memory.
//!
//! A waker in the usual form is a counted pointer to the task, since it may be the last that holds it, on any
//! thread. To copy one and to drop it are two atomic operations, 10 ns here, and the task's state has to be atomic as well.
//! Here the hub alone owns its tasks ([`crate::task`]) and a waker only names one: copying it copies a word,
//! dropping it does nothing, and whoever outlives the hub names a green thread that is no more.

use std::mem::ManuallyDrop;
use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::task::Number;
use crate::task::wake::wake;

static VTABLE: RawWakerVTable = RawWakerVTable::new(copy, wake_data, wake_data, forget);

impl Number {
    /// The waker of the green thread with this number.
    #[inline]
    pub(crate) fn waker(self) -> Waker {
        // SAFETY: the contract of `RawWaker` asks that the four functions of the table be thread-safe, that
        // `clone` give a `RawWaker` for the same task, that `wake` and `drop` release what it holds, and that
        // `wake_by_ref` do not. The data is a number that is never used as a pointer; it holds nothing, so there
        // is nothing to release. The functions read that number, the table is `static`, and `wake` may be
        // called on any thread: elsewhere it only sends the number home.
        unsafe { Waker::new(as_data(self), &VTABLE) }
    }

    /// The same for a poll: not even the call that does nothing is made at its end.
    #[inline]
    pub(crate) fn waker_for_poll(self) -> ManuallyDrop<Waker> {
        ManuallyDrop::new(self.waker())
    }

    /// Whose waker it is, if it is one of ours.
    #[inline]
    pub(crate) fn of(waker: &Waker) -> Option<Self> {
        ptr::eq(waker.vtable(), &VTABLE).then(|| from_data(waker.data()))
    }
}

#[inline]
fn as_data(number: Number) -> *const () {
    ptr::without_provenance(number.word())
}

#[inline]
fn from_data(data: *const ()) -> Number {
    Number::from_word(data.addr())
}

fn copy(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

fn wake_data(data: *const ()) {
    wake(from_data(data));
}

fn forget(_: *const ()) {}
