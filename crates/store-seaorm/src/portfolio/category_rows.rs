//! Rows of categories, as the model holds them.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Cond, Expr, SelectStatement, SimpleExpr};
use sharestack_content::model::{
    Category, CategoryId, CategoryName, CategoryOutline, Colour, Icon, Kind, Note, PhotoId, SeoDescription, SeoTitle,
    Slug, TreePath,
};
use sharestack_kernel::error::StoreError;

use crate::rows::{Fields, Stored, known};

const COLUMNS: [&str; 19] = [
    "id",
    "kind",
    "name",
    "slug",
    "description",
    "color",
    "icon",
    "sort_order",
    "is_active",
    "is_featured",
    "seo_title",
    "seo_description",
    "cover_photo_id",
    "path",
    "direct_count",
    "subtree_count",
    "version",
    "created_at",
    "updated_at",
];

/// Asks for the columns of [`CategoryRow`] from the table called `c`.
pub(super) fn category_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(COLUMNS.map(|column| ("c", column)))
}

/// Which categories of the table called `c` are this one or below it. Paths are digits and
/// slashes, so that nothing in them is a wildcard.
pub(crate) fn below(category: CategoryId) -> Cond {
    let id = category.get();
    Cond::any()
        .add(Expr::col(("c", "id")).eq(id))
        .add(Expr::col(("c", "path")).like(format!("{id}/%")))
        .add(Expr::col(("c", "path")).like(format!("%/{id}/%")))
}

/// What a category is called and where it stands.
pub(super) struct OutlineRow(pub CategoryOutline);

impl Stored for OutlineRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(CategoryOutline {
            id: CategoryId::new(fields.get("id")?),
            name: CategoryName::stored(fields.get("name")?),
            path: path(fields)?,
            is_active: fields.get("is_active")?,
        }))
    }
}

/// The way of a category from the root.
pub(super) fn path(fields: Fields<'_>) -> Result<TreePath, StoreError> {
    let path: String = fields.get("path")?;
    known("path", &path, TreePath::parse(&path))
}

/// A category.
pub(super) struct CategoryRow(pub Category);

impl Stored for CategoryRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let text = |name| fields.get::<Option<String>>(name);
        let kind: String = fields.get("kind")?;
        Ok(Self(Category {
            id: CategoryId::new(fields.get("id")?),
            kind: known("kind", &kind, Kind::ALL.into_iter().find(|one| one.as_str() == kind))?,
            name: CategoryName::stored(fields.get("name")?),
            slug: Slug::stored(fields.get("slug")?),
            description: text("description")?.map(Note::stored),
            colour: text("color")?.map(Colour::stored),
            icon: text("icon")?.map(Icon::stored),
            sort_order: fields.get("sort_order")?,
            is_active: fields.get("is_active")?,
            is_featured: fields.get("is_featured")?,
            seo_title: text("seo_title")?.map(SeoTitle::stored),
            seo_description: text("seo_description")?.map(SeoDescription::stored),
            cover: fields.get::<Option<i64>>("cover_photo_id")?.map(PhotoId::new),
            path: path(fields)?,
            direct_count: fields.get("direct_count")?,
            subtree_count: fields.get("subtree_count")?,
            version: fields.get("version")?,
            created_at: fields.get("created_at")?,
            updated_at: fields.get("updated_at")?,
        }))
    }
}

/// The columns that an edit may change.
pub(super) fn changeable(category: &Category) -> Vec<(&'static str, SimpleExpr)> {
    let text = |text: Option<&str>| SimpleExpr::from(text.map(str::to_owned));
    vec![
        ("parent_id", category.parent().map(CategoryId::get).into()),
        ("name", category.name.as_str().into()),
        ("slug", category.slug.as_str().into()),
        ("description", text(category.description.as_ref().map(Note::as_str))),
        ("color", text(category.colour.as_ref().map(Colour::as_str))),
        ("icon", text(category.icon.as_ref().map(Icon::as_str))),
        ("sort_order", category.sort_order.into()),
        ("is_active", category.is_active.into()),
        ("is_featured", category.is_featured.into()),
        ("seo_title", text(category.seo_title.as_ref().map(SeoTitle::as_str))),
        ("seo_description", text(category.seo_description.as_ref().map(SeoDescription::as_str))),
        ("cover_photo_id", category.cover.map(PhotoId::get).into()),
        ("path", category.path.to_string().into()),
        ("version", category.version.into()),
        ("updated_at", category.updated_at.into()),
    ]
}
