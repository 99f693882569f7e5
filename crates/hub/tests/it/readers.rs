//! One reader and one writer for each descriptor: a second one is told, nobody's wake-up is stolen.

use std::future::poll_fn;
use std::io::{self, PipeReader, Read, Write};
use std::panic::Location;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use evlet_hub::{
    GreenThread, Hub, Interest, Io, sleep, spawn, stats, timeout, trampoline, yield_now,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::bell::{Ear, poll_with};
use crate::pairs;
use crate::stage::{on_each_backend, play, really};
use crate::trace::Trace;

const HOUR: Duration = Duration::from_secs(3_600);
/// Long enough for the hub to have looked at its descriptors.
const SHORT: Duration = Duration::from_millis(2);

async fn read_byte(io: &Io<PipeReader>) -> io::Result<u8> {
    let mut byte = [0];
    let read = io.read_with(|mut pipe| pipe.read(&mut byte)).await?;
    assert_eq!(read, 1, "not the end");
    Ok(byte[0])
}

/// Keeps reading until it is killed.
fn reader(io: &Rc<Io<PipeReader>>) -> GreenThread<io::Result<u8>> {
    let io = io.clone();
    spawn(async move { read_byte(&io).await })
}

// proves C-4; conformance 129: an error that names the first and the switch, not a stolen wake-up
#[test]
fn a_second_reader_is_an_error_that_names_the_first() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let waiting = io.clone();
        let line = line!() + 2;
        let first = spawn(async move {
            waiting.readable().await.unwrap();
        })
        .named("the first reader");
        yield_now().await;
        for _ in 0..3 {
            let error = read_byte(&io).await.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy, "{text}");
            assert!(text.contains("the first reader"), "{text}");
            assert!(text.contains(&format!("readers.rs:{line}")), "{text}");
            assert!(text.contains("allow_many_readers"), "{text}");
            assert!(io.readable().await.is_err());
        }
        assert!(!first.is_finished(), "the first is not disturbed");
        writer.write_all(b"x").unwrap();
        first.await.unwrap();
        assert_eq!(read_byte(&io).await.unwrap(), b'x');
    });
}

// proves C-4: a first one that has gone, by whichever way, is no obstacle
#[test]
fn a_reader_that_has_gone_is_no_obstacle() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        assert!(timeout(SHORT, read_byte(&io)).await.is_err());
        let killed = reader(&io);
        yield_now().await;
        killed.kill().await;
        let limited = io.clone();
        let gave_up = spawn(async move { timeout(SHORT, limited.readable()).await.is_err() });
        assert!(gave_up.await.unwrap());
        let last = reader(&io);
        yield_now().await;
        writer.write_all(b"x").unwrap();
        assert_eq!(last.await.unwrap().unwrap(), b'x');
    });
}

// proves C-4: readers with a limit wait for two things; they are readers all the same
#[test]
fn a_second_reader_with_a_limit_is_an_error_too() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let limited = io.clone();
        let first = spawn(async move { timeout(HOUR, read_byte(&limited)).await });
        yield_now().await;
        let polls = stats().polls;
        let limited = io.clone();
        let second = spawn(async move { timeout(SHORT * 10, limited.readable()).await });
        let told = second.await.unwrap().expect("told at once");
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        let polls = stats().polls - polls;
        assert!(polls < 20, "{polls} polls: the two wake each other");
        writer.write_all(b"x").unwrap();
        assert_eq!(first.await.unwrap().unwrap().unwrap(), b'x');
    });
}

// proves C-4: two reads of one task, each with a waker of its own: both end, or one is told
#[test]
fn two_reads_of_one_task_do_not_steal_from_each_other() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Io::new(pipe).unwrap();
        let mut reads: FuturesUnordered<_> = (0..2).map(|_| read_byte(&io)).collect();
        assert!(futures::poll!(reads.next()).is_pending() || reads.len() < 2);
        let mut done = 0;
        while !reads.is_empty() {
            writer.write_all(b"x").unwrap();
            let next = timeout(Duration::from_secs(5), reads.next()).await;
            assert!(next.is_ok(), "{done} done, the other waits for ever");
            done += 1;
        }
    });
}

// proves A-1, D-1: woken, and dropped before it looked: the next reader still gets the byte
#[test]
fn a_wake_up_that_was_not_used_is_not_lost() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Io::new(pipe).unwrap();
        for n in 0..20 {
            let ear = Ear::new();
            let mut gives_up = Box::pin(read_byte(&io));
            assert!(poll_with(ear.clone(), &mut gives_up).is_pending());
            writer.write_all(&[n]).unwrap();
            while ear.heard() == 0 {
                sleep(Duration::ZERO).await;
            }
            drop(gives_up);
            let read = timeout(Duration::from_secs(10), read_byte(&io)).await;
            assert_eq!(read.expect("it was lost").unwrap(), n);
        }
    });
}

// proves C-4; conformance 117: switched off, each byte finds a reader; one that gave up is passed over
#[test]
fn many_readers_can_be_allowed() {
    let hub = Hub::builder().allow_many_readers(true).build().unwrap();
    let trace = Trace::new();
    play(&hub, async {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let mut tasks: Vec<_> = (0..5).map(|_| reader(&io)).collect();
        yield_now().await;
        // The first in the line, and one in its midst; and one whose limit was reached behind them.
        tasks.remove(3).kill().await;
        tasks.remove(0).kill().await;
        assert!(timeout(SHORT, read_byte(&io)).await.is_err());
        for byte in *b"abc" {
            writer.write_all(&[byte]).unwrap();
            sleep(SHORT).await;
        }
        for task in tasks {
            trace.add((task.await.unwrap().unwrap() as char).to_string());
        }
        assert_eq!(stats().sources, 1);
    });
    let mut words = trace.words();
    words.sort();
    assert_eq!(words.join(""), "abc");
}

// proves C-4: many readers with limits, one byte each, nobody spins meanwhile
#[test]
fn many_readers_with_limits_do_not_spin() {
    let hub = Hub::builder().allow_many_readers(true).build().unwrap();
    play(&hub, async {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let io = io.clone();
                spawn(async move { timeout(HOUR, read_byte(&io)).await.unwrap() })
            })
            .collect();
        yield_now().await;
        let polls = stats().polls;
        sleep(SHORT * 10).await;
        let polls = stats().polls - polls;
        assert!(polls < 20, "{polls} polls while nothing happened");
        writer.write_all(b"abcde").unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

// proves C-1, C-4: with many waiting, a close tells them all
#[test]
fn a_close_tells_many_readers() {
    let hub = Hub::builder().allow_many_readers(true).build().unwrap();
    play(&hub, async {
        let (pipe, _writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let tasks: Vec<_> = (0..10).map(|_| reader(&io)).collect();
        yield_now().await;
        io.close();
        for task in tasks {
            let error = task.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        }
    });
}

// proves C-2: a second `Io` of one descriptor is refused in words, and the first does not suffer
#[test]
fn a_descriptor_cannot_be_registered_twice() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let first = Io::new(&pipe).unwrap();
        let mut byte = [0];
        let read = first.read_with(|pipe| (&**pipe).read(&mut byte));
        let mut read = Box::pin(read);
        assert!(futures::poll!(&mut read).is_pending());
        let second = Io::new(&pipe);
        let text = second.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains("already"), "{text}");
        writer.write_all(b"x").unwrap();
        let read = timeout(Duration::from_secs(10), read).await;
        assert_eq!(read.expect("it hangs").expect("it was ended"), 1);
        assert_eq!(stats().sources, 1);
        drop(first);
        Io::new(&pipe).unwrap();
    });
}

// proves C-4: a trampoline and an `Io` on one descriptor come and go in any order
#[test]
fn a_trampoline_beside_an_io_leaves_it_alone() {
    really(async {
        let (ours, theirs) = pairs::unix();
        let io = Rc::new(Io::new(ours).unwrap());
        let reading = io.clone();
        let reader = spawn(async move {
            let mut byte = [0];
            reading.read_with(|mut s| s.read(&mut byte)).await.unwrap();
            byte[0]
        });
        yield_now().await;
        let ready = trampoline(io.get_ref(), Interest::Writable, None).await;
        ready.unwrap();
        let silent = trampoline(io.get_ref(), Interest::Readable, Some(SHORT)).await;
        assert!(silent.is_err(), "busy, or not ready in time");
        (&theirs).write_all(b"x").unwrap();
        let byte = timeout(Duration::from_secs(10), reader).await;
        assert_eq!(byte.expect("it hangs").unwrap(), b'x');
    });
}

// proves C-4: a poll-style reader is a reader, too
#[test]
fn a_poll_style_reader_is_seen_by_the_second() {
    on_each_backend(async || {
        let (pipe, mut writer) = io::pipe().unwrap();
        let io = Rc::new(Io::new(pipe).unwrap());
        let ours = io.clone();
        let first = spawn(poll_fn(move |cx| {
            ours.poll_read_with(cx, Location::caller(), |mut pipe| pipe.read(&mut [0]))
        }));
        yield_now().await;
        let mut second = Box::pin(read_byte(&io));
        match futures::poll!(&mut second) {
            Poll::Ready(told) => {
                assert_eq!(told.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
            }
            Poll::Pending => panic!("it waits beside the first"),
        }
        writer.write_all(b"x").unwrap();
        assert_eq!(first.await.unwrap().unwrap(), 1);
    });
}
