//! Reads sanitised HTML as the serialiser writes it: balanced tags, quoted attributes,
//! escaped text. Not a parser for anything else.

use std::borrow::Cow;
use std::ops::Range;

/// A piece of sanitised HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open(&'a str),
    Close(&'a str),
    Text(&'a str),
}

const VOID: [&str; 8] = ["area", "br", "col", "hr", "img", "input", "wbr", "source"];
const INLINE: [&str; 36] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "i", "img", "input", "ins",
    "kbd", "mark", "q", "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
];

struct Tokens<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (Range<usize>, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.html.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        if !rest.starts_with('<') {
            let length = rest.find('<').unwrap_or(rest.len());
            self.at += length;
            return Some((start..self.at, Token::Text(&rest[..length])));
        }
        let mut quoted = false;
        let end = rest.bytes().position(|b| {
            quoted ^= b == b'"';
            b == b'>' && !quoted
        });
        let length = end.map_or(rest.len(), |end| end + 1);
        self.at += length;
        let inner = rest[1..length].trim_end_matches('>');
        let token = match inner.strip_prefix('/') {
            Some(name) => Token::Close(name),
            None => Token::Open(inner.split([' ', '/']).next().unwrap_or_default()),
        };
        Some((start..self.at, token))
    }
}

fn tokens(html: &str) -> Tokens<'_> {
    Tokens { html, at: 0 }
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", "\u{a0}");
    Cow::Owned(text.replace("&amp;", "&"))
}

/// The text of sanitised HTML alone, with single spaces.
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut space = false;
    for (_, token) in tokens(html) {
        match token {
            Token::Open(name) | Token::Close(name) => space |= !INLINE.contains(&name),
            Token::Text(raw) => {
                for c in unescape(raw).chars() {
                    if c.is_whitespace() {
                        space = true;
                        continue;
                    }
                    if space && !text.is_empty() {
                        text.push(' ');
                    }
                    space = false;
                    text.push(c);
                }
            }
        }
    }
    text
}

/// How many characters that are not white space a piece of HTML shows, and how many
/// pictures.
pub(super) fn weight(html: &str) -> (usize, usize) {
    tokens(html).fold((0, 0), |(characters, pictures), (_, token)| match token {
        Token::Open("img") => (characters, pictures + 1),
        Token::Text(raw) => (characters + visible(&unescape(raw)), pictures),
        Token::Open(_) | Token::Close(_) => (characters, pictures),
    })
}

/// How many characters of a text are not white space.
pub(super) fn visible(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The outermost elements in order; text and inline elements between them are one block.
pub(super) fn blocks(html: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    let mut inline = true;
    for (range, token) in tokens(html) {
        match token {
            Token::Open(name) => {
                let starts_block = depth == 0 && !INLINE.contains(&name);
                if starts_block {
                    blocks.push(&html[start..range.start]);
                    start = range.start;
                    inline = false;
                }
                if !VOID.contains(&name) {
                    depth += 1;
                } else if starts_block {
                    blocks.push(&html[start..range.end]);
                    start = range.end;
                    inline = true;
                }
            }
            Token::Close(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 && !inline {
                    blocks.push(&html[start..range.end]);
                    start = range.end;
                    inline = true;
                }
            }
            Token::Text(_) => {}
        }
    }
    blocks.push(&html[start..]);
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_elements() {
        let html = "<h1>a</h1>\n<p>b <em>c</em></p><hr><ul><li>d<ul><li>e</li></ul></li></ul>x <b>y</b><p>z</p>";
        let expected = [
            "<h1>a</h1>",
            "<p>b <em>c</em></p>",
            "<hr>",
            "<ul><li>d<ul><li>e</li></ul></li></ul>",
            "x <b>y</b>",
            "<p>z</p>",
        ];
        assert_eq!(blocks(html), expected);
    }

    #[test]
    fn text_is_unescaped_and_spaced() {
        let html = "<h1>标题</h1><p>a &amp;lt; <b>b</b>c<br>d &lt;e&gt;\n f</p><p title=\"x > y\">g</p>";
        assert_eq!(plain_text(html), "标题 a &lt; bc d <e> f g");
        assert_eq!(weight("<p>a b<img src=\"x\"></p>"), (2, 1));
    }
}
