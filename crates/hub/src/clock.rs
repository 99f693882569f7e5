//! The only clock that evlet's crates read.
//!
//! Time inside a hub is a count of nanoseconds since the hub was made (`u64`: 584 years), from the
//! monotonic clock, so that steps of the wall clock change nothing. Under
//! [`virtual_time`](crate::HubBuilder::virtual_time) the count stands still while anything is
//! ready and jumps to the next deadline when nothing is: an hour's test takes a millisecond.
//!
//! A reading costs about 23 ns, as much as a whole spawn. So the hub reads the clock at most once a
//! turn for its bookkeeping ([`Clock::turn`]), and a deadline is computed from a fresh reading only
//! where an old one would let a timer fire early.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::running;

/// Nanoseconds since the hub was made.
pub(crate) type Nanos = u64;

/// A deadline that never comes.
pub(crate) const NEVER: Nanos = u64::MAX;

/// The hub's time now.
///
/// Inside a hub this is the hub's clock, which is the monotonic system clock or, in a test, virtual
/// time. Outside any hub it is [`Instant::now`].
///
/// ```
/// use std::time::Duration;
/// let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// let slept = hub.run(async {
///     let start = evlet_hub::now();
///     evlet_hub::sleep(Duration::from_secs(3600)).await;
///     evlet_hub::now() - start
/// });
/// assert_eq!(slept, Duration::from_secs(3600));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn now() -> Instant {
    let of_virtual = |core: &Rc<Core>| core.clock.virtual_instant();
    let of_virtual = running::with(of_virtual).flatten();
    of_virtual.unwrap_or_else(Instant::now)
}

/// Keeps virtual time from jumping while work for this hub is under way on another OS thread.
///
/// Virtual time jumps when nothing is ready; a blocking call that runs elsewhere is invisible to
/// that test, and its caller's timeout would fire at once. Who hands work to another thread holds
/// the clock until the answer is in. Without a hub, or on a hub with a real clock, holding does
/// nothing.
///
/// ```
/// let held = evlet_hub::hold_clock();
/// drop(held); // virtual time may jump again
/// ```
pub fn hold_clock() -> ClockHold {
    let holds = running::with(|core| {
        core.clock.holds.fetch_add(1, Ordering::SeqCst);
        Arc::clone(&core.clock.holds)
    });
    ClockHold { holds }
}

/// See [`hold_clock`]. Dropping it lets virtual time go on; it may be dropped on any thread.
#[derive(Debug)]
#[must_use = "the clock is held until this is dropped"]
pub struct ClockHold {
    holds: Option<Arc<AtomicUsize>>,
}

impl Drop for ClockHold {
    fn drop(&mut self) {
        if let Some(holds) = &self.holds {
            holds.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Clock {
    base: Instant,
    /// The same moment as [`reading`] tells it, or up to a microsecond later, so that nothing is early.
    start: Nanos,
    /// Virtual now; `None` when time is real.
    virtual_now: Option<Cell<Nanos>>,
    turn: Cell<Option<Nanos>>,
    holds: Arc<AtomicUsize>,
}

impl Clock {
    pub(crate) fn new(is_virtual: bool) -> Self {
        let (base, start) = begin();
        Clock {
            base,
            start,
            virtual_now: is_virtual.then(|| Cell::new(0)),
            turn: Cell::new(None),
            holds: Arc::new(AtomicUsize::new(0)),
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_now.is_some()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.holds.load(Ordering::SeqCst) > 0
    }

    /// A fresh reading.
    pub(crate) fn now(&self) -> Nanos {
        match &self.virtual_now {
            Some(now) => now.get(),
            None => reading().saturating_sub(self.start),
        }
    }

    /// Now, where time is virtual.
    fn virtual_instant(&self) -> Option<Instant> {
        let now = self.virtual_now.as_ref()?;
        Some(self.instant(now.get()))
    }

    /// The reading of this turn: taken when first asked for, kept until the turn ends.
    #[inline]
    pub(crate) fn turn(&self) -> Nanos {
        if let Some(reading) = self.turn.get() {
            return reading;
        }
        self.refresh_turn()
    }

    /// Reads the clock and makes that the reading of this turn.
    #[inline(never)]
    pub(crate) fn refresh_turn(&self) -> Nanos {
        let reading = self.now();
        self.turn.set(Some(reading));
        reading
    }

    pub(crate) fn end_turn(&self) {
        self.turn.set(None);
    }

    /// Moves virtual time forward; never back.
    pub(crate) fn jump_to(&self, deadline: Nanos) {
        if let Some(now) = &self.virtual_now {
            now.set(now.get().max(deadline));
            self.turn.set(None);
        }
    }

    pub(crate) fn instant(&self, nanos: Nanos) -> Instant {
        self.base
            .checked_add(Duration::from_nanos(nanos))
            .unwrap_or(self.base)
    }

    /// The hub's time at `instant`: zero before the hub was made, [`NEVER`] beyond its range.
    pub(crate) fn since_base(&self, instant: Instant) -> Nanos {
        saturating_nanos(instant.saturating_duration_since(self.base))
    }
}

/// The monotonic clock in nanoseconds since some moment. An [`Instant`] is the same reading, with a check and a division in each
/// direction, which is more than the reading itself.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn reading() -> Nanos {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // Neither is negative on this clock.
    t.tv_sec as Nanos * 1_000_000_000 + t.tv_nsec as Nanos
}

/// Which of their clocks the standard library reads elsewhere is not for us to know.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn reading() -> Nanos {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    saturating_nanos(FIRST.get_or_init(Instant::now).elapsed())
}

/// Now, in both forms. Whoever is put aside between the readings reads again, save that there is an end to it.
fn begin() -> (Instant, Nanos) {
    let mut tries = 100;
    loop {
        let before = reading();
        let base = Instant::now();
        let start = reading();
        tries -= 1;
        if start - before < 1_000 || tries == 0 {
            return (base, start);
        }
    }
}

/// `duration` in nanoseconds; [`NEVER`] when that does not fit.
pub(crate) fn saturating_nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// A reading for time slices: a few nanoseconds, coarse to a few milliseconds.
pub(crate) fn coarse() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = rustix::time::ClockId::MonotonicCoarse;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = rustix::time::ClockId::Monotonic;
    let t = rustix::time::clock_gettime(id);
    Duration::new(t.tv_sec.unsigned_abs(), t.tv_nsec.unsigned_abs() as u32)
}
