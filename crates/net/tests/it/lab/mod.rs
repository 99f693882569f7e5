//! A bad network that the kernel sees: two network namespaces with a line between them that delays, loses and
//! reorders packets, knows nothing of IPv6, and can be unplugged. Every byte arrives, or an error says why.
//!
//! [`a_bad_network`] starts `lab.sh` in namespaces of its own, which go with it; that starts this program again for
//! the two `child_` tests. In real time, since the kernel's clock is. A machine that cannot do it says SKIPPED.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use evlet_hub::{Hub, sleep, spawn, spawn_n, timeout};
use evlet_net::{
    ConnectError, ConnectOptions, ListenOptions, TcpStream, TlsConfig, TlsListener, connect, copy,
    copy_bidirectional, listen, serve, wrap_ssl,
};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::loopback::{MS, noise, text};
use crate::tls::certificate;

const SECOND: Duration = Duration::from_secs(1);
/// More than this means that something hangs, or that the machine is very slow.
const LIMIT: Duration = Duration::from_secs(60);
const SIZE: usize = 500_000;

const ECHO: &str = "10.9.0.2:7001";
const TLS: &str = "10.9.0.2:7002";
const FORWARD: &str = "10.9.0.2:7003";
const FAST_OPEN: &str = "10.9.0.2:7004";
const NARROW: &str = "10.9.0.2:7005";

// proves F-6 with packets that are really lost
#[test]
fn a_bad_network() {
    let mut lab = Command::new("unshare");
    lab.args(["--net", "--mount", "--pid", "--fork", "--kill-child"]);
    if !rustix::process::geteuid().is_root() {
        lab.arg("--map-root-user");
    }
    let (cert, key) = certificate(&["localhost"]);
    lab.args(["sh", "-c", include_str!("lab.sh"), "lab"])
        .arg(std::env::current_exe().unwrap())
        .arg(include_str!("router.py"))
        .envs([("LAB_CERT", cert), ("LAB_KEY", key)]);
    let skipped = |why: &str| {
        // Straight to the descriptor: what a test prints is kept from who does not ask.
        let _ = writeln!(io::stderr(), "SKIPPED lab::a_bad_network: {why}");
    };
    let done = match lab.output() {
        Err(error) => return skipped(&format!("unshare: {error}")),
        Ok(done) => done,
    };
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr);
    let refused = errors.starts_with("unshare: ");
    if done.status.code() == Some(77) || refused {
        return skipped(&format!("this machine cannot do it: {said}{errors}"));
    }
    assert!(done.status.success(), "{said}\n{errors}");
    println!("{said}");
}

#[test]
#[ignore = "started by `a_bad_network` in a network of its own"]
fn child_server() {
    let cert = std::env::var("LAB_CERT").unwrap();
    let key = std::env::var("LAB_KEY").unwrap();
    Hub::new().unwrap().run(async {
        let tls = TlsConfig::server(cert, key).unwrap();
        let tls = TlsListener::new(listen(TLS).unwrap(), &tls);
        spawn_n(serve(tls, |stream, _| echo(stream)));
        spawn_n(serve(listen(FORWARD).unwrap(), |mut near, _| async move {
            let mut far = connect(ECHO).await?;
            copy_bidirectional(&mut near, &mut far).await
        }));
        let fast = ListenOptions::new().fast_open(16).listen(FAST_OPEN);
        spawn_n(serve(fast.unwrap(), |stream, _| echo(stream)));
        let narrow = ListenOptions::new().recv_buffer(4096).send_buffer(4096);
        spawn_n(serve(narrow.listen(NARROW).unwrap(), |stream, _| {
            echo(stream)
        }));
        // Those who were cut off are its failures, not ours.
        let _ = serve(listen(ECHO).unwrap(), |stream, _| echo(stream)).await;
    });
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> io::Result<u64> {
    let (read, mut write) = stream.split();
    let copied = copy(read, &mut write).await?;
    write.close().await?;
    Ok(copied)
}

#[test]
#[ignore = "started by `a_bad_network` in a network of its own"]
fn child_client() {
    let hub = Hub::new().unwrap();
    hub.run(async {
        within("the server's start", async {
            while let Err(_late) = connect(ECHO).await {
                sleep(50 * MS).await;
            }
        })
        .await;
        within("a family without a way", a_black_hole()).await;
        within("tcp", conversation(connect(ECHO).await.unwrap())).await;
        let narrow = ConnectOptions::new().recv_buffer(4096).send_buffer(4096);
        let narrow = narrow.connect(NARROW).await.unwrap();
        within("a narrow window", part(narrow, SIZE / 10)).await;
        within("tls", tls()).await;
        within("a forwarder", conversation(connect(FORWARD).await.unwrap())).await;
        within("fast open", fast_open()).await;
        within("an interface that comes back", comes_back()).await;
        within("an interface that stays away", stays_away()).await;
        assert_eq!(evlet_hub::stats().sources, 0, "nothing stays open");
        // It was a bad network.
        assert!(counter("RetransSegs") > 10);
    });
}

async fn within<T>(what: &str, run: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let done = timeout(LIMIT, run).await;
    println!("{what}: {:?}", start.elapsed());
    done.unwrap_or_else(|_| panic!("{what} hangs"))
}

/// Sends noise both ways at once and compares.
async fn conversation<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S) {
    part(stream, SIZE).await;
}

async fn part<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, size: usize) {
    let (mut read, mut write) = stream.split();
    let sender = spawn(async move {
        write.write_all(&noise(size)).await?;
        write.close().await
    });
    let mut got = Vec::new();
    read.read_to_end(&mut got).await.unwrap();
    sender.await.unwrap().unwrap();
    assert_eq!(got.len(), size);
    assert!(got == noise(size), "all came, and not what was sent");
}

async fn tls() {
    let config = TlsConfig::client().roots_pem(std::env::var("LAB_CERT").unwrap());
    let config = config.unwrap().server_name("localhost");
    for _ in 0..5 {
        let stream = wrap_ssl(connect(TLS).await.unwrap(), &config);
        part(stream, SIZE / 5).await;
    }
}

/// IPv6 swallows everything: the other family is there a quarter of a second later. Alone, it is an error in time.
async fn a_black_hole() {
    let addrs: [SocketAddr; 2] = ["[fd09::2]:7001".parse().unwrap(), ECHO.parse().unwrap()];
    let start = Instant::now();
    let stream = connect(&addrs[..]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addrs[1]);
    assert!(start.elapsed() >= 250 * MS);
    drop(stream);

    let limited = ConnectOptions::new().timeout(SECOND);
    let error = limited.connect(addrs[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.get_ref().unwrap().is::<ConnectError>());
    assert!(text(&error).contains("[fd09::2]:7001"), "{error}");
}

/// Most connections begin with their first bytes once the server has been met; all get through.
async fn fast_open() {
    for _ in 0..10 {
        let stream = ConnectOptions::new().fast_open(true);
        let stream = stream.connect(FAST_OPEN).await.unwrap();
        part(stream, 10_000).await;
    }
    assert!(counter("TCPFastOpenActive") > 0, "it was never done");
}

/// A counter of this network's kernel.
fn counter(name: &str) -> u64 {
    let read = |file| std::fs::read_to_string(file).unwrap();
    let all = read("/proc/net/netstat") + &read("/proc/net/snmp");
    let lines: Vec<&str> = all.lines().collect();
    let column = lines.chunks(2).find_map(|pair| {
        let at = pair[0].split(' ').position(|word| word == name)?;
        pair[1].split(' ').nth(at)
    });
    column.unwrap().parse().unwrap()
}

fn link(up_or_down: &str) {
    let ip = Command::new("ip")
        .args(["link", "set", "client0", up_or_down])
        .status();
    assert!(ip.unwrap().success());
}

async fn comes_back() {
    let transfer = spawn(conversation(connect(ECHO).await.unwrap()));
    for _ in 0..2 {
        sleep(100 * MS).await;
        link("down");
        sleep(300 * MS).await;
        link("up");
    }
    transfer.await.unwrap();
}

/// Whoever sends learns it by the user timeout, whoever receives by the limit of the stream.
async fn stays_away() {
    let options = ConnectOptions::new().user_timeout(2 * SECOND);
    let sends = options.connect(ECHO).await.unwrap();
    let receives = connect(ECHO).await.unwrap();
    receives.set_timeout(SECOND);
    link("down");
    let sender = spawn(async move { endless(&sends).await });
    let error = receives.recv(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(text(&error).contains("the peer sent nothing"), "{error}");
    let error = sender.await.unwrap();
    let told = [
        ErrorKind::TimedOut,
        ErrorKind::NetworkUnreachable,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkDown,
    ];
    assert!(told.contains(&error.kind()), "{error}");

    let error = connect(ECHO).await.unwrap_err();
    assert!(error.get_ref().unwrap().is::<ConnectError>());
    assert!(text(&error).contains(ECHO), "{error}");
}

async fn endless(stream: &TcpStream) -> io::Error {
    let data = noise(1_000_000);
    loop {
        if let Err(error) = stream.send_all(&data).await {
            return error;
        }
    }
}
