//! An executor of fifty lines: a queue of runnables in a thread-local, run until the root is done; one
//! wait in the kernel when it is empty, and one look now and then when it is not.

#![expect(
    unsafe_code,
    reason = "async-task's checked spawn is not the floor: it looks at the thread's number in each poll"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_task::{Runnable, Task};

use super::{reactor, timers};

thread_local! {
    // Never dropped, so that a look at it need not ask whether it was.
    static READY: ManuallyDrop<RefCell<VecDeque<Runnable>>> =
        const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
}

fn schedule(runnable: Runnable) {
    READY.with(|ready| ready.borrow_mut().push_back(runnable));
}

pub(crate) fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    // SAFETY: the future and its output are 'static, the schedule function is a plain function. The floor
    // has no way to other threads: no scenario with threads runs on it, so no waker leaves this one,
    // and whatever `schedule` gets is run and dropped here.
    let (runnable, task) = unsafe { async_task::spawn_unchecked(future, schedule) };
    runnable.schedule();
    task
}

pub(crate) fn block_on<F>(root: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let mut root = spawn(root);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let mut is_empty = false;
        for _ in 0..BATCH {
            let Some(runnable) = READY.with(|ready| ready.borrow_mut().pop_front()) else {
                is_empty = true;
                break;
            };
            runnable.run();
        }
        if let Poll::Ready(output) = Pin::new(&mut root).poll(&mut cx) {
            return output;
        }
        let longest = timers::until_next();
        if is_empty {
            reactor::wait(longest);
        } else {
            reactor::wait(Some(Duration::ZERO));
        }
        timers::fire();
    }
}

/// Polls between two looks at descriptors and timers.
const BATCH: usize = 256;

/// Once to the end of the queue.
#[derive(Debug, Default)]
pub(crate) struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
