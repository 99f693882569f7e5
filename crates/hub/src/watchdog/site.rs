//! A source line that one thread writes and another one reads.

use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds a `&'static Location<'static>`, or nothing.
#[derive(Debug)]
pub(super) struct AtomicSite(AtomicPtr<Location<'static>>);

impl AtomicSite {
    pub(super) fn new() -> Self {
        AtomicSite(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub(super) fn set(&self, site: Option<&'static Location<'static>>) {
        let pointer = site.map_or(ptr::null(), ptr::from_ref);
        self.0.store(pointer.cast_mut(), Ordering::Release);
    }

    pub(super) fn get(&self) -> Option<&'static Location<'static>> {
        let pointer = self.0.load(Ordering::Acquire);
        // SAFETY: the pointer is null or was made from a `&'static Location<'static>` in `set`, the
        // only place that stores one; it is never written through, and what it points to is never
        // freed and is `Sync`.
        unsafe { pointer.cast_const().as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::AtomicSite;
    use std::panic::Location;

    #[test]
    fn what_was_set_is_got_on_another_thread() {
        let site = AtomicSite::new();
        assert_eq!(site.get(), None);
        let here = Location::caller();
        site.set(Some(here));
        std::thread::scope(|s| {
            s.spawn(|| assert_eq!(site.get(), Some(here)));
        });
        site.set(None);
        assert_eq!(site.get(), None);
    }
}
