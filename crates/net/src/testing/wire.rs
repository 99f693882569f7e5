//! One direction of a [`Duplex`](super::Duplex), and what can be made to go wrong on it.
//!
//! Bytes wait in one buffer. Beside it stands when each stretch of them arrives, so that a delay
//! delays them all by the same time and keeps their order. What happens at a byte (a cut, an error) is
//! counted from the first byte the wire ever carried: a test says "after 1000 bytes" and gets the same
//! break whatever the sizes of the writes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use evlet_hub::now;

use crate::operation_error::HandleClosed;

/// One direction of a duplex, as a test holds it: see [`Duplex::wire`](super::Duplex::wire).
///
/// Cheap to clone. All settings may be changed while bytes are under way; they hold for what is
/// written or read from then on.
#[derive(Clone)]
pub struct Wire {
    state: Rc<RefCell<State>>,
}

struct State {
    bytes: VecDeque<u8>,
    /// When each stretch of `bytes` arrives: the last one ends where `bytes` does.
    due: VecDeque<(Instant, usize)>,
    capacity: usize,
    delay: Duration,
    piece: usize,
    stalled: bool,
    /// Bytes taken from the writer so far.
    carried: u64,
    /// After so many bytes: what the reader gets then.
    cut: Option<(u64, Cut)>,
    write_error: Option<ErrorKind>,
    /// The writer has ended: from then on the reader gets the end, once the bytes are read.
    ended: Option<Instant>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Silently: as if the writer had ended.
    End,
    Error(ErrorKind),
}

/// Why a read has to wait.
pub(super) enum Arrives {
    /// Nothing is under way.
    Unknown,
    /// Something is.
    At(Instant),
}

impl Wire {
    pub(super) fn new(capacity: usize) -> Wire {
        let state = State {
            bytes: VecDeque::new(),
            due: VecDeque::new(),
            capacity: capacity.max(1),
            delay: Duration::ZERO,
            piece: usize::MAX,
            stalled: false,
            carried: 0,
            cut: None,
            write_error: None,
            ended: None,
            reader_gone: false,
            reader: None,
            writer: None,
        };
        Wire {
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// How long each byte is under way: no time unless set. The order of bytes stays.
    pub fn set_delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// How many bytes one read and one write move at most; as many as there are unless set. Zero
    /// counts as one.
    pub fn set_piece(&self, bytes: usize) {
        self.change(|state| state.piece = bytes.max(1));
    }

    /// From now on nothing arrives, the end neither, until [`resume`](Self::resume).
    pub fn stall(&self) {
        self.change(|state| state.stalled = true);
    }

    /// Ends a stall.
    pub fn resume(&self) {
        self.change(|state| state.stalled = false);
    }

    /// Ends the stream for its reader after `bytes` bytes since its beginning, as if the writer had
    /// ended there. The writer learns nothing: what it writes further is thrown away.
    pub fn cut_after(&self, bytes: u64) {
        self.change(|state| state.cut = Some((bytes, Cut::End)));
    }

    /// Breaks the stream after `bytes` bytes since its beginning: its reader gets those, then an
    /// error of this kind again and again, and so does the writer with its next write.
    pub fn fail_after(&self, bytes: u64, kind: ErrorKind) {
        self.change(|state| state.cut = Some((bytes, Cut::Error(kind))));
    }

    /// Lets the next write, flush or close fail with an error of this kind; those after it work.
    pub fn fail_write(&self, kind: ErrorKind) {
        self.change(|state| state.write_error = Some(kind));
    }

    /// How many bytes were written so far.
    pub fn carried(&self) -> u64 {
        self.state.borrow().carried
    }

    /// How many bytes are under way or wait to be read.
    pub fn waiting(&self) -> usize {
        self.state.borrow().bytes.len()
    }

    /// A change may let either side go on.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let (reader, writer) = {
            let mut state = self.state.borrow_mut();
            change(&mut state);
            (state.reader.take(), state.writer.take())
        };
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }

    /// Takes what has arrived into `buf`, or says when something will.
    pub(super) fn read(&self, waker: &Waker, buf: &mut [u8]) -> Result<io::Result<usize>, Arrives> {
        let waker = waker.clone(); // before the borrow: it may be anybody's code
        let (result, woken) = {
            let mut state = self.state.borrow_mut();
            let result = state.read(buf);
            let woken = match &result {
                Ok(_) => state.writer.take(),
                Err(_) => state.reader.replace(waker),
            };
            (result, woken)
        };
        if let (Some(woken), true) = (woken, result.is_ok()) {
            woken.wake();
        }
        result
    }

    /// Takes as much of `data` as there is room for.
    pub(super) fn write(&self, waker: &Waker, data: &[u8]) -> Poll<io::Result<usize>> {
        let waker = waker.clone();
        let (result, woken) = {
            let mut state = self.state.borrow_mut();
            let result = state.write(data);
            let woken = match &result {
                Poll::Ready(_) => state.reader.take(),
                Poll::Pending => state.writer.replace(waker),
            };
            (result, woken)
        };
        if let (Some(woken), true) = (woken, result.is_ready()) {
            woken.wake();
        }
        result
    }

    /// The error that a test has asked for.
    pub(super) fn planned_error(&self) -> io::Result<()> {
        match self.state.borrow_mut().write_error.take() {
            Some(kind) => Err(planned(kind)),
            None => Ok(()),
        }
    }

    /// The writer writes no more.
    pub(super) fn end(&self) {
        self.change(|state| {
            let arrives = now() + state.delay;
            state.ended.get_or_insert(arrives);
        });
    }

    /// The reader is gone, and with it what it had not read.
    pub(super) fn reader_gone(&self) {
        self.change(|state| {
            state.reader_gone = true;
            state.bytes.clear();
            state.due.clear();
        });
    }
}

impl State {
    fn read(&mut self, buf: &mut [u8]) -> Result<io::Result<usize>, Arrives> {
        if self.stalled {
            return Err(Arrives::Unknown);
        }
        let Some(&(first, _)) = self.due.front() else {
            return self.at_the_end();
        };
        let now = now();
        if now < first {
            return Err(Arrives::At(first));
        }
        let arrived = self.due.iter().take_while(|(due, _)| *due <= now);
        let arrived: usize = arrived.map(|(_, len)| len).sum();
        let len = arrived.min(buf.len()).min(self.piece);
        for (to, from) in buf.iter_mut().zip(self.bytes.drain(..len)) {
            *to = from;
        }
        let mut left = len;
        while let Some((_, stretch)) = self.due.front_mut() {
            if *stretch > left {
                *stretch -= left;
                break;
            }
            left -= *stretch;
            self.due.pop_front();
        }
        Ok(Ok(len))
    }

    /// All bytes are read: what now?
    fn at_the_end(&self) -> Result<io::Result<usize>, Arrives> {
        match self.cut {
            Some((after, Cut::End)) if self.carried >= after => return Ok(Ok(0)),
            Some((after, Cut::Error(kind))) if self.carried >= after => {
                return Ok(Err(planned(kind)));
            }
            _ => {}
        }
        match self.ended {
            Some(at) if now() >= at => Ok(Ok(0)),
            Some(at) => Err(Arrives::At(at)),
            None => Err(Arrives::Unknown),
        }
    }

    fn write(&mut self, data: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.write_error.take() {
            return Poll::Ready(Err(planned(kind)));
        }
        if self.ended.is_some() {
            return Poll::Ready(Err(HandleClosed.into()));
        }
        if self.reader_gone {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut len = data.len().min(self.piece);
        if let Some((after, cut)) = self.cut {
            let until = usize::try_from(after.saturating_sub(self.carried)).unwrap_or(usize::MAX);
            match (until, cut) {
                (0, Cut::End) => {
                    self.carried += len as u64;
                    return Poll::Ready(Ok(len));
                }
                (0, Cut::Error(kind)) => return Poll::Ready(Err(planned(kind))),
                _ => len = len.min(until),
            }
        }
        len = len.min(self.capacity.saturating_sub(self.bytes.len()));
        if len == 0 {
            return Poll::Pending;
        }
        self.bytes.extend(&data[..len]);
        self.carried += len as u64;
        // Not before what was sent earlier, with a longer delay.
        let due = now() + self.delay;
        match self.due.back_mut() {
            Some((last, stretch)) if *last >= due => *stretch += len,
            _ => self.due.push_back((due, len)),
        }
        Poll::Ready(Ok(len))
    }
}

fn planned(kind: ErrorKind) -> io::Error {
    io::Error::new(kind, format!("{kind}, as the test has asked for"))
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct("Wire")
            .field("waiting", &state.bytes.len())
            .field("carried", &state.carried)
            .field("delay", &state.delay)
            .field("stalled", &state.stalled)
            .field("ended", &state.ended.is_some())
            .finish_non_exhaustive()
    }
}
