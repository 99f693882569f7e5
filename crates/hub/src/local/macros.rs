//! The macro, which does no more than call a constructor.

/// Declares statics of which each green thread has a value of its own, as
/// [`thread_local!`](std::thread_local) does for OS threads.
///
/// A value is made when its green thread first asks for it, by the expression given here, and dropped
/// when the green thread ends, however it ends. Each static is a [`GreenLocal`](crate::GreenLocal),
/// which says how the value is reached, when it is dropped and what holds outside of a green thread. It is
/// the job of eventlet's `corolocal.local`.
///
/// A spawned green thread begins with fresh values. Where the line before the `static` says `#[inherit]`, it
/// begins with clones of what its spawner has at the time of the spawn; the type must be `Clone`. What the
/// one changes later, the other does not see, unless the clone shares it, as that of an `Rc` does. A value
/// that the spawner has not asked for yet is not there to be inherited.
///
/// # Example
/// ```
/// use std::cell::{Cell, RefCell};
/// use evlet_hub::{green_local, run, spawn};
///
/// green_local! {
///     /// What this green thread has noted.
///     static NOTES: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
///
///     /// For whom it works, and those that it spawns.
///     #[inherit]
///     pub static USER: Cell<u32> = Cell::new(0);
/// }
///
/// run(async {
///     USER.set(7);
///     NOTES.with_borrow_mut(|notes| notes.push("mine"));
///     let child = spawn(async { (USER.get(), NOTES.take()) });
///     assert_eq!(child.wait().await.unwrap(), (7, vec![]));
///     assert_eq!(NOTES.take(), ["mine"]);
/// });
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __green_local {
    () => {};
    (@take [$($attr:tt)*] [$($inherit:tt)*] #[inherit] $($rest:tt)*) => {
        $crate::__green_local!(@take [$($attr)*] [inherit] $($rest)*);
    };
    (@take [$($attr:tt)*] [$($inherit:tt)*] #[$next:meta] $($rest:tt)*) => {
        $crate::__green_local!(@take [$($attr)* #[$next]] [$($inherit)*] $($rest)*);
    };
    (@take [$($attr:tt)*] [] $vis:vis static $name:ident: $t:ty = $init:expr
        $(; $($rest:tt)*)?) => {
        $($attr)*
        $vis static $name: $crate::GreenLocal<$t> = $crate::GreenLocal::own(|| $init);
        $($crate::__green_local!($($rest)*);)?
    };
    (@take [$($attr:tt)*] [inherit] $vis:vis static $name:ident: $t:ty = $init:expr
        $(; $($rest:tt)*)?) => {
        $($attr)*
        $vis static $name: $crate::GreenLocal<$t> = $crate::GreenLocal::inherited(|| $init);
        $($crate::__green_local!($($rest)*);)?
    };
    ($($item:tt)+) => {
        $crate::__green_local!(@take [] [] $($item)+);
    };
}
