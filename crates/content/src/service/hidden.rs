//! What visitors do not see of categories and tags of photos, and who does.

use sharestack_kernel::actor::Actor;

use super::photos::edits;
use super::taxonomy::{CATEGORY_UPDATE, TAG_UPDATE};
use crate::ports::{PhotoHead, PhotoView};

/// Whether somebody sees hidden categories of photos.
pub(super) fn sees_categories(actor: Option<&Actor>) -> bool {
    actor.is_some_and(|actor| actor.may(CATEGORY_UPDATE))
}

/// Whether somebody sees tags of photos that are hidden, or that nothing public has.
pub(super) fn sees_tags(actor: Option<&Actor>) -> bool {
    actor.is_some_and(|actor| actor.may(TAG_UPDATE))
}

/// A photo as somebody sees it: without its hidden categories and tags, unless they may
/// change these, or the photo itself. Who replaces a photo's categories must see all of them.
pub(super) fn seen(actor: Option<&Actor>, mut view: PhotoView) -> PhotoView {
    if edits(actor, &PhotoHead::from(&view.photo)) {
        return view;
    }
    if !sees_categories(actor) {
        view.categories.retain(|category| !category.is_hidden);
    }
    if !sees_tags(actor) {
        view.tags.retain(|tag| !tag.is_hidden);
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{actor, photo};
    use crate::model::{CategoryId, TagId};
    use crate::ports::{PhotoCategory, PhotoTag};

    fn view() -> PhotoView {
        let category = |id, is_hidden| PhotoCategory {
            id: CategoryId::new(id),
            name: "城市风光".to_owned(),
            slug: format!("category-{id}"),
            description: None,
            color: None,
            is_primary: id == 1,
            is_hidden,
        };
        let tag = |id, is_hidden| PhotoTag {
            id: TagId::new(id),
            name: "夜景".to_owned(),
            slug: format!("tag-{id}"),
            color: None,
            confidence: 1.0,
            source: "manual".to_owned(),
            is_hidden,
        };
        PhotoView {
            photo: photo(1),
            view_count: 0,
            like_count: 0,
            download_count: 0,
            categories: vec![category(1, true), category(2, false)],
            tags: vec![tag(1, false), tag(2, true)],
        }
    }

    #[test]
    fn hidden_categories_and_tags_are_for_who_may_change_them_or_the_photo() {
        let shown = |actor: Option<&Actor>| {
            let view = seen(actor, view());
            let categories: Vec<_> = view.categories.iter().map(|one| one.id.get()).collect();
            let tags: Vec<_> = view.tags.iter().map(|tag| tag.id.get()).collect();
            (categories, tags)
        };
        assert_eq!(shown(None), (vec![2], vec![1]));
        assert_eq!(shown(Some(&actor(8, &["photo.read", "tag.create"]))), (vec![2], vec![1]));
        assert_eq!(shown(Some(&actor(8, &["category.update"]))), (vec![1, 2], vec![1]));
        assert_eq!(shown(Some(&actor(8, &["tag.update"]))), (vec![2], vec![1, 2]));
        assert_eq!(shown(Some(&actor(8, &["photo.update"]))), (vec![1, 2], vec![1, 2]));
        assert_eq!(shown(Some(&actor(7, &[]))), (vec![1, 2], vec![1, 2]), "its owner");
    }
}
