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

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Waker;

use evlet_hub::report::{Report, report};
use evlet_hub::{Exit, GreenThread, GreenThreadId, current, spawn_at};
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
    /// The green thread it is found by.
    green_thread: Cell<Option<GreenThreadId>>,
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
            green_thread: Cell::new(None),
            handles: Cell::new(0),
            at,
        })
    }

    /// The greenlet of the running green thread; makes it a main one if it is none.
    pub(super) fn current(at: &'static Location<'static>) -> Rc<Self> {
        let id = current();
        if let Some(known) = id.and_then(find) {
            return known;
        }
        let main = Self::build(Stage::Running, None, at);
        if let Some(id) = id {
            main.register(id);
        }
        main
    }

    fn register(self: &Rc<Self>, id: GreenThreadId) {
        self.green_thread.set(Some(id));
        let entry: Box<dyn Any> = Box::new(Rc::downgrade(self));
        let old = FAMILY.with_borrow_mut(|known| known.insert((id, TypeId::of::<T>()), entry));
        drop(old);
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
                self.register(thread.id());
                self.thread.replace(Some(thread));
            }
            // Thrown into before it began: it ends, and the error is its parent's.
            (first, body) => {
                drop(body);
                self.end(first);
            }
        }
    }

    /// The greenlet is dead; `last` goes to the nearest ancestor that is not.
    fn end(self: &Rc<Self>, last: Message<T>) {
        self.stage.set(Stage::Dead);
        let mut heir = self.parent.borrow().clone();
        while let Some(greenlet) = heir {
            let shared = &greenlet.shared;
            match shared.stage.get() {
                Stage::Dead => heir = shared.parent.borrow().clone(),
                Stage::New => return shared.start(last, self),
                Stage::Parked => return shared.receive(last),
                Stage::Running => return shared.keep(last),
            }
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

impl<T: 'static> Drop for Shared<T> {
    fn drop(&mut self) {
        if let Some(id) = self.green_thread.get() {
            // At the thread's end the table may be gone already.
            let entry = FAMILY.try_with(|known| {
                let mut known = known.try_borrow_mut().ok()?;
                known.remove(&(id, TypeId::of::<T>()))
            });
            drop(entry);
        }
    }
}

/// The green thread of a greenlet.
async fn live<T: 'static>(life: Life<T>, body: Body<T>, first: T) {
    let body = AssertUnwindSafe(async move { body(first).await });
    let last = body.catch_unwind().await.map_err(|payload| {
        GreenletError::Panicked(Exit::Panicked(payload).panic_message().unwrap_or_default())
    });
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

type Known = HashMap<(GreenThreadId, TypeId), Box<dyn Any>>;

thread_local! {
    /// The greenlets of this thread by the green threads they live in. An entry is a `Weak` and is
    /// removed with its greenlet.
    static FAMILY: RefCell<Known> = RefCell::new(HashMap::new());
}

fn find<T: 'static>(id: GreenThreadId) -> Option<Rc<Shared<T>>> {
    FAMILY.with_borrow(|known| {
        let entry = known.get(&(id, TypeId::of::<T>()))?;
        entry.downcast_ref::<Weak<Shared<T>>>()?.upgrade()
    })
}
