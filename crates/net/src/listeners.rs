//! Several listeners served as one.

use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::Poll;

use crate::listener::Listener;

/// A row of listeners accepts from whichever has a connection: one server on several addresses, with
/// one bound. Where several have one, chance decides, so that a busy one starves none of the others.
/// Who waits with an empty row waits for ever.
///
/// ```
/// use evlet_net::{connect, listen, serve};
/// evlet_hub::run(async {
///     let listeners = vec![listen("127.0.0.1:0")?, listen("127.0.0.1:0")?];
///     let addrs = [listeners[0].local_addr()?, listeners[1].local_addr()?];
///     evlet_hub::spawn_n(serve(listeners, |stream, _| async move {
///         stream.send_all(b"hello").await
///     }));
///     for addr in addrs {
///         assert_eq!(connect(addr).await?.recv(&mut [0; 10]).await?, 5);
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl<L: Listener> Listener for Vec<L> {
    type Stream = L::Stream;
    type Peer = L::Peer;

    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(L::Stream, L::Peer)>> {
        accept_any(self, at)
    }

    fn name_after(peer: &L::Peer) {
        L::name_after(peer);
    }
}

impl<L: Listener, const N: usize> Listener for [L; N] {
    type Stream = L::Stream;
    type Peer = L::Peer;

    fn accept_at(
        &self,
        at: &'static Location<'static>,
    ) -> impl Future<Output = io::Result<(L::Stream, L::Peer)>> {
        accept_any(self, at)
    }

    fn name_after(peer: &L::Peer) {
        L::name_after(peer);
    }
}

type Accepting<'a, L> = Pin<
    Box<dyn Future<Output = io::Result<(<L as Listener>::Stream, <L as Listener>::Peer)>> + 'a>,
>;

async fn accept_any<L: Listener>(
    listeners: &[L],
    at: &'static Location<'static>,
) -> io::Result<(L::Stream, L::Peer)> {
    let mut accepting: Vec<Accepting<'_, L>> = Vec::with_capacity(listeners.len());
    for listener in listeners {
        accepting.push(Box::pin(listener.accept_at(at)));
    }
    if accepting.len() > 1 {
        let first = evlet_hub::random_u64() % accepting.len() as u64;
        accepting.rotate_left(first as usize);
    }
    // The first that is ready ends it, and the others are not polled any more: nothing that they
    // have accepted is lost.
    poll_fn(|cx| {
        for one in &mut accepting {
            if let Poll::Ready(accepted) = one.as_mut().poll(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}
