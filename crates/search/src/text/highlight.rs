//! Marks what was found. Everything else of a text is escaped.

use std::ops::Range;

use super::query::{Unit, Words};
use super::tokens::{Kind, Token, Tokens, number};

/// How many characters of a long text are shown.
const SHOWN: usize = 120;
/// How many characters stand before the first thing found.
const BEFORE: usize = 24;
/// After so many bytes behind the first thing found, no better place is looked for.
const PATIENCE: usize = 20_000;

/// A place that was found, and by which word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    bytes: Range<usize>,
    unit: usize,
}

/// What is shown of a text, escaped, with marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// As HTML.
    pub html: String,
    /// How many different words were found in it.
    pub found: usize,
}

/// The whole text with marks; `None` when nothing was found in it.
pub fn marked(words: &Words, text: &str) -> Option<String> {
    let marks = marks(words, text, usize::MAX);
    (!marks.is_empty()).then(|| render(text, 0..text.len(), &marks))
}

/// The part of a long text in which most was found; `None` when nothing was.
pub fn passage(words: &Words, text: &str) -> Option<Passage> {
    let marks = marks(words, text, PATIENCE);
    let mut best: Option<(usize, usize, Range<usize>)> = None;
    for (number, mark) in marks.iter().enumerate() {
        let window = window(text, mark.bytes.start);
        let inside = marks[number..].iter().take_while(|mark| mark.bytes.end <= window.end);
        let mut units: Vec<usize> = inside.map(|mark| mark.unit).collect();
        let hits = units.len();
        units.sort_unstable();
        units.dedup();
        if best.as_ref().is_none_or(|best| (units.len(), hits) > (best.0, best.1)) {
            best = Some((units.len(), hits, window));
        }
    }
    best.map(|(found, _, window)| Passage { html: render(text, window, &marks), found })
}

/// The characters around a place.
fn window(text: &str, at: usize) -> Range<usize> {
    if text.char_indices().nth(SHOWN).is_none() {
        return 0..text.len();
    }
    let start = text[..at].char_indices().rev().nth(BEFORE - 1).map_or(0, |(byte, _)| byte);
    let end = text[start..].char_indices().nth(SHOWN).map_or(text.len(), |(byte, _)| start + byte);
    start..end
}

fn marks(words: &Words, text: &str, patience: usize) -> Vec<Mark> {
    let longest = words.units().iter().map(|unit| if let Unit::Letters(all) = unit { all.len() } else { 1 }).max();
    let longest = longest.unwrap_or_default();
    let slips: Vec<u8> = words.units().iter().map(|unit| words.slips(unit)).collect();
    let mut marks: Vec<Mark> = Vec::new();
    let mut recent: Vec<Token> = Vec::new();
    for token in Tokens::plain(text) {
        if marks.first().is_some_and(|first| token.start > first.bytes.start.saturating_add(patience)) {
            break;
        }
        recent.push(token);
        if recent.len() > longest {
            recent.remove(0);
        }
        for (place, unit) in words.units().iter().enumerate() {
            marks.extend(ends_with(text, &recent, unit, slips[place]).map(|bytes| Mark { bytes, unit: place }));
        }
    }
    marks.sort_by_key(|mark| (mark.bytes.start, mark.bytes.end));
    marks
}

/// The bytes of a word that ends with the last token and has so many slips at the most, or of
/// the number that this token begins with.
fn ends_with(text: &str, recent: &[Token], unit: &Unit, slips: u8) -> Option<Range<usize>> {
    let last = recent.last()?;
    match unit {
        Unit::Letters(letters) => {
            let tail = &recent[recent.len().checked_sub(letters.len())?..];
            let follow = tail.windows(2).all(|pair| pair[0].position + 1 == pair[1].position);
            let same = tail.iter().zip(letters).all(|(token, letter)| token.term == *letter);
            (follow && same).then(|| tail[0].start..last.end)
        }
        Unit::Spaced { stem, .. } if last.kind == Kind::Spaced => {
            if last.term == *stem || within(&last.term, stem, slips) {
                return Some(last.start..last.end);
            }
            number(text, last).filter(|number| number.term == *stem).map(|number| number.start..number.end)
        }
        Unit::Spaced { .. } => None,
    }
}

/// Whether so many insertions, losses, changes and swaps at the most make one word the other.
fn within(a: &str, b: &str, slips: u8) -> bool {
    let slips = usize::from(slips);
    if slips == 0 || a.len().abs_diff(b.len()) > slips * 4 {
        return false;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(swapped)
            };
        }
    }
    rows[a.len()][b.len()] <= slips
}

/// A part of a text as HTML. Marks that touch are one.
fn render(text: &str, part: Range<usize>, marks: &[Mark]) -> String {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.bytes.start >= part.start && mark.bytes.end <= part.end) {
        match ranges.last_mut() {
            Some(last) if mark.bytes.start <= last.end => last.end = last.end.max(mark.bytes.end),
            _ => ranges.push(mark.bytes.clone()),
        }
    }
    let mut html = String::with_capacity(part.len() + ranges.len() * 13);
    if part.start > 0 {
        html.push('…');
    }
    let mut at = part.start;
    for range in ranges {
        escape(&text[at..range.start], &mut html);
        html.push_str("<mark>");
        escape(&text[range.clone()], &mut html);
        html.push_str("</mark>");
        at = range.end;
    }
    escape(&text[at..part.end], &mut html);
    if part.end < text.len() {
        html.push('…');
    }
    html
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(query: &str, text: &str) -> Option<String> {
        marked(&Words::parse(query), text)
    }

    #[test]
    fn what_was_found_is_marked_and_nothing_else() {
        assert_eq!(mark("夜景", "城市夜景与夜晚").unwrap(), "城市<mark>夜景</mark>与夜晚");
        assert_eq!(mark("invest", "Investing is <b>").unwrap(), "<mark>Investing</mark> is &lt;b&gt;");
        assert_eq!(mark("城市夜景", "城市夜景").unwrap(), "<mark>城市夜景</mark>");
        assert_eq!(mark("夜景", "夜，景"), None);
        assert_eq!(mark("rust", "trusty"), None);
    }

    #[test]
    fn slips_are_marked_of_the_words_that_the_search_forgave() {
        let words = Words::parse("photografy rust");
        let forgiven = words.clone().forgiving(vec![words.units()[0].term()]);
        let text = "About photography: rust and trust";
        let shown = "About <mark>photography</mark>: <mark>rust</mark> and trust";
        assert_eq!(marked(&forgiven, text).unwrap(), shown);
        assert_eq!(marked(&words, text).unwrap(), "About photography: <mark>rust</mark> and trust");
        assert_eq!(mark("rust", "A trust fund"), None);
    }

    #[test]
    fn of_a_number_before_letters_the_number_alone_is_marked() {
        let lens = "RF 24-70mm f/2.8L";
        assert_eq!(mark("24-70", lens).unwrap(), "RF <mark>24</mark>-<mark>70</mark>mm f/2.8L");
        assert_eq!(mark("f/2.8", lens).unwrap(), "RF 24-70mm <mark>f</mark>/<mark>2</mark>.<mark>8</mark>L");
        assert_eq!(mark("70mm", lens).unwrap(), "RF 24-<mark>70mm</mark> f/2.8L");
        assert_eq!(mark("70 70mm", lens).unwrap(), "RF 24-<mark>70mm</mark> f/2.8L");
        assert_eq!(mark("70", "７０ｍｍ").unwrap(), "<mark>７０</mark>ｍｍ");
        assert_eq!(mark("7", lens), None);
        assert_eq!(mark("70", "700mm"), None);
    }

    #[test]
    fn markup_of_the_text_stays_text() {
        let html = mark("script", "<script>alert('1')</script> & \"x\"").unwrap();
        let expected = "&lt;<mark>script</mark>&gt;alert(&#39;1&#39;)&lt;/<mark>script</mark>&gt; &amp; &quot;x&quot;";
        assert_eq!(html, expected);
    }

    #[test]
    fn a_long_text_is_shown_where_most_was_found() {
        let text = format!("基金{}基金定投指南{}", "一".repeat(300), "二".repeat(300));
        let shown = passage(&Words::parse("基金 定投"), &text).unwrap();
        assert!(shown.html.contains("<mark>基金定投</mark>指南"), "{}", shown.html);
        assert!(shown.html.starts_with('…') && shown.html.ends_with('…'));
        assert_eq!(shown.found, 2);
        assert!(passage(&Words::parse("没有"), &text).is_none());
    }

    proptest! {
        #[test]
        fn marks_never_break_a_text(query in "\\PC{0,12}|[a-c一二 <>&]{0,8}", text in "\\PC{0,60}|[a-c一二 <>&\"'/]{0,60}") {
            let words = Words::parse(&query);
            let all = words.units().iter().map(Unit::term).collect();
            let words = words.forgiving(all);
            for html in [marked(&words, &text), passage(&words, &text).map(|shown| shown.html)].into_iter().flatten() {
                let bare = html.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!bare.contains(['<', '>', '"', '\'']), "{}", html);
                prop_assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
                prop_assert!(html.contains("<mark>"));
                let back = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
                prop_assert_eq!(&back, &text);
            }
        }
    }
}
