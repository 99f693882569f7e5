//! Waiting for something to become true, in the two ways that cloud services do it.
//!
//! A looping call asks every half second until the machine runs again, and hands over what it
//! found. A retry loop tries something that fails now and then, sleeps between attempts, and gives
//! up with the last failure.
//!
//! Run it: `cargo run --example wait_for_reboot`

use std::cell::Cell;
use std::fmt;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use evlet::{FixedIntervalLoopingCall, now, sleep, spawn_n};

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

    match with_retries(3, || machine.attach_volume(2)).await {
        Ok(volume) => println!("attached {volume}"),
        Err(e) => println!("gave up: {e}"),
    }
    match with_retries(3, || machine.attach_volume(9)).await {
        Ok(volume) => println!("attached {volume}"),
        Err(e) => println!("gave up: {e}"),
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

/// At most `attempts` times, with a pause in between; the last failure is the result.
async fn with_retries<T, F: Future<Output = Result<T, Refused>>>(
    attempts: u32,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Refused> {
    let mut tried = 1;
    loop {
        match attempt().await {
            Err(e) if tried < attempts => println!("attempt {tried} failed: {e}"),
            last => return last,
        }
        tried += 1;
        sleep(Duration::from_millis(200)).await;
    }
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
