//! Standard input, output and error, with everything that may stand behind them.
//!
//! Each test runs this program again with the streams it is about, and reads what that wrote.

use std::cell::Cell;
use std::fs;
use std::io::{IoSliceMut, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use evlet_hub::{run, sleep, spawn, spawn_n};
use evlet_os::stdio::{stderr, stdin, stdout};
use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::termios::tcgetattr;

use crate::alone::alone;
use crate::signal::PATIENCE;

const MARK: &str = "EVLET_OS_TEST_STDIO";

/// This program again, with only the test `name` in it and streams of the caller's choice; `None`
/// inside of that one.
fn again(name: &str) -> Option<Command> {
    if std::env::var_os(MARK).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--test-threads=1", "--nocapture"]);
    command.env(MARK, "1");
    Some(command)
}

#[track_caller]
fn ends_well(mut child: Child) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it did not end");
}

fn is_blocking(fd: impl AsFd) -> bool {
    !fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
}

/// Says back each line of standard input, on standard error.
async fn say_back() {
    let mut out = stderr().unwrap();
    let mut lines = BufReader::new(stdin().unwrap()).lines();
    while let Some(line) = lines.next().await {
        let said = format!("heard {:?}\n", line.unwrap());
        out.write_all(said.as_bytes()).await.unwrap();
    }
    out.write_all(b"the end\n").await.unwrap();
}

#[test]
fn lines_of_a_pipe_a_file_and_nothing() {
    let name = "stdio::lines_of_a_pipe_a_file_and_nothing";
    let Some(mut command) = again(name) else {
        return run(say_back());
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\ntw").unwrap();
    thread::sleep(Duration::from_millis(30));
    input.write_all(b"o\nlast").unwrap();
    drop(input);
    let mut said = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(
        said,
        "heard \"one\"\nheard \"two\"\nheard \"last\"\nthe end\n"
    );
    ends_well(child);

    // Files on both sides.
    let place = std::env::temp_dir().join(format!("evlet-stdio-{}", std::process::id()));
    fs::write(&place, "from a file\n").unwrap();
    let to = place.with_extension("out");
    let child = again(name)
        .unwrap()
        .stdin(fs::File::open(&place).unwrap())
        .stderr(fs::File::create(&to).unwrap())
        .spawn()
        .unwrap();
    ends_well(child);
    let said = fs::read_to_string(&to).unwrap();
    assert_eq!(said, "heard \"from a file\"\nthe end\n");
    fs::remove_file(&place).unwrap();
    fs::remove_file(&to).unwrap();

    let empty = again(name).unwrap().stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&empty.stderr), "the end\n");
}

/// Both ends of a terminal: the one a person sits at, and the program's.
fn terminal() -> (fs::File, fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let program = fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    (person.into(), program)
}

#[test]
fn lines_of_a_terminal_whose_mode_stays_as_it_was() {
    let name = "stdio::lines_of_a_terminal_whose_mode_stays_as_it_was";
    let Some(mut command) = again(name) else {
        return run(async {
            let mut lines = BufReader::new(stdin().unwrap()).lines();
            let mut out = stdout().unwrap();
            println!("ready");
            assert_eq!(lines.next().await.unwrap().unwrap(), "typed");
            let (of_in, of_out) = (
                is_blocking(std::io::stdin()),
                is_blocking(std::io::stdout()),
            );
            assert!(of_in && of_out, "a println! beside us must not fail");
            out.write_all(b"green\n").await.unwrap();
            println!("done");
            assert!(lines.next().await.is_none(), "after an end of file");
        });
    };
    let (mut person, program) = terminal();
    let child = command
        .stdin(program.try_clone().unwrap())
        .stdout(program.try_clone().unwrap())
        .stderr(program.try_clone().unwrap())
        .spawn()
        .unwrap();
    let shown = read_until(&mut person, "ready");
    assert!(!shown.contains("done"));
    person.write_all(b"typed\n").unwrap();
    let shown = read_until(&mut person, "done");
    assert!(shown.contains("green"), "{shown}");
    assert!(is_blocking(&program), "also for the shell outside");
    person.write_all(&[4]).unwrap(); // Ctrl-D
    read_until(&mut person, "1 passed");
    ends_well(child);
}

fn read_until(from: &mut fs::File, wanted: &str) -> String {
    let mut shown = String::new();
    let mut piece = [0; 1024];
    while !shown.contains(wanted) {
        let count = from.read(&mut piece).expect(&shown);
        assert!(count > 0, "{shown}");
        shown.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    shown
}

#[test]
fn a_socket_stays_in_its_mode() {
    let name = "stdio::a_socket_stays_in_its_mode";
    let Some(mut command) = again(name) else {
        return run(async {
            let mut input = stdin().unwrap();
            let mut out = stderr().unwrap();
            assert!(is_blocking(std::io::stdin()) && is_blocking(std::io::stderr()));
            let mut word = [0; 4];
            input.read_exact(&mut word).await.unwrap();
            assert_eq!(&word, b"word");
            // More than the socket holds: the hub waits, and not in the call.
            let turns = Rc::new(Cell::new(0));
            let count = turns.clone();
            spawn_n(async move {
                loop {
                    count.set(count.get() + 1);
                    sleep(Duration::from_millis(1)).await;
                }
            });
            out.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
            assert!(turns.get() > 5, "{} turns meanwhile", turns.get());
            assert!(is_blocking(std::io::stdin()) && is_blocking(std::io::stderr()));
            let mut parts = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut word)];
            assert_eq!(input.read_vectored(&mut parts).await.unwrap(), 4);
            assert_eq!(input.read(&mut word).await.unwrap(), 0, "the end");
            std::process::exit(0); // leaves nothing behind either
        });
    };
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let (mut errors, to) = UnixStream::pair().unwrap();
    let shared = theirs.try_clone().unwrap();
    let mut child = command
        .stdin(OwnedFd::from(theirs))
        .stderr(OwnedFd::from(to))
        .spawn()
        .unwrap();
    drop(command); // and its copy of our ends
    ours.write_all(b"word").unwrap();
    thread::sleep(Duration::from_millis(30));
    let mut count = 0;
    let mut piece = vec![0; 1 << 20];
    while count < 3_000_000 {
        count += errors.read(&mut piece).unwrap();
    }
    ours.write_all(b"word").unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(is_blocking(&shared));
}

#[test]
fn an_input_that_never_comes_does_not_keep_the_program() {
    let name = "stdio::an_input_that_never_comes_does_not_keep_the_program";
    let Some(mut command) = again(name) else {
        return run(async {
            let mut input = stdin().unwrap();
            spawn_n(async move {
                let _ = input.read(&mut [0; 8]).await;
            });
            sleep(Duration::from_millis(5)).await;
        });
    };
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let held = child.stdin.take();
    ends_well(child);
    drop(held);
    let (person, program) = terminal();
    ends_well(again(name).unwrap().stdin(program).spawn().unwrap());
    drop(person);
    let (silent, theirs) = UnixStream::pair().unwrap();
    let theirs = OwnedFd::from(theirs);
    ends_well(again(name).unwrap().stdin(theirs).spawn().unwrap());
    drop(silent);
}

// However it ends: returning, by `exit`, by a panic in a green thread, killed.
#[test]
fn a_terminal_is_as_it_was_however_the_program_ends() {
    const END: &str = "EVLET_OS_TEST_END";
    let name = "stdio::a_terminal_is_as_it_was_however_the_program_ends";
    let Some(_) = again(name) else {
        return run(async {
            let (mut input, _out) = (stdin().unwrap(), stdout().unwrap());
            println!("ready");
            let reading = spawn(async move { input.read(&mut [0; 8]).await });
            sleep(Duration::from_millis(5)).await;
            match std::env::var(END).unwrap().as_str() {
                "exit" => std::process::exit(0),
                "panic" => panic!("as asked"),
                "kill" => drop(reading.await),
                _ => {}
            }
        });
    };
    for end in ["return", "exit", "panic", "kill"] {
        let (mut person, program) = terminal();
        let mode = tcgetattr(&program).unwrap();
        let mut child = again(name)
            .unwrap()
            .env(END, end)
            .stdin(program.try_clone().unwrap())
            .stdout(program.try_clone().unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        read_until(&mut person, "ready");
        if end == "kill" {
            thread::sleep(Duration::from_millis(20));
            child.kill().unwrap();
        }
        child.wait().unwrap();
        assert!(is_blocking(&program), "after {end}");
        let now = tcgetattr(&program).unwrap();
        assert_eq!(now.local_modes, mode.local_modes, "after {end}");
        assert_eq!(now.input_modes, mode.input_modes, "after {end}");
    }
}

// Somebody else's terminal, as after `su`: this one's mode is changed, and put back.
#[test]
fn a_terminal_that_cannot_be_opened_again_gets_its_mode_back() {
    let name = "stdio::a_terminal_that_cannot_be_opened_again_gets_its_mode_back";
    let Some(mut command) = again(name) else {
        run(async {
            let mut input = stdin().unwrap();
            assert!(!is_blocking(std::io::stdin()), "it was opened again");
            let mut word = [0; 4];
            input.read_exact(&mut word).await.unwrap();
            assert_eq!(&word, b"word");
            drop(input);
            assert!(is_blocking(std::io::stdin()), "after a drop");
            let mut input = stdin().unwrap();
            assert!(!is_blocking(std::io::stdin()));
            spawn_n(async move {
                let _ = input.read(&mut [0; 8]).await;
            });
            sleep(Duration::from_millis(2)).await;
        });
        assert!(is_blocking(std::io::stdin()), "after the hub");
        let panicked = std::panic::catch_unwind(|| {
            run(async {
                let _input = stdin().unwrap();
                assert!(is_blocking(std::io::stdin()), "as intended");
            });
        });
        assert!(panicked.is_err());
        assert!(is_blocking(std::io::stdin()), "after a panic");
        return;
    };
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        return println!("SKIPPED {name}: only root can become somebody else");
    }
    let (mut person, program) = terminal();
    program
        .set_permissions(fs::Permissions::from_mode(0o600))
        .unwrap();
    let child = command
        .stdin(program.try_clone().unwrap())
        .uid(NOBODY)
        .spawn();
    let child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return println!("SKIPPED {name}: nobody may not run this program");
        }
        child => child.unwrap(),
    };
    person.write_all(b"word\n").unwrap();
    ends_well(child);
    assert!(is_blocking(&program));
}

#[test]
fn a_print_before_comes_before() {
    let name = "stdio::a_print_before_comes_before";
    let Some(mut command) = again(name) else {
        return run(async {
            print!("<kept ");
            let mut out = stdout().unwrap();
            out.write_all(b"green>").await.unwrap();
            out.close().await.unwrap();
            println!("<still open>");
        });
    };
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("<kept green><still open>"), "{text}");
}

#[test]
fn outside_of_a_hub_it_is_an_error_that_names_the_stream() {
    alone(
        "stdio::outside_of_a_hub_it_is_an_error_that_names_the_stream",
        || {
            let input = stdin().unwrap_err().to_string();
            assert!(input.contains("standard input") && input.contains("no hub"));
            assert!(
                stdout()
                    .unwrap_err()
                    .to_string()
                    .contains("standard output")
            );
            assert!(stderr().unwrap_err().to_string().contains("standard error"));
        },
    );
}
