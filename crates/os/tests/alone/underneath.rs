//! Descriptors that somebody else closes while they are waited on (C-3): an error that names what it happened
//! to, never a hang or a spin.
#![expect(
    unsafe_code,
    reason = "closing a descriptor that somebody else uses is what these tests are about"
)]

use std::collections::BTreeSet;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_hub::{Exit, GreenThread, run, sleep, spawn, stats, timeout};
use evlet_os::pipe::pipe;
use evlet_os::process::Command;
use evlet_os::select::{SelectError, select};
use evlet_os::signal::{Signal, signal};
use futures::{AsyncReadExt, AsyncWriteExt};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("under_a_select", under_a_select),
    ("under_a_read_of_a_pipe", under_a_read_of_a_pipe),
    ("under_a_wait_for_a_signal", under_a_wait_for_a_signal),
    ("under_a_wait_for_a_child", under_a_wait_for_a_child),
];

/// How long the hub may take to notice.
const PATIENCE: Duration = Duration::from_secs(10);

fn close(fd: RawFd) {
    // SAFETY: none. Its owner will close it again, and nothing else in this process opens descriptors meanwhile.
    assert_eq!(unsafe { libc::close(fd) }, 0);
}

/// Keeps the owner from closing the number a second time: the standard library ends the process for that.
fn forget<T>(owner: T) {
    std::mem::forget(owner);
}

fn open() -> BTreeSet<RawFd> {
    let folder = std::fs::read_dir("/proc/self/fd").unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name());
    let fds = names.filter_map(|name| name.to_str()?.parse().ok());
    let mut fds: BTreeSet<RawFd> = fds.collect();
    // The folder itself was among them.
    fds.retain(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok());
    fds
}

/// What was opened by `make`.
fn opened_by(before: &BTreeSet<RawFd>) -> Vec<RawFd> {
    open().difference(before).copied().collect()
}

/// The result, and how many turns the hub made for it.
async fn within_patience<T>(waiting: GreenThread<T>) -> (T, u64) {
    let turns = stats().turns;
    let ended: Result<T, Exit> = timeout(PATIENCE, waiting).await.expect("it hangs");
    (ended.unwrap(), stats().turns - turns)
}

fn under_a_select() {
    run(async {
        let (one, _its_peer) = UnixStream::pair().unwrap();
        let (other, _peer_of_it) = UnixStream::pair().unwrap();
        let number = other.as_raw_fd();
        let waiting = spawn(async move {
            let told = select(&[one.as_fd(), other.as_fd()], &[], None).await;
            forget(other);
            told
        });
        sleep(Duration::from_millis(5)).await;
        close(number);
        let (told, turns) = within_patience(waiting).await;
        let error = told.unwrap_err();
        let inside = error.get_ref().unwrap().downcast_ref::<SelectError>();
        let inside = inside.unwrap();
        assert_eq!(inside.descriptor(), Some(number));
        let bad = rustix::io::Errno::BADF.raw_os_error();
        assert_eq!(inside.error().raw_os_error(), Some(bad));
        let text = error.to_string();
        assert!(
            text.contains(&format!("descriptor {number}: it is not open")),
            "{text}"
        );
        assert!(turns < 100, "{turns} turns");
        assert_eq!(stats().sources, 0, "the other is off the hub again");
    });
}

fn under_a_read_of_a_pipe() {
    run(async {
        let (mut reader, _writer) = pipe().unwrap();
        let number = reader.as_fd().unwrap().as_raw_fd();
        let waiting = spawn(async move {
            let first = reader.read(&mut [0]).await.unwrap_err();
            let again = reader.read(&mut [0]).await.unwrap_err();
            forget(reader);
            (first, again)
        });
        sleep(Duration::from_millis(5)).await;
        close(number);
        let ((first, again), turns) = within_patience(waiting).await;
        assert!(first.to_string().contains("closed"), "{first}");
        assert!(!again.to_string().is_empty());
        assert!(turns < 100, "{turns} turns");
        // Others are as they were.
        let (mut reader, mut writer) = pipe().unwrap();
        writer.write_all(b"x").await.unwrap();
        reader.read_exact(&mut [0]).await.unwrap();
    });
}

fn under_a_wait_for_a_signal() {
    run(async {
        let before = open();
        let mut stream = signal(Signal::USR1).unwrap();
        // Both ends of its pipe; the one that is read has the smaller number.
        let number = opened_by(&before)[0];
        let waiting = spawn(async move {
            let told = stream.recv().await;
            forget(stream);
            told
        });
        sleep(Duration::from_millis(5)).await;
        close(number);
        let (told, turns) = within_patience(waiting).await;
        assert!(!told.unwrap_err().to_string().is_empty());
        assert!(turns < 100, "{turns} turns");
    });
}

// What tells of its end is evlet's own, so another one is made.
fn under_a_wait_for_a_child() {
    run(async {
        let mut child = Command::new("sleep").arg("1").spawn().unwrap();
        let before = open();
        let waiting = spawn(async move { child.wait().await });
        sleep(Duration::from_millis(5)).await;
        let pidfd = opened_by(&before);
        assert_eq!(pidfd.len(), 1);
        close(pidfd[0]);
        let (status, turns) = within_patience(waiting).await;
        assert!(status.unwrap().success());
        assert!(turns < 100, "{turns} turns");
        assert_eq!(open(), before);
    });
}
