//! Waiting until a killed green thread's future is gone.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::core::Core;
use crate::task::Key;
use crate::wait::{WaitKind, WaitsOn};

/// The future of [`GreenThread::kill`](crate::GreenThread::kill): done when the killed future is gone.
///
/// It need not be awaited: the kill stands without.
#[derive(Debug)]
pub struct Kill {
    core: Option<Rc<Core>>,
    key: Key,
    ticket: u64,
    at: &'static Location<'static>,
}

impl Kill {
    pub(super) fn new(core: Option<Rc<Core>>, key: Key, at: &'static Location<'static>) -> Self {
        Kill {
            core,
            key,
            ticket: 0,
            at,
        }
    }
}

impl Future for Kill {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        ready!(crate::wait::poll_budget(cx));
        let Some(core) = this.core.as_ref().filter(|core| core.is_live(this.key)) else {
            return Poll::Ready(());
        };
        if this.ticket == 0 {
            this.ticket = core.next_ticket();
        }
        core.add_waiter(this.key, this.ticket, cx.waker());
        let on = WaitsOn::new(WaitKind::GreenThread, this.key.id.as_u64());
        crate::wait::park(on, this.at);
        Poll::Pending
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        if let Some(core) = &self.core
            && self.ticket != 0
        {
            core.remove_waiter(self.key, self.ticket);
        }
    }
}
