//! Bad input and faults leave nothing open: descriptors are counted before and after.
//!
//! What each of them shows is in its own test; here they run once more, one after the other, in a process of its own.

use crate::alone::{child, descriptors};
use crate::{
    accept, dns_bad, finish, hostile, resolve, shortage, tls_errors, unix_datagram, unix_fds,
};

#[test]
fn nothing_stays_open_after_any_fault() {
    let (mut child, _stdout) = child("faults::child_has_all_the_faults");
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "started by `nothing_stays_open_after_any_fault` in a process of its own"]
fn child_has_all_the_faults() {
    let all = [
        accept::ALL,
        dns_bad::ALL,
        finish::ALL,
        hostile::ALL,
        resolve::ALL,
        shortage::ALL,
        tls_errors::ALL,
        unix_datagram::ALL,
        unix_fds::ALL,
    ]
    .concat();
    assert!(all.len() > 50);
    let mut left = Vec::new();
    for (number, fault) in all.iter().enumerate() {
        let before = descriptors();
        fault();
        let after = descriptors();
        if after != before {
            left.push((number, before, after));
        }
    }
    assert_eq!(left, [], "(which, before, after)");
}
