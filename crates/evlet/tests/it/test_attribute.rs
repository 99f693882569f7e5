//! `#[evlet::test]`: virtual time by default, and everything that a plain test may be.

use std::io;
use std::time::{Duration, Instant};

use evlet::{now, sleep, spawn};

#[evlet::test]
async fn an_hour_takes_no_time() {
    let (start, wall) = (now(), Instant::now());
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(now() - start, Duration::from_secs(3600));
    assert!(wall.elapsed() < Duration::from_secs(60));
}

#[evlet::test(virtual_time = false)]
async fn the_real_clock_on_request() {
    let wall = Instant::now();
    sleep(Duration::from_millis(20)).await;
    assert!(wall.elapsed() >= Duration::from_millis(20));
}

#[evlet::test(seed = 1)]
async fn a_result_is_returned() -> io::Result<()> {
    let worker = spawn(async { Ok::<_, io::Error>(1) });
    assert_eq!(worker.await.expect("it returns")?, 1);
    Ok(())
}

#[evlet::test]
#[should_panic(expected = "as it must")]
async fn a_panic_that_is_expected() {
    sleep(Duration::from_secs(1)).await;
    panic!("as it must");
}

/// A test whose result is an error fails: run through the function that libtest itself calls.
mod failing {
    use std::process::{ExitCode, Termination};

    // Not a `#[test]`, which would fail: the attribute for `main` with the same return type.
    #[evlet::main(virtual_time = true)]
    async fn body() -> Result<(), String> {
        Err("wrong".to_owned())
    }

    #[test]
    fn an_error_fails_it() {
        let report = body().map_err(|_| ()).report();
        assert_eq!(format!("{report:?}"), format!("{:?}", ExitCode::FAILURE));
    }
}
