//! A name server on loopback that says what a test wants, over UDP and TCP, right or wrong.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{GreenThread, Io, spawn, spawn_n};
use evlet_net::dns::{Resolver, ResolverOptions};
use evlet_net::{TcpListener, listen};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use simple_dns::rdata::{A, AAAA, CNAME, RData, SOA};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// A question that has come.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) query: Vec<u8>,
    pub(crate) name: String,
    pub(crate) v6: bool,
    pub(crate) tcp: bool,
    pub(crate) from: SocketAddr,
}

/// A record of an answer.
pub(crate) enum Says {
    Addr(&'static str, &'static str),
    Alias(&'static str, &'static str),
}

impl Asked {
    pub(crate) fn id(&self) -> u16 {
        u16::from_be_bytes([self.query[0], self.query[1]])
    }

    fn packet(&self) -> Packet<'_> {
        let mut packet = Packet::parse(&self.query).unwrap().into_reply();
        packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
        packet
    }

    /// An answer of these records, true for `ttl` seconds.
    pub(crate) fn says(&self, ttl: u32, records: &[Says]) -> Vec<u8> {
        let mut packet = self.packet();
        for record in records {
            let (name, data) = match record {
                Says::Addr(name, addr) => (name, address(addr)),
                Says::Alias(name, target) => {
                    (name, RData::CNAME(CNAME(Name::new(target).unwrap())))
                }
            };
            let name = Name::new(name).unwrap();
            packet
                .answers
                .push(ResourceRecord::new(name, CLASS::IN, ttl, data));
        }
        packet.build_bytes_vec_compressed().unwrap()
    }

    /// Addresses of the name that was asked for, of the family that was asked for.
    pub(crate) fn has(&self, ttl: u32, addrs: &[&str]) -> Vec<u8> {
        let mut packet = self.packet();
        for addr in addrs {
            let ip: IpAddr = addr.parse().unwrap();
            if ip.is_ipv6() == self.v6 {
                let name = Name::new(&self.name).unwrap();
                let record = ResourceRecord::new(name, CLASS::IN, ttl, address(addr));
                packet.answers.push(record);
            }
        }
        packet.build_bytes_vec_compressed().unwrap()
    }

    /// There is no such name, and that is true for `ttl` seconds.
    pub(crate) fn has_not(&self, ttl: u32) -> Vec<u8> {
        let mut packet = self.packet();
        *packet.rcode_mut() = RCODE::NameError;
        let soa = SOA {
            mname: Name::new("ns.test").unwrap(),
            rname: Name::new("who.test").unwrap(),
            serial: 1,
            refresh: 1,
            retry: 1,
            expire: 1,
            minimum: ttl,
        };
        let zone = Name::new("test").unwrap();
        let record = ResourceRecord::new(zone, CLASS::IN, 3600, RData::SOA(soa));
        packet.name_servers.push(record);
        packet.build_bytes_vec_compressed().unwrap()
    }

    pub(crate) fn fails(&self, code: RCODE) -> Vec<u8> {
        let mut packet = self.packet();
        *packet.rcode_mut() = code;
        packet.build_bytes_vec_compressed().unwrap()
    }

    /// As much as fits, it says: the rest is to be had over TCP.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        let mut bytes = self.fails(RCODE::NoError);
        bytes[2] |= 0x02;
        bytes
    }
}

fn address(addr: &str) -> RData<'static> {
    match addr.parse().unwrap() {
        IpAddr::V4(v4) => RData::A(A::from(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA::from(v6)),
    }
}

/// The server. Ends when it is dropped.
pub(crate) struct FakeDns {
    pub(crate) addr: SocketAddr,
    pub(crate) asked: Rc<RefCell<Vec<Asked>>>,
    serving: [GreenThread<()>; 2],
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        for server in &self.serving {
            drop(server.kill());
        }
    }
}

impl FakeDns {
    /// Each question gets the datagrams that `answer` makes of it, in order; over TCP the first.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Vec<Vec<u8>> + 'static) -> FakeDns {
        // The same port for both.
        let (listener, socket) = loop {
            let listener = listen("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            if let Ok(socket) = UdpSocket::bind(addr) {
                break (listener, socket);
            }
        };
        let addr = listener.local_addr().unwrap();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let answer: Answer = Rc::new(answer);
        let udp = spawn(over_udp(socket, Rc::clone(&asked), Rc::clone(&answer)));
        let tcp = spawn(over_tcp(listener, Rc::clone(&asked), answer));
        FakeDns {
            addr,
            asked,
            serving: [udp, tcp],
        }
    }

    /// A resolver that knows nothing but this server.
    pub(crate) fn resolver(&self) -> Resolver {
        self.options().build()
    }

    pub(crate) fn options(&self) -> ResolverOptions {
        nothing_known().servers([self.addr])
    }

    /// The names asked for, with `6` or `4` for the family, sorted: both are asked at once.
    pub(crate) fn names(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let family = |asked: &Asked| if asked.v6 { 6 } else { 4 };
        let mut names: Vec<_> = asked
            .iter()
            .map(|asked| format!("{} {}", asked.name, family(asked)))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.borrow().len()
    }
}

/// Without any file of the machine that runs the test.
pub(crate) fn nothing_known() -> ResolverOptions {
    ResolverOptions::new()
        .hosts_file(None::<&str>)
        .conf_file(None::<&str>)
        .timeout(Duration::from_secs(1))
        .attempts(1)
}

type Answer = Rc<dyn Fn(&Asked) -> Vec<Vec<u8>>>;
type Log = Rc<RefCell<Vec<Asked>>>;

fn read(query: &[u8], from: SocketAddr, tcp: bool) -> Asked {
    let packet = Packet::parse(query).unwrap();
    assert_eq!(packet.questions.len(), 1);
    assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
    let question = &packet.questions[0];
    Asked {
        name: question.qname.to_string(),
        v6: question.qtype == QTYPE::TYPE(TYPE::AAAA),
        query: query.to_vec(),
        tcp,
        from,
    }
}

async fn over_udp(socket: UdpSocket, log: Log, answer: Answer) {
    let io = Io::new(socket).unwrap();
    let mut buf = [0; 4096];
    loop {
        let received = io.read_with(|socket| socket.recv_from(&mut buf)).await;
        let Ok((len, from)) = received else { continue };
        let asked = read(&buf[..len], from, false);
        let datagrams = answer(&asked);
        log.borrow_mut().push(asked);
        for datagram in datagrams {
            let _ = io
                .write_with(|socket| socket.send_to(&datagram, from))
                .await;
        }
    }
}

async fn over_tcp(listener: TcpListener, log: Log, answer: Answer) {
    loop {
        let (mut stream, from) = listener.accept().await.unwrap();
        let (log, answer) = (Rc::clone(&log), Rc::clone(&answer));
        spawn_n(async move {
            let mut len = [0; 2];
            if stream.read_exact(&mut len).await.is_err() {
                return;
            }
            let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
            stream.read_exact(&mut query).await.unwrap();
            let asked = read(&query, from, true);
            let reply = answer(&asked).into_iter().next();
            log.borrow_mut().push(asked);
            let Some(reply) = reply else { return };
            let len = u16::try_from(reply.len()).unwrap();
            let _ = stream.write_all(&len.to_be_bytes()).await;
            let _ = stream.write_all(&reply).await;
        });
    }
}
