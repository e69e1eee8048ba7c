use chrono::{Datelike, NaiveDate};
use sharestack_content::model::PhotoId;
use sharestack_content::ports::{
    Facet, Hit, PhotoConditions, PhotoDocument, PhotoSearchSort, PhotoSight, Photos, Walk,
};
use tantivy::query::{AllQuery, BooleanQuery, Query};
use tantivy::schema::{FAST, Field, INDEXED, STRING, Schema, SchemaBuilder, Value};
use tantivy::{TantivyDocument, Term};

use super::{CATEGORIES, Sorted, TAGS, YEARS, id, words};
use crate::core::{Sought, all_of, any_of, between, has_words, is};
use crate::index::Layout;

const CREATED_AT: &str = "created_at";
const SHOWN_AT: &str = "shown_at";
/// What stands in the field `listed`.
const LISTED: &str = "1";

/// Where the words of a photo stand.
#[derive(Debug, Clone, Copy)]
struct Texts {
    title: Field,
    tags: Field,
    place: Field,
    owner: Field,
    description: Field,
    camera: Field,
    lens: Field,
}

impl Texts {
    fn add(schema: &mut SchemaBuilder, behind: &str) -> Self {
        let mut field = |name: &str| schema.add_text_field(&format!("{name}{behind}"), words());
        Self {
            title: field("title"),
            tags: field("tags"),
            place: field("place"),
            owner: field("owner"),
            description: field("description"),
            camera: field("camera"),
            lens: field("lens"),
        }
    }

    /// What each weighs; how rare a word is, is counted in `open`.
    fn sought(self, open: Self) -> [Sought; 7] {
        let at = |field, counted_in, weight| Sought { field, weight, counted_in };
        [
            at(self.title, open.title, 12.0),
            at(self.tags, open.tags, 5.0),
            at(self.place, open.place, 4.0),
            at(self.owner, open.owner, 3.0),
            at(self.description, open.description, 1.0),
            at(self.camera, open.camera, 0.5),
            at(self.lens, open.lens, 0.5),
        ]
    }

    fn put(self, photo: &PhotoDocument, document: &mut TantivyDocument) {
        document.add_text(self.title, &photo.title);
        for (field, texts) in [(self.place, &photo.place), (self.owner, &photo.owner_names)] {
            for text in texts {
                document.add_text(field, text);
            }
        }
        for (field, text) in
            [(self.description, &photo.description), (self.camera, &photo.camera), (self.lens, &photo.lens)]
        {
            if let Some(text) = text {
                document.add_text(field, text);
            }
        }
    }
}

/// The fields of a photo. The words of photos that not every visitor may find stand in fields
/// of their own: visitors neither look into them nor count there.
#[derive(Debug, Clone)]
pub struct PhotoLayout {
    schema: Schema,
    id: Field,
    open: Texts,
    kept: Texts,
    sorted: Sorted,
    owner_id: Field,
    listed: Field,
    taken_on: Field,
    shown_at: Field,
    created_at: Field,
}

impl Default for PhotoLayout {
    fn default() -> Self {
        let mut schema = Schema::builder();
        Self {
            id: id(&mut schema),
            open: Texts::add(&mut schema, ""),
            kept: Texts::add(&mut schema, "_kept"),
            sorted: Sorted::add(&mut schema),
            owner_id: schema.add_text_field("owner_id", STRING),
            listed: schema.add_text_field("listed", STRING),
            taken_on: schema.add_i64_field("taken_on", INDEXED | FAST),
            shown_at: schema.add_i64_field(SHOWN_AT, FAST),
            created_at: schema.add_i64_field(CREATED_AT, FAST),
            schema: schema.build(),
        }
    }
}

impl PhotoLayout {
    /// Where the words stand of what somebody may find.
    fn seen(&self, sight: PhotoSight) -> Vec<Texts> {
        match sight {
            PhotoSight::Listed => vec![self.open],
            PhotoSight::ListedAndOf(_) | PhotoSight::All => vec![self.open, self.kept],
        }
    }
}

fn day(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce())
}

impl Layout for PhotoLayout {
    type Kind = Photos;

    const VERSION: u32 = 3;

    fn schema(&self) -> Schema {
        self.schema.clone()
    }

    fn sought(&self, wanted: &PhotoConditions) -> Vec<Sought> {
        self.seen(wanted.sight).into_iter().flat_map(|texts| texts.sought(self.open)).collect()
    }

    fn everybody(&self) -> Option<Term> {
        Some(Term::from_field_text(self.listed, LISTED))
    }

    fn key(&self, id: PhotoId) -> Term {
        Term::from_field_i64(self.id, id.get())
    }

    fn document(&self, photo: &PhotoDocument) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_i64(self.id, photo.id.get());
        let texts = if photo.listed { self.open } else { self.kept };
        texts.put(photo, &mut document);
        self.sorted.put_tags(texts.tags, &photo.tags, &mut document);
        self.sorted.put_shown::<Photos>(photo, photo.owner, &photo.tags, &mut document);
        for category in &photo.categories {
            document.add_text(self.sorted.category, category.to_string());
        }
        document.add_text(self.owner_id, photo.owner.to_string());
        if photo.listed {
            document.add_text(self.listed, LISTED);
        }
        if let Some(taken_on) = photo.taken_on {
            document.add_text(self.sorted.year, taken_on.year().to_string());
            document.add_i64(self.taken_on, day(taken_on));
        }
        document.add_i64(self.shown_at, photo.shown_at.timestamp_micros());
        document.add_i64(self.created_at, photo.created_at.timestamp_micros());
        document
    }

    fn hit(&self, score: f32, document: &TantivyDocument) -> Option<Hit<Photos>> {
        let id = document.get_first(self.id).and_then(|value| value.as_i64())?;
        Some(Hit { id: PhotoId::new(id), score, kept: () })
    }

    fn filters(&self, wanted: &PhotoConditions) -> Vec<Box<dyn Query>> {
        let listed = || any_of(self.listed, [LISTED]);
        let mut filters = all_of(self.sorted.tag_key, &wanted.tags);
        match wanted.sight {
            PhotoSight::Listed => filters.push(listed()),
            PhotoSight::ListedAndOf(owner) => {
                let own = any_of(self.owner_id, [owner.to_string()]);
                filters.push(Box::new(BooleanQuery::union(vec![listed(), own])));
            }
            PhotoSight::All => {}
        }
        filters.extend(wanted.categories.as_ref().map(|categories| self.sorted.in_one_of(categories)));
        let seen = self.seen(wanted.sight);
        let fields = |of: fn(&Texts) -> Field| seen.iter().map(of).collect::<Vec<Field>>();
        filters.extend(wanted.place.iter().map(|text| has_words(&fields(|texts| texts.place), text)));
        filters.extend(wanted.camera.iter().map(|text| has_words(&fields(|texts| texts.camera), text)));
        filters.extend(wanted.lens.iter().map(|text| has_words(&fields(|texts| texts.lens), text)));
        let until = wanted.to.map(|to| day(to) + 1);
        filters.extend(between(self.taken_on, wanted.from.map(day), until));
        filters
    }

    fn walked(&self, walk: Walk) -> Box<dyn Query> {
        match walk {
            Walk::All => Box::new(AllQuery),
            Walk::By(owner) => any_of(self.owner_id, [owner.to_string()]),
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

    fn sorted(&self, sort: PhotoSearchSort) -> &'static str {
        match sort {
            PhotoSearchSort::TakenAt => SHOWN_AT,
            PhotoSearchSort::CreatedAt => CREATED_AT,
        }
    }
}
