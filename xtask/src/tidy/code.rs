//! A source file without its comments and its strings, so that a rule about words of code is not
//! fooled by a sentence.
//!
//! What is taken out becomes blanks, line ends stay: line numbers still hold. This is not a lexer
//! of all of Rust; it knows comments (nested), strings, raw strings, byte strings and character
//! literals, and tells the latter from lifetimes by looking for the closing quote.

/// The code of a file; what was text or comment is blank.
pub(crate) fn only_code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if starts_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => character_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            code.push(bytes[at]);
            at += 1;
        } else {
            let blanked = bytes[at..end]
                .iter()
                .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' });
            code.extend(blanked);
            at = end;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// The lines (from 1) in which a word of code stands by itself.
pub(crate) fn lines_with_word(code: &str, word: &str) -> Vec<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.lines()
        .enumerate()
        .filter(|(_, line)| line.split(|c| !is_part(c)).any(|found| found == word))
        .map(|(at, _)| at + 1)
        .collect()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, b"\n").unwrap_or(bytes.len())
}

fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if bytes[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#` and so on; `None` when this `r` begins something else.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..]
        .iter()
        .take_while(|b| **b == b'#')
        .count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    Some(find(bytes, open + 1, &close).map_or(bytes.len(), |at| at + close.len()))
}

/// `'x'` or `'\n'`; `None` for a lifetime.
fn character_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start + 1) == Some(&b'\\') {
        return find(bytes, start + 3, b"'").map(|at| at + 1);
    }
    let one_character = std::str::from_utf8(&bytes[start + 1..])
        .ok()?
        .chars()
        .next()?
        .len_utf8();
    let close = start + 1 + one_character;
    (bytes.get(close) == Some(&b'\'')).then_some(close + 1)
}

/// True when the byte at `at` does not continue a name (`br"…"` counts as a start).
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let continues = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match at.checked_sub(1).map(|before| bytes[before]) {
        None => true,
        Some(b'b' | b'c') => at < 2 || !continues(bytes[at - 2]),
        Some(before) => !continues(before),
    }
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let at = rest.windows(wanted.len()).position(|w| w == wanted)?;
    Some(from + at)
}

#[cfg(test)]
mod tests {
    use super::{lines_with_word, only_code};

    #[track_caller]
    fn check(source: &str, expected: &[usize]) {
        assert_eq!(
            lines_with_word(&only_code(source), "unsafe"),
            expected,
            "{source}"
        );
    }

    #[test]
    fn words_of_code_are_found() {
        check("fn f() {}\nunsafe fn g() {}\n", &[2]);
        check("let x = unsafe { y };", &[1]);
    }

    #[test]
    fn words_of_text_are_not() {
        check(
            "// unsafe\n/* unsafe /* unsafe */ unsafe */\n//! unsafe",
            &[],
        );
        check(
            r##"let s = "unsafe"; let r = r#"a " unsafe"#; let b = br"unsafe";"##,
            &[],
        );
        check("let s = \"\\\" unsafe\";", &[]);
        check("#![deny(unsafe_code)]", &[]);
    }

    #[test]
    fn what_follows_a_lifetime_or_a_character_is_code() {
        check("fn f<'a>(x: &'a u8) { unsafe {} }", &[1]);
        check("let q = '\"'; unsafe {}", &[1]);
        check("let q = '\\''; unsafe {}", &[1]);
    }
}
