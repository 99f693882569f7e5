//! What [`serve`](crate::serve) serves: anything that accepts connections.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::rc::Rc;

/// Accepts connections. [`TcpListener`](crate::TcpListener) and
/// [`UnixListener`](crate::UnixListener) do, and references to them; write it for a type of your
/// own to have [`serve`](crate::serve) take connections from elsewhere.
///
/// ```
/// use std::{cell::RefCell, future::Future, io, panic::Location};
/// use evlet_net::{Listener, StopServe, serve};
///
/// /// Hands out the numbers it was given.
/// struct Numbers(RefCell<Vec<u32>>);
///
/// impl Listener for Numbers {
///     type Stream = u32;
///     type Peer = &'static str;
///     async fn accept_at(&self, _: &'static Location<'static>) -> io::Result<(u32, &'static str)> {
///         let next = self.0.borrow_mut().pop();
///         match next {
///             Some(number) => Ok((number, "the list")),
///             None => std::future::pending().await,
///         }
///     }
/// }
///
/// evlet_hub::run(async {
///     let numbers = Numbers(RefCell::new(vec![1, 2, 3]));
///     serve(numbers, |number, _| async move {
///         if number == 2 { Err(StopServe) } else { Ok(()) }
///     })
///     .await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Listener {
    /// A connection.
    type Stream;
    /// Who is at the other end; handlers' green threads are named after it.
    type Peer: Clone + fmt::Display + 'static;

    /// Waits for a connection on behalf of the code at `at`.
    ///
    /// Dropping the future must lose no connection, and an error must end the listener for good:
    /// one that concerns a single connection, or that time heals, is the listener's own to bear.
    ///
    /// # Errors
    /// Those that end the listener.
    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>>;

    /// Names the running green thread, which is a connection's handler, after the peer.
    fn name_after(peer: &Self::Peer) {
        evlet_hub::set_name(peer.to_string());
    }
}

/// What leads to a listener is one.
macro_rules! leads_to_a_listener {
    ($($type:ty),*) => { $(
        impl<L: Listener + ?Sized> Listener for $type {
            type Stream = L::Stream;
            type Peer = L::Peer;

            fn accept_at(
                &self,
                at: &'static Location<'static>,
            ) -> impl Future<Output = io::Result<(L::Stream, L::Peer)>> {
                (**self).accept_at(at)
            }

            fn name_after(peer: &L::Peer) {
                L::name_after(peer);
            }
        }
    )* };
}
leads_to_a_listener!(&L, Rc<L>, Box<L>);
