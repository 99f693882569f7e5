//! Signals as a stream.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use evlet_hub::{Hub, run, sleep, spawn, stats, timeout};
use evlet_os::signal::{Signal, signal};
use futures::StreamExt;
use futures::poll;

use crate::terminate::send_to_myself;

/// Longer than any machine takes to deliver a signal; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn an_arrival_wakes_the_one_that_waits() {
    run(async {
        let mut usr1 = signal(Signal::USR1).unwrap();
        let waiter = spawn(async move { timeout(PATIENCE, usr1.recv()).await });
        sleep(Duration::ZERO).await;
        assert!(!waiter.is_finished(), "nothing has been sent yet");
        send_to_myself(Signal::USR1);
        let heard = waiter.await.unwrap().expect("the signal arrives").unwrap();
        assert_eq!(heard, Signal::USR1);
    });
}

#[test]
fn arrivals_before_the_first_wait_count_and_bursts_are_told_once() {
    run(async {
        let mut usr2 = signal(Signal::USR2).unwrap();
        // More than the pipe holds: what finds no room says nothing new (K-8).
        for _ in 0..70_000 {
            send_to_myself(Signal::USR2);
        }
        timeout(PATIENCE, usr2.recv()).await.unwrap().unwrap();
        // Everything was read: a second wait finds nothing, also after the hub has looked at its
        // descriptors.
        let mut again = Box::pin(usr2.recv());
        for _ in 0..3 {
            assert!(poll!(again.as_mut()).is_pending());
            sleep(Duration::ZERO).await;
        }
        drop(again);
        send_to_myself(Signal::USR2);
        timeout(PATIENCE, usr2.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    });
}

// proves the row "signal wait" of D-1
#[test]
fn a_signal_that_came_while_a_wait_was_given_up_is_kept() {
    run(async {
        let mut hup = signal(Signal::HUP).unwrap();
        for polls in 0..3 {
            let mut wait = Box::pin(hup.recv());
            for _ in 0..polls {
                assert!(poll!(wait.as_mut()).is_pending());
                sleep(Duration::ZERO).await;
            }
            send_to_myself(Signal::HUP);
            drop(wait);
            timeout(PATIENCE, hup.recv()).await.unwrap().unwrap();
        }
    });
}

#[test]
fn every_listener_on_every_hub_hears_it() {
    let (ready, all_ready) = mpsc::channel();
    let hubs: Vec<_> = (0..3)
        .map(|_| {
            let ready = ready.clone();
            thread::spawn(move || {
                Hub::new().unwrap().run(async {
                    let mut one = signal(Signal::WINCH).unwrap();
                    let mut other = signal(Signal::WINCH).unwrap();
                    ready.send(()).unwrap();
                    timeout(PATIENCE, one.recv()).await.unwrap().unwrap();
                    timeout(PATIENCE, other.recv()).await.unwrap().unwrap();
                });
            })
        })
        .collect();
    for _ in &hubs {
        all_ready.recv().unwrap();
    }
    send_to_myself(Signal::WINCH);
    for hub in hubs {
        hub.join().expect("both of its listeners heard the signal");
    }
}

#[test]
fn a_dropped_listener_leaves_nothing_behind_and_the_others_hear_on() {
    run(async {
        let before = stats().sources;
        let mut stays = signal(Signal::URG).unwrap();
        for _ in 0..2000 {
            // More than the descriptors of a process would allow, were they kept.
            drop(signal(Signal::URG).unwrap());
        }
        assert_eq!(stats().sources, before + 1);
        send_to_myself(Signal::URG);
        timeout(PATIENCE, stays.recv()).await.unwrap().unwrap();
        drop(stays);
        assert_eq!(stats().sources, before);
        send_to_myself(Signal::URG); // nobody listens: nothing happens
    });
}

#[test]
fn signals_that_nobody_can_handle_are_refused_by_name() {
    run(async {
        for (number, name) in [(9, "SIGKILL"), (19, "SIGSTOP"), (11, "SIGSEGV")] {
            let refused = signal(Signal::from_raw(number)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
            assert!(refused.to_string().contains(name), "{refused}");
        }
        for number in [-1, 0, 1000] {
            let refused = signal(Signal::from_raw(number)).unwrap_err();
            assert!(
                refused.to_string().contains(&number.to_string()),
                "{refused}"
            );
        }
    });
}

#[test]
fn outside_of_a_hub_it_is_an_error_not_a_panic() {
    let refused = signal(Signal::ALRM).unwrap_err();
    assert!(refused.to_string().contains("SIGALRM"), "{refused}");
}
