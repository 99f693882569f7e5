//! What a handler's end means to `serve`.

use std::error::Error;
use std::{fmt, io};

/// Ends [`serve`](crate::serve) when a handler returns it as its error: `serve` gives `Ok(())`, the
/// other handlers go on. It may be wrapped in another error whose `source` it is, or in an
/// [`io::Error`].
///
/// ```
/// use evlet_net::{StopServe, connect, listen, serve};
/// evlet_hub::run(async {
///     let listener = listen("127.0.0.1:0")?;
///     let client = connect(listener.local_addr()?).await?;
///     client.send_all(b"quit\n").await?;
///     serve(listener, |stream, _peer| async move {
///         let mut line = String::new();
///         stream.makefile().read_line(&mut line).await?;
///         match line.as_str() {
///             "quit\n" => Err(StopServe.into()),
///             _ => Ok::<(), std::io::Error>(()),
///         }
///     })
///     .await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopServe;

impl fmt::Display for StopServe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a handler asked serve to stop")
    }
}

impl Error for StopServe {}

impl From<StopServe> for io::Error {
    fn from(stop: StopServe) -> Self {
        io::Error::other(stop)
    }
}

/// What a handler may return: nothing, or a `Result` with any error (`Box<dyn Error>` with or
/// without `Send + Sync`, [`io::Error`], text, whatever turns into a box). A value is ignored, as in
/// eventlet.
///
/// `Kind` tells the three apart for the compiler, which finds it by itself.
pub trait IntoServed<Kind> {
    /// What it means to [`serve`](crate::serve).
    fn into_served(self) -> Served;
}

/// Marks a handler that returns nothing.
#[derive(Debug, Clone, Copy)]
pub enum Nothing {}

/// Marks a handler that returns a `Result`.
#[derive(Debug, Clone, Copy)]
pub enum Fallible {}

/// Marks a handler that returns a `Result` with a boxed error that is `Send + Sync`. The standard
/// library does not turn that box into the other one.
#[derive(Debug, Clone, Copy)]
pub enum FallibleSend {}

/// How a handler ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Served {
    /// As it should.
    Done,
    /// It asks [`serve`](crate::serve) to stop accepting.
    Stop,
    /// With an error. That ends its connection and nothing else.
    Failed(Box<dyn Error>),
}

impl IntoServed<Nothing> for () {
    fn into_served(self) -> Served {
        Served::Done
    }
}

impl<T, E: Into<Box<dyn Error>>> IntoServed<Fallible> for Result<T, E> {
    fn into_served(self) -> Served {
        match self {
            Ok(_) => Served::Done,
            Err(error) => sort(error.into()),
        }
    }
}

impl<T> IntoServed<FallibleSend> for Result<T, Box<dyn Error + Send + Sync>> {
    fn into_served(self) -> Served {
        match self {
            Ok(_) => Served::Done,
            Err(error) => sort(error),
        }
    }
}

fn sort(error: Box<dyn Error>) -> Served {
    match any_cause(&*error, &|cause| cause.is::<StopServe>()) {
        true => Served::Stop,
        false => Served::Failed(error),
    }
}

/// Whether the peer simply went away: no news to anybody.
pub(crate) fn peer_went_away(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    any_cause(error, &|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(ConnectionReset | BrokenPipe | ConnectionAborted))
    })
}

/// Whether `test` holds for `error` or anything that caused it. What an `io::Error` carries is not
/// its source but itself, so that is looked at too.
fn any_cause(error: &(dyn Error + 'static), test: &dyn Fn(&(dyn Error + 'static)) -> bool) -> bool {
    const DEEP: usize = 32; // a chain of causes may be a ring
    let mut next = Some(error);
    for _ in 0..DEEP {
        let Some(cause) = next else { return false };
        if test(cause) {
            return true;
        }
        let inside = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    false
}
