//! What the tests say they show.
//!
//! An annotation is a comment between whose line and its test's `fn` stand only comments and
//! attributes: `// conformance 47, 48; proves D-2`, `// Conformance case 121: why`, `// looping case 8`.
//! One that stands above anything else is reported: its test was moved away from it.

use super::cases::{Id, Source};
use crate::test_names::short;

/// One case named at one place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Annotation {
    pub(super) id: Id,
    /// The file and the line.
    pub(super) at: String,
    /// The file, short, and the function. `None`: there is no test below.
    pub(super) test: Option<String>,
}

/// How annotations begin, and whose cases they name.
const WORDS: &[(&str, Source)] = &[
    ("conformance", Source::Eventlet),
    ("looping case", Source::OpenStack),
    ("openstack case", Source::OpenStack),
];

pub(super) fn read(path: &str, text: &str, found: &mut Vec<Annotation>) {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(comment) = comment(line) else {
            continue;
        };
        // Programs without libtest have a list of functions instead of attributes.
        let any_function = path.contains("/tests/alone/");
        let mut test = None;
        for id in comment.split(';').flat_map(cases_named) {
            let test = test.get_or_insert_with(|| test_below(&lines[at..], any_function));
            found.push(Annotation {
                id,
                at: format!("{path}:{}", at + 1),
                test: test.map(|name| format!("{}::{name}", short(path))),
            });
        }
    }
}

/// The words of a plain comment; those of documentation are no annotations.
fn comment(line: &str) -> Option<&str> {
    let comment = line.strip_prefix("//")?;
    (!comment.starts_with(['/', '!'])).then_some(comment)
}

fn cases_named(piece: &str) -> Vec<Id> {
    let piece = piece.trim_start().to_lowercase();
    for &(word, source) in WORDS {
        let Some(rest) = piece.strip_prefix(word) else {
            continue;
        };
        let rest = rest.strip_prefix(" cases").unwrap_or(rest);
        let rest = rest.strip_prefix(" case").unwrap_or(rest);
        return numbers(rest)
            .into_iter()
            .map(|number| Id { source, number })
            .collect();
    }
    Vec::new()
}

/// ` 47, 48 and then words`: 47 and 48.
fn numbers(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let part = part.trim_start();
        let digits = part.split(|c: char| !c.is_ascii_digit()).next();
        let Some(number) = digits.and_then(|digits| digits.parse().ok()) else {
            break;
        };
        numbers.push(number);
        if part.len() > digits.map_or(0, str::len) {
            break;
        }
    }
    numbers
}

/// The name of the test that these lines lead to.
fn test_below<'a>(lines: &[&'a str], any_function: bool) -> Option<&'a str> {
    let mut is_test = any_function;
    for line in lines {
        if line.starts_with("#[") {
            is_test |= line.contains("test");
        } else if !line.starts_with("//") {
            let (_, name) = line.split_once("fn ")?;
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
            return is_test.then_some(&name[..end]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::read;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let mut found = Vec::new();
        read("crates/green/tests/it/queue.rs", text, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|annotation| (annotation.id.to_string(), annotation.test.as_deref()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|&(id, test)| (id.to_owned(), test))
            .collect();
        assert_eq!(found, expected);
    }

    const TEST: Option<&str> = Some("green/queue.rs::works");

    #[test]
    fn all_forms() {
        check(
            "// conformance 47, 48; proves D-2\n#[test]\nfn works() {",
            &[("eventlet 47", TEST), ("eventlet 48", TEST)],
        );
        check(
            "    // Conformance case 121: an address,\n    // 3 of them\n    #[test]\n    fn works() {",
            &[("eventlet 121", TEST)],
        );
        check(
            "// proves D-2; looping case 8\n/// What.\n#[evlet::test]\nasync fn works() {",
            &[("openstack 8", TEST)],
        );
        check(
            "// conformance 129, proves C-4: one\n#[test]\nfn works() {",
            &[("eventlet 129", TEST)],
        );
    }

    #[test]
    fn others_are_none() {
        check("/// conformance 47\n#[test]\nfn works() {", &[]);
        check("// of conformance, 47 words\n#[test]\nfn works() {", &[]);
        check("looping.start(8)", &[]);
    }

    #[test]
    fn above_no_test() {
        let stray = &[("eventlet 47", None)];
        check("// conformance 47\n\n#[test]\nfn works() {", stray);
        check("// conformance 47\nfn works() {", stray);
        check("// conformance 47\n", stray);
    }
}
