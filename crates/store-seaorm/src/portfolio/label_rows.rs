//! Rows of tags of photos, as the model holds them.

use sea_orm::sea_query::{Expr, SelectStatement};
use sharestack_content::model::{Colour, Icon, Label, Note, Slug, TagGroup, TagId, TagName};
use sharestack_kernel::error::StoreError;

use crate::rows::{Fields, Stored, known};

const COLUMNS: [&str; 14] = [
    "id",
    "name",
    "slug",
    "description",
    "color",
    "icon",
    "tag_group",
    "usage_count",
    "is_active",
    "is_featured",
    "version",
    "created_at",
    "updated_at",
    "last_used_at",
];

/// Asks for the columns of [`LabelRow`] from the only table.
pub(super) fn label_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(COLUMNS)
}

/// A tag of photos.
pub(super) struct LabelRow(pub Label);

impl Stored for LabelRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let text = |name| fields.get::<Option<String>>(name);
        let group = text("tag_group")?;
        Ok(Self(Label {
            id: TagId::new(fields.get("id")?),
            name: TagName::stored(fields.get("name")?),
            slug: Slug::stored(fields.get("slug")?),
            description: text("description")?.map(Note::stored),
            colour: text("color")?.map(Colour::stored),
            icon: text("icon")?.map(Icon::stored),
            group: group.map(|group| known("group", &group, TagGroup::parse(&group).ok())).transpose()?,
            usage_count: fields.get("usage_count")?,
            is_active: fields.get("is_active")?,
            is_featured: fields.get("is_featured")?,
            version: fields.get("version")?,
            created_at: fields.get("created_at")?,
            updated_at: fields.get("updated_at")?,
            last_used_at: fields.get("last_used_at")?,
        }))
    }
}

/// The columns that an edit may change, but for those that the name decides.
pub(super) fn changeable(label: &Label) -> Vec<(&'static str, Expr)> {
    let text = |text: Option<&str>| Expr::val(text.map(str::to_owned));
    vec![
        ("slug", Expr::val(label.slug.as_str())),
        ("description", text(label.description.as_ref().map(Note::as_str))),
        ("color", text(label.colour.as_ref().map(Colour::as_str))),
        ("icon", text(label.icon.as_ref().map(Icon::as_str))),
        ("tag_group", text(label.group.map(TagGroup::as_str))),
        ("is_active", Expr::val(label.is_active)),
        ("is_featured", Expr::val(label.is_featured)),
        ("version", Expr::val(label.version)),
        ("updated_at", Expr::val(label.updated_at)),
    ]
}
