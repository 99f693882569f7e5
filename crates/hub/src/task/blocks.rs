//! The memory of tasks that ended, kept for those that come.
//!
//! A server spawns for each request, so a task's memory is asked for and given back as often as anything
//! happens. glibc's allocator has seven blocks of a size at hand; for more it takes 200 instructions there and back, which was
//! more than a quarter of a spawn. Here it takes two dozen: blocks are kept by size, and the one that was given back last
//! is the next to be taken, while it is warm.
//!
//! Small ones only are kept, and of each size as many as are used: there is room for [`LEAST`] blocks, for one more each time
//! that none was left, up to [`MOST`], and for one less each time that one came too many. So a thousand that come and go
//! find their memory again, while a million that go leave next to nothing behind (promise A-12). All goes back
//! to the allocator when a hub of this thread ends, or the thread itself.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;

/// Blocks of one size for which there is always room.
const LEAST: usize = 64;

/// And for which there is room at times.
const MOST: usize = 1024;

/// Sizes are this far apart, and the smallest is half of it: glibc's blocks are multiples of 16 with 8 bytes of
/// its own in each.
const STEP: usize = 16;

/// What an allocator aligns every block to, so that its size is all there is to know of one.
const ALIGN: usize = 16;

/// Sizes that are kept: up to 1,016 bytes.
const SIZES: usize = 64;

#[inline]
const fn size_of_number(number: usize) -> usize {
    number * STEP + STEP / 2
}

/// The number of the size that such memory is cut to; `None` where it is large, or aligned by more than most.
#[inline]
const fn number_of(layout: Layout) -> Option<usize> {
    let number = (layout.size() + STEP / 2 - 1) / STEP;
    match number < SIZES && layout.align() <= ALIGN {
        true => Some(number),
        false => None,
    }
}

/// What the allocator is asked for.
#[inline]
const fn cut(layout: Layout) -> Layout {
    let Some(number) = number_of(layout) else {
        return layout;
    };
    match Layout::from_size_align(size_of_number(number), ALIGN) {
        Ok(cut) => cut,
        Err(_) => panic!("a small size and a power of two"),
    }
}

/// Blocks of nobody, all of one size.
struct Blocks {
    kept: Vec<NonNull<u8>>,
    room: usize,
}

impl Blocks {
    const NONE: Self = Blocks {
        kept: Vec::new(),
        room: LEAST,
    };

    #[inline]
    fn take(&mut self) -> Option<NonNull<u8>> {
        let block = self.kept.pop();
        if block.is_none() {
            self.room = (self.room + 1).min(MOST);
        }
        block
    }

    /// Keeps a block if there is room for it; whether there was.
    #[inline]
    fn keep(&mut self, block: NonNull<u8>) -> bool {
        let has_room = self.kept.len() < self.room;
        if has_room {
            self.kept.push(block);
        }
        has_room
    }

    /// There was none. Afterwards there is room for one less, and that one is to go too.
    fn had_no_room(&mut self) -> Option<NonNull<u8>> {
        if self.room == LEAST {
            return None;
        }
        self.room -= 1;
        let block = self.kept.pop();
        if self.kept.capacity() / 4 > self.room {
            self.kept.shrink_to(2 * self.room);
        }
        block
    }
}

/// Those of a thread, by size.
struct Sizes([Blocks; SIZES]);

impl Drop for Sizes {
    fn drop(&mut self) {
        for (number, blocks) in self.0.iter_mut().enumerate() {
            let Ok(layout) = Layout::from_size_align(size_of_number(number), ALIGN) else {
                continue;
            };
            for block in blocks.kept.drain(..) {
                // SAFETY: `give_back` alone puts blocks in, each under the number of the size it was allocated
                // with, and whoever takes one out of the list has it alone.
                unsafe { dealloc(block.as_ptr(), layout) }
            }
        }
    }
}

thread_local! {
    static KEPT_HERE: RefCell<Sizes> =
        const { RefCell::new(Sizes([Blocks::NONE; SIZES])) };
}

/// Memory for `layout`. It goes back by [`give_back`] with the same layout.
///
/// # Panics
/// When nothing is asked for.
#[inline]
pub(super) fn take(layout: Layout) -> NonNull<u8> {
    let kept = number_of(layout).and_then(|number| {
        let pop = |sizes: &RefCell<Sizes>| sizes.borrow_mut().0[number].take();
        KEPT_HERE.try_with(pop).ok().flatten()
    });
    kept.unwrap_or_else(|| allocate(cut(layout)))
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0, "memory of no size is asked for");
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives memory back.
///
/// # Safety
/// It came from [`take`] with this layout, and nobody uses it any more.
#[inline]
pub(super) unsafe fn give_back(memory: NonNull<u8>, layout: Layout) {
    let is_kept = number_of(layout).is_some_and(|number| {
        let keep = |sizes: &RefCell<Sizes>| sizes.borrow_mut().0[number].keep(memory);
        // Fails at the end of the thread.
        KEPT_HERE.try_with(keep).unwrap_or(false)
    });
    if !is_kept {
        // SAFETY: the caller's promise is passed on.
        unsafe { free(memory, layout) }
    }
}

/// # Safety
/// As for [`give_back`].
#[cold]
unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    let other = number_of(layout).and_then(|number| {
        let other = |sizes: &RefCell<Sizes>| sizes.borrow_mut().0[number].had_no_room();
        KEPT_HERE.try_with(other).ok().flatten()
    });
    for memory in [Some(memory), other].into_iter().flatten() {
        // SAFETY: this one by the caller's promise; the other is of the same size, was kept, and has been taken out. Both
        // were allocated with what their layout was cut to.
        unsafe { dealloc(memory.as_ptr(), cut(layout)) }
    }
}

/// Gives all that is kept on this thread back to the allocator.
pub(crate) fn give_all_back() {
    let all = KEPT_HERE.try_with(|sizes| sizes.replace(Sizes([Blocks::NONE; SIZES])));
    drop(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(layout: Layout) -> usize {
        let number = number_of(layout).unwrap();
        KEPT_HERE.with(|sizes| sizes.borrow().0[number].kept.len())
    }

    #[test]
    fn what_is_given_back_last_is_taken_next() {
        let layout = Layout::new::<[u64; 12]>();
        let [one, other] = [take(layout), take(layout)];
        assert_ne!(one, other);
        // SAFETY: both were taken with this layout and are used no more.
        unsafe {
            give_back(one, layout);
            give_back(other, layout);
        }
        assert_eq!(take(layout), other);
        assert_eq!(
            take(Layout::new::<[u8; 95]>()),
            one,
            "of the same size, cut"
        );
        assert_eq!(kept(layout), 0);
        for memory in [one, other] {
            // SAFETY: as above.
            unsafe { give_back(memory, layout) }
        }
        give_all_back();
        assert_eq!(kept(layout), 0);
    }

    fn come_and_go(layout: Layout, number: usize) {
        let all: Vec<_> = (0..number).map(|_| take(layout)).collect();
        for memory in all {
            // SAFETY: it was taken with this layout and is used no more.
            unsafe { give_back(memory, layout) }
        }
    }

    #[test]
    fn as_many_are_kept_as_come_and_go() {
        let layout = Layout::new::<[u64; 5]>();
        come_and_go(layout, LEAST);
        assert_eq!(kept(layout), LEAST);
        come_and_go(layout, MOST - LEAST);
        assert_eq!(kept(layout), MOST - LEAST);
    }

    // proves A-12
    #[test]
    fn a_crowd_that_goes_leaves_little_behind() {
        let layout = Layout::new::<[u64; 7]>();
        come_and_go(layout, 10 * MOST);
        assert_eq!(kept(layout), LEAST);
    }

    #[test]
    fn what_is_large_or_aligned_by_more_is_not_kept() {
        #[repr(align(64))]
        #[expect(dead_code, reason = "only its layout is asked for")]
        struct Aligned(u8);
        for layout in [Layout::new::<Aligned>(), Layout::new::<[u64; 128]>()] {
            assert_eq!(number_of(layout), None);
            let memory = take(layout);
            assert_eq!(memory.addr().get() % layout.align(), 0);
            // SAFETY: it was taken with this layout and is used no more.
            unsafe { give_back(memory, layout) }
        }
    }

    #[test]
    fn every_size_fits_into_what_it_is_cut_to() {
        for size in 1..2000 {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let cut = cut(layout);
            assert!(cut.size() >= size && cut.size() < size + STEP);
        }
    }
}
