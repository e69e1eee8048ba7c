//! What the index keeps of an article.

use chrono::{DateTime, Datelike};
use sharestack_content::model::ArticleId;
use sharestack_content::ports::{ArticleDocument, ArticleHit, Facet};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value,
};
use tantivy::{TantivyDocument, Term};

use crate::core::MIXED;

/// Grows with each change to the schema or to how texts become terms: an index of another
/// version is built anew.
pub const VERSION: u32 = 1;

const TAGS: &str = "tag_name";
const CATEGORIES: &str = "category_name";
const YEARS: &str = "year";

/// The field that a facet counts by.
pub const fn tallied(facet: Facet) -> &'static str {
    match facet {
        Facet::Categories => CATEGORIES,
        Facet::Tags => TAGS,
        Facet::Years => YEARS,
    }
}

/// The fields of the schema.
#[derive(Debug, Clone)]
pub struct Fields {
    schema: Schema,
    id: Field,
    title: Field,
    tags: Field,
    author: Field,
    summary: Field,
    text: Field,
    /// The keys of its tags.
    pub tag_key: Field,
    tag_name: Field,
    /// Who wrote it.
    pub author_id: Field,
    /// Who may read it.
    pub access: Field,
    year: Field,
    /// When it was published, in microseconds.
    pub published_at: Field,
    updated_at: Field,
}

impl Default for Fields {
    fn default() -> Self {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(MIXED)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let words = TextOptions::default().set_indexing_options(indexing);
        let id = schema.add_i64_field("id", INDEXED | STORED);
        let title = schema.add_text_field("title", words.clone());
        let tags = schema.add_text_field("tags", words.clone());
        let author = schema.add_text_field("author", words.clone());
        let summary = schema.add_text_field("summary", words.clone());
        let text = schema.add_text_field("text", words | STORED);
        let tag_key = schema.add_text_field("tag_key", STRING);
        let tag_name = schema.add_text_field(TAGS, STRING | FAST);
        // Articles have no categories yet; a facet over none is an empty list.
        schema.add_text_field(CATEGORIES, STRING | FAST);
        let author_id = schema.add_text_field("author_id", STRING);
        let access = schema.add_text_field("access", STRING);
        let year = schema.add_text_field(YEARS, STRING | FAST);
        let published_at = schema.add_i64_field("published_at", INDEXED | FAST);
        let updated_at = schema.add_i64_field("updated_at", STORED);
        Self {
            schema: schema.build(),
            id,
            title,
            tags,
            author,
            summary,
            text,
            tag_key,
            tag_name,
            author_id,
            access,
            year,
            published_at,
            updated_at,
        }
    }
}

impl Fields {
    /// The schema.
    pub fn schema(&self) -> Schema {
        self.schema.clone()
    }

    /// Where words are looked for, and what they weigh there.
    pub fn weights(&self) -> Vec<(Field, f32)> {
        vec![(self.title, 12.0), (self.tags, 5.0), (self.author, 3.0), (self.summary, 2.0), (self.text, 1.0)]
    }

    /// What tells an article's document from others.
    pub fn key(&self, id: ArticleId) -> Term {
        Term::from_field_i64(self.id, id.get())
    }

    /// An article as a document.
    pub fn document(&self, article: &ArticleDocument) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_i64(self.id, article.id.get());
        document.add_text(self.title, &article.title);
        for tag in &article.tags {
            document.add_text(self.tags, &tag.name);
            document.add_text(self.tag_key, &tag.slug);
            document.add_text(self.tag_name, &tag.name);
        }
        for name in &article.author_names {
            document.add_text(self.author, name);
        }
        if let Some(summary) = &article.summary {
            document.add_text(self.summary, summary);
        }
        document.add_text(self.text, &article.text);
        document.add_text(self.author_id, article.author.to_string());
        document.add_text(self.access, article.access.as_str());
        document.add_text(self.year, article.published_at.year().to_string());
        document.add_i64(self.published_at, article.published_at.timestamp_micros());
        document.add_i64(self.updated_at, article.updated_at.timestamp_micros());
        document
    }

    /// A found document as an article.
    pub fn hit(&self, score: f32, document: &TantivyDocument) -> Option<ArticleHit> {
        let number = |field| document.get_first(field).and_then(|value| value.as_i64());
        let text = document.get_first(self.text).and_then(|value| value.as_str().map(str::to_owned));
        Some(ArticleHit {
            id: ArticleId::new(number(self.id)?),
            score,
            text: text.unwrap_or_default(),
            updated_at: DateTime::from_timestamp_micros(number(self.updated_at)?)?,
        })
    }
}
