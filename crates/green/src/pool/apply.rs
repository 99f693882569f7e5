//! How `imap` and `starmap` call a function with what an iterator gives.
//!
//! Rust has no way to spread a tuple over arguments, so there is one implementation for each number
//! of arguments, and one for functions that take the tuple as it is. They would overlap but for the
//! marker, which the compiler finds by itself: a function has only one number of arguments.

use std::future::Future;

/// A function that can be applied to `Args` and starts an asynchronous job.
///
/// Implemented for functions and closures that return a future: of one argument, or of two to six
/// arguments when `Args` is a tuple of as many. `Marker` says which; it is inferred.
pub trait Apply<Args, Marker> {
    /// What a job returns.
    type Output: 'static;
    /// The job.
    type Job: Future<Output = Self::Output> + 'static;

    /// Calls the function.
    fn apply(&mut self, args: Args) -> Self::Job;
}

/// Marks a function that takes its input as it is.
#[derive(Debug, Clone, Copy)]
pub enum Whole {}

/// Marks a function over whose arguments a tuple is spread.
#[derive(Debug, Clone, Copy)]
pub enum Spread {}

impl<F, A, R> Apply<A, Whole> for F
where
    F: FnMut(A) -> R,
    R: Future + 'static,
    R::Output: 'static,
{
    type Output = R::Output;
    type Job = R;

    fn apply(&mut self, args: A) -> R {
        self(args)
    }
}

macro_rules! spread {
    ($($arg:ident)+) => {
        impl<F, R, $($arg),+> Apply<($($arg,)+), Spread> for F
        where
            F: FnMut($($arg),+) -> R,
            R: Future + 'static,
            R::Output: 'static,
        {
            type Output = R::Output;
            type Job = R;

            #[allow(non_snake_case, reason = "the arguments are named after their types")]
            fn apply(&mut self, ($($arg,)+): ($($arg,)+)) -> R {
                self($($arg),+)
            }
        }
    };
}

spread!(A B);
spread!(A B C);
spread!(A B C D);
spread!(A B C D E);
spread!(A B C D E G);
