//! How Chinese names are typed and addressed in Latin letters.

use pinyin::ToPinyinMulti;
use unicode_normalization::UnicodeNormalization;

/// The most ways in which one name is typed.
const MOST: usize = 16;
/// How many characters all ways of a name have together, with a blank between any two: in
/// full, and in first letters.
const FULL_ROOM: usize = 400;
const INITIALS_ROOM: usize = 100;

/// How a name is typed on a keyboard of Latin letters. All forms are lower case without spaces.
///
/// Characters with several readings give a name several forms, those of more frequent readings
/// first. What is typed first is read first: where there would be too many, the characters at
/// the end of the name have their most frequent reading alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spelling {
    /// In full, for example `chongqing` among those of 重庆.
    pub full: Vec<String>,
    /// The first letter of each word, for example `cq`.
    pub initials: Vec<String>,
}

/// The words of a name, each in all its readings, the most frequent one first: a Chinese
/// character is one, so is a run of other letters and digits.
fn words(name: &str) -> Vec<Vec<String>> {
    let folded: String = name.nfkc().collect::<String>().to_lowercase();
    let mut words: Vec<Vec<String>> = Vec::new();
    let mut open = false;
    for c in folded.chars() {
        if let Some(readings) = c.to_pinyin_multi() {
            words.push(distinct(readings.into_iter().map(|reading| reading.plain().replace('ü', "v"))));
            open = false;
        } else if c.is_alphanumeric() {
            match words.last_mut().map(Vec::as_mut_slice) {
                Some([word, ..]) if open => word.push(c),
                _ => words.push(vec![c.to_string()]),
            }
            open = true;
        } else {
            open = false;
        }
    }
    words
}

/// Each once, where it comes first.
fn distinct(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// A name in Latin letters, as far as its characters have a reading, each in its most frequent
/// one; words with spaces between them.
pub fn romanised(name: &str) -> String {
    words(name).into_iter().filter_map(|readings| readings.into_iter().next()).collect::<Vec<_>>().join(" ")
}

/// The forms of a name whose words are read in these ways, as far as there is room.
fn forms(words: &[Vec<String>], room: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    for readings in words {
        let several = all.len() * readings.len() <= MOST;
        let readings = if several { &readings[..] } else { &readings[..1] };
        let longer = |start: &String| readings.iter().map(|reading| format!("{start}{reading}")).collect::<Vec<_>>();
        all = all.iter().flat_map(longer).collect();
    }
    let all = all.into_iter().map(|form| form.chars().take(room).collect::<String>());
    let mut left = room;
    let mut kept = distinct(all.filter(|form| !form.is_empty()));
    kept.retain(|form| {
        let length = form.chars().count();
        let fits = length <= left;
        if fits {
            left = left.saturating_sub(length + 1);
        }
        fits
    });
    kept
}

impl Spelling {
    /// How a name is typed.
    pub fn of(name: &str) -> Self {
        let words = words(name);
        let first = |reading: &String| reading.chars().take(1).collect::<String>();
        let initials: Vec<_> = words.iter().map(|readings| distinct(readings.iter().map(first))).collect();
        Self { full: forms(&words, FULL_ROOM), initials: forms(&initials, INITIALS_ROOM) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Slug;

    #[test]
    fn chinese_is_typed_in_pinyin() {
        let night = Spelling::of("夜航");
        assert_eq!((night.full, night.initials), (vec!["yehang".to_owned()], vec!["yh".to_owned()]));
        let mixed = Spelling::of("ＮＹＣ 夜市 2024");
        assert_eq!((mixed.full[0].as_str(), mixed.initials[0].as_str()), ("nycyeshi2024", "nys2"));
        assert_eq!(Spelling::of("绿").full[0], "lv");
        assert_eq!(Spelling::of("!?"), Spelling::default());
    }

    #[test]
    fn a_name_is_typed_in_each_of_its_readings() {
        for (name, full, initials) in [
            ("重庆", "chongqing", "cq"),
            ("成都", "chengdu", "cd"),
            ("西藏", "xizang", "xz"),
            ("长曝光", "changpuguang", "cpg"),
            ("长曝光", "changbaoguang", "cbg"),
            ("银行", "yinhang", "yh"),
            ("音乐", "yinyue", "yy"),
            ("重庆火锅", "chongqinghuoguo", "cqhg"),
        ] {
            let typed = Spelling::of(name);
            let has = |forms: &[String], form: &str| forms.iter().any(|one| one == form);
            assert!(has(&typed.full, full) && has(&typed.initials, initials), "{name}: {typed:?}");
        }
        assert_eq!(Spelling::of("重庆").full, ["zhongqing", "chongqing", "tongqing"], "the most frequent one first");
    }

    #[test]
    fn a_name_is_typed_in_as_many_ways_as_there_is_room_for() {
        for name in ["重".repeat(50), "长曝光重庆成都西藏音乐银行".repeat(3), "w".repeat(50)] {
            let typed = Spelling::of(&name);
            for (forms, room) in [(&typed.full, FULL_ROOM), (&typed.initials, INITIALS_ROOM)] {
                assert!((1..=MOST).contains(&forms.len()), "{name}: {forms:?}");
                assert!(forms.join(" ").chars().count() <= room, "{name}: {forms:?}");
                let each: std::collections::BTreeSet<_> = forms.iter().collect();
                assert_eq!(each.len(), forms.len(), "{name}: {forms:?}");
            }
            assert_eq!(typed.full[0], romanised(&name).replace(' ', ""));
        }
        let long = Spelling::of("重庆成都西藏音乐银行");
        assert!(long.full.iter().any(|form| form.starts_with("chongqingchengdu")), "{long:?}");
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
