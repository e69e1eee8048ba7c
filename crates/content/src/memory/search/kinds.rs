use chrono::Datelike;

use super::{Scanned, has_words};
use crate::model::{CategoryId, Tag, TagName};
use crate::ports::{
    ArticleConditions, ArticleDocument, ArticleSearchSort, Articles, Facet, IndexedText, PhotoConditions,
    PhotoDocument, PhotoSearchSort, PhotoSight, Photos, Walk,
};

fn has_tag(tags: &[Tag], key: &String) -> bool {
    tags.iter().any(|tag| tag.slug == *key || TagName::stored(tag.name.clone()).key() == key)
}

impl Scanned for Articles {
    fn texts(document: &ArticleDocument) -> Vec<(u8, &str)> {
        let tags = document.tags.iter().map(|tag| (3, tag.name.as_str()));
        let names = document.author_names.iter().map(|name| (2, name.as_str()));
        let summary = document.summary.as_deref().map(|text| (1, text));
        let title = (4, document.title.as_str());
        [title, (1, document.text.as_str())].into_iter().chain(tags).chain(names).chain(summary).collect()
    }

    fn matches(document: &ArticleDocument, wanted: &ArticleConditions) -> bool {
        let is_in = |ids: &Vec<CategoryId>| document.category.is_some_and(|category| ids.contains(&category));
        wanted.author.is_none_or(|author| author == document.author)
            && wanted.categories.as_ref().is_none_or(is_in)
            && wanted.access.is_none_or(|access| access == document.access)
            && wanted.tags.iter().all(|key| has_tag(&document.tags, key))
            && wanted.from.is_none_or(|from| document.published_at >= from)
            && wanted.until.is_none_or(|until| document.published_at < until)
    }

    fn values(document: &ArticleDocument, facet: Facet) -> Vec<String> {
        match facet {
            Facet::Categories => document.category.iter().map(ToString::to_string).collect(),
            Facet::Tags => document.tags.iter().map(|tag| tag.name.clone()).collect(),
            Facet::Years => vec![document.published_at.year().to_string()],
        }
    }

    fn stands_in(document: &ArticleDocument, walk: Walk) -> bool {
        match walk {
            Walk::All => true,
            Walk::By(author) => document.author == author,
            Walk::Tagged(tag) => document.tags.iter().any(|one| one.id == tag),
            Walk::In(category) => document.category == Some(category),
        }
    }

    fn sort_key(document: &ArticleDocument, sort: ArticleSearchSort) -> i64 {
        match sort {
            ArticleSearchSort::PublishedAt => document.published_at.timestamp_micros(),
        }
    }

    fn kept(document: &ArticleDocument) -> IndexedText {
        IndexedText { text: document.text.clone(), updated_at: document.updated_at }
    }
}

impl Scanned for Photos {
    fn texts(document: &PhotoDocument) -> Vec<(u8, &str)> {
        let tags = document.tags.iter().map(|tag| (5, tag.name.as_str()));
        let place = document.place.iter().map(|name| (4, name.as_str()));
        let names = document.owner_names.iter().map(|name| (3, name.as_str()));
        let gear = document.camera.iter().chain(&document.lens).map(|name| (1, name.as_str()));
        let description = document.description.as_deref().map(|text| (2, text));
        [(6, document.title.as_str())]
            .into_iter()
            .chain(tags)
            .chain(place)
            .chain(names)
            .chain(gear)
            .chain(description)
            .collect()
    }

    fn matches(document: &PhotoDocument, wanted: &PhotoConditions) -> bool {
        let seen = match wanted.sight {
            PhotoSight::Listed => document.listed,
            PhotoSight::ListedAndOf(owner) => document.listed || document.owner == owner,
            PhotoSight::All => true,
        };
        let named = |text: &Option<String>, wanted: &String| has_words(text.iter().map(String::as_str), wanted);
        seen && wanted.categories.as_ref().is_none_or(|ids| ids.iter().any(|id| document.categories.contains(id)))
            && wanted.tags.iter().all(|key| has_tag(&document.tags, key))
            && wanted.place.as_ref().is_none_or(|text| has_words(document.place.iter().map(String::as_str), text))
            && wanted.camera.as_ref().is_none_or(|text| named(&document.camera, text))
            && wanted.lens.as_ref().is_none_or(|text| named(&document.lens, text))
            && wanted.from.is_none_or(|from| document.taken_on.is_some_and(|day| day >= from))
            && wanted.to.is_none_or(|to| document.taken_on.is_some_and(|day| day <= to))
    }

    fn values(document: &PhotoDocument, facet: Facet) -> Vec<String> {
        match facet {
            Facet::Categories => document.categories.iter().map(ToString::to_string).collect(),
            Facet::Tags => document.tags.iter().map(|tag| tag.name.clone()).collect(),
            Facet::Years => document.taken_on.iter().map(|day| day.year().to_string()).collect(),
        }
    }

    fn stands_in(document: &PhotoDocument, walk: Walk) -> bool {
        match walk {
            Walk::All => true,
            Walk::By(owner) => document.owner == owner,
            Walk::Tagged(tag) => document.tags.iter().any(|one| one.id == tag),
            Walk::In(category) => document.categories.contains(&category),
        }
    }

    fn sort_key(document: &PhotoDocument, sort: PhotoSearchSort) -> i64 {
        match sort {
            PhotoSearchSort::TakenAt => document.shown_at.timestamp_micros(),
            PhotoSearchSort::CreatedAt => document.created_at.timestamp_micros(),
        }
    }

    fn kept(_document: &PhotoDocument) {}
}
