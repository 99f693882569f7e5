//! For tests of what is built on streams: a stream without a network, and what every stream promises.
//!
//! [`duplex`] makes two connected ends in memory. What goes wrong on real networks can be made to
//! happen on each of the two [`Wire`]s between them, at the very byte where it hurts: delay, small
//! pieces, a stall, a cut, an error. There is no descriptor in it, so virtual time works on it to the
//! nanosecond and a failing test fails each time.
//!
//! ```
//! use std::time::Duration;
//! use evlet_net::{MakeFile, testing::duplex};
//! use evlet_hub::Hub;
//!
//! let hub = Hub::builder().virtual_time(true).build()?;
//! hub.run(async {
//!     let (near, far) = duplex();
//!     near.wire().set_delay(Duration::from_secs(2)); // as from the moon
//!     near.wire().set_piece(1); // and one byte at a time
//!     let (mut near, mut far) = (MakeFile::new(near), MakeFile::new(far));
//!     near.write("the eagle has landed\n").await?;
//!     near.flush().await?;
//!     let start = evlet_hub::now();
//!     assert_eq!(far.next_line().await?.as_deref(), Some("the eagle has landed"));
//!     assert_eq!(evlet_hub::now() - start, Duration::from_secs(2));
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`StreamConformance`] is the other way round: given pairs of any stream, it checks that they keep
//! what callers of [`AsyncRead`](futures::io::AsyncRead) and [`AsyncWrite`](futures::io::AsyncWrite)
//! rely on. Every stream of evlet passes it, and so can yours.
//!
//! In reading order: `wire` (one direction), `duplex` (the two ends), `conformance` (the suite) and
//! the checks in it: `order`, `ends`, `given_up`, `pressure`.

mod conformance;
mod duplex;
mod ends;
mod given_up;
mod order;
mod pressure;
mod wire;

pub use conformance::StreamConformance;
pub use duplex::{Duplex, duplex, duplex_with_capacity};
pub use wire::Wire;
