//! What people type. It is words and nothing else: no character in it is an operator.

use std::collections::HashSet;

use super::stem::plain;
use super::tokens::{Kind, Token, Tokens, words};

/// How many different words of a query are looked for.
pub const MAX_UNITS: usize = 32;

/// Words that say nothing when others stand beside them.
const EMPTY: &[&str] = &[
    "的", "了", "和", "与", "及", "在", "是", "吗", "呢", "吧", "啊", "a", "an", "and", "are", "as", "at", "be", "by",
    "for", "from", "in", "is", "it", "of", "on", "or", "that", "the", "this", "to", "with",
];

/// One word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Characters that must stand beside each other.
    Letters(Vec<String>),
    /// A word between spaces.
    Spaced {
        /// Its stem.
        stem: String,
        /// The word itself, folded.
        plain: String,
    },
}

impl Unit {
    /// The term under which an index keeps the whole of it.
    pub fn term(&self) -> String {
        match self {
            Self::Letters(letters) => letters.concat(),
            Self::Spaced { stem, .. } => stem.clone(),
        }
    }

    /// How many slips of the finger are forgiven where it is nowhere.
    pub fn slips(&self) -> u8 {
        match self {
            Self::Spaced { plain, .. } if plain.chars().all(char::is_alphabetic) => match plain.chars().count() {
                0..4 => 0,
                4..8 => 1,
                _ => 2,
            },
            _ => 0,
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    units: Vec<Unit>,
    forgiven: Vec<String>,
}

impl Words {
    /// Reads a text; any text is one.
    pub fn parse(text: &str) -> Self {
        let tokens: Vec<Token> = Tokens::plain(text).collect();
        let mut units = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if token.kind == Kind::Spaced {
                let plain = plain(&text[token.start..token.end]);
                units.push(Unit::Spaced { stem: token.term.clone(), plain });
                at += 1;
                continue;
            }
            let length = tokens[at..]
                .windows(2)
                .take_while(|pair| pair[1].kind == Kind::Letter && pair[0].end == pair[1].start)
                .count();
            units.extend(letters(text, &tokens[at..=at + length]));
            at += length + 1;
        }
        let mut seen = HashSet::new();
        units.retain(|unit| seen.insert(unit.clone()));
        if units.iter().any(|unit| !is_empty(unit)) {
            units.retain(|unit| !is_empty(unit));
        }
        units.truncate(MAX_UNITS);
        Self { units, forgiven: Vec::new() }
    }

    /// The same, with the terms of those that may stand with slips.
    pub fn forgiving(self, forgiven: Vec<String>) -> Self {
        Self { forgiven, ..self }
    }

    /// How many slips of a word are forgiven.
    pub fn slips(&self, unit: &Unit) -> u8 {
        if self.forgiven.contains(&unit.term()) { unit.slips() } else { 0 }
    }

    /// The different words.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

fn is_empty(unit: &Unit) -> bool {
    match unit {
        Unit::Letters(letters) => letters.len() == 1 && EMPTY.contains(&letters[0].as_str()),
        Unit::Spaced { plain, .. } => EMPTY.contains(&plain.as_str()),
    }
}

/// A run of characters as words; characters that the dictionary leaves alone stay together.
fn letters(text: &str, run: &[Token]) -> Vec<Unit> {
    let unit = |tokens: &[Token]| Unit::Letters(tokens.iter().map(|token| token.term.clone()).collect());
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Vec::new() };
    if run.len() <= 2 {
        return vec![unit(run)];
    }
    let mut units = Vec::new();
    let mut alone = 0..0;
    for (from, to) in words(&text[first.start..last.end], false) {
        let begin = run.partition_point(|token| token.start < first.start + from);
        let end = run.partition_point(|token| token.start < first.start + to);
        let single = end - begin == 1 && !EMPTY.contains(&run[begin].term.as_str());
        if single && alone.end == begin && !alone.is_empty() {
            alone.end = end;
        } else {
            units.extend((!alone.is_empty()).then(|| unit(&run[alone.clone()])));
            alone = if single { begin..end } else { 0..0 };
            if !single && begin < end {
                units.push(unit(&run[begin..end]));
            }
        }
    }
    units.extend((!alone.is_empty()).then(|| unit(&run[alone])));
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        Words::parse(text).units().iter().map(Unit::term).collect()
    }

    #[test]
    fn sentences_are_words() {
        assert_eq!(terms("城市夜景"), ["城市", "夜景"]);
        assert_eq!(terms("Rust的异步编程 for beginners"), ["rust", "异步", "编程", "beginn"]);
        assert_eq!(terms("夜景 夜景"), ["夜景"]);
    }

    #[test]
    fn nothing_in_it_is_an_operator() {
        for text in ["", "   ", "()[]{}^~*?:\\/\"'!&|+-", "，。！？", "\u{200b}\u{202e}", "🎉🎉"] {
            assert!(Words::parse(text).is_empty(), "{text:?}");
        }
        assert_eq!(terms("title:secret AND (NOT \"rust\")~2^9"), ["titl", "secret", "not", "rust", "2", "9"]);
        assert_eq!(terms("* OR 1=1; DROP TABLE articles"), ["1", "drop", "tabl", "articl"]);
    }

    #[test]
    fn empty_words_count_only_alone() {
        assert_eq!(terms("the"), ["the"]);
        assert_eq!(terms("the art of the 的"), ["art"]);
    }

    #[test]
    fn long_texts_are_bounded() {
        let text = (0..5000).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(Words::parse(&text).units().len(), MAX_UNITS);
    }

    #[test]
    fn only_words_are_forgiven_slips() {
        let slips = |text: &str| Words::parse(text).units().iter().map(Unit::slips).collect::<Vec<_>>();
        assert_eq!(slips("cat rust photography 2024 夜景"), [0, 1, 2, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(
            text in r#"(?s).{0,200}|[一-龥的了a-z ]{0,200}|([a-z夜景 ]|AND |OR |NOT |[-+&|!(){}\[\]^"~*?:\\/']){0,200}"#
        ) {
            let words = Words::parse(&text);
            prop_assert!(words.units().len() <= MAX_UNITS);
            for unit in words.units() {
                prop_assert!(!unit.term().is_empty());
            }
            prop_assert_eq!(&words, &Words::parse(&text));
        }
    }
}
