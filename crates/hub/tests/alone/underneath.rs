//! Descriptors that are closed behind the hub's back, and numbers that come back with another owner.
//!
//! Closing a number by force is done in one function, and nowhere near other tests: what is a mistake
//! here would be somebody else's descriptor there.
#![expect(
    unsafe_code,
    reason = "closing a descriptor that somebody else uses is what these tests are about"
)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::rc::Rc;
use std::time::Duration;

use evlet_alone::Scenario;
use evlet_hub::{Backend, Hub, Interest, Io, sleep, spawn, stats, timeout, trampoline, yield_now};

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a_closed_descriptor_ends_its_waiters",
        a_closed_descriptor_ends_its_waiters,
    ),
    (
        "an_operation_on_a_closed_descriptor_fails",
        an_operation_on_a_closed_descriptor_fails,
    ),
    (
        "a_bad_descriptor_cannot_be_registered",
        a_bad_descriptor_cannot_be_registered,
    ),
    (
        "a_reused_number_ends_the_old_waiters",
        a_reused_number_ends_the_old_waiters,
    ),
    (
        "a_number_that_a_stranger_uses_now_ends_its_waiters",
        a_number_that_a_stranger_uses_now_ends_its_waiters,
    ),
    (
        "a_trampoline_waits_on_who_has_the_number_now",
        a_trampoline_waits_on_who_has_the_number_now,
    ),
    (
        "a_reused_number_gets_no_stale_event",
        a_reused_number_gets_no_stale_event,
    ),
    (
        "the_drop_of_the_old_owner_leaves_the_new_one_alone",
        the_drop_of_the_old_owner_leaves_the_new_one_alone,
    ),
    (
        "many_owners_of_one_number_stay_apart",
        many_owners_of_one_number_stay_apart,
    ),
    (
        "a_descriptor_that_lives_on_under_another_number_tells_nobody",
        a_descriptor_that_lives_on_under_another_number_tells_nobody,
    ),
];

const SECOND: Duration = Duration::from_secs(1);

/// A descriptor that knows its number and owns nothing: it may be closed while it is in use.
#[derive(Clone, Copy)]
struct Loose(RawFd);

impl Loose {
    fn new(fd: impl Into<OwnedFd>) -> Self {
        Loose(fd.into().into_raw_fd())
    }

    /// Closes the number, whoever uses it.
    fn close(self) {
        // SAFETY: the number came from an `OwnedFd` that gave it up; this process runs one scenario
        // and nothing else, so no other owner has it. `io` values that still use it are the test.
        unsafe { rustix::io::close(self.0) };
    }
}

impl AsFd for Loose {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: not -1. That it may be closed is what is tested; the hub and these tests pass it to
        // system calls only, which refuse it then.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

async fn read_byte(io: &Io<Loose>) -> io::Result<u8> {
    let mut byte = [0];
    let read = io
        .read_with(|fd| Ok(rustix::io::read(fd, &mut byte)?))
        .await?;
    assert_eq!(read, 1);
    Ok(byte[0])
}

fn write(to: &impl AsFd, bytes: &[u8]) {
    assert_eq!(rustix::io::write(to, bytes).unwrap(), bytes.len());
}

fn on_each_backend(root: impl AsyncFn()) {
    for (name, backend) in [("Auto", Backend::Auto), ("Poll", Backend::Poll)] {
        eprintln!("on Backend::{name}");
        let hub = Hub::builder().backend(backend).build().unwrap();
        hub.run(root());
        let left = hub.stats();
        assert_eq!((left.sources, left.timers, left.green_threads), (0, 0, 0));
    }
}

// proves C-3: an error for the waiter, no hang, no spin; and the others live
fn a_closed_descriptor_ends_its_waiters() {
    on_each_backend(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let loose = Loose::new(ours);
        let io = Rc::new(Io::new(loose).unwrap());
        while timeout(
            Duration::from_millis(2),
            io.write_with(|fd| Ok(rustix::io::write(fd, &[1; 65_536])?)),
        )
        .await
        .is_ok()
        {}
        let (reading, writing) = (io.clone(), io.clone());
        let reader = spawn(async move { read_byte(&reading).await.map(|_| ()) });
        let writer = spawn(async move {
            let write = writing.write_with(|fd| Ok(rustix::io::write(fd, b"x")?));
            write.await.map(|_| ())
        });
        let (live, keeps) = io::pipe().unwrap();
        let live = Io::new(Loose::new(live)).unwrap();
        let neighbour = spawn(async move { read_byte(&live).await.unwrap() });
        yield_now().await;
        let closer = spawn(async move { loose.close() });
        closer.await.unwrap();
        let before = stats().waits;
        for waiting in [reader, writer] {
            let ended = timeout(SECOND * 20, waiting.wait()).await;
            let error = ended.expect("it hangs").unwrap().unwrap_err();
            assert!(!error.to_string().is_empty());
        }
        let waits = stats().waits - before;
        assert!(waits < 200, "{waits} waits: it spins");
        write(&keeps, b"n");
        assert_eq!(neighbour.await.unwrap(), b'n');
        drop((io, theirs));
    });
}

// proves C-3: whoever comes later sees the kernel's own error
fn an_operation_on_a_closed_descriptor_fails() {
    on_each_backend(async || {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let loose = Loose::new(ours);
        let io = Io::new(loose).unwrap();
        loose.close();
        let late = timeout(SECOND * 20, read_byte(&io))
            .await
            .expect("it hangs");
        assert!(late.is_err());
        io.close();
        assert!(read_byte(&io).await.is_err());
        drop(io);
    });
}

// proves C-3; conformance 118: an error both times, and nothing stays behind
fn a_bad_descriptor_cannot_be_registered() {
    on_each_backend(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let loose = Loose::new(ours);
        loose.close();
        for _ in 0..2 {
            let error = Io::new(loose).map(|_| ()).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(9), "{error}");
            let error = Io::new_nonblocking(loose).map(|_| ()).unwrap_err();
            assert!(!error.to_string().is_empty());
            let waited = trampoline(loose, Interest::Readable, Some(SECOND)).await;
            let error = waited.unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::TimedOut, "{error}");
            assert_eq!(stats().sources, 0);
        }
        // The number is as good as any other when it is open again.
        let again = Loose::new(theirs.try_clone().unwrap());
        assert_eq!(again.0, loose.0);
        let limit = Some(SECOND);
        trampoline(again, Interest::Writable, limit).await.unwrap();
        again.close();
    });
}

// proves C-2, C-3: who opens the number next tells the old owner's waiters
fn a_reused_number_ends_the_old_waiters() {
    on_each_backend(async || {
        let (old, _other_end) = io::pipe().unwrap();
        let old = Loose::new(old);
        let old_io = Rc::new(Io::new(old).unwrap());
        let waiting = old_io.clone();
        let waiter = spawn(async move { read_byte(&waiting).await.map(|_| ()) });
        yield_now().await;
        old.close();
        let (new, new_writer) = io::pipe().unwrap();
        assert_eq!(new.as_raw_fd(), old.0, "the lowest free number");
        let new_io = Io::new(Loose::new(new)).unwrap();
        let ended = timeout(SECOND * 20, waiter).await.expect("it hangs");
        assert!(
            ended.unwrap().is_err(),
            "the old one must not read the new one's bytes"
        );
        write(&new_writer, b"n");
        assert_eq!(read_byte(&new_io).await.unwrap(), b'n');
        assert!(read_byte(&old_io).await.is_err(), "nor later");
        new_io.get_ref().close();
    });
}

// proves C-3: the new owner is none of the hub's, so nothing is registered anew
fn a_number_that_a_stranger_uses_now_ends_its_waiters() {
    let strangers: [fn() -> OwnedFd; 3] = [
        || UnixDatagram::unbound().unwrap().into(),
        || std::fs::File::open("/dev/null").unwrap().into(),
        || std::fs::File::open("/proc/self/stat").unwrap().into(),
    ];
    // Of the others poll(2) says at once that they are readable, and has no way to know better.
    let silent = Cell::new(strangers.len());
    on_each_backend(async || {
        for stranger in &strangers[..silent.replace(1)] {
            let (old, _other_end) = io::pipe().unwrap();
            let old = Loose::new(old);
            let old_io = Io::new(old).unwrap();
            let waiter = spawn(async move { read_byte(&old_io).await });
            let (live, keeps) = io::pipe().unwrap();
            let live = Io::new(Loose::new(live)).unwrap();
            let neighbour = spawn(async move {
                let byte = read_byte(&live).await;
                live.get_ref().close();
                byte
            });
            yield_now().await;
            old.close();
            let new = stranger();
            assert_eq!(new.as_raw_fd(), old.0, "the lowest free number");
            let ended = timeout(SECOND * 20, waiter).await.expect("it hangs");
            ended
                .unwrap()
                .expect_err("nothing of the stranger's is read");
            write(&keeps, b"n");
            assert_eq!(neighbour.await.unwrap().unwrap(), b'n', "the others live");
        }
    });
}

// proves C-2, C-3: the `Io` of the old owner lives on
fn a_trampoline_waits_on_who_has_the_number_now() {
    on_each_backend(async || {
        let (old, _other_end) = io::pipe().unwrap();
        let old = Loose::new(old);
        let old_io = Rc::new(Io::new(old).unwrap());
        let waiting = old_io.clone();
        let waiter = spawn(async move { read_byte(&waiting).await });
        yield_now().await;
        old.close();
        let (new, new_writer) = io::pipe().unwrap();
        assert_eq!(new.as_raw_fd(), old.0, "the lowest free number");
        let new = Loose::new(new);
        let waited = spawn(trampoline(new, Interest::Readable, None));
        yield_now().await;
        write(&new_writer, b"n");
        let waited = timeout(SECOND * 20, waited).await.expect("it hangs");
        waited.unwrap().unwrap();
        let ended = timeout(SECOND * 20, waiter).await.expect("it hangs");
        ended
            .unwrap()
            .expect_err("nothing of the new one's is read");
        new.close();
    });
}

// proves C-2: two are ready in one wait; the first to run closes the other and opens its number
fn a_reused_number_gets_no_stale_event() {
    on_each_backend(async || {
        for round in 0..100 {
            let (first, first_end) = io::pipe().unwrap();
            let (second, second_end) = io::pipe().unwrap();
            let number = second.as_raw_fd();
            let first = Io::new(first).unwrap();
            let second = Rc::new(Cell::new(Some(Io::new(second).unwrap())));
            let asked = Rc::new(Cell::new(0));
            let (count, taken) = (asked.clone(), second.clone());
            let opener = spawn(async move {
                first.readable().await.unwrap();
                drop(taken.take());
                let (new, new_end) = io::pipe().unwrap();
                assert_eq!(new.as_raw_fd(), number, "the lowest free number");
                let new = Io::new(Loose::new(new)).unwrap();
                let limited = timeout(
                    Duration::from_micros(500),
                    new.read_with(|fd| {
                        count.set(count.get() + 1);
                        Ok(rustix::io::read(fd, &mut [0])?)
                    }),
                );
                let silent = limited.await;
                assert!(silent.is_err(), "round {round}: {silent:?}");
                write(&new_end, b"n");
                assert_eq!(read_byte(&new).await.unwrap(), b'n');
                new.get_ref().close();
            });
            yield_now().await;
            // The event of the second, and its hang-up, are in the same batch as the first's.
            write(&second_end, b"s");
            drop(second_end);
            write(&first_end, b"f");
            opener.await.unwrap();
            assert!(
                asked.get() <= 1,
                "asked {} times: a stale event",
                asked.get()
            );
            assert!(second.take().is_none());
        }
    });
}

// proves C-2, C-3: the old `Io` is dropped late; its number belongs to another by then
fn the_drop_of_the_old_owner_leaves_the_new_one_alone() {
    on_each_backend(async || {
        for close in [false, true] {
            let (old, old_end) = io::pipe().unwrap();
            let old = Loose::new(old);
            let old_io = Io::new(old).unwrap();
            write(&old_end, b"o");
            old_io.readable().await.unwrap();
            old.close();
            let (new, new_end) = io::pipe().unwrap();
            assert_eq!(new.as_raw_fd(), old.0, "the lowest free number");
            let new_io = Rc::new(Io::new(Loose::new(new)).unwrap());
            let reading = new_io.clone();
            let reader = spawn(async move { read_byte(&reading).await.unwrap() });
            yield_now().await;
            if close {
                old_io.close();
            }
            drop(old_io);
            sleep(Duration::from_millis(1)).await;
            assert!(
                !reader.is_finished(),
                "the new one's waiter is not woken by that"
            );
            write(&new_end, b"n");
            let byte = timeout(SECOND * 20, reader).await;
            assert_eq!(byte.expect("it was deregistered").unwrap(), b'n');
            new_io.get_ref().close();
        }
    });
}

// proves C-2, C-3: of all that had the number only the last has what comes under it, in whatever order the others go
fn many_owners_of_one_number_stay_apart() {
    on_each_backend(async || {
        let mut former: Vec<Io<Loose>> = Vec::new();
        for round in 0..900 {
            let (new, new_end) = io::pipe().unwrap();
            let new = Loose::new(new);
            if let Some(last) = former.last() {
                assert_eq!(new.0, last.get_ref().0, "the lowest free number");
            }
            let io = Io::new(new).unwrap();
            assert_eq!(stats().sources, 1);
            let ended = former.iter().step_by(97).map(read_byte);
            for read in ended.collect::<Vec<_>>() {
                read.await.unwrap_err();
            }
            let (byte, ()) = futures::join!(read_byte(&io), async { write(&new_end, b"n") });
            assert_eq!(byte.unwrap(), b'n');
            new.close();
            match round % 3 {
                0 if round > 600 => drop(former.swap_remove(0)),
                _ => former.push(io),
            }
        }
    });
}

// proves C-2: the kernel still reports what a duplicate keeps open; the new owner must not hear it
fn a_descriptor_that_lives_on_under_another_number_tells_nobody() {
    on_each_backend(async || {
        // The new owner takes the number only, or the old owner's place in the hub's table as well.
        for dropped_before in [false, true] {
            live_on(dropped_before).await;
        }
    });
}

async fn live_on(dropped_before: bool) {
    let (old, old_end) = UnixStream::pair().unwrap();
    let duplicate = old.try_clone().unwrap();
    let old = Loose::new(old);
    let mut old_io = Some(Io::new(old).unwrap());
    old.close();
    if dropped_before {
        old_io = None;
    }
    let (new, new_end) = UnixStream::pair().unwrap();
    let (mine, other) = match new.as_raw_fd() == old.0 {
        true => (new, new_end),
        false => (new_end, new),
    };
    assert_eq!(mine.as_raw_fd(), old.0, "the lowest free number");
    let new_io = Rc::new(Io::new(Loose::new(mine)).unwrap());
    let asked = Rc::new(Cell::new(0));
    let (reading, count) = (new_io.clone(), asked.clone());
    let reader = spawn(async move {
        let mut byte = [0];
        let read = reading.read_with(|fd| {
            count.set(count.get() + 1);
            Ok(rustix::io::read(fd, &mut byte)?)
        });
        read.await.unwrap();
        byte[0]
    });
    yield_now().await;
    // Its own first event says that it can be written to.
    sleep(Duration::from_millis(1)).await;
    let before = asked.get();
    // Reaches the old open file, which the duplicate keeps alive, and the kernel's set with it.
    for _ in 0..10 {
        write(&old_end, b"o");
        sleep(Duration::from_millis(1)).await;
    }
    assert!(!reader.is_finished());
    assert_eq!(asked.get(), before, "it heard of the old one's bytes");
    write(&other, b"n");
    assert_eq!(reader.await.unwrap(), b'n');
    drop((old_io, duplicate));
    let new = *new_io.get_ref();
    drop(new_io);
    new.close();
}
