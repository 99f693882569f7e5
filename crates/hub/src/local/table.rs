//! The locals of one green thread, in the order in which they were made.
//!
//! Few green threads have many, so a look is a walk along a short list. No borrow of the list is held over
//! code of others: values are made, cloned, used and dropped outside.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::core::Core;
use crate::in_progress;
use crate::local::LocalError;
use crate::report::drop_caught;
use crate::running;
use crate::task::{Flags, Key, Number};

/// Clones a value of the key's type.
pub(crate) type Inherit = fn(&dyn Any) -> Option<Rc<dyn Any>>;

/// See the module's page.
#[derive(Default)]
pub(crate) struct Locals {
    entries: Vec<Entry>,
    is_ending: bool,
}

struct Entry {
    key: usize,
    /// None while it is being made.
    value: Option<Rc<dyn Any>>,
    inherit: Option<Inherit>,
}

pub(crate) enum Found {
    Value(Rc<dyn Any>),
    BeingMade,
    None,
}

thread_local! {
    /// Those of code that runs in no green thread.
    static OUTSIDE: RefCell<Locals> = RefCell::default();
}

/// Calls `f` with the locals of the running green thread, or of the OS thread where there is none.
pub(crate) fn with<R>(
    f: impl FnOnce(&mut Locals) -> Result<R, LocalError>,
) -> Result<R, LocalError> {
    let result = match in_progress::current() {
        None => OUTSIDE.try_with(|locals| f(&mut locals.borrow_mut())).ok(),
        Some(key) => running::with(|core| {
            core.with_slot_mut(key, |slot, cold| {
                slot.set(Flags::HAS_MORE);
                f(cold.extra().locals.get_or_insert_default())
            })
        })
        .flatten(),
    };
    result.unwrap_or(Err(LocalError::Gone))
}

/// The running green thread has something that those inherit whom it spawns.
pub(crate) fn note_inheritance() {
    if let Some(key) = in_progress::current() {
        in_progress::with(|poll| poll.set(Flags::INHERITS));
        running::with(|core| {
            core.with_slot_mut(key, |slot, _| slot.set(Flags::INHERITS));
        });
    }
}

/// What a green thread that is spawned now begins with. Not to be called under a borrow: it clones
/// values, which is code of others.
#[inline]
pub(crate) fn inherited() -> Option<Box<Locals>> {
    match in_progress::with(|poll| poll.has(Flags::INHERITS)) {
        true => clones(),
        false => None,
    }
}

#[cold]
fn clones() -> Option<Box<Locals>> {
    let heirlooms = with(|locals| Ok(locals.heirlooms())).ok()?;
    let cloned = heirlooms.into_iter().filter_map(|(key, value, inherit)| {
        Some(Entry {
            key,
            value: Some(inherit(&*value)?),
            inherit: Some(inherit),
        })
    });
    let entries: Vec<Entry> = cloned.collect();
    (!entries.is_empty()).then(|| {
        Box::new(Locals {
            entries,
            is_ending: false,
        })
    })
}

impl Locals {
    pub(crate) fn find(&self, key: usize) -> Result<Found, LocalError> {
        match self.entries.iter().find(|entry| entry.key == key) {
            Some(Entry { value: None, .. }) => Ok(Found::BeingMade),
            Some(Entry {
                value: Some(value), ..
            }) => Ok(Found::Value(Rc::clone(value))),
            None if self.is_ending => Err(LocalError::Gone),
            None => Ok(Found::None),
        }
    }

    /// The value of `key` is going to be made.
    pub(crate) fn begin(&mut self, key: usize, inherit: Option<Inherit>) -> Result<(), LocalError> {
        let value = None;
        self.entries.push(Entry {
            key,
            value,
            inherit,
        });
        Ok(())
    }

    /// It was made. What another one of its kind made meanwhile stands before it in the list.
    pub(crate) fn put(&mut self, key: usize, value: Rc<dyn Any>) -> Result<(), LocalError> {
        let place = self.entries.iter().position(|entry| entry.key == key);
        let mut entry = self.entries.remove(place.ok_or(LocalError::Gone)?);
        entry.value = Some(value);
        self.entries.push(entry);
        Ok(())
    }

    /// It could not be made.
    pub(crate) fn forget(&mut self, key: usize) -> Result<(), LocalError> {
        let is_it = |entry: &Entry| entry.key == key && entry.value.is_none();
        self.entries.retain(|entry| !is_it(entry));
        Ok(())
    }

    fn heirlooms(&self) -> Vec<(usize, Rc<dyn Any>, Inherit)> {
        let with_heirs = |entry: &Entry| {
            let value = Rc::clone(entry.value.as_ref()?);
            Some((entry.key, value, entry.inherit?))
        };
        self.entries.iter().filter_map(with_heirs).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Core {
    /// A green thread that was just made begins with these.
    #[cold]
    pub(crate) fn give_locals(&self, key: Key, locals: Box<Locals>) {
        self.with_slot_mut(key, |slot, cold| {
            slot.set(Flags::HAS_MORE.and(Flags::INHERITS));
            cold.extra().locals = Some(locals);
        });
    }

    /// Drops the locals of a green thread whose future is gone, as the one that runs.
    pub(crate) fn end_locals(&self, key: Key) {
        let has_any = self.with_slot_mut(key, |_, cold| {
            let locals = cold.extra.as_mut()?.locals.as_mut()?;
            locals.is_ending = true;
            Some(())
        });
        if has_any.flatten().is_none() {
            return;
        }
        in_progress::with(|poll| {
            if !poll.is_of(key) {
                poll.begin(key, Number::NOBODY, self.config.budget, Flags::NONE);
            }
        });
        let next = || {
            self.with_slot_mut(key, |_, cold| {
                cold.extra.as_mut()?.locals.as_mut()?.entries.pop()
            })
        };
        while let Some(entry) = next().flatten() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(entry)));
            if let Err(payload) = dropped {
                self.report_panic_of_current("a local of it", &*payload);
                drop_caught(payload);
            }
        }
    }
}
