//! A field of a merge: left alone, cleared, or set.

use serde::{Deserialize, Deserializer};

/// What a `PUT` says of one nullable field.
///
/// In a body: omitted is [`Patch::Keep`] (with `#[serde(default)]`), `null` is
/// [`Patch::Clear`], a value is [`Patch::Set`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field is emptied.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Writes the patch onto a nullable field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Whether the field stays as it is.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Turns the value into another, or fails.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        bio: Patch<String>,
    }

    #[test]
    fn omitted_null_and_value_differ() {
        let read = |text: &str| serde_json::from_str::<Body>(text).unwrap().bio;
        assert_eq!(read("{}"), Patch::Keep);
        assert_eq!(read(r#"{"bio":null}"#), Patch::Clear);
        assert_eq!(read(r#"{"bio":"x"}"#), Patch::Set("x".to_owned()));
    }
}
