//! The scenarios without sockets: written once, generic over a [`Runtime`].

pub(crate) mod join;
pub(crate) mod runtime;
pub(crate) mod semaphore_pool;
pub(crate) mod turns;

mod handing;
mod limits;
mod memory;
mod permits;
mod sleeping;
mod spawning;
mod waking;
mod yielding;

use crate::measure::{Absent, Figures, Outcome};
pub(crate) use runtime::Runtime;

/// Runs a scenario on `R`. `size` changes what the scenario counts: tasks, sleeps, producers.
pub(crate) fn run<R: Runtime>(scenario: &str, size: Option<u64>) -> Outcome {
    if let Some(why) = R::lacks(scenario) {
        return Err(Absent::because(why));
    }
    let size = |usual: u64| size.unwrap_or(usual).max(1);
    let mut figures = match scenario {
        "spawn-join" => on::<R, _>(spawning::join::<R>(size(1_000))),
        "spawn-detached" => on::<R, _>(spawning::detached::<R>(size(1_000))),
        "yield-1000" => on::<R, _>(yielding::among::<R>(size(1_000))),
        "yield-lone" => on::<R, _>(yielding::among::<R>(size(1))),
        "ping-pong" => on::<R, _>(handing::ping_pong::<R>()),
        "request-reply" => on::<R, _>(handing::request_reply::<R>()),
        "fan-in" => on::<R, _>(handing::fan_in::<R>(size(100))),
        "semaphore-free" => on::<R, _>(permits::free::<R>()),
        "semaphore-contended" => on::<R, _>(permits::contended::<R>(size(100))),
        "pool" => on::<R, _>(permits::pool::<R>(size(1_000))),
        "timeout-ready" => on::<R, _>(limits::at_once::<R>()),
        "timeout-cancelled" => on::<R, _>(limits::cancelled::<R>(0)),
        "sleeps" => on::<R, _>(sleeping::many::<R>(size(100_000))),
        "sleeps-precise" => {
            R::block_on_precise(in_a_task::<R, _>(sleeping::many::<R>(size(100_000))))
        }
        "sleep-zero" => on::<R, _>(sleeping::zero::<R>()),
        "thread-wake" => on::<R, _>(waking::from_thread::<R>(size(1_000))),
        "blocking" => on::<R, _>(waking::blocking::<R>()),
        "memory-parked" => on::<R, _>(memory::parked::<R>(size(100_000))),
        "memory-asleep" => on::<R, _>(memory::asleep::<R>(size(100_000))),
        "turn" => turns::counted::<R>(size(2_000)),
        // The inner half of `turn`, which its outer half starts under strace.
        "turn-loop" => R::block_on(R::turns(size(2_000))).map(|()| Figures::default()),
        "grow-timers-cancelled" => on::<R, _>(limits::cancelled::<R>(size(1_000))),
        "grow-timers-fired" => on::<R, _>(sleeping::fired::<R>(size(1_000))),
        other => Err(Absent::because(format!("{other} has no code"))),
    }?;
    figures.caveat = R::caveat(scenario).map(str::to_owned);
    Ok(figures)
}

/// Runs a scenario as a task, not as the root: some runtimes treat the root differently, and programs
/// live in tasks.
fn on<R: Runtime, F>(scenario: F) -> Outcome
where
    F: Future<Output = Figures> + 'static,
{
    R::block_on(in_a_task::<R, F>(scenario))
}

async fn in_a_task<R: Runtime, F>(scenario: F) -> Figures
where
    F: Future<Output = Figures> + 'static,
{
    R::spawn(scenario).await
}
