//! Closing a descriptor through evlet: everybody who waits on it hears of it at once.
//!
//! What happens when somebody else closes it is in `tests/alone/underneath.rs`: that needs a process
//! of its own.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

use evlet_hub::{Io, now, spawn, stats, timeout, yield_now};
use futures::FutureExt;

use crate::pairs;
use crate::stage::on_each_backend;
use crate::trace::Trace;

fn assert_closed(error: &io::Error) {
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    assert!(error.to_string().contains("closed"), "{error}");
}

// proves C-1; eventlet's D8
#[test]
fn a_close_wakes_reader_and_writer() {
    on_each_backend(async || {
        let (ours, _theirs) = pairs::unix();
        let io = Rc::new(Io::new(ours).unwrap());
        let full = Duration::from_millis(2);
        while timeout(full, io.write_with(|mut s| s.write(&[1; 65_536])))
            .await
            .is_ok()
        {}
        let (reading, writing) = (io.clone(), io.clone());
        let reader = spawn(async move { reading.read_with(|mut s| s.read(&mut [0])).await });
        let writer = spawn(async move { writing.write_with(|mut s| s.write(b"x")).await });
        yield_now().await;
        let start = now();
        io.close();
        for ended in [reader.await.unwrap(), writer.await.unwrap()] {
            let error = ended.unwrap_err();
            assert_closed(&error);
            assert!(
                error.to_string().contains("closed while waiting"),
                "{error}"
            );
        }
        assert!(now() - start < Duration::from_secs(5), "at once");
        assert_eq!(stats().sources, 0);
    });
}

// proves C-1: what comes later fails the same way, at once, and asks the kernel nothing
#[test]
fn every_later_operation_fails_too() {
    on_each_backend(async || {
        let (ours, mut theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        theirs.write_all(b"x").unwrap();
        io.close();
        io.close();
        let mut asked = false;
        let read = io.read_with(|_| {
            asked = true;
            Ok(())
        });
        assert_closed(&read.await.unwrap_err());
        assert_closed(&io.write_with(|_| Ok(())).await.unwrap_err());
        assert_closed(&io.readable().await.unwrap_err());
        assert_closed(&io.writable().await.unwrap_err());
        assert!(!asked);
        io.drained();
        io.filled();
        io.forget_read_waiter();
        io.forget_write_waiter();
        // The descriptor itself closes with `io`.
        assert!(io.get_ref().as_raw_fd() >= 0);
        theirs.write_all(b"y").unwrap();
        drop(io);
        assert!(theirs.write_all(b"z").is_err());
    });
}

// proves C-1, D-4: the one that is woken may drop, close and open while it is told
#[test]
fn a_waiter_may_close_more_when_it_hears() {
    on_each_backend(async || {
        let trace = Trace::new();
        let (first, _first_writer) = pairs::pipe();
        let (second, _second_writer) = pairs::pipe();
        let (first, second) = (Rc::new(first), Rc::new(second));
        let (io, next, told) = (first.clone(), second.clone(), trace.clone());
        let one = spawn(async move {
            assert_closed(&io.readable().await.unwrap_err());
            next.close();
            told.add("one");
        });
        let (io, told) = (second.clone(), trace.clone());
        let two = spawn(async move {
            assert_closed(&io.readable().await.unwrap_err());
            drop(pairs::pipe());
            told.add("two");
        });
        yield_now().await;
        first.close();
        one.await.unwrap();
        two.await.unwrap();
        assert_eq!(trace.text(), "one two");
    });
}

// proves D-4: an operation is user code, and may do with its own source as it likes
#[test]
fn an_operation_may_close_its_own_source() {
    on_each_backend(async || {
        let (reader, _writer) = pairs::pipe();
        let io = Rc::new(reader);
        let own = io.clone();
        let mut asked = 0;
        let read = io.read_with(|mut pipe| {
            asked += 1;
            assert!(stats().sources > 0);
            own.drained();
            own.close();
            pipe.read(&mut [0])
        });
        assert_closed(&read.await.unwrap_err());
        assert_eq!(asked, 1);
    });
}

// proves C-1: also when the bytes that it waited for have come
#[test]
fn a_close_wins_over_bytes_that_were_not_read() {
    on_each_backend(async || {
        let (ours, mut theirs) = pairs::unix();
        let io = Rc::new(Io::new(ours).unwrap());
        let reading = io.clone();
        let reader = spawn(async move { reading.read_with(|mut s| s.read(&mut [0])).await });
        yield_now().await;
        theirs.write_all(b"x").unwrap();
        io.close();
        assert_closed(&reader.await.unwrap().unwrap_err());
    });
}

// proves C-2: hundreds of sources come and go; no event reaches the next owner of a number
#[test]
fn numbers_are_used_again_without_confusion() {
    on_each_backend(async || {
        for round in 0..300_u32 {
            let (ours, mut theirs) = pairs::unix();
            let io = Io::new(ours).unwrap();
            let silent = io.read_with(|mut s| s.read(&mut [0])).now_or_never();
            assert!(silent.is_none(), "nothing was sent in round {round}");
            theirs.write_all(&round.to_le_bytes()).unwrap();
            let mut bytes = [0; 4];
            let read = io.read_with(|mut s| s.read(&mut bytes)).await.unwrap();
            assert_eq!((read, u32::from_le_bytes(bytes)), (4, round));
            // Leaves an event, or a hang-up, for whoever has the number next.
            theirs.write_all(b"late").unwrap();
            if round % 2 == 0 {
                drop(theirs);
            }
            if round % 3 == 0 {
                yield_now().await;
            }
        }
        assert_eq!(stats().sources, 0);
    });
}

// proves D-5: a hundred thousand waits that were given up leave one source and no waiter
#[test]
fn waits_that_were_given_up_leave_nothing() {
    on_each_backend(async || {
        let (reader, writer) = pairs::pipe();
        for n in 0..100_000 {
            assert!(reader.readable().now_or_never().is_none());
            if n % 100 == 0 {
                // The hub refills the budget of the next poll.
                yield_now().await;
            }
        }
        assert_eq!(stats().sources, 2);
        let mut writer = writer.into_inner().unwrap();
        writer.write_all(b"x").unwrap();
        reader.readable().await.unwrap();
    });
}

// proves D-1: a poll-style user who gives up and says so makes room
#[test]
fn a_forgotten_waiter_makes_room() {
    use std::panic::Location;
    on_each_backend(async || {
        let (reader, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(reader).unwrap());
        let ours = io.clone();
        let first = spawn(async move {
            std::future::poll_fn(|cx| {
                let at = Location::caller();
                assert!(
                    ours.poll_read_with(cx, at, |mut p| p.read(&mut [0]))
                        .is_pending()
                );
                std::task::Poll::Ready(())
            })
            .await;
            // Gives up: its future is not waited for any more.
            ours.forget_read_waiter();
        });
        first.await.unwrap();
        let mut byte = [0];
        let read = io.read_with(|mut p| p.read(&mut byte));
        let mut read = std::pin::pin!(read);
        assert!(futures::poll!(&mut read).is_pending(), "no second reader");
        writer.write_all(b"x").unwrap();
        assert_eq!(read.await.unwrap(), 1);
    });
}
