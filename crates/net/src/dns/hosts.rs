//! The hosts file: `address name alias…`, one line each.
//!
//! A name that stands on several lines has all their addresses, in order. Lines that cannot be
//! understood are passed over, as by the system; so are link-local IPv6 addresses, which mean
//! nothing without an interface.

use std::collections::HashMap;
use std::net::IpAddr;

/// No name has more; a file that says so is not one that a person wrote.
const ADDRESSES: usize = 256;

pub(super) struct Hosts(HashMap<String, Vec<IpAddr>>);

impl Hosts {
    pub(super) fn parse(file: &[u8]) -> Hosts {
        let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
        for line in file.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let Ok(line) = std::str::from_utf8(line) else {
                continue;
            };
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(addr)) = words.next().map(str::parse::<IpAddr>) else {
                continue;
            };
            if matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                continue;
            }
            for name in words {
                let name = name.strip_suffix('.').unwrap_or(name);
                let known = hosts.entry(name.to_ascii_lowercase()).or_default();
                if known.len() < ADDRESSES && !known.contains(&addr) {
                    known.push(addr);
                }
            }
        }
        Hosts(hosts)
    }

    /// `name` in lower case, without a last dot.
    pub(super) fn get(&self, name: &str) -> Option<&[IpAddr]> {
        self.0.get(name).map(Vec::as_slice)
    }
}
