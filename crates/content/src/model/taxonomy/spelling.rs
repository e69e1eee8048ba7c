//! How Chinese names are typed and addressed in Latin letters.

use pinyin::ToPinyin;
use unicode_normalization::UnicodeNormalization;

/// How a name is typed on a keyboard of Latin letters. Both forms are lower case without
/// spaces. A character with several readings has its most frequent one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spelling {
    /// In full, for example `yejing` for 夜景.
    pub full: String,
    /// The first letter of each word, for example `yj`.
    pub initials: String,
}

/// The words of a name: a Chinese character is one, so is a run of other letters and digits.
fn words(name: &str) -> Vec<String> {
    let folded: String = name.nfkc().collect::<String>().to_lowercase();
    let mut words = Vec::new();
    let mut open = false;
    for c in folded.chars() {
        if let Some(reading) = c.to_pinyin() {
            words.push(reading.plain().replace('ü', "v"));
            open = false;
        } else if c.is_alphanumeric() {
            match words.last_mut() {
                Some(word) if open => word.push(c),
                _ => words.push(c.to_string()),
            }
            open = true;
        } else {
            open = false;
        }
    }
    words
}

/// A name in Latin letters, as far as its characters have a reading; words with spaces
/// between them.
pub fn romanised(name: &str) -> String {
    words(name).join(" ")
}

impl Spelling {
    /// How a name is typed.
    pub fn of(name: &str) -> Self {
        let words = words(name);
        Self {
            full: words.concat().chars().take(400).collect(),
            initials: words.iter().filter_map(|word| word.chars().next()).take(100).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Slug;

    #[test]
    fn chinese_is_typed_in_pinyin() {
        let night = Spelling::of("夜景");
        assert_eq!((night.full.as_str(), night.initials.as_str()), ("yejing", "yj"));
        let mixed = Spelling::of("ＮＹＣ 夜市 2024");
        assert_eq!((mixed.full.as_str(), mixed.initials.as_str()), ("nycyeshi2024", "nys2"));
        assert_eq!(Spelling::of("绿").full, "lv");
        assert_eq!(Spelling::of("!?"), Spelling::default());
    }

    #[test]
    fn addresses_are_made_of_it() {
        let slug = |name: &str| Slug::suggested(&romanised(name), "category").as_str().to_owned();
        assert_eq!(slug("自然风景"), "zi-ran-feng-jing");
        assert_eq!(slug("Street Photography 街拍"), "street-photography-jie-pai");
        assert_eq!(slug("2024"), "category-2024");
        assert_eq!(slug("🌄"), "category");
    }
}
