//! A hub's options, each default with its reason.

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::clock::{Clock, saturating_nanos};
use crate::core::{Config, Core, FaultFn, ReportFn};
use crate::diagnostics;
use crate::hub::Hub;
use crate::reactor::{Backend, Reactor};
use crate::remote::Remote;
use crate::report::Report;
use crate::running;
use crate::sys::{Call, Fault};
use crate::task::HubId;
use crate::watchdog::{DEFAULT_LIMIT, Watchdog};

/// Options of a [`Hub`]; made by [`Hub::builder`].
///
/// ```
/// use std::time::Duration;
/// use evlet_hub::{Hub, now, sleep};
/// let hub = Hub::builder().virtual_time(true).seed(1).build()?;
/// hub.run(async {
///     sleep(Duration::from_secs(86_400)).await; // takes no time
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct HubBuilder {
    config: Config,
    backend: Backend,
    is_virtual: bool,
    seed: Option<u64>,
    /// `None` is the default, which depends on the clock.
    watchdog: Option<Duration>,
    on_report: Option<ReportFn>,
    faults: Option<FaultFn>,
}

impl HubBuilder {
    pub(crate) fn new() -> Self {
        HubBuilder {
            config: Config {
                batch: 61,
                budget: 128,
                time_slice: Duration::from_millis(10),
                timer_slack: 150_000,
                shuffle: false,
                many_readers: false,
            },
            backend: Backend::Auto,
            is_virtual: false,
            seed: None,
            watchdog: None,
            on_report: None,
            faults: None,
        }
    }

    /// How the hub waits for descriptors. Default: the best of the system.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Makes time stand still while anything is ready and jump to the next deadline when nothing
    /// is: tests of hours take milliseconds. Default: off.
    ///
    /// Descriptors are real: before a jump the hub looks at them, and while somebody waits on one
    /// it gives the kernel a millisecond to deliver what is on its way. Work on other threads is
    /// not seen; [`hold_clock`](crate::hold_clock) keeps time from jumping over it.
    pub fn virtual_time(mut self, is_virtual: bool) -> Self {
        self.is_virtual = is_virtual;
        self
    }

    /// The seed of the hub's randomness. Default: drawn from the system.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs ready green threads in an order drawn from the seed instead of first come, first
    /// served: for tests that look for hidden reliance on order. Default: off.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.config.shuffle = shuffle;
        self
    }

    /// Reports every green thread that holds the hub for longer than `limit`, by name and line;
    /// zero turns that off. Default: one second, as in eventlet's `debug.hub_blocking_detection`;
    /// off under [`virtual_time`](Self::virtual_time), where no second is one.
    ///
    /// One OS thread looks after all hubs of the process, and sleeps while they are idle.
    pub fn watchdog(mut self, limit: Duration) -> Self {
        self.watchdog = Some(limit);
        self
    }

    /// How long a green thread may compute before [`checkpoint`](crate::checkpoint) yields.
    /// Default: 10 ms, a tenth of what people notice.
    pub fn time_slice(mut self, slice: Duration) -> Self {
        self.config.time_slice = slice;
        self
    }

    /// How late a timer may be so that deadlines close together cost one wake-up. Default: 150 µs,
    /// which takes a third off the cost of crowded timers; zero for the kernel's own precision.
    pub fn timer_slack(mut self, slack: Duration) -> Self {
        self.config.timer_slack = saturating_nanos(slack);
        self
    }

    /// How many ready green threads run before timers, other threads and descriptors are looked
    /// at, at least 1. Default: 61, so that a look costs a few nanoseconds for each.
    pub fn batch(mut self, polls: u32) -> Self {
        self.config.batch = polls.max(1);
        self
    }

    /// How many operations one turn of a green thread may do without waiting, at least 1.
    /// Default: 128.
    pub fn budget(mut self, operations: u32) -> Self {
        self.config.budget = operations.max(1);
        self
    }

    /// Lets several green threads wait for the same direction of one descriptor; an event wakes
    /// them all. Default: off, the second one gets an error that names the first.
    pub fn allow_many_readers(mut self, allow: bool) -> Self {
        self.config.many_readers = allow;
        self
    }

    /// Receives what would otherwise be a line on standard error: see [`mod@crate::report`].
    pub fn on_report(mut self, f: impl Fn(&Report) + 'static) -> Self {
        self.on_report = Some(Box::new(f));
        self
    }

    /// Makes system calls fail at will, for tests: see [`crate::sys`].
    pub fn faults(mut self, f: impl FnMut(Call) -> Option<Fault> + 'static) -> Self {
        self.faults = Some(Box::new(f));
        self
    }

    /// Makes the hub.
    ///
    /// # Errors
    /// When the system has no descriptors left for it, when 4,095 hubs live in this process, or no thread for a watchdog that was asked for.
    pub fn build(self) -> io::Result<Hub> {
        let id = next_id()?;
        let reactor = Reactor::new(self.backend)?;
        let remote = Remote::new(id, reactor.notifier())?;
        let watchdog = match self.watchdog {
            Some(Duration::ZERO) => None,
            Some(limit) => Some(Watchdog::start(limit, &remote)?),
            None if self.is_virtual || !diagnostics::ON => None,
            // Nobody asked for it: a system that has no thread for it still has a hub.
            None => Watchdog::start(DEFAULT_LIMIT, &remote).ok(),
        };
        let rng = match self.seed {
            Some(seed) => fastrand::Rng::with_seed(seed),
            None => fastrand::Rng::new(),
        };
        let core: Rc<Core> = Core::new(
            id,
            self.config,
            Clock::new(self.is_virtual),
            reactor,
            remote,
            rng,
            watchdog,
            self.on_report,
            self.faults,
        );
        running::add_hub(&core);
        Ok(Hub::from_core(core))
    }
}

fn next_id() -> io::Result<HubId> {
    static HUBS: AtomicU32 = AtomicU32::new(1);
    let order = Ordering::Relaxed;
    let next = HUBS.fetch_update(order, order, |id| id.checked_add(1));
    next.map_err(|_| io::Error::other("this process has made as many hubs as there are numbers"))
}

impl std::fmt::Debug for HubBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubBuilder")
            .field("config", &self.config)
            .field("backend", &self.backend)
            .field("virtual_time", &self.is_virtual)
            .field("seed", &self.seed)
            .field("watchdog", &self.watchdog)
            .finish_non_exhaustive()
    }
}
