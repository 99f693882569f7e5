//! How a resolver is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::conf::{Conf, suffixes};
use super::resolver::Resolver;

/// Settings for a [`Resolver`]. What is not set comes from the system's files, which are read again
/// when they change.
///
/// ```
/// use std::time::Duration;
/// use evlet_net::dns::ResolverOptions;
/// let resolver = ResolverOptions::new()
///     .servers(["192.0.2.53:53".parse().unwrap()])
///     .search(["example.com"])
///     .limit(Duration::from_secs(3))
///     .build();
/// assert_eq!(resolver.cached(), 0);
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is set up before `build`"]
pub struct ResolverOptions {
    pub(super) hosts: Option<PathBuf>,
    pub(super) conf: Option<PathBuf>,
    servers: Option<Vec<SocketAddr>>,
    search: Option<Vec<String>>,
    ndots: Option<usize>,
    timeout: Option<Duration>,
    attempts: Option<u32>,
    pub(super) limit: Duration,
    pub(super) at_once: usize,
    pub(super) cache: usize,
}

impl ResolverOptions {
    /// As the system is set up: `/etc/hosts`, `/etc/resolv.conf`.
    pub fn new() -> ResolverOptions {
        ResolverOptions {
            hosts: Some("/etc/hosts".into()),
            conf: Some("/etc/resolv.conf".into()),
            servers: None,
            search: None,
            ndots: None,
            timeout: None,
            attempts: None,
            limit: Duration::from_secs(10),
            at_once: 64,
            cache: 4096,
        }
    }

    /// Another hosts file; `None` for none at all.
    pub fn hosts_file(mut self, path: Option<impl Into<PathBuf>>) -> Self {
        self.hosts = path.map(Into::into);
        self
    }

    /// Another resolv.conf; `None` for none at all.
    pub fn conf_file(mut self, path: Option<impl Into<PathBuf>>) -> Self {
        self.conf = path.map(Into::into);
        self
    }

    /// Asks these servers, in this order, and not those of resolv.conf.
    pub fn servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.servers = Some(servers.into_iter().collect());
        self
    }

    /// The search list: suffixes to try a name with. Suffixes that cannot be part of a name are left
    /// out.
    pub fn search<S: AsRef<str>>(mut self, list: impl IntoIterator<Item = S>) -> Self {
        let list: Vec<S> = list.into_iter().collect();
        self.search = Some(suffixes(list.iter().map(S::as_ref)));
        self
    }

    /// A name with this many dots is tried as it is before the search list.
    pub fn ndots(mut self, dots: usize) -> Self {
        self.ndots = Some(dots);
        self
    }

    /// How long one server has for one answer: 5 s unless resolv.conf says otherwise.
    pub fn timeout(mut self, each: Duration) -> Self {
        self.timeout = Some(each);
        self
    }

    /// How often each server is asked before the question counts as unanswered: twice unless
    /// resolv.conf says otherwise. Zero counts as one.
    pub fn attempts(mut self, rounds: u32) -> Self {
        self.attempts = Some(rounds.max(1));
        self
    }

    /// How long a look-up may take with everything in it: 10 s unless set.
    pub fn limit(mut self, whole: Duration) -> Self {
        self.limit = whole;
        self
    }

    /// How many names are looked up at once: 64 unless set; more wait in line. Zero counts as one.
    pub fn at_once(mut self, names: usize) -> Self {
        self.at_once = names.max(1);
        self
    }

    /// How many answers are kept: 4096 unless set; a name has two, one for each family. With zero,
    /// each is asked for again.
    pub fn cache(mut self, answers: usize) -> Self {
        self.cache = answers;
        self
    }

    /// A resolver of these settings. It reads nothing before its first look-up.
    #[must_use]
    pub fn build(self) -> Resolver {
        Resolver::with(self)
    }

    /// What is set here goes before what the file says.
    pub(super) fn over(&self, mut conf: Conf) -> Conf {
        if let Some(servers) = &self.servers {
            conf.servers.clone_from(servers);
        }
        if let Some(search) = &self.search {
            conf.search.clone_from(search);
        }
        conf.ndots = self.ndots.unwrap_or(conf.ndots);
        conf.timeout = self.timeout.unwrap_or(conf.timeout);
        conf.attempts = self.attempts.unwrap_or(conf.attempts);
        conf
    }
}

impl Default for ResolverOptions {
    fn default() -> Self {
        ResolverOptions::new()
    }
}
