//! A bad network between a TLS client, a proxy and a server: late, in pieces, stalled, cut, reset. Every byte
//! arrives, or an error says why; nobody waits for ever.

use std::io::{self, ErrorKind};
use std::time::Duration;

use evlet_hub::{sleep, spawn, spawn_n, timeout};
use evlet_net::testing::{Duplex, Wire, duplex_with_capacity};
use evlet_net::{TlsConfig, TlsStream, copy_bidirectional, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, noise, run};
use crate::tls::configs;

/// How far a conversation of `SIZE` bytes each way comes, about, in bytes on the wire.
const ABOUT: u64 = 24_000;
const SIZE: usize = 20_000;

/// Numbers that are the same each time: a failing round can be tried again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What may happen to a connection at worst.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Worst {
    Late,
    Cut,
    Reset,
}

fn weather(wire: &Wire, chance: &mut Chance) {
    wire.set_delay(chance.below(5_000) as u32 * MS / 1000);
    wire.set_piece(1 + chance.below(3_000) as usize);
    if chance.below(3) == 0 {
        let (wire, after, lasts) = (wire.clone(), chance.below(20), chance.below(500));
        spawn_n(async move {
            sleep(after as u32 * MS).await;
            wire.stall();
            sleep(lasts as u32 * MS).await;
            wire.resume();
        });
    }
}

/// Two ends under some weather, one of whose directions may break.
fn line(chance: &mut Chance, worst: Worst) -> (Duplex, Duplex) {
    let (near, far) = duplex_with_capacity(1 + chance.below(30_000) as usize);
    let wires = [near.wire(), far.wire()];
    wires.iter().for_each(|wire| weather(wire, chance));
    let broken = &wires[chance.below(2) as usize];
    match worst {
        Worst::Late => {}
        Worst::Cut => broken.cut_after(chance.below(ABOUT)),
        Worst::Reset => broken.fail_after(chance.below(ABOUT), ErrorKind::ConnectionReset),
    }
    (near, far)
}

async fn echo(mut stream: TlsStream<Duplex>) -> io::Result<()> {
    let mut buf = [0; 3000];
    loop {
        match stream.read(&mut buf).await? {
            0 => return stream.close().await,
            n => stream.write_all(&buf[..n]).await?,
        }
        stream.flush().await?;
    }
}

/// All of `data` there and back.
async fn conversation(stream: TlsStream<Duplex>, data: &[u8]) -> io::Result<Vec<u8>> {
    let (mut read, mut write) = stream.split();
    let sending = async {
        write.write_all(data).await?;
        write.close().await
    };
    let receiving = async {
        let mut back = Vec::new();
        read.read_to_end(&mut back).await?;
        Ok(back)
    };
    let ((), back) = futures::future::try_join(sending, receiving).await?;
    Ok(back)
}

async fn round(seed: u64, worst: Worst, configs: &(TlsConfig, TlsConfig)) -> io::Result<Vec<u8>> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    chance.below(1); // the first number still looks like its seed
    let (client, mut left) = line(&mut chance, worst);
    let (mut right, server) = line(&mut chance, Worst::Late);
    let proxy = spawn(async move { copy_bidirectional(&mut left, &mut right).await });
    let server = spawn(echo(wrap_ssl(server, &configs.0)));
    let talking = conversation(wrap_ssl(client, &configs.1), &noise(SIZE)).await;
    // The others end too: with their own error, or in order.
    let _ = proxy.await.unwrap();
    let _ = server.await.unwrap();
    talking
}

fn rounds(worst: Worst, count: u64) -> (u32, u32) {
    run(async move {
        let configs = configs();
        let data = noise(SIZE);
        let (mut whole, mut told) = (0, 0);
        for seed in 1..=count {
            let ended = timeout(Duration::from_secs(600), round(seed, worst, &configs)).await;
            match ended.unwrap_or_else(|_| panic!("round {seed} ({worst:?}) hangs")) {
                Ok(back) => {
                    assert!(
                        back == data,
                        "round {seed} ({worst:?}): other bytes came back"
                    );
                    whole += 1;
                }
                Err(error) => {
                    assert_ne!(worst, Worst::Late, "round {seed}: {error}");
                    let kind = error.kind();
                    let known = [
                        ErrorKind::UnexpectedEof,
                        ErrorKind::ConnectionReset,
                        ErrorKind::BrokenPipe,
                        ErrorKind::TimedOut,
                        ErrorKind::NotConnected,
                    ];
                    assert!(
                        known.contains(&kind),
                        "round {seed} ({worst:?}): {kind:?} {error}"
                    );
                    told += 1;
                }
            }
        }
        (whole, told)
    })
}

#[test]
fn late_and_in_pieces_is_still_everything() {
    assert_eq!(rounds(Worst::Late, 25), (25, 0));
}

#[test]
fn a_line_that_is_cut_is_told() {
    let (whole, told) = rounds(Worst::Cut, 25);
    assert!(told > 10, "{whole} whole, {told} told");
}

#[test]
fn a_line_that_is_reset_is_told() {
    let (whole, told) = rounds(Worst::Reset, 25);
    assert!(told > 10, "{whole} whole, {told} told");
}
