//! As much of a hub as its inbox sees: names, and a sleep that can be ended.

pub(crate) mod birthplace {
    pub(crate) struct Birthplace;

    impl Birthplace {
        pub(crate) fn here() -> Self {
            Birthplace
        }
    }
}

pub(crate) mod core {
    /// Jobs are given one.
    pub(crate) struct Core;
}

pub(crate) mod task {
    pub(crate) const MOST_HUBS: usize = 10;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct HubId(pub(crate) u64);

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub(crate) struct Number(pub(crate) usize);
}

pub(crate) mod timers {
    pub(crate) struct TimerKey;
}

pub(crate) mod reactor {
    use loom::sync::{Arc, Condvar, Mutex};

    /// The kernel's part: a mark that ends a wait, or keeps it from beginning.
    #[derive(Clone, Default)]
    pub(crate) struct Notifier(Arc<(Mutex<bool>, Condvar)>);

    impl Notifier {
        pub(crate) fn notify(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }

        pub(crate) fn wait(&self) {
            let mut is_notified = self.0.0.lock().unwrap();
            while !*is_notified {
                is_notified = self.0.1.wait(is_notified).unwrap();
            }
            *is_notified = false;
        }
    }
}
