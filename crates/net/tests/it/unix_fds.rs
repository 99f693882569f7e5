//! Descriptors on their way over a Unix stream.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;

use evlet_hub::timeout;
use evlet_net::{FDS_AT_ONCE, UnixStream};

use crate::loopback::{MS, run, text};
use crate::unix::Dir;

/// All of them, for the count of descriptors in `faults.rs`.
pub(crate) const ALL: &[fn()] = &[
    descriptors_travel_with_bytes,
    what_cannot_travel_is_refused,
    a_receiver_that_gives_up_loses_no_descriptor,
];

/// Whether nobody holds the write end of this pipe any more.
fn all_closed(mut read_end: std::io::PipeReader) -> bool {
    std::io::Read::read(&mut read_end, &mut [0; 1]).unwrap() == 0
}

#[test]
fn descriptors_travel_with_bytes() {
    run(async {
        let dir = Dir::new();
        let file = dir.path("secret");
        fs::write(&file, "of the other process").unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        {
            let opened = fs::File::open(&file).unwrap();
            let null = fs::File::open("/dev/null").unwrap();
            let fds = [opened.as_fd(), null.as_fd()];
            assert_eq!(one.send_fds(b"two", &fds).await.unwrap(), 3);
            one.send_all(b" and more").await.unwrap();
        }
        let mut buf = [0; 100];
        let (n, fds) = other.recv_fds(&mut buf).await.unwrap();
        assert_eq!(&buf[..3], b"two");
        assert_eq!(fds.len(), 2);
        for fd in &fds {
            let flags = rustix::io::fcntl_getfd(fd).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
        let mut rest = buf[3..n].to_vec();
        while rest.len() < 9 {
            let (n, none) = other.recv_fds(&mut buf).await.unwrap();
            assert!(none.is_empty());
            rest.extend_from_slice(&buf[..n]);
        }
        assert_eq!(rest, b" and more");
        let mut fds = fds.into_iter();
        let text = std::io::read_to_string(fs::File::from(fds.next().unwrap())).unwrap();
        assert_eq!(text, "of the other process");
        drop(fds);
        // A plain receive closes what comes along.
        let (read_end, write_end) = std::io::pipe().unwrap();
        one.send_fds(b"x", &[write_end.as_fd()]).await.unwrap();
        drop(write_end);
        assert_eq!(other.recv(&mut buf).await.unwrap(), 1);
        assert!(all_closed(read_end));
    });
}

#[test]
fn what_cannot_travel_is_refused() {
    run(async {
        let (one, other) = UnixStream::pair().unwrap();
        let null = fs::File::open("/dev/null").unwrap();
        let error = one.send_fds(b"", &[null.as_fd()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let many = vec![null.as_fd(); FDS_AT_ONCE + 1];
        let error = one.send_fds(b"x", &many).await.unwrap_err();
        assert!(text(&error).contains("65"), "{error}");
        let error = other.recv_fds(&mut []).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        one.send_fds(b"x", &many[..FDS_AT_ONCE]).await.unwrap();
        let (_, fds) = other.recv_fds(&mut [0; 9]).await.unwrap();
        assert_eq!(fds.len(), FDS_AT_ONCE);
        // A peer that sends more than we take: an error, and nothing is kept.
        let (read_end, write_end) = std::io::pipe().unwrap();
        let more = vec![write_end.as_fd(); FDS_AT_ONCE + 10];
        let mut space = vec![std::mem::MaybeUninit::uninit(); 4096];
        let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
        assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(&more)));
        let data = [std::io::IoSlice::new(b"x")];
        let none = rustix::net::SendFlags::empty();
        rustix::net::sendmsg(&one, &data, &mut control, none).unwrap();
        let error = other.recv_fds(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        drop(write_end);
        assert!(all_closed(read_end));
    });
}

#[test]
fn a_receiver_that_gives_up_loses_no_descriptor() {
    run(async {
        let (one, other) = UnixStream::pair().unwrap();
        assert!(timeout(MS, other.recv_fds(&mut [0; 9])).await.is_err());
        other.set_timeout(MS);
        let error = other.recv_fds(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        one.send_fds(b"x", &[one.as_fd()]).await.unwrap();
        assert_eq!(other.recv_fds(&mut [0; 9]).await.unwrap().1.len(), 1);
    });
}
