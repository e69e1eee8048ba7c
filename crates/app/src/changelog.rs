//! `CHANGELOG.md`, in the form of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

use serde::Serialize;
use utoipa::ToSchema;

/// The file as it was when the program was built.
const FILE: &str = include_str!("../../../CHANGELOG.md");

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Changes that no version has yet.
    Unreleased,
    /// The latest version.
    Current,
    /// An earlier one.
    Released,
}

/// What one version brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "version": "1.0.0", "date": "2026-01-15", "status": "current", "changes": [{ "kind": "added", "entries": ["Photos, categories and tags."] }]
}))]
pub struct Version {
    /// Its number, or `Unreleased`.
    pub version: String,
    /// When it was released.
    pub date: Option<String>,
    pub status: Standing,
    pub changes: Vec<Change>,
}

/// Changes of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// `added`, `changed`, `deprecated`, `removed`, `fixed` or `security`.
    pub kind: String,
    /// One line each, as Markdown.
    pub entries: Vec<String>,
}

/// The versions that this program knows of, the latest first.
pub fn versions() -> Vec<Version> {
    parse(FILE)
}

fn parse(text: &str) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let released = versions.iter().any(|version| version.status != Standing::Unreleased);
            versions.push(version(heading, released));
            continue;
        }
        let Some(version) = versions.last_mut() else { continue };
        if let Some(kind) = line.strip_prefix("### ") {
            version.changes.push(Change { kind: kind.trim().to_lowercase(), entries: Vec::new() });
            continue;
        }
        let Some(change) = version.changes.last_mut() else { continue };
        if let Some(entry) = line.strip_prefix("- ") {
            change.entries.push(entry.trim().to_owned());
        } else if line.starts_with(' ')
            && let Some(entry) = change.entries.last_mut()
        {
            entry.push(' ');
            entry.push_str(line.trim());
        }
    }
    versions
}

/// A heading: `[1.0.0] - 2026-01-15` or `[Unreleased]`.
fn version(heading: &str, released_before: bool) -> Version {
    let (name, date) = heading.split_once(" - ").map_or((heading, None), |(name, date)| (name, Some(date)));
    let version = name.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
    let status = match (version.eq_ignore_ascii_case("unreleased"), released_before) {
        (true, _) => Standing::Unreleased,
        (false, false) => Standing::Current,
        (false, true) => Standing::Released,
    };
    Version { version, date: date.map(|date| date.trim().to_owned()), status, changes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# Changelog\n\nWords.\n- not an entry\n\n## [Unreleased]\n\n### Added\n\n- Video:\n  `mp4`\n  and more.\n\n\
        ## [1.1.0] - 2026-02-01\n\n### Fixed\n- One.\n- Two.\n\n### Removed\n- Three.\n\n## [1.0.0] - 2026-01-15\n\n### Added\n- All.\n";

    #[test]
    fn versions_are_read_with_what_they_brought() {
        let change = |kind: &str, entries: &[&str]| Change {
            kind: kind.to_owned(),
            entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
        };
        let version = |name: &str, date: Option<&str>, status, changes| Version {
            version: name.to_owned(),
            date: date.map(str::to_owned),
            status,
            changes,
        };
        let expected = [
            version("Unreleased", None, Standing::Unreleased, vec![change("added", &["Video: `mp4` and more."])]),
            version(
                "1.1.0",
                Some("2026-02-01"),
                Standing::Current,
                vec![change("fixed", &["One.", "Two."]), change("removed", &["Three."])],
            ),
            version("1.0.0", Some("2026-01-15"), Standing::Released, vec![change("added", &["All."])]),
        ];
        assert_eq!(parse(SAMPLE), expected);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn our_own_has_versions_with_known_kinds_and_no_empty_entry() {
        let versions = versions();
        assert!(!versions.is_empty());
        let kinds = ["added", "changed", "deprecated", "removed", "fixed", "security"];
        for change in versions.iter().flat_map(|version| &version.changes) {
            assert!(kinds.contains(&change.kind.as_str()), "{}", change.kind);
            assert!(!change.entries.is_empty() && change.entries.iter().all(|entry| entry.len() > 10), "{change:?}");
        }
    }
}
