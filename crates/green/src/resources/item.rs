//! An item that goes back to its pool when it is dropped.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::resources::shared::Shared;

/// An item of a [`Pool`](crate::Pool): goes back when it is dropped, also while a panic unwinds.
///
/// It lets the item be used as if it were there itself. It may outlive the pool's handles and the hub.
#[must_use = "the item goes back as soon as this is dropped"]
pub struct Item<T, E = std::convert::Infallible> {
    shared: Rc<Shared<T, E>>,
    /// Empty only while this is dropped.
    item: Option<T>,
}

impl<T, E> Item<T, E> {
    pub(super) fn new(shared: &Rc<Shared<T, E>>, item: T) -> Self {
        Item {
            shared: Rc::clone(shared),
            item: Some(item),
        }
    }

    /// Gives the item away for good: the pool makes another one in its place when it is wanted.
    ///
    /// ```
    /// use evlet_green::Pool;
    /// evlet_hub::run(async {
    ///     let pool = Pool::new(1, async || String::from("tea"));
    ///     let Ok(item) = pool.item().await;
    ///     let tea = item.detach();
    ///     let Ok(another) = pool.item().await; // does not wait: the place is free
    ///     assert_eq!(tea, *another);
    /// });
    /// ```
    pub fn detach(mut self) -> T {
        let Some(item) = self.item.take() else {
            unreachable!("it is empty only while it is dropped")
        };
        self.shared.give_place_back();
        item
    }

    /// Throws the item away, broken as it may be: the pool makes another one in its place when it is
    /// wanted.
    pub fn discard(mut self) {
        if let Some(item) = self.item.take() {
            self.shared.discard(item);
        }
    }
}

impl<T, E> Deref for Item<T, E> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.item {
            Some(item) => item,
            None => unreachable!("it is empty only while it is dropped"),
        }
    }
}

impl<T, E> DerefMut for Item<T, E> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.item {
            Some(item) => item,
            None => unreachable!("it is empty only while it is dropped"),
        }
    }
}

impl<T, E> Drop for Item<T, E> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            self.shared.put(item);
        }
    }
}

impl<T: fmt::Debug, E> fmt::Debug for Item<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&**self).finish()
    }
}
