//! The scenarios without sockets: written once, generic over a [`Runtime`].

pub(crate) mod runtime;

mod spawning;
mod yielding;

use crate::measure::{Absent, Figures, Outcome};
pub(crate) use runtime::Runtime;

/// Runs a scenario on `R`.
pub(crate) fn run<R: Runtime>(scenario: &str, size: Option<u64>) -> Outcome {
    if let Some(why) = R::lacks(scenario) {
        return Err(Absent::because(why));
    }
    let size = |usual: u64| size.unwrap_or(usual);
    let mut figures = match scenario {
        "spawn-join" => on::<R, _>(spawning::join::<R>(size(1_000))),
        "yield-1000" => on::<R, _>(yielding::among::<R>(size(1_000))),
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
    R::block_on(async move { R::spawn(scenario).await })
}
