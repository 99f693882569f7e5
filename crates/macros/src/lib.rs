//! The two attributes of evlet: `#[evlet::main]` and `#[evlet::test]`.
//!
//! Both turn an `async fn` into a plain one that makes a hub and runs the body on it. Use them
//! through the `evlet` crate: what they expand to names `::evlet`.
//!
//! | file | idea |
//! |---|---|
//! | `options.rs` | what stands between the parentheses |
//! | `expand.rs` | the function that comes out, and what is refused |

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod expand;
mod options;

/// Runs an `async fn main` on a hub of its own.
///
/// ```text
/// #[evlet::main]
/// async fn main() -> std::io::Result<()> {
///     evlet::sleep(std::time::Duration::from_millis(10)).await;
///     Ok(())
/// }
/// ```
///
/// The function may return whatever a plain `main` may. It returns when its body is done: green
/// threads that still exist are dropped then, they are not waited for.
///
/// # Options
/// Separated by commas, each at most once; they are those of `HubBuilder`:
///
/// | option | value | what it does |
/// |---|---|---|
/// | `virtual_time = true` | a `bool` | time stands still and jumps to the next timer when nothing is ready; default `false` |
/// | `seed = 7` | a `u64` | the seed of the hub's random numbers |
/// | `watchdog = "100ms"` | a whole number and `ns`, `us`, `ms`, `s` or `min` | how long one poll may last before it is reported |
///
/// # Panics
/// The function panics when the system gives it no hub (it has run out of descriptors), and where
/// `Hub::run` does: inside of another
/// hub's run, or when every green thread waits for another one.
///
/// # Errors at compile time
/// The function must be `async` and take neither arguments nor generics; an unknown, repeated or
/// ill-formed option is an error at its own place.
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::main(options.into(), function.into()).into()
}

/// Runs an `async fn` as a test on a hub of its own, in virtual time.
///
/// ```text
/// #[evlet::test]
/// async fn an_hour_takes_no_time() {
///     let start = evlet::now();
///     evlet::sleep(std::time::Duration::from_secs(3600)).await;
///     assert_eq!(evlet::now() - start, std::time::Duration::from_secs(3600));
/// }
/// ```
///
/// The options are those of [`main`](macro@main), except that `virtual_time` is `true` unless the
/// test says `virtual_time = false` (a test that waits for another process or thread may want the
/// real clock). `#[should_panic]`, `#[ignore]` and doc comments keep their meaning, and the test
/// may return a `Result`: an `Err` fails it.
///
/// # Errors at compile time
/// As for [`main`](macro@main).
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::test(options.into(), function.into()).into()
}
