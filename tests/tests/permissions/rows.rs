//! The table of who may call what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(super) const TABLE: &str = include_str!("../permissions.txt");
pub(super) const ROLES: [&str; 6] = ["user", "creator", "finance", "editor", "admin", "super_admin"];

/// Who may call a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Public,
    /// Everybody; what is brought decides: a password, a token, a signature.
    Door,
    /// Who is signed in.
    Signed,
    /// Who holds one of these roles.
    Roles(BTreeSet<String>),
    /// Who owns the thing, and who holds one of these roles.
    Owner(BTreeSet<String>),
}

/// One row: who may, and with which body they ask; without one, the document's example.
pub(super) struct Row {
    pub(super) access: Access,
    /// Whether it is for people in a session alone, and not for programs with a key.
    pub(super) session: bool,
    /// Whether that session must have proved a short while ago who sits there.
    pub(super) recent: bool,
    /// What stands behind the path.
    pub(super) query: String,
    /// Who gets which other answer than a good one, though they may.
    instead: BTreeSet<(String, u16)>,
    pub(super) body: Option<Value>,
}

impl Row {
    /// What somebody who may gets in place of a good answer; none when it is a good one.
    pub(super) fn instead(&self, who: &str) -> BTreeSet<u16> {
        self.instead.iter().filter(|(one, _)| one == "all" || one == who).map(|(_, status)| *status).collect()
    }
}

fn row(line: &str) -> (String, Row) {
    let mut parts = line.splitn(3, " | ");
    let (name, access, body) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let mut words = access.split_whitespace();
    let kind = words.next().unwrap();
    let mut roles: BTreeSet<String> = words.map(str::to_owned).collect();
    let query = roles.iter().find(|word| word.starts_with('?')).cloned().unwrap_or_default();
    let instead = roles.iter().filter_map(|word| word.split_once('=').filter(|_| !word.starts_with('?')));
    let instead = instead.map(|(who, status)| (who.to_owned(), status.parse().unwrap())).collect();
    roles.retain(|word| !word.starts_with('?') && !word.contains('='));
    let recent = roles.remove("recent");
    let session = roles.remove("session") || recent;
    assert!(roles.iter().all(|role| ROLES.contains(&role.as_str())), "{line}");
    let access = match kind {
        "public" => Access::Public,
        "door" => Access::Door,
        "signed" => Access::Signed,
        "roles" => Access::Roles(roles),
        "owner" => Access::Owner(roles),
        _ => panic!("{line}"),
    };
    let body = body.map(|text| serde_json::from_str(text).unwrap());
    (name.to_owned(), Row { access, session, recent, query, instead, body })
}

pub(super) fn table() -> BTreeMap<String, Row> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect()
}
