//! How a file opens, how long it is, what it may be called.
//!
//! * Every Rust file opens with `//!`: what it is for, before anything else.
//! * A file of more than 450 lines says why in those opening lines, with the words "over 450
//!   lines".
//! * No drawer names: a file is named after its one idea.

use super::Source;
use crate::steps::{Verdict, verdict_of};

const LONGEST: usize = 450;
const REASON: &str = "over 450 lines";
const DRAWERS: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

pub(super) fn check(sources: &[Source]) -> Verdict {
    verdict_of(sources.iter().map(check_one))
}

fn check_one(source: &Source) -> Result<(), String> {
    let path = &source.path;
    let opening = opening_lines(&source.text);
    if opening.is_empty() {
        return Err(format!(
            "{path}: does not open with //! (say what the file is for)"
        ));
    }
    let lines = source.text.lines().count();
    if lines > LONGEST && !opening.contains(REASON) {
        return Err(format!(
            "{path}: {lines} lines. Split it by idea, or say in its opening lines why it is {REASON}"
        ));
    }
    let is_drawer = |part: &str| DRAWERS.contains(&part.trim_end_matches(".rs"));
    match path.split('/').find(|part| is_drawer(part)) {
        Some(drawer) => Err(format!("{path}: {drawer:?} names a drawer, not an idea")),
        None => Ok(()),
    }
}

/// The `//!` block at the top, as one string with single blanks; empty when there is none.
fn opening_lines(text: &str) -> String {
    let words: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Source, check_one};

    #[track_caller]
    fn check(path: &str, text: &str, trouble: Option<&str>) {
        let found = check_one(&Source {
            path: path.into(),
            text: text.into(),
        });
        match (found, trouble) {
            (Ok(()), None) => {}
            (Err(why), Some(part)) if why.contains(part) => {}
            (found, trouble) => panic!("{path}: {found:?}, expected {trouble:?}"),
        }
    }

    #[test]
    fn opening_line() {
        check("a/b.rs", "//! What it is.\n", None);
        check(
            "a/b.rs",
            "use std::io;\n//! Too late.\n",
            Some("does not open"),
        );
        check("a/b.rs", "", Some("does not open"));
    }

    #[test]
    fn length() {
        let long = "\n".repeat(500);
        check(
            "a/b.rs",
            &format!("//! What it is.\n{long}"),
            Some("501 lines"),
        );
        let reason = "//! One table, so it is over\n//! 450 lines.\n";
        check("a/b.rs", &format!("{reason}{long}"), None);
    }

    #[test]
    fn drawers() {
        check("a/utils.rs", "//! x\n", Some("drawer"));
        check("a/common/mod.rs", "//! x\n", Some("drawer"));
        check("a/shared_queue.rs", "//! x\n", None);
    }
}
