//! A name server that truncates, and then takes its time over TCP.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn};
use evlet_net::{UdpSocket, listen};

use crate::dns_server::nothing_known;
use crate::loopback::{run, text};

const SECOND: Duration = Duration::from_secs(1);
/// In the third byte of an answer: it is one, and it is truncated.
const TRUNCATED: u8 = 0x82;

// proves F-9: whatever the server does, the time that was set is the time it takes.
#[test]
fn an_answer_of_one_byte_a_second_is_given_up() {
    run(async {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = udp.local_addr().unwrap();
        let Ok(tcp) = listen(addr) else {
            return eprintln!("SKIPPED: somebody has the port {addr} for TCP");
        };
        let truncates = spawn(async move {
            let mut query = [0; 512];
            loop {
                let (len, from) = udp.recv_from(&mut query).await.unwrap();
                query[2] |= TRUNCATED;
                udp.send_to(&query[..len], from).await.unwrap();
            }
        });
        let trickles = spawn(async move {
            loop {
                let (stream, _) = tcp.accept().await.unwrap();
                evlet_hub::spawn_n(async move {
                    // It says that 255 bytes come.
                    for byte in [0, 255].into_iter().chain(std::iter::repeat(0)) {
                        if stream.send_all(&[byte]).await.is_err() {
                            return;
                        }
                        sleep(SECOND).await;
                    }
                });
            }
        });
        // Each question over TCP has its limit, and the look-up has its own.
        for (each, whole, kind) in [
            (3 * SECOND, 60 * SECOND, ErrorKind::HostUnreachable),
            (60 * SECOND, 5 * SECOND, ErrorKind::TimedOut),
        ] {
            let options = nothing_known().servers([addr]).timeout(each).limit(whole);
            let resolver = options.build();
            let before = now();
            let error = resolver.resolve("slow.test").await.unwrap_err();
            assert_eq!(now() - before, each.min(whole));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(text(&error).contains("slow.test"), "{error}");
        }
        truncates.kill().await;
        trickles.kill().await;
    });
}
