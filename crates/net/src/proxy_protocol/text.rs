//! Version 1: one line of text.

use std::net::{IpAddr, SocketAddr};

use super::error::ProxyHeaderError;
use super::header::ProxyHeader;

/// With its end of line; the specification's own bound.
pub(super) const LONGEST: usize = 107;

/// Reads a line without its `\r\n`.
pub(super) fn read(line: &[u8]) -> Result<ProxyHeader, ProxyHeaderError> {
    let bad = ProxyHeaderError::BadText;
    let line = std::str::from_utf8(line).map_err(|_| bad("bytes that are no text"))?;
    let words = line.strip_prefix("PROXY ").ok_or(bad("no PROXY"))?;
    if words == "UNKNOWN" || words.starts_with("UNKNOWN ") {
        return Ok(ProxyHeader::Unknown); // the rest of the line is not for us
    }
    // Exactly one blank between words: `split` gives an empty word for two.
    let words: Vec<&str> = words.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = words[..] else {
        return Err(bad("more or fewer words than it has"));
    };
    let source: IpAddr = source.parse().map_err(|_| bad("no address of a client"))?;
    let destination: IpAddr = destination
        .parse()
        .map_err(|_| bad("no address of a destination"))?;
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => return Err(bad("a family that is neither TCP4, TCP6 nor UNKNOWN")),
    };
    if !fits {
        return Err(bad("addresses of another family than it says"));
    }
    Ok(ProxyHeader::proxied(
        SocketAddr::new(source, port(source_port)?),
        SocketAddr::new(destination, port(destination_port)?),
    ))
}

/// Decimal, without a sign, without zeros in front.
fn port(word: &str) -> Result<u16, ProxyHeaderError> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (word == "0" || !word.starts_with('0'));
    match word.parse() {
        Ok(port) if plain => Ok(port),
        _ => Err(ProxyHeaderError::BadText("a port that is none")),
    }
}

pub(super) fn write(header: &ProxyHeader) -> Option<String> {
    match header {
        ProxyHeader::Unknown => Some("PROXY UNKNOWN\r\n".to_owned()),
        ProxyHeader::Local => None,
        ProxyHeader::Proxied {
            source,
            destination,
        } => {
            let family = match (source, destination) {
                (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
                (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
                _ => return None,
            };
            Some(format!(
                "PROXY {family} {} {} {} {}\r\n",
                source.ip(),
                destination.ip(),
                source.port(),
                destination.port()
            ))
        }
    }
}
