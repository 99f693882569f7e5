//! What greenlets know of each other, and how control passes between them.
//!
//! ```text
//! new ── first switch ──> running ── its own switch ──> parked
//!  │                         │  ^─── a switch to it ──────│
//!  └── throw ──> dead <── returns, panics, killed ────────┘
//! ```
//!
//! Who hands control over marks the other as running at once, before it has been polled: from then
//! on nobody else can switch to it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Waker;

use evlet_hub::report::{Report, message_of_caught, report};
use evlet_hub::{GreenThread, current, green_local, spawn_at};
use futures::FutureExt;

use crate::greenlet::{Greenlet, GreenletError};

pub(super) struct Shared<T: 'static> {
    pub(super) stage: Cell<Stage>,
    body: RefCell<Option<Body<T>>>,
    pub(super) inbox: RefCell<Option<Message<T>>>,
    pub(super) waker: RefCell<Option<Waker>>,
    pub(super) parent: RefCell<Option<Greenlet<T>>>,
    /// `None` for a main greenlet, and before the first switch.
    thread: RefCell<Option<GreenThread<()>>>,
    /// How many handles there are: while it is parked, as many as can switch to it.
    pub(super) handles: Cell<usize>,
    at: &'static Location<'static>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Running,
    Parked,
    Dead,
}

pub(super) type Message<T> = Result<T, GreenletError>;

type Body<T> = Box<dyn FnOnce(T) -> Pin<Box<dyn Future<Output = T>>>>;

impl<T: 'static> Shared<T> {
    pub(super) fn new(body: Body<T>, at: &'static Location<'static>) -> Rc<Self> {
        Self::build(Stage::New, Some(body), at)
    }

    fn build(stage: Stage, body: Option<Body<T>>, at: &'static Location<'static>) -> Rc<Self> {
        Rc::new(Shared {
            stage: Cell::new(stage),
            body: RefCell::new(body),
            inbox: RefCell::new(None),
            waker: RefCell::new(None),
            parent: RefCell::new(None),
            thread: RefCell::new(None),
            handles: Cell::new(0),
            at,
        })
    }

    /// The greenlet of the running green thread; makes it a main one if it is none.
    pub(super) fn current(at: &'static Location<'static>) -> Rc<Self> {
        if current().is_none() {
            return Self::build(Stage::Running, None, at);
        }
        find().unwrap_or_else(|| {
            let main = Self::build(Stage::Running, None, at);
            main.register();
            main
        })
    }

    /// Notes that it is the running green thread.
    fn register(self: &Rc<Self>) {
        let me: Box<dyn Any> = Box::new(Me(Rc::downgrade(self)));
        // In a destructor at the end of the green thread it is found no more.
        let _ = FAMILY.try_with(|known| {
            let mut known = known.borrow_mut();
            // Of one before it there is no handle any more.
            known.retain(|other| !other.is::<Me<T>>());
            known.push(me);
        });
    }

    /// Hands control and `message` over to this greenlet; `by` is who had it.
    pub(super) fn hand_over(
        self: &Rc<Self>,
        message: Message<T>,
        by: &Rc<Self>,
    ) -> Result<(), GreenletError> {
        match self.stage.get() {
            Stage::Dead => Err(GreenletError::Dead),
            Stage::Running => Err(GreenletError::Busy),
            Stage::Parked => {
                self.receive(message);
                Ok(())
            }
            Stage::New => {
                self.start(message, by);
                Ok(())
            }
        }
    }

    fn receive(&self, message: Message<T>) {
        self.stage.set(Stage::Running);
        self.inbox.replace(Some(message));
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn start(self: &Rc<Self>, first: Message<T>, by: &Rc<Self>) {
        if self.parent.borrow().is_none() {
            self.parent.replace(Some(Greenlet::of(by)));
        }
        let body = self.body.take();
        match (first, body) {
            (Ok(first), Some(body)) => {
                self.stage.set(Stage::Running);
                let life = live(Life(Rc::clone(self)), body, first);
                let thread = spawn_at(self.at, life);
                self.thread.replace(Some(thread));
            }
            // Thrown into before it began: it ends, and the error is its parent's.
            (first, body) => {
                drop(body);
                self.end(first);
            }
        }
    }

    /// The greenlet is dead; `last` goes to the nearest ancestor that is not, which is its parent from now
    /// on: a long line of dead ancestors is neither kept nor walked by everybody who comes after.
    fn end(self: &Rc<Self>, last: Message<T>) {
        self.stage.set(Stage::Dead);
        let mut heir = self.parent.borrow().clone();
        while let Some(greenlet) = &heir
            && greenlet.is_dead()
        {
            let next = greenlet.shared.parent.borrow().clone();
            heir = next;
        }
        let passed = self.parent.replace(heir.clone());
        drop(passed);
        let Some(greenlet) = heir else {
            return drop(last);
        };
        match greenlet.shared.stage.get() {
            Stage::Parked => greenlet.shared.receive(last),
            Stage::New => greenlet.shared.start(last, self),
            Stage::Running | Stage::Dead => greenlet.shared.keep(last),
        }
    }

    /// Somebody gave up a switch, and now gets what it waited for: its next switch will find it.
    fn keep(&self, message: Message<T>) {
        let lost = self.inbox.replace(Some(message));
        if lost.is_some() {
            let subject = format!("the greenlet created at {}", self.at);
            let message = "two greenlets ended while it did not wait in a switch; \
                           the value of the first is lost";
            report(Report::notice(subject, message));
        }
    }

    /// Nobody can switch to it any more: it is ended where it waits, and nobody need be told.
    pub(super) fn abandon(&self) {
        self.stage.set(Stage::Dead);
        let thread = self.thread.take();
        if let Some(thread) = thread {
            thread.kill();
        }
    }
}

/// The green thread of a greenlet.
async fn live<T: 'static>(life: Life<T>, body: Body<T>, first: T) {
    life.0.register();
    let body = AssertUnwindSafe(async move { body(first).await });
    let last = body
        .catch_unwind()
        .await
        .map_err(|payload| GreenletError::Panicked(message_of_caught(payload)));
    life.0.end(last);
}

/// Marks the greenlet as dead however its green thread ends.
struct Life<T: 'static>(Rc<Shared<T>>);

impl<T: 'static> Drop for Life<T> {
    fn drop(&mut self) {
        match self.0.stage.get() {
            Stage::Dead => {}
            // It was killed from outside. If it had control, that must not be lost with it.
            Stage::New | Stage::Parked | Stage::Running => self.0.end(Err(GreenletError::Dead)),
        }
    }
}

/// A greenlet as its green thread knows it. At the end of that it is dropped, and a main greenlet, which
/// has no body of its own to end, has ended.
struct Me<T: 'static>(Weak<Shared<T>>);

impl<T: 'static> Drop for Me<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.stage.set(Stage::Dead);
            let unread = shared.inbox.take();
            drop(unread);
        }
    }
}

green_local! {
    /// The greenlets that the running green thread is: one of each type of values at most.
    static FAMILY: RefCell<Vec<Box<dyn Any>>> = RefCell::new(Vec::new());
}

fn find<T: 'static>() -> Option<Rc<Shared<T>>> {
    let found = FAMILY.try_with(|known| {
        let known = known.borrow();
        known
            .iter()
            .find_map(|me| me.downcast_ref::<Me<T>>()?.0.upgrade())
    });
    // Nothing is found in a destructor at the end of the green thread.
    found.ok().flatten()
}
