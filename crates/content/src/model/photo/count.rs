//! Which lists a photo stands in, so that their lengths are known without counting.

use std::collections::BTreeSet;

use super::Photo;

/// A list of photos whose length is kept. Those of categories and tags are kept with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhotoCount {
    /// All listed photos.
    Listed,
    /// Those taken in a year.
    Year(i32),
    /// Those taken in a month of a year.
    Month(i32, u32),
}

impl PhotoCount {
    /// The key in stores.
    pub fn to_key(self) -> String {
        match self {
            Self::Listed => "listed".to_owned(),
            Self::Year(year) => format!("year:{year:04}"),
            Self::Month(year, month) => format!("month:{year:04}-{month:02}"),
        }
    }

    /// Reads the key.
    pub fn from_key(key: &str) -> Option<Self> {
        match key.split_once(':') {
            None => (key == "listed").then_some(Self::Listed),
            Some(("year", year)) => year.parse().ok().map(Self::Year),
            Some(("month", month)) => {
                let (year, month) = month.rsplit_once('-')?;
                Some(Self::Month(year.parse().ok()?, month.parse().ok()?))
            }
            Some(_) => None,
        }
    }

    fn of(photo: &Photo) -> BTreeSet<Self> {
        if !photo.is_listed() {
            return BTreeSet::new();
        }
        let month = photo.month().into_iter().flat_map(|(year, month)| [Self::Year(year), Self::Month(year, month)]);
        month.chain([Self::Listed]).collect()
    }
}

/// What a change of a photo changes about the lengths of lists, in one order for all.
pub fn photo_deltas(before: Option<&Photo>, after: Option<&Photo>) -> Vec<(PhotoCount, i64)> {
    let before = before.map(PhotoCount::of).unwrap_or_default();
    let after = after.map(PhotoCount::of).unwrap_or_default();
    let mut deltas: Vec<_> =
        before.difference(&after).map(|key| (*key, -1)).chain(after.difference(&before).map(|key| (*key, 1))).collect();
    deltas.sort_unstable();
    deltas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for count in [PhotoCount::Listed, PhotoCount::Year(987), PhotoCount::Month(2024, 1), PhotoCount::Month(-5, 12)]
        {
            assert_eq!(PhotoCount::from_key(&count.to_key()), Some(count));
        }
        for other in ["", "year", "year:", "month:2024", "month:-01", "decade:2020"] {
            assert_eq!(PhotoCount::from_key(other), None, "{other}");
        }
    }
}
