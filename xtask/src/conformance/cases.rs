//! What there is to show: the file of cases, read.
//!
//! The form is explained at the top of the file itself. Read strictly: a line that is not understood
//! is an error with its number, so that no case is lost to a slip of the pen.

use std::fmt;

use super::Shown;

/// Whose case, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) source: Source,
    pub(super) number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Eventlet,
    OpenStack,
}

/// Cases under one heading.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) source: Source,
    pub(super) name: String,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) id: Id,
    pub(super) what: String,
    pub(super) status: Status,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// A test must show it.
    Shown,
    NotApplicable(String),
    /// The crate that will owe it.
    Later(String),
    Due,
}

pub(super) fn parse(text: &str) -> Result<Vec<Module>, String> {
    let mut modules: Vec<Module> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("{}:{}: {what}: {line:?}", super::CASES, at + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix("== ") {
            modules.push(module(heading).ok_or_else(|| wrong("no heading"))?);
            continue;
        }
        let module = modules
            .last_mut()
            .ok_or_else(|| wrong("a case before any heading"))?;
        let case = case(module.source, line).ok_or_else(|| wrong("no case"))?;
        let last = module.cases.last().map_or(0, |last| last.id.number);
        if case.id.number <= last {
            return Err(wrong("not in the order of numbers"));
        }
        module.cases.push(case);
    }
    Ok(modules)
}

fn module(heading: &str) -> Option<Module> {
    let (source, name) = heading.split_once(": ")?;
    let source = match source {
        "eventlet" => Source::Eventlet,
        "openstack" => Source::OpenStack,
        _ => return None,
    };
    Some(Module {
        source,
        name: name.to_owned(),
        cases: Vec::new(),
    })
}

fn case(source: Source, line: &str) -> Option<Case> {
    let mut fields = line.split(" | ");
    let number = fields.next()?.parse().ok()?;
    let what = fields.next()?.to_owned();
    let status = match fields.next() {
        None => Status::Shown,
        Some("due") => Status::Due,
        Some(status) => match status.split_once(": ")? {
            ("n/a", why) => Status::NotApplicable(why.to_owned()),
            ("later", owner) => Status::Later(owner.to_owned()),
            _ => return None,
        },
    };
    fields.next().is_none().then_some(Case {
        id: Id { source, number },
        what,
        status,
    })
}

/// The file as it was, but a case that a test shows by now is neither due nor for later.
pub(super) fn without_promises_kept(text: &str, shown: &Shown) -> Result<String, String> {
    let mut source = Source::Eventlet;
    let mut kept = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("== ") {
            source = module(heading)
                .ok_or_else(|| format!("{}: no heading: {line:?}", super::CASES))?
                .source;
        }
        let promise_kept = case(source, line).is_some_and(|case| {
            matches!(case.status, Status::Due | Status::Later(_)) && shown.contains_key(&case.id)
        });
        let line = match line.rsplit_once(" | ") {
            Some((before, _)) if promise_kept => before,
            _ => line,
        };
        kept.push_str(line);
        kept.push('\n');
    }
    Ok(kept)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Eventlet => "eventlet",
            Source::OpenStack => "openstack",
        })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shown;
    use super::{Id, Source, Status, parse, without_promises_kept};

    const FILE: &str = "# what it is\n\n== eventlet: queue\n1 | is put\n2 | is got | due\n\
        == openstack: service\n2 | starts | later: service\n3 | is none | n/a: for a reason\n";

    #[test]
    fn every_status_is_read() {
        let modules = parse(FILE).unwrap();
        let statuses: Vec<_> = modules
            .iter()
            .flat_map(|module| &module.cases)
            .map(|case| (case.id.to_string(), &case.status))
            .collect();
        let expected = [
            ("eventlet 1".to_owned(), &Status::Shown),
            ("eventlet 2".to_owned(), &Status::Due),
            ("openstack 2".to_owned(), &Status::Later("service".into())),
            (
                "openstack 3".to_owned(),
                &Status::NotApplicable("for a reason".into()),
            ),
        ];
        assert_eq!(statuses, expected);
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        for (text, line) in [
            ("1 | too early", ":1:"),
            ("== gevent: x", ":1:"),
            ("== eventlet: x\nx | no number", ":2:"),
            ("== eventlet: x\n1 | what | perhaps", ":2:"),
            ("== eventlet: x\n2 | what\n2 | twice", ":3:"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn what_is_shown_is_no_longer_due() {
        let id = |source, number| Id { source, number };
        let tests = || vec!["a::b".to_owned()];
        let shown = Shown::from([
            (id(Source::Eventlet, 2), tests()),
            (id(Source::OpenStack, 2), tests()),
            (id(Source::OpenStack, 3), tests()),
        ]);
        let expected = FILE.replace(" | due", "").replace(" | later: service", "");
        assert_eq!(without_promises_kept(FILE, &shown).unwrap(), expected);
    }
}
