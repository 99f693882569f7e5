//! What `cargo test` printed, as numbers.
//!
//! Only the closing line of each test program is read; it has had this form since Rust 1.0:
//! `test result: ok. 12 passed; 0 failed; 1 ignored; …`.

/// The sum over all test programs of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl Totals {
    /// Takes one line of output into account.
    pub(crate) fn see(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        let after_verdict = result.split_once(". ").map_or(result, |(_, counts)| counts);
        for count in after_verdict.split(';') {
            let mut words = count.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn result_lines_are_summed_and_others_ignored() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests",
            "test it::order ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out",
        ] {
            totals.see(line);
        }
        let expected = Totals {
            passed: 13,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(totals, expected);
    }
}
