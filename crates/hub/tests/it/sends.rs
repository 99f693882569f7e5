//! What may cross threads and what may not, said to the compiler.

use std::future::Pending;
use std::io::PipeReader;

use evlet_hub::{
    ClockHold, Elapsed, Exit, GreenThread, GreenThreadId, GreenThreadInfo, Hub, HubHandle, Io,
    Kill, RemoteGreenThread, RunError, Sleep, Stats, Timeout,
};

/// Compiles only when `$type` does not implement `$bound`: otherwise both impls fit, and the compiler
/// cannot choose.
macro_rules! assert_not {
    ($type:ty: $bound:ident) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn choose() {}
            }
            struct Both;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $bound> Ambiguous<Both> for T {}
            let _ = <$type as Ambiguous<_>>::choose;
        };
    };
}

macro_rules! assert_is {
    ($type:ty: $($bound:tt)+) => {
        const _: fn() = || {
            fn is<T: ?Sized + $($bound)+>() {}
            is::<$type>();
        };
    };
}

assert_not!(Hub: Send);
assert_not!(Hub: Sync);
assert_not!(GreenThread<u8>: Send);
assert_not!(GreenThread<u8>: Sync);
assert_not!(Io<PipeReader>: Send);
assert_not!(Io<PipeReader>: Sync);
assert_not!(Kill: Send);

assert_is!(HubHandle: Send + Sync + Clone + 'static);
assert_is!(Sleep: Send + Sync + Unpin + 'static);
assert_is!(RemoteGreenThread<u8>: Send + Unpin + 'static);
assert_is!(Timeout<Pending<()>>: Send + Sync);
assert_is!(ClockHold: Send + 'static);
assert_is!(GreenThread<u8>: Unpin);
assert_is!(GreenThreadId: Send + Sync + Copy + Ord + std::hash::Hash + std::fmt::Display);
assert_is!(Stats: Send + Sync);
assert_is!(GreenThreadInfo: Send + Sync);
assert_is!(Exit: Send + std::error::Error);
assert_is!(Elapsed: Send + Sync + std::error::Error + 'static);
assert_is!(RunError: std::error::Error);
