//! The memory of a task: one block, to which counted pointers of one word lead.
//!
//! The hub's table holds one count, the handle another, the run queue a third; all stay on the hub's thread, so the count is no
//! atomic. Wakers hold none ([`crate::task::waker`]).
//!
//! A task is [`Task`], which is the same for all, and behind it its [`Stage`] with the user's future, of a type that only the one
//! who spawned knows. `Rc<Task<dyn Run>>` says the same without a line of unsafe code, and was what stood here: a
//! pointer of two words, the place of the stage worked out from the alignment in the table of functions, five times for each
//! turn, and no say in where the memory comes from. Together that was a tenth of a turn and a third of a spawn
//! ([`crate::task::blocks`]).
//!
//! What the unsafe code rests on:
//!
//! - **One way in.** [`Body::allocate`] is where tasks come from. It writes a whole `Body<F>` into memory of its layout and the
//!   functions for that `F` into its head. So whoever has a [`TaskRef`] has a pointer to a `Body<F>` whose `kind` is of the
//!   same `F`.
//! - **One way out.** Each `TaskRef` is one count. The last one drops the body and gives the memory back;
//!   nobody has a pointer then.
//! - **It stays where it is**, so the stage is pinned: nothing moves a body, its memory is not used otherwise before it
//!   was dropped, and the one function that looks into the stage's cell, [`Body::with`], gives it out pinned.
//! - **One at a time.** That function marks the task as open while somebody looks, and panics when it finds the mark. A `RefCell`
//!   does the same with eight bytes, for which each task had no other use.
//! - **One thread.** `TaskRef` is not `Send`.
//! - The pointer is always the one that the allocation gave, never one made from a reference to the head alone, which would not
//!   be allowed to reach the stage.

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::future::{Future, Ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Context;

use crate::task::blocks::{self, Offset};
use crate::task::stage::Stage;
use crate::task::{Exit, Flags, Outcome, Slot};

/// What all tasks begin with.
#[repr(C)]
pub(crate) struct Task {
    kind: &'static Kind,
    /// How many [`TaskRef`]s lead here.
    count: Cell<u32>,
    /// Where it stands in its page of memory.
    offset: Offset,
    /// Whether somebody looks into its stage.
    is_open: Cell<bool>,
    pub(crate) slot: Slot,
}

const _: () = assert!(size_of::<Task>() == 16 + size_of::<Slot>());

/// A task with its future, of type `F`.
#[repr(C)]
struct Body<F: Future> {
    task: Task,
    stage: UnsafeCell<Stage<F>>,
}

/// What can be done with a task whose future's type is not known. Each function is to be called with a pointer
/// to a body of the type it was made for.
struct Kind {
    run: unsafe fn(NonNull<Task>, &mut Context<'_>) -> Option<Outcome>,
    /// Its second argument points to an `Option<Result<T, Exit>>`, where `T` is what the future returns.
    take: unsafe fn(NonNull<Task>, NonNull<()>),
    end: unsafe fn(NonNull<Task>),
}

/// A counted pointer to a task, as the hub holds it.
pub(crate) struct TaskRef(NonNull<Task>);

/// A task whose future returns `T`, as its handle holds it.
pub(crate) struct Joinable<T> {
    task: TaskRef,
    returns: PhantomData<T>,
}

impl<F: Future> Body<F> {
    const LAYOUT: Layout = Layout::new::<Self>();

    const KIND: &'static Kind = &Kind {
        run: Self::run,
        take: Self::take,
        end: Self::end,
    };

    /// A new body, to which one pointer leads.
    #[inline]
    fn allocate(stage: Stage<F>) -> TaskRef {
        let (memory, offset) = blocks::take(Self::LAYOUT);
        let memory = memory.cast::<Self>();
        let body = Body {
            task: Task {
                kind: Self::KIND,
                count: Cell::new(1),
                offset,
                is_open: Cell::new(false),
                slot: Slot::empty(),
            },
            stage: UnsafeCell::new(stage),
        };
        // SAFETY: the memory is of this layout and nobody else's.
        unsafe { memory.write(body) };
        TaskRef(memory.cast())
    }

    /// Calls `f` with the stage.
    ///
    /// # Panics
    /// When a call of this is in progress.
    ///
    /// # Safety
    /// `task` leads to a body of this type, which lives until `f` has returned.
    #[inline]
    unsafe fn with<R>(task: NonNull<Task>, f: impl FnOnce(Pin<&mut Stage<F>>) -> R) -> R {
        // SAFETY: by the caller's promise; a body is only ever borrowed shared.
        let body = unsafe { task.cast::<Self>().as_ref() };
        let _open = Open::new(&body.task);
        // SAFETY: nobody else has a reference into the cell: they come from here alone, and one that is in use keeps the
        // task open, for which `Open::new` panics. It stays where it is; see the file's page.
        f(unsafe { Pin::new_unchecked(&mut *body.stage.get()) })
    }

    unsafe fn run(task: NonNull<Task>, cx: &mut Context<'_>) -> Option<Outcome> {
        // SAFETY: the caller's promise is passed on.
        unsafe { Self::with(task, |stage| stage.run(cx)) }
    }

    unsafe fn take(task: NonNull<Task>, place: NonNull<()>) {
        // SAFETY: the caller's promise is passed on.
        let taken = unsafe { Self::with(task, |stage| stage.take()) };
        let place = place.cast::<Option<Result<F::Output, Exit>>>();
        // SAFETY: the caller's promise: it points to one of these. What it held is dropped.
        unsafe { *place.as_ptr() = taken };
    }

    unsafe fn end(task: NonNull<Task>) {
        /// Gives the memory back also if a destructor panics.
        struct Memory<F: Future>(NonNull<Body<F>>, Offset);

        impl<F: Future> Drop for Memory<F> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: `allocate` took it with this layout and at this offset, the pointer is the one that it got, and
                // what was in the memory has been dropped.
                unsafe { blocks::give_back(self.0.cast(), self.1, Body::<F>::LAYOUT) }
            }
        }

        // SAFETY: the caller's promise: there is a task.
        let memory = Memory(task.cast::<Self>(), unsafe { task.as_ref() }.offset);
        // SAFETY: the last pointer has gone, so it is dropped once and used by nobody.
        unsafe { memory.0.drop_in_place() };
    }
}

/// Says of a task that somebody looks into its stage, until it is dropped.
struct Open<'a>(&'a Cell<bool>);

impl<'a> Open<'a> {
    #[inline]
    fn new(task: &'a Task) -> Self {
        assert!(
            !task.is_open.replace(true),
            "a task is polled within its own poll"
        );
        Open(&task.is_open)
    }
}

impl Drop for Open<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl TaskRef {
    /// Polls the future; tells how it ended, if it did.
    #[inline]
    pub(crate) fn run(&self, cx: &mut Context<'_>) -> Option<Outcome> {
        // SAFETY: the functions of its kind are called with what they were made for.
        unsafe { (self.kind.run)(self.0, cx) }
    }

    /// What stands in the table for a hub's root.
    pub(crate) fn of_root() -> Self {
        Body::<Ready<()>>::allocate(Stage::Root)
    }
}

impl Deref for TaskRef {
    type Target = Task;

    #[inline]
    fn deref(&self) -> &Task {
        // SAFETY: its count keeps the task alive, and a task is only ever borrowed shared.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for TaskRef {
    #[inline]
    fn clone(&self) -> Self {
        // The hub and the handle hold a handful; nobody else can copy one and forget it.
        self.count.set(self.count.get() + 1);
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        let count = self.count.get() - 1;
        self.count.set(count);
        if count == 0 {
            let end = self.kind.end;
            // SAFETY: the functions of its kind are called with what they were made for, and this was the last
            // pointer to it.
            unsafe { end(self.0) }
        }
    }
}

impl<T> Joinable<T> {
    /// A task around `future`, whose slot is to be filled in.
    #[inline]
    pub(crate) fn new<F: Future<Output = T>>(future: F) -> Self {
        Self::of(Body::allocate(Stage::Living { future }))
    }

    /// A task that has returned `value` already; its slot is to say so.
    pub(crate) fn ready(value: T) -> Self {
        let result = Some(Ok(value));
        Self::of(Body::<Ready<T>>::allocate(Stage::Ended { result }))
    }

    /// To be called with a task whose future returns `T`.
    #[inline]
    fn of(task: TaskRef) -> Self {
        let returns = PhantomData;
        Joinable { task, returns }
    }

    /// The same task as the hub holds it.
    #[inline]
    pub(crate) fn task(&self) -> &TaskRef {
        &self.task
    }

    /// Its result, for whoever asks first after the end.
    #[inline]
    pub(crate) fn take(&self) -> Option<Result<T, Exit>> {
        self.slot.set(Flags::TAKEN);
        let mut result: Option<Result<T, Exit>> = None;
        let place = NonNull::from(&mut result).cast();
        // SAFETY: the functions of its kind are called with what they were made for, and `of` with a task whose future
        // returns `T`, so that `place` points to what is asked for.
        unsafe { (self.kind.take)(self.task.0, place) };
        result
    }
}

impl<T> Deref for Joinable<T> {
    type Target = Task;

    #[inline]
    fn deref(&self) -> &Task {
        &self.task
    }
}
