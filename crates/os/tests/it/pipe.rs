//! Pipes and taken-over descriptors.

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use evlet_hub::{Elapsed, Fault, Hub, run, sleep, spawn, stats, sys::CallKind, timeout};
use evlet_os::pipe::{PipeReader, PipeWriter, pipe};
use futures::io::BufReader;
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, TryStreamExt, poll};
use rustix::fs::{OFlags, fcntl_getfl};

use crate::alone::{alone, open_descriptors};
use crate::signal::PATIENCE;

fn is_blocking(fd: impl AsFd) -> bool {
    !fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
}

#[test]
fn more_than_the_kernel_buffers_arrives_whole_and_then_the_end() {
    run(async {
        let (mut reader, mut writer) = pipe().unwrap();
        let sent: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
        let copy = sent.clone();
        let writing = spawn(async move { writer.write_all(&copy).await });
        let mut got = Vec::new();
        timeout(PATIENCE, reader.read_to_end(&mut got))
            .await
            .unwrap()
            .unwrap();
        writing.await.unwrap().unwrap();
        assert!(got == sent);
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0, "the end stays");
    });
}

// conformance 135
#[test]
fn who_waits_at_a_pipe_does_not_hold_up_the_others() {
    run(async {
        let (mut reader, mut writer) = pipe().unwrap();
        let reading = spawn(async move {
            let mut got = Vec::new();
            reader.read_exact(&mut [0; 1]).await.unwrap();
            reader.read_to_end(&mut got).await.unwrap();
            got.len()
        });
        turns(10).await;
        assert!(!reading.is_finished(), "nothing was written");
        writer.write_all(b"x").await.unwrap();
        writer.close().await.unwrap();
        assert_eq!(timeout(PATIENCE, reading).await.unwrap().unwrap(), 0);

        let (mut reader, mut writer) = pipe().unwrap();
        let writing = spawn(async move { writer.write_all(&[7; 300_000]).await });
        turns(10).await;
        assert!(!writing.is_finished(), "the pipe is full");
        let mut got = Vec::new();
        let read = timeout(PATIENCE, reader.read_to_end(&mut got)).await;
        assert_eq!(read.unwrap().unwrap(), 300_000);
        writing.await.unwrap().unwrap();
    });
}

// conformance 132
#[test]
fn lines_written_byte_by_byte_are_read_whole_and_a_large_message_in_parts() {
    run(async {
        let (reader, mut writer) = pipe().unwrap();
        let writing = spawn(async move {
            for byte in *b"line\nline2\nrest" {
                writer.write_all(&[byte]).await.unwrap();
                sleep(Duration::ZERO).await;
            }
        });
        let lines = BufReader::new(reader).lines().try_collect::<Vec<_>>();
        let lines = timeout(PATIENCE, lines).await.unwrap().unwrap();
        assert_eq!(lines, ["line", "line2", "rest"]);
        writing.await.unwrap();

        let (mut reader, mut writer) = pipe().unwrap();
        let sent: Vec<u8> = (0..65 * 1024_u32).map(|i| (i % 251) as u8).collect();
        let copy = sent.clone();
        let writing = spawn(async move { writer.write_all(&copy).await });
        let (mut got, mut part) = (Vec::new(), [0; 1024]);
        loop {
            let read = timeout(PATIENCE, reader.read(&mut part)).await.unwrap();
            match read.unwrap() {
                0 => break,
                n => got.extend_from_slice(&part[..n]),
            }
        }
        writing.await.unwrap().unwrap();
        assert!(got == sent);
    });
}

/// The others' turns, and a look at the descriptors between them.
async fn turns(number: u32) {
    for _ in 0..number {
        sleep(Duration::ZERO).await;
    }
}

#[test]
fn the_end_of_one_side_is_told_to_the_other() {
    run(async {
        let (reader, mut writer) = pipe().unwrap();
        drop(reader);
        let broken = writer.write(b"x").await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);

        let (mut reader, mut writer) = pipe().unwrap();
        let reading = spawn(async move { reader.read(&mut [0; 8]).await });
        sleep(Duration::ZERO).await;
        writer.close().await.unwrap();
        assert_eq!(
            timeout(PATIENCE, reading).await.unwrap().unwrap().unwrap(),
            0
        );
        writer.close().await.unwrap(); // twice: nothing
        let after = writer.write(b"x").await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::NotConnected);
        assert!(writer.as_fd().is_none());
        assert_eq!(
            writer.into_fd().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
    });
}

// proves the row "read" of D-1
#[test]
fn a_read_that_is_given_up_takes_nothing() {
    run(async {
        let (mut reader, mut writer) = pipe().unwrap();
        let mut buf = [0; 8];
        for polls in 0..3 {
            let mut read = reader.read(&mut buf);
            for _ in 0..polls {
                assert!(poll!(&mut read).is_pending());
            }
            writer.write_all(b"abc").await.unwrap();
            sleep(Duration::ZERO).await;
            let n = reader.read(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"abc");
        }
        let limit = Duration::from_millis(1);
        let given_up: Result<_, Elapsed> = timeout(limit, reader.read(&mut buf)).await;
        assert!(given_up.is_err());
    });
}

#[test]
fn a_write_that_is_given_up_has_written_nothing() {
    run(async {
        let (mut reader, mut writer) = pipe().unwrap();
        let mut filled = 0;
        loop {
            let mut write = writer.write(&[7; 4096]);
            match poll!(&mut write) {
                std::task::Poll::Ready(n) => filled += n.unwrap(),
                std::task::Poll::Pending => break,
            }
        }
        writer.close().await.unwrap();
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), filled);
    });
}

#[test]
fn a_taken_over_descriptor_gets_its_mode_back() {
    run(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let shared = ours.try_clone().unwrap();
        let reader = PipeReader::from_fd(ours).unwrap();
        assert!(!is_blocking(&shared));
        drop(reader);
        assert!(is_blocking(&shared), "after a drop");

        let writer = PipeWriter::from_fd(theirs.try_clone().unwrap()).unwrap();
        assert!(!is_blocking(&theirs));
        let back = writer.into_fd().unwrap();
        assert!(is_blocking(&back), "after it was handed out");

        let other = shared.try_clone().unwrap();
        let panicked = spawn(async move {
            let _reader = PipeReader::from_fd(other).unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.wait().await.is_err());
        assert!(is_blocking(&shared), "after a panic");

        // One that was non-blocking before stays so.
        shared.set_nonblocking(true).unwrap();
        drop(PipeReader::from_fd(shared.try_clone().unwrap()).unwrap());
        assert!(!is_blocking(&shared));
    });
}

// proves C-6
#[test]
fn regular_files_are_refused_by_name() {
    run(async {
        let file = std::fs::File::open("Cargo.toml").unwrap();
        let number = file.as_raw_fd();
        let refused = PipeReader::from_fd(file).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(&format!("descriptor {number} ")), "{text}");
        assert!(text.contains("evlet_os::fs"), "{text}");
    });
}

#[test]
fn outside_of_a_hub_it_is_an_error_and_nothing_leaks() {
    alone(
        "pipe::outside_of_a_hub_it_is_an_error_and_nothing_leaks",
        || {
            let before = open_descriptors();
            assert!(pipe().unwrap_err().to_string().contains("hub"));
            assert_eq!(open_descriptors(), before);
        },
    );
}

// proves C-1: the hub's end of it, and that nothing stays registered
#[test]
fn nothing_leaks() {
    alone("pipe::nothing_leaks", || {
        run(thousands_of_pipes());
    });
}

async fn thousands_of_pipes() {
    let sources = stats().sources;
    let before = open_descriptors();
    for _ in 0..3000 {
        let (mut reader, mut writer) = pipe().unwrap();
        writer.write_all(b"x").await.unwrap();
        reader.read_exact(&mut [0]).await.unwrap();
    }
    assert_eq!(open_descriptors(), before);
    assert_eq!(stats().sources, sources);
}

// proves C-7
#[test]
fn interrupted_and_refused_calls() {
    let eintr = rustix::io::Errno::INTR.raw_os_error();
    let eio = rustix::io::Errno::IO.raw_os_error();
    let left = std::rc::Rc::new(std::cell::Cell::new(5));
    let hub = Hub::builder()
        .faults(move |call| {
            let of_ours = matches!(call.kind, CallKind::Read | CallKind::Write);
            if !of_ours || left.get() == 0 {
                return None;
            }
            left.set(left.get() - 1);
            Some(Fault::Errno(if left.get() == 0 { eio } else { eintr }))
        })
        .build()
        .unwrap();
    hub.run(async {
        let (mut reader, mut writer) = pipe().unwrap();
        let error = writer.write(b"x").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(eio), "after four interruptions");
        writer.write_all(b"x").await.unwrap();
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 1);
    });
}
