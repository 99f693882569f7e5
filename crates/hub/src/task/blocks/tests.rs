//! Pages by scripts and by chance, up to the end of the thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use proptest::prelude::*;

use super::*;

thread_local! {
    /// Pages of this thread that were not freed.
    pub(super) static PAGES: Cell<usize> = const { Cell::new(0) };
}

fn pages() -> usize {
    PAGES.get()
}

/// Somebody's memory, with a mark at both of its ends. It goes back when it is dropped.
#[derive(Debug)]
struct Block {
    memory: NonNull<u8>,
    offset: Offset,
    layout: Layout,
    mark: u64,
}

impl Block {
    fn of(layout: Layout) -> Self {
        let (memory, offset) = take(layout);
        assert_eq!(memory.addr().get() % layout.align(), 0);
        let mark = memory.addr().get() as u64 ^ layout.size() as u64;
        let block = Block {
            memory,
            offset,
            layout,
            mark,
        };
        for end in block.ends() {
            // SAFETY: the memory is of this layout, and nobody else's.
            unsafe { end.write_unaligned(mark) }
        }
        block
    }

    fn ends(&self) -> [NonNull<u64>; 2] {
        let last = self.layout.size() - size_of::<u64>();
        // SAFETY: every layout here has eight bytes.
        [self.memory.cast(), unsafe {
            self.memory.byte_add(last).cast()
        }]
    }

    fn address(&self) -> usize {
        self.memory.addr().get()
    }

    fn page(&self) -> usize {
        self.address() - self.offset.0 as usize
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        for end in self.ends() {
            // SAFETY: it was written when the memory was taken.
            assert_eq!(unsafe { end.read_unaligned() }, self.mark, "touched");
        }
        // SAFETY: it was taken with this layout and is used no more.
        unsafe { give_back(self.memory, self.offset, self.layout) }
    }
}

fn words(number: usize) -> Layout {
    Layout::array::<u64>(number).unwrap()
}

fn crowd(layout: Layout, number: usize) -> Vec<Block> {
    (0..number).map(|_| Block::of(layout)).collect()
}

fn in_a_page(layout: Layout) -> usize {
    blocks_of(number_of(layout).unwrap())
}

#[test]
fn what_is_given_back_last_is_taken_next() {
    let layout = words(12);
    let _other = Block::of(layout);
    let [one, two] = [Block::of(layout), Block::of(layout)];
    let [first, second] = [one.address(), two.address()];
    assert_eq!(second, first + layout.size(), "side by side");
    drop(one);
    drop(two);
    let again = [Block::of(layout), Block::of(words(12))].map(|block| block.address());
    assert_eq!(again, [second, first]);
}

#[test]
fn one_that_comes_and_goes_beside_a_full_page_makes_no_pages() {
    let layout = words(16);
    let _full = crowd(layout, in_a_page(layout));
    let lone = Block::of(layout).page();
    for _ in 0..10 {
        assert_eq!(Block::of(layout).page(), lone);
        assert_eq!(pages(), 2);
    }
}

#[test]
fn as_many_are_kept_as_come_and_go() {
    let layout = words(15);
    let pages_of = |blocks: &[Block]| blocks.iter().map(Block::page).collect::<BTreeSet<_>>();
    let first = pages_of(&crowd(layout, MOST));
    assert_eq!(first.len(), MOST.div_ceil(in_a_page(layout)));
    for _ in 0..3 {
        let again = pages_of(&crowd(layout, MOST));
        assert!(again == first && pages() == first.len());
    }
    give_all_back();
    assert_eq!(pages(), 0);
}

// proves A-12
#[test]
fn a_crowd_that_goes_leaves_little_behind() {
    let layout = words(15);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..3 {
        let mut crowd = crowd(layout, 20 * MOST);
        assert_eq!(pages(), (20 * MOST).div_ceil(in_a_page(layout)));
        random.shuffle(&mut crowd);
        drop(crowd);
        assert_eq!(pages(), 1 + LEAST as usize);
    }
}

// proves A-12: and they are filled up again before there are new ones
#[test]
fn survivors_keep_their_pages_only() {
    let layout = words(20);
    let all = crowd(layout, (10 + 3 * MOST / 50) * in_a_page(layout));
    let mut page = 0;
    let is_first_of_page =
        |block: &Block| std::mem::replace(&mut page, block.page()) != block.page();
    let (mut survivors, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_first_of_page);
    survivors.truncate(10);
    drop(others);
    assert!(pages() <= 10 + LEAST as usize, "{} pages", pages());
    let room = pages() * in_a_page(layout) - survivors.len();
    let newcomers = crowd(layout, room);
    assert_eq!(pages() * in_a_page(layout), room + survivors.len());
    let one_more = Block::of(layout);
    assert!(
        newcomers
            .iter()
            .all(|block| block.page() != one_more.page())
    );
}

#[test]
fn what_is_large_or_aligned_by_more_has_no_page() {
    for layout in [words(129), words(8).align_to(64).unwrap()] {
        assert_eq!(number_of(layout), None);
        let block = Block::of(layout);
        assert_eq!((block.offset, pages()), (Offset::OF_NO_PAGE, 0));
    }
}

#[test]
fn every_size_fits_into_what_it_is_cut_to() {
    for (size, align) in (16..1500).flat_map(|size| [(size, 8), (size, ALIGN)]) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let blocks = [Block::of(layout), Block::of(layout)];
        let apart = blocks[1].address().abs_diff(blocks[0].address());
        assert!(apart >= size);
        assert_eq!(size <= LARGEST, number_of(layout).is_some());
    }
    assert!(most(LARGEST / STEP) > LEAST && blocks_of(LARGEST / STEP) == FEWEST);
    give_all_back();
    assert_eq!(pages(), 0);
}

#[test]
fn blocks_outlive_a_hub() {
    let layout = words(100);
    let mut blocks = crowd(layout, 10 * in_a_page(layout) + 1);
    give_all_back();
    assert_eq!(pages(), 11);
    blocks.swap(0, 70);
    drop(blocks);
    give_all_back();
    assert_eq!(pages(), 0);
}

/// Tells how many pages are left when a thread is over.
struct Tells(Sender<usize>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.send(pages()).expect("somebody listens");
    }
}

/// Takes some more when it goes.
struct Keeps(Vec<Block>);

impl Drop for Keeps {
    fn drop(&mut self) {
        let layout = self.0[0].layout;
        let more = crowd(layout, 2 * in_a_page(layout));
        self.0.reverse();
        self.0.clear();
        drop(more);
        drop(Block::of(layout));
    }
}

// Thread-locals go in the opposite order of their first use, or in some other one.
#[test]
fn blocks_outlive_the_thread_that_ends() {
    thread_local! {
        static TELLS: Cell<Option<Tells>> = const { Cell::new(None) };
        static BEFORE: Cell<Option<Keeps>> = const { Cell::new(None) };
        static AFTER: Cell<Option<Keeps>> = const { Cell::new(None) };
    }
    let layout = words(100);
    let some = move || Some(Keeps(crowd(layout, 3 * in_a_page(layout))));
    for (before, after) in [(true, false), (false, true), (true, true), (false, false)] {
        let (tell, told) = channel();
        let ended = thread::spawn(move || {
            TELLS.set(Some(Tells(tell)));
            BEFORE.set(None);
            // This is the first use of pages, and of their end.
            let others = crowd(layout, 40 * in_a_page(layout));
            AFTER.set(after.then(some).flatten());
            BEFORE.set(before.then(some).flatten());
            drop(others);
            assert!(pages() > 3);
        });
        ended.join().expect("it ends");
        assert_eq!(told.recv(), Ok(0), "before: {before}, after: {after}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Take(Layout, usize),
    /// How many, and from where on.
    GiveBack(usize, usize),
    /// So many of all, here and there.
    Thin(usize),
    Clear,
}

/// What must hold whatever was done.
fn check(held: &[Block]) {
    let mut in_use = BTreeMap::<_, usize>::new();
    for block in held {
        *in_use
            .entry((number_of(block.layout), block.page()))
            .or_default() += 1;
    }
    let mut all = 0;
    HERE.with(|here| {
        for (number, room) in here.rooms.iter().enumerate() {
            let mut vacant = 0;
            for (link, is_aside) in [(&room.first, false), (&room.vacant, true)] {
                let (mut next, mut prev, mut length) = (link.get(), None, 0);
                while let Some(page) = next {
                    // SAFETY: it is linked.
                    let head = unsafe { page.as_ref() };
                    let key = (Some(number), page.addr().get());
                    let used = in_use.remove(&key).unwrap_or(0);
                    assert_eq!(head.used.get() as usize, used);
                    assert!(used < blocks_of(number), "a full one is in no list");
                    assert!(is_aside || head.prev.get() == prev);
                    (length, prev, next) = (length + 1, Some(page), head.next.get());
                    vacant += u32::from(used == 0);
                    assert!(used > 0 || is_aside || (length, next) == (1, None), "lone");
                    assert!(used == 0 || !is_aside);
                }
                assert!(!is_aside || length == room.set_aside.get());
                all += length as usize;
            }
            assert!(
                number == 0 || vacant <= 1 + most(number),
                "{vacant} are kept"
            );
        }
    });
    let mut full = 0;
    for ((number, _), used) in in_use {
        if let Some(number) = number {
            assert_eq!(used, blocks_of(number), "those in no list are full");
            full += 1;
        }
    }
    assert_eq!(pages(), all + full, "no page is lost");
}

fn replay(steps: &[Step]) {
    let mut held = Vec::new();
    for step in steps {
        match *step {
            Step::Take(layout, number) => held.extend(crowd(layout, number)),
            Step::GiveBack(number, from) => {
                let from = from % (held.len() + 1);
                let to = held.len().min(from + number);
                held.drain(from..to);
            }
            Step::Thin(each) => {
                let mut n = 0;
                held.retain(|_| {
                    n += 1;
                    n % each == 0
                });
            }
            Step::Clear => give_all_back(),
        }
        check(&held);
    }
    let addresses: BTreeSet<_> = held.iter().map(Block::address).collect();
    assert_eq!(addresses.len(), held.len());
    held.clear();
    check(&held);
    give_all_back();
    assert_eq!(pages(), 0);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let layout = prop_oneof![
        Just(words(128)),
        Just(words(60)),
        Just(words(59).align_to(ALIGN).unwrap()),
        Just(words(13)),
        Just(words(200)),
    ];
    let number = prop_oneof![1..3_usize, 1..40_usize, 1..700_usize];
    let step = prop_oneof![
        4 => (layout, number.clone()).prop_map(|(layout, number)| Step::Take(layout, number)),
        3 => (number, any::<usize>()).prop_map(|(number, from)| Step::GiveBack(number, from)),
        1 => (2..20_usize).prop_map(Step::Thin),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 0..if cfg!(miri) { 10 } else { 60 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

    // proves A-12: blocks are disjoint and kept intact, and every page is in its list, full or freed
    #[test]
    fn blocks_are_taken_and_given_back_in_any_order(steps in steps()) {
        replay(&steps);
    }
}
