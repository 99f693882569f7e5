//! The look-up itself.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use evlet_green::Semaphore;
use evlet_hub::timeout;
use futures::future::{Either, select};

use super::cache::Cache;
use super::conf::Conf;
use super::exchange::{ask, new_id, turn};
use super::hosts::Hosts;
use super::message::{Family, Query, Reply};
use super::options::ResolverOptions;
use super::problem::DnsProblem;
use super::watched::Watched;
use crate::addr::ToAddr;
use crate::resolve::{Resolve, ResolveAddr, ResolveError};

/// When one family has answered, the other has so much longer (RFC 8305 has the same idea).
const GRACE: Duration = Duration::from_millis(250);

/// So many tries are told in an error; the first ones, since later ones repeat them.
const TOLD: usize = 8;

/// Looks names up at the name servers, as the [module](super) tells. Cheap to clone; clones share
/// the cache and the bound.
#[derive(Clone)]
pub struct Resolver(Rc<Inner>);

struct Inner {
    options: ResolverOptions,
    hosts: Watched<Hosts>,
    conf: Watched<Conf>,
    cache: RefCell<Cache>,
    places: Semaphore,
    /// Counts look-ups, for servers taken in turn.
    turn: Cell<usize>,
}

impl Resolver {
    /// A resolver that is set up as the system is. [`ResolverOptions`] has other settings.
    pub fn new() -> Resolver {
        ResolverOptions::new().build()
    }

    pub(super) fn with(options: ResolverOptions) -> Resolver {
        Resolver(Rc::new(Inner {
            hosts: Watched::new(options.hosts.clone(), Hosts::parse),
            conf: Watched::new(options.conf.clone(), Conf::parse),
            cache: RefCell::new(Cache::new(options.cache)),
            places: Semaphore::new(options.at_once),
            turn: Cell::new(0),
            options,
        }))
    }

    /// The addresses of `host`.
    ///
    /// # Errors
    /// [`ResolveError`] inside an [`io::Error`], with a [`DnsProblem`] as its source.
    ///
    /// # Cancel safety
    /// Dropping the future ends the look-up and closes its sockets.
    #[track_caller]
    pub fn resolve(&self, host: &str) -> Resolve {
        Resolve::by(Some(self), host, Location::caller())
    }

    /// The socket addresses that `addr` stands for.
    ///
    /// # Errors
    /// As for [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    /// As for [`resolve`](Self::resolve).
    #[track_caller]
    pub fn resolve_addr(&self, addr: impl ToAddr) -> ResolveAddr {
        ResolveAddr::by(Some(self), addr.to_addr(), Location::caller())
    }

    /// How many answers are kept.
    pub fn cached(&self) -> usize {
        self.0.cache.borrow().len()
    }

    /// Forgets all answers.
    pub fn clear(&self) {
        self.0.cache.borrow_mut().clear();
    }

    /// `host` is a name and not an address.
    pub(crate) async fn look_up(self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self.addresses(&host).await {
            Ok(addrs) => Ok(addrs
                .into_iter()
                .map(|ip| SocketAddr::new(ip, port))
                .collect()),
            Err(problem) => {
                let kind = problem.kind();
                let error = io::Error::new(kind, problem);
                Err(io::Error::new(kind, ResolveError::new(host, error)))
            }
        }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsProblem> {
        let inner = &*self.0;
        let lower = host.to_ascii_lowercase();
        let name = lower.strip_suffix('.').unwrap_or(&lower);
        if let Some(addrs) = inner.hosts.get().get(name) {
            return Ok(addrs.to_vec());
        }
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        }
        let conf = inner.options.over((*inner.conf.get()).clone());
        let limit = inner.options.limit;
        let searching = timeout(limit, async {
            let _place = inner.places.acquire().await;
            inner.search(&conf, name, lower.ends_with('.')).await
        });
        searching.await.unwrap_or(Err(DnsProblem::TimedOut(limit)))
    }
}

impl Inner {
    /// One full name after the other, until one has addresses.
    async fn search(
        &self,
        conf: &Conf,
        name: &str,
        absolute: bool,
    ) -> Result<Vec<IpAddr>, DnsProblem> {
        let mut worst = DnsProblem::NoSuchName;
        for candidate in candidates(conf, name, absolute) {
            match self.both(conf, &candidate).await {
                Ok(addrs) => return Ok(addrs),
                // A server that failed says more than a name that is not there.
                Err(problem @ DnsProblem::NoServer(_)) => worst = problem,
                Err(DnsProblem::NoAddress) if worst == DnsProblem::NoSuchName => {
                    worst = DnsProblem::NoAddress;
                }
                Err(_) => {}
            }
        }
        Err(worst)
    }

    /// Both families at once.
    async fn both(&self, conf: &Conf, name: &str) -> Result<Vec<IpAddr>, DnsProblem> {
        let v6 = pin!(self.one(conf, name, Family::V6));
        let v4 = pin!(self.one(conf, name, Family::V4));
        let (v6, v4) = match select(v6, v4).await {
            Either::Left((v6, v4)) => {
                let v4 = within(v6.is_ok(), v4).await;
                (v6, v4)
            }
            Either::Right((v4, v6)) => (within(v4.is_ok(), v6).await, v4),
        };
        match (v6, v4) {
            (Ok(mut v6), Ok(v4)) => {
                v6.extend(v4);
                Ok(v6)
            }
            (Ok(addrs), Err(_)) | (Err(_), Ok(addrs)) => Ok(addrs),
            (Err(problem @ DnsProblem::NoServer(_)), Err(_)) => Err(problem),
            (Err(_), Err(problem)) => Err(problem),
        }
    }

    /// One family: what is known, or what the first server says that says anything.
    async fn one(
        &self,
        conf: &Conf,
        name: &str,
        family: Family,
    ) -> Result<Vec<IpAddr>, DnsProblem> {
        let known = self.cache.borrow().get(name, family);
        if let Some(known) = known {
            return meant(known);
        }
        let first = match conf.rotate {
            true => self.turn.replace(self.turn.get().wrapping_add(1)),
            false => 0,
        };
        let mut tries = Vec::new();
        for _ in 0..conf.attempts {
            for n in 0..conf.servers.len() {
                let server = conf.servers[first.wrapping_add(n) % conf.servers.len()];
                let Some(query) = Query::new(new_id(), name, family) else {
                    return Err(DnsProblem::NoSuchName); // too long with its suffix
                };
                turn().await;
                let what = match timeout(conf.timeout, ask(server, &query)).await {
                    Ok(Ok(Reply::Refused(why))) => why.to_owned(),
                    Ok(Ok(reply)) => {
                        self.cache.borrow_mut().put(name, family, &reply);
                        return meant(reply);
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("no answer within {:?}", conf.timeout),
                };
                if tries.len() < TOLD {
                    tries.push((server, what));
                }
            }
        }
        Err(DnsProblem::NoServer(tries))
    }
}

/// The second family; it has not long when the first one has addresses.
async fn within<F>(short: bool, other: F) -> Result<Vec<IpAddr>, DnsProblem>
where
    F: Future<Output = Result<Vec<IpAddr>, DnsProblem>>,
{
    match short {
        true => timeout(GRACE, other)
            .await
            .unwrap_or(Err(DnsProblem::TimedOut(GRACE))),
        false => other.await,
    }
}

fn meant(reply: Reply) -> Result<Vec<IpAddr>, DnsProblem> {
    match reply {
        Reply::Addresses(addrs, _) => Ok(addrs),
        Reply::NoAddress(_) => Err(DnsProblem::NoAddress),
        // The other two are no answers and have been dealt with.
        Reply::NoSuchName(_) | Reply::Truncated | Reply::Refused(_) => Err(DnsProblem::NoSuchName),
    }
}

/// The full names that `name` may stand for, in order.
fn candidates(conf: &Conf, name: &str, absolute: bool) -> Vec<String> {
    let mut names = Vec::new();
    let dots = name.bytes().filter(|byte| *byte == b'.').count();
    let itself_first = absolute || dots >= conf.ndots;
    if itself_first {
        names.push(name.to_owned());
    }
    if !absolute {
        names.extend(conf.search.iter().map(|suffix| format!("{name}.{suffix}")));
    }
    if !itself_first {
        names.push(name.to_owned());
    }
    names
}

thread_local! {
    static USED: RefCell<Option<Resolver>> = const { RefCell::new(None) };
}

/// Makes every look-up of this thread ask `resolver`: [`resolve`](crate::resolve()),
/// [`connect`](crate::connect()) and whatever else takes a name. `None`: the system's again. Returns
/// the one before.
///
/// ```
/// use evlet_net::dns::{Resolver, use_resolver};
/// let before = use_resolver(Some(Resolver::new()));
/// assert!(before.is_none());
/// use_resolver(None);
/// ```
pub fn use_resolver(resolver: Option<Resolver>) -> Option<Resolver> {
    USED.with(|used| used.replace(resolver))
}

/// The one that [`use_resolver`] has set.
pub(crate) fn used() -> Option<Resolver> {
    USED.try_with(|used| used.borrow().clone()).ok().flatten()
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver::new()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("options", &self.0.options)
            .field("cached", &self.cached())
            .finish_non_exhaustive()
    }
}
