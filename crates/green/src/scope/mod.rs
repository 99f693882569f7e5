//! A scope: concurrent children that may borrow from around it, none of which outlives it.
//!
//! | file | holds |
//! |---|---|
//! | `handle` | [`Scope`]: what spawns children |
//! | `child` | [`Child`]: the handle of one |
//! | `outcome` | what a child may return |
//! | `line` | those that are ready, in order |
//! | `member` | a child as the scope holds it: a panic contained, a cancel seen |
//! | `run` | the future that owns the children and polls those that were woken |
//!
//! # Why it is sound
//! A spawned green thread belongs to the hub, so it must own all it touches. A child of a scope belongs
//! to the *future* of the scope, which polls it: whoever drops that future drops the children with it, and whoever
//! leaks it leaks their borrows too, since nobody can poll them any more. No `unsafe` is involved, so
//! there is nothing to be got wrong. See `docs/src/decisions/0022-a-scope-owns-its-children.md`.

mod child;
mod handle;
mod line;
mod member;
mod outcome;
mod run;

pub use child::Child;
pub use handle::Scope;
pub use outcome::Outcome;
pub use run::Scoped;

use std::future::Future;

/// Runs what `body` makes, together with the children that it spawns through the [`Scope`]; done when
/// all of them are.
///
/// Children may borrow from outside the scope. None outlives it: when the future returned here is done or
/// dropped, they are gone. They run in the same green thread as the scope, one at a time, in the
/// order in which they became ready; a wake-up polls the child that it is for and no other.
///
/// # The first failure is the result
/// When the body or a child returns an error, the others are dropped where they wait, youngest first, and the
/// error is what the scope returns. When one panics, the others are dropped too, and the panic goes on
/// from here, in the green thread that awaits the scope. Without failure the result is the body's.
///
/// The body returns a `Result`, whose error type is that of the children too. Where nothing can
/// fail, it is [`Infallible`](std::convert::Infallible).
///
/// # What `ps` shows
/// Children are no green threads: they have no id and no name, and
/// [`green_threads`](evlet_hub::green_threads) has one line for the whole scope, that of the green thread it
/// runs in, at the line where the child that ran last waits. Locals are those of that green thread. A deadline
/// ([`within`](evlet_hub::within())) around the spawn of a child stands in the child. A scope whose children wait
/// only for each other is not seen as a deadlock.
///
/// # Panics
/// When a child or the body panics, with that payload.
///
/// # Cancel safety
/// Dropping it drops the body and the children, youngest first.
///
/// # Example
/// ```
/// use evlet_green::scope;
/// use std::num::ParseIntError;
///
/// evlet_hub::run(async {
///     let text = String::from("3 4 5");
///     let words: Vec<&str> = text.split(' ').collect();
///     let words = &words;
///     let sum = scope(|s| async move {
///         let children: Vec<_> = words
///             .iter()
///             .map(|word| s.spawn(async move { word.parse::<u32>() }))
///             .collect();
///         let mut sum = 0;
///         for child in children {
///             // Had it failed, the scope would be over, and this line not reached.
///             sum += child.await.unwrap_or(0);
///         }
///         Ok::<u32, ParseIntError>(sum)
///     });
///     assert_eq!(sum.await, Ok(12));
///
///     let failed = scope(|s| async move {
///         s.spawn(async { "many".parse::<u32>() });
///         s.spawn(std::future::pending::<()>());
///         Ok::<(), ParseIntError>(())
///     });
///     assert!(failed.await.is_err());
/// });
/// ```
///
/// What lives inside the scope cannot be borrowed by its children, since they may be dropped after it:
/// ```compile_fail
/// # use evlet_green::scope;
/// # evlet_hub::run(async {
/// scope(|s| async move {
///     let inside = String::new();
///     s.spawn(async { println!("{inside}") });
///     Ok::<(), ()>(())
/// }).await
/// # });
/// ```
/// Nor can a child borrow what is gone before the scope is:
/// ```compile_fail
/// # use evlet_green::scope;
/// # evlet_hub::run(async {
/// let running = {
///     let short = String::new();
///     let short = &short;
///     scope(|s| async move {
///         s.spawn(async move { println!("{short}") });
///         Ok::<(), ()>(())
///     })
/// };
/// running.await
/// # });
/// ```
#[track_caller]
pub fn scope<'env, F, Fut, T, E>(body: F) -> Scoped<'env, T, E>
where
    F: FnOnce(Scope<'env, E>) -> Fut,
    Fut: Future<Output = Result<T, E>> + 'env,
    T: 'env,
    E: 'env,
{
    let scope = Scope::new();
    let future = body(scope.clone());
    Scoped::new(scope, future)
}
