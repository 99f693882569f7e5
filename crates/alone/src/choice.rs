//! Which scenarios the arguments of a test program ask for.

/// Options of the usual harness whose value is the next argument, unless it follows a `=`.
const WITH_VALUE: &[&str] = &[
    "--color",
    "--format",
    "--logfile",
    "--shuffle-seed",
    "--test-threads",
    "-Z",
];

/// What `cargo test -- ARGUMENTS` says.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Names are asked for, not runs.
    pub(crate) only_list: bool,
    exact: bool,
    only_ignored: bool,
    names: Vec<String>,
    skipped: Vec<String>,
}

impl Choice {
    pub(crate) fn of(mut arguments: impl Iterator<Item = String>) -> Choice {
        let mut choice = Choice::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => choice.only_list = true,
                "--exact" => choice.exact = true,
                "--ignored" => choice.only_ignored = true,
                "--skip" => choice.skipped.extend(arguments.next()),
                option if WITH_VALUE.contains(&option) => drop(arguments.next()),
                option if option.starts_with('-') => {
                    let skipped = option.strip_prefix("--skip=");
                    choice.skipped.extend(skipped.map(str::to_owned));
                }
                _ => choice.names.push(argument),
            }
        }
        choice
    }

    /// Whether the scenario of this name is asked for.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let fits = |part: &String| match self.exact {
            true => part == name,
            false => name.contains(part.as_str()),
        };
        let named = self.names.is_empty() || self.names.iter().any(fits);
        named && !self.only_ignored && !self.skipped.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::Choice;

    #[track_caller]
    fn taken(arguments: &str, expected: &[&str]) {
        let choice = Choice::of(arguments.split_whitespace().map(str::to_owned));
        let mut all = vec!["fork", "fork_twice", "signal"];
        all.retain(|name| choice.takes(name));
        assert_eq!(all, expected, "{arguments}");
    }

    #[test]
    fn parts_of_names_choose_and_no_name_chooses_all() {
        taken("", &["fork", "fork_twice", "signal"]);
        taken("fork", &["fork", "fork_twice"]);
        taken("twice sig", &["fork_twice", "signal"]);
    }

    #[test]
    fn exact_means_the_whole_name() {
        taken("fork --exact --nocapture", &["fork"]);
    }

    #[test]
    fn what_is_skipped_is_left_out() {
        taken("--skip twice", &["fork", "signal"]);
        taken("--skip=fork", &["signal"]);
        taken("--exact --skip fork", &["fork_twice", "signal"]);
    }

    #[test]
    fn none_is_ignored() {
        taken("--ignored", &[]);
        taken("--include-ignored", &["fork", "fork_twice", "signal"]);
    }

    #[test]
    fn the_value_of_an_option_is_no_name() {
        taken("--format terse", &["fork", "fork_twice", "signal"]);
        taken("--test-threads 1 sig", &["signal"]);
        taken("--test-threads=1 -q", &["fork", "fork_twice", "signal"]);
    }

    #[test]
    fn a_list_is_what_nextest_asks_for() {
        let asked = ["--list", "--format", "terse"].map(str::to_owned);
        let choice = Choice::of(asked.into_iter());
        assert!(choice.only_list && choice.takes("fork"));
    }
}
