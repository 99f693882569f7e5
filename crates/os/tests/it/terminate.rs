//! The first SIGINT or SIGTERM. One test, because the two signals belong to all.

use evlet_hub::{run, spawn, timeout};
use evlet_os::signal::{Signal, terminate};

use crate::signal::PATIENCE;

#[test]
fn the_first_of_the_two_completes_it_and_tells_which() {
    run(async {
        for sent in [Signal::INT, Signal::TERM] {
            let stop = terminate().unwrap();
            let waiter = spawn(async move { timeout(PATIENCE, stop).await });
            send_to_myself(sent);
            let heard = waiter.await.unwrap().expect("the signal arrives").unwrap();
            assert_eq!(heard, sent);
        }
        // Sent before it is awaited, and polled by reference in between: still heard.
        let mut stop = terminate().unwrap();
        assert!(futures::poll!(&mut stop).is_pending());
        send_to_myself(Signal::TERM);
        assert_eq!(
            timeout(PATIENCE, stop).await.unwrap().unwrap(),
            Signal::TERM
        );
    });
}

/// By `raise`, which delivers to this very thread before it returns; a signal sent to the process
/// may be delivered to another thread a moment later, and a test that says "nothing has come" would
/// be wrong now and then.
pub(crate) fn send_to_myself(signal: Signal) {
    signal_hook::low_level::raise(signal.as_raw()).expect("a program may signal itself");
}
