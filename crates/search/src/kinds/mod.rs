//! The kinds of things that are found, each with its layout.

mod articles;
mod photos;

use std::collections::BTreeSet;

use sharestack_content::model::{CategoryId, Tag, TagName};
use sharestack_content::ports::{Searchable, Walk};
use sharestack_kernel::id::UserId;
use tantivy::query::Query;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

pub use articles::ArticleLayout;
pub use photos::PhotoLayout;

use crate::core::{ID, MIXED, any_of, is};

const TAGS: &str = "tag_name";
const CATEGORIES: &str = "category";
const YEARS: &str = "year";

/// Texts whose words are looked for.
fn words() -> TextOptions {
    let indexing =
        TextFieldIndexing::default().set_tokenizer(MIXED).set_index_option(IndexRecordOption::WithFreqsAndPositions);
    TextOptions::default().set_indexing_options(indexing)
}

fn id(schema: &mut SchemaBuilder) -> Field {
    schema.add_i64_field(ID, INDEXED | STORED | FAST)
}

/// The fields of what things are sorted by.
#[derive(Debug, Clone, Copy)]
struct Sorted {
    tag_key: Field,
    tag_name: Field,
    tag_id: Field,
    category: Field,
    year: Field,
    shown: Field,
}

impl Sorted {
    fn add(schema: &mut SchemaBuilder) -> Self {
        Self {
            tag_key: schema.add_text_field("tag_key", STRING),
            tag_name: schema.add_text_field(TAGS, STRING | FAST),
            tag_id: schema.add_i64_field("tag_id", INDEXED),
            category: schema.add_text_field(CATEGORIES, STRING | FAST),
            year: schema.add_text_field(YEARS, STRING | FAST),
            shown: schema.add_text_field("shown", STRING),
        }
    }

    /// What stands in one of some categories.
    fn in_one_of(self, categories: &[CategoryId]) -> Box<dyn Query> {
        any_of(self.category, categories.iter().map(ToString::to_string))
    }

    /// What shows this of what its walk is of.
    fn showing(self, shown: &str) -> Box<dyn Query> {
        is(Term::from_field_text(self.shown, shown))
    }

    /// Puts in what it shows of who made it and of its tags.
    fn put_shown<K: Searchable>(self, thing: &K::Document, by: UserId, tags: &[Tag], document: &mut TantivyDocument) {
        let walks = tags.iter().map(|tag| Walk::Tagged(tag.id)).chain([Walk::By(by)]);
        for shown in walks.filter_map(|walk| K::shown(thing, walk)) {
            document.add_text(self.shown, shown);
        }
    }

    /// Puts the tags in, each under its folded name and its slug, and its words into a field.
    fn put_tags(self, words: Field, tags: &[Tag], document: &mut TantivyDocument) {
        let mut keys = BTreeSet::new();
        for tag in tags {
            document.add_text(words, &tag.name);
            document.add_text(self.tag_name, &tag.name);
            document.add_i64(self.tag_id, tag.id.get());
            keys.insert(tag.slug.clone());
            keys.insert(TagName::stored(tag.name.clone()).key().to_owned());
        }
        for key in keys {
            document.add_text(self.tag_key, key);
        }
    }
}
