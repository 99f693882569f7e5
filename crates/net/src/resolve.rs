//! From names to addresses, off the hub's thread.
//!
//! The answers are the system's own: its hosts file, its search domains, whatever its resolver is
//! set up to ask. That resolver (`getaddrinfo`) blocks, so it runs on green's pool of OS threads
//! and the hub goes on. Numeric addresses never get there.
//!
//! At most [`LOOK_UPS_AT_ONCE`] run at a time on one hub; more wait in line. That keeps a dead name
//! server from filling the pool with threads that all wait for it. A look-up whose caller went away
//! cannot be called back: it goes on unobserved and keeps its place in the count until the system
//! answers; one that is still in line leaves it.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evlet_green::{GreenPool, tpool};
use evlet_hub::timeout;
use evlet_hub::wait::{self, WaitKind, WaitsOn};
use futures::future::LocalBoxFuture;

use crate::addr::{Addr, Target, ToAddr, check_name};
use crate::addr_error::{AddrError, AddrProblem, Quoted};
use crate::dns::{self, Resolver};

/// How many look-ups of one hub are under way at once; more wait in line.
pub const LOOK_UPS_AT_ONCE: usize = 4;

/// How long the system's resolver has for an answer, the wait for a place included. It usually gives
/// up by itself long before (`options timeout attempts` in resolv.conf).
pub const LOOK_UP_LIMIT: Duration = Duration::from_secs(60);

thread_local! {
    /// A place for each look-up under way.
    static LOOK_UPS: GreenPool = GreenPool::new(LOOK_UPS_AT_ONCE);
}

/// The addresses of `host`, in the order in which the system prefers them.
///
/// A numeric address is its own answer, at once. A name is looked up by the system's resolver on
/// another OS thread, unless [`dns::use_resolver`] has chosen another one.
///
/// # Errors
/// [`ResolveError`] inside an [`io::Error`], which names the host: of the kind `NotFound` when the
/// system's resolver gave no address, `TimedOut` after [`LOOK_UP_LIMIT`]. [`AddrError`] (`InvalidInput`) when `host` cannot be a name.
///
/// # Cancel safety
/// Dropping the future abandons the look-up: its result is dropped when it comes (class D).
///
/// ```
/// use std::net::Ipv4Addr;
/// let hub = evlet_hub::Hub::new()?;
/// let addrs = hub.run(evlet_net::resolve("127.0.0.1"))?;
/// assert_eq!(addrs, [Ipv4Addr::LOCALHOST]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn resolve(host: &str) -> Resolve {
    Resolve::by(None, host, Location::caller())
}

/// The socket addresses that `addr` stands for. What is numeric is its own answer.
///
/// # Errors
/// As for [`resolve`]; an address that cannot be read gives its [`AddrError`].
///
/// # Cancel safety
/// As for [`resolve`].
///
/// ```
/// let hub = evlet_hub::Hub::new()?;
/// let addrs = hub.run(evlet_net::resolve_addr("[::1]:80"))?;
/// assert_eq!(addrs[0].port(), 80);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn resolve_addr(addr: impl ToAddr) -> ResolveAddr {
    ResolveAddr::by(None, addr.to_addr(), Location::caller())
}

/// Future of [`resolve`].
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct Resolve(ResolveAddr);

impl Resolve {
    /// By that resolver; `None`: by the one of this thread.
    pub(crate) fn by(
        resolver: Option<&Resolver>,
        host: &str,
        at: &'static Location<'static>,
    ) -> Self {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let state = if let Ok(ip) = bare.parse::<IpAddr>() {
            State::Known(Ok(vec![SocketAddr::new(ip, 0)]))
        } else if host.is_empty() {
            State::Known(Err(AddrError::new(host, AddrProblem::NoHost).into()))
        } else {
            match check_name(host) {
                Ok(()) => State::LookingUp(look_up(resolver, host.to_owned(), 0)),
                Err(problem) => State::Known(Err(AddrError::new(host, problem).into())),
            }
        };
        Resolve(ResolveAddr { state, at })
    }
}

impl Future for Resolve {
    type Output = io::Result<Vec<IpAddr>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.0).poll(cx);
        polled.map_ok(|addrs| addrs.iter().map(SocketAddr::ip).collect())
    }
}

/// Future of [`resolve_addr`].
#[must_use = "nothing is looked up until this is awaited"]
pub struct ResolveAddr {
    state: State,
    at: &'static Location<'static>,
}

enum State {
    Known(io::Result<Vec<SocketAddr>>),
    LookingUp(LocalBoxFuture<'static, io::Result<Vec<SocketAddr>>>),
    Done,
}

impl ResolveAddr {
    pub(crate) fn new(addr: Addr, at: &'static Location<'static>) -> Self {
        ResolveAddr::by(None, Ok(addr), at)
    }

    /// By that resolver; `None`: by the one of this thread.
    pub(crate) fn by(
        resolver: Option<&Resolver>,
        addr: Result<Addr, AddrError>,
        at: &'static Location<'static>,
    ) -> Self {
        let addr = match addr {
            Ok(addr) => addr,
            Err(error) => {
                let state = State::Known(Err(error.into()));
                return ResolveAddr { state, at };
            }
        };
        let given = addr.to_string();
        let state = match addr.target() {
            Target::One(addr) => State::Known(Ok(vec![addr])),
            Target::Many(addrs) => State::Known(Ok(addrs)),
            Target::Name { host, port } => State::LookingUp(look_up(resolver, host, port)),
            Target::Any { .. } => {
                State::Known(Err(AddrError::new(&given, AddrProblem::NoHost).into()))
            }
        };
        ResolveAddr { state, at }
    }
}

impl Future for ResolveAddr {
    type Output = io::Result<Vec<SocketAddr>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Known(addrs) => Poll::Ready(addrs),
            State::LookingUp(mut answer) => {
                wait::check_running("resolve")?;
                let polled = answer.as_mut().poll(cx);
                if polled.is_pending() {
                    self.state = State::LookingUp(answer);
                    // Everything below waits at a line of this file; the caller's tells more.
                    wait::park(WaitsOn::new(WaitKind::Blocking, 0), self.at);
                }
                polled
            }
            State::Done => Poll::Ready(Err(io::Error::other(
                "this look-up has given its answer: make a new one",
            ))),
        }
    }
}

impl fmt::Debug for ResolveAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Known(_) => "known",
            State::LookingUp(_) => "looking up",
            State::Done => "done",
        };
        f.debug_struct("ResolveAddr")
            .field("state", &state)
            .finish()
    }
}

/// By the resolver that the caller, or this thread, has chosen; otherwise by the system's.
fn look_up(
    resolver: Option<&Resolver>,
    host: String,
    port: u16,
) -> LocalBoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    match resolver.cloned().or_else(dns::used) {
        Some(resolver) => Box::pin(resolver.look_up(host, port)),
        None => Box::pin(by_the_system(host, port)),
    }
}

/// Waits for a place, then for the answer. The look-up itself runs in a green thread of its own, so
/// that one that was abandoned still counts.
async fn by_the_system(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let pool = LOOK_UPS.with(GreenPool::clone);
    let asked = host.clone();
    let asking = pool.spawn(tpool::execute(move || ask_the_system(&asked, port)));
    let answer = match timeout(LOOK_UP_LIMIT, async { asking.await.await }).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(exit)) => Err(io::Error::other(exit.to_string())),
        Err(_) => {
            let text = format!("no answer within {LOOK_UP_LIMIT:?}");
            let error = io::Error::new(io::ErrorKind::TimedOut, text);
            let told = ResolveError { host, error };
            return Err(io::Error::new(io::ErrorKind::TimedOut, told));
        }
    };
    answer.map_err(|error| {
        // The resolver's own errors are no error numbers of the kernel.
        let kind = match error.raw_os_error() {
            Some(_) => error.kind(),
            None => io::ErrorKind::NotFound,
        };
        io::Error::new(kind, ResolveError { host, error })
    })
}

/// Blocks: runs on another OS thread.
fn ask_the_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addrs: Vec<SocketAddr> = Vec::new();
    for addr in (host, port).to_socket_addrs()? {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    match addrs.is_empty() {
        true => Err(io::Error::other("the name exists but has no address")),
        false => Ok(addrs),
    }
}

/// A name that could not be turned into an address.
///
/// It comes inside an [`io::Error`]: `error.get_ref()` and a downcast give it back.
#[derive(Debug)]
pub struct ResolveError {
    host: String,
    error: io::Error,
}

impl ResolveError {
    pub(crate) fn new(host: String, error: io::Error) -> Self {
        ResolveError { host, error }
    }

    /// The name.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot resolve {}: {}; check the spelling, and that this machine's resolver \
             (hosts file, name server) knows it",
            Quoted(&self.host),
            self.error
        )
    }
}

impl Error for ResolveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.error.get_ref() {
            Some(inside) => Some(inside),
            None => Some(&self.error),
        }
    }
}
