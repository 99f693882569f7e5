//! The order in which addresses are tried.

use std::net::SocketAddr;

/// One of each family in turn, the family of the first one first; within a family the order stays
/// (RFC 8305, section 4). When one family does not work at all, only one attempt in two is lost.
pub(super) fn interleave(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addrs.first().copied() else {
        return addrs;
    };
    let same = |addr: &&SocketAddr| addr.is_ipv4() == first.is_ipv4();
    let mut here = addrs.iter().filter(same);
    let mut there = addrs.iter().filter(|addr| !same(addr));
    let mut order = Vec::with_capacity(addrs.len());
    loop {
        let (one, other) = (here.next(), there.next());
        if one.is_none() && other.is_none() {
            return order;
        }
        order.extend(one);
        order.extend(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addrs: &[&str]) -> Vec<String> {
        let addrs = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
        interleave(addrs)
            .iter()
            .map(|addr| addr.to_string())
            .collect()
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        assert!(order(&[]).is_empty());
        let v6_first = order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(
            v6_first,
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
        let v4_first = order(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(v4_first, ["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(
            order(&["2.2.2.2:1", "1.1.1.1:1"]),
            ["2.2.2.2:1", "1.1.1.1:1"]
        );
    }
}
