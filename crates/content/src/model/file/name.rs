use unicode_normalization::UnicodeNormalization;

/// What is longest of a name, in characters.
const MAX: usize = 200;
/// What a file without any name is called.
const NAMELESS: &str = "file";

/// What its owner called a file: for people to read, never a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// What is left of a name that anybody may have sent: the part after the last `/` or `\`,
    /// without control characters and without marks that turn the direction of writing or
    /// cannot be seen. Letters of every script and pictures stay. One that has nothing left is
    /// called `file`. The end of one that is too long is kept, so that its kind can be seen.
    pub fn clean(text: &str) -> Self {
        let base = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let seen: String = base.chars().filter(|c| !is_hidden(*c)).nfc().collect();
        let name = seen.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = shorten(name.trim_matches(['.', ' ']));
        let name = name.trim_end_matches(['.', ' ']);
        Self(if name.is_empty() { NAMELESS } else { name }.to_owned())
    }

    /// A name as the store kept it.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and marks without a shape that change how others are read. The joiner
/// stays: it makes one picture of several.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}' | '\u{E0000}'..='\u{E001F}')
}

fn shorten(name: &str) -> String {
    let length = name.chars().count();
    if length <= MAX {
        return name.to_owned();
    }
    let end = name.rfind('.').map(|at| &name[at..]).filter(|end| end.chars().count() <= 16).unwrap_or_default();
    let room = MAX - end.chars().count();
    name.chars().take(room).chain(end.chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_no_path_and_hides_nothing() {
        for (sent, kept) in [
            ("DSC_0001.jpg", "DSC_0001.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\..\\城市 夜景.JPG", "城市 夜景.JPG"),
            ("/absolute/path/", "file"),
            ("..", "file"),
            ("", "file"),
            ("a\0b.jpg", "ab.jpg"),
            ("line\r\nbreak\t.png", "linebreak.png"),
            ("👩\u{200D}👩\u{200D}👧 🏙.jpg", "👩\u{200D}👩\u{200D}👧 🏙.jpg"),
            ("invoice\u{202E}gpj.exe", "invoicegpj.exe"),
            ("\u{FEFF}  spaced   out .jpg ", "spaced out .jpg"),
            ("e\u{301}te\u{301}.jpg", "été.jpg"),
            ("\"><script>.jpg", "\"><script>.jpg"),
        ] {
            assert_eq!(FileName::clean(sent).as_str(), kept, "{sent:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = FileName::clean(&format!("{}.jpeg", "长".repeat(10_000)));
        assert_eq!((name.as_str().chars().count(), name.as_str().ends_with("长.jpeg")), (200, true));
        assert_eq!(FileName::clean(&"x".repeat(1000)).as_str().len(), 200);
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_name(text in any::<String>()) {
            let name = FileName::clean(&text);
            let shown = name.as_str();
            prop_assert!(!shown.is_empty() && shown.chars().count() <= MAX && shown.len() <= 4 * MAX);
            prop_assert!(!shown.contains(['/', '\\', '\0', '\n', '\r']));
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(FileName::clean(shown), name.clone(), "{}", shown);
        }
    }
}
