//! The handle of a green thread: wait, kill, cancel, link.
//!
//! Who waits leaves a waker in the green thread's slot, where any number may wait; the first to run
//! after the end takes the result.
//!
//! A handle is a pointer to the task, so that it travels in a register: one of seven words was a
//! tenth of a spawn, written to memory word by word and at once read back by wider loads. What else it
//! has to know (its number, its hub, the line that spawned it, how it ended) stands in the task.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::core::Core;
use crate::report::print;
use crate::running;
use crate::task::{
    Birth, Ended, Exit, Flags, GreenThreadId, Joinable, Key, Kill, KillReport, Link, Outcome, Who,
};
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
    task: Joinable<T>,
}

const _: () = assert!(size_of::<GreenThread<[u64; 9]>>() == size_of::<usize>());

/// The ticket of the handle itself, when it is awaited by value: there is one for each slot.
const OWN: u64 = u64::MAX;

/// Names a link, to take it back with [`GreenThread::unlink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

impl LinkId {
    pub(super) fn new(core: &Core) -> Self {
        LinkId(core.next_ticket())
    }
}

impl<T> GreenThread<T> {
    #[inline]
    pub(crate) fn new(task: Joinable<T>) -> Self {
        GreenThread { task }
    }

    /// One that has already returned `value`: nothing runs for it. For those who sometimes have the
    /// result at once.
    ///
    /// # Panics
    /// When no hub runs on this thread.
    #[track_caller]
    pub fn ready(value: T) -> Self
    where
        T: 'static,
    {
        let core = running::expect("GreenThread::ready");
        let birth = Birth {
            id: core.ids.next(),
            hub: core.id,
            spawned_at: Location::caller(),
            since: core.clock.turn(),
            bytes: 0,
            flags: Flags::NONE,
        };
        let task = Joinable::ready(value);
        task.slot.begin(birth, u32::MAX);
        task.slot.note_end(Outcome::Returned);
        GreenThread::new(task)
    }

    /// Calls `f` with its hub, if that is not gone.
    fn with_hub<R>(&self, f: impl FnOnce(&Rc<Core>, Key) -> R) -> Option<R> {
        let slot = &self.task.slot;
        running::with_hub(slot.hub(), |core| f(core, slot.key()))
    }

    /// Its number, unique in the process.
    #[must_use]
    pub fn id(&self) -> GreenThreadId {
        self.task.slot.id()
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
        self.with_hub(|core, key| core.set_name(key, &name));
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
        self.kill_at(None, Location::caller())
    }

    /// [`kill`](Self::kill) that says why: [`killed`](Self::killed) and the links are told.
    ///
    /// # Cancel safety
    /// The kill stands when the returned future is dropped.
    ///
    /// ```
    /// use evlet_hub::{run, spawn};
    /// run(async {
    ///     let session = spawn(std::future::pending::<()>());
    ///     session.kill_with("logged out elsewhere");
    ///     assert!(session.wait().await.is_err());
    ///     let report = session.killed().unwrap();
    ///     assert_eq!(report.reason.as_deref(), Some("logged out elsewhere"));
    /// });
    /// ```
    #[track_caller]
    pub fn kill_with(&self, reason: impl Into<String>) -> Kill {
        self.kill_at(Some(reason.into()), Location::caller())
    }

    fn kill_at(&self, reason: Option<String>, at: &'static Location<'static>) -> Kill {
        let core = self.with_hub(|core, key| {
            core.kill(key, reason, at);
            Rc::clone(core)
        });
        Kill::new(core, self.task.slot.key(), at)
    }

    /// Why it was killed, by whom and where it was waiting: from the moment of the kill on. `None` when it was
    /// not killed, returned all the same, or went with its hub.
    #[must_use]
    pub fn killed(&self) -> Option<KillReport> {
        self.with_hub(|core, key| core.kill_report(key)).flatten()
    }

    /// Kills it if its own code has not run yet (for [`spawn_after`](crate::spawn_after): if it is
    /// not due yet); otherwise does nothing. Returns whether it did.
    #[track_caller]
    pub fn cancel(&self) -> bool {
        let at = Location::caller();
        self.with_hub(|core, key| core.cancel(key, at))
            .unwrap_or(false)
    }

    /// Has `f` called when it ends, whichever way.
    ///
    /// Links are called in the order in which they were made, after the future was dropped and
    /// before any waiter resumes, on the hub's thread. If it has ended already, `f` is called at
    /// once; from inside of a link of the same green thread, when that has returned. A panic in `f` is reported and keeps
    /// neither the other links nor the waiters from being told.
    pub fn link(&self, f: impl FnOnce(&Ended) + 'static) -> LinkId {
        let mut f: Option<Link> = Some(Box::new(f));
        let id = self.with_hub(|core, key| {
            let id = LinkId::new(core);
            f = f.take().and_then(|f| core.add_link(key, id, f));
            id
        });
        // Of a hub that is gone there is nothing to take back.
        let id = id.unwrap_or(LinkId(0));
        if let Some(f) = f {
            let ended = Ended {
                id: self.id(),
                // One that was left behind by its hub has not ended, and never will.
                outcome: self.task.slot.ended().unwrap_or(Outcome::Killed),
                killed: self.killed(),
            };
            match self.with_hub(|core, _| Rc::clone(core)) {
                Some(core) => core.call_links(&ended, [(id, f)], || Who {
                    id: self.id(),
                    name: None,
                    spawned_at: self.task.slot.spawned_at(),
                }),
                None => f(&ended),
            }
        }
        id
    }

    /// Takes a link back; whether it was still there.
    pub fn unlink(&self, id: LinkId) -> bool {
        let was_there = self.with_hub(|core, key| core.remove_link(key, id));
        was_there.unwrap_or(false)
    }

    /// Whether it has ended.
    #[inline]
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.slot.ended().is_some()
    }

    #[inline(always)]
    fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut u64,
        at: Option<&'static Location<'static>>,
    ) -> Poll<Result<T, Exit>> {
        ready!(crate::wait::poll_budget(cx));
        // The task tells as well as the slot does, and is at hand.
        if !self.is_finished() {
            return self.wait_for_end(cx, ticket, at);
        }
        if self.task.slot.has(Flags::TAKEN) {
            return Poll::Ready(Err(Exit::taken()));
        }
        match self.task.take() {
            Some(result) => Poll::Ready(result),
            None => Poll::Ready(Err(Exit::taken())),
        }
    }

    fn wait_for_end(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut u64,
        at: Option<&'static Location<'static>>,
    ) -> Poll<Result<T, Exit>> {
        let slot = &self.task.slot;
        let key = slot.key();
        let is_live = self.with_hub(|core, _| {
            let is_live = core.is_live(key);
            if is_live {
                if *ticket == 0 {
                    *ticket = core.next_ticket();
                }
                core.add_waiter(key, *ticket, cx.waker());
            }
            is_live
        });
        if is_live != Some(true) {
            // It was left behind by its hub, which is gone.
            return Poll::Ready(Err(Exit::Killed));
        }
        let on = WaitsOn::new(WaitKind::GreenThread, key.id.as_u64());
        crate::wait::park(on, at.unwrap_or(slot.spawned_at()));
        Poll::Pending
    }

    /// The handle goes, and it has not ended, or not by returning.
    #[cold]
    fn let_go(&self) {
        let Some(outcome) = self.task.slot.ended() else {
            self.with_hub(|core, key| core.let_go(key, OWN));
            return;
        };
        let name = self.with_hub(|core, key| core.forget_ended(key.id));
        if outcome == Outcome::Panicked && !self.task.slot.has(Flags::TAKEN) {
            self.report_panic(name.flatten());
        }
    }

    /// Nobody has looked at the panic.
    fn report_panic(&self, name: Option<String>) {
        let Some(Err(Exit::Panicked(payload))) = self.task.take() else {
            return;
        };
        let who = Who {
            id: self.task.slot.id(),
            name,
            spawned_at: self.task.slot.spawned_at(),
        };
        let report = who.panicked("it", &*payload);
        if self.with_hub(|core, _| core.report(&report)).is_none() {
            print(&report);
        }
    }

    fn leave(&self, ticket: u64) {
        if ticket != 0 {
            self.with_hub(|core, key| core.remove_waiter(key, ticket));
        }
    }
}

impl<T> Future for GreenThread<T> {
    type Output = Result<T, Exit>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Awaiting a handle by value names no line of its own; the line that spawned it does.
        self.poll_wait(cx, &mut { OWN }, None)
    }
}

impl<T> Unpin for GreenThread<T> {}

impl<T> Drop for GreenThread<T> {
    #[inline]
    fn drop(&mut self) {
        if self.task.slot.ended() != Some(Outcome::Returned) {
            self.let_go();
        }
    }
}

impl<T> fmt::Debug for GreenThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenThread")
            .field("id", &self.id())
            .field(
                "spawned_at",
                &format_args!("{}", self.task.slot.spawned_at()),
            )
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
        this.thread.poll_wait(cx, &mut this.ticket, Some(this.at))
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
