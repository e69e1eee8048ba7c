//! Autosaved drafts.

use sharestack_content::model::{Draft, Summary, Title};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::{Subject, draft, now, text};

async fn put(subject: &Subject, draft: &Draft) {
    let done: Result<(), StoreError> = transact!(subject.store, |tx| { tx.drafts().put(draft).await });
    done.unwrap();
}

/// Each part may be there or not; the last draft is the one.
pub async fn a_draft_reads_back_and_is_replaced(subject: Subject) {
    let author = subject.author(1).await;
    let article = draft(1, author);
    subject.insert(&article, &text("published")).await.unwrap();
    assert_eq!(subject.queries.find_draft(article.id).await.unwrap(), None);
    let empty = Draft::empty(article.id, now());
    let full = Draft {
        title: Some(Title::parse("新标题".to_owned()).unwrap()),
        text: Some(text("**草稿**")),
        summary: Patch::Set(Summary::parse("摘要".to_owned()).unwrap()),
        ..empty.clone()
    };
    let cleared = Draft { text: Some(text("")), summary: Patch::Clear, ..empty.clone() };
    for draft in [empty, full, cleared] {
        put(&subject, &draft).await;
        assert_eq!(subject.queries.find_draft(article.id).await.unwrap(), Some(draft.clone()));
        let inside: Result<_, StoreError> = transact!(subject.store, |tx| { tx.drafts().find(article.id).await });
        assert_eq!(inside.unwrap(), Some(draft));
    }
    assert_eq!(&*subject.find(article.id).await.unwrap().source, "published");
}

/// Forgetting says whether there was something to forget.
pub async fn a_draft_is_forgotten_once(subject: Subject) {
    let author = subject.author(1).await;
    let article = draft(1, author);
    subject.insert(&article, &text("x")).await.unwrap();
    put(&subject, &Draft::empty(article.id, now())).await;
    for expected in [true, false] {
        let done: Result<bool, StoreError> = transact!(subject.store, |tx| { tx.drafts().delete(article.id).await });
        assert_eq!(done.unwrap(), expected);
    }
    assert_eq!(subject.queries.find_draft(article.id).await.unwrap(), None);
}
