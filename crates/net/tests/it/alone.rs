//! Tests that need a process of their own: they count descriptors, or run out of them.
//!
//! Each starts this test program again for one of the `child_` tests below, which are ignored
//! otherwise.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use evlet_hub::{Hub, spawn, timeout};
use evlet_net::{ListenOptions, StopServe, connect, listen, resolve, serve};

use crate::loopback::{MS, pair, run, small_pair};

const MARK: &str = "child says: ";

/// Starts the `child_` test called `name`.
pub(crate) fn child(name: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            name,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

/// The next thing the child says.
fn heard(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    while stdout.read_line(&mut line).unwrap() > 0 {
        if let Some((_, said)) = line.split_once(MARK) {
            return said.trim_end().to_owned();
        }
        line.clear();
    }
    panic!("the child has ended without a word");
}

fn say(what: impl std::fmt::Display) {
    println!("\n{MARK}{what}");
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn every_descriptor_comes_back() {
    let (mut child, _stdout) = child("alone::child_counts_its_descriptors");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `every_descriptor_comes_back` in a process of its own"]
fn child_counts_its_descriptors() {
    let before = descriptors();
    for _ in 0..3 {
        run(async {
            for _ in 0..50 {
                use_and_drop_everything().await;
                crate::left_behind::use_and_drop_more().await;
            }
        });
    }
    assert_eq!(descriptors(), before);

    // A hub that is dropped with everything under way.
    let hub = Hub::builder().virtual_time(true).build().unwrap();
    hub.run(async {
        let listener = listen("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        evlet_hub::spawn_n(serve(listener, |stream, _| async move {
            let mut file = stream.makefile();
            file.next_line().await
        }));
        for _ in 0..10 {
            evlet_hub::spawn_n(async move {
                let stream = connect(addr).await.unwrap();
                stream.recv(&mut [0; 1]).await.unwrap();
            });
        }
        evlet_hub::sleep(MS).await;
        assert!(descriptors() > before + 20);
    });
    drop(hub);
    assert_eq!(descriptors(), before);
}

async fn use_and_drop_everything() {
    // An orderly end, a reset, a half that lives longer, a file that does.
    let (client, server) = pair().await;
    client.send_all(b"hi").await.unwrap();
    let (read, write) = server.split();
    drop(write);
    let mut file = client.makefile();
    drop(client);
    assert_eq!(file.next_line().await.unwrap(), None);
    drop((read, file));
    // Futures dropped in the middle.
    let (client, _server) = small_pair().await;
    let big = vec![0; 1_000_000];
    assert!(timeout(MS, client.recv(&mut [0; 1])).await.is_err());
    assert!(timeout(MS, client.send_all(&big)).await.is_err());
    // Refused, in use, not resolved; a backlog that is never accepted.
    // An address of its own: the port has to stay free when this one gives it up.
    let listener = listen("127.0.0.66:0").unwrap();
    let addr = listener.local_addr().unwrap();
    assert!(listen(addr).is_err());
    let waiting = connect(addr).await.unwrap();
    drop(listener);
    assert!(waiting.recv(&mut [0; 1]).await.is_err());
    assert!(connect(addr).await.is_err());
    assert!(resolve("two words").await.is_err());
    // A green thread killed while it holds a connection.
    let (client, server) = pair().await;
    let holder = spawn(async move { server.recv(&mut [0; 1]).await });
    evlet_hub::yield_now().await;
    holder.kill().await;
    assert_eq!(client.recv(&mut [0; 1]).await.unwrap(), 0);
}

// proves F-1 with a real limit: three times as many clients as the server has descriptors for.
#[test]
fn a_real_shortage_is_waited_out_and_nobody_is_lost() {
    let (mut child, mut stdout) = child("alone::child_serves_with_few_descriptors");
    let addr: SocketAddr = heard(&mut stdout).parse().unwrap();
    let mut clients: Vec<_> = (0..90).map(|_| TcpStream::connect(addr).unwrap()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client
            .write_all(format!("client {n}\n").as_bytes())
            .unwrap();
    }
    let short = heard(&mut stdout);
    assert!(short.contains("ulimit -n"), "{short}");
    assert!(short.contains("Too many open files"), "{short}");
    // One after the other gets its answer and goes, which makes room for the next.
    for (n, mut client) in clients.into_iter().enumerate() {
        let mut answer = [0; 100];
        let len = client.read(&mut answer).unwrap();
        assert_eq!(answer[..len], *format!("client {n}\n").as_bytes());
    }
    assert!(heard(&mut stdout).contains("accepts again"));
    let mut quit = TcpStream::connect(addr).unwrap();
    quit.write_all(b"quit\n").unwrap();
    // Whatever else it says: how it ended comes last.
    let end = loop {
        let said = heard(&mut stdout);
        if let Some(tries) = said.strip_prefix("failed tries ") {
            break tries.parse::<u32>().unwrap();
        }
    };
    assert!(end < 500, "it spun: {end} tries");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `a_real_shortage_is_waited_out_and_nobody_is_lost` in a process of its own"]
fn child_serves_with_few_descriptors() {
    use evlet_hub::CallKind;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::cell::Cell;
    use std::rc::Rc;

    let tries = Rc::new(Cell::new(0_u32));
    let served = Rc::new(Cell::new(0_u32));
    let count = Rc::clone(&tries);
    // Real time: the clients are another process.
    let hub = Hub::builder()
        .on_report(|report| say(report))
        .faults(move |call| {
            count.set(count.get() + u32::from(call.kind == CallKind::Accept));
            None
        })
        .build()
        .unwrap();
    hub.run(async {
        let listener = ListenOptions::new()
            .backlog(200)
            .listen("127.0.0.1:0")
            .unwrap();
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = Some(descriptors() as u64 + 30);
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        say(listener.local_addr().unwrap());
        let done = &served;
        let result = serve(&listener, |stream, _| {
            let served = Rc::clone(done);
            async move {
                served.set(served.get() + 1);
                let mut file = stream.makefile();
                while let Some(line) = file.next_line().await? {
                    if line == "quit" {
                        return Err(StopServe.into());
                    }
                    file.write(format!("{line}\n")).await?;
                    file.flush().await?;
                }
                Ok::<(), std::io::Error>(())
            }
        });
        result.await.unwrap();
    });
    assert_eq!(served.get(), 91);
    say(format_args!("failed tries {}", tries.get() - served.get()));
}
