//! Who may depend on whom: kernel ← domains ← adapters ← app.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const DOMAINS: &[&str] = &["users", "content", "billing", "social", "platform"];
const ADAPTERS: &[&str] = &["store-seaorm", "cache", "blob", "search", "media", "identity", "payments", "messaging"];
/// Programs and suites on top of everything.
const TOP: &[&str] = &["app", "tests", "bench"];
/// Other programs, which take a domain and the adapters they choose, and never the app.
const EXAMPLES: &[&str] = &["embed-users"];

/// What a domain must not know: databases, HTTP, a runtime.
const BANNED_IN_DOMAINS: &[&str] =
    &["sea-orm", "sea-orm-migration", "sea-query", "sqlx", "redis", "deadpool-redis", "reqwest", "opendal"];
/// Whole families of crates.
const BANNED_FAMILIES_IN_DOMAINS: &[&str] = &["actix", "tokio", "hyper", "async-std", "smol", "reqsign"];

/// Whether a crate is a family's head, or one of its parts.
fn is_of(family: &str, name: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    MetadataCommand::new()
        .manifest_path(sharestack_conformance::workspace().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
});

/// The members by their short names.
fn members() -> BTreeMap<&'static str, &'static Package> {
    METADATA.workspace_packages().into_iter().map(|package| (short(&package.name), package)).collect()
}

fn short(name: &str) -> &str {
    name.strip_prefix("sharestack-").unwrap_or(name)
}

/// Names of what a member's product depends on; `everything` adds tests and build scripts.
fn dependencies(package: &Package, everything: bool) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| everything || dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

/// The members that `package` depends on, by their short names.
fn inner(package: &Package, everything: bool) -> BTreeSet<&str> {
    let own = short(&package.name);
    let mut found: BTreeSet<&str> =
        dependencies(package, everything).into_iter().filter_map(|name| name.strip_prefix("sharestack-")).collect();
    found.remove(own);
    found
}

fn beyond<'a>(package: &'a Package, everything: bool, allowed: &[&[&str]]) -> Vec<&'a str> {
    inner(package, everything).into_iter().filter(|name| !allowed.iter().any(|tier| tier.contains(name))).collect()
}

#[test]
fn every_member_has_a_tier() {
    let others = ["kernel", "migrations", "conformance"];
    let known: BTreeSet<&str> = [DOMAINS, ADAPTERS, TOP, EXAMPLES, &others].concat().into_iter().collect();
    let found: BTreeSet<&str> = members().into_keys().collect();
    assert_eq!(found, known, "name each new member's tier in this file");
}

#[test]
fn the_kernel_knows_no_other_member() {
    let members = members();
    assert_eq!(beyond(members["kernel"], true, &[]), [""; 0]);
    assert_eq!(beyond(members["migrations"], true, &[&["kernel"]]), [""; 0]);
}

#[test]
fn domains_know_the_kernel_alone() {
    let members = members();
    for domain in DOMAINS {
        assert_eq!(beyond(members[domain], true, &[&["kernel"]]), [""; 0], "{domain}");
    }
    assert_eq!(beyond(members["conformance"], true, &[&["kernel"], DOMAINS]), [""; 0]);
}

#[test]
fn neither_kernel_nor_domains_know_databases_http_or_a_runtime() {
    let members = members();
    for name in DOMAINS.iter().chain(&["kernel"]) {
        let banned: Vec<&str> = dependencies(members[name], false)
            .into_iter()
            .filter(|other| {
                BANNED_IN_DOMAINS.contains(other)
                    || BANNED_FAMILIES_IN_DOMAINS.iter().any(|family| is_of(family, other))
            })
            .collect();
        assert_eq!(banned, [""; 0], "{name}");
    }
}

#[test]
fn adapters_do_not_know_each_other() {
    let members = members();
    for adapter in ADAPTERS {
        let migrations: &[&str] = if *adapter == "store-seaorm" { &["migrations"] } else { &[] };
        assert_eq!(beyond(members[adapter], false, &[&["kernel"], DOMAINS, migrations]), [""; 0], "{adapter}");
        assert_eq!(
            beyond(members[adapter], true, &[&["kernel", "conformance"], DOMAINS, migrations]),
            [""; 0],
            "tests of {adapter}"
        );
    }
}

#[test]
fn examples_take_domains_and_adapters_without_the_app() {
    for name in EXAMPLES {
        let package = members()[name];
        assert_eq!(beyond(package, true, &[&["kernel"], DOMAINS, ADAPTERS]), [""; 0], "{name}");
        let web = dependencies(package, true).into_iter().find(|other| is_of("actix", other));
        assert_eq!(web, None, "{name}");
    }
}

#[test]
fn conformance_is_for_tests_alone() {
    for (name, package) in members() {
        assert!(name == "tests" || !inner(package, false).contains("conformance"), "{name}");
    }
}

#[test]
fn migrations_are_for_the_store_the_program_and_tests() {
    for (name, package) in members() {
        let may = ["store-seaorm", "app", "tests"].contains(&name);
        assert!(may || !inner(package, true).contains("migrations"), "{name}");
    }
}

#[test]
fn every_member_takes_lints_versions_and_edition_from_the_workspace() {
    for (name, package) in members() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{name} has lints of its own");
        assert!(manifest.contains("edition.workspace = true\n"), "{name} has an edition of its own");
        let section = manifest.split("\n[").filter(|section| section.contains("dependencies]\n"));
        for line in section.flat_map(|section| section.lines().skip(1)).filter(|line| line.contains('=')) {
            let shared = line.contains("workspace = true") && !line.contains("version =");
            assert!(shared, "{name}: `{line}` belongs into the workspace's list");
        }
    }
}
