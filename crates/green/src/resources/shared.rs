//! What all handles of a pool share: its places, its functions, and the way of an item back into it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use evlet_hub::report::{Report, message_of_caught, report};
use futures::future::LocalBoxFuture;

use crate::resources::places::Places;
use crate::wakers::Wakers;

pub(super) struct Shared<T, E> {
    pub(super) places: RefCell<Places<T>>,
    pub(super) min_size: usize,
    pub(super) create: Box<dyn Create<T, E>>,
    pub(super) hooks: Hooks<T>,
    pub(super) created_at: &'static Location<'static>,
}

/// The functions that a pool may be given beside the one that makes items.
pub(super) struct Hooks<T> {
    pub(super) recycle: Option<Recycle<T>>,
    pub(super) check: Option<Box<dyn Check<T>>>,
    pub(super) dispose: Option<Box<dyn Fn(T)>>,
}

/// Whether an item that comes back is kept.
type Recycle<T> = Box<dyn Fn(&mut T) -> bool>;

/// An `AsyncFn` that makes an item, behind a pointer.
pub(super) trait Create<T, E> {
    fn create(&self) -> LocalBoxFuture<'_, Result<T, E>>;
}

impl<T, E, F: AsyncFn() -> Result<T, E>> Create<T, E> for F {
    fn create(&self) -> LocalBoxFuture<'_, Result<T, E>> {
        Box::pin(self())
    }
}

/// An `AsyncFn` that looks at an item, behind a pointer.
pub(super) trait Check<T> {
    fn check<'a>(&'a self, item: &'a mut T) -> LocalBoxFuture<'a, bool>;
}

impl<T, F: AsyncFn(&mut T) -> bool> Check<T> for F {
    fn check<'a>(&'a self, item: &'a mut T) -> LocalBoxFuture<'a, bool> {
        Box::pin(self(item))
    }
}

impl<T, E> Shared<T, E> {
    /// An item comes back with its place.
    pub(super) fn put(&self, mut item: T) {
        match self.recycles(&mut item) {
            true => self.keep(item),
            false => self.discard(item),
        }
    }

    /// An item comes from elsewhere, without a place.
    pub(super) fn take_in(&self, mut item: T) {
        if !self.recycles(&mut item) {
            self.dispose(item);
            return;
        }
        // Not in the `if`: the borrow must end before user code runs.
        let surplus = self.places.borrow_mut().add(item);
        if let Some(surplus) = surplus {
            self.dispose(surplus);
        }
    }

    /// An item is free from now on, and its place with it.
    pub(super) fn keep(&self, item: T) {
        let mut wakers = Wakers::default();
        // Not in the `if`: the borrow must end before user code runs.
        let surplus = self.places.borrow_mut().give_back(Some(item), &mut wakers);
        wakers.wake();
        if let Some(surplus) = surplus {
            self.dispose(surplus);
        }
    }

    /// Somebody has given up who was promised an item, which may be one too many now.
    pub(super) fn give_up_promise(&self) {
        let surplus = self.places.borrow_mut().take_surplus();
        for item in surplus {
            self.dispose(item);
        }
    }

    /// A place comes back without an item.
    pub(super) fn give_place_back(&self) {
        let mut wakers = Wakers::default();
        let none = self.places.borrow_mut().give_back(None, &mut wakers);
        drop(none);
        wakers.wake();
    }

    /// The item is not to be used again; its place is.
    pub(super) fn discard(&self, item: T) {
        self.give_place_back();
        self.dispose(item);
    }

    /// The pool does not keep this item.
    ///
    /// This runs where an item is dropped, perhaps while a panic unwinds, so a second panic stops here.
    pub(super) fn dispose(&self, item: T) {
        let dispose = || match &self.hooks.dispose {
            Some(dispose) => dispose(item),
            None => drop(item),
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(dispose)) {
            self.report_panic("disposing of an item", payload);
        }
    }

    fn recycles(&self, item: &mut T) -> bool {
        let Some(recycle) = &self.hooks.recycle else {
            return true;
        };
        catch_unwind(AssertUnwindSafe(|| recycle(item))).unwrap_or_else(|payload| {
            self.report_panic("`recycle`", payload);
            false
        })
    }

    #[cold]
    fn report_panic(&self, what: &str, payload: Box<dyn std::any::Any + Send>) {
        let message = message_of_caught(payload);
        report(Report::notice(
            format!("the pool created at {}", self.created_at),
            format!("{what} panicked, and the item is gone: {message}"),
        ));
    }
}

impl<T, E> Drop for Shared<T, E> {
    fn drop(&mut self) {
        let free = self.places.get_mut().take_free();
        for item in free {
            self.dispose(item);
        }
    }
}

/// A place that is taken, and the item in it, if there is one by now. Dropped, the place is given back
/// and the item is not kept: nobody knows in which state it is.
pub(super) struct Held<T, E> {
    pub(super) shared: Rc<Shared<T, E>>,
    pub(super) item: Option<T>,
    is_over: bool,
}

impl<T, E> Held<T, E> {
    pub(super) fn new(shared: &Rc<Shared<T, E>>, item: Option<T>) -> Self {
        Held {
            shared: Rc::clone(shared),
            item,
            is_over: false,
        }
    }

    /// The item is somebody's now, and with it the duty to give the place back.
    pub(super) fn hand_over<I>(mut self, item: I) -> I {
        self.is_over = true;
        item
    }

    /// The item, if nothing has to be waited for.
    pub(super) fn ready(mut self) -> Result<T, Self> {
        match self.item.take() {
            Some(item) if self.shared.hooks.check.is_none() => Ok(self.hand_over(item)),
            item => {
                self.item = item;
                Err(self)
            }
        }
    }

    /// The item, if the pool's check finds that it can be used; otherwise the next free one, and in the
    /// end a new one.
    pub(super) async fn fill(mut self) -> Result<T, E> {
        let shared = Rc::clone(&self.shared);
        if let Some(check) = &shared.hooks.check {
            while let Some(item) = &mut self.item {
                if check.check(item).await {
                    break;
                }
                self.dispose();
                self.item = shared.places.borrow_mut().pop();
            }
        }
        let item = match self.item.take() {
            Some(item) => item,
            None => shared.create.create().await?,
        };
        Ok(self.hand_over(item))
    }

    fn dispose(&mut self) {
        if let Some(item) = self.item.take() {
            self.shared.dispose(item);
        }
    }
}

impl<T, E> Drop for Held<T, E> {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.give_place_back();
            self.dispose();
        }
    }
}
