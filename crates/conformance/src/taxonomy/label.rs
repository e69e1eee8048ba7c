//! Tags of photos.

use std::collections::BTreeSet;

use futures::future::join_all;
use sharestack_content::model::{
    Confidence, Day, Kind, Label, Note, Period, PhotoId, Slug, Source, TagGroup, TagId, Tagging,
};
use sharestack_content::ports::{LabelFilter, LabelSort, LabelWriteError, Match, Order, TagKey, UsageDelta};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{Subject, label, now, photo, shelves};

fn today() -> Day {
    Day::of(now())
}

/// A refusal of a write, in a form that the runner can look into.
#[derive(Debug)]
enum Failure {
    Label(LabelWriteError),
    Store(StoreError),
}

sharestack_kernel::carries_store!(Failure);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LabelWriteError> for Failure {
    fn from(error: LabelWriteError) -> Self {
        match error {
            LabelWriteError::Store(error) => Self::Store(error),
            error => Self::Label(error),
        }
    }
}

impl Subject {
    async fn coin(&self, label: &Label) -> Result<(), Failure> {
        transact!(self.store, |tx| { Ok(tx.labels().insert(label).await?) })
    }

    pub(super) async fn label(&self, id: i64) -> Option<Label> {
        self.labels.find(&TagId::new(id).into()).await.unwrap()
    }

    /// How often a tag was used on the days around now.
    async fn uses(&self, id: i64) -> Vec<(i32, i64)> {
        let uses = self.labels.uses(&[TagId::new(id)], Day(0)).await.unwrap().remove(&TagId::new(id));
        uses.unwrap_or_default().into_iter().map(|(day, uses)| (day.0 - today().0, uses)).collect()
    }

    /// Counts so many uses of a tag on a day before now.
    async fn used(&self, tag: i64, age: i32, uses: i64) {
        let day = Day(today().0 - age);
        let delta = UsageDelta { tag: TagId::new(tag), day, uses, used_at: Some(now()) };
        let done: Result<(), StoreError> = transact!(self.store, |tx| { tx.labels().add_usage(&[delta]).await });
        done.unwrap();
    }

    /// The ids of the tags that were used most of late.
    async fn trending(&self, period: Period, limit: u64) -> Vec<i64> {
        let found = self.labels.trending(period, today(), limit).await.unwrap();
        found.into_iter().map(|label| label.id.get()).collect()
    }

    async fn tag(&self, id: i64, tags: &[i64]) {
        self.shelve(&photo(id), &shelves(&photo(id), &[], tags)).await.unwrap();
    }

    async fn merge(&self, from: &[i64], into: i64) -> u64 {
        let from: Vec<_> = from.iter().copied().map(TagId::new).collect();
        let moved: Result<u64, StoreError> =
            transact!(self.store, |tx| { tx.labels().merge(&from, TagId::new(into)).await });
        moved.unwrap()
    }

    pub(super) async fn suggested(&self, key: &str, typed: &str) -> Vec<(i64, Match)> {
        let found = self.labels.suggest(Kind::Photo, key, typed, true, 50).await.unwrap();
        found.into_iter().map(|candidate| (candidate.tag.id.get(), candidate.found)).collect()
    }
}

/// Old and new ones alike.
pub async fn tags_come_in_the_order_asked_for(subject: Subject) {
    assert_eq!(subject.resolve(&[(1, "夜景")]).await, [1]);
    assert_eq!(subject.resolve(&[(2, "Street"), (3, "夜景"), (4, "C++")]).await, [2, 1, 4]);
    assert!(subject.resolve(&[]).await.is_empty());
}

/// However it is spelled.
pub async fn a_known_tag_keeps_its_name_and_id(subject: Subject) {
    subject.resolve(&[(1, "Black White")]).await;
    assert_eq!(subject.resolve(&[(2, "ＢＬＡＣＫ  white")]).await, [1]);
    let kept = subject.label(1).await.unwrap();
    assert_eq!((kept.name.name(), kept.slug.as_str(), kept.usage_count), ("Black White", "black-white", 0));
    assert_eq!(kept, label(1, "Black White"));
}

/// All who make a tag at the same time get the one that is there in the end.
pub async fn rivals_for_a_tag_get_the_same(subject: Subject) {
    for round in 0..5_i64 {
        let (one, other) = (format!("a{round}x"), format!("b{round}x"));
        let rivals = (0..8).map(|rival| {
            let first = 1000 * (round + 1) + 10 * rival;
            let (one, other, subject) = (one.as_str(), other.as_str(), &subject);
            async move {
                // Half of them name the two the other way round.
                let names = if rival % 2 == 0 { [one, other] } else { [other, one] };
                let found = subject.resolve(&[(first, names[0]), (first + 1, names[1])]).await;
                if rival % 2 == 0 { found } else { found.into_iter().rev().collect() }
            }
        });
        let results = join_all(rivals).await;
        assert!(results.iter().all(|tags| *tags == results[0]), "{results:?}");
    }
}

/// Two names that are read alike are two tags.
pub async fn a_slug_that_is_taken_makes_way(subject: Subject) {
    assert_eq!(subject.resolve(&[(1, "夜景"), (2, "液晶")]).await, [1, 2]);
    let mut slugs = [subject.label(1).await.unwrap().slug, subject.label(2).await.unwrap().slug];
    slugs.sort();
    assert_eq!(slugs[0].as_str(), "ye-jing");
    assert!(["ye-jing-1", "ye-jing-2"].contains(&slugs[1].as_str()), "{slugs:?}");
}

/// For new ones and for old ones.
pub async fn a_taken_name_or_slug_is_refused(subject: Subject) {
    subject.coin(&label(1, "夜景")).await.unwrap();
    subject.coin(&label(2, "城市")).await.unwrap();
    let named = |id, slug: &str| Label { slug: Slug::stored(slug.to_owned()), ..label(id, "夜景") };
    let refused = subject.coin(&named(3, "else")).await;
    assert!(matches!(refused, Err(Failure::Label(LabelWriteError::NameTaken))), "{refused:?}");
    let addressed = |id| Label { slug: Slug::stored("ye-jing".to_owned()), ..label(id, "灯光") };
    let refused = subject.coin(&addressed(3)).await;
    assert!(matches!(refused, Err(Failure::Label(LabelWriteError::SlugTaken))), "{refused:?}");
    for (changed, name) in [(named(2, "else"), true), (addressed(2), false)] {
        let changed = Label { version: 2, ..changed };
        let refused: Result<(), Failure> =
            transact!(subject.store, |tx| { Ok(tx.labels().update(&changed, 1).await?) });
        match refused {
            Err(Failure::Label(LabelWriteError::NameTaken)) if name => {}
            Err(Failure::Label(LabelWriteError::SlugTaken)) if !name => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(subject.label(2).await, Some(label(2, "城市")));
}

/// Neither an edit nor a removal; a right one writes everything but the usage.
pub async fn a_stale_change_writes_nothing(subject: Subject) {
    subject.coin(&label(1, "夜景")).await.unwrap();
    let changed = Label {
        description: Some(Note::stored("夜晚".to_owned())),
        group: Some(TagGroup::Style),
        is_active: false,
        is_featured: true,
        usage_count: 77,
        version: 2,
        ..label(1, "城市夜景")
    };
    for (expected, done) in [(5, false), (1, true)] {
        let written: Result<(), Failure> =
            transact!(subject.store, |tx| { Ok(tx.labels().update(&changed, expected).await?) });
        assert_eq!(written.is_ok(), done, "{written:?}");
    }
    assert_eq!(subject.label(1).await, Some(Label { usage_count: 0, ..changed }));
    let deleted: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.labels().delete(TagId::new(1), 1).await?) });
    assert!(matches!(deleted, Err(Failure::Label(LabelWriteError::Stale))), "{deleted:?}");
    assert!(subject.label(1).await.is_some());
}

/// The same name may be a tag of articles.
pub async fn tags_of_articles_are_others(subject: Subject) {
    subject.resolve(&[(1, "夜景")]).await;
    assert!(subject.labels.suggest(Kind::Article, "夜景", "", true, 10).await.unwrap().is_empty());
    assert_eq!(subject.suggested("夜景", "").await, [(1, Match::Exact)]);
}

/// And the photos have their other tags still.
pub async fn a_deleted_tag_is_on_no_photo(subject: Subject) {
    subject.keep(&[photo(1)]).await;
    subject.resolve(&[(1, "夜景"), (2, "城市")]).await;
    subject.tag(1, &[1, 2]).await;
    let deleted: Result<(), Failure> =
        transact!(subject.store, |tx| { Ok(tx.labels().delete(TagId::new(1), 1).await?) });
    deleted.unwrap();
    assert_eq!((subject.label(1).await, subject.uses(1).await), (None, vec![]));
    let (_, linked) = subject.links(PhotoId::new(1)).await;
    assert_eq!(linked.iter().map(|link| link.tag.get()).collect::<Vec<_>>(), [2]);
}

/// Also one that had several of them.
pub async fn merged_tags_count_each_photo_once(subject: Subject) {
    subject.keep(&(1..=4).map(photo).collect::<Vec<_>>()).await;
    subject.resolve(&[(1, "夜景"), (2, "夜"), (3, "夜晚"), (4, "城市")]).await;
    for (id, tags) in [(1, &[1, 2, 3][..]), (2, &[2, 3]), (3, &[3, 4]), (4, &[4])] {
        subject.tag(id, tags).await;
    }
    assert_eq!(subject.merge(&[2, 3], 1).await, 2);
    let kept = subject.label(1).await.unwrap();
    assert_eq!((kept.usage_count, kept.last_used_at), (3, Some(now())));
    assert_eq!(subject.uses(1).await, [(0, 3)]);
    assert_eq!((subject.uses(2).await, subject.uses(4).await), (vec![], vec![(0, 2)]));
    assert_eq!((subject.label(2).await, subject.label(3).await), (None, None));
    for (id, tags) in [(1, &[1][..]), (2, &[1]), (3, &[1, 4]), (4, &[4])] {
        let (_, linked) = subject.links(PhotoId::new(id)).await;
        assert_eq!(linked.iter().map(|link| link.tag.get()).collect::<Vec<_>>(), tags, "{id}");
    }
}

/// To what programs said of the same photo, whichever of the tags they said it with.
pub async fn a_merge_prefers_what_people_said(subject: Subject) {
    subject.keep(&(1..=4).map(photo).collect::<Vec<_>>()).await;
    subject.resolve(&[(1, "夜景"), (2, "夜"), (3, "夜晚")]).await;
    let guessed = Tagging { source: Source::Ai, confidence: Some(Confidence::parse(0.87).unwrap()) };
    let said = Tagging::default();
    let cases = [
        (1, vec![(1, guessed), (2, said)], said),
        (2, vec![(2, guessed)], guessed),
        (3, vec![(2, guessed), (3, said)], said),
        (4, vec![(2, said), (3, guessed)], said),
    ];
    for (id, tags, _) in &cases {
        let mut wanted = shelves(&photo(*id), &[], &[]);
        wanted.tags = tags.iter().map(|(tag, tagging)| (TagId::new(*tag), *tagging)).collect();
        subject.shelve(&photo(*id), &wanted).await.unwrap();
    }
    assert_eq!(subject.merge(&[2, 3], 1).await, 3);
    for (id, _, kept) in cases {
        let (_, linked) = subject.links(PhotoId::new(id)).await;
        let linked: Vec<_> = linked.iter().map(|link| (link.tag.get(), link.tagging)).collect();
        assert_eq!(linked, [(1, kept)], "{id}");
    }
}

/// None of it is lost.
pub async fn usage_added_at_the_same_time_all_counts(subject: Subject) {
    subject.resolve(&[(1, "夜景")]).await;
    join_all((0..10).map(|_| subject.used(1, 0, 1))).await;
    let kept = subject.label(1).await.unwrap();
    assert_eq!((kept.usage_count, kept.last_used_at), (10, Some(now())));
    assert_eq!(subject.uses(1).await, [(0, 10)]);
}

/// Uses of days that are not in the period count nothing; what was taken back leaves nothing.
pub async fn trends_are_of_the_days_of_the_period(subject: Subject) {
    subject.resolve(&[(1, "旧"), (2, "新"), (3, "远"), (4, "无")]).await;
    for (tag, age, uses) in
        [(1, 90, 100), (1, 29, 100), (2, 0, 5), (2, 0, 1), (2, 0, -1), (3, 364, 1), (4, 3, 1), (4, 3, -1)]
    {
        subject.used(tag, age, uses).await;
    }
    assert_eq!(subject.uses(1).await, [(-90, 100), (-29, 100)]);
    assert_eq!((subject.uses(2).await, subject.uses(4).await), (vec![(0, 5)], vec![]));
    let since = subject.labels.uses(&[TagId::new(1), TagId::new(2)], Day(today().0 - 29)).await.unwrap();
    let since: Vec<_> = since.into_iter().map(|(tag, uses)| (tag.get(), uses)).collect();
    assert_eq!(since, [(1, vec![(Day(today().0 - 29), 100)]), (2, vec![(today(), 5)])]);
    // 100 uses of 29 days ago are 5.66, and none in a week.
    assert_eq!(subject.trending(Period::Week, 10).await, [2]);
    assert_eq!(subject.trending(Period::Month, 10).await, [1, 2]);
    assert_eq!(subject.trending(Period::Month, 1).await, [1]);
    assert_eq!(subject.trending(Period::Quarter, 10).await, [1, 2]);
    assert_eq!(subject.trending(Period::Year, 10).await, [1, 2, 3]);
    let filter = LabelFilter { sort: LabelSort::Trend, hidden: true, ..LabelFilter::default() };
    let page = subject.labels.list(&filter, today(), PageRequest::try_new(1, 2).unwrap()).await.unwrap();
    assert_eq!(page.items.iter().map(|label| label.id.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(page.total, 4);
}

/// By the id or the slug; a tag of articles is another.
pub async fn a_tag_is_found_by_either_of_its_keys(subject: Subject) {
    subject.resolve(&[(1, "夜景")]).await;
    for (key, found) in [("1", true), ("ye-jing", true), ("2", false), ("city", false), ("no slug", false)] {
        let label = subject.labels.find(&TagKey::parse(key)).await.unwrap();
        assert_eq!(label.map(|label| label.id.get()), found.then_some(1), "{key}");
    }
}

/// The whole name, its beginning, pinyin, first letters, inside; within each by usage. What
/// visitors do not see is not suggested.
pub async fn suggestions_stand_in_the_order_of_the_match(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    subject.resolve(&[(1, "夜"), (2, "夜市"), (3, "夜景"), (4, "城市夜景"), (5, "夜行"), (6, "yes")]).await;
    subject.tag(1, &[3]).await;
    subject.tag(2, &[3, 2]).await;
    let hidden = Label { is_active: false, version: 2, ..label(5, "夜行") };
    let done: Result<(), Failure> = transact!(subject.store, |tx| { Ok(tx.labels().update(&hidden, 1).await?) });
    done.unwrap();
    let expected = [(1, Match::Exact), (3, Match::Prefix), (2, Match::Prefix), (4, Match::Inside)];
    assert_eq!(subject.suggested("夜", "").await, expected);
    let typed = subject.suggested("ye", "ye").await;
    assert_eq!(typed, [(6, Match::Prefix), (3, Match::Pinyin), (2, Match::Pinyin), (1, Match::Pinyin)]);
    assert_eq!(subject.suggested("yj", "yj").await, [(3, Match::Initials)]);
    assert_eq!(subject.suggested("csyj", "csyj").await, [(4, Match::Initials)]);
    subject.resolve(&[(11, "Black White"), (12, "Snowwhite"), (13, "white"), (14, "Whitewater")]).await;
    subject.tag(1, &[3, 12]).await;
    let words = [(13, Match::Exact), (14, Match::Prefix), (11, Match::WordStart), (12, Match::Inside)];
    assert_eq!(subject.suggested("white", "white").await, words);
    assert_eq!(subject.labels.suggest(Kind::Photo, "夜", "", true, 2).await.unwrap().len(), 2);
    let public = subject.labels.suggest(Kind::Photo, "夜", "", false, 50).await.unwrap();
    let public: Vec<_> = public.into_iter().map(|candidate| candidate.tag.id.get()).collect();
    assert_eq!(public, [3, 2], "what no listed photo has is nobody's business");
}

/// By usage, by name, by trend, by group; each once over all pages.
pub async fn lists_are_sorted_and_filtered(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    subject.resolve(&[(1, "b"), (2, "a"), (3, "c")]).await;
    subject.tag(1, &[1]).await;
    subject.tag(2, &[1, 3]).await;
    let grouped = Label { group: Some(TagGroup::Location), version: 2, ..label(2, "a") };
    let hidden = Label { is_active: false, group: Some(TagGroup::Location), version: 2, ..label(3, "c") };
    let done: Result<(), Failure> = transact!(subject.store, |tx| {
        tx.labels().update(&grouped, 1).await?;
        Ok(tx.labels().update(&hidden, 1).await?)
    });
    done.unwrap();
    let list = async |filter: LabelFilter, page: u32, limit: u32| {
        let page = subject.labels.list(&filter, today(), PageRequest::try_new(page, limit).unwrap()).await.unwrap();
        (page.items.into_iter().map(|label| label.id.get()).collect::<Vec<_>>(), page.total)
    };
    let all = |sort, order| LabelFilter { sort, order, hidden: true, group: None };
    for (sort, order, expected) in [
        (LabelSort::Usage, Order::Descending, [1, 3, 2]),
        (LabelSort::Usage, Order::Ascending, [2, 3, 1]),
        (LabelSort::Name, Order::Ascending, [2, 1, 3]),
        (LabelSort::Name, Order::Descending, [3, 1, 2]),
        (LabelSort::Trend, Order::Descending, [1, 3, 2]),
        (LabelSort::Trend, Order::Ascending, [2, 3, 1]),
    ] {
        assert_eq!(list(all(sort, order), 1, 50).await, (expected.to_vec(), 3), "{sort:?}");
        let mut pages = Vec::new();
        for page in 1..=3 {
            pages.extend(list(all(sort, order), page, 1).await.0);
        }
        assert_eq!(pages, expected, "{sort:?}");
    }
    let shown = LabelFilter::default();
    assert_eq!(list(shown.clone(), 1, 50).await, (vec![1], 1), "neither what is hidden nor what nothing listed has");
    let located = LabelFilter { group: Some(TagGroup::Location), hidden: true, ..shown };
    assert_eq!(list(located.clone(), 1, 50).await, (vec![3, 2], 2));
    assert_eq!(list(LabelFilter { hidden: false, ..located }, 1, 50).await, (vec![], 0));
    let groups = async |hidden| subject.labels.groups(hidden).await.unwrap();
    let all = groups(true).await;
    assert_eq!((all[&TagGroup::Location], all[&TagGroup::Style], all.len()), (2, 0, 4));
    assert_eq!(groups(false).await[&TagGroup::Location], 0);
    let used: BTreeSet<_> = subject.labels.most_used(1, 10).await.unwrap().into_iter().map(|label| label.id).collect();
    assert_eq!(used, [TagId::new(1)].into());
}
