//! The page: a table for each module, made of the cases and of what the tests say.

use std::fmt::Write;

use super::Shown;
use super::cases::{Case, Module, Source, Status};

const OPENING: &str = "# Conformance

Each case is something that users of eventlet, or services of OpenStack, lean on: one of eventlet's own tests, or
what was seen of it. The table says which test of ours shows the same, or why it does not apply. A test is named by
its file and its function: `green/queue.rs::name` stands in `crates/green/tests/it/queue.rs`, `hub/alone/signals.rs::name`
in `crates/hub/tests/alone/signals.rs`.

This page is made by `cargo xtask conformance --write` from `docs/conformance/cases.txt` and from the comments above the
tests (`// conformance 47`, `// looping case 8`). The checks refuse a page that is not current, a test that names an
unknown case, and a case that nobody accounts for.

";

pub(super) fn make(modules: &[Module], shown: &Shown) -> String {
    let mut page = String::from(OPENING);
    summary(&mut page, modules);
    for module in modules {
        let title = match module.source {
            Source::Eventlet => module.name.clone(),
            Source::OpenStack => format!("OpenStack: {}", module.name),
        };
        put(&mut page, &format!("\n## {title}\n"));
        put(&mut page, "| case | what holds | shown by |\n|--:|---|---|");
        for case in &module.cases {
            put(&mut page, &row(case, shown));
        }
    }
    page
}

fn summary(page: &mut String, modules: &[Module]) {
    let count = |wanted: fn(&Status) -> bool| {
        modules
            .iter()
            .flat_map(|module| &module.cases)
            .filter(|case| wanted(&case.status))
            .count()
    };
    let lines = [
        ("shown by tests", count(|status| *status == Status::Shown)),
        (
            "do not apply",
            count(|status| matches!(status, Status::NotApplicable(_))),
        ),
        (
            "wait for a crate that is not built yet",
            count(|status| matches!(status, Status::Later(_))),
        ),
        ("due", count(|status| *status == Status::Due)),
    ];
    put(page, "| cases that | |\n|---|--:|");
    for (what, number) in lines {
        put(page, &format!("| {what} | {number} |"));
    }
}

fn row(case: &Case, shown: &Shown) -> String {
    let tests = shown.get(&case.id).map(|tests| {
        let marked: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        marked.join(", ")
    });
    let account = match (&case.status, tests) {
        (Status::NotApplicable(why), None) => format!("does not apply: {why}"),
        (Status::NotApplicable(why), Some(tests)) => format!("{tests}; as it stands: {why}"),
        (_, Some(tests)) => tests,
        (Status::Later(owner), None) => format!("later: {owner}"),
        (Status::Due | Status::Shown, None) => "**due**".to_owned(),
    };
    format!("| {} | {} | {account} |", case.id.number, case.what)
}

fn put(page: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{line}");
}
