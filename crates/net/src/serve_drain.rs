//! The handlers of a server that waits for them at its end.
//!
//! They are counted while they run, and each waits for its own end and for the moment at which those
//! that are left are cut off. Their green threads are their own as without this: a panic is told at
//! once, and not when the server ends.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::Event;
use evlet_hub::report::{self, Report};
use evlet_hub::timeout;
use futures::future::{Either, LocalBoxFuture, select};

#[derive(Clone)]
pub(crate) struct Handlers(Rc<Shared>);

struct Shared {
    limit: Duration,
    running: Cell<usize>,
    /// Sent when the last one ends after the server has.
    over: Event<()>,
    /// Sent when the limit is reached.
    cut: Event<()>,
    draining: Cell<bool>,
}

impl Handlers {
    pub(crate) fn new(limit: Duration) -> Handlers {
        Handlers(Rc::new(Shared {
            limit,
            running: Cell::new(0),
            over: Event::new(),
            cut: Event::new(),
            draining: Cell::new(false),
        }))
    }

    /// `worker`, counted, until it is cut off. In a box, so that servers that do not wait need no
    /// room for it.
    pub(crate) fn counted(
        &self,
        worker: impl Future<Output = ()> + 'static,
    ) -> LocalBoxFuture<'static, ()> {
        let counted = Counted::new(self);
        Box::pin(async move {
            let shared = Rc::clone(&counted.0.0);
            match select(pin!(worker), pin!(shared.cut.wait())).await {
                Either::Left(_) | Either::Right(_) => drop(counted),
            }
        })
    }

    /// Waits until all have ended; cuts off those that have not within the limit, and says so.
    pub(crate) async fn drain(self, server: &str) {
        let shared = &*self.0;
        shared.draining.set(true);
        if shared.running.get() == 0 || timeout(shared.limit, shared.over.wait()).await.is_ok() {
            return;
        }
        let left = shared.running.get();
        let _ = shared.cut.send(()); // the only sender
        shared.over.wait().await;
        let limit = shared.limit;
        let message = format!(
            "{left} connections were still served {limit:?} after it was stopped, and were ended \
             (Serve::drain)"
        );
        report::report(Report::notice(server.to_owned(), message));
    }
}

/// One that runs; also one that is dropped before it has begun, or killed.
struct Counted(Handlers);

impl Counted {
    fn new(handlers: &Handlers) -> Counted {
        let running = &handlers.0.running;
        running.set(running.get() + 1);
        Counted(handlers.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let shared = &*self.0.0;
        shared.running.set(shared.running.get() - 1);
        if shared.running.get() == 0 && shared.draining.get() {
            let _ = shared.over.send(()); // a second time it is known already
        }
    }
}
