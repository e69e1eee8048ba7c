//! A text as terms with their places: every Chinese character by itself and with the one
//! before it, so that any part of a sentence is found; the words of the dictionary over them,
//! so that words rank; the stems of words of other scripts, and the numbers that they begin with.

use std::collections::VecDeque;
use std::str::CharIndices;
use std::sync::LazyLock;

use tantivy_jieba::jieba_rs::Jieba;

use super::stem::{Stem, plain};

/// The dictionary takes tens of megabytes: only who meets Chinese words pays for it.
static DICTIONARY: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// How many characters the dictionary looks at in one piece.
const PIECE: usize = 1000;

/// What a term stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One character of a script that is written without spaces.
    Letter,
    /// Two of them beside each other.
    Pair,
    /// Several of them that are a word.
    Word,
    /// A word between spaces.
    Spaced,
}

/// A term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The form under which it is found.
    pub term: String,
    /// The byte where it begins.
    pub start: usize,
    /// The byte behind its end.
    pub end: usize,
    /// Its place among letters and spaced words; a sign between two leaves one free.
    pub position: usize,
    /// What it is.
    pub kind: Kind,
}

/// The term of two letters beside each other. It is no word's.
pub fn pair(first: &str, second: &str) -> String {
    ["\u{1}", first, second].concat()
}

/// The number that a word begins with, where more of it follows: `70mm` is looked for as `70` too.
pub(super) fn number(text: &str, word: &Token) -> Option<Token> {
    let written = text.get(word.start..word.end)?;
    let digits = written.find(|c| !matches!(c, '0'..='9' | '０'..='９'))?;
    (digits > 0).then(|| Token { term: plain(&written[..digits]), end: word.start + digits, ..word.clone() })
}

/// Whether words of the character's script are written without spaces between them.
pub(super) const fn is_unspaced(c: char) -> bool {
    is_han(c)
        || matches!(c,
            '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}'
            | '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' | '\u{3005}' | '\u{3007}')
}

const fn is_han(c: char) -> bool {
    matches!(c,
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// The words of the dictionary in a run of characters, each with its bytes. `overlapping`
/// gives the words inside words too.
pub(super) fn words(run: &str, overlapping: bool) -> Vec<(usize, usize)> {
    let cut = if overlapping { DICTIONARY.cut_for_search(run, true) } else { DICTIONARY.cut(run, true) };
    cut.into_iter().map(|word| (word.byte_start, word.byte_end)).collect()
}

/// The terms of a text, in order. It never holds more than a piece of them.
pub struct Tokens<'a> {
    text: &'a str,
    rest: std::iter::Peekable<CharIndices<'a>>,
    position: usize,
    ready: VecDeque<Token>,
    /// The letter before.
    last: Option<Token>,
    with_words: bool,
    stem: Stem,
}

impl<'a> Tokens<'a> {
    /// All terms: what an index keeps.
    pub fn all(text: &'a str) -> Self {
        Self::new(text, true)
    }

    /// The terms that stand beside each other, without pairs, the dictionary's words and the
    /// numbers of words: what a search in one text needs.
    pub fn plain(text: &'a str) -> Self {
        Self::new(text, false)
    }

    fn new(text: &'a str, with_words: bool) -> Self {
        let rest = text.char_indices().peekable();
        Self { text, rest, position: 0, ready: VecDeque::new(), last: None, with_words, stem: Stem::default() }
    }

    /// Takes characters while they are `wanted`, at the most `limit`; the byte behind them.
    fn take_while(&mut self, wanted: fn(char) -> bool, limit: usize) -> usize {
        for _ in 0..limit {
            match self.rest.peek() {
                Some((_, c)) if wanted(*c) => drop(self.rest.next()),
                _ => break,
            }
        }
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn unspaced(&mut self, start: usize) {
        let end = self.take_while(is_unspaced, PIECE);
        let run = &self.text[start..end];
        let first = self.position;
        let mut tokens = Vec::new();
        let mut places = Vec::new();
        for (at, c) in run.char_indices() {
            places.push(at);
            let (from, to) = (start + at, start + at + c.len_utf8());
            let term = plain(&run[at..at + c.len_utf8()]);
            let letter = Token { term, start: from, end: to, position: self.position, kind: Kind::Letter };
            if self.with_words {
                tokens.extend(self.last.as_ref().and_then(|last| both(last, &letter)));
                self.last = Some(letter.clone());
            }
            tokens.push(letter);
            self.position += 1;
        }
        if self.with_words && places.len() > 1 {
            for (from, to) in words(run, true) {
                let word = &run[from..to];
                if word.chars().nth(1).is_none() || !word.chars().all(is_han) {
                    continue;
                }
                let place = first + places.partition_point(|place| *place < from);
                let term = plain(word);
                tokens.push(Token { term, start: start + from, end: start + to, position: place, kind: Kind::Word });
            }
            tokens.sort_by_key(|token| (token.position, token.end));
        }
        self.ready.extend(tokens);
    }

    fn spaced(&mut self, start: usize) {
        let part =
            |c: char| c.is_alphanumeric() && !is_unspaced(c) || unicode_normalization::char::is_combining_mark(c);
        let mut end = self.take_while(part, usize::MAX);
        // C++ and C# are names.
        if end - start <= 2 {
            end = self.take_while(|c| matches!(c, '+' | '#'), 2);
        }
        let term = self.stem.of(plain(&self.text[start..end]));
        if !term.is_empty() {
            let word = Token { term, start, end, position: self.position, kind: Kind::Spaced };
            if self.with_words {
                self.ready.extend(number(self.text, &word));
            }
            self.ready.push_back(word);
            self.position += 1;
        }
    }
}

/// Two letters as one term, at the place of the second; `None` when something parts them.
fn both(first: &Token, second: &Token) -> Option<Token> {
    (first.position + 1 == second.position).then(|| Token {
        term: pair(&first.term, &second.term),
        start: first.start,
        end: second.end,
        position: second.position,
        kind: Kind::Pair,
    })
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            if let Some(token) = self.ready.pop_front() {
                return Some(token);
            }
            let (at, c) = *self.rest.peek()?;
            if is_unspaced(c) {
                self.unspaced(at);
            } else if c.is_alphanumeric() {
                self.spaced(at);
            } else {
                self.rest.next();
                // Words beside each other stay so; the ends of sentences part them.
                if !c.is_whitespace() {
                    self.position += 1;
                }
            }
        }
    }
}

/// The same for Tantivy.
#[derive(Clone, Default)]
pub struct Mixed;

/// The terms of one text, as Tantivy asks for them.
pub struct Stream<'a> {
    tokens: Tokens<'a>,
    token: tantivy::tokenizer::Token,
}

impl tantivy::tokenizer::Tokenizer for Mixed {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream { tokens: Tokens::all(text), token: tantivy::tokenizer::Token::default() }
    }
}

impl tantivy::tokenizer::TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(token) = self.tokens.next() else { return false };
        self.token.text = token.term;
        self.token.offset_from = token.start;
        self.token.offset_to = token.end;
        self.token.position = token.position;
        self.token.position_length = 1;
        true
    }

    fn token(&self) -> &tantivy::tokenizer::Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut tantivy::tokenizer::Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str) -> Vec<String> {
        Tokens::all(text).map(|token| token.term).collect()
    }

    #[test]
    fn a_sentence_holds_its_characters_and_its_words() {
        let terms = terms("城市夜景摄影");
        for wanted in ["城", "市", "夜", "城市", "夜景", "摄影"] {
            assert!(terms.iter().any(|term| term == wanted), "{wanted} in {terms:?}");
        }
    }

    #[test]
    fn letters_are_paired_where_they_stand_beside_each_other() {
        let pairs = |text| {
            let pairs = Tokens::all(text).filter(|token| token.kind == Kind::Pair);
            pairs.map(|token| (token.term, token.position)).collect::<Vec<_>>()
        };
        assert_eq!(pairs("城市，夜 景a色"), [(pair("城", "市"), 1), (pair("夜", "景"), 4)]);
        let long = "城".repeat(2 * PIECE);
        assert_eq!(pairs(&long).len(), 2 * PIECE - 1, "also between the pieces of a long text");
        assert!(Tokens::plain("城市").all(|token| token.kind == Kind::Letter));
    }

    #[test]
    fn other_words_are_folded_and_stemmed() {
        assert_eq!(
            terms("Investing INVESTED café ＲＵＳＴ 3D C++ don't"),
            ["invest", "invest", "cafe", "rust", "3", "3d", "c++", "don", "t"]
        );
    }

    #[test]
    fn a_word_is_kept_under_the_number_that_it_begins_with() {
        let places = |text| Tokens::all(text).map(|token| (token.term, token.position)).collect::<Vec<_>>();
        let at = |term: &str, position| (term.to_owned(), position);
        let zoom = [at("rf", 0), at("24", 1), at("70", 3), at("70mm", 3), at("f", 4), at("2", 6), at("8", 8)];
        assert_eq!(places("RF 24-70mm f/2.8L")[..7], zoom);
        assert_eq!(places("RF 24-70mm f/2.8L")[7..], [at("8l", 8)]);
        assert_eq!(places("７０ｍｍ"), [at("70", 0), at("70mm", 0)]);
        assert_eq!(places("R5 2024"), [at("r5", 0), at("2024", 1)]);
        assert!(Tokens::plain("70mm").all(|token| token.term == "70mm"), "who looks for the whole means the whole");
    }

    #[test]
    fn scripts_beside_each_other_are_told_apart() {
        let tokens: Vec<_> = Tokens::plain("用Rust写").map(|token| (token.term, token.position)).collect();
        assert_eq!(tokens, [("用".to_owned(), 0), ("rust".to_owned(), 1), ("写".to_owned(), 2)]);
    }

    #[test]
    fn a_sign_parts_what_a_space_does_not() {
        let places = |text| Tokens::plain(text).map(|token| token.position).collect::<Vec<_>>();
        assert_eq!(places("北京 大学"), [0, 1, 2, 3]);
        assert_eq!(places("北京，大学"), [0, 1, 3, 4]);
    }

    proptest! {
        #[test]
        fn places_are_inside_the_text_and_in_order(text in "\\PC{0,80}|[一-龥a-zA-Z0-9 ，。<&]{0,60}|.{0,80}") {
            let mut before = 0;
            for token in Tokens::all(&text) {
                prop_assert!(text.get(token.start..token.end).is_some_and(|slice| !slice.is_empty()));
                prop_assert!(token.position >= before);
                before = token.position;
            }
            prop_assert!(Tokens::plain(&text).zip(Tokens::plain(&text).skip(1)).all(|(a, b)| a.end <= b.start));
        }
    }
}
