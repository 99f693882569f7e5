//! TLS under any mix of operations, sizes and lines, and plain text after it. Each round is made from a
//! number, which a failure tells.

use std::io::{IoSlice, IoSliceMut};

use evlet_hub::{spawn, timeout};
use evlet_net::testing::{Duplex, duplex_with_capacity};
use evlet_net::{TlsConfig, TlsStream, wrap_ssl};
use futures::io::{AsyncReadExt, AsyncWriteExt};

use crate::loopback::{MS, noise, run};
use crate::tls::configs;

/// Numbers that are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Small ones often, large ones sometimes.
    fn size(&mut self) -> usize {
        let limit = [2, 40, 600, 5_000, 17_000, 70_000][self.below(6)];
        1 + self.below(limit)
    }
}

async fn write(stream: &mut TlsStream<Duplex>, chance: &mut Chance, data: &[u8]) {
    let mut rest = data;
    while !rest.is_empty() {
        let some = &rest[..chance.size().min(rest.len())];
        let taken = match chance.below(4) {
            0 => stream.send_all(some).await.map(|()| some.len()).unwrap(),
            1 => {
                let parts = some.chunks(some.len() / 3 + 1).map(IoSlice::new);
                stream
                    .write_vectored(&parts.collect::<Vec<_>>())
                    .await
                    .unwrap()
            }
            2 => match timeout(MS / 3, stream.write(some)).await {
                Ok(taken) => taken.unwrap(),
                Err(_) => 0,
            },
            _ => stream.write(some).await.unwrap(),
        };
        rest = &rest[taken..];
        if chance.below(5) == 0 {
            stream.flush().await.unwrap();
        }
    }
    stream.flush().await.unwrap();
}

async fn read(stream: &mut TlsStream<Duplex>, chance: &mut Chance, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let mut buf = vec![0; chance.size().min(count - all.len())];
        let got = match chance.below(3) {
            0 => {
                let half = buf.len() / 2;
                let (a, b) = buf.split_at_mut(half);
                let mut room = [IoSliceMut::new(a), IoSliceMut::new(b)];
                stream.read_vectored(&mut room).await.unwrap()
            }
            1 => match timeout(MS / 3, stream.recv(&mut buf)).await {
                Ok(got) => got.unwrap(),
                Err(_) => continue,
            },
            _ => stream.read(&mut buf).await.unwrap(),
        };
        assert!(got > 0, "the end after {} of {count} bytes", all.len());
        all.extend_from_slice(&buf[..got]);
    }
    all
}

/// Some text over and some back, several times; then goodbye, and the rest in plain text.
async fn talk(end: Duplex, config: &TlsConfig, seed: u64, speaks: bool) {
    let mut shared = Chance(seed | 1); // both sides make the same plan with it
    let mut own = Chance(seed.wrapping_mul(31) + u64::from(speaks));
    let mut stream = wrap_ssl(end, config);
    let mut speaks = speaks;
    for turn in 0..1 + shared.below(4) {
        let data = noise(shared.size() + shared.size());
        match speaks {
            true => write(&mut stream, &mut own, &data).await,
            false => assert!(
                read(&mut stream, &mut own, data.len()).await == data,
                "turn {turn}"
            ),
        }
        speaks = !speaks;
    }
    let plain = noise(shared.size());
    let mut unwrapped = stream.unwrap().await.unwrap();
    if speaks {
        unwrapped.send_all(&plain).await.unwrap();
    } else {
        let mut got = vec![0; plain.len()];
        unwrapped.read_exact(&mut got).await.unwrap();
        assert!(got == plain, "the plain text");
    }
}

#[test]
fn any_mix_of_operations() {
    for seed in 1..=120_u64 {
        println!("round {seed}");
        run(async {
            let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            chance.below(1);
            let (near, far) = duplex_with_capacity(100 + 3 * chance.size());
            for wire in [near.wire(), far.wire()] {
                if chance.below(2) == 0 {
                    wire.set_piece(chance.size().max(20));
                }
                if chance.below(2) == 0 {
                    wire.set_delay(MS / 10);
                }
            }
            let (for_server, for_client) = configs();
            let server = spawn(async move { talk(far, &for_server, seed, false).await });
            talk(near, &for_client, seed, true).await;
            server.await.unwrap();
        });
    }
}
