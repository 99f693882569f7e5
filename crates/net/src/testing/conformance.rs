//! The suite: which checks there are, and how each is run.
//!
//! A check gets two fresh connected ends and a green thread of its own. It panics with what it saw;
//! one that has not ended after a minute hangs, which is what most mistakes in a stream look like.

use std::any::Any;
use std::fmt;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::time::Duration;

use evlet_hub::{Exit, spawn, timeout};
use futures::future::LocalBoxFuture;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{ends, given_up, order, pressure};

/// No check needs so long on any machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What every stream promises, as a test of yours.
///
/// It is given a maker of connected pairs, and runs each of its checks on a pair of its own, in both
/// directions. What is checked: bytes arrive once and in order whatever the sizes of reads, writes
/// and slices; reading and writing nothing does nothing; what has arrived is given at once; a close
/// sends what was written before, then the end, which stays the end, while the other direction goes
/// on; writing after that is an error; a writer waits for a slow reader, in bounded memory and
/// without spinning; a read or write that is given up loses and doubles nothing; both directions work
/// at once from two green threads; a stream may go to another green thread in the middle; an end that
/// is dropped never leaves the other one waiting.
///
/// Works on virtual and on real time.
///
/// ```
/// use evlet_net::testing::{StreamConformance, duplex};
/// let hub = evlet_hub::Hub::builder().virtual_time(true).build()?;
/// let checked = hub.run(StreamConformance::new(async || Ok(duplex())).run());
/// assert!(checked.contains(&"a writer waits for its reader"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "nothing is checked until `run` is awaited"]
pub struct StreamConformance<M> {
    make: M,
    skipped: Vec<String>,
}

/// A check: its name, and what it does with two ends.
type Check<S> = (&'static str, fn(S, S) -> LocalBoxFuture<'static, ()>);

fn checks<S: AsyncRead + AsyncWrite + Unpin + 'static>() -> Vec<Check<S>> {
    macro_rules! checks {
        ($($name:literal => $check:path,)*) => {
            vec![$(($name, |near, far| Box::pin($check(near, far)))),*]
        };
    }
    checks! {
        "bytes arrive once and in order" => order::in_order,
        "one byte at a time" => order::byte_by_byte,
        "slices arrive in order" => order::in_slices,
        "reading nothing does nothing" => order::reading_nothing,
        "writing nothing does nothing" => order::writing_nothing,
        "what has arrived is given at once" => order::at_once,
        "what is flushed arrives" => order::flushed,
        "the end comes after the data and stays" => ends::after_the_data,
        "one direction may end alone" => ends::half_closed,
        "writing after a close is an error" => ends::written_after,
        "closing twice is closing once" => ends::closed_twice,
        "dropping one end ends the other's waits" => ends::dropped,
        "dropping one end in mid-transfer ends the other" => ends::dropped_in_transfer,
        "a read that is given up loses nothing" => given_up::reads,
        "a write that is given up is not sent" => given_up::writes,
        "a stream may go to another green thread" => given_up::handed_over,
        "a writer waits for its reader" => pressure::waits,
        "waiting uses no turns" => pressure::idle,
        "both directions at once, from two green threads" => pressure::both_ways,
    }
}

impl<M, S> StreamConformance<M>
where
    M: AsyncFnMut() -> io::Result<(S, S)>,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    /// A suite over the pairs that `make` connects.
    pub fn new(make: M) -> Self {
        StreamConformance {
            make,
            skipped: Vec::new(),
        }
    }

    /// Leaves one check out, by the name that [`run`](Self::run) gives it: for a stream that is
    /// different on purpose, as one without half-close is.
    ///
    /// # Panics
    /// When there is no check of this name.
    #[track_caller]
    pub fn skip(mut self, check: &str) -> Self {
        let known = checks::<S>().iter().any(|(name, _)| *name == check);
        assert!(known, "there is no check called {check:?}");
        self.skipped.push(check.to_owned());
        self
    }

    /// Runs the checks one after the other; returns their names.
    ///
    /// # Panics
    /// At the first that fails, with its name and what it saw; and when no pair can be made.
    ///
    /// # Cancel safety
    /// The check under way is ended with the future.
    pub async fn run(mut self) -> Vec<&'static str> {
        let mut done = Vec::new();
        for (name, check) in checks::<S>() {
            if self.skipped.iter().any(|skipped| skipped == name) {
                continue;
            }
            // Each end is once the one that acts and once the one that sees.
            for turned in [false, true] {
                let mut pair = match (self.make)().await {
                    Ok(pair) => pair,
                    Err(error) => panic!("no pair of streams for {name:?}: {error}"),
                };
                if turned {
                    pair = (pair.1, pair.0);
                }
                run_one(name, turned, async move {
                    let (mut near, mut far) = pair;
                    greet(&mut near, &mut far).await;
                    check(near, far).await;
                })
                .await;
            }
            done.push(name);
        }
        done
    }
}

async fn run_one(name: &str, turned: bool, check: impl Future<Output = ()> + 'static) {
    let which = match turned {
        false => "",
        true => ", with the ends exchanged",
    };
    let running = OnDrop(spawn(check));
    match timeout(LIMIT, running.0.wait()).await {
        Ok(Ok(())) => {}
        Ok(Err(Exit::Killed)) => panic!("the check {name:?}{which} was killed"),
        Ok(Err(Exit::Panicked(payload))) => match said(&*payload) {
            Some(said) => panic!("the check {name:?}{which} failed: {said}"),
            None => resume_unwind(payload),
        },
        Err(_) => panic!("the check {name:?}{which} hangs: not over after {LIMIT:?}"),
    }
}

struct OnDrop(evlet_hub::GreenThread<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        drop(self.0.kill()); // takes effect without being awaited
    }
}

fn said(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
}

/// A byte each way: whatever a stream does before its first byte (a handshake) is done then.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(near: &mut S, far: &mut S) {
    async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<u8> {
        stream.write_all(b"!").await?;
        stream.flush().await?;
        let mut heard = [0];
        stream.read_exact(&mut heard).await?;
        Ok(heard[0])
    }
    let (one, other) = futures::future::join(say(near), say(far)).await;
    let heard = (one.expect("the first byte"), other.expect("the first byte"));
    assert_eq!(heard, (b'!', b'!'), "the first byte was another");
}

/// Bytes of which no two stretches are alike: one that is lost, doubled or moved shows.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Whether an error says that the other end is gone.
pub(super) fn is_an_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

impl<M> fmt::Debug for StreamConformance<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamConformance")
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
