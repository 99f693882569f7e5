//! The pool's handle.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

use evlet_hub::GreenThread;

use crate::pool::apply::{Apply, Whole};
use crate::pool::member::{Slot, is_inside};
use crate::pool::slots::Slots;
use crate::pool::spawn::start;
use crate::pool::{Imap, PoolFull, Spawn, SpawnN, WaitAll};
use crate::wakers::Wakers;

/// A bounded set of green threads.
///
/// [`spawn`](Self::spawn) waits while the pool is full, so the pool's size is the back pressure: a
/// loop that takes a job and spawns it in the pool stops taking jobs when enough are under way. A
/// clone is another handle of the same pool. Dropping the last handle ends nothing; the members go
/// on.
///
/// # Example
/// ```
/// use evlet_green::{GreenPool, LightQueue};
/// use evlet_hub::{run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let updates = LightQueue::unbounded();
///     for router in 0..20 {
///         updates.put(router).await;
///     }
///     let pool = GreenPool::new(8);
///     while let Ok(router) = updates.get_nowait() {
///         pool.spawn_n(async move {
///             sleep(Duration::from_millis(1)).await;
///             println!("router {router} is up to date");
///         })
///         .await; // waits here while 8 are under way
///     }
///     pool.waitall().await;
///     assert_eq!(pool.running(), 0);
/// });
/// ```
///
/// After eventlet's `GreenPool`, with these differences: `waitall` does not hang (see there);
/// [`resize`](Self::resize) wakes blocked spawners at once; [`imap`](Self::imap) runs within this
/// pool and not in a hidden one of the same size.
#[derive(Clone)]
pub struct GreenPool {
    slots: Rc<RefCell<Slots>>,
}

impl GreenPool {
    /// A pool of at most `size` green threads. In one of size zero, every spawn waits for a
    /// [`resize`](Self::resize).
    #[must_use]
    pub fn new(size: usize) -> Self {
        GreenPool {
            slots: Rc::new(RefCell::new(Slots::new(size))),
        }
    }

    /// Starts a green thread in the pool; waits for a free place, first come, first served.
    ///
    /// When it is full and the caller is a member of this very pool, waiting might be for ever, so
    /// the job is run inline, in the caller's turn, without a place of its own; the handle that
    /// comes back has finished already, and a panic of the job comes out here. That is eventlet's
    /// rule. Only members themselves are treated so, not green threads they started elsewhere.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Cancel safety
    /// Dropping the future before it is done drops `job`, which has not been started. The place in
    /// the line is lost. A job that is being run inline ends where it is.
    ///
    /// # Example
    /// ```
    /// use evlet_green::GreenPool;
    /// evlet_hub::run(async {
    ///     let pool = GreenPool::new(4);
    ///     let sum = pool.spawn(async { 2 + 3 }).await;
    ///     assert_eq!(sum.await.unwrap(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, job: F) -> Spawn<'_, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Spawn::new(&self.slots, job, Location::caller())
    }

    /// [`spawn`](Self::spawn) for a job whose result nobody wants. A panic in it goes to the hub's
    /// report, also when it was run inline.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Cancel safety
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_n<F>(&self, job: F) -> SpawnN<'_, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        SpawnN(Spawn::new(&self.slots, job, Location::caller()))
    }

    /// Starts a green thread in the pool if a place is free and nobody waits for it.
    ///
    /// # Errors
    /// [`PoolFull`], with the job in it.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Example
    /// ```
    /// use evlet_green::{GreenPool, PoolFull};
    /// evlet_hub::run(async {
    ///     let pool = GreenPool::new(1);
    ///     let first = pool.try_spawn(async { 1 }).unwrap();
    ///     let PoolFull(job) = pool.try_spawn(async { 2 }).unwrap_err();
    ///     assert_eq!(first.await.unwrap() + job.await, 3);
    /// });
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(&self, job: F) -> Result<GreenThread<F::Output>, PoolFull<F>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // Not in the `if`: the borrow must end before the spawn.
        let taken = self.slots.borrow_mut().take();
        if taken.is_none() {
            return Err(PoolFull(job));
        }
        Ok(start(Location::caller(), job, Slot::taken(&self.slots)))
    }

    /// Waits until no member runs and no blocked spawner is about to start one. Any number may
    /// wait.
    ///
    /// A member may call it too. It resolves then when every other member has ended *or waits in
    /// `waitall` itself*: two members that wait for each other both go on. (eventlet raises an
    /// assertion there.) Spawners blocked by a pool of size zero are not waited for.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn waitall(&self) -> WaitAll<'_> {
        WaitAll::new(&self.slots, Location::caller())
    }

    /// Changes the size, at once.
    ///
    /// A larger pool wakes spawners that wait. A smaller one ends nothing: members go on, and
    /// [`free`](Self::free) is negative until enough of them have ended.
    pub fn resize(&self, size: usize) {
        let mut wakers = Wakers::default();
        self.slots.borrow_mut().resize(size, &mut wakers);
        wakers.wake();
    }

    /// How many green threads of the pool are alive. Jobs that were run inline are not counted.
    #[must_use]
    pub fn running(&self) -> usize {
        self.slots.borrow().running
    }

    /// How many jobs can be started without waiting; negative while a pool that was made smaller
    /// has too many members. A place that is promised to a spawner that waited is not free.
    #[must_use]
    pub fn free(&self) -> isize {
        let slots = self.slots.borrow();
        let [size, busy] =
            [slots.size, slots.busy()].map(|count| isize::try_from(count).unwrap_or(isize::MAX));
        size.saturating_sub(busy)
    }

    /// How many spawners wait for a place and have not been promised one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slots.borrow().spawners.len()
    }

    /// The size: how many green threads may be alive at once.
    #[must_use]
    pub fn size(&self) -> usize {
        self.slots.borrow().size
    }

    /// Whether a job has to wait for a place.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free() <= 0
    }

    /// Calls `f` with each input and runs the futures it returns in this pool, several at once;
    /// gives their results as a stream, in the order of the inputs.
    ///
    /// Inputs are taken only as far as needed: at most as many results as the pool has places are
    /// under way or done and not fetched, and one more input may be in hand. Nothing is taken before
    /// the stream is first polled. The jobs go on while nobody polls it, but new ones start only
    /// when somebody does.
    ///
    /// The jobs take their places in this pool, in line with everybody else. A member of the pool
    /// may use it too: when it is full, the jobs run inline.
    ///
    /// # Panics
    /// The stream passes panics on: one of a job (or of `f`) at its position, after which the
    /// stream goes on with the next input; one of `inputs` after all results before it, and then
    /// the stream ends.
    ///
    /// # Cancel safety
    /// Dropping a `next` loses nothing; results stay for the next one. Dropping the stream kills
    /// the jobs it has started.
    ///
    /// # Example
    /// ```
    /// use evlet_green::GreenPool;
    /// use evlet_hub::{run, sleep};
    /// use std::time::Duration;
    ///
    /// async fn fetch(page: u64) -> String {
    ///     sleep(Duration::from_millis(9 - page)).await; // the last is the quickest
    ///     format!("body {page}")
    /// }
    ///
    /// run(async {
    ///     let pool = GreenPool::new(200);
    ///     let mut bodies = pool.imap(fetch, 1..=3);
    ///     while let Some(body) = bodies.next().await {
    ///         println!("got {body}");
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn imap<F, I, R>(&self, f: F, inputs: I) -> Imap<F, I::IntoIter, Whole, R::Output>
    where
        F: FnMut(I::Item) -> R,
        I: IntoIterator,
        R: Future + 'static,
        R::Output: 'static,
    {
        Imap::new(self.clone(), f, inputs.into_iter(), Location::caller())
    }

    /// [`imap`](Self::imap) over tuples, each spread over the arguments of `f`.
    ///
    /// `f` takes two to six arguments, or one tuple. The types of a closure's arguments may have to
    /// be written out.
    ///
    /// # Example
    /// ```
    /// use evlet_green::GreenPool;
    /// use futures::StreamExt;
    ///
    /// async fn pow(a: u64, b: u32) -> u64 {
    ///     a.pow(b)
    /// }
    ///
    /// evlet_hub::run(async {
    ///     let powers = GreenPool::default().starmap(pow, [(2, 5), (3, 2), (10, 3)]);
    ///     assert_eq!(powers.collect::<Vec<_>>().await, [32, 9, 1000]);
    /// });
    /// ```
    #[track_caller]
    pub fn starmap<F, I, M>(&self, f: F, inputs: I) -> Imap<F, I::IntoIter, M, F::Output>
    where
        F: Apply<I::Item, M>,
        I: IntoIterator,
    {
        Imap::new(self.clone(), f, inputs.into_iter(), Location::caller())
    }

    pub(crate) fn slots(&self) -> &Rc<RefCell<Slots>> {
        &self.slots
    }

    pub(super) fn is_inside(&self) -> bool {
        is_inside(&self.slots)
    }
}

/// A pool of 1000.
impl Default for GreenPool {
    fn default() -> Self {
        GreenPool::new(1000)
    }
}

impl fmt::Debug for GreenPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenPool")
            .field("size", &self.size())
            .field("running", &self.running())
            .field("waiting", &self.waiting())
            .finish()
    }
}
