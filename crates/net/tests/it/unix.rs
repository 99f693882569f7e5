//! Unix streams and listeners.

use std::fs;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use evlet_hub::{CallKind, Fault, now, spawn, timeout, yield_now};
use evlet_net::{
    StopServe, UnixAddr, UnixError, UnixListenOptions, UnixListener, UnixStep, UnixStream,
    copy_bidirectional, serve,
};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, faulty_hub, noise, run, text};

/// A directory that goes with the test.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("evlet-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn read_all(stream: &UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 16 * 1024];
    loop {
        match stream.recv(&mut buf).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

#[test]
fn a_path_leads_to_a_listener_and_goes_with_it() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_path(), Some(&*path));
        let client = UnixStream::connect(&path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(client.peer_addr().unwrap(), UnixAddr::path(&path));
        assert_eq!(server.local_addr().unwrap(), UnixAddr::path(&path));
        client.send_all(b"hello").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&server).await, b"hello");
        server.send_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(read_all(&client).await, b"answer");
        drop(listener);
        assert!(!path.exists());
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(text(&error).contains("a.sock"), "{error}");
        assert!(text(&error).contains("is the server up"), "{error}");
    });
}

// proves F-7: a live server's path is not taken, a dead one's is, and a file is never removed.
#[test]
fn only_a_dead_sockets_path_is_taken_over() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("live.sock");
        let live = UnixListener::bind(&path).unwrap();
        let error = UnixListener::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let inside = error
            .get_ref()
            .unwrap()
            .downcast_ref::<UnixError>()
            .unwrap();
        assert_eq!(inside.step(), UnixStep::Listen);
        assert!(text(&error).contains("live"), "{error}");
        UnixStream::connect(&path).await.unwrap(); // and it is as it was
        drop(live);

        // One that was killed: its path stays.
        let dead = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(dead);
        assert!(path.exists());
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let keeps = UnixListenOptions::new().replace_dead(false);
        assert_eq!(
            keeps.listen(&path).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        let listener = UnixListener::bind(&path).unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop(listener);

        let file = dir.path("notes.txt");
        fs::write(&file, "precious").unwrap();
        let error = UnixListener::bind(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(text(&error).contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    });
}

// proves F-7: the path is removed only by who made it, and only if it is still the same.
#[test]
fn a_successors_path_stays() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let first = UnixListener::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = UnixListener::bind(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).await.unwrap();
        let mut second = second;
        second.keep_path();
        drop(second);
        assert!(path.exists());
    });
}

#[test]
fn a_listener_that_is_closed_wakes_who_accepts_and_removes_its_path() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = std::rc::Rc::new(UnixListener::bind(&path).unwrap());
        let shared = std::rc::Rc::clone(&listener);
        let accepting = spawn(async move { shared.accept().await.map(drop) });
        yield_now().await;
        listener.close();
        listener.close();
        let error = accepting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert!(!path.exists());
    });
}

// proves F-7: mode bits before the first connection.
#[test]
fn the_mode_is_set() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let options = UnixListenOptions::new().mode(0o600).backlog(1);
        let _listener = options.listen(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

// proves F-7: abstract names.
#[cfg(target_os = "linux")]
#[test]
fn abstract_names_need_no_directory() {
    run(async {
        let name = format!("evlet test {}", std::process::id());
        let addr = UnixAddr::abstract_name(&name);
        let listener = UnixListener::bind(&addr).unwrap();
        let client = UnixStream::connect(format!("@{name}")).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        assert_eq!(addr.to_string(), format!("@{name}"));
        let error = UnixListener::bind(&addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        drop(listener);
        let error = UnixStream::connect(&addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn names_that_cannot_be_are_refused_with_a_reason() {
    run(async {
        let long = format!("/tmp/{}", "x".repeat(200));
        for (name, reason) in [
            (UnixAddr::path(&long), "205 bytes"),
            (UnixAddr::path(""), "empty"),
            (UnixAddr::path("a\0b"), "NUL"),
            (UnixAddr::unnamed(), "unnamed"),
        ] {
            let error = UnixStream::connect(&name).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(text(&error).contains(reason), "{error}");
            let error = UnixListener::bind(&name).unwrap_err();
            assert!(text(&error).contains(reason), "{error}");
        }
        let error = UnixListener::bind("/no/such/dir/a.sock").unwrap_err();
        assert!(text(&error).contains("directory"), "{error}");
    });
}

// A peer may have a path that fills the kernel's room to the last byte, without an end.
#[cfg(target_os = "linux")]
#[test]
fn a_peer_with_the_longest_name_does_no_harm() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut longest = dir.path("").to_str().unwrap().to_owned();
        longest.push_str(&"x".repeat(108 - longest.len()));
        let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let client = client.unwrap();
        let named = rustix::net::SocketAddrUnix::new(longest.as_str()).unwrap();
        rustix::net::bind(&client, &named).unwrap();
        client
            .connect(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.to_string().contains("too long"), "{peer}");
        assert_eq!(server.peer_addr().unwrap(), peer);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_peer_is_known() {
    run(async {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = one.peer_credentials().unwrap();
        assert_eq!(peer.pid, Some(std::process::id()));
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.gid, rustix::process::getegid().as_raw());
    });
}

// A backlog that is full makes the one who connects wait; the kernel gives it nothing to wait on.
#[test]
fn connect_waits_while_the_backlog_is_full() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = UnixListenOptions::new().backlog(0).listen(&path).unwrap();
        let first = UnixStream::connect(&path).await.unwrap();
        let before = now();
        assert!(timeout(50 * MS, UnixStream::connect(&path)).await.is_err());
        assert_eq!(now() - before, 50 * MS);
        let waits = spawn({
            let path = path.clone();
            async move { UnixStream::connect(&path).await }
        });
        evlet_hub::sleep(10 * MS).await;
        let (one, _) = listener.accept().await.unwrap();
        let second = waits.await.unwrap().unwrap();
        let (two, _) = listener.accept().await.unwrap();
        first.send_all(b"1").await.unwrap();
        second.send_all(b"2").await.unwrap();
        let mut buf = [0; 2];
        assert_eq!(one.recv(&mut buf).await.unwrap(), 1);
        assert_eq!(two.recv(&mut buf[1..]).await.unwrap(), 1);
        assert_eq!(&buf, b"12");
    });
}

#[test]
fn everything_a_tcp_stream_does_a_unix_stream_does() {
    run(async {
        // A file of lines, which lives on when the stream is closed.
        let (one, other) = UnixStream::pair().unwrap();
        let mut file = one.makefile();
        one.close();
        file.write("a line\n").await.unwrap();
        file.flush().await.unwrap();
        drop(file);
        assert_eq!(read_all(&other).await, b"a line\n");

        // Limits.
        let (one, _other) = UnixStream::pair().unwrap();
        one.set_timeout(20 * MS);
        let error = one.recv(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let data = noise(10_000_000);
        let error = one.send_all(&data).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);

        one.set_timeout(Duration::ZERO);
        let error = one.recv(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);

        // Halves, and both together again.
        let (one, other) = UnixStream::pair().unwrap();
        let (read, write) = one.split();
        write.send_all(b"through halves").await.unwrap();
        let one = read.reunite(write).unwrap();
        let (read, write) = one.split();
        drop(write);
        assert_eq!(read_all(&other).await, b"through halves");
        other.send_all(b"back").await.unwrap();
        assert_eq!(read.recv(&mut [0; 10]).await.unwrap(), 4);

        // The futures traits, gathering too.
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let parts = [std::io::IoSlice::new(b"ab"), std::io::IoSlice::new(b"cd")];
        assert_eq!(one.write_vectored(&parts).await.unwrap(), 4);
        AsyncWriteExt::close(&mut one).await.unwrap();
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"abcd");
    });
}

#[test]
fn bytes_go_through_a_proxy_of_unix_and_back() {
    run(async {
        let (client, mut near) = UnixStream::pair().unwrap();
        let (mut far, server) = UnixStream::pair().unwrap();
        let proxy = spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        let data = noise(1_000_000);
        let expected = data.clone();
        let echo = spawn(async move {
            let got = read_all(&server).await;
            server.send_all(&got).await.unwrap();
        });
        let (read, write) = client.split();
        let sender = spawn(async move { write.send_all(&data).await.unwrap() });
        let mut read = read;
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.unwrap();
        assert!(all == expected);
        sender.await.unwrap();
        echo.await.unwrap();
        assert_eq!(proxy.await.unwrap().unwrap(), (1_000_000, 1_000_000));
    });
}

#[test]
fn serve_takes_a_unix_listener() {
    run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = spawn(serve(listener, |stream, peer: UnixAddr| async move {
            assert!(peer.is_unnamed());
            let mut file = stream.makefile();
            match file.next_line().await?.as_deref() {
                Some("quit") => Err(StopServe.into()),
                Some(line) => file
                    .write_all(format!("{line}?"))
                    .await
                    .and(file.flush().await),
                None => Ok(()),
            }
        }));
        let client = UnixStream::connect(&path).await.unwrap();
        client.send_all(b"hello\n").await.unwrap();
        assert_eq!(read_all(&client).await, b"hello?");
        let client = UnixStream::connect(&path).await.unwrap();
        client.send_all(b"quit\n").await.unwrap();
        server.await.unwrap().unwrap();
        assert!(!path.exists());
    });
}

// A shortage of descriptors is waited out as on TCP (F-1).
#[test]
fn a_shortage_is_waited_out() {
    use libc::EMFILE;
    let mut failures = 3;
    let (hub, reports) = faulty_hub(move |call| {
        let fails = call.kind == CallKind::Accept && failures > 0;
        failures -= i32::from(fails);
        fails.then_some(Fault::Errno(EMFILE))
    });
    hub.run(async {
        let dir = Dir::new();
        let path = dir.path("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        listener.accept().await.unwrap();
    });
    let reports = reports.borrow();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("a.sock"), "{reports:?}");
}
