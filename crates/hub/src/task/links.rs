//! Calling the links of a green thread that has ended.
//!
//! A link may make another one of the same green thread, which has ended by now. That one is called when those before it
//! have returned and not from inside of one, so that a chain of them, however long, takes no stack; eventlet does the
//! same. Until it is called it can be taken back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::core::Core;
use crate::report::drop_caught;
use crate::task::{Ended, GreenThreadId, Link, LinkId, Who};

/// Those whose links are being called, each inside a link of the one before.
#[derive(Default)]
pub(crate) struct Calling(RefCell<Vec<Ending>>);

struct Ending {
    id: GreenThreadId,
    /// Links that are still to be called.
    left: VecDeque<(LinkId, Link)>,
}

impl Calling {
    /// Puts a link behind the others of that green thread. Gives it back if none of them is being called.
    pub(super) fn join(&self, id: GreenThreadId, link: LinkId, f: Link) -> Option<Link> {
        let mut endings = self.0.borrow_mut();
        match endings.iter_mut().find(|ending| ending.id == id) {
            Some(ending) => ending.left.push_back((link, f)),
            None => return Some(f),
        }
        None
    }

    /// Takes one back that is still to be called.
    pub(super) fn take_back(&self, id: GreenThreadId, link: LinkId) -> Option<Link> {
        let mut endings = self.0.borrow_mut();
        let ending = endings.iter_mut().find(|ending| ending.id == id)?;
        let place = ending.left.iter().position(|(other, _)| *other == link)?;
        ending.left.remove(place).map(|(_, f)| f)
    }

    fn next(&self) -> Option<Link> {
        let mut endings = self.0.borrow_mut();
        let (_, f) = endings.last_mut()?.left.pop_front()?;
        Some(f)
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.borrow().iter().map(|ending| ending.id))
            .finish()
    }
}

impl Core {
    /// Calls `links` in their order, and those that they make. Panics are reported, as those of `who`.
    pub(super) fn call_links(
        &self,
        ended: &Ended,
        links: impl IntoIterator<Item = (LinkId, Link)>,
        who: impl Fn() -> Who,
    ) {
        let left: VecDeque<_> = links.into_iter().collect();
        if left.is_empty() {
            return;
        }
        let id = ended.id;
        self.calling.0.borrow_mut().push(Ending { id, left });
        while let Some(link) = self.calling.next() {
            let called = catch_unwind(AssertUnwindSafe(|| link(ended)));
            if let Err(payload) = called {
                who().report_panic(self, "a link of it", &*payload);
                drop_caught(payload);
            }
        }
        self.calling.0.borrow_mut().pop();
    }
}
