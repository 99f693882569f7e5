//! Readiness of descriptors, on both backends: everybody who waits is woken, nobody else.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evlet_hub::{Io, spawn, stats, timeout, yield_now};

use crate::pairs;
use crate::stage::{on_each_backend, really};

const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(2);

async fn read_byte<T: AsFd>(io: &Io<T>) -> io::Result<Option<u8>>
where
    for<'a> &'a T: Read,
{
    let mut byte = [0];
    let read = io.read_with(|mut source| source.read(&mut byte)).await?;
    Ok((read == 1).then_some(byte[0]))
}

async fn write_all<T: AsFd>(io: &Io<T>, mut bytes: &[u8]) -> io::Result<()>
where
    for<'a> &'a T: Write,
{
    while !bytes.is_empty() {
        let written = io.write_with(|mut sink| sink.write(bytes)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}

async fn read_all<T: AsFd>(io: &Io<T>) -> io::Result<Vec<u8>>
where
    for<'a> &'a T: Read,
{
    let (mut all, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        match io.read_with(|mut source| source.read(&mut part)).await? {
            0 => return Ok(all),
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

/// A megabyte there and, at the same time, a megabyte back.
async fn full_duplex<T: AsFd + 'static>(ends: (T, T), end: fn(&T))
where
    for<'a> &'a T: Read + Write,
{
    let bytes: Rc<Vec<u8>> = Rc::new((0..1_000_000_u32).map(|n| (n % 251) as u8).collect());
    let (left, right) = (Io::new(ends.0).unwrap(), Io::new(ends.1).unwrap());
    let mut tasks = Vec::new();
    for io in [Rc::new(left), Rc::new(right)] {
        let (writer, bytes) = (io.clone(), bytes.clone());
        let expected = bytes.clone();
        tasks.push(spawn(async move {
            write_all(&writer, &bytes).await.unwrap();
            end(writer.get_ref());
        }));
        tasks.push(spawn(async move {
            assert!(read_all(&io).await.unwrap() == *expected);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

// proves A-1, C-4: one reader and one writer at once; conformance 127
#[test]
fn both_directions_at_once() {
    on_each_backend(async || {
        full_duplex(pairs::unix(), |s| s.shutdown(Shutdown::Write).unwrap()).await;
        full_duplex(pairs::tcp(), |s| s.shutdown(Shutdown::Write).unwrap()).await;
    });
}

#[test]
fn a_pipe_larger_than_its_buffer() {
    on_each_backend(async || {
        let (reader, writer) = pairs::pipe();
        let sender = spawn(async move { write_all(&writer, &vec![7; 300_000]).await.unwrap() });
        let all = read_all(&reader).await.unwrap();
        assert!(all.len() == 300_000 && all.iter().all(|b| *b == 7));
        sender.await.unwrap();
    });
}

// proves A-1: bytes from another thread, one by one, each of which finds the hub asleep
#[test]
fn bytes_from_another_thread_arrive_one_by_one() {
    on_each_backend(async || {
        let (ours, theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        let echo = thread::spawn(move || {
            let mut byte = [0];
            while (&theirs).read(&mut byte).unwrap() == 1 {
                (&theirs).write_all(&[byte[0] ^ 0xff]).unwrap();
            }
        });
        for n in 0..=255 {
            write_all(&io, &[n]).await.unwrap();
            assert_eq!(read_byte(&io).await.unwrap(), Some(n ^ 0xff));
        }
        drop(io);
        echo.join().unwrap();
    });
}

#[test]
fn readable_and_writable_say_what_is() {
    on_each_backend(async || {
        let (ours, mut theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        io.writable().await.unwrap();
        assert!(timeout(SHORT, io.readable()).await.is_err());
        theirs.write_all(b"ab").unwrap();
        io.readable().await.unwrap();
        io.readable().await.unwrap();
        assert_eq!(read_byte(&io).await.unwrap(), Some(b'a'));
        io.readable().await.unwrap();
        assert_eq!(read_byte(&io).await.unwrap(), Some(b'b'));
        assert!(timeout(SHORT, read_byte(&io)).await.is_err());
        assert!(timeout(SHORT, io.readable()).await.is_err());
    });
}

// The hint after a short read saves a system call and loses nothing.
#[test]
fn a_drained_source_waits_without_asking() {
    on_each_backend(async || {
        let (ours, mut theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        theirs.write_all(b"a").unwrap();
        assert_eq!(read_byte(&io).await.unwrap(), Some(b'a'));
        io.drained();
        let mut asked = 0;
        {
            let read = io.read_with(|mut s| {
                asked += 1;
                s.read(&mut [0])
            });
            let mut read = std::pin::pin!(read);
            assert!(futures::poll!(&mut read).is_pending());
            theirs.write_all(b"b").unwrap();
            assert_eq!(read.await.unwrap(), 1);
        }
        assert_eq!(asked, 1, "only when there was something");
        // The last bytes and the end come together: the hint must not hide the end.
        io.drained();
        theirs.write_all(b"c").unwrap();
        drop(theirs);
        evlet_hub::sleep(SHORT).await;
        assert_eq!(read_byte(&io).await.unwrap(), Some(b'c'));
        io.drained();
        let end = timeout(SECOND * 10, read_byte(&io)).await;
        assert_eq!(end.expect("the end is hidden").unwrap(), None);
    });
}

#[test]
fn a_filled_sink_waits_for_room() {
    on_each_backend(async || {
        let (ours, mut theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        let mut sent = 0;
        while let Ok(n) = timeout(SHORT, io.write_with(|mut s| s.write(&[1; 65_536]))).await {
            sent += n.unwrap();
        }
        io.filled();
        let more = spawn(async move { io.write_with(|mut s| s.write(b"end")).await.unwrap() });
        yield_now().await;
        assert!(!more.is_finished());
        let mut all = vec![0; sent];
        theirs.read_exact(&mut all).unwrap();
        assert_eq!(more.await.unwrap(), 3);
    });
}

// proves C-5: hang-up wakes reader and writer
#[test]
fn a_hang_up_wakes_both_directions() {
    on_each_backend(async || {
        for reset in [false, true] {
            let (ours, theirs) = pairs::tcp();
            let io = Rc::new(Io::new(ours).unwrap());
            while timeout(SHORT, io.write_with(|mut s| s.write(&[1; 65_536])))
                .await
                .is_ok()
            {}
            let (reading, writing) = (io.clone(), io.clone());
            let reader = spawn(async move { read_byte(&reading).await });
            let writer = spawn(async move { write_all(&writing, &[1; 1_000_000]).await });
            yield_now().await;
            if reset {
                // Unread bytes make the close a reset.
                drop(theirs);
                assert!(writer.await.unwrap().is_err());
                let _ = reader.await.unwrap();
            } else {
                theirs.shutdown(Shutdown::Both).unwrap();
                drop(theirs);
                let _ = reader.await.unwrap();
                assert!(writer.await.unwrap().is_err());
            }
        }
    });
}

// proves C-5: the end of a pipe wakes the one at its other end
#[test]
fn the_ends_of_a_pipe_hear_of_each_other() {
    on_each_backend(async || {
        let (reader, writer) = pairs::pipe();
        let waiting = spawn(async move { read_byte(&reader).await.unwrap() });
        yield_now().await;
        drop(writer);
        assert_eq!(waiting.await.unwrap(), None);
        let (reader, writer) = pairs::pipe();
        let waiting = spawn(async move { write_all(&writer, &[0; 1_000_000]).await });
        yield_now().await;
        drop(reader);
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

// proves C-5, design promise 6: readable or hung up, but nobody waits: it costs nothing
#[test]
fn an_idle_source_costs_nothing() {
    on_each_backend(async || {
        let (readable, _keeps) = pairs::unix();
        (&_keeps).write_all(b"unread").unwrap();
        let readable = Io::new(readable).unwrap();
        let (hung_up, gone) = pairs::unix();
        let hung_up = Io::new(hung_up).unwrap();
        drop(gone);
        let (reader, _writer) = pairs::pipe();
        let waiting = Rc::new(reader);
        let other = waiting.clone();
        let parked = spawn(async move { other.readable().await });
        yield_now().await;
        let before = stats();
        evlet_hub::sleep(Duration::from_millis(50)).await;
        let after = stats();
        let waits = after.waits - before.waits;
        assert!(waits <= 6, "{waits} waits while nothing happened");
        assert!(after.polls - before.polls <= 3);
        parked.kill().await;
        drop((readable, hung_up, parked));
    });
}

// proves C-7: woken though nothing is there; the user does not see it
#[test]
fn spurious_readiness_is_invisible() {
    on_each_backend(async || {
        let (reader, writer) = pairs::pipe();
        write_all(&writer, b"abc").await.unwrap();
        let mut lies = 3;
        let mut byte = [0];
        let read = reader.read_with(|mut p| {
            if lies > 0 {
                // The event comes again only with more bytes.
                lies -= 1;
                return Err(io::ErrorKind::WouldBlock.into());
            }
            p.read(&mut byte)
        });
        let write_more = spawn(async move {
            for _ in 0..3 {
                evlet_hub::sleep(SHORT).await;
                write_all(&writer, b"d").await.unwrap();
            }
            writer
        });
        assert_eq!(timeout(SECOND * 30, read).await.unwrap().unwrap(), 1);
        drop(write_more.await.unwrap());
        assert_eq!(byte, [b'a']);
    });
}

// Registered once, for both directions; gone when dropped; the descriptor itself survives `into_inner`.
#[test]
fn a_source_lives_as_long_as_its_io() {
    really(async {
        let (ours, mut theirs) = pairs::unix();
        let io = Io::new(ours).unwrap();
        assert_eq!(stats().sources, 1);
        theirs.write_all(b"a").unwrap();
        io.readable().await.unwrap();
        io.writable().await.unwrap();
        assert_eq!(stats().sources, 1);
        let ours = io.into_inner().unwrap();
        assert_eq!(stats().sources, 0);
        let io = Io::new_nonblocking(ours).unwrap();
        assert_eq!(read_byte(&io).await.unwrap(), Some(b'a'));
        let many: Vec<_> = (0..200).map(|_| pairs::pipe()).collect();
        assert_eq!(stats().sources, 401);
        drop(many);
        assert_eq!(stats().sources, 1);
    });
}

// proves C-8: the descriptor is made non-blocking
#[test]
fn the_descriptor_is_non_blocking() {
    really(async {
        let (reader, _writer) = pairs::pipe();
        let error = reader.get_ref().read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    });
}
