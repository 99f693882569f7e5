//! Windows of operations, and the server's clock around each.
//!
//! In a race ([`crate::turn`]) a window begins when this contestant is called. The caches hold the server that was
//! called before, so each window has a *lead-in*, which does not count: enough operations that every
//! connection has had one or two.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::server::Server;
use crate::measure::{Figures, is_quick, median};
use crate::turn;

/// Windows that count, where nobody calls.
const WINDOWS: usize = 24;
const QUICK_WINDOWS: usize = 8;
/// Windows before them.
const WARM_UP: usize = 2;
/// After its last answer a server has a little to do before it sleeps.
const SETTLE: Duration = Duration::from_millis(2);

/// How a scenario is cut up.
#[derive(Debug)]
pub(crate) struct Windows {
    /// Operations before each.
    lead_in: u64,
    /// Operations in each.
    ops: u64,
}

impl Windows {
    pub(crate) fn of(lead_in: u64, ops: u64) -> Windows {
        Windows { lead_in, ops }
    }

    /// Runs `once`, which does as many operations as it is told, and takes the server's clock around it.
    pub(crate) fn measure(
        &self,
        server: &Server,
        mut once: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<Figures> {
        for _ in 0..WARM_UP {
            once(self.ops)?;
        }
        let (mut cpu, mut wall, mut used) = (Vec::new(), Vec::new(), Vec::new());
        let mut turns = turn::turns(if is_quick() { QUICK_WINDOWS } else { WINDOWS });
        while turns.next() {
            once(self.lead_in)?;
            thread::sleep(SETTLE);
            let (before, began) = (server.cpu()?, Instant::now());
            once(self.ops)?;
            let took = began.elapsed();
            thread::sleep(SETTLE);
            let spent = server.cpu()?.saturating_sub(before);
            cpu.push(spent.as_nanos() as f64 / self.ops as f64);
            wall.push(took.as_nanos() as f64 / self.ops as f64);
            used.push(spent.as_secs_f64() / took.as_secs_f64());
        }
        let figures = Figures {
            ops: self.ops * cpu.len() as u64,
            heats: if turn::is_called() {
                vec![cpu.clone()]
            } else {
                Vec::new()
            },
            cpu_ns: median(&mut cpu),
            wall_ns: median(&mut wall),
            ..Figures::default()
        };
        Ok(figures.with("server_busy", median(&mut used)))
    }
}
