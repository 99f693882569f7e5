//! Sockets that were open before the program began. Each test starts this test program again, by a
//! shell that puts them where systemd would.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};

use evlet_net::Inherited;

/// The `child_` test of this name, started by `sh` with `prefix` before and `redirections` after it.
/// Its descriptors 0 and 2 are `first` and `second`.
fn started(
    name: &str,
    prefix: &str,
    redirections: &str,
    first: impl Into<OwnedFd>,
    second: impl Into<OwnedFd>,
) -> Command {
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "{prefix} exec '{}' --exact inherit::{name} --ignored --nocapture --test-threads=1 \
         {redirections} 0</dev/null 2>&1",
        program.display()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .stdin(Stdio::from(first.into()))
        .stderr(Stdio::from(second.into()))
        .stdout(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn nothing() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

#[test]
fn sockets_of_systemd_are_taken_by_their_names() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = tcp.local_addr().unwrap();
    let path = std::env::temp_dir().join(format!("evlet-net-inherit-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    // Both connections wait in the backlog before there is anybody to accept them.
    let mut first = TcpStream::connect(addr).unwrap();
    let mut second = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let prefix = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin";
    let mut command = started("child_serves_both", prefix, "3<&0 4<&2", tcp, unix);
    let output = command.output().unwrap();
    let text = said(&output);
    drop(command);
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "web", "{text}");
    answer.clear();
    second.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "admin", "{text}");
    std::fs::remove_file(path).unwrap();
}

#[test]
#[ignore = "started by `sockets_of_systemd_are_taken_by_their_names` with sockets"]
fn child_serves_both() {
    evlet_hub::run(async {
        let mut inherited = Inherited::take().unwrap();
        assert_eq!(inherited.names().collect::<Vec<_>>(), ["web", "admin"]);
        assert!(inherited.tcp_named("admin").unwrap().is_none());
        assert!(inherited.udp().unwrap().is_none());
        let unix = inherited.unix_named("admin").unwrap().unwrap();
        let tcp = inherited.tcp().unwrap().unwrap();
        assert!(inherited.is_empty());
        // Neither a second call nor a child of ours takes them again.
        assert!(Inherited::take().unwrap().is_empty());
        assert!(std::env::var_os("LISTEN_FDS").is_none());
        for fd in [3, 4] {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
            let flags = u32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
            assert_ne!(flags & 0o2_000_000, 0, "{fd} is not close-on-exec");
        }
        let (stream, _) = tcp.accept().await.unwrap();
        stream.send_all(b"web").await.unwrap();
        let (stream, _) = unix.accept().await.unwrap();
        stream.send_all(b"admin").await.unwrap();
    });
}

// A parent that cannot know its child's number leaves it out; sockets without names have one.
#[test]
fn a_parent_need_not_know_the_number_of_its_child() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = udp.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"datagram", addr).unwrap();
    let prefix = "unset LISTEN_PID; LISTEN_FDS=2";
    let mut command = started("child_receives", prefix, "3<&0 4<&2", tcp, udp);
    said(&command.output().unwrap());
}

#[test]
#[ignore = "started by `a_parent_need_not_know_the_number_of_its_child` with sockets"]
fn child_receives() {
    evlet_hub::run(async {
        let mut inherited = Inherited::take().unwrap();
        assert_eq!(
            inherited.names().collect::<Vec<_>>(),
            ["unknown", "unknown"]
        );
        assert!(inherited.unix_datagram().unwrap().is_none());
        assert!(inherited.tcp_named("unknown").unwrap().is_some());
        let udp = inherited.udp().unwrap().unwrap();
        let mut buf = [0; 100];
        let (received, _) = udp.recv_from(&mut buf).await.unwrap();
        assert_eq!(received, 8);
    });
}

// What was meant for another process, or cannot be, is an error or nothing: never a guess.
#[test]
fn what_is_not_right_is_not_taken() {
    for (prefix, expected) in [
        ("LISTEN_PID=1 LISTEN_FDS=1", "none"),
        ("LISTEN_PID=nonsense LISTEN_FDS=1", "none"),
        ("LISTEN_FDS=", "LISTEN_FDS is"),
        ("LISTEN_FDS=-1", "LISTEN_FDS is"),
        ("LISTEN_FDS=18446744073709551615", "LISTEN_FDS is"),
        ("LISTEN_FDS=1 LISTEN_FDS_FIRST_FD=2147483647", "FIRST_FD is"),
        ("LISTEN_FDS=0", "none"),
        // /dev/null; one that is not open; a connection that does not listen.
        (
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=x",
            "called \"x\"",
        ),
        (
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDS_FIRST_FD=77",
            "not open",
        ),
        (
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDS_FIRST_FD=4",
            "not listen",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.write_all(b"x").unwrap();
        let mut command = started("child_says", prefix, "3<&0 4<&2", nothing(), stream);
        let text = said(&command.output().unwrap());
        assert!(text.contains(expected), "{prefix}: {text}");
    }
}

#[test]
#[ignore = "started by `what_is_not_right_is_not_taken`"]
fn child_says() {
    match Inherited::take() {
        Ok(inherited) => println!("{}", if inherited.is_empty() { "none" } else { "some" }),
        Err(error) => println!("{error}"),
    }
}
