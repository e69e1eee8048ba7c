//! The forms under which words are kept.

use sharestack_kernel::text::fold;
use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most characters of a term; the rest of a longer word is not looked at.
const LONGEST: usize = 64;

/// A word without regard to case, width and accents.
pub fn plain(word: &str) -> String {
    let head: String = word.chars().take(LONGEST).collect();
    if head.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return head;
    }
    fold(&head).nfd().filter(|c| !is_combining_mark(*c)).nfc().take(LONGEST).collect()
}

/// Brings the forms of an English word together.
#[derive(Clone)]
pub struct Stem(TextAnalyzer);

impl Default for Stem {
    fn default() -> Self {
        Self(TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build())
    }
}

impl Stem {
    /// The stem of a word that is [`plain`]; other words than English ones stay.
    pub fn of(&mut self, plain: String) -> String {
        if plain.len() < 3 || !plain.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return plain;
        }
        let mut stream = self.0.token_stream(&plain);
        if stream.advance() { std::mem::take(&mut stream.token_mut().text) } else { plain.clone() }
    }
}
