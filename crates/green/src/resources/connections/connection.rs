//! A connection that goes back to its pool when it is dropped.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::resources::Get;
use crate::resources::connections::NoConnection;
use crate::resources::connections::ages::Aged;
use crate::resources::connections::keeper::{Keeper, Used};

/// A connection of a [`ConnectionPool`](crate::ConnectionPool): goes back when it is dropped.
///
/// It lets the connection be used as if it were there itself. When the pool has a `cleanup`, dropping
/// this starts a green thread that cleans the connection and puts it back, whatever deadline its user had;
/// [`put`](Self::put) waits for that. Where no hub runs, a connection that would have to be cleaned is closed instead.
#[must_use = "the connection goes back as soon as this is dropped"]
pub struct PooledConnection<C: 'static, E: 'static> {
    keeper: Rc<Keeper<C, E>>,
    /// Empty only while this is dropped.
    aged: Option<Aged<C>>,
}

impl<C, E> PooledConnection<C, E> {
    fn new(keeper: &Rc<Keeper<C, E>>, aged: Aged<C>) -> Self {
        PooledConnection {
            keeper: Rc::clone(keeper),
            aged: Some(aged),
        }
    }

    /// Cleans the connection, as the pool's `cleanup` says, and puts it back; it is there for the next
    /// when this is done. When the clean-up fails the connection is closed, and the hub's report says why.
    ///
    /// # Panics
    /// With the panic of `cleanup`; the connection is closed.
    ///
    /// # Cancel safety
    /// Dropping the future before it is done closes the connection: nobody knows how clean it is. Its
    /// place goes to the next who waits.
    pub async fn put(mut self) {
        if let Some(aged) = self.aged.take() {
            Used::new(&self.keeper, aged).clean().await;
        }
    }

    /// Puts the connection back at once, without cleaning it.
    pub fn put_as_it_is(mut self) {
        if let Some(aged) = self.aged.take() {
            self.keeper.put(aged);
        }
    }

    /// Closes the connection, broken as it may be; the pool makes another one when it is wanted.
    pub fn discard(mut self) {
        if let Some(aged) = self.aged.take() {
            self.keeper.pool.shared.discard(aged);
        }
    }

    /// Takes the connection out of the pool for good; the pool makes another one when it is wanted.
    pub fn detach(mut self) -> C {
        let Some(aged) = self.aged.take() else {
            unreachable!("it is empty only while it is dropped")
        };
        self.keeper.pool.shared.give_place_back();
        aged.connection
    }
}

impl<C, E> Deref for PooledConnection<C, E> {
    type Target = C;

    fn deref(&self) -> &C {
        match &self.aged {
            Some(aged) => &aged.connection,
            None => unreachable!("it is empty only while it is dropped"),
        }
    }
}

impl<C, E> DerefMut for PooledConnection<C, E> {
    fn deref_mut(&mut self) -> &mut C {
        match &mut self.aged {
            Some(aged) => &mut aged.connection,
            None => unreachable!("it is empty only while it is dropped"),
        }
    }
}

impl<C, E> Drop for PooledConnection<C, E> {
    fn drop(&mut self) {
        if let Some(aged) = self.aged.take() {
            self.keeper.take_back(aged);
        }
    }
}

impl<C: fmt::Debug, E> fmt::Debug for PooledConnection<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledConnection").field(&**self).finish()
    }
}

/// The future of [`ConnectionPool::get`](crate::ConnectionPool::get).
///
/// # Cancel safety
/// Dropping it loses its place in the line; a connection just given to it goes to the next. One that was
/// being made or checked is closed, and its place goes to the next.
#[must_use = "futures do nothing unless awaited"]
pub struct GetConnection<'a, C: 'static, E: 'static> {
    pub(super) keeper: &'a Rc<Keeper<C, E>>,
    pub(super) get: Get<'a, Aged<C>, NoConnection<E>>,
}

impl<C, E> Future for GetConnection<'_, C, E> {
    type Output = Result<PooledConnection<C, E>, NoConnection<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let aged = ready!(self.get.poll_item(cx));
        Poll::Ready(aged.map(|aged| PooledConnection::new(self.keeper, aged)))
    }
}

impl<C, E> fmt::Debug for GetConnection<'_, C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GetConnection").field(&self.get).finish()
    }
}
