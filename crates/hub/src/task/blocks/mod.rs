//! The memory of tasks: pages of blocks.
//!
//! A server spawns for each request, so a task's memory is asked for and given back as often as anything happens. The
//! allocator of the system has seven blocks of a size at hand. For more it takes 200 instructions there and back, and when tasks end in another
//! order than they came, as sleepers do, it joins each with its neighbours, whose cache lines have to be fetched for that: that was
//! a quarter of what a sleep costs. Here a block is one of a page's, all of one size, and goes back to its page.
//!
//! **A page** is one piece of the allocator's memory, of 8 KiB or of 16 blocks if these are larger. At its head
//! stands a [`Page`]: the list of the blocks that were given back, the last one first, since that one is warm; where those
//! begin that were never used, which are not touched before they are needed; how many are in use. A task keeps its
//! [`Offset`], the distance from there, so one subtraction leads from a block to its page. No table of pages is kept
//! anywhere. (An aligned page would be found without an `Offset`, but costs the allocator as much again
//! for the alignment. The offset takes nothing: it stands beside the task's count.)
//!
//! **Where blocks come from.** Each size has a list of its pages with room, [`Room`]. Blocks are taken from the first. A page that was full and
//! has room again becomes the first: it is the fullest, so others get the time to become vacant. A full page is in no list.
//!
//! **Where vacant pages go.** One that is alone in its list stays there, for the one that comes and goes. Others are set aside: of each size
//! [`LEAST`], one more each time that none was left, up to [`most`], and one less each time that one came too
//! many; what is too many is freed. So a thousand that come and go find their memory again, while a million that go leave next to
//! nothing behind (promise A-12). All vacant pages go when a hub of this thread ends, or the thread itself.
//!
//! **The price.** A page stays as long as one of its blocks is in use: of a crowd that goes, each survivor may keep 8 KiB, or
//! sixteen times its own size, for whoever comes next with a task of that size.
//!
//! What the unsafe code rests on:
//!
//! - **A page lives as long as a block of it is in use.** Only vacant ones are freed: [`free`] is called by those who have
//!   just seen the count at zero. So whoever gives a block back has a page, whatever became of the hub or the thread's lists since.
//! - **A page that is linked lives.** Before it is freed it is taken out of the list that it is in; which one follows from its count.
//! - **Pointers to blocks are made of the pointer to the page**, which is the allocator's and may be used for the whole of it; so from a block
//!   one may go back to its page.
//! - **One thread.** Nothing here is `Send`, and neither are those who hold a block.
//! - The heads of the lists have no destructor and can be used until the thread is gone, also by destructors of other thread-locals that hold a task. What empties
//!   them, [`AtTheEnd`], is another thread-local; whatever becomes vacant after it is freed at once.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::mem::needs_drop;
use std::ptr::NonNull;

#[cfg(test)]
mod tests;

/// Each block is the allocator's own business, so that a tool sees who uses one that went back. This file's tests
/// are about pages, also there.
const APART: bool = cfg!(all(any(miri, evlet_sanitizer), not(test)));

/// Sizes are this far apart.
const STEP: usize = 8;

/// What every page is aligned to, and so each block whose size is a multiple of it.
const ALIGN: usize = 16;

/// Larger ones are the allocator's own business.
const LARGEST: usize = 1024;

/// Room in a page, its head included.
const PAGE: usize = 8 * 1024;

/// Blocks in a page of large ones.
const FEWEST: usize = 16;

/// Vacant pages of a size that are always kept.
const LEAST: u32 = 1;

/// Blocks in vacant pages of a size that are kept at times.
const MOST: usize = 1024;

/// The number of the size that such memory is cut to; `None` where it is large, or aligned by more than most.
#[inline]
const fn number_of(layout: Layout) -> Option<usize> {
    if APART {
        return None;
    }
    let aligned = layout.size().next_multiple_of(layout.align());
    match 0 < aligned && aligned <= LARGEST && layout.align() <= ALIGN {
        true => Some(aligned.div_ceil(STEP)),
        false => None,
    }
}

#[inline]
const fn size_of_number(number: usize) -> usize {
    number * STEP
}

/// How many blocks a page has.
#[inline]
const fn blocks_of(number: usize) -> usize {
    let blocks = (PAGE - size_of::<Page>()) / size_of_number(number);
    if blocks > FEWEST { blocks } else { FEWEST }
}

/// Vacant pages that are kept at most.
const fn most(number: usize) -> u32 {
    MOST.div_ceil(blocks_of(number)) as u32
}

const fn layout_of_page(number: usize) -> Layout {
    let size = size_of::<Page>() + blocks_of(number) * size_of_number(number);
    match Layout::from_size_align(size, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("a small size and a power of two"),
    }
}

/// Where in its page a block begins, in bytes; of one that is in no page, zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset(u16);

impl Offset {
    const OF_NO_PAGE: Offset = Offset(0);
}

const _: () = {
    let mut number = 1;
    while number <= LARGEST / STEP {
        assert!(layout_of_page(number).size() <= u16::MAX as usize);
        number += 1;
    }
};

type Link = Cell<Option<NonNull<Page>>>;

/// What a page begins with. Its blocks follow.
#[repr(C, align(16))]
struct Page {
    /// The neighbours in the list of those with room, or the next of those set aside.
    next: Link,
    prev: Link,
    /// The block that was given back last. In it stands which one was before.
    free: Cell<Offset>,
    /// The first of the blocks that were never used.
    unused: Cell<u16>,
    /// Blocks that somebody has.
    used: Cell<u32>,
}

/// The pages of one size.
struct Room {
    /// Of those with room. Only a lone one may be vacant.
    first: Link,
    /// Of vacant ones that are set aside.
    vacant: Link,
    set_aside: Cell<u32>,
    /// So many may be set aside besides [`LEAST`].
    more: Cell<u32>,
}

struct Here {
    rooms: [Room; LARGEST / STEP + 1],
    /// Nothing vacant is to be kept: the thread ends.
    ends: Cell<bool>,
}

/// Gives back what is vacant when the thread ends.
struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        HERE.with(|here| here.ends.set(true));
        give_all_back();
    }
}

const _: () = assert!(!needs_drop::<Here>(), "see the file's page");

thread_local! {
    static HERE: Here = const {
        Here {
            rooms: [const { Room::new() }; LARGEST / STEP + 1],
            ends: Cell::new(false),
        }
    };

    static AT_THE_END: AtTheEnd = const { AtTheEnd };
}

impl Room {
    const fn new() -> Self {
        Room {
            first: Cell::new(None),
            vacant: Cell::new(None),
            set_aside: Cell::new(0),
            more: Cell::new(0),
        }
    }

    #[inline]
    fn take(&self, number: usize) -> (NonNull<u8>, Offset) {
        let page = match self.first.get() {
            Some(page) => page,
            None => self.open(number),
        };
        // SAFETY: pages that are linked live, and one with room is not freed here.
        let head = unsafe { page.as_ref() };
        let offset = match head.free.get() {
            Offset::OF_NO_PAGE => {
                let unused = head.unused.get();
                head.unused.set(unused + size_of_number(number) as u16);
                Offset(unused)
            }
            offset => {
                // SAFETY: such a block is in the page and nobody's, and `give_back` has written an offset into it.
                head.free.set(unsafe { offset.in_page(page).cast().read() });
                offset
            }
        };
        let used = head.used.get() + 1;
        head.used.set(used);
        if used as usize == blocks_of(number) {
            self.take_out(page);
        }
        // SAFETY: there was room, so the block is in the page.
        (unsafe { offset.in_page(page) }, offset)
    }

    /// There is no page with room: makes one the first.
    #[cold]
    fn open(&self, number: usize) -> NonNull<Page> {
        let page = self.take_vacant().unwrap_or_else(|| {
            let more = self.more.get() + 1;
            self.more.set(more.min(most(number) - LEAST));
            new_page(number)
        });
        self.put_first(page);
        page
    }

    fn take_vacant(&self) -> Option<NonNull<Page>> {
        let page = self.vacant.get()?;
        // SAFETY: pages that are linked live.
        self.vacant.set(unsafe { page.as_ref() }.next.get());
        self.set_aside.set(self.set_aside.get() - 1);
        Some(page)
    }

    fn put_first(&self, page: NonNull<Page>) {
        let second = self.first.replace(Some(page));
        // SAFETY: the page has just been taken out of where it was, or made; pages that are linked live.
        let head = unsafe { page.as_ref() };
        head.next.set(second);
        head.prev.set(None);
        if let Some(second) = second {
            // SAFETY: as above.
            unsafe { second.as_ref() }.prev.set(Some(page));
        }
    }

    /// Takes a page out of the list of those with room.
    #[cold]
    fn take_out(&self, page: NonNull<Page>) {
        // SAFETY: pages that are linked live, this one and its neighbours.
        unsafe {
            let (prev, next) = (page.as_ref().prev.get(), page.as_ref().next.get());
            match prev {
                Some(prev) => prev.as_ref().next.set(next),
                None => self.first.set(next),
            }
            if let Some(next) = next {
                next.as_ref().prev.set(prev);
            }
        }
    }

    /// Keeps a page that is vacant and in no list, or frees it.
    fn put_aside(&self, page: NonNull<Page>, number: usize, ends: bool) {
        let (kept, more) = (self.set_aside.get(), self.more.get());
        if !ends && kept < LEAST + more {
            // SAFETY: it is not freed, since it is only now that it is to be kept.
            unsafe { page.as_ref() }
                .next
                .set(self.vacant.replace(Some(page)));
            self.set_aside.set(kept + 1);
            return;
        }
        // One too many: another one goes with it.
        self.more.set(more.saturating_sub(1));
        let other = (more > 0).then(|| self.take_vacant()).flatten();
        for page in [Some(page), other].into_iter().flatten() {
            // SAFETY: both are vacant, this one was in no list and the other has been taken out.
            unsafe { free(page, number) }
        }
    }
}

impl Offset {
    /// The block that begins here.
    ///
    /// # Safety
    /// It is an offset in this page.
    #[inline]
    unsafe fn in_page(self, page: NonNull<Page>) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        unsafe { page.cast().byte_add(self.0 as usize) }
    }
}

impl Here {
    /// A page has become vacant or has room again.
    #[cold]
    fn turned(&self, page: NonNull<Page>, number: usize) {
        let room = &self.rooms[number];
        let is_vacant = |page: NonNull<Page>| {
            // SAFETY: it is linked or has just lost a block, and nothing was freed since.
            unsafe { page.as_ref() }.used.get() == 0
        };
        if !is_vacant(page) {
            // A lone vacant one has been kept for want of others.
            let lone = room.first.get().filter(|first| is_vacant(*first));
            if let Some(lone) = lone {
                room.take_out(lone);
                room.put_aside(lone, number, self.ends.get());
            }
            return room.put_first(page);
        }
        // SAFETY: it is vacant, but not freed.
        let head = unsafe { page.as_ref() };
        let is_alone = head.next.get().is_none() && head.prev.get().is_none();
        if self.ends.get() || !is_alone {
            room.take_out(page);
            room.put_aside(page, number, self.ends.get());
        }
    }

    fn clear(&self) {
        for (number, room) in self.rooms.iter().enumerate() {
            room.more.set(0);
            // SAFETY: pages that are linked live.
            let lone = room
                .first
                .get()
                .filter(|first| unsafe { first.as_ref() }.used.get() == 0);
            if let Some(lone) = lone {
                room.take_out(lone);
            }
            for page in lone
                .into_iter()
                .chain(std::iter::from_fn(|| room.take_vacant()))
            {
                // SAFETY: it is vacant and has been taken out of its list.
                unsafe { free(page, number) }
            }
        }
    }
}

/// Memory for `layout`, and its offset. It goes back by [`give_back`] with the same of both.
///
/// # Panics
/// When nothing is asked for.
#[inline]
pub(super) fn take(layout: Layout) -> (NonNull<u8>, Offset) {
    match number_of(layout) {
        Some(number) => HERE.with(|here| here.rooms[number].take(number)),
        None => (allocate(layout), Offset::OF_NO_PAGE),
    }
}

/// Gives memory back.
///
/// # Safety
/// It came from [`take`] with this layout and at this offset, with a pointer that may be used for all that
/// came with it, and nobody uses it any more.
#[inline]
pub(super) unsafe fn give_back(memory: NonNull<u8>, offset: Offset, layout: Layout) {
    let Some(number) = number_of(layout) else {
        // SAFETY: the caller's promise: it was allocated with this layout.
        return unsafe { dealloc(memory.as_ptr(), layout) };
    };
    // SAFETY: the caller's promise: a block of a page, which lives as long as that. The block is nobody's now, large
    // enough for an offset and aligned for it.
    let (page, head) = unsafe {
        let page = memory.byte_sub(offset.0 as usize).cast::<Page>();
        let head = page.as_ref();
        memory.cast::<Offset>().write(head.free.replace(offset));
        (page, head)
    };
    let used = head.used.get() - 1;
    head.used.set(used);
    // Vacant, or full until now.
    if used == 0 || used as usize == blocks_of(number) - 1 {
        HERE.with(|here| here.turned(page, number));
    }
}

/// Gives all that is vacant on this thread back to the allocator.
pub(crate) fn give_all_back() {
    HERE.with(Here::clear);
}

/// Memory of the allocator.
#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0, "memory of no size is asked for");
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// A new page, vacant and in no list.
#[cold]
fn new_page(number: usize) -> NonNull<Page> {
    // Fails at the end of the thread, when nothing is kept any more.
    let _ = AT_THE_END.try_with(|_| ());
    let page = allocate(layout_of_page(number)).cast::<Page>();
    let head = Page {
        next: Cell::new(None),
        prev: Cell::new(None),
        free: Cell::new(Offset::OF_NO_PAGE),
        unused: Cell::new(size_of::<Page>() as u16),
        used: Cell::new(0),
    };
    // SAFETY: the memory is large enough for a head and blocks, aligned for both, and nobody else's.
    unsafe { page.write(head) };
    #[cfg(test)]
    tests::PAGES.with(|pages| pages.set(pages.get() + 1));
    page
}

/// # Safety
/// The page is of this number, vacant and in no list.
#[cold]
unsafe fn free(page: NonNull<Page>, number: usize) {
    // SAFETY: `new_page` allocated it with this layout, and by the caller's promise nothing leads to it any more.
    unsafe { dealloc(page.cast().as_ptr(), layout_of_page(number)) };
    #[cfg(test)]
    tests::PAGES.with(|pages| pages.set(pages.get() - 1));
}
