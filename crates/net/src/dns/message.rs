//! What goes over the wire: a question, and what an answer to it is worth.
//!
//! The library reads the records. What it is given has been checked before: that it answers our
//! question, and that its counts can be true, since memory is set aside by them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    V4,
    V6,
}

/// A name may be an alias of an alias, so many times.
const ALIASES: usize = 30;

/// No host needs more; a server may say more.
const ADDRESSES: usize = 256;

const HEADER: usize = 12;

/// A question, ready to be sent.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) bytes: Vec<u8>,
    name: String,
    family: Family,
}

/// What a server has said about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// Its addresses, and how long that is true.
    Addresses(Vec<IpAddr>, Duration),
    /// It exists and has none of this family.
    NoAddress(Duration),
    NoSuchName(Duration),
    /// There is more, to be had over TCP.
    Truncated,
    /// The server could not or would not say.
    Refused(&'static str),
}

/// What is wrong with what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// It answers something else: it may be late, or somebody else's.
    NotOurs,
    /// It answers our question, and cannot be read.
    Damaged,
}

impl Query {
    /// `name` is absolute, without its last dot, in lower case. `None`: it cannot be asked for.
    pub(super) fn new(id: u16, name: &str, family: Family) -> Option<Query> {
        let kind = match family {
            Family::V4 => TYPE::A,
            Family::V6 => TYPE::AAAA,
        };
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(Question::new(
            Name::new(name).ok()?,
            QTYPE::TYPE(kind),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        Some(Query {
            bytes: packet.build_bytes_vec().ok()?,
            name: name.to_owned(),
            family,
        })
    }

    /// Reads what came for an answer to this.
    pub(super) fn read(&self, reply: &[u8]) -> Result<Reply, Bad> {
        let Some((head, rest)) = reply.split_at_checked(HEADER) else {
            return Err(Bad::NotOurs);
        };
        let (our_head, question) = self.bytes.split_at(HEADER);
        let is_reply = head[2] & 0x80 != 0;
        let echoed = rest.get(..question.len());
        let same = echoed.is_some_and(|echoed| echoed.eq_ignore_ascii_case(question));
        if head[..2] != our_head[..2] || !is_reply || head[4..6] != [0, 1] || !same {
            return Err(Bad::NotOurs);
        }
        if head[2] & 0x02 != 0 {
            return Ok(Reply::Truncated); // the rest may be cut in the middle of a record
        }
        let records: usize = [6, 8, 10]
            .iter()
            .map(|at| usize::from(u16::from_be_bytes([head[*at], head[*at + 1]])))
            .sum();
        const SHORTEST: usize = 11; // the root's name, type, class, time, no data
        if records * SHORTEST > rest.len() - question.len() {
            return Err(Bad::Damaged);
        }
        let packet = Packet::parse(reply).map_err(|_| Bad::Damaged)?;
        match packet.rcode() {
            RCODE::NoError => self.addresses(&packet),
            RCODE::NameError => Ok(Reply::NoSuchName(negative(&packet))),
            RCODE::ServerFailure => Ok(Reply::Refused("it failed (SERVFAIL)")),
            RCODE::Refused => Ok(Reply::Refused("it refuses to answer us (REFUSED)")),
            RCODE::FormatError => Ok(Reply::Refused(
                "it does not understand the question (FORMERR)",
            )),
            RCODE::NotImplemented => Ok(Reply::Refused("it cannot answer this (NOTIMP)")),
            _ => Ok(Reply::Refused("it answers with an error")),
        }
    }

    /// The addresses of the name, or of the one it is an alias of.
    fn addresses(&self, packet: &Packet<'_>) -> Result<Reply, Bad> {
        let records: Vec<(String, &RData<'_>, u32)> = packet
            .answers
            .iter()
            .filter(|record| record.class == CLASS::IN)
            .map(|record| (text(&record.name), &record.rdata, plain(record.ttl)))
            .collect();
        let mut owner = self.name.clone();
        let mut lasts = u32::MAX;
        for _ in 0..=ALIASES {
            let mut addrs = Vec::new();
            let mut alias = None;
            for (name, data, ttl) in &records {
                if *name != owner {
                    continue;
                }
                let addr = match (data, self.family) {
                    (RData::A(a), Family::V4) => IpAddr::V4(Ipv4Addr::from_bits(a.address)),
                    (RData::AAAA(a), Family::V6) => IpAddr::V6(Ipv6Addr::from_bits(a.address)),
                    (RData::CNAME(target), _) => {
                        alias.get_or_insert((text(&target.0), *ttl));
                        continue;
                    }
                    _ => continue,
                };
                lasts = lasts.min(*ttl);
                if addrs.len() < ADDRESSES && !addrs.contains(&addr) {
                    addrs.push(addr);
                }
            }
            if !addrs.is_empty() {
                return Ok(Reply::Addresses(addrs, seconds(lasts)));
            }
            let Some((target, ttl)) = alias else {
                return Ok(Reply::NoAddress(negative(packet).min(seconds(lasts))));
            };
            (owner, lasts) = (target, lasts.min(ttl));
        }
        Err(Bad::Damaged) // aliases in a ring, or as good as
    }
}

/// How long it is true that something does not exist: what the zone says in its SOA record.
fn negative(packet: &Packet<'_>) -> Duration {
    let says = packet.name_servers.iter().find_map(|record| {
        let RData::SOA(soa) = &record.rdata else {
            return None;
        };
        Some(seconds(plain(record.ttl).min(plain(soa.minimum))))
    });
    says.unwrap_or_default()
}

/// A time as its owner means it: with the highest bit set it counts as zero (RFC 2181).
fn plain(ttl: u32) -> u32 {
    match i32::try_from(ttl) {
        Ok(_) => ttl,
        Err(_) => 0,
    }
}

fn seconds(ttl: u32) -> Duration {
    match ttl {
        u32::MAX => Duration::MAX, // ours: nothing has set a limit
        ttl => Duration::from_secs(ttl.into()),
    }
}

fn text(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}
