//! An executor of fifty lines: a queue of runnables in a thread-local, run until the root is done.

#![expect(
    unsafe_code,
    reason = "async-task's checked spawn is not the floor: it looks at the thread's number in each poll"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_task::{Runnable, Task};

thread_local! {
    static READY: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

fn schedule(runnable: Runnable) {
    READY.with_borrow_mut(|ready| ready.push_back(runnable));
}

pub(super) fn spawn<F>(future: F) -> Task<F::Output>
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

pub(super) fn block_on<F>(root: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let mut root = spawn(root);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    loop {
        for _ in 0..BATCH {
            match READY.with_borrow_mut(VecDeque::pop_front) {
                Some(runnable) => runnable.run(),
                None => break,
            };
        }
        if let Poll::Ready(output) = Pin::new(&mut root).poll(&mut cx) {
            return output;
        }
    }
}

const BATCH: usize = 256;

/// Once to the end of the queue.
#[derive(Debug, Default)]
pub(super) struct YieldNow {
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
