//! Many jobs, their results in the order of spawning: eventlet's `GreenPile`.
//!
//! The pile keeps the handles of its jobs in a queue; who wants the next result waits for the job at
//! the head. The future of each job carries a guard that looks, when it is dropped, whether its job
//! is the head, and wakes the consumers if it is. The handle itself could be waited for instead, but
//! by one consumer only, and a consumer that is held and not polled would keep the others waiting.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{Location, resume_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use evlet_hub::wait::{LocalWaker, WaitKind, WaitsOn, park, poll_budget};
use evlet_hub::{Exit, GreenThread, current};
use futures::Stream;
use pin_project_lite::pin_project;

use crate::pool::{self, GreenPool};
use crate::wait_list::{Key, WaitList};
use crate::waiting::address;
use crate::wakers::Wakers;

/// Spawns jobs in a [`GreenPool`] and gives their results in the order of spawning.
///
/// It is a [`Stream`] of results, with a [`next`](Self::next) of its own. It ends (`None`) when
/// nothing is outstanding, and may be filled and read again afterwards. Results that nobody has
/// fetched are kept without a bound: spawning never waits for a consumer, only for a place in the
/// pool. A clone is another handle of the same pile; of several consumers, each gets the oldest
/// result that no other has taken. Dropping the last handle detaches the jobs; they go on.
///
/// # Example
/// ```
/// use evlet_green::GreenPile;
/// use evlet_hub::run;
///
/// run(async {
///     let mut pile = GreenPile::new(2);
///     for name in ["alpha", "beta", "gamma"] {
///         pile.spawn(async move { name.len() }).await; // waits while two are under way
///     }
///     let mut lengths = Vec::new();
///     while let Some(length) = pile.next().await {
///         lengths.push(length);
///     }
///     assert_eq!(lengths, [5, 4, 5]);
/// });
/// ```
pub struct GreenPile<T> {
    shared: Rc<Shared<T>>,
    /// This handle's place in the line of consumers, when it is polled as a stream.
    place: Option<Key>,
}

struct Shared<T> {
    pool: GreenPool,
    state: RefCell<State<T>>,
    created_at: &'static Location<'static>,
}

struct State<T> {
    jobs: VecDeque<GreenThread<T>>,
    /// Jobs that wait for their place in the pool.
    spawning: usize,
    consumers: WaitList<()>,
}

impl<T: 'static> GreenPile<T> {
    /// A pile with a pool of its own, of `size` green threads.
    #[track_caller]
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self::with_pool(&GreenPool::new(size))
    }

    /// A pile whose jobs run in `pool`, in line with whatever else uses it.
    #[track_caller]
    #[must_use]
    pub fn with_pool(pool: &GreenPool) -> Self {
        GreenPile {
            shared: Rc::new(Shared {
                pool: pool.clone(),
                state: RefCell::new(State {
                    jobs: VecDeque::new(),
                    spawning: 0,
                    consumers: WaitList::new(),
                }),
                created_at: Location::caller(),
            }),
            place: None,
        }
    }

    /// Starts a job; waits for a free place in the pool (see [`GreenPool::spawn`]).
    ///
    /// The job counts as outstanding from the first poll on. Its result takes its position when it
    /// starts, and spawners start in the order in which they came.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    ///
    /// # Cancel safety
    /// Dropping the future before it is done drops the job, which has not been started; the pile
    /// forgets it.
    #[track_caller]
    pub fn spawn<F>(&self, job: F) -> Spawn<'_, T, F>
    where
        F: Future<Output = T> + 'static,
    {
        Spawn {
            shared: &self.shared,
            spawn: self.shared.pool.spawn(Reporting {
                job,
                guard: Guard(Rc::downgrade(&self.shared)),
            }),
            is_counted: false,
        }
    }

    /// Waits for the next result; `None` when nothing is outstanding. A job of the pile that calls this may
    /// wait for its own result, which is a deadlock.
    ///
    /// # Panics
    /// Passes on the panic of the job whose turn it is. The next call goes on with the next job.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the result stays for the next call.
    #[track_caller]
    pub fn next(&self) -> Next<'_, T> {
        Next {
            shared: &self.shared,
            place: None,
            at: Location::caller(),
        }
    }

    /// How many results are outstanding: of jobs that wait for a place, run, or have ended and not
    /// been fetched.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.shared.state.borrow().outstanding()
    }

    /// The pool in which the jobs run.
    #[must_use]
    pub fn pool(&self) -> &GreenPool {
        &self.shared.pool
    }
}

impl<T> State<T> {
    fn outstanding(&self) -> usize {
        self.jobs.len() + self.spawning
    }
}

impl<T> Shared<T> {
    fn poll_next(
        &self,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<Option<T>> {
        let oldest = {
            let jobs = &mut self.state.borrow_mut().jobs;
            let is_there = jobs.front().is_some_and(GreenThread::is_finished);
            if is_there { jobs.pop_front() } else { None }
        };
        if let Some(mut job) = oldest {
            let Poll::Ready(result) = Pin::new(&mut job).poll(cx) else {
                // Out of budget, and woken already.
                self.state.borrow_mut().jobs.push_front(job);
                return Poll::Pending;
            };
            self.leave_line(place);
            return Poll::Ready(Some(self.open(result)));
        }
        if self.state.borrow().outstanding() == 0 {
            ready!(poll_budget(cx));
            self.leave_line(place);
            return Poll::Ready(None);
        }
        self.stand_in_line(place, cx);
        park(WaitsOn::new(WaitKind::Pile, address(self)), at);
        Poll::Pending
    }

    /// The value of a job, or its panic.
    fn open(&self, result: Result<T, Exit>) -> T {
        match result {
            Ok(value) => value,
            Err(Exit::Panicked(payload)) => resume_unwind(payload),
            Err(Exit::Killed) => panic!(
                "a job of the pile created at {} was killed: its hub is gone",
                self.created_at
            ),
        }
    }

    fn stand_in_line(&self, place: &mut Option<Key>, cx: &mut Context<'_>) {
        let fresh = LocalWaker::new(cx);
        let mut state = self.state.borrow_mut();
        let old = match place {
            Some(key) => state.consumers.renew(key, fresh),
            None => {
                *place = Some(state.consumers.push_back(fresh, ()));
                None
            }
        };
        drop(state);
        drop(old);
    }

    fn leave_line(&self, place: &mut Option<Key>) {
        let Some(key) = place.take() else { return };
        let left = self.state.borrow_mut().consumers.remove(key);
        drop(left);
    }

    /// A job that was spawning is not any more: it has started, or never will.
    fn spawned(&self, job: Option<GreenThread<T>>) {
        let mut state = self.state.borrow_mut();
        state.spawning -= 1;
        state.jobs.extend(job);
        drop(state);
        self.wake_if_there_is_news();
    }

    /// Wakes the consumers if there is a result, or nothing to wait for.
    ///
    /// This and the guards are enough: a consumer joins the line only while the head has not ended,
    /// so all who stand there when it ends are woken, and each looks for the next head itself.
    fn wake_if_there_is_news(&self) {
        let mut wakers = Wakers::default();
        let mut state = self.state.borrow_mut();
        let is_news = match state.jobs.front() {
            Some(oldest) => oldest.is_finished(),
            None => state.spawning == 0,
        };
        if is_news {
            state.consumers.wake_all(&mut wakers);
        }
        drop(state);
        wakers.wake();
    }
}

pin_project! {
    /// The future of a job, and what tells the pile of its end.
    struct Reporting<T, F> {
        #[pin]
        job: F,
        guard: Guard<T>,
    }
}

impl<T, F: Future> Future for Reporting<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().job.poll(cx)
    }
}

/// Dropped with its job, in the last turn of the job's green thread.
struct Guard<T>(Weak<Shared<T>>);

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        let mut wakers = Wakers::default();
        let mut state = shared.state.borrow_mut();
        if state
            .jobs
            .front()
            .is_some_and(|oldest| Some(oldest.id()) == current())
        {
            state.consumers.wake_all(&mut wakers);
        }
        drop(state);
        wakers.wake();
    }
}

impl<T: 'static> Stream for GreenPile<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.shared
            .poll_next(&mut this.place, cx, this.shared.created_at)
    }
}

impl<T> Clone for GreenPile<T> {
    fn clone(&self) -> Self {
        GreenPile {
            shared: Rc::clone(&self.shared),
            place: None,
        }
    }
}

/// A pile with a pool of 1000.
impl<T: 'static> Default for GreenPile<T> {
    #[track_caller]
    fn default() -> Self {
        Self::with_pool(&GreenPool::default())
    }
}

impl<T> Drop for GreenPile<T> {
    fn drop(&mut self) {
        self.shared.leave_line(&mut self.place);
    }
}

impl<T> fmt::Debug for GreenPile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenPile")
            .field("outstanding", &self.shared.state.borrow().outstanding())
            .field("pool", &self.shared.pool)
            .finish()
    }
}

/// The future of [`GreenPile::spawn`].
///
/// # Cancel safety
/// Dropping it before it is done drops the job, which has not been started.
#[must_use = "futures do nothing unless awaited"]
pub struct Spawn<'a, T, F> {
    shared: &'a Rc<Shared<T>>,
    spawn: pool::Spawn<'a, Reporting<T, F>>,
    is_counted: bool,
}

impl<T: 'static, F> Future for Spawn<'_, T, F>
where
    F: Future<Output = T> + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.is_counted {
            this.shared.state.borrow_mut().spawning += 1;
            this.is_counted = true;
        }
        let job = ready!(Pin::new(&mut this.spawn).poll(cx));
        this.is_counted = false;
        this.shared.spawned(Some(job));
        Poll::Ready(())
    }
}

impl<T, F> Drop for Spawn<'_, T, F> {
    fn drop(&mut self) {
        if self.is_counted {
            self.shared.spawned(None);
        }
    }
}

impl<T, F> fmt::Debug for Spawn<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Spawn").field(&self.spawn).finish()
    }
}

/// The future of [`GreenPile::next`].
///
/// # Cancel safety
/// Dropping it loses nothing: the result stays for the next call.
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a, T> {
    shared: &'a Rc<Shared<T>>,
    place: Option<Key>,
    at: &'static Location<'static>,
}

impl<T> Future for Next<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.shared.poll_next(&mut this.place, cx, this.at)
    }
}

impl<T> Drop for Next<'_, T> {
    fn drop(&mut self) {
        self.shared.leave_line(&mut self.place);
    }
}

impl<T> fmt::Debug for Next<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("at", &format_args!("{}", self.at))
            .finish()
    }
}
