//! The cases of the two references beside the tests that show them: `docs/src/conformance.md`.
//!
//! The cases stand in `docs/conformance/cases.txt`, the tests say in a comment above them which they
//! show (`// conformance 47`, `// looping case 8`), and the page is made of both. Checked is that the
//! page is what would be made now, that no test names a case that does not exist, and that every case
//! has a test, a reason, a crate that will owe it, or the word `due`, which is counted aloud.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::steps::{Steps, Verdict, verdict_of};
use crate::{tidy, workspace};

mod annotations; // what the tests say
mod cases; // what there is to show
mod page; // both, side by side

use annotations::Annotation;
use cases::{Case, Id, Module, Status};

const CASES: &str = "docs/conformance/cases.txt";
const PAGE: &str = "docs/src/conformance.md";

/// Which tests show which case, in the order of the files.
type Shown = BTreeMap<Id, Vec<String>>;

pub(crate) fn run() -> ExitCode {
    steps_of(check)
}

pub(crate) fn run_and_write() -> ExitCode {
    steps_of(|| {
        write()?;
        check()
    })
}

fn steps_of(check: impl FnOnce() -> Verdict) -> ExitCode {
    let mut steps = Steps::new();
    steps.run("conformance", check);
    steps.finish()
}

/// All cases, all annotations, the page.
pub(crate) fn check() -> Verdict {
    let root = workspace::root();
    let modules = cases::parse(&read(&root, CASES)?)?;
    let annotations = annotations_in(&root)?;
    let shown = shown_by(&annotations);

    let strays = annotations.iter().map(|found| known(found, &modules));
    let cases = modules
        .iter()
        .flat_map(|module| &module.cases)
        .map(|case| accounted_for(case, &shown));
    let current = [is_current(&root, &page::make(&modules, &shown))];
    let checked = verdict_of(strays.chain(cases).chain(current))?;
    say_what_is_due(&modules);
    Ok(checked)
}

/// Makes the page, and takes `due` and `later` from the cases that are shown by now.
fn write() -> Result<(), String> {
    let root = workspace::root();
    let shown = shown_by(&annotations_in(&root)?);
    let text = cases::without_promises_kept(&read(&root, CASES)?, &shown)?;
    let modules = cases::parse(&text)?;
    put(&root, CASES, &text)?;
    put(&root, PAGE, &page::make(&modules, &shown))
}

fn annotations_in(root: &Path) -> Result<Vec<Annotation>, String> {
    let sources = tidy::sources(root).map_err(|e| format!("reading the sources: {e}"))?;
    let mut found = Vec::new();
    for source in sources.iter().filter(|s| s.path.starts_with("crates/")) {
        annotations::read(&source.path, &source.text, &mut found);
    }
    Ok(found)
}

fn shown_by(annotations: &[Annotation]) -> Shown {
    let mut shown = Shown::new();
    for annotation in annotations {
        if let Some(test) = &annotation.test {
            let tests = shown.entry(annotation.id).or_default();
            if !tests.contains(test) {
                tests.push(test.clone());
            }
        }
    }
    shown
}

fn known(found: &Annotation, modules: &[Module]) -> Result<(), String> {
    let mut cases = modules.iter().flat_map(|module| &module.cases);
    if !cases.any(|case| case.id == found.id) {
        return Err(format!("{}: there is no case {}", found.at, found.id));
    }
    if found.test.is_none() {
        return Err(format!(
            "{}: names case {} and stands above no test",
            found.at, found.id
        ));
    }
    Ok(())
}

fn accounted_for(case: &Case, shown: &Shown) -> Result<(), String> {
    let has_a_test = shown.contains_key(&case.id);
    match (&case.status, has_a_test) {
        (Status::Shown, false) => Err(format!(
            "{CASES}: case {} ({}) has no test: write one, or say `n/a: why` or `due`",
            case.id, case.what
        )),
        (Status::Due | Status::Later(_), true) => Err(format!(
            "{CASES}: case {} has a test by now: cargo xtask conformance --write",
            case.id
        )),
        _ => Ok(()),
    }
}

fn is_current(root: &Path, page: &str) -> Result<(), String> {
    if fs::read_to_string(root.join(PAGE)).is_ok_and(|there| there == page) {
        return Ok(());
    }
    Err(format!(
        "{PAGE} is not what the tests say: cargo xtask conformance --write"
    ))
}

fn say_what_is_due(modules: &[Module]) {
    let mut total = 0;
    for module in modules {
        let numbers: Vec<String> = module
            .cases
            .iter()
            .filter(|case| case.status == Status::Due)
            .map(|case| case.id.number.to_string())
            .collect();
        if !numbers.is_empty() {
            total += numbers.len();
            println!("due in {}: {}", module.name, numbers.join(", "));
        }
    }
    println!("{total} cases are due");
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))
}

fn put(root: &Path, file: &str, text: &str) -> Result<(), String> {
    fs::write(root.join(file), text).map_err(|e| format!("{file}: {e}"))
}
