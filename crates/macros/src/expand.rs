//! The function that comes out, and what is refused.
//!
//! The `async fn` is kept as it was written, inside of a plain function with the same name and
//! return type:
//!
//! ```text
//! fn main() -> R {
//!     async fn main() -> R { body }
//!     hub.run(main())
//! }
//! ```
//!
//! An inner function, and not an `async` block around the body, because then `return`, `?` and
//! every type error mean and say exactly what they would in the function that the user wrote.
//!
//! When something is wrong the answer is the error *and* the function with its body left out, so
//! that the compiler does not add "`main` function not found" to it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemFn};

use crate::options::Options;

pub(crate) fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    expand(Kind::Main, options, function)
}

pub(crate) fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    expand(Kind::Test, options, function)
}

#[derive(Clone, Copy)]
enum Kind {
    Main,
    Test,
}

impl Kind {
    fn attribute(self) -> &'static str {
        match self {
            Kind::Main => "#[evlet::main]",
            Kind::Test => "#[evlet::test]",
        }
    }
}

fn expand(kind: Kind, options: TokenStream, function: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(function.clone()) {
        Ok(function) => function,
        Err(e) => {
            let message = format!("{} stands on an async fn: {e}", kind.attribute());
            let error = Error::new(e.span(), message).into_compile_error();
            return quote!(#error #function);
        }
    };
    let options = match (accept(kind, &function), Options::parse(options)) {
        (Ok(()), Ok(options)) => options,
        (Err(mut one), Err(other)) => {
            one.combine(other);
            return refused(&one, &function);
        }
        (Err(e), Ok(_)) | (Ok(()), Err(e)) => return refused(&e, &function),
    };
    runs_on_a_hub(kind, &options, function)
}

fn runs_on_a_hub(kind: Kind, options: &Options, mut function: ItemFn) -> TokenStream {
    let attributes = std::mem::take(&mut function.attrs);
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let (test, virtual_time) = match kind {
        Kind::Main => (None, false),
        Kind::Test => (Some(quote!(#[::core::prelude::v1::test])), true),
    };
    let calls = options.builder_calls(virtual_time);
    let (name, output) = (&function.sig.ident, &function.sig.output);
    quote! {
        #(#attributes)*
        #test
        #visibility fn #name() #output {
            #function
            match ::evlet::Hub::builder() #calls .build() {
                ::core::result::Result::Ok(hub) => hub.run(#name()),
                ::core::result::Result::Err(e) => ::core::panic!("evlet: the system gives no hub: {e}"),
            }
        }
    }
}

/// The error, and a function that keeps the compiler from complaining about its absence.
fn refused(error: &Error, function: &ItemFn) -> TokenStream {
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let error = error.to_compile_error();
    quote! {
        #error
        #[allow(dead_code, reason = "stands for the one that was refused")]
        #visibility fn #name() {}
    }
}

fn accept(kind: Kind, function: &ItemFn) -> Result<(), Error> {
    let mut mistakes: Vec<Error> = Vec::new();
    let mut refuse = |place: &dyn ToTokens, why: &str| {
        let message = format!("{} {why}", kind.attribute());
        mistakes.push(Error::new(place.to_token_stream().span(), message));
    };
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        refuse(&signature.fn_token, "runs an async fn: write `async fn`");
    }
    if !signature.inputs.is_empty() {
        refuse(
            &signature.inputs,
            "calls the function without arguments: take them out (a program's own are in std::env::args)",
        );
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() {
        refuse(
            &generics.params,
            "cannot choose types: take the generics out",
        );
    } else if let Some(clause) = &generics.where_clause {
        refuse(clause, "cannot choose types: take the where clause out");
    }
    if let Some(abi) = &signature.abi {
        refuse(abi, "makes a Rust function: take `extern` out");
    }
    if let Some(token) = &signature.unsafety {
        refuse(
            token,
            "calls the function itself: take the keyword out and mark the lines that need it",
        );
    }
    mistakes
        .into_iter()
        .reduce(|mut all, one| {
            all.combine(one);
            all
        })
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    fn tokens(source: &str) -> TokenStream {
        source
            .parse()
            .expect("the test's own source is well-formed")
    }

    /// The expansion as text with every blank taken out: the printer's spacing is no promise.
    fn main(options: &str, function: &str) -> String {
        super::main(tokens(options), tokens(function))
            .to_string()
            .replace(' ', "")
    }

    fn test(options: &str, function: &str) -> String {
        super::test(tokens(options), tokens(function))
            .to_string()
            .replace(' ', "")
    }

    #[track_caller]
    fn refused(options: &str, function: &str, messages: &[&str]) {
        let expansion = super::main(tokens(options), tokens(function)).to_string();
        for message in messages {
            assert!(
                expansion.contains(message),
                "{message:?} is not in {expansion}"
            );
        }
        let errors = expansion.matches("compile_error").count();
        assert_eq!(errors, messages.len(), "{expansion}");
    }

    #[test]
    fn options_become_calls_on_the_builder() {
        let plain = main("", "async fn main() {}");
        assert!(plain.contains(".virtual_time(false).build()"), "{plain}");
        let all = main(
            r#"virtual_time = true, seed = 7, watchdog = "100ms","#,
            "async fn main() {}",
        );
        let expected = ".virtual_time(true).seed(7u64).watchdog(::core::time::Duration::from_nanos(100000000u64)).build()";
        assert!(all.contains(expected), "{all}");
    }

    #[test]
    fn tests_run_in_virtual_time_unless_they_say_otherwise() {
        assert!(test("", "async fn t() {}").contains(".virtual_time(true)"));
        assert!(test("virtual_time = false", "async fn t() {}").contains(".virtual_time(false)"));
        assert!(test("", "async fn t() {}").contains("#[::core::prelude::v1::test]"));
    }

    #[test]
    fn attributes_visibility_and_return_type_stay_outside() {
        let expansion = test(
            "",
            "#[ignore] pub(crate) async fn t() -> io::Result<()> { Ok(()) }",
        );
        assert!(expansion.contains("#[ignore]#[::core::prelude::v1::test]pub(crate)fnt()->io::Result<()>{asyncfnt()->io::Result<()>"), "{expansion}");
    }

    #[test]
    fn what_is_no_async_function_is_refused() {
        refused("", "fn main() {}", &["write `async fn`"]);
        refused("", "async fn main(x: u8) {}", &["without arguments"]);
        refused("", "async fn main<T>() {}", &["take the generics out"]);
        refused(
            "",
            "async fn main() where u8: Copy {}",
            &["take the where clause out"],
        );
        refused("", "struct Main;", &["stands on an async fn"]);
        refused(
            "",
            "fn main<T>(x: T) {}",
            &[
                "write `async fn`",
                "without arguments",
                "take the generics out",
            ],
        );
    }

    #[test]
    fn a_refused_function_still_exists() {
        assert!(main("", "fn main() { body() }").contains("fnmain(){}"));
    }

    #[test]
    fn bad_options_are_refused_all_at_once() {
        let known = "the options are";
        refused("speed = 7", "async fn main() {}", &[known]);
        refused("seed", "async fn main() {}", &[known]);
        refused("7", "async fn main() {}", &[known]);
        refused(
            "seed = \"x\"",
            "async fn main() {}",
            &["a whole number that fits"],
        );
        refused(
            "seed = -1",
            "async fn main() {}",
            &["a whole number that fits"],
        );
        refused(
            "seed = 99999999999999999999",
            "async fn main() {}",
            &["a whole number that fits"],
        );
        refused("seed = 1, seed = 2", "async fn main() {}", &["given twice"]);
        refused(
            "virtual_time = 1",
            "async fn main() {}",
            &["`true` or `false`"],
        );
        refused(
            "virtual_time = maybe, watchdog = 100",
            "async fn main() {}",
            &["`true` or `false`", "in quotes"],
        );
    }

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, nanos) in [
            ("1ns", 1_u64),
            ("5us", 5_000),
            ("5 ms", 5_000_000),
            ("2s", 2_000_000_000),
            ("1min", 60_000_000_000),
        ] {
            let expansion = main(&format!("watchdog = {text:?}"), "async fn main() {}");
            assert!(
                expansion.contains(&format!("from_nanos({nanos}u64)")),
                "{expansion}"
            );
        }
        for text in ["", "5", "ms", "1.5s", "-1s", "5 minutes", "99999999999min"] {
            refused(
                &format!("watchdog = {text:?}"),
                "async fn main() {}",
                &["in quotes"],
            );
        }
        refused(
            "watchdog = \"0s\"",
            "async fn main() {}",
            &["leave the option out"],
        );
    }
}
