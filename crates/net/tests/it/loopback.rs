//! Hubs on virtual time, and connected pairs.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Call, Fault, Hub};
use evlet_net::{TcpListener, TcpStream, connect, listen};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// Runs `test` on a hub with virtual time. One that waits for the network for ever, which no
/// virtual time ends, ends the test program after a minute and says which test it was.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    let (over, waits) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let waited = waits.recv_timeout(60_000 * MS);
        if waited == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // Straight to the descriptor: what a test prints is lost with the process.
            let _ = writeln!(io::stderr(), "{name} waits for ever");
            std::process::abort();
        }
    });
    let output = hub.run(test);
    drop(over);
    guard.join().unwrap();
    output
}

/// What a hub told its operator.
pub(crate) type Reports = Rc<RefCell<Vec<String>>>;

/// A hub on virtual time whose reports are kept and whose system calls fail as `faults` says.
pub(crate) fn faulty_hub(faults: impl FnMut(Call) -> Option<Fault> + 'static) -> (Hub, Reports) {
    let reports = Reports::default();
    let kept = Rc::clone(&reports);
    let hub = Hub::builder()
        .virtual_time(true)
        .on_report(move |report| kept.borrow_mut().push(report.to_string()))
        .faults(faults)
        .build()
        .unwrap();
    (hub, reports)
}

pub(crate) fn reporting_hub() -> (Hub, Reports) {
    faulty_hub(|_| None)
}

/// A listener on a free port.
pub(crate) fn listener() -> TcpListener {
    listen("127.0.0.1:0").unwrap()
}

/// A port of loopback on which nobody listens, and nobody will while this lives: a port that was
/// merely free a moment ago may be another test's by now.
pub(crate) struct Deaf {
    pub(crate) addr: SocketAddr,
    _bound: socket2::Socket,
}

pub(crate) fn deaf() -> Deaf {
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    bound.bind(&any.into()).unwrap();
    let addr = bound.local_addr().unwrap().as_socket().unwrap();
    Deaf {
        addr,
        _bound: bound,
    }
}

/// Two ends of one connection.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = listener();
    let client = connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// A connection whose buffers are small, so that little data fills them.
///
/// They are made small before there is a connection: a window that shrinks later makes the kernel
/// wait for its own timers, which are real.
pub(crate) async fn small_pair() -> (TcpStream, TcpStream) {
    const SMALL: usize = 16 * 1024;
    let listener = listener();
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    for socket in [
        socket2::SockRef::from(&listener),
        socket2::SockRef::from(&client),
    ] {
        socket.set_send_buffer_size(SMALL).unwrap();
        socket.set_recv_buffer_size(SMALL).unwrap();
    }
    client.set_tcp_nodelay(true).unwrap();
    client
        .connect(&listener.local_addr().unwrap().into())
        .unwrap();
    let client = TcpStream::from_std(client.into()).unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// Everything the peer sends until it ends.
pub(crate) async fn read_all(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 16 * 1024];
    loop {
        match stream.recv(&mut buf).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

/// Closes so that the peer gets a reset.
pub(crate) fn reset(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Bytes of which no two stretches are alike.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// The error's text and everything inside it, for a look at what an operator reads.
pub(crate) fn text(error: &io::Error) -> String {
    error.to_string()
}
