//! How expected output is written down: plain lines, with marks where a run may differ from the
//! last one.
//!
//! | mark | stands for |
//! |---|---|
//! | `{n}` | a whole number: `0`, `1234` |
//! | `{port}` | a whole number from 1 to 65535 |
//! | `{time}` | a number, with or without a point, and its unit if there is one: `2.41 s`, `150µs`, `0.7` |
//! | `{any}` | any text, also none, within the line |
//! | `...` alone on a line | any number of lines, also none |
//!
//! Blanks: a run of blanks equals any other run of blanks, and those at a line's two ends do not
//! count, so that a column that grows wider does not fail a table. Everything else must be equal.

/// Compares what a program printed with what was expected of it. The error shows the first line
/// that nothing could match, and everything that was printed.
pub(crate) fn compare(expected: &str, printed: &str) -> Result<(), String> {
    let patterns: Vec<&str> = expected.trim_end().lines().collect();
    let lines: Vec<&str> = printed.trim_end().lines().collect();
    let mut furthest = (0, 0);
    if all_match(&patterns, &lines, (0, 0), &mut furthest) {
        return Ok(());
    }
    let (pattern, line) = furthest;
    Err(format!(
        "expected here: {}\nprinted here (line {}): {}\nprinted in all:\n{}",
        patterns.get(pattern).unwrap_or(&"(the end)"),
        line + 1,
        lines.get(line).unwrap_or(&"(the end)"),
        lines.join("\n"),
    ))
}

/// `at` is where both sides stand; `furthest` remembers the deepest place that was reached, for the
/// message.
fn all_match(
    patterns: &[&str],
    lines: &[&str],
    at: (usize, usize),
    furthest: &mut (usize, usize),
) -> bool {
    let (mut p, mut l) = at;
    while p < patterns.len() && patterns[p].trim() != "..." {
        if l >= lines.len() || !line_matches(patterns[p], lines[l]) {
            *furthest = (*furthest).max((p, l));
            return false;
        }
        (p, l) = (p + 1, l + 1);
    }
    if p == patterns.len() {
        *furthest = (*furthest).max((p, l));
        return l == lines.len();
    }
    // A `...`: the rest may begin at any of the lines that are left, the nearest first.
    (l..=lines.len()).any(|next| all_match(patterns, lines, (p + 1, next), furthest))
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (single_blanks(pattern), single_blanks(line));
    rest_matches(&parts(&pattern), &line)
}

fn single_blanks(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Number { limit: u64 },
    Time,
    Any,
}

const MARKS: &[(&str, Part<'static>)] = &[
    ("{n}", Part::Number { limit: u64::MAX }),
    ("{port}", Part::Number { limit: 65535 }),
    ("{time}", Part::Time),
    ("{any}", Part::Any),
];

fn parts(mut pattern: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while !pattern.is_empty() {
        let next_mark = MARKS
            .iter()
            .filter_map(|(mark, part)| Some((pattern.find(mark)?, *mark, *part)))
            .min_by_key(|(at, _, _)| *at);
        let Some((at, mark, part)) = next_mark else {
            parts.push(Part::Text(pattern));
            break;
        };
        if at > 0 {
            parts.push(Part::Text(&pattern[..at]));
        }
        parts.push(part);
        pattern = &pattern[at + mark.len()..];
    }
    parts
}

fn rest_matches(parts: &[Part<'_>], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    match *first {
        Part::Text(expected) => text
            .strip_prefix(expected)
            .is_some_and(|left| rest_matches(rest, left)),
        Part::Number { limit } => {
            let (number, left) = split_digits(text);
            let fits = limit == u64::MAX
                || number
                    .parse::<u64>()
                    .is_ok_and(|n| (1..=limit).contains(&n));
            !number.is_empty() && fits && rest_matches(rest, left)
        }
        Part::Time => after_time(text).is_some_and(|left| {
            rest_matches(rest, left) || without_unit(left).is_some_and(|l| rest_matches(rest, l))
        }),
        Part::Any => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .any(|at| rest_matches(rest, &text[at..])),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn after_time(text: &str) -> Option<&str> {
    let (whole, left) = split_digits(text);
    if whole.is_empty() {
        return None;
    }
    let fraction = left.strip_prefix('.').map(split_digits);
    Some(match fraction {
        Some((digits, left)) if !digits.is_empty() => left,
        _ => left,
    })
}

fn without_unit(text: &str) -> Option<&str> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    ["ns", "µs", "us", "ms", "min", "s"]
        .iter()
        .find_map(|unit| text.strip_prefix(unit))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[track_caller]
    fn same(expected: &str, printed: &str) {
        if let Err(why) = compare(expected, printed) {
            panic!("{why}");
        }
    }

    #[track_caller]
    fn different(expected: &str, printed: &str) {
        assert!(
            compare(expected, printed).is_err(),
            "{expected:?} took {printed:?}"
        );
    }

    #[test]
    fn plain_lines_must_be_equal() {
        same("12\n56\n34\n", "12\n56\n34\n");
        different("12\n56\n34\n", "12\n56\n");
        different("12\n56\n", "12\n56\n34\n");
        different("", "12\n");
    }

    #[test]
    fn numbers_and_ports() {
        same("got body {n}", "got body 4096");
        different("got body {n}", "got body many");
        same(
            "listening on 127.0.0.1:{port}",
            "listening on 127.0.0.1:40123",
        );
        different("listening on 127.0.0.1:{port}", "listening on 127.0.0.1:0");
        different(
            "listening on 127.0.0.1:{port}",
            "listening on 127.0.0.1:70000",
        );
    }

    #[test]
    fn times_with_and_without_a_unit() {
        for time in ["2 s", "2.41 s", "150µs", "0.7", "12.5ms"] {
            same("took {time}.", &format!("took {time}."));
        }
        different("took {time}.", "took long.");
        same("{time} and {time}", "1.5 s and 2ms");
    }

    #[test]
    fn lines_left_open() {
        same("a\n...\nz", "a\nz");
        same("a\n...\nz", "a\nb\nc\nz");
        same("...\nb\n...\nb\nc", "a\nb\nx\nb\nc");
        different("a\n...\nz", "a\nb");
        same("x {any} y", "x - y");
        same("x{any}y", "x to y");
    }

    #[test]
    fn columns_may_grow() {
        same("pages   {n}", "pages      12345");
        different("pages {n}", "pages12");
    }

    #[test]
    fn the_error_names_the_first_line_that_differs() {
        let why = compare("a\n{n}\nc", "a\nb\nc").unwrap_err();
        assert!(why.contains("expected here: {n}"), "{why}");
        assert!(why.contains("(line 2): b"), "{why}");
    }
}
