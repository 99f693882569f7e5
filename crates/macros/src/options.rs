//! What stands between the parentheses of `#[evlet::main(…)]` and `#[evlet::test(…)]`.
//!
//! Each option becomes one call on `HubBuilder`. All mistakes of one list are reported together,
//! each at its own place, so that they can be mended in one go.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Meta, MetaNameValue, Token};

/// The options, read and found to be good.
#[derive(Debug, Default)]
pub(crate) struct Options {
    virtual_time: Option<bool>,
    seed: Option<u64>,
    watchdog_nanos: Option<u64>,
}

const KNOWN: &str = "the options are `virtual_time = true`, `seed = 7` and `watchdog = \"100ms\"`";

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Options, Error> {
        let list = Punctuated::<Meta, Token![,]>::parse_terminated
            .parse2(tokens)
            .map_err(|e| Error::new(e.span(), format!("{e}; {KNOWN}")))?;
        let mut options = Options::default();
        let mut mistakes: Option<Error> = None;
        for option in list {
            if let Err(mistake) = options.take(&option) {
                match &mut mistakes {
                    None => mistakes = Some(mistake),
                    Some(all) => all.combine(mistake),
                }
            }
        }
        mistakes.map_or(Ok(options), Err)
    }

    /// The calls on a `HubBuilder`, to be written after one. `virtual_time` is what holds when the
    /// list is silent.
    pub(crate) fn builder_calls(&self, virtual_time: bool) -> TokenStream {
        let virtual_time = self.virtual_time.unwrap_or(virtual_time);
        let seed = self.seed.map(|seed| quote!(.seed(#seed)));
        let watchdog = self
            .watchdog_nanos
            .map(|nanos| quote!(.watchdog(::core::time::Duration::from_nanos(#nanos))));
        quote!(.virtual_time(#virtual_time) #seed #watchdog)
    }

    fn take(&mut self, option: &Meta) -> Result<(), Error> {
        let Meta::NameValue(MetaNameValue { path, value, .. }) = option else {
            return Err(Error::new(
                option.span(),
                format!("a value is missing: {KNOWN}"),
            ));
        };
        let name = path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        let repeated = match name.as_str() {
            "virtual_time" => self.virtual_time.replace(boolean(value)?).is_some(),
            "seed" => self.seed.replace(number(value)?).is_some(),
            "watchdog" => self.watchdog_nanos.replace(duration(value)?).is_some(),
            _ => return Err(Error::new(path.span(), format!("unknown option: {KNOWN}"))),
        };
        if repeated {
            return Err(Error::new(path.span(), format!("`{name}` is given twice")));
        }
        Ok(())
    }
}

fn boolean(value: &Expr) -> Result<bool, Error> {
    match literal(value) {
        Some(Lit::Bool(value)) => Ok(value.value),
        _ => Err(Error::new(value.span(), "`true` or `false` is expected")),
    }
}

fn number(value: &Expr) -> Result<u64, Error> {
    let parsed = match literal(value) {
        Some(Lit::Int(value)) => value.base10_parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| {
        Error::new(
            value.span(),
            "a whole number that fits in u64 is expected, like `7`",
        )
    })
}

fn duration(value: &Expr) -> Result<u64, Error> {
    match literal(value) {
        Some(Lit::Str(value)) => nanoseconds(value),
        _ => Err(Error::new(value.span(), DURATION)),
    }
}

const DURATION: &str =
    "a duration is expected, in quotes: a whole number and ns, us, ms, s or min, like \"100ms\"";

fn nanoseconds(text: &LitStr) -> Result<u64, Error> {
    let value = text.value();
    let value = value.trim();
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let factor = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        _ => return Err(Error::new(text.span(), DURATION)),
    };
    let nanos = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    match nanos {
        Some(0) => Err(Error::new(
            text.span(),
            "a duration of zero would report every poll; leave the option out instead",
        )),
        Some(nanos) => Ok(nanos),
        None => Err(Error::new(text.span(), DURATION)),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}
