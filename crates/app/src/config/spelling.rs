//! Variables that nobody reads, though their names look like those of settings.

use std::collections::BTreeMap;

use super::load::{DEFAULT, PREFIX};
use super::names::NAMES;

/// What every variable begins with that is ours alone.
const OURS: &str = "SHARESTACK";

/// Variables that are not heeded, each with the one that is meant.
pub fn misspelt<'a>(variables: impl IntoIterator<Item = &'a String>) -> Vec<(&'a str, String)> {
    let known = known();
    let others = variables.into_iter().filter(|name| !name.starts_with(PREFIX));
    others.filter_map(|name| Some((name.as_str(), meant(&known, name)?))).collect()
}

/// Whether a variable is one of ours.
pub fn is_setting(name: &str) -> bool {
    name.starts_with(PREFIX) || NAMES.iter().any(|(known, ..)| *known == name)
}

/// The variable that one of ours is meant to be, whose name is another.
pub(super) fn right(name: &str) -> Option<String> {
    meant(&known(), name).filter(|meant| meant != name)
}

fn meant(known: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let rest = name.get(..OURS.len()).filter(|start| start.eq_ignore_ascii_case(OURS)).map(|_| &name[OURS.len()..])?;
    known.get(&letters(rest)).cloned()
}

/// Every variable by the letters of its name.
fn known() -> BTreeMap<String, String> {
    let mut known: BTreeMap<_, _> = NAMES.iter().map(|(name, ..)| (letters(name), (*name).to_owned())).collect();
    let shipped: toml::Table = DEFAULT.parse().unwrap_or_default();
    let mut tables = vec![(String::new(), shipped)];
    while let Some((path, table)) = tables.pop() {
        for (key, value) in table {
            let path = format!("{path}__{key}");
            match value {
                toml::Value::Table(inner) => tables.push((path, inner)),
                _ => {
                    known.insert(letters(&path), format!("{OURS}{}", path.to_ascii_uppercase()));
                }
            }
        }
    }
    known
}

/// A name without what people mistake in it.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_setting_is_told_with_its_right_name() {
        let meant = |name: &str| misspelt([&name.to_owned()]).pop().map(|(_, right)| right);
        for (wrong, right) in [
            ("SHARESTACK_SERVER_PORT", "SHARESTACK__SERVER__PORT"),
            ("SHARESTACK_SERVER__PORT", "SHARESTACK__SERVER__PORT"),
            ("sharestack__server__port", "SHARESTACK__SERVER__PORT"),
            ("SHARESTACK_PASSWORD_MEMORY_KIB", "SHARESTACK__PASSWORD__MEMORY_KIB"),
            ("SHARESTACK_AUTH_GUARD_TRUST_DAYS", "SHARESTACK__AUTH__GUARD__TRUST_DAYS"),
            ("SHARESTACK_API_PORT", "API_PORT"),
        ] {
            assert_eq!(meant(wrong).as_deref(), Some(right), "{wrong}");
        }
        for other in
            ["SHARESTACK_CONFIG_DIR", "SHARESTACK_NO_SUCH_THING", "SERVER_PORT", "SHARESTACK__SERVER__PORT", "分享"]
        {
            assert_eq!(meant(other), None, "{other}");
        }
        assert_eq!(right("SHARESTACK__SERVER_PORT").as_deref(), Some("SHARESTACK__SERVER__PORT"));
        assert_eq!(right("SHARESTACK__SERVER__PORT"), None);
    }
}
