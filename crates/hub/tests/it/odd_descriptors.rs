//! Descriptors of all kinds: those that the poller takes, and a clear error for those it does not.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use evlet_hub::{Interest, Io, spawn, stats, timeout, trampoline, yield_now};
use rustix::event::{EventfdFlags, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::stage::{on_each_backend, really};

const SECOND: Duration = Duration::from_secs(1);

/// A file with a few bytes in it.
fn regular_file() -> File {
    File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file")
}

/// The error of putting this into the hub, which must leave nothing behind.
fn refused(source: impl AsFd) -> io::Error {
    match Io::new(source) {
        Ok(_) => panic!("it was taken"),
        Err(error) => {
            assert_eq!(stats().sources, 0, "nothing stays registered");
            error
        }
    }
}

// proves C-6; eventlet's D15
#[test]
fn a_regular_file_is_refused_with_the_way_out() {
    on_each_backend(async || {
        for _ in 0..3 {
            let file = regular_file();
            let number = file.as_raw_fd();
            let text = refused(file).to_string();
            assert!(text.contains(&number.to_string()), "names it: {text}");
            assert!(text.contains("file"), "says why: {text}");
            assert!(text.contains("thread"), "says what to do: {text}");
        }
        // The number of the refused one is free for another.
        let (reader, mut writer) = io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        writer.write_all(b"x").unwrap();
        assert_eq!(io.read_with(|mut p| p.read(&mut [0])).await.unwrap(), 1);
    });
}

// proves C-6: the same question to the other door
#[test]
fn a_trampoline_on_a_regular_file_is_an_error() {
    on_each_backend(async || {
        for interest in [Interest::Readable, Interest::Writable] {
            let waited = trampoline(regular_file(), interest, Some(SECOND)).await;
            let error = waited.unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::TimedOut, "{error}");
            assert_eq!(stats().sources, 0);
        }
    });
}

// proves C-6: a directory is no stream
#[test]
fn a_directory_is_refused() {
    on_each_backend(async || {
        let directory = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let text = refused(directory).to_string();
        assert!(text.contains("directory"), "{text}");
    });
}

/// Works as a stream that is always ready, or is refused in words: never a hang, never a spin.
async fn works_or_is_refused(name: &str, file: File) {
    match Io::new(file) {
        Ok(io) => {
            let write = io.write_with(|mut f| f.write(b"x"));
            let written = timeout(SECOND * 10, write).await;
            assert_eq!(written.expect("no hang").unwrap(), 1, "{name}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{name}"),
    }
    assert_eq!(stats().sources, 0);
}

// proves C-6
#[test]
fn character_devices_work_or_are_refused() {
    on_each_backend(async || {
        for path in ["/dev/null", "/dev/zero"] {
            let file = File::options().read(true).write(true).open(path).unwrap();
            works_or_is_refused(path, file).await;
        }
    });
}

// proves C-6
#[test]
fn an_eventfd_works() {
    on_each_backend(async || {
        let fd = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let bell = fd.try_clone().unwrap();
        let io = Io::new(fd).unwrap();
        let waiting = spawn(async move {
            let mut count = [0; 8];
            let read = io.read_with(|fd| Ok(rustix::io::read(fd, &mut count)?));
            assert_eq!(read.await.unwrap(), 8);
            u64::from_ne_bytes(count)
        });
        yield_now().await;
        rustix::io::write(&bell, &5_u64.to_ne_bytes()).unwrap();
        assert_eq!(waiting.await.unwrap(), 5);
    });
}

// proves C-6
#[test]
fn a_timerfd_works() {
    on_each_backend(async || {
        let fd: OwnedFd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).unwrap();
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: 0,
                tv_nsec: 2_000_000,
            },
        };
        timerfd_settime(&fd, TimerfdTimerFlags::empty(), &once).unwrap();
        let io = Io::new(fd).unwrap();
        let mut fired = [0; 8];
        let read = io.read_with(|fd| Ok(rustix::io::read(fd, &mut fired)?));
        assert_eq!(read.await.unwrap(), 8);
        assert_eq!(u64::from_ne_bytes(fired), 1);
    });
}

// proves C-6
#[test]
fn a_listening_socket_and_a_datagram_socket_work() {
    on_each_backend(async || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let io = Io::new(listener).unwrap();
        let accepting = spawn(async move { io.read_with(|l| l.accept()).await.unwrap().1 });
        yield_now().await;
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(accepting.await.unwrap(), client.local_addr().unwrap());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let io = Io::new(socket).unwrap();
        let receiving = spawn(async move {
            let mut bytes = [0; 16];
            let (n, _) = io.read_with(|s| s.recv_from(&mut bytes)).await.unwrap();
            bytes[..n].to_vec()
        });
        yield_now().await;
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"datagram", address).unwrap();
        assert_eq!(receiving.await.unwrap(), b"datagram");
    });
}

// proves A-8: outside a hub there is nothing to register with
#[test]
fn a_source_needs_a_hub() {
    let (reader, _writer) = io::pipe().unwrap();
    let error = Io::new(reader).unwrap_err();
    assert!(error.to_string().contains("hub"), "{error}");
    really(async {});
}
