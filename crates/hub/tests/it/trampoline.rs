//! `trampoline`: wait once for one descriptor, with a limit.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use evlet_hub::{Interest, Io, now, spawn, stats, timeout, trampoline, yield_now};

use crate::pairs;
use crate::stage::{on_each_backend, virtually};
use crate::trace::Trace;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn it_waits_until_there_is_something() {
    on_each_backend(async || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let thread = thread::spawn(move || {
            writer.write_all(b"x").unwrap();
            writer
        });
        trampoline(&reader, Interest::Readable, None).await.unwrap();
        let mut byte = [0];
        assert_eq!(reader.read(&mut byte).unwrap(), 1);
        assert_eq!(stats().sources, 0);
        drop(thread.join().unwrap());
        // The end of the stream is something, too.
        trampoline(&reader, Interest::Readable, Some(SECOND * 10))
            .await
            .unwrap();
        assert_eq!(reader.read(&mut byte).unwrap(), 0);
    });
}

#[test]
fn what_is_ready_is_ready_at_once() {
    on_each_backend(async || {
        let (reader, writer) = pairs::unix();
        trampoline(&writer, Interest::Writable, Some(SECOND))
            .await
            .unwrap();
        (&writer).write_all(b"x").unwrap();
        for _ in 0..3 {
            // Nothing is consumed by waiting.
            trampoline(&reader, Interest::Readable, Some(SECOND))
                .await
                .unwrap();
        }
    });
}

// conformance 136
#[test]
fn room_for_a_write_is_told_each_time_it_is_asked() {
    on_each_backend(async || {
        let (ours, _theirs) = pairs::unix();
        for _ in 0..2 {
            let waited = trampoline(&ours, Interest::Writable, Some(Duration::ZERO)).await;
            assert!(waited.is_ok(), "{waited:?}");
        }
    });
}

// conformance: api_test, trampoline with a timeout
#[test]
fn the_limit_is_an_error_and_leaves_nothing() {
    on_each_backend(async || {
        let (reader, _writer) = io::pipe().unwrap();
        for limit in [Duration::ZERO, Duration::from_millis(3)] {
            let start = now();
            let waited = trampoline(&reader, Interest::Readable, Some(limit)).await;
            let error = waited.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
            assert!(now() - start >= limit);
            assert_eq!((stats().sources, stats().timers), (0, 0));
        }
    });
}

#[test]
fn the_limit_is_virtual_too() {
    virtually(async {
        let (reader, _writer) = io::pipe().unwrap();
        let start = now();
        let hour = SECOND * 3_600;
        assert!(
            trampoline(&reader, Interest::Readable, Some(hour))
                .await
                .is_err()
        );
        assert_eq!(now() - start, hour);
    });
}

// proves C-4: one for each direction is fine, a second reader is an error
#[test]
fn one_for_each_direction() {
    on_each_backend(async || {
        let (ours, theirs) = pairs::unix();
        let fd = std::rc::Rc::new(ours);
        let full = Io::new(fd.try_clone().unwrap()).unwrap();
        while timeout(
            Duration::from_millis(2),
            full.write_with(|mut s| s.write(&[1; 65_536])),
        )
        .await
        .is_ok()
        {}
        drop(full);
        let trace = Trace::new();
        let both = [
            (Interest::Readable, "readable"),
            (Interest::Writable, "writable"),
        ];
        let tasks = both.map(|(interest, word)| {
            let (fd, trace) = (fd.clone(), trace.clone());
            spawn(async move {
                trampoline(&*fd, interest, None).await.unwrap();
                trace.add(word);
            })
        });
        yield_now().await;
        let second = trampoline(&*fd, Interest::Readable, Some(SECOND)).await;
        let text = second.unwrap_err().to_string();
        assert!(text.contains("trampoline.rs"), "names the first: {text}");
        (&theirs).write_all(b"x").unwrap();
        let [reading, writing] = tasks;
        reading.await.unwrap();
        assert_eq!(trace.text(), "readable");
        let mut rest = vec![0; 1 << 20];
        assert!((&theirs).read(&mut rest).unwrap() > 0);
        writing.await.unwrap();
    });
}

// A descriptor that an `Io` has registered already: it works beside it, or says that it does not.
#[test]
fn beside_an_io_it_works_or_says_so() {
    on_each_backend(async || {
        let (reader, writer) = io::pipe().unwrap();
        let io = Io::new(reader).unwrap();
        (&writer).write_all(b"x").unwrap();
        let waited = trampoline(io.get_ref().as_fd(), Interest::Readable, Some(SECOND)).await;
        if let Err(error) = waited {
            assert_ne!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        }
        // And `io` is none the worse for it.
        assert_eq!(io.read_with(|mut p| p.read(&mut [0])).await.unwrap(), 1);
        (&writer).write_all(b"y").unwrap();
        assert_eq!(io.read_with(|mut p| p.read(&mut [0])).await.unwrap(), 1);
    });
}

// proves D-1: dropped while it waits, nothing is left
#[test]
fn a_dropped_one_leaves_nothing() {
    on_each_backend(async || {
        let (reader, _writer) = io::pipe().unwrap();
        for _ in 0..100 {
            let mut waiting = Box::pin(trampoline(&reader, Interest::Readable, Some(SECOND)));
            assert!(futures::poll!(&mut waiting).is_pending());
            assert_eq!((stats().sources, stats().timers), (1, 1));
            drop(waiting);
            assert_eq!((stats().sources, stats().timers), (0, 0));
        }
    });
}
