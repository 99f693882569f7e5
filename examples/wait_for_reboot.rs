//! Waiting for something to become true, in the two ways that cloud services do it.
//!
//! A looping call asks every half second until the machine runs again, and hands over what it
//! found. A retry tries something that fails now and then, with pauses in between that grow, and gives
//! up with the last failure. What it retries it tells on standard error.
//!
//! Run it: `cargo run --example wait_for_reboot`

use std::cell::Cell;
use std::fmt;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use evlet::{FixedIntervalLoopingCall, now, retry, sleep, spawn_n};

#[evlet::main]
async fn main() {
    let machine = Rc::new(Machine::default());
    reboot(&machine);
    let start = now();
    let name = wait_for_reboot(machine.clone()).await;
    println!(
        "{name} runs again, asked {} times in {:.1} s",
        machine.asked.get(),
        (now() - start).as_secs_f64()
    );

    for works_at_attempt in [2, 9] {
        let attached = retry(|| machine.attach_volume(works_at_attempt))
            .max_retry_count(2)
            .inc_sleep_time(Duration::from_millis(200))
            .name("attaching the volume")
            .await;
        match attached {
            Ok(volume) => println!("attached {volume}"),
            Err(e) => println!("gave up: {e}"),
        }
    }
}

/// Asks every half second, starting now, until the machine is up.
async fn wait_for_reboot(machine: Rc<Machine>) -> &'static str {
    FixedIntervalLoopingCall::new(move || {
        let machine = machine.clone();
        async move {
            machine.asked.set(machine.asked.get() + 1);
            if machine.running.get() {
                ControlFlow::Break("machine-1")
            } else {
                println!("not yet");
                ControlFlow::Continue(())
            }
        }
    })
    .start(Duration::from_millis(500))
    .wait()
    .await
    .expect("the looping call ends with a value")
}

/// Down for a while after a reboot; takes a volume only when asked often enough.
#[derive(Default)]
struct Machine {
    running: Cell<bool>,
    asked: Cell<u32>,
    attempts: Cell<u32>,
}

fn reboot(machine: &Rc<Machine>) {
    let machine = machine.clone();
    spawn_n(async move {
        sleep(Duration::from_millis(1200)).await;
        machine.running.set(true);
    });
}

impl Machine {
    async fn attach_volume(&self, works_at_attempt: u32) -> Result<&'static str, Refused> {
        sleep(Duration::from_millis(10)).await;
        self.attempts.set(self.attempts.get() + 1);
        if self.attempts.get() >= works_at_attempt {
            self.attempts.set(0);
            return Ok("volume-7");
        }
        Err(Refused {
            attempt: self.attempts.get(),
        })
    }
}

#[derive(Debug)]
struct Refused {
    attempt: u32,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the machine is busy (attempt {})", self.attempt)
    }
}

impl std::error::Error for Refused {}
