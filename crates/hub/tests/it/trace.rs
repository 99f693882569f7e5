//! What happened, in which order: the one thing that most tests compare.
//!
//! A [`Trace`] is a list of words shared by everything in a test. Tasks add words while they run,
//! [`Mark`]s add one when they are dropped, so that "polled", "dropped" and "told" end up in one line
//! that reads as the promise it proves.

use std::cell::RefCell;
use std::rc::Rc;

/// A list of words that all parts of a test add to.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a word.
    pub(crate) fn add(&self, word: impl Into<String>) {
        self.0.borrow_mut().push(word.into());
    }

    /// Something that adds this word when it is dropped.
    pub(crate) fn on_drop(&self, word: impl Into<String>) -> Mark {
        Mark {
            trace: self.clone(),
            word: word.into(),
        }
    }

    /// All words so far, with a blank between.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().join(" ")
    }

    /// All words so far.
    pub(crate) fn words(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// How often this word was added.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.0.borrow().iter().filter(|w| *w == word).count()
    }
}

/// Adds its word to the trace when it is dropped.
pub(crate) struct Mark {
    trace: Trace,
    word: String,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.trace.add(std::mem::take(&mut self.word));
    }
}

/// Runs a closure when it is dropped: a destructor with a life of its own.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(f: F) -> Self {
        OnDrop(Some(f))
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}
