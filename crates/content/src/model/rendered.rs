//! What readers see of a text: rendered once, when it is written.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};
use thiserror::Error;

use super::body::{Body, Format};
use super::outline::{blocks, plain_text, visible, weight};

/// The most characters of an excerpt.
pub const EXCERPT_CHARS: usize = 200;
/// The most characters of a preview.
pub const PREVIEW_CHARS: usize = 500;
/// A preview shows at most one part in so many of a text.
const SHARE: usize = 5;
/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 200;

/// The serialiser looks at the rest of a text again for each character that it escapes:
/// longer texts are cut into pieces of about so many bytes, longer attributes left out.
const LONGEST_PIECE: usize = 4096;

/// The text's elements stand in each other too deep to be written by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("content is nested too deep")]
pub struct TooDeep;

/// A text made ready for readers. All HTML in it is sanitised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    html: String,
    preview: String,
    excerpt: String,
    teaser: String,
}

impl Rendered {
    /// Renders a text.
    ///
    /// # Errors
    /// When its elements stand in each other too deep.
    pub fn of(body: &Body) -> Result<Self, TooDeep> {
        let raw = match body.format() {
            Format::Markdown => Cow::Owned(from_markdown(body.source())?),
            Format::Html => Cow::Borrowed(body.source()),
        };
        if depth(&raw) > MAX_DEPTH {
            return Err(TooDeep);
        }
        let html = SANITISER.clean(&with_breaks(&raw)).to_string();
        let preview = preview(&html);
        Ok(Self { teaser: teaser_of(&preview), excerpt: cut(&plain_text(&html), EXCERPT_CHARS), preview, html })
    }

    /// What a store kept of a rendered text.
    pub const fn stored(html: String, preview: String, excerpt: String, teaser: String) -> Self {
        Self { html, preview, excerpt, teaser }
    }

    /// The same with the teaser that its preview has by the rule of today; `None` when it has.
    pub fn with_teaser_anew(&self) -> Option<Self> {
        teaser_anew(&self.preview, &self.teaser).map(|teaser| Self { teaser, ..self.clone() })
    }

    /// The whole text.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The beginning, for readers before the gate: never more than a fifth of the text.
    pub fn preview(&self) -> &str {
        &self.preview
    }

    /// The first 200 characters as plain text.
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }

    /// The excerpt for readers before the gate: nothing that the preview does not show.
    pub fn teaser(&self) -> &str {
        &self.teaser
    }
}

/// A text with what readers see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What the author wrote.
    pub body: Body,
    /// What it became.
    pub rendered: Rendered,
}

impl Text {
    /// Renders what an author wrote.
    ///
    /// # Errors
    /// When its elements stand in each other too deep.
    pub fn of(body: Body) -> Result<Self, TooDeep> {
        Ok(Self { rendered: Rendered::of(&body)?, body })
    }
}

fn from_markdown(source: &str) -> Result<String, TooDeep> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES;
    let mut depth = 0_usize;
    let mut events = Vec::new();
    for event in Parser::new_ext(source, options) {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(TooDeep);
        }
        events.push(with_footnote_prefix(event));
    }
    let mut out = String::with_capacity(source.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    Ok(out)
}

/// Footnotes are the only ids that come through; their prefix keeps them from meeting
/// the page's own.
fn with_footnote_prefix(event: Event<'_>) -> Event<'_> {
    let prefixed = |name: CowStr<'_>| CowStr::from(format!("fn-{name}"));
    match event {
        Event::FootnoteReference(name) => Event::FootnoteReference(prefixed(name)),
        Event::Start(Tag::FootnoteDefinition(name)) => Event::Start(Tag::FootnoteDefinition(prefixed(name))),
        other => other,
    }
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_tags(["input"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .add_tag_attributes("input", ["checked"])
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("div", ["id"])
        .allowed_classes(HashMap::from([
            ("sup", HashSet::from(["footnote-reference", "footnote-definition-label"])),
            ("div", HashSet::from(["footnote-definition"])),
        ]))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("code", "class") => value.split_whitespace().all(|c| c.starts_with("language-")).then_some(value.into()),
            ("div", "id") => value.starts_with("fn-").then_some(value.into()),
            _ if value.len() > LONGEST_PIECE => None,
            _ => Some(value.into()),
        });
    builder
});

/// Puts comments, which the sanitiser drops, into long texts between tags.
fn with_breaks(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut piece = 0;
    let mut since_reference = 0;
    let mut copied = 0;
    let mut in_tag = false;
    for (at, byte) in html.bytes().enumerate() {
        match byte {
            b'<' => (in_tag, piece) = (true, 0),
            b'>' => (in_tag, piece) = (false, 0),
            _ => piece += 1,
        }
        // A character reference is not torn.
        let may_break = byte == b'&' || since_reference > 40;
        since_reference = if byte == b'&' { 0 } else { since_reference + 1 };
        if piece > LONGEST_PIECE && !in_tag && may_break && html.is_char_boundary(at) {
            out.push_str(&html[copied..at]);
            out.push_str("<!---->");
            (copied, piece) = (at, 0);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[copied..]);
    Cow::Owned(out)
}

/// How deep unsanitised HTML may nest at the most. End tags that the parser would close
/// by itself are not waited for.
fn depth(html: &str) -> usize {
    const CLOSED_BY_THEMSELVES: [&str; 26] = [
        "p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "colgroup", "area", "br", "col",
        "hr", "img", "input", "wbr", "source", "base", "embed", "link", "meta", "param", "track",
    ];
    const RAW: [&str; 9] =
        ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"];
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let (closing, after) = rest.strip_prefix('/').map_or((false, rest), |after| (true, after));
        if !after.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let name_end = after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(after.len());
        let name = after[..name_end].to_ascii_lowercase();
        rest = after_tag(&after[name_end..]);
        if CLOSED_BY_THEMSELVES.contains(&name.as_str()) {
            continue;
        }
        if closing {
            if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                *count -= 1;
                depth -= 1;
            }
        } else if RAW.contains(&name.as_str()) {
            let lower = format!("</{name}");
            let end = rest.as_bytes().windows(lower.len()).position(|w| w.eq_ignore_ascii_case(lower.as_bytes()));
            rest = end.map_or("", |end| &rest[end..]);
        } else {
            *open.entry(name).or_default() += 1;
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// What follows the end of a tag, whose quoted attributes may hold anything.
fn after_tag(text: &str) -> &str {
    let mut quote = None;
    let mut value_starts = false;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return &text[at + 1..],
            (None, b'"' | b'\'') if value_starts => quote = Some(byte),
            _ => {}
        }
        value_starts = byte == b'=' || (value_starts && byte.is_ascii_whitespace());
    }
    ""
}

/// The first `limit` characters that are not white space.
fn cut(text: &str, limit: usize) -> String {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            continue;
        }
        if seen == limit {
            let head = text[..at].trim_end();
            return if head.is_empty() { String::new() } else { format!("{head}…") };
        }
        seen += 1;
    }
    text.to_owned()
}

fn preview(html: &str) -> String {
    let blocks: Vec<(&str, (usize, usize))> = blocks(html).into_iter().map(|block| (block, weight(block))).collect();
    let sum = |of: fn((usize, usize)) -> usize| blocks.iter().map(|(_, weight)| of(*weight)).sum::<usize>();
    let characters = PREVIEW_CHARS.min(sum(|weight| weight.0) / SHARE);
    let pictures = sum(|weight| weight.1) / SHARE;
    let mut used = (0, 0);
    let mut shown = String::new();
    for (block, weight) in blocks {
        if used.0 + weight.0 > characters || used.1 + weight.1 > pictures {
            let text = plain_text(block);
            let room = (characters - used.0).min(visible(&text).saturating_sub(1));
            if used.0 * 2 < characters && room > 0 {
                shown.push_str("<p>");
                shown.push_str(&ammonia::clean_text(&cut(&text, room)));
                shown.push_str("</p>");
            }
            break;
        }
        used = (used.0 + weight.0, used.1 + weight.1);
        shown.push_str(block.trim());
        shown.push('\n');
    }
    SANITISER.clean(&shown).to_string().trim().to_owned()
}

/// The teaser that a preview has by the rule of today; `None` when it is the one that is kept.
pub fn teaser_anew(preview: &str, kept: &str) -> Option<String> {
    Some(teaser_of(preview)).filter(|teaser| teaser != kept)
}

/// The teaser that a preview has: its beginning as plain text; the text goes on behind it.
fn teaser_of(preview: &str) -> String {
    let mut head = cut(&plain_text(preview), EXCERPT_CHARS);
    if !head.is_empty() && !head.ends_with('…') {
        head.push('…');
    }
    head
}

#[cfg(test)]
#[path = "rendered_tests.rs"]
mod tests;
