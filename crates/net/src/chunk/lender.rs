//! The thread's store of buffers for chunks.
//!
//! Buffers have the sizes 512 B, 1 KiB, … 64 KiB. Of each size the one that came back last is lent first: it has a place
//! of its own, which is all that most messages touch. So many others are kept as make up 256 KiB, so that a
//! thread keeps little more than two MiB, and only after it has lent as much at the same time.

use std::cell::{Cell, RefCell};

use super::CHUNK_LIMIT;

const SMALLEST: usize = 512;
const SIZES: usize = (CHUNK_LIMIT / SMALLEST).ilog2() as usize + 1;
/// Bytes of each size that are kept.
const KEPT: usize = 4 * CHUNK_LIMIT;

/// Buffers of one size that nobody has now.
struct Idle {
    last: Cell<Option<Box<[u8]>>>,
    others: RefCell<Vec<Box<[u8]>>>,
}

impl Idle {
    const fn none() -> Idle {
        Idle {
            last: Cell::new(None),
            others: RefCell::new(Vec::new()),
        }
    }

    #[cold]
    fn keep(&self, buffer: Box<[u8]>) {
        let mut others = self.others.borrow_mut();
        if others.len() < KEPT / buffer.len() {
            others.push(buffer);
        }
    }
}

thread_local! {
    static IDLE: [Idle; SIZES] = const { [const { Idle::none() }; SIZES] };
}

/// How large a buffer is: so many times twice the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size(u8);

impl Size {
    /// For so many bytes, which are no more than [`CHUNK_LIMIT`].
    #[inline]
    pub(super) fn of(len: usize) -> Size {
        let halves = len.saturating_sub(1) / SMALLEST;
        Size((usize::BITS - halves.leading_zeros()) as u8)
    }

    /// That of a buffer of `len` bytes, if there are such.
    pub(super) fn exactly(len: usize) -> Option<Size> {
        let is_one = len.is_power_of_two() && (SMALLEST..=CHUNK_LIMIT).contains(&len);
        is_one.then(|| Size::of(len))
    }

    #[inline]
    fn place(self) -> usize {
        usize::from(self.0) % SIZES // none is larger, and the compiler need not ask
    }

    #[inline]
    pub(super) fn lend(self) -> Box<[u8]> {
        match IDLE.try_with(|idle| idle[self.place()].last.take()) {
            Ok(Some(buffer)) => buffer,
            _ => self.lend_another(),
        }
    }

    /// At the end of its thread a buffer finds no store any more, and is freed.
    #[inline]
    pub(super) fn give_back(self, buffer: Box<[u8]>) {
        let _ = IDLE.try_with(|idle| {
            let idle = &idle[self.place()];
            if let Some(before) = idle.last.replace(Some(buffer)) {
                idle.keep(before);
            }
        });
    }

    #[cold]
    fn lend_another(self) -> Box<[u8]> {
        let kept = IDLE.try_with(|idle| idle[self.place()].others.borrow_mut().pop());
        match kept {
            Ok(Some(buffer)) => buffer,
            _ => vec![0; SMALLEST << self.place()].into_boxed_slice(),
        }
    }
}
