//! What categories are made and changed with.

use std::collections::BTreeSet;

use serde::Deserialize;
use sharestack_content::model::{
    CategoryId, CategoryName, Colour, Icon, Note, PhotoId, SeoDescription, SeoTitle, Slug,
};
use sharestack_content::service::{CreateCategory, EditCategory};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::MAX_NUMERIC_ID;
use sharestack_kernel::patch::Patch;
use utoipa::{IntoParams, ToSchema};

use crate::http::content::fields::patch;
use crate::http::extract::{Parse, option, set};

/// How many photos may be put into a category, or taken out, at once.
const MAX_PHOTOS: usize = 100;
/// How far a place among siblings may be from the middle.
const FAR: i64 = 1_000_000_000;

/// Reads a number that an id can be.
pub(in crate::http) fn id(number: i64) -> Result<i64, Issue> {
    let max = MAX_NUMERIC_ID - 1;
    if (1..=max).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min: 1, max }) }
}

/// Reads the id of a category.
pub(in crate::http) fn category(number: i64) -> Result<CategoryId, Issue> {
    id(number).map(CategoryId::new)
}

/// Reads the id of a category in a query.
pub(in crate::http) fn category_text(text: &str) -> Result<CategoryId, Issue> {
    text.parse().map_err(|_| Issue::InvalidFormat).and_then(category)
}

fn place(number: i64) -> Result<i64, Issue> {
    if (-FAR..=FAR).contains(&number) { Ok(number) } else { Err(Issue::OutOfRange { min: -FAR, max: FAR }) }
}

/// Reads ids of photos, each once; `max` of them at most.
pub(in crate::http) fn photos(check: &mut FieldErrors, field: &str, numbers: &[i64], max: usize) -> Vec<PhotoId> {
    let mut photos = Vec::new();
    if numbers.len() > max {
        check.push(field, Issue::TooLong { max });
    }
    for (index, number) in numbers.iter().take(max).enumerate() {
        let photo = check.check(&format!("{field}[{index}]"), id(*number)).map(PhotoId::new);
        photos.extend(photo.filter(|photo| !photos.contains(photo)));
    }
    photos
}

/// A new category.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "自然风景", "slug": "nature-landscape", "description": "自然风景摄影作品", "parent_id": null,
    "color": "#27ae60", "icon": "tree", "sort_order": 2, "is_featured": true, "seo_title": "自然风景摄影作品集",
    "seo_description": "欣赏美丽的自然风景摄影作品"
}))]
pub struct CategoryCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Letters and digits with single `-` between them; made from the name, in pinyin, when
    /// it is left out.
    #[schema(max_length = 100)]
    slug: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// The category above it; there are at most 250 levels.
    parent_id: Option<i64>,
    /// `#3498db`.
    #[schema(max_length = 7)]
    color: Option<String>,
    #[schema(max_length = 50)]
    icon: Option<String>,
    /// Its place among its siblings, 0 when it is left out; small numbers come first.
    sort_order: Option<i64>,
    /// Whether visitors see it; they do when it is left out.
    is_active: Option<bool>,
    is_featured: Option<bool>,
    #[schema(max_length = 200)]
    seo_title: Option<String>,
    #[schema(max_length = 500)]
    seo_description: Option<String>,
}

fn text<T>(parse: impl Fn(&str) -> Result<T, Issue>) -> impl Fn(String) -> Result<T, Issue> {
    move |text| parse(&text)
}

impl Parse for CategoryCreate {
    type Output = CreateCategory;

    fn parse(self) -> Result<CreateCategory, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = check.required("name", self.name);
        let command = CreateCategory {
            name: option(&mut check, "name", name, text(CategoryName::parse))
                .unwrap_or_else(|| CategoryName::stored(String::new())),
            slug: option(&mut check, "slug", self.slug, text(Slug::parse)),
            description: option(&mut check, "description", self.description, text(Note::parse)),
            parent: option(&mut check, "parent_id", self.parent_id, category),
            colour: option(&mut check, "color", self.color, text(Colour::parse)),
            icon: option(&mut check, "icon", self.icon, text(Icon::parse)),
            sort_order: option(&mut check, "sort_order", self.sort_order, place).unwrap_or_default(),
            is_active: self.is_active.unwrap_or(true),
            is_featured: self.is_featured.unwrap_or(false),
            seo_title: option(&mut check, "seo_title", self.seo_title, SeoTitle::parse),
            seo_description: option(&mut check, "seo_description", self.seo_description, SeoDescription::parse),
        };
        check.finish().map(|()| command)
    }
}

/// Changes to a category: omitted fields stay, `null` clears a nullable one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "name": "自然风光", "description": "更新后的描述", "color": "#2ecc71" }))]
pub struct CategoryUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 100)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    slug: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Patch<String>,
    /// Another category above it, with everything below it; `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    parent_id: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 7)]
    color: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 50)]
    icon: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false)]
    sort_order: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_featured: Patch<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    seo_title: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    seo_description: Patch<String>,
}

impl Parse for CategoryUpdate {
    type Output = EditCategory;

    fn parse(self) -> Result<EditCategory, FieldErrors> {
        let mut check = FieldErrors::new();
        let command = EditCategory {
            name: set(&mut check, "name", self.name, text(CategoryName::parse)),
            slug: set(&mut check, "slug", self.slug, text(Slug::parse)),
            description: patch(&mut check, "description", self.description, text(Note::parse)),
            parent: patch(&mut check, "parent_id", self.parent_id, category),
            colour: patch(&mut check, "color", self.color, text(Colour::parse)),
            icon: patch(&mut check, "icon", self.icon, text(Icon::parse)),
            sort_order: set(&mut check, "sort_order", self.sort_order, place),
            is_active: set(&mut check, "is_active", self.is_active, Ok),
            is_featured: set(&mut check, "is_featured", self.is_featured, Ok),
            seo_title: patch(&mut check, "seo_title", self.seo_title, SeoTitle::parse),
            seo_description: patch(&mut check, "seo_description", self.seo_description, SeoDescription::parse),
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}

/// The photo that is to stand for a category.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "photo_id": 15 }))]
pub struct CategoryCover {
    /// A photo in the category or below it; `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    photo_id: Patch<i64>,
}

impl Parse for CategoryCover {
    type Output = Option<PhotoId>;

    fn parse(self) -> Result<Option<PhotoId>, FieldErrors> {
        match self.photo_id {
            Patch::Keep => Err(FieldErrors::of("photo_id", Issue::Required)),
            Patch::Clear => Ok(None),
            Patch::Set(number) => match id(number) {
                Ok(photo) => Ok(Some(PhotoId::new(photo))),
                Err(issue) => Err(FieldErrors::of("photo_id", issue)),
            },
        }
    }
}

/// Photos to put into a category.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "photo_ids": [1, 2, 3], "is_primary": true }))]
pub struct CategoryPhotosAdd {
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100)]
    photo_ids: Option<Vec<i64>>,
    /// Whether it is to be the photos' primary category. It is that of photos that are in no other anyhow.
    is_primary: Option<bool>,
}

fn some_photos(photo_ids: Option<Vec<i64>>) -> Result<BTreeSet<PhotoId>, FieldErrors> {
    let mut check = FieldErrors::new();
    let numbers = check.required("photo_ids", photo_ids).unwrap_or_default();
    if numbers.is_empty() && check.is_empty() {
        check.push("photo_ids", Issue::Required);
    }
    let photos = photos(&mut check, "photo_ids", &numbers, MAX_PHOTOS);
    check.finish().map(|()| photos.into_iter().collect())
}

impl Parse for CategoryPhotosAdd {
    type Output = (BTreeSet<PhotoId>, bool);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        some_photos(self.photo_ids).map(|photos| (photos, self.is_primary.unwrap_or(false)))
    }
}

/// Photos to take out of a category.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({ "photo_ids": [1, 2, 3] }))]
pub struct CategoryPhotosRemove {
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    photo_ids: Option<Vec<i64>>,
}

impl Parse for CategoryPhotosRemove {
    type Output = Self;

    fn parse(self) -> Result<Self, FieldErrors> {
        Ok(self)
    }
}

/// The same as a query, for clients that cannot send a body.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CategoryPhotosQuery {
    /// Ids with commas between them, where there is no body.
    #[param(example = "1,2,3")]
    photo_ids: Option<String>,
}

impl Parse for CategoryPhotosQuery {
    type Output = Option<Vec<i64>>;

    fn parse(self) -> Result<Option<Vec<i64>>, FieldErrors> {
        let Some(text) = self.photo_ids else { return Ok(None) };
        let numbers: Result<Vec<i64>, _> = text.split(',').map(|part| part.trim().parse::<i64>()).collect();
        numbers.map(Some).map_err(|_| FieldErrors::of("photo_ids", Issue::InvalidFormat))
    }
}

/// The photos of a body, or of a query where the body has none.
///
/// # Errors
/// When neither names any, and for what is no id.
pub fn named(body: CategoryPhotosRemove, query: Option<Vec<i64>>) -> Result<BTreeSet<PhotoId>, FieldErrors> {
    some_photos(body.photo_ids.or(query))
}

/// What a list of categories has beside them.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CategoryListQuery {
    /// Whether figures over all of them are wanted.
    #[param(value_type = Option<bool>, default = false, example = true)]
    include_stats: Option<String>,
    /// Whether the tree is wanted too.
    #[param(value_type = Option<bool>, default = false, example = true)]
    include_tree: Option<String>,
}

/// Reads a truth value of a query.
pub(in crate::http) fn truth(text: &str) -> Result<bool, Issue> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Issue::not_allowed(["true", "false"])),
    }
}

/// What was asked for beside the list.
#[derive(Debug, Clone, Copy)]
pub struct Beside {
    pub stats: bool,
    pub tree: bool,
}

impl Parse for CategoryListQuery {
    type Output = Beside;

    fn parse(self) -> Result<Beside, FieldErrors> {
        let mut check = FieldErrors::new();
        let stats = option(&mut check, "include_stats", self.include_stats, |text| truth(&text)).unwrap_or_default();
        let tree = option(&mut check, "include_tree", self.include_tree, |text| truth(&text)).unwrap_or_default();
        check.finish().map(|()| Beside { stats, tree })
    }
}

/// Where to move what is in a category that goes.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CategoryDeleteQuery {
    /// Another category's id.
    #[param(value_type = Option<i64>, minimum = 1, example = 2)]
    move_to: Option<String>,
}

impl Parse for CategoryDeleteQuery {
    type Output = Option<CategoryId>;

    fn parse(self) -> Result<Option<CategoryId>, FieldErrors> {
        let mut check = FieldErrors::new();
        let move_to = option(&mut check, "move_to", self.move_to, |text| category_text(&text));
        check.finish().map(|()| move_to)
    }
}
