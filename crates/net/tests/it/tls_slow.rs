//! Handshakes that go on, and on: each byte is in time and the whole is not.

use std::io::ErrorKind;
use std::time::Duration;

use evlet_hub::{now, sleep, spawn};
use evlet_net::{TlsError, wrap_ssl};

use crate::loopback::{pair, run};
use crate::tls::configs;

const SECOND: Duration = Duration::from_secs(1);
/// The beginning of a record of the handshake, 4 KiB long.
const BEGUN: [u8; 5] = [22, 3, 1, 16, 0];

// proves G-1: the limit is for the handshake and not for its bytes; fifteen seconds unless set.
#[test]
fn a_handshake_of_one_byte_a_second_is_cut_off() {
    run(async {
        let (for_server, for_client) = configs();
        for config in [for_server, for_client] {
            let (slow, stream) = pair().await;
            let trickles = spawn(async move {
                let mut sent = 0;
                for byte in BEGUN.into_iter().chain(std::iter::repeat(0)) {
                    if slow.send_all(&[byte]).await.is_err() {
                        break;
                    }
                    sent += 1;
                    sleep(SECOND).await;
                }
                sent
            });
            let before = now();
            stream.set_timeout(5 * SECOND); // each byte is in time
            let mut stream = wrap_ssl(stream, &config);
            let error = stream.handshake().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.get_ref().unwrap().is::<TlsError>(), "{error}");
            assert_eq!(now() - before, 15 * SECOND);
            drop(stream);
            assert!((14..20).contains(&trickles.await.unwrap()));
        }
    });
}
