//! Articles inside a transaction.

use chrono::Duration;
use futures::future::join_all;
use sharestack_content::model::{
    AccessLevel, Article, ArticleId, ArticleKey, CoverUrl, PlanId, SeoDescription, SeoTitle, Slug, Status, Summary,
    Title,
};
use sharestack_content::ports::Beginning;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::transact;

use super::{Failure, Subject, draft, now, published, text};

/// Every field is kept to the last character and microsecond.
pub async fn an_article_reads_back_as_it_was_written(subject: Subject) {
    let author = subject.author(1).await;
    let article = Article {
        slug: Slug::parse("如何投资-入门").unwrap(),
        title: Title::parse("如何投资 📈 '; DROP TABLE articles; --".to_owned()).unwrap(),
        summary: Some(Summary::parse("摘要 100% _".to_owned()).unwrap()),
        cover: Some(CoverUrl::parse("https://cdn.example.com/封面.jpg".to_owned()).unwrap()),
        access_level: AccessLevel::Paid,
        plan_ids: vec![PlanId::new(3), PlanId::new((1 << 53) - 1)],
        price: Some(Money::new(1990, Currency::Cny)),
        seo_title: Some(SeoTitle::parse("标题".to_owned()).unwrap()),
        seo_description: Some(SeoDescription::parse("描述".to_owned()).unwrap()),
        tags: subject.tags(&[(2, "投资"), (1, "C++")]).await,
        status: Status::Scheduled,
        publish_at: Some(now() + Duration::days(1)),
        ..draft(7, author)
    };
    let text = text("# 标题\n\n正文 **重点**。\n\n- [x] 完成\n");
    subject.insert(&article, &text).await.unwrap();

    let found = subject.queries.find(&ArticleKey::parse("如何投资-入门")).await.unwrap().unwrap();
    assert_eq!(Some(&found), subject.find(article.id).await.as_ref());
    assert_eq!((&*found.source, &*found.html), (text.body.source(), text.rendered.html()));
    assert_eq!((&*found.preview, found.card.excerpt.as_str()), (text.rendered.preview(), text.rendered.excerpt()));
    assert_eq!((found.format, found.card.teaser.as_str()), (text.body.format(), text.rendered.teaser()));
    assert_eq!(found.card.author.username, "Author1");
    let locked: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.articles().find_for_update(article.id).await });
    assert_eq!(locked.unwrap(), Some(article));
}

/// What is not set stays so.
pub async fn an_article_without_extras_is_kept_so(subject: Subject) {
    let author = subject.author(1).await;
    let article = draft(1, author);
    subject.insert(&article, &text("x")).await.unwrap();
    let card = subject.find(article.id).await.unwrap().card;
    assert_eq!(
        (card.summary, card.cover, card.price, card.publish_at, card.published_at),
        (None, None, None, None, None)
    );
    assert_eq!((card.view_count, card.version, card.tags.len(), card.plan_ids.len()), (0, 1, 0, 0));
    assert_eq!((card.created_at, card.updated_at), (now(), now()));
    assert_eq!(subject.find(ArticleId::new(2)).await, None);
    assert_eq!(subject.queries.find(&ArticleKey::parse("no-such-article")).await.unwrap(), None);
    assert_eq!(subject.queries.find_head(&ArticleKey::parse("a b")).await.unwrap(), None);
}

/// Whoever asks at the same time as others gets what was asked for.
pub async fn articles_asked_for_at_once_are_each_their_own(subject: Subject) {
    let author = subject.author(1).await;
    for id in 1..=40 {
        subject.insert(&published(id, author), &text(&format!("text {id}"))).await.unwrap();
    }
    subject.delete(&published(9, author), 1).await.unwrap();
    let asked = || (1..=44).chain([5, 5, 9]);
    let found = join_all(asked().map(|id| subject.find(ArticleId::new(id)))).await;
    for (id, found) in asked().zip(found) {
        let there = (id != 9 && id <= 40).then(|| (ArticleId::new(id), format!("text {id}")));
        assert_eq!(found.map(|article| (article.card.id, article.source.to_string())), there);
    }
}

/// One slug, one article; the refused one leaves nothing.
pub async fn a_taken_slug_is_refused(subject: Subject) {
    let author = subject.author(1).await;
    subject.insert(&draft(1, author), &text("x")).await.unwrap();
    let twin = Article { slug: draft(1, author).slug, ..draft(2, author) };
    assert!(matches!(subject.insert(&twin, &text("x")).await, Err(Failure::SlugTaken)));
    assert_eq!(subject.find(twin.id).await, None);
}

/// The constraint decides, not a look.
pub async fn of_rivals_for_a_slug_one_gets_it(subject: Subject) {
    let author = subject.author(1).await;
    let rivals: Vec<_> =
        (1..=8).map(|id| Article { slug: Slug::parse("same").unwrap(), ..draft(id, author) }).collect();
    let text = text("x");
    let results = join_all(rivals.iter().map(|article| subject.insert(article, &text))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(Failure::SlugTaken))), "{results:?}");
}

/// Also when an article wants it later.
pub async fn an_edit_to_a_taken_slug_is_refused(subject: Subject) {
    let author = subject.author(1).await;
    for id in [1, 2] {
        subject.insert(&draft(id, author), &text("x")).await.unwrap();
    }
    let edited = Article { slug: draft(1, author).slug, version: 2, ..draft(2, author) };
    assert!(matches!(subject.update(&edited, 1).await, Err(Failure::SlugTaken)));
    assert_eq!(subject.find(edited.id).await.unwrap().card.version, 1);
}

/// A deleted article is nowhere, and another may have its slug.
pub async fn a_deleted_article_is_gone_and_its_slug_is_free(subject: Subject) {
    let author = subject.author(1).await;
    let article = published(1, author);
    subject.insert(&article, &text("x")).await.unwrap();
    subject.delete(&article, 1).await.unwrap();
    assert_eq!(subject.find(article.id).await, None);
    assert_eq!(subject.queries.find_head(&article.id.into()).await.unwrap(), None);
    let locked: Result<_, StoreError> =
        transact!(subject.store, |tx| { tx.articles().find_for_update(article.id).await });
    assert_eq!(locked.unwrap(), None);
    assert!(matches!(subject.delete(&article, 2).await, Err(Failure::Stale)));
    let heir = Article { slug: article.slug.clone(), ..draft(2, author) };
    subject.insert(&heir, &text("y")).await.unwrap();
    subject.delete(&heir, 1).await.unwrap();
}

/// A version that is not the stored one changes nothing.
pub async fn a_stale_update_writes_nothing(subject: Subject) {
    let author = subject.author(1).await;
    let article = draft(1, author);
    subject.insert(&article, &text("x")).await.unwrap();
    let edited = Article { title: Title::parse("neu".to_owned()).unwrap(), version: 3, ..article.clone() };
    assert!(matches!(subject.update(&edited, 2).await, Err(Failure::Stale)));
    assert_eq!(subject.find(article.id).await.unwrap().card.title, article.title.as_str());
    subject.update(&edited, 1).await.unwrap();
    assert_eq!(subject.find(article.id).await.unwrap().card.title, "neu");
    assert!(matches!(subject.update(&draft(99, author), 1).await, Err(Failure::Stale)));
}

/// Nor does it delete.
pub async fn a_stale_delete_deletes_nothing(subject: Subject) {
    let author = subject.author(1).await;
    subject.insert(&draft(1, author), &text("x")).await.unwrap();
    assert!(matches!(subject.delete(&draft(1, author), 2).await, Err(Failure::Stale)));
    assert!(subject.find(ArticleId::new(1)).await.is_some());
}

/// Tags that are not given go, those that are given come, in their order.
pub async fn an_update_leaves_exactly_the_given_tags(subject: Subject) {
    let author = subject.author(1).await;
    let tags = subject.tags(&[(1, "a"), (2, "b"), (3, "c")]).await;
    let mut article = Article { tags: tags[..2].to_vec(), ..published(1, author) };
    subject.insert(&article, &text("x")).await.unwrap();
    article.tags = vec![tags[2].clone(), tags[1].clone()];
    article.version = 2;
    subject.update(&article, 1).await.unwrap();
    assert_eq!(subject.find(article.id).await.unwrap().card.tags, article.tags);
    for (tag, expected) in tags.iter().zip([0, 1, 1]) {
        let filter = super::list::filter(|filter| {
            filter.tag = Some(tag.slug.clone());
            filter.search = Some(String::new());
        });
        assert_eq!(subject.queries.list(&filter, super::list::page(1, 10)).await.unwrap().total, expected);
    }
}

/// Reading for an update, adding and writing loses nothing.
pub async fn a_locked_article_makes_others_wait(subject: Subject) {
    let author = subject.author(1).await;
    let id = draft(1, author).id;
    subject.insert(&draft(1, author), &text("x")).await.unwrap();
    let edit = || async {
        let done: Result<(), Failure> = transact!(subject.store, |tx| {
            let mut article = tx.articles().find_for_update(id).await?.ok_or(Failure::Stale)?;
            article.version += 1;
            tx.articles().update(&article, article.version - 1).await?;
            Ok(())
        });
        done
    };
    let results = join_all((0..10).map(|_| edit())).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(subject.find(id).await.unwrap().card.version, 11);
}

/// Also one of a million characters.
pub async fn a_new_text_takes_the_old_ones_place(subject: Subject) {
    let author = subject.author(1).await;
    let id = draft(1, author).id;
    subject.insert(&draft(1, author), &text("old")).await.unwrap();
    let new = text(&"新😀文字".repeat(200_000));
    let body = async |id: ArticleId| {
        let found: Result<_, StoreError> = transact!(subject.store, |tx| { tx.articles().find_body(id).await });
        found.unwrap()
    };
    assert_eq!(body(id).await, Some(text("old").body));
    assert_eq!(body(ArticleId::new(9)).await, None);
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.articles().write_text(id, &new).await });
    done.unwrap();
    assert!(body(id).await.as_ref() == Some(&new.body));
    let found = subject.find(id).await.unwrap();
    assert!(*found.source == *new.body.source() && *found.html == *new.rendered.html());
    assert_eq!(found.card.excerpt, new.rendered.excerpt());
    assert_eq!((found.card.version, found.card.updated_at), (1, now()));
}

/// Two additions at once are both there, and nothing else has changed.
pub async fn views_added_at_the_same_time_all_count(subject: Subject) {
    let author = subject.author(1).await;
    let id = draft(1, author).id;
    subject.insert(&published(1, author), &text("x")).await.unwrap();
    let add = || async {
        let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.articles().add_views(id, 3).await });
        done.unwrap();
    };
    join_all((0..10).map(|_| add())).await;
    let card = subject.find(id).await.unwrap().card;
    assert_eq!((card.view_count, card.version, card.updated_at), (30, 1, now()));
}

/// In the order of their ids, as many as are asked for.
pub async fn beginnings_are_of_articles_that_are_there(subject: Subject) {
    let author = subject.author(1).await;
    let text = text("第一段说的是开头，谁都可以读。\n\n第二段很长，要付钱才读得到，这里多写几句，让它够长。");
    for id in [30, 4, 20, 7] {
        subject.insert(&published(id, author), &text).await.unwrap();
    }
    subject.delete(&published(20, author), 1).await.unwrap();
    let after = async |after: i64, limit: u64| {
        let found: Result<_, StoreError> =
            transact!(subject.store, |tx| { tx.articles().beginnings_after(ArticleId::new(after), limit).await });
        found.unwrap()
    };
    let beginning = |id| Beginning {
        id: ArticleId::new(id),
        preview: text.rendered.preview().to_owned(),
        teaser: text.rendered.teaser().to_owned(),
    };
    assert_eq!(after(0, 2).await, [beginning(4), beginning(7)]);
    assert_eq!(after(7, 2).await, [beginning(30)]);
    assert_eq!(after(30, 2).await, []);
}

/// Everything else stays as it was.
pub async fn a_teaser_is_written_alone(subject: Subject) {
    let author = subject.author(1).await;
    for id in [1, 2] {
        subject.insert(&published(id, author), &text("# 标题\n\n正文 **重点**。")).await.unwrap();
    }
    let (before, other) = (subject.find(ArticleId::new(1)).await.unwrap(), subject.find(ArticleId::new(2)).await);
    let done: Result<(), StoreError> =
        transact!(subject.store, |tx| { tx.articles().write_teaser(ArticleId::new(1), "开头…").await });
    done.unwrap();
    let mut after = before;
    "开头…".clone_into(&mut after.card.teaser);
    assert_eq!(subject.find(ArticleId::new(1)).await, Some(after));
    assert_eq!(subject.find(ArticleId::new(2)).await, other);
}
