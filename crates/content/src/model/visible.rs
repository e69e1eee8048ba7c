//! What people see of a text.

use unicode_properties::GeneralCategory as Of;
use unicode_properties::UnicodeGeneralCategory as _;

/// Whether a character only says how those beside it are set, and is not seen itself.
fn is_unseen(c: char) -> bool {
    // Some of the category enclose numbers, and are seen.
    let encloses = matches!(
        c,
        '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{110bd}' | '\u{110cd}'
    );
    c.general_category() == Of::Format && !encloses
}

/// Whether there is nothing in a text that people see by itself.
pub(super) fn is_blank(text: &str) -> bool {
    let blank = |c: char| {
        let fills = matches!(c, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
        let category = c.general_category();
        let marks = matches!(category, Of::NonspacingMark | Of::EnclosingMark);
        let spaces = matches!(category, Of::SpaceSeparator | Of::LineSeparator | Of::ParagraphSeparator | Of::Control);
        fills || marks || spaces || is_unseen(c)
    };
    text.chars().all(blank)
}

/// A text without what is not seen in it, so that texts that look the same are the same. Of the
/// flags of regions, which are a black flag and unseen letters, these letters stay: by them they
/// look otherwise.
pub(crate) fn without_unseen(text: &str) -> String {
    let mut of_flag = false;
    let seen = |c: &char| {
        of_flag = *c == '\u{1f3f4}' || of_flag && matches!(c, '\u{e0020}'..='\u{e007f}');
        of_flag || !is_unseen(*c)
    };
    text.chars().filter(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_tells_no_two_texts_apart() {
        for (text, seen) in [
            ("夜\u{200b}景\u{feff}", "夜景"),
            ("\u{202e}abc\u{2066}", "abc"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("👩\u{200d}👦", "👩👦"),
            ("夜\u{e0067}\u{e007f}", "夜"),
            ("\u{600}12", "\u{600}12"),
        ] {
            assert_eq!(without_unseen(text), seen);
        }
        let flag = |region: &str| {
            let letters = region.chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap());
            format!("\u{1f3f4}{}\u{e007f}", letters.collect::<String>())
        };
        assert_eq!(without_unseen(&flag("gbeng")), flag("gbeng"));
        assert_ne!(without_unseen(&flag("gbeng")), without_unseen(&flag("gbsct")));
    }

    #[test]
    fn a_text_is_blank_when_nothing_of_it_is_seen() {
        for blank in
            ["", " \t\n", "\u{200b}", "\u{200b} \u{2060}\u{feff}", "\u{ad}", "\u{3164}", "\u{301}", "\u{2800}", "\0"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        for seen in ["a", "夜", "!", "👩\u{200d}👦", "\u{200b}.", "\u{600}", "❤\u{fe0f}", "é"] {
            assert!(!is_blank(seen), "{seen:?}");
        }
    }
}
