//! What resolv.conf says, within bounds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use resolv_conf::{Config, ScopedIp};

use crate::addr::check_name;

const PORT: u16 = 53;

/// Bounds of what the file may ask for: the system's are the same or smaller.
const SERVERS: usize = 16;
const SEARCH: usize = 32;
const NDOTS: u32 = 15;
const ATTEMPTS: u32 = 5;
const TIMEOUT: u32 = 30;

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub(super) struct Conf {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    pub(super) ndots: usize,
    /// For each question to each server.
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    /// Begin with another server each time.
    pub(super) rotate: bool,
}

impl Conf {
    /// What cannot be understood is passed over: a resolver that knows most of its file is better
    /// than none. Without any server it is the one on this machine, as for the system.
    pub(super) fn parse(file: &[u8]) -> Conf {
        let (conf, _errors) = Config::parse_with_errors(file);
        let servers = conf.nameservers.iter().filter_map(|server| match server {
            ScopedIp::V4(addr) => Some(SocketAddr::from((*addr, PORT))),
            ScopedIp::V6(addr, None) => Some(SocketAddr::from((*addr, PORT))),
            ScopedIp::V6(addr, Some(scope)) => {
                let scope = scope.parse().ok()?; // an interface's number; names are passed over
                let addr = std::net::SocketAddrV6::new(*addr, PORT, 0, scope);
                Some(SocketAddr::V6(addr))
            }
        });
        let mut servers: Vec<SocketAddr> = servers.take(SERVERS).collect();
        if servers.is_empty() {
            servers.push((IpAddr::V4(Ipv4Addr::LOCALHOST), PORT).into());
        }
        let search = conf.get_last_search_or_domain();
        Conf {
            servers,
            search: suffixes(search.map(String::as_str)),
            ndots: conf.ndots.min(NDOTS) as usize,
            timeout: Duration::from_secs(conf.timeout.clamp(1, TIMEOUT).into()),
            attempts: conf.attempts.clamp(1, ATTEMPTS),
            rotate: conf.rotate,
        }
    }
}

/// The suffixes that can be part of a name, in lower case, without dots at their ends.
pub(super) fn suffixes<'a>(search: impl Iterator<Item = &'a str>) -> Vec<String> {
    let bare = search.map(|suffix| suffix.trim_matches('.').to_ascii_lowercase());
    bare.filter(|suffix| check_name(suffix).is_ok())
        .take(SEARCH)
        .collect()
}
