//! Descriptors that somebody else closes while they are waited on (C-3): an error for who waits and for who comes
//! later, never a hang or a spin, and the others live.
#![expect(
    unsafe_code,
    reason = "closing a descriptor that somebody else uses is what these tests are about"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_hub::{run, sleep, spawn, stats, timeout};
use evlet_net::{
    TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, connect, listen, serve,
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("under_a_tcp_reader", under_a_tcp_reader),
    ("under_a_tcp_writer", under_a_tcp_writer),
    ("under_a_file", under_a_file),
    ("under_a_listener", under_a_listener),
    ("under_a_server", under_a_server),
    ("under_a_udp_socket", under_a_udp_socket),
    ("under_a_unix_stream", under_a_unix_stream),
    ("under_a_unix_listener", under_a_unix_listener),
    ("under_a_unix_datagram", under_a_unix_datagram),
];

/// How long the hub may take to notice.
const PATIENCE: Duration = Duration::from_secs(10);

fn close(fd: RawFd) {
    // SAFETY: none. Its owner keeps the number, and nothing else in this process opens descriptors meanwhile.
    assert_eq!(unsafe { libc::close(fd) }, 0);
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = listen("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// Closes the descriptor of `owner` while `using` it waits, and uses it once more.
async fn closed_under<T: 'static>(
    owner: T,
    number: RawFd,
    using: impl AsyncFn(&T) -> io::Error + 'static,
) {
    let (near, far) = pair().await;
    let waiting = spawn(async move {
        let first = using(&owner).await;
        let again = using(&owner).await;
        // Its drop would close the number once more: the standard library ends the process for that.
        std::mem::forget(owner);
        (first, again)
    });
    sleep(Duration::from_millis(5)).await;
    close(number);
    let turns = stats().turns;
    let (first, again) = timeout(PATIENCE, waiting).await.expect("it hangs").unwrap();
    assert_eq!(first.kind(), io::ErrorKind::NotConnected, "{first}");
    assert!(first.to_string().contains("closed"), "{first}");
    let bad = again.raw_os_error() == Some(libc::EBADF);
    assert!(bad || again.to_string().contains("closed"), "{again}");
    let turns = stats().turns - turns;
    assert!(turns < 100, "{turns} turns");
    // Others are as they were.
    near.send_all(b"x").await.unwrap();
    assert_eq!(far.recv(&mut [0; 2]).await.unwrap(), 1);
}

fn number(of: &impl AsFd) -> RawFd {
    of.as_fd().as_raw_fd()
}

fn under_a_tcp_reader() {
    run(async {
        let (client, server) = pair().await;
        let fd = number(&client);
        closed_under(client, fd, async |client: &TcpStream| {
            client.recv(&mut [0]).await.unwrap_err()
        })
        .await;
        // For the peer it is an end like any other.
        assert_eq!(server.recv(&mut [0]).await.unwrap(), 0);
    });
}

fn under_a_tcp_writer() {
    run(async {
        let (client, _server) = pair().await;
        let fd = number(&client);
        closed_under(client, fd, async |client: &TcpStream| {
            client.send_all(&vec![0; 20_000_000]).await.unwrap_err()
        })
        .await;
    });
}

fn under_a_file() {
    run(async {
        let (client, server) = pair().await;
        let fd = number(&client);
        let waiting = spawn(async move {
            let mut file = client.makefile();
            let error = file.next_line().await.unwrap_err();
            std::mem::forget((client, file));
            error
        });
        server.send_all(b"half a line").await.unwrap();
        sleep(Duration::from_millis(5)).await;
        close(fd);
        let error = timeout(PATIENCE, waiting).await.expect("it hangs").unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected, "{error}");
    });
}

fn under_a_listener() {
    run(async {
        let listener = listen("127.0.0.1:0").unwrap();
        let fd = number(&listener);
        closed_under(listener, fd, async |listener| {
            listener.accept().await.unwrap_err()
        })
        .await;
    });
}

fn under_a_server() {
    run(async {
        let listener = listen("127.0.0.1:0").unwrap();
        let fd = number(&listener);
        closed_under(listener, fd, async |listener| {
            let server = serve(listener, |stream: TcpStream, _| async move {
                stream.send_all(b"hello").await
            });
            server.await.unwrap_err()
        })
        .await;
    });
}

fn under_a_udp_socket() {
    run(async {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let fd = number(&socket);
        closed_under(socket, fd, async |socket| {
            socket.recv_from(&mut [0; 10]).await.unwrap_err()
        })
        .await;
    });
}

fn under_a_unix_stream() {
    run(async {
        let (one, other) = UnixStream::pair().unwrap();
        let fd = number(&one);
        closed_under(one, fd, async |one| one.recv(&mut [0]).await.unwrap_err()).await;
        assert_eq!(other.recv(&mut [0]).await.unwrap(), 0);
    });
}

fn under_a_unix_listener() {
    let path = std::env::temp_dir().join(format!("evlet-underneath-{}", std::process::id()));
    run(async {
        let listener = UnixListener::bind(&path).unwrap();
        let fd = number(&listener);
        closed_under(listener, fd, async |listener| {
            listener.accept().await.unwrap_err()
        })
        .await;
    });
    std::fs::remove_file(path).unwrap();
}

fn under_a_unix_datagram() {
    run(async {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let fd = number(&one);
        closed_under(one, fd, async |one| {
            one.recv(&mut [0; 10]).await.unwrap_err()
        })
        .await;
    });
}
