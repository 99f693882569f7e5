//! The handle of a green thread: wait, kill, cancel, link.
//!
//! Who waits leaves a waker in the green thread's slot, where any number may wait; the first to run
//! after the end takes the result. The place that `async-task` keeps for one waiter stays empty: it
//! is made for a waiter on another thread and costs five atomic operations.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use async_task::FallibleTask;

use crate::core::Core;
use crate::running;
use crate::task::{Ended, Exit, Flags, GreenThreadId, Key, Meta, Outcome, Task, Who};
use crate::wait::{WaitKind, WaitsOn};

/// The handle of a green thread.
///
/// It is a future of the green thread's result: `Ok` with what its future returned, or the
/// [`Exit`] that says why there is none. [`wait`](Self::wait) is the same by reference. Dropping
/// the handle detaches the green thread, which goes on; nobody can wait for it then, and if it
/// panics the hub reports it. The handle may outlive the hub.
///
/// # Cancel safety
/// Waiting by reference may be given up and taken up again; the green thread goes on meanwhile and
/// its result stays. Dropping the handle itself detaches.
///
/// # Example
/// ```
/// use evlet_hub::{Exit, run, sleep, spawn};
/// use std::time::Duration;
///
/// run(async {
///     let slow = spawn(sleep(Duration::from_secs(3600)));
///     slow.kill();
///     assert!(matches!(slow.wait().await, Err(Exit::Killed)));
///
///     let failing = spawn(async { panic!("out of paper") });
///     let exit: Exit = failing.await.unwrap_err();
///     assert_eq!(exit.panic_message().as_deref(), Some("out of paper"));
/// });
/// ```
///
/// A handle stays on its hub's thread:
/// ```compile_fail
/// fn assert_send<T: Send>(_: T) {}
/// evlet_hub::run(async { assert_send(evlet_hub::spawn(async {})) });
/// ```
#[must_use = "dropping it detaches the green thread; use spawn_n when nobody wants the result"]
pub struct GreenThread<T> {
    core: Rc<Core>,
    key: Key,
    spawned_at: &'static Location<'static>,
    output: Cell<Output<T>>,
}

/// Where the result is.
enum Output<T> {
    /// In the task, now or later.
    Task(FallibleTask<Result<T, Exit>, Meta>),
    /// Here: it was looked at.
    Held(Box<Result<T, Exit>>),
    /// With whoever took it.
    Taken(Outcome),
}

/// The ticket of the handle itself, when it is awaited by value: there is one for each slot.
const OWN: u64 = u64::MAX;

/// Names a link, to take it back with [`GreenThread::unlink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

impl<T> GreenThread<T> {
    pub(crate) fn new(
        core: Rc<Core>,
        key: Key,
        spawned_at: &'static Location<'static>,
        task: Task<T>,
    ) -> Self {
        GreenThread {
            core,
            key,
            spawned_at,
            output: Cell::new(Output::Task(task.fallible())),
        }
    }

    /// One that has already returned `value`: nothing runs for it. For those who sometimes have the
    /// result at once.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn ready(value: T) -> Self {
        let core = running::expect("GreenThread::ready");
        let id = core.ids.next();
        let key = Key {
            id,
            index: u32::MAX,
        };
        GreenThread {
            core,
            key,
            spawned_at: Location::caller(),
            output: Cell::new(Output::Held(Box::new(Ok(value)))),
        }
    }

    /// Its number, unique in the process.
    pub fn id(&self) -> GreenThreadId {
        self.key.id
    }

    /// Gives it a name, for reports and lists.
    ///
    /// ```
    /// # evlet_hub::run(async {
    /// let heart = evlet_hub::spawn(async { /* beat */ }).named("heartbeat");
    /// # drop(heart) });
    /// ```
    pub fn named(self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        self.core.set_name(self.key, &name);
        self
    }

    /// Waits for its end and takes its result.
    ///
    /// Any number of green threads may wait; there is one result, and the one that runs first after
    /// the end takes it. The others get an [`Exit::Panicked`] that says so. Waiting for oneself never ends, which the hub
    /// reports as a deadlock when nothing else can run.
    ///
    /// # Cancel safety
    /// Dropping the wait loses nothing: the result stays for the next one.
    #[track_caller]
    pub fn wait(&self) -> Wait<'_, T> {
        Wait {
            thread: self,
            ticket: 0,
            at: Location::caller(),
        }
    }

    /// Ends the green thread: its future is dropped at its next turn and never polled again.
    ///
    /// The mark is set at once, without awaiting anything; the drop keeps the order of turns. One
    /// that has not started never runs at all. One that kills itself ends at its next `.await`, or
    /// returns if there is none. Killing one that has ended does nothing. Await the returned value
    /// to wait until the future is gone.
    ///
    /// # Cancel safety
    /// The kill stands when the returned future is dropped.
    #[track_caller]
    pub fn kill(&self) -> Kill {
        self.core.kill(self.key);
        Kill {
            core: Rc::clone(&self.core),
            key: self.key,
            ticket: 0,
            at: Location::caller(),
        }
    }

    /// Kills it if its own code has not run yet (for [`spawn_after`](crate::spawn_after): if it is
    /// not due yet); otherwise does nothing. Returns whether it did.
    pub fn cancel(&self) -> bool {
        let started = self.core.with_slot(self.key, |slot, _| slot.has_started());
        let can_cancel = started == Some(false);
        if can_cancel {
            self.core.kill(self.key);
        }
        can_cancel
    }

    /// Has `f` called when it ends, whichever way.
    ///
    /// Links are called in the order in which they were made, after the future was dropped and
    /// before any waiter resumes, on the hub's thread. If it has ended already, `f` is called at
    /// once. A panic in `f` is reported and keeps neither the other links nor the waiters from
    /// being told.
    pub fn link(&self, f: impl FnOnce(&Ended) + 'static) -> LinkId {
        let id = LinkId(self.core.next_ticket());
        let mut f = Some(f);
        let linked = self.core.with_slot_mut(self.key, |slot, cold| {
            if let Some(f) = f.take() {
                slot.flags.set(Flags::HAS_MORE);
                cold.extra().links.push((id, Box::new(f)));
            }
        });
        if let (None, Some(f)) = (linked, f) {
            f(&Ended {
                id: self.key.id,
                outcome: self.outcome(),
            });
        }
        id
    }

    /// Takes a link back; whether it was still there.
    pub fn unlink(&self, id: LinkId) -> bool {
        // The link is dropped after the borrow of the slot has ended: its drop is user code.
        let link = self.core.with_slot_mut(self.key, |_, slot| {
            let links = &mut slot.extra.as_mut()?.links;
            let place = links.iter().position(|(other, _)| *other == id)?;
            Some(links.remove(place))
        });
        link.flatten().is_some()
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        !self.core.is_live(self.key)
    }

    /// How it ended; only asked once it has.
    fn outcome(&self) -> Outcome {
        match self.output.replace(Output::Taken(Outcome::Killed)) {
            Output::Taken(outcome) => {
                self.output.set(Output::Taken(outcome));
                outcome
            }
            output => {
                let (result, outcome) = open(output);
                self.output.set(Output::Held(Box::new(result)));
                outcome
            }
        }
    }

    #[inline(always)]
    fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut u64,
        at: &'static Location<'static>,
    ) -> Poll<Result<T, Exit>> {
        ready!(crate::wait::poll_budget(cx));
        if self.core.is_live(self.key) {
            if *ticket == 0 {
                *ticket = self.core.next_ticket();
            }
            self.core.add_waiter(self.key, *ticket, cx.waker());
            let on = WaitsOn::new(WaitKind::GreenThread, self.key.id.as_u64());
            crate::wait::park(on, at);
            return Poll::Pending;
        }
        let output = self.output.replace(Output::Taken(Outcome::Killed));
        let (result, outcome) = open(output);
        self.output.set(Output::Taken(outcome));
        Poll::Ready(result)
    }

    /// The handle goes, and its result is still to come or was not taken.
    fn let_go(&self) {
        self.leave(OWN);
        match self.output.replace(Output::Taken(Outcome::Killed)) {
            Output::Task(task) if self.core.detach(self.key) => task.detach(),
            ended => {
                if let (Err(Exit::Panicked(payload)), _) = open(ended) {
                    let who = Who {
                        id: self.key.id,
                        name: None,
                        spawned_at: self.spawned_at,
                    };
                    who.report_panic(&self.core, "it", &*payload);
                }
            }
        }
    }

    fn leave(&self, ticket: u64) {
        if ticket != 0 {
            self.core.remove_waiter(self.key, ticket);
        }
    }
}

impl<T> Future for GreenThread<T> {
    type Output = Result<T, Exit>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // Awaiting a handle by value names no line of its own; the line that spawned it does.
        this.poll_wait(cx, &mut { OWN }, this.spawned_at)
    }
}

/// The result of one that has ended, and how it ended.
#[inline(always)]
fn open<T>(output: Output<T>) -> (Result<T, Exit>, Outcome) {
    match output {
        Output::Task(mut task) => {
            let polled = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
            task.detach();
            let result = match polled {
                Poll::Ready(Some(result)) => result,
                // The task was dropped with its hub.
                Poll::Ready(None) | Poll::Pending => Err(Exit::Killed),
            };
            let outcome = Outcome::of(&result);
            (result, outcome)
        }
        Output::Held(result) => {
            let outcome = Outcome::of(&result);
            (*result, outcome)
        }
        Output::Taken(outcome) => (Err(Exit::taken()), outcome),
    }
}

impl<T> Unpin for GreenThread<T> {}

impl<T> Drop for GreenThread<T> {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.output.get_mut(), Output::Taken(_)) {
            self.let_go();
        }
    }
}

impl<T> fmt::Debug for GreenThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenThread")
            .field("id", &self.key.id)
            .field("spawned_at", &format_args!("{}", self.spawned_at))
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The future of [`GreenThread::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a, T> {
    thread: &'a GreenThread<T>,
    ticket: u64,
    at: &'static Location<'static>,
}

impl<T> Future for Wait<'_, T> {
    type Output = Result<T, Exit>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.thread.poll_wait(cx, &mut this.ticket, this.at)
    }
}

impl<T> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        self.thread.leave(self.ticket);
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("for", self.thread).finish()
    }
}

/// The future of [`GreenThread::kill`]: done when the killed future is gone.
///
/// It need not be awaited: the kill stands without.
#[derive(Debug)]
pub struct Kill {
    core: Rc<Core>,
    key: Key,
    ticket: u64,
    at: &'static Location<'static>,
}

impl Future for Kill {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        ready!(crate::wait::poll_budget(cx));
        if !this.core.is_live(this.key) {
            return Poll::Ready(());
        }
        if this.ticket == 0 {
            this.ticket = this.core.next_ticket();
        }
        this.core.add_waiter(this.key, this.ticket, cx.waker());
        let on = WaitsOn::new(WaitKind::GreenThread, this.key.id.as_u64());
        crate::wait::park(on, this.at);
        Poll::Pending
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        if self.ticket != 0 {
            self.core.remove_waiter(self.key, self.ticket);
        }
    }
}
