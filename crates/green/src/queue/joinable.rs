//! The queue that knows when its work is done.

use std::fmt;

use crate::queue::{Empty, Full, Get, Join, LightQueue, Put, TooManyDone};

/// A [`LightQueue`] that counts what is unfinished.
///
/// Every item that is put counts as unfinished until [`task_done`](Self::task_done) is called for
/// it; [`join`](Self::join) waits until none is. A clone is another handle of the same queue.
///
/// # Example
/// ```
/// use evlet_green::Queue;
/// use evlet_hub::{run, spawn_n};
///
/// run(async {
///     let jobs = Queue::unbounded();
///     for worker in 0..3 {
///         let jobs = jobs.clone();
///         spawn_n(async move {
///             loop {
///                 let job: u32 = jobs.get().await;
///                 println!("worker {worker} does job {job}");
///                 jobs.task_done().unwrap();
///             }
///         });
///     }
///     for job in 0..10 {
///         jobs.put(job).await;
///     }
///     jobs.join().await; // all ten are done
///     assert_eq!(jobs.unfinished_tasks(), 0);
/// });
/// ```
pub struct Queue<T> {
    light: LightQueue<T>,
}

impl<T> Queue<T> {
    /// A queue without a limit. See [`LightQueue::unbounded`].
    pub fn unbounded() -> Self {
        Queue {
            light: LightQueue::unbounded(),
        }
    }

    /// A queue of at most `capacity` items. See [`LightQueue::bounded`].
    pub fn bounded(capacity: usize) -> Self {
        Queue {
            light: LightQueue::bounded(capacity),
        }
    }

    /// A queue that stores nothing. See [`LightQueue::rendezvous`].
    pub fn rendezvous() -> Self {
        Self::bounded(0)
    }

    /// Adds `item`, which counts as unfinished from then on; waits while there is no room.
    ///
    /// # Cancel safety
    /// As [`LightQueue::put`]: dropping the future drops the item, which has never been inside.
    #[track_caller]
    pub fn put(&self, item: T) -> Put<'_, T> {
        self.light.put(item)
    }

    /// Takes the oldest item; waits while there is none. It stays unfinished until
    /// [`task_done`](Self::task_done).
    ///
    /// # Cancel safety
    /// As [`LightQueue::get`]: dropping the future loses no item.
    #[track_caller]
    pub fn get(&self) -> Get<'_, T> {
        self.light.get()
    }

    /// Adds `item` if that needs no waiting. See [`LightQueue::put_nowait`].
    ///
    /// # Errors
    /// [`Full`], with the item in it.
    pub fn put_nowait(&self, item: T) -> Result<(), Full<T>> {
        self.light.put_nowait(item)
    }

    /// Takes the oldest item if that needs no waiting. See [`LightQueue::get_nowait`].
    ///
    /// # Errors
    /// [`Empty`].
    pub fn get_nowait(&self) -> Result<T, Empty> {
        self.light.get_nowait()
    }

    /// Says that one item that was got is finished. At zero, those in [`join`](Self::join) go on.
    ///
    /// # Errors
    /// [`TooManyDone`] if nothing is unfinished; nothing changes then.
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        if self.light.task_done() {
            Ok(())
        } else {
            Err(TooManyDone)
        }
    }

    /// Waits until nothing is unfinished; ready at once when nothing is. Items put later start the
    /// count anew.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    #[track_caller]
    pub fn join(&self) -> Join<'_, T> {
        self.light.join()
    }

    /// How many items have been put and not been reported done.
    pub fn unfinished_tasks(&self) -> usize {
        self.light.unfinished()
    }

    /// Changes the capacity. See [`LightQueue::resize`].
    pub fn resize(&self, capacity: impl Into<Option<usize>>) {
        self.light.resize(capacity);
    }

    /// How many items are inside. See [`LightQueue::qsize`].
    pub fn qsize(&self) -> usize {
        self.light.qsize()
    }

    /// The capacity: `None` without a limit, zero for a rendezvous.
    pub fn maxsize(&self) -> Option<usize> {
        self.light.maxsize()
    }

    /// Whether no item is inside.
    pub fn is_empty(&self) -> bool {
        self.light.is_empty()
    }

    /// Whether as many items are inside as the capacity allows. A rendezvous is always full.
    pub fn is_full(&self) -> bool {
        self.light.is_full()
    }

    /// How many wait in `put`.
    pub fn putting(&self) -> usize {
        self.light.putting()
    }

    /// How many wait in `get`.
    pub fn getting(&self) -> usize {
        self.light.getting()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue {
            light: self.light.clone(),
        }
    }
}

/// Unbounded.
impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("unfinished_tasks", &self.unfinished_tasks())
            .field("queue", &self.light)
            .finish()
    }
}
