//! Categories and tags that visitors do not see.

use sharestack_content::model::{Category, CategoryId, Label, TagName, Tagging};
use sharestack_content::ports::{PhotoFilter, PhotoView};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{Failure, Subject, category, ids, now, photo};

impl Subject {
    async fn hide(&self, path: &str) {
        let hidden = Category { is_active: false, version: 2, ..category(path) };
        let done: Result<(), Failure> = transact!(self.store, |tx| { Ok(tx.categories().update(&hidden, 1).await?) });
        done.unwrap();
    }

    async fn shown(&self, filter: PhotoFilter) -> (Vec<i64>, u64) {
        let page = self.queries.list(&filter, PageRequest::default()).await.unwrap();
        (ids(&page.items), page.total)
    }
}

/// Three photos in an open category, in a hidden one and in one below that; the tag of the
/// third is hidden.
async fn furnish(subject: &Subject) {
    let photos = [photo(1), photo(2), photo(3)];
    subject.keep(&photos).await;
    subject.plant(&["1", "2", "2/3"]).await;
    subject.hide("2").await;
    let (night, city) = (subject.tag(1, "夜景").await, subject.tag(2, "城市").await);
    for (photo, category) in photos.iter().zip([1, 2, 3]) {
        let tags =
            if category == 3 { vec![(night, Tagging::default()), (city, Tagging::default())] } else { Vec::new() };
        subject.shelve(photo, &[category, 1], &tags).await;
    }
    let named = Label::named(city, TagName::parse("城市").unwrap(), now());
    let hidden = Label { is_active: false, version: 2, ..named };
    let done: Result<(), Failure> =
        transact!(subject.store, |tx| { tx.labels().update(&hidden, 1).await.map_err(|_| Failure::Stale) });
    done.unwrap();
}

/// Also of what stands below it.
pub async fn what_is_hidden_is_told(subject: Subject) {
    furnish(&subject).await;
    let told = |view: &PhotoView| {
        let categories: Vec<_> = view.categories.iter().map(|one| (one.id.get(), one.is_hidden)).collect();
        let tags: Vec<_> = view.tags.iter().map(|tag| (tag.id.get(), tag.is_hidden)).collect();
        (categories, tags)
    };
    assert_eq!(told(&subject.find(1).await.unwrap()), (vec![(1, false)], vec![]));
    assert_eq!(told(&subject.find(2).await.unwrap()), (vec![(2, true), (1, false)], vec![]));
    let third = subject.find(3).await.unwrap();
    assert_eq!(told(&third), (vec![(3, true), (1, false)], vec![(1, false), (2, true)]));
    let page = subject.queries.list(&PhotoFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!(page.items[0], third);
}

/// And is as absent for others, together with other conditions too.
pub async fn what_is_hidden_is_found_by_who_sees_it(subject: Subject) {
    furnish(&subject).await;
    let nothing = (Vec::new(), 0);
    for (id, expected) in [(1, vec![3, 2, 1]), (2, vec![3, 2]), (3, vec![3])] {
        let all = PhotoFilter { category: Some(CategoryId::new(id)), hidden_category: true, ..PhotoFilter::default() };
        let found = (expected.clone(), expected.len() as u64);
        assert_eq!(subject.shown(all.clone()).await, found, "{id}");
        let visitors = PhotoFilter { hidden_category: false, ..all.clone() };
        assert_eq!(
            subject.shown(visitors.clone()).await,
            if id == 1 { found.clone() } else { nothing.clone() },
            "{id}"
        );
        let searched = PhotoFilter { search: Some("照片".to_owned()), ..visitors };
        assert_eq!(subject.shown(searched).await, if id == 1 { found } else { nothing.clone() }, "{id}");
    }
    for (key, hidden) in [("夜景", false), ("城市", true), ("cheng-shi", true)] {
        let all = PhotoFilter { tag: Some(key.to_owned()), hidden_tag: true, ..PhotoFilter::default() };
        let found = (vec![3], 1);
        assert_eq!(subject.shown(all.clone()).await, found, "{key}");
        let visitors = PhotoFilter { hidden_tag: false, ..all };
        let seen = if hidden { nothing.clone() } else { found };
        assert_eq!(subject.shown(visitors.clone()).await, seen, "{key}");
        let searched = PhotoFilter { search: Some("照片".to_owned()), ..visitors };
        assert_eq!(subject.shown(searched).await, seen, "{key}");
    }
}
