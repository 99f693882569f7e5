//! How pages name a test: by its file and its function.
//!
//! `green/queue.rs::name` stands in `crates/green/tests/it/queue.rs`; `hub/alone/signals.rs::name`, which needs a
//! process of its own, in `crates/hub/tests/alone/signals.rs`.

/// The file's part of a test's name: `green/queue.rs` for `crates/green/tests/it/queue.rs`.
pub(crate) fn short(path: &str) -> String {
    path.trim_start_matches("crates/")
        .replace("/tests/it/", "/")
        .replace("/tests/alone/", "/alone/")
}

/// The tests that a page names in code marks: the file of each, and its function. The word `name` stands for any.
pub(crate) fn in_code_marks(page: &str) -> Vec<(String, &str)> {
    let pieces = page.split('`').skip(1).step_by(2);
    let tests = pieces.filter_map(|piece| {
        let (file, name) = piece.split_once(".rs::")?;
        let (package, module) = file.split_once('/')?;
        let is_plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_plain(name) || !module.split('/').all(is_plain) || name == "name" {
            return None;
        }
        let folder = match module.starts_with("alone/") {
            true => "tests",
            false => "tests/it",
        };
        Some((format!("crates/{package}/{folder}/{module}.rs"), name))
    });
    tests.collect()
}

#[cfg(test)]
mod tests {
    use super::{in_code_marks, short};

    #[test]
    fn tests_in_code_marks_are_found() {
        let page = "`green/queue.rs::name`, `hub/alone/signals.rs::it_ends`, `Vec::new` and \
                    `green/bad_input/sizes.rs::zero`";
        let named = |file: &str, name| (file.to_owned(), name);
        let expected = [
            named("crates/hub/tests/alone/signals.rs", "it_ends"),
            named("crates/green/tests/it/bad_input/sizes.rs", "zero"),
        ];
        assert_eq!(in_code_marks(page), expected);
    }

    #[test]
    fn what_is_written_is_found_again() {
        for path in [
            "crates/green/tests/it/queue.rs",
            "crates/hub/tests/alone/signals.rs",
            "crates/net/tests/it/alone.rs",
        ] {
            let page = format!("`{}::works`", short(path));
            assert_eq!(in_code_marks(&page), [(path.to_owned(), "works")]);
        }
    }
}
