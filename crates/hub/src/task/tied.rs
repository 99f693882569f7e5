//! A delayed spawn that is given up when its maker ends.
//!
//! The tie is a link of the maker, which cancels the green thread to be. It is taken back as soon as the
//! delay is over, or was given up in another way, so that a maker that lives long collects none.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use crate::in_progress;
use crate::local;
use crate::running;
use crate::sleep::Sleep;
use crate::task::green_thread::LinkId;
use crate::task::spawn::start;
use crate::task::{Flags, GreenThread, HubId, Key};

/// [`spawn_after`](crate::spawn_after), but only while the green thread that calls this lives: if it
/// ends before the delay is over, in whatever way, the new one is killed and never runs.
///
/// A new one that has begun goes on after its maker. Called where no green thread runs (by a link,
/// say) there is nothing to be tied to, and it is as `spawn_after`.
///
/// In eventlet whoever waits for one that was given up waits for ever; here the answer is
/// [`Exit::Killed`](crate::Exit::Killed), at once.
///
/// # Panics
/// When no hub runs on this thread.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use evlet_hub::{Exit, run, sleep, spawn, spawn_after_local};
///
/// run(async {
///     let connection = spawn(async {
///         let patience = Duration::from_secs(3600);
///         spawn_after_local(patience, async { println!("still connected, after an hour") })
///     });
///     let reminder = connection.await.unwrap();
///     assert!(matches!(reminder.await, Err(Exit::Killed)));
/// });
/// ```
#[track_caller]
pub fn spawn_after_local<F>(delay: Duration, future: F) -> GreenThread<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let core = running::expect("spawn_after_local");
    let site = Location::caller();
    let sleep = Sleep::after_now(&core, delay, site);
    let maker = in_progress::current();
    let tie = maker.map(|maker| Tie {
        hub: core.id,
        maker,
        link: LinkId::new(&core),
    });
    let link = tie.as_ref().map(|tie| tie.link);
    let delayed = async move {
        sleep.await;
        drop(tie);
        running::with(|core| core.mark_started());
        future.await
    };
    let task = start(&core, site, delayed, Flags::DELAYED, local::inherited());
    if let (Some(maker), Some(link)) = (maker, link) {
        let (hub, key) = (core.id, task.slot.key());
        let cancel = move |_: &_| {
            running::with_hub(hub, |core| core.cancel(key, site));
        };
        // The maker runs, so it is there.
        core.add_link(maker, link, Box::new(cancel));
    }
    GreenThread::new(task)
}

/// Takes the link back when it is dropped.
struct Tie {
    hub: HubId,
    maker: Key,
    link: LinkId,
}

impl Drop for Tie {
    fn drop(&mut self) {
        running::with_hub(self.hub, |core| core.remove_link(self.maker, self.link));
    }
}
