use chrono::{DateTime, Datelike, Utc};
use sharestack_content::model::ArticleId;
use sharestack_content::ports::{
    ArticleConditions, ArticleDocument, ArticleSearchSort, Articles, Facet, Hit, IndexedText, Walk,
};
use tantivy::query::{AllQuery, Query};
use tantivy::schema::{FAST, Field, INDEXED, STORED, STRING, Schema, Value};
use tantivy::{TantivyDocument, Term};

use super::{CATEGORIES, Sorted, TAGS, YEARS, id, words};
use crate::core::{Sought, all_of, any_of, between, is};
use crate::index::Layout;

const PUBLISHED_AT: &str = "published_at";

/// The fields of an article.
#[derive(Debug, Clone)]
pub struct ArticleLayout {
    schema: Schema,
    id: Field,
    title: Field,
    author: Field,
    summary: Field,
    text: Field,
    tags: Field,
    sorted: Sorted,
    author_id: Field,
    access: Field,
    published_at: Field,
    updated_at: Field,
}

impl Default for ArticleLayout {
    fn default() -> Self {
        let mut schema = Schema::builder();
        Self {
            id: id(&mut schema),
            title: schema.add_text_field("title", words()),
            sorted: Sorted::add(&mut schema),
            author: schema.add_text_field("author", words()),
            summary: schema.add_text_field("summary", words()),
            text: schema.add_text_field("text", words() | STORED),
            tags: schema.add_text_field("tags", words()),
            author_id: schema.add_text_field("author_id", STRING),
            access: schema.add_text_field("access", STRING),
            published_at: schema.add_i64_field(PUBLISHED_AT, INDEXED | FAST),
            updated_at: schema.add_i64_field("updated_at", STORED),
            schema: schema.build(),
        }
    }
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

impl Layout for ArticleLayout {
    type Kind = Articles;

    const VERSION: u32 = 5;

    fn schema(&self) -> Schema {
        self.schema.clone()
    }

    fn sought(&self, _conditions: &ArticleConditions) -> Vec<Sought> {
        vec![
            Sought::open(self.title, 12.0),
            Sought::open(self.tags, 5.0),
            Sought::open(self.author, 3.0),
            Sought::open(self.summary, 2.0),
            Sought::open(self.text, 1.0),
        ]
    }

    fn everybody(&self) -> Option<Term> {
        None
    }

    fn key(&self, id: ArticleId) -> Term {
        Term::from_field_i64(self.id, id.get())
    }

    fn document(&self, article: &ArticleDocument) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_i64(self.id, article.id.get());
        document.add_text(self.title, &article.title);
        self.sorted.put_tags(self.tags, &article.tags, &mut document);
        self.sorted.put_shown::<Articles>(article, article.author, &article.tags, &mut document);
        for name in &article.author_names {
            document.add_text(self.author, name);
        }
        if let Some(summary) = &article.summary {
            document.add_text(self.summary, summary);
        }
        document.add_text(self.text, &article.text);
        if let Some(category) = article.category {
            document.add_text(self.sorted.category, category.to_string());
        }
        document.add_text(self.author_id, article.author.to_string());
        document.add_text(self.access, article.access.as_str());
        document.add_text(self.sorted.year, article.published_at.year().to_string());
        document.add_i64(self.published_at, micros(article.published_at));
        document.add_i64(self.updated_at, micros(article.updated_at));
        document
    }

    fn hit(&self, score: f32, document: &TantivyDocument) -> Option<Hit<Articles>> {
        let number = |field| document.get_first(field).and_then(|value| value.as_i64());
        let text = document.get_first(self.text).and_then(|value| value.as_str().map(str::to_owned));
        let updated_at = DateTime::from_timestamp_micros(number(self.updated_at)?)?;
        let kept = IndexedText { text: text.unwrap_or_default(), updated_at };
        Some(Hit { id: ArticleId::new(number(self.id)?), score, kept })
    }

    fn filters(&self, wanted: &ArticleConditions) -> Vec<Box<dyn Query>> {
        let mut filters = all_of(self.sorted.tag_key, &wanted.tags);
        filters.extend(wanted.categories.as_ref().map(|categories| self.sorted.in_one_of(categories)));
        filters.extend(wanted.access.map(|access| any_of(self.access, [access.as_str()])));
        filters.extend(wanted.author.map(|author| any_of(self.author_id, [author.to_string()])));
        filters.extend(between(self.published_at, wanted.from.map(micros), wanted.until.map(micros)));
        filters
    }

    fn walked(&self, walk: Walk) -> Box<dyn Query> {
        match walk {
            Walk::All => Box::new(AllQuery),
            Walk::By(author) => any_of(self.author_id, [author.to_string()]),
            Walk::Tagged(tag) => is(Term::from_field_i64(self.sorted.tag_id, tag.get())),
            Walk::In(category) => self.sorted.in_one_of(&[category]),
        }
    }

    fn showing(&self, shown: &str) -> Box<dyn Query> {
        self.sorted.showing(shown)
    }

    fn tallied(&self, facet: Facet) -> &'static str {
        match facet {
            Facet::Categories => CATEGORIES,
            Facet::Tags => TAGS,
            Facet::Years => YEARS,
        }
    }

    fn sorted(&self, sort: ArticleSearchSort) -> &'static str {
        match sort {
            ArticleSearchSort::PublishedAt => PUBLISHED_AT,
        }
    }
}
