//! Child processes: started, read, fed, awaited, ended.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use evlet_hub::{Hub, run, sleep, spawn, stats, timeout};
use evlet_os::process::{Command, CommandError, CommandProblem, Stdio};
use evlet_os::signal::{Signal, signal};
use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt, poll};
use std::os::unix::process::ExitStatusExt;

use crate::alone::alone;
use crate::signal::PATIENCE;
use crate::terminate::send_to_myself;

pub(crate) fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

pub(crate) fn inside(error: &std::io::Error) -> &CommandError {
    CommandError::of(error).expect("a CommandError is inside")
}

#[test]
fn output_keeps_both_streams_and_the_status() {
    run(async {
        let all = sh("echo out; echo err >&2; exit 3").output().await.unwrap();
        assert_eq!(all.stdout, b"out\n");
        assert_eq!(all.stderr, b"err\n");
        assert_eq!(all.status.code(), Some(3));
        // Its input is empty, not ours.
        assert_eq!(sh("cat").output().await.unwrap().stdout, b"");
        // A stream that was chosen stays as it was chosen, and another call has its own defaults.
        let mut echo = sh("echo out; echo err >&2");
        let all = echo.stderr(Stdio::null()).output().await.unwrap();
        assert_eq!(
            (all.stdout.as_slice(), all.stderr.len()),
            (&b"out\n"[..], 0)
        );
        let mut quiet = sh("exit 0");
        quiet.output().await.unwrap();
        assert!(quiet.spawn().unwrap().stdout.is_none(), "inherited");
    });
}

#[test]
fn others_run_while_a_child_does() {
    run(async {
        let sleeping = spawn(async { sh("sleep 0.2").status().await });
        let mut turns = 0;
        while !sleeping.is_finished() {
            sleep(Duration::from_millis(10)).await;
            turns += 1;
        }
        assert!(turns > 5, "{turns} turns of 10 ms in 200 ms");
        assert!(sleeping.await.unwrap().unwrap().success());
    });
}

#[test]
fn full_pipes_in_all_directions_are_no_deadlock() {
    run(async {
        // 300 kB to each output, and as much input, all at once: more than any pipe holds.
        let script = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; cat";
        let mut command = sh(script);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let all = timeout(PATIENCE, child.communicate(vec![b'x'; 300_000]))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(all.stdout.len(), 600_000);
        assert_eq!(all.stderr.len(), 300_000);
        assert!(all.stdout[300_000..].iter().all(|byte| *byte == b'x'));
    });
}

#[test]
fn a_child_that_refuses_its_input_is_no_error() {
    run(async {
        let mut command = sh("exec <&-; exit 7");
        let child = command.stdin(Stdio::piped()).spawn().unwrap();
        let all = child.communicate(vec![b'x'; 300_000]).await.unwrap();
        assert_eq!(all.status.code(), Some(7));
    });
}

#[test]
fn its_streams_are_green_streams() {
    run(async {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for text in ["one", "two", "three"] {
            input
                .write_all(format!("{text}\n").as_bytes())
                .await
                .unwrap();
            assert_eq!(lines.next().await.unwrap().unwrap(), text);
        }
        assert_eq!(child.try_wait().unwrap(), None);
        input.close().await.unwrap();
        assert!(lines.next().await.is_none());
        assert!(child.wait().await.unwrap().success());
        // Once more: the same, at once.
        assert!(child.try_wait().unwrap().unwrap().success());
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn one_childs_output_can_be_anothers_input() {
    run(async {
        let mut first = sh("printf 'b\\na\\n'")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let between = first.stdout.take().unwrap().into_fd().unwrap();
        let sorted = Command::new("sort").stdin(between).output().await.unwrap();
        assert_eq!(sorted.stdout, b"a\nb\n");
        assert!(first.wait().await.unwrap().success());
    });
}

#[test]
fn waiting_closes_its_input() {
    run(async {
        let mut child = sh("cat").stdin(Stdio::piped()).spawn().unwrap();
        let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert!(status.success());
        let mut child = sh("cat").stdin(Stdio::piped()).spawn().unwrap();
        let early = child.wait_timeout(PATIENCE).await.unwrap();
        assert!(early.success());
    });
}

// conformance 133
#[test]
fn a_wait_with_a_limit_names_command_and_limit_and_kills_nothing() {
    run(async {
        let mut child = Command::new("sleep").arg("0.5").spawn().unwrap();
        let limit = Duration::from_millis(100);
        let start = Instant::now();
        let late = child.wait_timeout(limit).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_millis(300));
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert_eq!(late.to_string(), "`sleep 0.5` had not ended after 100ms");
        assert_eq!(inside(&late).command(), "sleep 0.5");
        assert!(matches!(
            inside(&late).problem(),
            CommandProblem::TimeLimit(l) if *l == limit
        ));
        assert!(child.wait().await.unwrap().success(), "it went on");
    });
}

// conformance 134
#[test]
fn collecting_output_is_abandoned_at_the_limit() {
    run(async {
        let start = Instant::now();
        let child = sh("echo begun; exec sleep 100")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let limit = Duration::from_millis(100);
        assert!(timeout(limit, child.wait_with_output()).await.is_err());

        // With a limit of its own it is killed, also while a grandchild holds the pipe.
        let late = sh("sleep 3 & wait")
            .time_limit(limit)
            .output()
            .await
            .unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert!(late.to_string().contains("sleep 3 & wait"), "{late}");
        let late = sh("exec sleep 100").time_limit(limit).status().await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(2));
    });
}

// Whoever looks for the reason wants to see how far it came.
#[test]
fn an_error_at_a_limit_carries_what_was_written_until_then() {
    run(async {
        let limit = Duration::from_millis(300);
        let script = "echo out; echo err >&2; trap '' TERM; while :; do sleep 0.02; done";
        let late = sh(script).time_limit(limit).output().await.unwrap_err();
        let told = inside(&late);
        assert_eq!(
            (told.stdout(), told.stderr()),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(told.command(), format!("sh -c {script:?}"));
        assert!(matches!(told.problem(), CommandProblem::TimeLimit(l) if *l == limit));
        // `status` collects nothing, and a wait with a limit kills nothing.
        let mut quiet = Command::new("sleep");
        let late = quiet
            .arg("100")
            .time_limit(Duration::from_millis(5))
            .status();
        assert_eq!(inside(&late.await.unwrap_err()).stdout(), b"");

        let flood = "echo whole >&2; exec yes";
        let flood = sh(flood).output_limit(100_001).output().await.unwrap_err();
        let told = inside(&flood);
        assert_eq!(
            (told.stdout().len(), told.stderr()),
            (100_001, &b"whole\n"[..])
        );
        assert!(told.stdout().chunks_exact(2).all(|pair| pair == b"y\n"));
        assert!(format!("{flood:?}").len() < 1000, "{flood:?}");
    });
}

// proves C-7: signals arrive all the time, children write and end meanwhile
#[test]
fn interrupted_calls_are_invisible() {
    alone("process::interrupted_calls_are_invisible", || {
        run(async {
            let mut storm = signal(Signal::WINCH).unwrap();
            let stormy = spawn(async move {
                loop {
                    send_to_myself(Signal::WINCH);
                    storm.recv().await.unwrap();
                }
            });
            let runs: Vec<_> = (0..10)
                .map(|n| {
                    let script = format!("head -c 200000 /dev/zero; echo {n} >&2; exit {n}");
                    spawn(async move { sh(&script).output().await.unwrap() })
                })
                .collect();
            for (n, run) in runs.into_iter().enumerate() {
                let all = timeout(PATIENCE, run).await.unwrap().unwrap();
                assert_eq!(all.stdout.len(), 200_000);
                assert_eq!(all.stderr, format!("{n}\n").into_bytes());
                assert_eq!(all.status.code(), Some(n as i32));
            }
            stormy.kill().await;
        });
    });
}

#[test]
fn more_output_than_is_kept_ends_the_child() {
    run(async {
        let mut yes = Command::new("yes");
        let flood = yes.output_limit(100_000).output();
        let flood = timeout(PATIENCE, flood).await.unwrap().unwrap_err();
        assert_eq!(flood.kind(), ErrorKind::FileTooLarge);
        assert!(flood.to_string().contains("100000 bytes"), "{flood}");
        let exact = sh("head -c 1000 /dev/zero")
            .output_limit(1000)
            .output()
            .await
            .unwrap();
        assert_eq!(exact.stdout.len(), 1000);
    });
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_after_the_grace() {
    run(async {
        let mut stubborn = sh("trap '' TERM; echo ready; while :; do sleep 0.02; done")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 6];
        let output = stubborn.stdout.as_mut().unwrap();
        output.read_exact(&mut line).await.unwrap();
        let start = Instant::now();
        let grace = Duration::from_millis(100);
        let status = stubborn.terminate(grace).await.unwrap();
        assert_eq!(status.signal(), Some(9));
        assert!(start.elapsed() >= grace);

        let mut polite = Command::new("sleep").arg("100").spawn().unwrap();
        let status = polite.terminate(PATIENCE).await.unwrap();
        assert_eq!(status.signal(), Some(15));
        assert_eq!(
            polite.terminate(PATIENCE).await.unwrap().signal(),
            Some(15),
            "once it has ended, nothing is sent"
        );
    });
}

#[test]
fn signals_reach_it_and_never_a_stranger() {
    run(async {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let odd = child.signal(Signal::from_raw(4000)).unwrap_err();
        assert_eq!(odd.kind(), ErrorKind::InvalidInput);
        assert!(odd.to_string().contains("sleep 100"), "{odd}");
        child.signal(Signal::TERM).unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(15));
        child.signal(Signal::TERM).unwrap(); // reaped: nothing happens
        child.kill().unwrap();
    });
}

// proves the row "child wait" of D-1
#[test]
fn an_end_that_came_while_a_wait_was_given_up_is_kept() {
    run(async {
        for polls in 0..3 {
            let mut child = sh("read line; exit 5")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let input = child.stdin.take();
            let mut wait = child.wait();
            for _ in 0..polls {
                assert!(poll!(&mut wait).is_pending());
                sleep(Duration::ZERO).await;
            }
            drop(input);
            sleep(Duration::from_millis(20)).await;
            drop(wait);
            let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
            assert_eq!(status.code(), Some(5));
        }
    });
}

#[test]
fn a_wait_that_was_given_up_may_go_on_on_another_hub() {
    let (first, second) = (Hub::new().unwrap(), Hub::new().unwrap());
    let mut child = first.run(async {
        let mut child = sh("sleep 0.1; exit 5").spawn().unwrap();
        let descriptors = stats().sources;
        let soon = Duration::from_millis(1);
        child.wait_timeout(soon).await.unwrap_err();
        assert_eq!(stats().sources, descriptors, "watched while it is awaited");
        child
    });
    let status = second.run(async {
        let soon = Duration::from_millis(1);
        child.wait_timeout(soon).await.unwrap_err();
        timeout(PATIENCE, child.wait()).await
    });
    assert_eq!(status.unwrap().unwrap().code(), Some(5));

    let mut child = first.run(async { sh("sleep 0.1; exit 6").spawn().unwrap() });
    first.run(async { assert!(poll!(&mut child.wait()).is_pending()) });
    drop(first); // and the next one may be all there is
    let status = second.run(async { timeout(PATIENCE, child.wait()).await });
    assert_eq!(status.unwrap().unwrap().code(), Some(6));
}

#[test]
fn what_cannot_be_started_is_named() {
    run(async {
        let missing = Command::new("no-such-program").arg("a b").spawn();
        let missing = missing.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let text = missing.to_string();
        assert!(text.contains("`no-such-program \"a b\"`"), "{text}");
        assert!(text.contains("PATH"), "{text}");

        let odd_place = Command::new("true").current_dir("/no/such/place").spawn();
        let text = odd_place.unwrap_err().to_string();
        assert!(text.contains("/no/such/place is not there"), "{text}");

        let no_program = Command::new("/etc/passwd").status().await.unwrap_err();
        assert_eq!(no_program.kind(), ErrorKind::PermissionDenied);
        assert!(
            no_program.to_string().contains("executable"),
            "{no_program}"
        );

        let nul = Command::new("tr\0ue").spawn().unwrap_err();
        assert_eq!(nul.kind(), ErrorKind::InvalidInput);
        assert!(nul.to_string().contains("tr\\0ue"), "{nul}");

        let empty = Command::new("").output().await.unwrap_err();
        assert!(empty.to_string().contains("`\"\"`"), "{empty}");

        let long = Command::new("true").arg("x".repeat(8 << 20)).spawn();
        let long = long.unwrap_err();
        assert_eq!(long.kind(), ErrorKind::ArgumentListTooLong);
        assert!(long.to_string().len() < 500);
    });
    let outside = Command::new("true").spawn().unwrap_err();
    assert!(outside.to_string().contains("no hub"), "{outside}");
}

#[test]
fn environment_and_directory_are_the_standard_librarys() {
    run(async {
        let all = sh("echo $A-$B-$HOME; pwd")
            .env_clear()
            .envs([("A", "1"), ("B", "2")])
            .env_remove("B")
            .env("PATH", "/bin:/usr/bin")
            .current_dir("/")
            .output()
            .await
            .unwrap();
        assert_eq!(all.stdout, b"1--\n/\n");
        let mut named = sh("echo $0");
        named.arg("myself").process_group(0);
        assert_eq!(named.output().await.unwrap().stdout, b"myself\n");
        assert!(format!("{named:?}").contains("sh"));
    });
}
