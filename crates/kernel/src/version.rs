//! Which version of a thing a change is for.

/// The versions that a change may find, as its sender knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// One of these.
    These(Vec<i64>),
    /// Any but these.
    NotThese(Vec<i64>),
}

impl Versions {
    /// Whether a change may find this version.
    pub fn admit(&self, version: i64) -> bool {
        match self {
            Self::These(versions) => versions.contains(&version),
            Self::NotThese(versions) => !versions.contains(&version),
        }
    }

    /// Whether who sends the change says what they have seen.
    pub const fn tell_what_was_seen(&self) -> bool {
        matches!(self, Self::These(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_or_not_as_it_is_named() {
        let (these, others) = (Versions::These(vec![2, 3]), Versions::NotThese(vec![2, 3]));
        assert!(these.admit(3) && !these.admit(4));
        assert!(!others.admit(3) && others.admit(4));
        assert!(!Versions::These(Vec::new()).admit(1) && Versions::NotThese(Vec::new()).admit(1));
        assert!(these.tell_what_was_seen() && !others.tell_what_was_seen());
    }
}
