//! Lists of articles.

use chrono::Duration;
use sharestack_content::model::{AccessLevel, Article, ArticleId, Status, Summary, TagId, Title};
use sharestack_content::ports::{ArticleFilter, Order, Sort, Walk};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::{Subject, draft, now, published, text};

pub(super) fn page(page: u32, limit: u32) -> PageRequest {
    PageRequest::try_new(page, limit).unwrap()
}

/// Published articles, narrowed by `change`.
pub(super) fn filter(change: impl FnOnce(&mut ArticleFilter)) -> ArticleFilter {
    let mut filter = ArticleFilter { statuses: vec![Status::Published], ..ArticleFilter::default() };
    change(&mut filter);
    filter
}

impl Subject {
    async fn ids(&self, filter: &ArticleFilter) -> Vec<i64> {
        let page = self.queries.list(filter, page(1, 100)).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64, "{filter:?}");
        page.items.iter().map(|card| card.id.get()).collect()
    }
}

/// What an article's own page shows, beside the text.
pub async fn a_page_shows_cards_with_their_authors(subject: Subject) {
    let authors = [subject.author(1).await, subject.author(2).await];
    for (id, author) in (1..).zip(authors) {
        let tags = subject.tags(&[(1, "共同"), (id + 1, &format!("t{id}"))]).await;
        subject.insert(&Article { tags, ..published(id, author) }, &text("正文")).await.unwrap();
    }
    let page = subject.queries.list(&filter(|_| {}), page(1, 10)).await.unwrap();
    assert_eq!(page.items.iter().map(|card| card.id.get()).collect::<Vec<_>>(), [2, 1]);
    for card in page.items {
        assert_eq!(card, subject.find(card.id).await.unwrap().card);
        assert_eq!((card.author.username, card.tags.len()), (format!("Author{}", card.author.id), 2));
    }
}

/// Over all pages, also when all articles are equal in what they are sorted by.
pub async fn pages_show_each_article_once(subject: Subject) {
    let author = subject.author(1).await;
    for id in 1..=25 {
        subject.insert(&published(id, author), &text("x")).await.unwrap();
    }
    for (order, expected) in [(Order::Ascending, 1..=25), (Order::Descending, 1..=25)] {
        let filter = filter(|filter| filter.order = order);
        let mut seen = Vec::new();
        for number in 1..=4 {
            let page = subject.queries.list(&filter, page(number, 10)).await.unwrap();
            assert_eq!(page.total, 25);
            seen.extend(page.items.iter().map(|card| card.id.get()));
        }
        if order == Order::Descending {
            seen.reverse();
        }
        assert_eq!(seen, expected.collect::<Vec<_>>());
    }
    let far = subject.queries.list(&filter(|_| {}), page(u32::MAX, 100)).await.unwrap();
    assert_eq!((far.total, far.items.len()), (25, 0));
}

/// By each column, both ways.
pub async fn every_order_sorts(subject: Subject) {
    let author = subject.author(1).await;
    // Each column has an order of its own.
    for (id, days, created, updated, title, views) in
        [(1, 3, 2, 5, "bb", 7), (2, 1, 3, 9, "cc", 9), (3, 2, 1, 7, "aa", 8)]
    {
        let article = Article {
            published_at: Some(now() + Duration::microseconds(days)),
            created_at: now() + Duration::seconds(created),
            updated_at: now() + Duration::days(updated),
            title: Title::parse(title.to_owned()).unwrap(),
            ..published(id, author)
        };
        subject.insert(&article, &text("x")).await.unwrap();
        let done: Result<(), StoreError> =
            transact!(subject.store, |tx| { tx.articles().add_views(article.id, views).await });
        done.unwrap();
    }
    for (sort, mut expected) in [
        (Sort::PublishedAt, [2, 3, 1]),
        (Sort::CreatedAt, [3, 1, 2]),
        (Sort::UpdatedAt, [1, 3, 2]),
        (Sort::Title, [3, 1, 2]),
        (Sort::ViewCount, [1, 3, 2]),
    ] {
        for order in [Order::Ascending, Order::Descending] {
            let filter = filter(|filter| (filter.sort, filter.order) = (sort, order));
            assert_eq!(subject.ids(&filter).await, expected, "{sort:?} {order:?}");
            expected.reverse();
        }
    }
}

/// Each filter alone and all together.
pub async fn totals_equal_what_matches(subject: Subject) {
    let authors = [subject.author(1).await, subject.author(2).await];
    let tags = subject.tags(&[(1, "x"), (2, "y")]).await;
    let mut articles = Vec::new();
    for id in 1..=24_usize {
        let number = i64::try_from(id).unwrap();
        let author = authors[id % 2];
        let base = if id % 5 == 0 { draft(number, author) } else { published(number, author) };
        let article = Article { tags: tags[..id % 3].to_vec(), access_level: AccessLevel::ALL[id % 3], ..base };
        subject.insert(&article, &text("x")).await.unwrap();
        articles.push(article);
    }
    for author in [None, Some(authors[0]), Some(UserId::new(99))] {
        for tag in [None, Some("x"), Some("y"), Some("none")] {
            for access in [None, Some(AccessLevel::Members)] {
                for status in Status::ALL {
                    let filter = ArticleFilter {
                        statuses: vec![status],
                        author,
                        tag: tag.map(str::to_owned),
                        access,
                        order: Order::Ascending,
                        ..ArticleFilter::default()
                    };
                    let matching = articles.iter().filter(|article| {
                        article.status == status
                            && author.is_none_or(|author| article.author_id == author)
                            && access.is_none_or(|level| article.access_level == level)
                            && tag.is_none_or(|slug| article.tags.iter().any(|tag| tag.slug == slug))
                    });
                    let expected: Vec<_> = matching.map(|article| article.id.get()).collect();
                    assert_eq!(subject.ids(&filter).await, expected, "{filter:?}");
                }
            }
        }
    }
    let unpublished = ArticleFilter {
        statuses: vec![Status::Draft, Status::Scheduled],
        author: Some(authors[0]),
        ..ArticleFilter::default()
    };
    assert_eq!(subject.ids(&unpublished).await, [20, 10]);
}

/// No character is a wildcard, and none ends the statement.
pub async fn a_search_matches_literally(subject: Subject) {
    let author = subject.author(1).await;
    for (id, title, summary) in [
        (1, "100% sure", None),
        (2, "100 percent", Some("Under_score")),
        (3, "UnderXscore", None),
        (4, "a!b \\ c'd", None),
        (5, "投资入门", Some("Über")),
    ] {
        let article = Article {
            title: Title::parse(title.to_owned()).unwrap(),
            summary: summary.map(|text: &str| Summary::parse(text.to_owned()).unwrap()),
            ..published(id, author)
        };
        subject.insert(&article, &text("hidden")).await.unwrap();
    }
    for (wanted, expected) in [
        ("100%", vec![1]),
        ("under_", vec![2]),
        ("UNDER", vec![3, 2]),
        ("!b", vec![4]),
        ("\\", vec![4]),
        ("c'd", vec![4]),
        ("投资", vec![5]),
        ("über", vec![5]),
        ("Über", vec![5]),
        ("hidden", vec![]),
        ("%%%", vec![]),
        ("'; DROP TABLE articles; --", vec![]),
    ] {
        assert_eq!(subject.ids(&filter(|filter| filter.search = Some(wanted.to_owned()))).await, expected, "{wanted}");
    }
}

/// Whatever the list.
pub async fn deleted_articles_are_in_no_list(subject: Subject) {
    let author = subject.author(1).await;
    for id in [1, 2] {
        subject.insert(&published(id, author), &text("x")).await.unwrap();
    }
    subject.delete(&published(1, author), 1).await.unwrap();
    for statuses in [vec![Status::Published], Status::ALL.to_vec()] {
        assert_eq!(subject.ids(&ArticleFilter { statuses, ..ArticleFilter::default() }).await, [2]);
    }
}

/// In any case of letters.
pub async fn an_author_is_found_by_name(subject: Subject) {
    let author = subject.author(1).await;
    assert_eq!(subject.queries.find_author("author1").await.unwrap(), Some(author));
    assert_eq!(subject.queries.find_author("AUTHOR1").await.unwrap(), Some(author));
    assert_eq!(subject.queries.find_author("author2").await.unwrap(), None);
    let german = subject.account(2, "Straße").await;
    let greek = subject.account(3, "Σίσυφος").await;
    for (name, expected) in [("STRASSE", german), ("ｓｔｒａｓｓｅ", german), ("ΣΊΣΥΦΟΣ", greek), ("σίσυφος", greek)]
    {
        assert_eq!(subject.queries.find_author(name).await.unwrap(), Some(expected), "{name}");
    }
}

/// Digits are an id first, and a name when nobody has the id.
pub async fn an_author_is_found_by_id_before_a_name_of_digits(subject: Subject) {
    let first = subject.account(777, "author").await;
    let second = subject.account(2, "777").await;
    let third = subject.account(3, "888").await;
    for (text, expected) in [("777", Some(first)), ("2", Some(second)), ("888", Some(third)), ("999", None)] {
        assert_eq!(subject.queries.find_author(text).await.unwrap(), expected, "{text}");
    }
    for nobody in ["-2", "+2", "99999999999999999999", ""] {
        assert_eq!(subject.queries.find_author(nobody).await.unwrap(), None, "{nobody}");
    }
}

/// Drafts, deleted ones and ids of nothing are left out.
pub async fn published_articles_are_found_by_ids(subject: Subject) {
    let author = subject.author(1).await;
    for article in [published(1, author), published(2, author), draft(3, author), published(4, author)] {
        subject.insert(&article, &text("x")).await.unwrap();
    }
    subject.delete(&published(2, author), 1).await.unwrap();
    let ids = [4, 3, 2, 1, 99].map(ArticleId::new);
    let mut found = subject.queries.find_published(&ids).await.unwrap();
    found.sort_by_key(|card| card.id);
    assert_eq!(found.iter().map(|card| card.id.get()).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(found[0], subject.find(ids[3]).await.unwrap().card);
    assert_eq!(subject.queries.find_published(&[]).await.unwrap(), []);
}

/// In pieces, by id, with their texts.
pub async fn every_published_article_is_walked_once(subject: Subject) {
    let author = subject.author(1).await;
    for id in 1..=7 {
        let article = if id == 4 { draft(id, author) } else { published(id, author) };
        subject.insert(&article, &text("**x**")).await.unwrap();
    }
    let (mut after, mut seen) = (ArticleId::new(0), Vec::new());
    loop {
        let batch = subject.queries.published_after(Walk::All, after, 2).await.unwrap();
        let Some(last) = batch.last() else { break };
        after = last.card.id;
        assert!(batch.len() <= 2 && batch.iter().all(|article| article.html.contains("<strong>x</strong>")));
        seen.extend(batch.iter().map(|article| article.card.id.get()));
    }
    assert_eq!(seen, [1, 2, 3, 5, 6, 7]);
    let other = subject.author(2).await;
    subject.insert(&published(8, other), &text("x")).await.unwrap();
    let ids = async |walk| {
        let walked = subject.queries.published_after(walk, ArticleId::new(3), 10).await.unwrap();
        walked.iter().map(|article| article.card.id.get()).collect::<Vec<_>>()
    };
    assert_eq!(ids(Walk::By(author)).await, [5, 6, 7]);
    assert_eq!(ids(Walk::By(other)).await, [8]);
    let tag = subject.find(ArticleId::new(5)).await.unwrap().card.tags.first().map(|tag| tag.id);
    let tagged = if let Some(tag) = tag { ids(Walk::Tagged(tag)).await } else { Vec::new() };
    assert_eq!(tagged.contains(&5), tag.is_some());
    assert_eq!(ids(Walk::Tagged(TagId::new(999_999))).await, Vec::<i64>::new());
    let alone = subject.queries.published_ids_after(Walk::By(author), ArticleId::new(3), 2).await.unwrap();
    assert_eq!(alone, [5, 6].map(ArticleId::new));
}
