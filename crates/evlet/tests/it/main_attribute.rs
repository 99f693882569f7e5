//! `#[evlet::main]`: the body runs on a hub of its own, with the options that were given.

use std::io;
use std::time::Duration;

use evlet::{now, random_u64, sleep, spawn};

/// What a `main` may look like; called by the tests like the plain functions that they have become.
mod programs {
    use super::*;

    #[evlet::main]
    pub(super) async fn plain() {
        let other = spawn(async { 7 });
        assert_eq!(other.await.unwrap(), 7);
    }

    #[evlet::main]
    pub(super) async fn failing() -> io::Result<u8> {
        sleep(Duration::from_millis(1)).await;
        let port: u16 = "no port".parse().map_err(io::Error::other)?;
        unreachable!("{port}");
    }

    #[evlet::main]
    pub(super) async fn returning_early() -> Result<&'static str, String> {
        if now() <= now() {
            return Ok("early");
        }
        Err("never".to_owned())
    }

    #[evlet::main(virtual_time = true)]
    pub(super) async fn hour() -> Duration {
        let start = now();
        sleep(Duration::from_secs(3600)).await;
        now() - start
    }

    #[evlet::main(seed = 7)]
    pub(super) async fn seeded() -> [u64; 4] {
        std::array::from_fn(|_| random_u64())
    }

    #[evlet::main(virtual_time = true, seed = 8, watchdog = "100ms")]
    pub(super) async fn seeded_otherwise() -> [u64; 4] {
        std::array::from_fn(|_| random_u64())
    }

    #[evlet::main]
    pub(super) async fn main() -> impl std::process::Termination {
        std::process::ExitCode::SUCCESS
    }
}

#[test]
fn bodies_return_what_they_say() {
    programs::plain();
    assert!(programs::failing().is_err());
    assert_eq!(programs::returning_early(), Ok("early"));
    let _ = programs::main();
}

#[test]
fn options_reach_the_hub() {
    assert_eq!(programs::hour(), Duration::from_secs(3600));
    assert_eq!(programs::seeded(), programs::seeded());
    assert_ne!(programs::seeded(), programs::seeded_otherwise());
}
