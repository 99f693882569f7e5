//! One measurement: the clocks, the repetitions inside a process, and what is handed on.
//!
//! A scenario runs a *sample* (some thousands of operations, a few milliseconds) again and again: some to
//! warm up, then some that count. A sample's figure is its time over its operations; a process's figure
//! is the median of those. Reading the process's CPU clock is a system call of 0.3 µs, which a
//! sample of milliseconds does not feel.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Samples that count, unless `--quick` asks for fewer.
const SAMPLES: usize = 15;
const QUICK_SAMPLES: usize = 5;
/// Samples before them.
const WARM_UP: usize = 3;

static QUICK: AtomicBool = AtomicBool::new(false);

/// From now on this process takes few samples: for a look, not for a report.
pub(crate) fn be_quick() {
    QUICK.store(true, Ordering::Relaxed);
}

/// Whether it does.
pub(crate) fn is_quick() -> bool {
    QUICK.load(Ordering::Relaxed)
}

/// What one process found out: one line of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measure {
    pub(crate) contestant: String,
    pub(crate) scenario: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What a scenario found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Operations in all samples that count.
    pub(crate) ops: u64,
    /// CPU time of the whole process for one operation, in nanoseconds.
    pub(crate) cpu_ns: f64,
    /// Time for one operation, in nanoseconds.
    pub(crate) wall_ns: f64,
    /// CPU time of one operation in each window of each heat, where contestants took turns: the third of one and
    /// the third of another were measured in the same cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) heats: Vec<Vec<f64>>,
    /// Whatever else the scenario's rows show, by name.
    #[serde(default)]
    pub(crate) extra: BTreeMap<String, f64>,
    /// Why this must not be compared with the others, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caveat: Option<String>,
}

/// What came out of `one`: a measurement, or why there is none.
pub(crate) type Outcome = Result<Figures, Absent>;

/// Why a contestant cannot take part: reported, never a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Absent {
    #[serde(rename = "absent")]
    pub(crate) why: String,
}

impl Absent {
    pub(crate) fn because(why: impl Into<String>) -> Absent {
        Absent { why: why.into() }
    }
}

impl Figures {
    /// Several heats of a race as one: medians of all they tell, but their windows.
    pub(crate) fn of_heats(heats: Vec<Figures>) -> Figures {
        let over = |figure: &dyn Fn(&Figures) -> Option<f64>| {
            median(&mut heats.iter().filter_map(figure).collect::<Vec<_>>())
        };
        let mut all = Figures {
            ops: heats.iter().map(|heat| heat.ops).sum(),
            wall_ns: over(&|heat| Some(heat.wall_ns)),
            cpu_ns: over(&|heat| Some(heat.cpu_ns)),
            heats: heats.iter().flat_map(|heat| heat.heats.clone()).collect(),
            ..Figures::default()
        };
        for name in heats.iter().flat_map(|heat| heat.extra.keys()) {
            all = all.with(name, over(&|heat| heat.extra.get(name).copied()));
        }
        all.caveat = heats.into_iter().find_map(|heat| heat.caveat);
        all
    }

    pub(crate) fn with(mut self, name: &str, value: f64) -> Figures {
        self.extra.insert(name.to_owned(), value);
        self
    }
}

/// Runs `once`, which does `ops` operations, until there are enough samples.
pub(crate) async fn repeat(ops: u64, mut once: impl AsyncFnMut()) -> Figures {
    for _ in 0..WARM_UP {
        once().await;
    }
    let samples = if is_quick() { QUICK_SAMPLES } else { SAMPLES };
    let mut cpu = Vec::with_capacity(samples);
    let mut wall = Vec::with_capacity(samples);
    for _ in 0..samples {
        let stopwatch = Stopwatch::start();
        once().await;
        let spent = stopwatch.stop();
        cpu.push(spent.cpu.as_nanos() as f64 / ops as f64);
        wall.push(spent.wall.as_nanos() as f64 / ops as f64);
    }
    Figures {
        ops: ops * samples as u64,
        cpu_ns: median(&mut cpu),
        wall_ns: median(&mut wall),
        ..Figures::default()
    }
}

/// Both clocks, started together.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    cpu: Duration,
    wall: Instant,
}

/// What passed on them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch {
            cpu: process_cpu(),
            wall: Instant::now(),
        }
    }

    pub(crate) fn stop(&self) -> Spent {
        Spent {
            cpu: process_cpu().saturating_sub(self.cpu),
            wall: self.wall.elapsed(),
        }
    }
}

impl Spent {
    /// As figures of `ops` operations.
    pub(crate) fn over(self, ops: u64) -> Figures {
        Figures {
            ops,
            cpu_ns: self.cpu.as_nanos() as f64 / ops as f64,
            wall_ns: self.wall.as_nanos() as f64 / ops as f64,
            ..Figures::default()
        }
    }
}

/// CPU time of all threads of this process, user and system.
pub(crate) fn process_cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        now.tv_sec.try_into().unwrap_or(0),
        now.tv_nsec.try_into().unwrap_or(0),
    )
}

/// The middle one; the mean of the two in the middle when their number is even. Zero of nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a share `q` of them lies, between neighbours by proportion.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return 0.0;
    };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    values[below] + (values[above] - values[below]) * at.fract()
}
