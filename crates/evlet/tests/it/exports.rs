//! Every public name of the crates below is reachable through the facade, exactly once.
//!
//! Read from the source files with a parser: what a crate's `lib.rs` makes public is its public
//! face (no crate of ours exports by glob), so that a name added below and forgotten here fails
//! this test. That the names mean what they say is the compiler's work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use syn::{Attribute, Item, UseTree, Visibility};

/// Crates whose names stand at the facade's root.
const AT_THE_ROOT: &[&str] = &["hub", "green", "net", "macros"];
/// Crates that are modules of the facade, under this name.
const AS_MODULES: &[(&str, &str)] = &[("evlet_os", "os")];

/// Modules that several crates have, and the facade has one of, with what is in all of them.
const SHARED: &[&str] = &["testing"];

#[test]
fn every_public_name_below_is_here_exactly_once() {
    let here = count(public_names("evlet"));
    let mut wrong = Vec::new();
    for crate_name in AT_THE_ROOT {
        for name in public_names(crate_name) {
            match here.get(&name) {
                Some(1) => {}
                Some(n) => wrong.push(format!("{crate_name}: {name} is exported {n} times")),
                None => wrong.push(format!("{crate_name}: {name} is not exported")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_else_is_here() {
    let below: Vec<String> = AT_THE_ROOT
        .iter()
        .flat_map(|name| public_names(name))
        .collect();
    let of_its_own =
        |name: &String| name == "prelude" || AS_MODULES.iter().any(|(_, module)| module == name);
    let strangers: Vec<String> = public_names("evlet")
        .into_iter()
        .filter(|name| !below.contains(name) && !of_its_own(name))
        .collect();
    assert!(strangers.is_empty(), "from nowhere: {strangers:?}");
}

#[test]
fn the_other_crates_are_modules() {
    let here = count(public_names("evlet"));
    for (crate_name, module) in AS_MODULES {
        assert_eq!(
            here.get(*module),
            Some(&1),
            "{crate_name} as evlet::{module}"
        );
    }
}

#[test]
fn no_two_crates_use_one_name() {
    // A module and a function may share a name within a crate (`report`): one line exports both.
    let of_one = |name: &&str| BTreeSet::from_iter(public_names(name));
    let all = count(AT_THE_ROOT.iter().flat_map(of_one).collect());
    let twice = all
        .iter()
        .filter(|(name, n)| **n > 1 && !SHARED.contains(&&***name));
    let twice: Vec<_> = twice.collect();
    assert!(twice.is_empty(), "{twice:?}");
}

fn count(names: Vec<String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for name in names {
        *counted.entry(name).or_default() += 1;
    }
    counted
}

/// What `crates/NAME/src/lib.rs` makes public, without what is hidden from the docs.
fn public_names(crate_name: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(crate_name)
        .join("src/lib.rs");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut names = Vec::new();
    for item in &file.items {
        let (attributes, visibility, name) = match item {
            Item::Use(item) => {
                if is_public(&item.vis) && !is_hidden(&item.attrs) {
                    leaves(&item.tree, &mut names);
                }
                continue;
            }
            Item::Mod(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Fn(item) => (&item.attrs, &item.vis, &item.sig.ident),
            Item::Struct(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Enum(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Trait(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Type(item) => (&item.attrs, &item.vis, &item.ident),
            Item::Const(item) => (&item.attrs, &item.vis, &item.ident),
            _ => continue,
        };
        if is_public(visibility) && !is_hidden(attributes) {
            names.push(name.to_string());
        }
    }
    assert!(!names.is_empty(), "{}: nothing public", path.display());
    names
}

fn leaves(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Glob(_) => panic!("a glob hides what is public: write the names out"),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_doc = attribute.path().is_ident("doc") || attribute.path().is_ident("cfg");
        is_doc
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|what| what == "hidden" || what == "doctest")
    })
}
