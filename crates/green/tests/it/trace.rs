//! What happened, in which order: the one thing that most tests compare.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// A list of words that all parts of a test add to.
#[derive(Clone, Default)]
pub(crate) struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    pub(crate) fn add(&self, word: impl Display) {
        self.0.borrow_mut().push(word.to_string());
    }

    /// All words so far, with a blank between.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().join(" ")
    }

    /// Something that adds this word when it is dropped.
    pub(crate) fn on_drop(&self, word: impl Display) -> OnDrop {
        let (trace, word) = (self.clone(), word.to_string());
        OnDrop::new(move || trace.add(word))
    }
}

/// Runs a closure when it is dropped: a destructor with a life of its own.
pub(crate) struct OnDrop(Option<Box<dyn FnOnce()>>);

impl OnDrop {
    pub(crate) fn new(f: impl FnOnce() + 'static) -> Self {
        OnDrop(Some(Box::new(f)))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}
