//! How many threads the pool may have, when nobody has said so in the program.

const DEFAULT_SIZE: usize = 20;
const VARIABLE: &str = "EVLET_THREADPOOL_SIZE";

/// What the environment says, and what is to be told about it.
pub(super) fn from_environment() -> (usize, Option<String>) {
    let Some(text) = std::env::var_os(VARIABLE) else {
        return (DEFAULT_SIZE, None);
    };
    if let Some(size) = text.to_str().and_then(|text| text.trim().parse().ok()) {
        return (size, None);
    }
    let trouble = format!(
        "{VARIABLE} is {text:?}, which is not a number of threads: there will be up to {DEFAULT_SIZE}"
    );
    (DEFAULT_SIZE, Some(trouble))
}
