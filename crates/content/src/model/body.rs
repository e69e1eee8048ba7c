//! What an author writes.

use sharestack_kernel::field::{Issue, length};

/// The most characters of a text.
pub const MAX_CONTENT: usize = 1 << 20;

/// The language a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `CommonMark` with tables, footnotes, task lists and strikethrough.
    #[default]
    Markdown,
    /// HTML.
    Html,
}

impl Format {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Markdown, Self::Html];

    /// The name in bodies and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// Reads the name.
    ///
    /// # Errors
    /// For another text.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| Issue::not_allowed(Self::ALL.map(Self::as_str)))
    }
}

/// A text and its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    format: Format,
    source: String,
}

impl Body {
    /// A text of 1 to 1,048,576 characters that is not white space alone.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(format: Format, source: String) -> Result<Self, Issue> {
        if source.trim().is_empty() {
            return Err(Issue::Required);
        }
        Self::unfinished(format, source)
    }

    /// A text that may still be empty.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn unfinished(format: Format, source: String) -> Result<Self, Issue> {
        Ok(Self { format, source: length(source, 0, MAX_CONTENT)? })
    }

    /// A text that a store kept: it was checked when it was written.
    pub const fn stored(format: Format, source: String) -> Self {
        Self { format, source }
    }

    /// The same text in another format.
    pub fn in_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Whether nothing is written yet.
    pub fn is_blank(&self) -> bool {
        self.source.trim().is_empty()
    }

    /// The format.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The text.
    pub fn source(&self) -> &str {
        &self.source
    }
}
